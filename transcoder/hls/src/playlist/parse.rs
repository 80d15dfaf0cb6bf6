//! Parses media playlists of our own making, and nothing else.
//!
//! Strict on purpose: a tag or a name that [`MediaPlaylist`] would not render is a fault, because
//! whoever truncates a playlist must not drop what it does not understand. Never panics.

use super::media::{Kind, MAX_SEGMENT_US, MAX_SEGMENTS, MediaPlaylist, Segment, round_to_seconds};
use crate::naming::{MediaFile, TrackName};

/// What is wrong, and in which line (from 1).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct ParseError {
    pub line: usize,
    pub fault: Fault,
}

/// What can be wrong with a media playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("a playlist begins with #EXTM3U")]
    NotAPlaylist,
    #[error("this tag is not known")]
    UnknownTag,
    #[error("this tag stands twice or too late")]
    Misplaced,
    #[error("this tag's value cannot be read")]
    BadValue,
    #[error("this is not the name of one of the track's segments")]
    BadName,
    #[error("a segment needs an #EXTINF before it")]
    NoDuration,
    #[error("the segment is longer than the target duration")]
    TooLong,
    #[error("an #EXTINF needs a segment after it")]
    NoSegment,
    #[error("nothing may follow #EXT-X-ENDLIST")]
    AfterEnd,
    #[error("the playlist lists too many segments")]
    TooMany,
    #[error("#EXT-X-TARGETDURATION, #EXT-X-MAP or, in a finished list, #EXT-X-ENDLIST is missing")]
    Incomplete,
}

/// Reads what `MediaPlaylist`'s `Display` wrote.
pub fn parse_media(text: &str) -> Result<MediaPlaylist, ParseError> {
    let mut draft = Draft::default();
    let mut last = 0;
    for (line, content) in (1..).zip(text.lines()) {
        last = line;
        draft
            .read(line, content)
            .map_err(|fault| ParseError { line, fault })?;
    }
    draft.finish().map_err(|fault| ParseError {
        line: last.max(1),
        fault,
    })
}

/// A playlist half read.
#[derive(Default)]
struct Draft {
    version: Option<()>,
    kind: Option<Kind>,
    media_sequence: Option<u64>,
    target_s: Option<u64>,
    independent: Option<()>,
    start: Option<()>,
    init: Option<MediaFile>,
    pending_us: Option<u64>,
    /// A discontinuity stands before the next segment …
    is_cut: bool,
    /// … and then the init segment that counts from there on.
    cut: Option<MediaFile>,
    segments: Vec<Segment>,
    ended: bool,
}

impl Draft {
    fn read(&mut self, line: usize, content: &str) -> Result<(), Fault> {
        if line == 1 {
            return (content == "#EXTM3U")
                .then_some(())
                .ok_or(Fault::NotAPlaylist);
        }
        if self.ended {
            return Err(Fault::AfterEnd);
        }
        if let Some(duration) = content.strip_prefix("#EXTINF:") {
            return self.duration(duration);
        }
        if !content.starts_with('#') {
            return self.segment(content);
        }
        if content == "#EXT-X-ENDLIST" {
            self.ended = true;
            return Ok(());
        }
        if self.between(content)? {
            return Ok(());
        }
        // Everything else describes the whole playlist and stands before the first segment.
        if self.pending_us.is_some() || !self.segments.is_empty() {
            return Err(Fault::Misplaced);
        }
        self.header(content)
    }

    /// A discontinuity and its init segment, which stand between segments. False: neither.
    fn between(&mut self, content: &str) -> Result<bool, Fault> {
        let here = self.init.is_some() && !self.segments.is_empty() && self.pending_us.is_none();
        if !here {
            return Ok(false);
        }
        if content == "#EXT-X-DISCONTINUITY" && !self.is_cut {
            self.is_cut = true;
            return Ok(true);
        }
        match content.strip_prefix("#EXT-X-MAP:") {
            Some(value) if self.is_cut => {
                let cut = init(value)?;
                if track_of(cut) != self.init.and_then(track_of) {
                    return Err(Fault::BadName);
                }
                once(&mut self.cut, cut).map(|()| true)
            }
            _ => Ok(false),
        }
    }

