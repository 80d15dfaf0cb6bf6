//! One picture of a broadcast while it runs: the first frame of what comes in.

use std::fs::File;

use ffmpeg::media::Type;
use ffmpeg_next as ffmpeg;

use satreel_film::fault::Fault;
use satreel_film::magic::Container;
use satreel_hls::naming::MediaFile;

use super::input::{self, Packets};
use super::poster;
use super::store::Store;

pub(super) fn write(film: &File, container: Container, store: &Store) -> Result<(), Fault> {
    let mut input = input::open(film, container)?;
    let stream = input.streams().best(Type::Video).ok_or(Fault::NoTrack)?;
    let index = stream.index();
    let mut packets = Packets::default();
    while let Some(packet) = packets.next(&mut input)? {
        if packet.stream() != index {
            continue;
        }
        let stream = input.stream(index).ok_or(Fault::NoTrack)?;
        let picture = poster::cover(&stream, &packet);
        let picture = picture.ok_or_else(|| Fault::damaged("its first frame cannot be drawn"))?;
        return store.write_soon(MediaFile::Poster, &poster::jpeg(picture)?);
    }
    Err(Fault::NoTrack)
}
