//! One picture of a broadcast while it runs: the first frame of what comes in.

use ffmpeg::media::Type;
use ffmpeg_next as ffmpeg;

use satreel_film::fault::Fault;
use satreel_hls::naming::MediaFile;

use super::input::{Film, Packets};
use super::poster;
use super::store::Store;

pub(super) fn write(film: &Film, store: &Store) -> Result<(), Fault> {
    let mut input = film.open()?;
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
