//! A media playlist (RFC 8216 §4.3.3): one track's segments in order.

use std::fmt;

use crate::naming::{MediaFile, TrackName};

/// Longest segment, in microseconds: one hour. Keeps every sum of durations far from overflow.
pub const MAX_SEGMENT_US: u64 = 3_600_000_000;

/// Most segments of one playlist: more than 150 hours at 6 s.
pub const MAX_SEGMENTS: usize = 100_000;

/// What a client may expect of the next reload (`EXT-X-PLAYLIST-TYPE`, RFC 8216 §4.3.3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Never changes again.
    Vod,
    /// Only grows.
    Event,
    /// A window that moves: segments leave at the front.
    Live,
}

/// One media segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// At most [`MAX_SEGMENT_US`].
    pub duration_us: u64,
    /// Its name, relative to the playlist.
    pub uri: MediaFile,
    /// It does not follow from the one before (`EXT-X-DISCONTINUITY`); this init segment counts
    /// from here on. A broadcast's recording has such where its publisher came back.
    pub cut: Option<MediaFile>,
}

/// One track's playlist. `Display` renders the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaPlaylist {
    pub kind: Kind,
    /// The number of the first segment listed.
    pub media_sequence: u64,
    /// `EXT-X-TARGETDURATION` in seconds: no segment, rounded, is longer.
    pub target_s: u64,
    /// The init segment (`EXT-X-MAP`). None: captions, which need none.
    pub init: Option<MediaFile>,
    pub segments: Vec<Segment>,
    /// `EXT-X-ENDLIST`: nothing will follow.
    pub ended: bool,
}

impl MediaPlaylist {
    /// A finished track whose segments 0, 1, … lie between consecutive `boundaries_us`.
    ///
    /// Boundaries ascend; one that doesn't counts as a segment of no length.
    pub fn vod(track: TrackName, boundaries_us: &[u64]) -> Self {
        let init = Some(MediaFile::Init(track));
        Self::finished(init, boundaries_us, |number| {
            MediaFile::Segment(track, number)
        })
    }

    /// The same for captions.
    pub fn captions(track: TrackName, boundaries_us: &[u64]) -> Self {
        Self::finished(None, boundaries_us, |number| {
            MediaFile::Caption(track, number)
        })
    }

    fn finished(
        init: Option<MediaFile>,
        boundaries_us: &[u64],
        uri: impl Fn(u32) -> MediaFile,
    ) -> Self {
        let segments: Vec<Segment> = (0..)
            .zip(boundaries_us.windows(2))
            .map(|(number, pair)| Segment {
                duration_us: pair[1].saturating_sub(pair[0]).min(MAX_SEGMENT_US),
                uri: uri(number),
                cut: None,
            })
            .collect();
        Self {
            kind: Kind::Vod,
            media_sequence: 0,
            target_s: target_duration(&segments),
            init,
            segments,
            ended: true,
        }
    }

    /// This playlist while more is to come: it only grows, players begin at its beginning, and no
    /// segment will be longer than `target_s` says.
    #[must_use]
    pub fn growing(self, target_s: u64) -> Self {
        Self {
            kind: Kind::Event,
            target_s,
            ended: false,
            ..self
        }
    }

    /// The sum of all segments, in microseconds.
    pub fn duration_us(&self) -> u64 {
        self.segments
            .iter()
            .map(|segment| segment.duration_us)
            .sum()
    }

    /// The same playlist, ended after the segment with this index (0: the first one listed).
    #[must_use]
    pub fn truncated(&self, last_segment: u32) -> Self {
        let kept = usize::try_from(last_segment)
            .unwrap_or(usize::MAX)
            .saturating_add(1);
        Self {
            kind: Kind::Vod,
            segments: self.segments.iter().take(kept).copied().collect(),
            ended: true,
            ..*self
        }
    }

    /// Where a preview of this many seconds ends: the index of the last segment that ends within
    /// it, and that end in microseconds. None when not even the first segment fits, so that never
    /// a byte beyond the preview is given away.
    pub fn preview_end(&self, preview_s: u32) -> Option<(u32, u64)> {
        let limit = u64::from(preview_s) * 1_000_000;
        let mut end = 0;
        let mut last = None;
        for (index, segment) in (0..).zip(&self.segments) {
            end += segment.duration_us;
            if end > limit {
                break;
            }
            last = Some((index, end));
        }
        last
    }
}

/// What a playlist's target duration will be whose segments last so long at most.
pub const fn target_s(longest_us: u64) -> u64 {
    let seconds = round_to_seconds(longest_us);
    if seconds == 0 { 1 } else { seconds }
}

