//! The names of the files in a title's folder, parsed into a closed set.
//!
//! Whatever does not parse here is never served: `title.json`, job files, temporary files and
//! other titles' files are unreachable because no [`MediaFile`] names them.

use std::{fmt, str::FromStr};

/// Longest file name that parses, in bytes.
pub const MAX_NAME: usize = 64;

/// A title's id: the first 16 hex digits of its source's SHA-256 (a broadcast: 16 random ones).
/// The id is the folder's name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VideoId([u8; 8]);

impl VideoId {
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }

    /// The id of a source with this SHA-256.
    pub fn of_sha256(digest: &[u8; 32]) -> Self {
        let mut id = [0; 8];
        id.copy_from_slice(&digest[..8]);
        Self(id)
    }
}

impl fmt::Display for VideoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for VideoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VideoId({self})")
    }
}

/// Not 16 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a title's id is 16 lower-case hex digits")]
pub struct InvalidId;

impl FromStr for VideoId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let text = text.as_bytes();
        if text.len() != 16 {
            return Err(InvalidId);
        }
        let mut id = [0; 8];
        for (byte, pair) in id.iter_mut().zip(text.chunks_exact(2)) {
            *byte = hex_digit(pair[0])? << 4 | hex_digit(pair[1])?;
        }
        Ok(Self(id))
    }
}

fn hex_digit(digit: u8) -> Result<u8, InvalidId> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(InvalidId),
    }
}

impl TryFrom<String> for VideoId {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<VideoId> for String {
    fn from(id: VideoId) -> Self {
        id.to_string()
    }
}

impl serde::Serialize for VideoId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for VideoId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// One variant or rendition: `v720`, `a`, `v720g2`. A lower-case letter, then up to 15 lower-case
/// letters and digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrackName {
    bytes: [u8; 16],
    length: u8,
}

impl TrackName {
    pub fn as_str(&self) -> &str {
        // Only ASCII is ever stored.
        std::str::from_utf8(&self.bytes[..usize::from(self.length)]).unwrap_or_default()
    }
}

impl fmt::Display for TrackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for TrackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrackName({self})")
    }
}

impl serde::Serialize for TrackName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for TrackName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl FromStr for TrackName {
    type Err = UnknownFile;

    fn from_str(text: &str) -> Result<Self, UnknownFile> {
        let mut bytes = [0; 16];
        let starts_well = text.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
        if !starts_well
            || text.len() > bytes.len()
            || !text
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        {
            return Err(UnknownFile);
        }
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        let length = u8::try_from(text.len()).map_err(|_| UnknownFile)?;
        Ok(Self { bytes, length })
    }
}

/// A name that is none of a title's media files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no file of a title has this name")]
pub struct UnknownFile;

/// A media file of a title, by what it is. `Display` renders the file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaFile {
    /// `master.m3u8`: the multivariant playlist.
    Master,
    /// `<track>.m3u8`: a media playlist.
    Playlist(TrackName),
    /// `<track>-init.mp4`: a track's init segment (RFC 8216 §4.4.4.5).
    Init(TrackName),
    /// `<track>-<number>.mp4`: the init segment from a broadcast's change of format on, from 1.
    Reinit(TrackName, u32),
    /// `<track>-<number>.m4s`: a media segment, numbered from 0 alike in all tracks of a title.
    Segment(TrackName, u32),
    /// `<track>-<number>.<part>.m4s`: a part of a broadcast's segment, both numbered from 0.
    Part(TrackName, u32, u32),
    /// `<track>-<number>.vtt`: a segment of captions, numbered like the media segments.
    Caption(TrackName, u32),
    /// `chapters.vtt`: the names of a film's parts.
    Chapters,
    /// `storyboard.vtt`: which small picture belongs to which time.
    Storyboard,
    /// `sprite-<number>.jpg`: many small pictures on one sheet.
    Sprite(u32),
    /// `poster-<number>.jpg`: pictures that the creator may choose the poster from.
    Choice(u32),
    /// `hover.mp4`: a few seconds of the free part, without sound, free to everybody.
    Hover,
    /// `waveform.svg`: what a recording looks like.
    Waveform,
    /// `poster.jpg`: the picture on the storefront, free to everybody.
    Poster,
}

impl MediaFile {
    /// Of a segment of whatever kind: its place in the title.
    pub const fn segment_number(self) -> Option<u32> {
        match self {
            Self::Segment(_, number) | Self::Part(_, number, _) | Self::Caption(_, number) => {
                Some(number)
            }
            Self::Master
            | Self::Playlist(_)
            | Self::Init(_)
            | Self::Reinit(..)
            | Self::Chapters
            | Self::Storyboard
            | Self::Sprite(_)
            | Self::Choice(_)
            | Self::Hover
            | Self::Waveform
            | Self::Poster => None,
        }
    }

    /// Whether it shows what lies anywhere in the film: nothing for those who see its free part.
    pub const fn shows_all(self) -> bool {
        match self {
            Self::Storyboard | Self::Sprite(_) | Self::Choice(_) => true,
            Self::Master
            | Self::Playlist(_)
            | Self::Init(_)
            | Self::Reinit(..)
            | Self::Segment(..)
            | Self::Part(..)
            | Self::Caption(..)
            | Self::Chapters
            | Self::Hover
            | Self::Waveform
            | Self::Poster => false,
        }
    }
}