    fn header(&mut self, content: &str) -> Result<(), Fault> {
        let (tag, value) = content.split_once(':').unwrap_or((content, ""));
        match tag {
            "#EXT-X-VERSION" => {
                let known = (value == "7").then_some(());
                once(&mut self.version, known.ok_or(Fault::BadValue)?)
            }
            "#EXT-X-TARGETDURATION" => once(&mut self.target_s, integer(value)?),
            "#EXT-X-MEDIA-SEQUENCE" => once(&mut self.media_sequence, integer(value)?),
            "#EXT-X-PLAYLIST-TYPE" => once(&mut self.kind, kind(value)?),
            "#EXT-X-INDEPENDENT-SEGMENTS" if value.is_empty() => once(&mut self.independent, ()),
            "#EXT-X-START" => {
                let known = (value == "TIME-OFFSET=0").then_some(());
                once(&mut self.start, known.ok_or(Fault::BadValue)?)
            }
            "#EXT-X-MAP" => once(&mut self.init, init(value)?),
            _ => Err(Fault::UnknownTag),
        }
    }

    fn duration(&mut self, value: &str) -> Result<(), Fault> {
        let target = self.target_s.ok_or(Fault::Incomplete)?;
        let duration = microseconds(value.strip_suffix(',').ok_or(Fault::BadValue)?)?;
        if round_to_seconds(duration) > target {
            return Err(Fault::TooLong);
        }
        if self.is_cut && self.cut.is_none() {
            return Err(Fault::Incomplete);
        }
        once(&mut self.pending_us, duration)
    }

    fn segment(&mut self, name: &str) -> Result<(), Fault> {
        let uri: MediaFile = name.parse().map_err(|_| Fault::BadName)?;
        if !self.is_ours(uri) {
            return Err(Fault::BadName);
        }
        if self.segments.len() >= MAX_SEGMENTS {
            return Err(Fault::TooMany);
        }
        let duration_us = self.pending_us.take().ok_or(Fault::NoDuration)?;
        self.is_cut = false;
        self.segments.push(Segment {
            duration_us,
            uri,
            cut: self.cut.take(),
        });
        Ok(())
    }

    /// Of the init segment's track; without one, captions of the same track as those before.
    fn is_ours(&self, uri: MediaFile) -> bool {
        let before = self.segments.first().map(|first| first.uri);
        match (self.init, before, uri) {
            (
                Some(MediaFile::Init(track) | MediaFile::Reinit(track, _)),
                _,
                MediaFile::Segment(of, _),
            )
            | (None, Some(MediaFile::Caption(track, _)), MediaFile::Caption(of, _)) => of == track,
            (None, None, MediaFile::Caption(..)) => true,
            _ => false,
        }
    }

    fn finish(self) -> Result<MediaPlaylist, Fault> {
        if self.pending_us.is_some() || self.is_cut {
            return Err(Fault::NoSegment);
        }
        let kind = self.kind.unwrap_or(Kind::Live);
        let known = self.init.is_some() || !self.segments.is_empty();
        match self.target_s {
            Some(target_s) if known && (self.ended || kind != Kind::Vod) => Ok(MediaPlaylist {
                kind,
                media_sequence: self.media_sequence.unwrap_or(0),
                target_s,
                init: self.init,
                segments: self.segments,
                ended: self.ended,
            }),
            _ => Err(Fault::Incomplete),
        }
    }
}

fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), Fault> {
    if slot.is_some() {
        return Err(Fault::Misplaced);
    }
    *slot = Some(value);
    Ok(())
}

