//! Decides a file's container by its first bytes, never by its name.
//!
//! // SECURITY: libavformat's own probing once took a text playlist named `x.mp4` for HLS and read
//! other files. What is decided here is the only demuxer that may open the file.

use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// How many bytes from the start [`identify`] looks at.
pub(crate) const HEAD: usize = 4096;

/// A container that may hold a film.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Container {
    Mp4,
    Matroska,
    Avi,
    MpegTs,
    MpegPs,
    Flv,
}

impl Container {
    /// The one libavformat demuxer for it.
    pub(crate) fn demuxer(self) -> &'static str {
        match self {
            Self::Mp4 => "mov",
            Self::Matroska => "matroska",
            Self::Avi => "avi",
            Self::MpegTs => "mpegts",
            Self::MpegPs => "mpeg",
            Self::Flv => "flv",
        }
    }
}

/// What the first bytes of a file say.
pub(crate) fn identify(head: &[u8]) -> Result<Container, Fault> {
    if head.is_empty() {
        return Err(Fault::Empty);
    }
    film(head).ok_or_else(|| refusal(head))
}

fn film(head: &[u8]) -> Option<Container> {
    match head {
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => {
            // Still pictures share the box structure.
            let picture = [&b"avif"[..], b"heic", b"heix", b"mif1"];
            (!picture.iter().any(|kind| brand.starts_with(kind))).then_some(Container::Mp4)
        }
        // QuickTime before `ftyp` existed, and files whose writer began with padding.
        [_, _, _, _, b'm', b'o', b'o', b'v', ..]
        | [_, _, _, _, b'm', b'd', b'a', b't', ..]
        | [_, _, _, _, b'w', b'i', b'd', b'e', ..] => Some(Container::Mp4),
        [0x1A, 0x45, 0xDF, 0xA3, ..] => Some(Container::Matroska),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'A',
            b'V',
            b'I',
            b' ',
            ..,
        ] => Some(Container::Avi),
        [0, 0, 1, 0xBA, ..] => Some(Container::MpegPs),
        [b'F', b'L', b'V', 1, ..] => Some(Container::Flv),
        _ => {
            (synchronised(head, 0, 188) || synchronised(head, 4, 192)).then_some(Container::MpegTs)
        }
    }
}

/// Transport packets: a sync byte at every packet's start, at least three of them.
fn synchronised(head: &[u8], offset: usize, packet: usize) -> bool {
    let mut starts = head.iter().skip(offset).step_by(packet);
    head.len() > offset + 2 * packet && starts.all(|byte| *byte == 0x47)
}

fn refusal(head: &[u8]) -> Fault {
    let audio = |container: &str| Fault::AudioOnly {
        container: container.to_owned(),
    };
    match head {
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'A',
            b'V',
            b'E',
            ..,
        ] => audio("a WAV file"),
        [b'f', b'L', b'a', b'C', ..] => audio("a FLAC file"),
        [b'O', b'g', b'g', b'S', ..] => audio("an Ogg file"),
        [b'I', b'D', b'3', ..] => audio("an MP3 file"),
        [0xFF, second, ..] if second & 0xE0 == 0xE0 && second & 0x06 != 0 => audio("an MP3 file"),
        _ if playlist(head) => Fault::Playlist,
        _ => Fault::NotVideo,
    }
}

fn playlist(head: &[u8]) -> bool {
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
    let text = text.trim_ascii_start();
    [
        &b"#EXTM3U"[..],
        b"ffconcat",
        b"[playlist]",
        b"<MPD",
        b"<?xml",
        b"file ",
    ]
    .iter()
    .any(|start| text.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transport(offset: usize, packet: usize) -> Vec<u8> {
        (0..HEAD)
            .map(|at| if at % packet == offset { 0x47 } else { 0 })
            .collect()
    }

    #[test]
    fn films_are_known_by_their_first_bytes() {
        for (head, expected) in [
            (b"\0\0\0\x20ftypisom".to_vec(), Container::Mp4),
            (b"\0\0\0\x14ftypqt  ".to_vec(), Container::Mp4),
            (b"\0\0\0\x08wide\0\0".to_vec(), Container::Mp4),
            (b"\x1A\x45\xDF\xA3\x01".to_vec(), Container::Matroska),
            (b"RIFF\0\0\0\0AVI LIST".to_vec(), Container::Avi),
            (b"\0\0\x01\xBA\x44".to_vec(), Container::MpegPs),
            (b"FLV\x01\x05".to_vec(), Container::Flv),
            (transport(0, 188), Container::MpegTs),
            (transport(4, 192), Container::MpegTs),
        ] {
            assert_eq!(identify(&head), Ok(expected), "{:?}", &head[..5]);
        }
    }

    #[test]
    fn everything_else_is_refused_with_the_right_words() {
        let sound = |container: &str| Fault::AudioOnly {
            container: container.to_owned(),
        };
        for (head, expected) in [
            (&b""[..], Fault::Empty),
            (b"#EXTM3U\n#EXTINF:2,\nfile:///etc/passwd", Fault::Playlist),
            (b"\xEF\xBB\xBF\n#EXTM3U", Fault::Playlist),
            (b"ffconcat version 1.0\nfile x", Fault::Playlist),
            (b"<?xml version=\"1.0\"?><MPD>", Fault::Playlist),
            (b"RIFF\0\0\0\0WAVEfmt ", sound("a WAV file")),
            (b"fLaC\0", sound("a FLAC file")),
            (b"OggS\0", sound("an Ogg file")),
            (b"ID3\x04", sound("an MP3 file")),
            (b"\xFF\xFB\x90\x00", sound("an MP3 file")),
            (b"\xFF\xD8\xFF\xE0 JFIF", Fault::NotVideo),
            (b"\0\0\0\x1cftypavif", Fault::NotVideo),
            (b"\x89PNG", Fault::NotVideo),
            (b"G", Fault::NotVideo),
            (b"hello", Fault::NotVideo),
        ] {
            assert_eq!(identify(head), Err(expected), "{head:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(head in proptest::collection::vec(proptest::num::u8::ANY, 0..600)) {
            let _ = identify(&head);
        }
    }
}