impl fmt::Display for MediaFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Master => f.write_str("master.m3u8"),
            Self::Playlist(track) => write!(f, "{track}.m3u8"),
            Self::Init(track) => write!(f, "{track}-init.mp4"),
            Self::Reinit(track, number) => write!(f, "{track}-{number}.mp4"),
            Self::Segment(track, number) => write!(f, "{track}-{number}.m4s"),
            Self::Part(track, number, part) => write!(f, "{track}-{number}.{part}.m4s"),
            Self::Caption(track, number) => write!(f, "{track}-{number}.vtt"),
            Self::Chapters => f.write_str("chapters.vtt"),
            Self::Storyboard => f.write_str("storyboard.vtt"),
            Self::Sprite(number) => write!(f, "sprite-{number}.jpg"),
            Self::Choice(number) => write!(f, "poster-{number}.jpg"),
            Self::Hover => f.write_str("hover.mp4"),
            Self::Waveform => f.write_str("waveform.svg"),
            Self::Poster => f.write_str("poster.jpg"),
        }
    }
}

impl FromStr for MediaFile {
    type Err = UnknownFile;

    fn from_str(name: &str) -> Result<Self, UnknownFile> {
        if name.len() > MAX_NAME {
            return Err(UnknownFile);
        }
        match name {
            "master.m3u8" => return Ok(Self::Master),
            "poster.jpg" => return Ok(Self::Poster),
            "chapters.vtt" => return Ok(Self::Chapters),
            "storyboard.vtt" => return Ok(Self::Storyboard),
            "hover.mp4" => return Ok(Self::Hover),
            "waveform.svg" => return Ok(Self::Waveform),
            _ => {}
        }
        if let Some(track) = name.strip_suffix(".m3u8") {
            return Ok(Self::Playlist(track.parse()?));
        }
        if let Some(track) = name.strip_suffix("-init.mp4") {
            return Ok(Self::Init(track.parse()?));
        }
        let (stem, end) = name.rsplit_once('.').ok_or(UnknownFile)?;
        let (track, number) = stem.split_once('-').ok_or(UnknownFile)?;
        if let ("m4s", Some((number, part))) = (end, number.split_once('.')) {
            let (number, part) = (segment_number(number)?, segment_number(part)?);
            return Ok(Self::Part(track.parse()?, number, part));
        }
        let number = segment_number(number)?;
        match (end, track) {
            ("mp4", track) if number > 0 => Ok(Self::Reinit(track.parse()?, number)),
            ("m4s", track) => Ok(Self::Segment(track.parse()?, number)),
            ("vtt", track) => Ok(Self::Caption(track.parse()?, number)),
            ("jpg", "sprite") => Ok(Self::Sprite(number)),
            ("jpg", "poster") => Ok(Self::Choice(number)),
            _ => Err(UnknownFile),
        }
    }
}

/// One spelling a number, so that one file has one URL: no sign, no leading zero.
fn segment_number(text: &str) -> Result<u32, UnknownFile> {
    let canonical = text == "0" || !text.starts_with('0');
    if !canonical || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(UnknownFile);
    }
    text.parse().map_err(|_| UnknownFile)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_a_title_survives_the_round_trip() {
        for name in [
            "master.m3u8",
            "v720.m3u8",
            "a.m3u8",
            "v720-init.mp4",
            "v720-0.m4s",
            "v1080g2-4294967295.m4s",
            "v-7.0.m4s",
            "v-1.mp4",
            "s2-0.vtt",
            "chapters.vtt",
            "storyboard.vtt",
            "sprite-3.jpg",
            "poster-1.jpg",
            "hover.mp4",
            "waveform.svg",
            "poster.jpg",
        ] {
            let file: MediaFile = name.parse().expect(name);
            assert_eq!(file.to_string(), name);
        }
    }

    #[test]
    fn nothing_else_is_a_media_file() {
        for name in [
            "",
            ".",
            "..",
            "title.json",
            "job.json",
            "v720-00.m4s",
            "v-0.00.m4s",
            "v-0.0.0.m4s",
            "v-0..m4s",
            "v-0.0.vtt",
            "v-0.mp4",
            "v720-+1.m4s",
            "v720-.m4s",
            "v720-4294967296.m4s",
            "V720.m3u8",
            "7.m3u8",
            ".m3u8",
            "-init.mp4",
            "v720-0.m4s.tmp",
            "../x.m3u8",
            "v720\0.m3u8",
            "poster.jpg ",
            "sprite.jpg",
            "sprite-01.jpg",
            "v720-0.jpg",
            "v12345678901234567.m3u8",
        ] {
            assert_eq!(name.parse::<MediaFile>(), Err(UnknownFile), "{name:?}");
        }
    }

    #[test]
    fn segments_of_every_kind_have_their_number() {
        for (name, expected) in [
            ("v720-7.m4s", Some(7)),
            ("v-7.3.m4s", Some(7)),
            ("s-7.vtt", Some(7)),
            ("v720-init.mp4", None),
            ("chapters.vtt", None),
            ("v720.m3u8", None),
        ] {
            let file: MediaFile = name.parse().expect(name);
            assert_eq!(file.segment_number(), expected, "{name}");
        }
    }

    #[test]
    fn ids_are_sixteen_lower_case_digits() {
        let id: VideoId = "00ff10a9bcdef012".parse().expect("an id");
        assert_eq!(id.to_string(), "00ff10a9bcdef012");
        for text in [
            "",
            "00FF10a9bcdef012",
            "00ff10a9bcdef01",
            "00ff10a9bcdef0123",
            "zzff10a9bcdef012",
        ] {
            assert_eq!(text.parse::<VideoId>(), Err(InvalidId), "{text:?}");
        }
    }
}