fn kind(value: &str) -> Result<Kind, Fault> {
    match value {
        "VOD" => Ok(Kind::Vod),
        "EVENT" => Ok(Kind::Event),
        _ => Err(Fault::BadValue),
    }
}

fn init(value: &str) -> Result<MediaFile, Fault> {
    let name = value
        .strip_prefix("URI=\"")
        .and_then(|rest| rest.strip_suffix('"'))
        .ok_or(Fault::BadValue)?;
    match name.parse() {
        Ok(file @ (MediaFile::Init(_) | MediaFile::Reinit(..))) => Ok(file),
        _ => Err(Fault::BadName),
    }
}

fn track_of(init: MediaFile) -> Option<TrackName> {
    match init {
        MediaFile::Init(track) | MediaFile::Reinit(track, _) => Some(track),
        _ => None,
    }
}

/// Digits only: `u64`'s own parser also takes a plus sign.
fn integer(text: &str) -> Result<u64, Fault> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Fault::BadValue);
    }
    text.parse().map_err(|_| Fault::BadValue)
}

/// `12.345678`: seconds with exactly six decimals.
fn microseconds(text: &str) -> Result<u64, Fault> {
    let (seconds, decimals) = text.split_once('.').ok_or(Fault::BadValue)?;
    if decimals.len() != 6 {
        return Err(Fault::BadValue);
    }
    integer(seconds)?
        .checked_mul(1_000_000)
        .and_then(|us| us.checked_add(integer(decimals).ok()?))
        .filter(|us| *us <= MAX_SEGMENT_US)
        .ok_or(Fault::BadValue)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str =
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:6\n#EXT-X-MAP:URI=\"a-init.mp4\"\n";

    #[test]
    fn faults_have_a_line_and_a_reason() {
        for (rest, line, fault) in [
            ("#EXTINF:2.000000,\n../x.m4s\n", 6, Fault::BadName),
            ("#EXTINF:2.000000,\nv720-0.m4s\n", 6, Fault::BadName),
            ("#EXTINF:2.000000,\na.m3u8\n", 6, Fault::BadName),
            ("a-0.m4s\n", 5, Fault::NoDuration),
            ("#EXTINF:2.0,\na-0.m4s\n", 5, Fault::BadValue),
            ("#EXTINF:-2.000000,\na-0.m4s\n", 5, Fault::BadValue),
            ("#EXTINF:6.500000,\na-0.m4s\n", 5, Fault::TooLong),
            ("#EXTINF:2.000000,\n", 5, Fault::NoSegment),
            (
                "#EXTINF:2.000000,\n#EXTINF:2.000000,\n",
                6,
                Fault::Misplaced,
            ),
            ("#EXT-X-KEY:METHOD=NONE\n", 5, Fault::UnknownTag),
            ("#EXT-X-VERSION:7\n", 5, Fault::Misplaced),
            ("#EXT-X-ENDLIST\n\n", 6, Fault::AfterEnd),
            ("#EXT-X-PLAYLIST-TYPE:VOD\n", 5, Fault::Incomplete),
        ] {
            let found = parse_media(&format!("{HEAD}{rest}"));
            assert_eq!(found, Err(ParseError { line, fault }), "{rest:?}");
        }
        for text in ["", "\n", "<html>", "#EXTM3U8\n"] {
            let found = parse_media(text).expect_err(text);
            assert_eq!(found.line, 1, "{text:?}");
        }
    }

    #[test]
    fn a_recording_may_change_its_format() {
        let one = "#EXTINF:2.000000,\na-0.m4s\n";
        let cut = "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"a-1.mp4\"\n#EXTINF:2.000000,\na-1.m4s\n";
        let text = format!("{HEAD}{one}{cut}#EXT-X-ENDLIST\n");
        let found = parse_media(&text).expect("a playlist");
        let init: MediaFile = "a-1.mp4".parse().expect("a name");
        assert_eq!(found.segments[1].cut, Some(init));
        assert!(found.to_string().contains(cut));
        for (rest, fault) in [
            ("#EXT-X-DISCONTINUITY\n", Fault::NoSegment),
            (
                "#EXT-X-DISCONTINUITY\n#EXTINF:2.000000,\n",
                Fault::Incomplete,
            ),
            (
                "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"b-1.mp4\"\n",
                Fault::BadName,
            ),
            ("#EXT-X-MAP:URI=\"a-1.mp4\"\n", Fault::Misplaced),
        ] {
            let found = parse_media(&format!("{HEAD}{one}{rest}")).expect_err(rest);
            assert_eq!(found.fault, fault, "{rest:?}");
        }
    }

    fn playlists() -> impl Strategy<Value = MediaPlaylist> {
        let durations = proptest::collection::vec(0..=MAX_SEGMENT_US, 0..40);
        (durations, any::<bool>(), any::<bool>(), 0_u64..1000).prop_map(
            |(durations, live, captions, first)| {
                let boundaries: Vec<u64> = std::iter::once(0)
                    .chain(durations.iter().scan(0, |sum, us| {
                        *sum += us;
                        Some(*sum)
                    }))
                    .collect();
                let track = "v720".parse().expect("a track");
                let vod = if captions && boundaries.len() > 1 {
                    MediaPlaylist::captions(track, &boundaries)
                } else {
                    MediaPlaylist::vod(track, &boundaries)
                };
                if live {
                    MediaPlaylist {
                        kind: Kind::Live,
                        ended: false,
                        media_sequence: first,
                        ..vod
                    }
                } else {
                    vod
                }
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_rendered_parses_to_itself(playlist in playlists()) {
            prop_assert_eq!(parse_media(&playlist.to_string()), Ok(playlist));
        }

        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = parse_media(&text);
        }

        #[test]
        fn no_shuffled_playlist_panics(
            lines in proptest::collection::vec(prop_oneof![
                Just("#EXT-X-VERSION:7".to_owned()),
                Just("#EXT-X-MAP:URI=\"v1-init.mp4\"".to_owned()),
                Just("#EXT-X-ENDLIST".to_owned()),
                "#EXT-X-TARGETDURATION:[0-9]{0,25}",
                "#EXT-X-MEDIA-SEQUENCE:[0-9+-]{0,25}",
                "#EXTINF:[0-9]{0,25}\\.[0-9]{0,7},",
                "v1-[0-9]{0,12}\\.m4s",
            ], 0..30),
            preview_s in any::<u32>(),
        ) {
            let text = format!("#EXTM3U\n{}", lines.join("\n"));
            if let Ok(playlist) = parse_media(&text) {
                let end = playlist.preview_end(preview_s);
                prop_assert!(end.is_none_or(|(_, us)| us <= u64::from(preview_s) * 1_000_000));
                prop_assert_eq!(parse_media(&playlist.to_string()), Ok(playlist));
            }
        }

        #[test]
        fn a_preview_is_the_longest_that_fits(playlist in playlists(), preview_s in any::<u32>()) {
            let limit = u64::from(preview_s) * 1_000_000;
            match playlist.preview_end(preview_s) {
                None => prop_assert!(playlist.segments.first().is_none_or(|s| s.duration_us > limit)),
                Some((last, end)) => {
                    let cut = playlist.truncated(last);
                    prop_assert_eq!(cut.duration_us(), end);
                    prop_assert!(end <= limit);
                    let next = playlist.segments.get(last as usize + 1);
                    prop_assert!(next.is_none_or(|s| end + s.duration_us > limit));
                }
            }
        }

        #[test]
        fn durations_add_up_to_the_last_boundary(
            mut boundaries in proptest::collection::vec(0..100_000_000_u64, 2..50),
        ) {
            boundaries[0] = 0;
            boundaries.sort_unstable();
            let playlist = MediaPlaylist::vod("a".parse().expect("a track"), &boundaries);
            prop_assert_eq!(Some(&playlist.duration_us()), boundaries.last());
        }
    }
}
