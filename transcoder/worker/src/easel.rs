//! A picture from somebody's own hands, drawn anew as a poster: no larger than it is shown, upright,
//! and with nothing of what cameras and programs write beside a picture.
//!
//! No demuxer has a part in it: the file is one packet for the one decoder that its first bytes name.

use std::fs::File;
use std::io::Read as _;

use ffmpeg::codec::{self, decoder};
use ffmpeg::{Dictionary, Packet};
use ffmpeg_next as ffmpeg;

use satreel_film::fault::Fault;
use satreel_film::magic::Image;
use satreel_film::protocol::PosterOrder;
use satreel_hls::job::MAX_PICTURE_BYTES;
use satreel_hls::naming::MediaFile;

use super::picture::MOST_PIXELS;
use super::poster;
use super::store::Store;

pub(super) fn draw(order: &PosterOrder, file: &File) -> Result<(), Fault> {
    let mut bytes = Vec::new();
    file.take(MAX_PICTURE_BYTES)
        .read_to_end(&mut bytes)
        .map_err(|error| Fault::reading(&error))?;
    let picture = poster::alone(open(order.image)?, &Packet::copy(&bytes));
    let picture = picture.ok_or_else(|| {
        Fault::damaged("it can't be drawn: give one picture of at most 36 megapixels")
    })?;
    Store::new(&order.output).write(MediaFile::Poster, &poster::jpeg(picture)?)
}

fn open(image: Image) -> Result<decoder::Video, Fault> {
    let id = match image {
        Image::Jpeg => codec::Id::MJPEG,
        Image::Png => codec::Id::PNG,
        Image::Webp => codec::Id::WEBP,
    };
    let codec = decoder::find(id).ok_or_else(|| Fault::UnknownCodec {
        codec: id.name().to_owned(),
    })?;
    let mut options = Dictionary::new();
    // SECURITY: a small file may declare a picture that fills all memory.
    options.set("max_pixels", MOST_PIXELS);
    codec::Context::new_with_codec(codec)
        .decoder()
        .open_as_with(codec, options)
        .and_then(decoder::Opened::video)
        .map_err(Fault::damaged)
}
