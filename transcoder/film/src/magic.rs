//! Decides a file's container by its first bytes, never by its name.
//!
//! // SECURITY: libavformat's own probing once took a text playlist named `x.mp4` for HLS and read
//! other files. What is decided here is the only demuxer that may open the file.

use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// How many bytes from the start [`identify`] looks at.
pub const HEAD: usize = 4096;

/// A container that may hold a film or a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Container {
    Mp4,
    Matroska,
    Avi,
    MpegTs,
    MpegPs,
    Flv,
    Mp3,
    Aac,
    Flac,
    Ogg,
    Wav,
}

impl Container {
    /// The one libavformat demuxer for it.
    pub fn demuxer(self) -> &'static str {
        match self {
            Self::Mp4 => "mov",
            Self::Matroska => "matroska",
            Self::Avi => "avi",
            Self::MpegTs => "mpegts",
            Self::MpegPs => "mpeg",
            Self::Flv => "flv",
            Self::Mp3 => "mp3",
            Self::Aac => "aac",
            Self::Flac => "flac",
            Self::Ogg => "ogg",
            Self::Wav => "wav",
        }
    }
}

/// What the first bytes of a file say.
pub fn identify(head: &[u8]) -> Result<Container, Fault> {
    if head.is_empty() {
        return Err(Fault::Empty);
    }
    let known = film(head).or_else(|| recording(head));
    known.ok_or_else(|| {
        if playlist(head) {
            Fault::Playlist
        } else {
            Fault::NotMedia
        }
    })
}

/// A picture that may become a poster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Image {
    Jpeg,
    Png,
    Webp,
}

/// What the first bytes of a picture say.
pub fn image(head: &[u8]) -> Option<Image> {
    match head {
        [0xFF, 0xD8, 0xFF, ..] => Some(Image::Jpeg),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some(Image::Png),
        _ if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WEBP") => Some(Image::Webp),
        _ => None,
    }
}

fn film(head: &[u8]) -> Option<Container> {
    match head {
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => {
            // Image pictures share the box structure.
            let picture = [&b"avif"[..], b"heic", b"heix", b"mif1"];
            (!picture.iter().any(|kind| brand.starts_with(kind))).then_some(Container::Mp4)
        }
        // QuickTime before `ftyp` existed, and files whose writer began with padding.
        [_, _, _, _, b'm', b'o', b'o', b'v', ..]
        | [_, _, _, _, b'm', b'd', b'a', b't', ..]
        | [_, _, _, _, b'w', b'i', b'd', b'e', ..] => Some(Container::Mp4),
        [0x1A, 0x45, 0xDF, 0xA3, ..] => Some(Container::Matroska),
        _ if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"AVI ") => Some(Container::Avi),
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

fn recording(head: &[u8]) -> Option<Container> {
    match head {
        [b'f', b'L', b'a', b'C', ..] => Some(Container::Flac),
        [b'O', b'g', b'g', b'S', ..] => Some(Container::Ogg),
        [b'I', b'D', b'3', 2..=4, ..] => Some(Container::Mp3),
        // Twelve set bits, then MPEG audio's layer: 0 is ADTS, others are MP3 and its kin.
        [0xFF, second, ..] if second & 0xF6 == 0xF0 => Some(Container::Aac),
        [0xFF, second, third, ..]
            if second & 0xE0 == 0xE0 && matches!(second & 6, 2 | 4) && third & 0xF0 != 0xF0 =>
        {
            Some(Container::Mp3)
        }
        _ if head.starts_with(b"RIFF") && head.get(8..12) == Some(b"WAVE") => Some(Container::Wav),
        _ => None,
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

    #[test]
    fn pictures_are_known_by_their_first_bytes() {
        for (head, expected) in [
            (&b"\xFF\xD8\xFF\xE0"[..], Some(Image::Jpeg)),
            (b"\x89PNG\r\n\x1A\n\0", Some(Image::Png)),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some(Image::Webp)),
            (b"RIFF\0\0\0\0WAVEfmt ", None),
            (b"GIF89a", None),
            (b"<svg onload=x>", None),
            (b"\xFF\xD8", None),
            (b"", None),
        ] {
            assert_eq!(image(head), expected, "{head:?}");
        }
    }

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
            (b"RIFF\0\0\0\0WAVEfmt ".to_vec(), Container::Wav),
            (b"fLaC\0\0".to_vec(), Container::Flac),
            (b"OggS\0\0".to_vec(), Container::Ogg),
            (b"ID3\x04\0\0".to_vec(), Container::Mp3),
            (b"\xFF\xFB\x90\x00\0".to_vec(), Container::Mp3),
            (b"\xFF\xF1\x50\x80\0".to_vec(), Container::Aac),
            (transport(0, 188), Container::MpegTs),
            (transport(4, 192), Container::MpegTs),
        ] {
            assert_eq!(identify(&head), Ok(expected), "{:?}", &head[..5]);
        }
    }

    #[test]
    fn everything_else_is_refused_with_the_right_words() {
        for (head, expected) in [
            (&b""[..], Fault::Empty),
            (b"#EXTM3U\n#EXTINF:2,\nfile:///etc/passwd", Fault::Playlist),
            (b"\xEF\xBB\xBF\n#EXTM3U", Fault::Playlist),
            (b"ffconcat version 1.0\nfile x", Fault::Playlist),
            (b"<?xml version=\"1.0\"?><MPD>", Fault::Playlist),
            (b"\xFF\xD8\xFF\xE0 JFIF", Fault::NotMedia),
            (b"\xFF\xFE\x23\x00", Fault::NotMedia),
            (b"ID3", Fault::NotMedia),
            (b"\0\0\0\x1cftypavif", Fault::NotMedia),
            (b"\x89PNG", Fault::NotMedia),
            (b"G", Fault::NotMedia),
            (b"hello", Fault::NotMedia),
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