/// The longest duration in whole seconds, rounded to the nearest (RFC 8216 §4.3.3.1); at least 1.
fn target_duration(segments: &[Segment]) -> u64 {
    let longest = segments.iter().map(|s| s.duration_us).max().unwrap_or(0);
    round_to_seconds(longest).max(1)
}

pub(super) const fn round_to_seconds(us: u64) -> u64 {
    (us + 500_000) / 1_000_000
}

impl fmt::Display for MediaPlaylist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("#EXTM3U\n#EXT-X-VERSION:7\n")?;
        writeln!(f, "#EXT-X-TARGETDURATION:{}", self.target_s)?;
        writeln!(f, "#EXT-X-MEDIA-SEQUENCE:{}", self.media_sequence)?;
        match self.kind {
            Kind::Vod => f.write_str("#EXT-X-PLAYLIST-TYPE:VOD\n")?,
            Kind::Event => f.write_str("#EXT-X-PLAYLIST-TYPE:EVENT\n")?,
            Kind::Live => {}
        }
        f.write_str("#EXT-X-INDEPENDENT-SEGMENTS\n")?;
        if self.kind == Kind::Event && !self.ended {
            // Players take what grows for a broadcast and would begin at its end (§4.3.5.2).
            f.write_str("#EXT-X-START:TIME-OFFSET=0\n")?;
        }
        if let Some(init) = self.init {
            writeln!(f, "#EXT-X-MAP:URI=\"{init}\"")?;
        }
        for Segment {
            duration_us,
            uri,
            cut,
        } in &self.segments
        {
            if let Some(init) = cut {
                writeln!(f, "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"{init}\"")?;
            }
            let (seconds, rest) = (duration_us / 1_000_000, duration_us % 1_000_000);
            writeln!(f, "#EXTINF:{seconds}.{rest:06},\n{uri}")?;
        }
        if self.ended {
            f.write_str("#EXT-X-ENDLIST\n")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn film() -> MediaPlaylist {
        let track = "v720".parse().expect("a track");
        MediaPlaylist::vod(track, &[0, 2_000_000, 4_000_000, 10_006_667, 12_333_333])
    }

    #[test]
    fn a_film_renders() {
        insta::assert_snapshot!(film().to_string(), @r#"
        #EXTM3U
        #EXT-X-VERSION:7
        #EXT-X-TARGETDURATION:6
        #EXT-X-MEDIA-SEQUENCE:0
        #EXT-X-PLAYLIST-TYPE:VOD
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-MAP:URI="v720-init.mp4"
        #EXTINF:2.000000,
        v720-0.m4s
        #EXTINF:2.000000,
        v720-1.m4s
        #EXTINF:6.006667,
        v720-2.m4s
        #EXTINF:2.326666,
        v720-3.m4s
        #EXT-X-ENDLIST
        "#);
    }

    #[test]
    fn a_growing_broadcast_has_no_end_and_no_vod_type() {
        let live = MediaPlaylist {
            kind: Kind::Live,
            ended: false,
            media_sequence: 7,
            ..film()
        };
        let text = live.to_string();
        assert!(!text.contains("ENDLIST"));
        assert!(!text.contains("PLAYLIST-TYPE"));
        assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:7\n"));
    }

    #[test]
    fn a_film_in_the_making_begins_at_its_beginning() {
        let text = film().growing(7).to_string();
        assert!(text.contains("#EXT-X-PLAYLIST-TYPE:EVENT\n"));
        assert!(text.contains("#EXT-X-START:TIME-OFFSET=0\n"));
        assert!(text.contains("#EXT-X-TARGETDURATION:7\n"));
        assert!(!text.contains("ENDLIST"));
    }

    #[test]
    fn a_preview_never_reaches_beyond_its_seconds() {
        for (preview_s, expected) in [
            (0, None),
            (1, None),
            (2, Some((0, 2_000_000))),
            (3, Some((0, 2_000_000))),
            (4, Some((1, 4_000_000))),
            (10, Some((1, 4_000_000))),
            (11, Some((2, 10_006_667))),
            (13, Some((3, 12_333_333))),
            (u32::MAX, Some((3, 12_333_333))),
        ] {
            assert_eq!(film().preview_end(preview_s), expected, "{preview_s} s");
        }
    }

    #[test]
    fn truncating_ends_the_playlist() {
        let event = MediaPlaylist {
            kind: Kind::Event,
            ended: false,
            ..film()
        };
        let cut = event.truncated(1);
        assert_eq!(cut.segments, film().segments[..2]);
        assert!(cut.ended);
        assert_eq!(cut.kind, Kind::Vod);
        assert_eq!(film().truncated(u32::MAX), film());
    }
}
