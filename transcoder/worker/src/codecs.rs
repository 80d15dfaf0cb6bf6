//! What this machine's FFmpeg can do of what we may ask of it: the answer to the argument `codecs`.
//! No film is read for it.

use ffmpeg::codec::Id;
use ffmpeg::{codec, decoder, encoder, filter};
use ffmpeg_next as ffmpeg;
use satreel_film::protocol::{Abilities, Kind, Lack};

/// Without these no film is made, whatever it is.
const ENCODERS: [&str; 3] = ["libx264", "aac", "mjpeg"];
const FILTERS: [&str; 11] = [
    "buffer",
    "buffersink",
    "abuffer",
    "abuffersink",
    "scale",
    "setsar",
    "format",
    "aresample",
    "aformat",
    "apad",
    "atrim",
];
/// What most films and all broadcasts come in.
const USUAL: [(Id, &str); 2] = [(Id::H264, "h264"), (Id::AAC, "aac")];

/// Without these some are refused.
const DECODERS: [(Id, &str); 20] = [
    (Id::HEVC, "hevc"),
    (Id::VP8, "vp8"),
    (Id::VP9, "vp9"),
    (Id::AV1, "av1"),
    (Id::MPEG1VIDEO, "mpeg1video"),
    (Id::MPEG2VIDEO, "mpeg2video"),
    (Id::MPEG4, "mpeg4"),
    (Id::PRORES, "prores"),
    (Id::MJPEG, "mjpeg"),
    (Id::PNG, "png"),
    (Id::WEBP, "webp"),
    (Id::MP3, "mp3"),
    (Id::OPUS, "opus"),
    (Id::VORBIS, "vorbis"),
    (Id::FLAC, "flac"),
    (Id::AC3, "ac3"),
    (Id::EAC3, "eac3"),
    (Id::PCM_S16LE, "pcm_s16le"),
    (Id::ASS, "ass"),
    (Id::MOV_TEXT, "mov_text"),
];
/// Interlaced and turned pictures, HDR, loudness.
const SPECIAL_FILTERS: [&str; 9] = [
    "bwdif",
    "transpose",
    "hflip",
    "vflip",
    "zscale",
    "tonemap",
    "ebur128",
    "volume",
    "alimiter",
];

/// What it has and what it lacks.
pub(crate) fn abilities() -> Abilities {
    let encoders = ENCODERS.map(|name| (Kind::Encoder, name, true, has_encoder(name)));
    let filters = FILTERS.map(|name| (Kind::Filter, name, true, has_filter(name)));
    let usual = USUAL.map(|(id, name)| (Kind::Decoder, name, true, has_decoder(id)));
    let decoders = DECODERS.map(|(id, name)| (Kind::Decoder, name, false, has_decoder(id)));
    let special = SPECIAL_FILTERS.map(|name| (Kind::Filter, name, false, has_filter(name)));
    let all = encoders.into_iter().chain(filters).chain(usual);
    let all = all.chain(decoders).chain(special);
    let (mut has, mut lacks) = (0, Vec::new());
    for (kind, name, is_vital, is_there) in all {
        if is_there {
            has += 1;
        } else {
            let name = name.to_owned();
            lacks.push(Lack {
                kind,
                name,
                is_vital,
            });
        }
    }
    Abilities {
        libavcodec: version(codec::version()),
        has,
        lacks,
    }
}

fn has_encoder(name: &str) -> bool {
    encoder::find_by_name(name).is_some()
}

fn has_decoder(id: Id) -> bool {
    decoder::find(id).is_some()
}

fn has_filter(name: &str) -> bool {
    filter::find(name).is_some()
}

/// As FFmpeg writes it: a byte each for the last two parts.
fn version(number: u32) -> String {
    let (major, minor, micro) = (number >> 16, number >> 8 & 0xff, number & 0xff);
    format!("{major}.{minor}.{micro}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On the FFmpeg that everything here is tried with.
    #[test]
    fn debians_ffmpeg_has_it_all() {
        let abilities = abilities();
        assert_eq!(abilities.lacks, []);
        assert_eq!(abilities.has, 45);
        assert!(abilities.libavcodec.split('.').count() == 3);
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        assert!(!has_encoder("libx266"));
        assert!(!has_filter("scale_by_hand"));
        assert!(!has_decoder(Id::None));
    }

    #[test]
    fn versions_are_written_as_ffmpeg_does() {
        assert_eq!(version(0x003b_2564), "59.37.100");
    }
}
