//! A window as playlists (RFC 8216bis §4.4, §6.2.5): pure, so one version is one text.

use std::fmt::{self, Write as _};

use super::journal::{Header, Mode};
use super::window::{Listed, Part, Track, Window};
use crate::naming::{MediaFile, TrackName};
use crate::playlist::{Kind, MediaPlaylist, Segment, target_s};

/// A segment this many target durations from the end still has its parts listed.
const PARTS_WITHIN: u64 = 3;
/// A delta update leaves out what is farther from the end than so many target durations
/// (`CAN-SKIP-UNTIL`, at least six).
const SKIP_UNTIL: u64 = 6;
/// Players stay so many parts behind the edge (`PART-HOLD-BACK`).
pub(super) const HOLD_BACK: u64 = 3;
const SECOND: u64 = 1_000_000;
/// What the segment is called that never was. Nobody asks for it, and nothing has this name.
pub const GAP: &str = "gap.m4s";

/// Which text of a playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum View {
    Full,
    /// Without the segments that the player has (`_HLS_skip=YES`).
    Delta,
}

impl Window {
    /// One track's playlist. None: there is no such track.
    pub fn playlist(&self, track: TrackName, view: View) -> Option<String> {
        let header = self.header.as_ref()?;
        let track = self.track(track)?;
        let mut text = String::new();
        // Writing to a string never fails.
        let _ = self.write(&mut text, header, track, view);
        Some(text)
    }

    /// The whole broadcast as a finished title's playlist, as far as it is listed.
    pub fn recording(&self, track: TrackName) -> Option<MediaPlaylist> {
        let track = self.track(track)?;
        let segments: Vec<Segment> = (self.first..)
            .zip(&track.segments)
            .map(|(number, listed)| Segment {
                duration_us: listed.us,
                uri: MediaFile::Segment(track.name, number),
                cut: track
                    .init_of(number)
                    .filter(|_| number > self.first && self.is_cut(number)),
            })
            .collect();
        let longest = track.segments.iter().map(|listed| listed.us).max()?;
        Some(MediaPlaylist {
            kind: Kind::Vod,
            media_sequence: 0,
            target_s: target_s(longest),
            init: track.init_of(self.first),
            segments,
            ended: true,
        })
    }

    /// A playlist of whole segments for the folder itself: any file server can serve it.
    pub fn plain(&self, track: TrackName) -> Option<String> {
        let header = Header {
            mode: Mode::Plain,
            ..self.header.clone()?
        };
        let track = self.track(track)?;
        let mut text = String::new();
        let _ = self.write(&mut text, &header, track, View::Full);
        Some(text)
    }

    fn write(&self, out: &mut String, header: &Header, track: &Track, view: View) -> fmt::Result {
        let has_parts = header.mode != Mode::Plain;
        let target_us = header.target_s * SECOND;
        let ends = from_end(track);
        let skipped = match view {
            View::Full => 0,
            View::Delta => {
                let old =
                    |(listed, from): &(&Listed, &u64)| *from - listed.us > SKIP_UNTIL * target_us;
                track.segments.iter().zip(&ends).take_while(old).count()
            }
        };
        self.write_head(out, header, track, has_parts)?;
        if skipped > 0 {
            writeln!(out, "#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}")?;
        }
        let mut init = None;
        if has_parts && self.has_gap(header) {
            self.write_start(out, track, self.first, &mut init)?;
            write_gap(out, header)?;
        }
        for ((number, listed), end) in (self.first..).zip(&track.segments).zip(&ends).skip(skipped)
        {
            self.write_start(out, track, number, &mut init)?;
            writeln!(out, "#EXT-X-PROGRAM-DATE-TIME:{}", DateTime(listed.at_ms))?;
            if has_parts && end.saturating_sub(listed.us) < PARTS_WITHIN * target_us {
                write_parts(out, track, number, &listed.parts)?;
            }
            writeln!(
                out,
                "#EXTINF:{},\n{}",
                Seconds(listed.us),
                MediaFile::Segment(track.name, number)
            )?;
        }
        if self.ended {
            return out.write_str("#EXT-X-ENDLIST\n");
        }
        let next = self.next(track);
        if has_parts {
            if !track.open.is_empty() {
                self.write_start(out, track, next, &mut init)?;
            }
            write_parts(out, track, next, &track.open)?;
            let hint = u32::try_from(track.open.len()).unwrap_or(u32::MAX);
            let hint = MediaFile::Part(track.name, next, hint);
            writeln!(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{hint}\"")?;
            self.write_reports(out, track)?;
        }
        Ok(())
    }

    fn write_head(
        &self,
        out: &mut String,
        header: &Header,
        track: &Track,
        has_parts: bool,
    ) -> fmt::Result {
        let target = header.target_s;
        writeln!(
            out,
            "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:{target}"
        )?;
        if has_parts {
            let hold = Seconds(header.part_us * HOLD_BACK);
            writeln!(
                out,
                "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL={},HOLD-BACK={},PART-HOLD-BACK={hold}",
                target * SKIP_UNTIL,
                target * 3,
            )?;
            writeln!(
                out,
                "#EXT-X-PART-INF:PART-TARGET={}",
                Seconds(header.part_us)
            )?;
        }
        let gap = u64::from(has_parts && self.has_gap(header));
        let first = self.number(self.first) - gap;
        writeln!(out, "#EXT-X-MEDIA-SEQUENCE:{first}")?;
        writeln!(out, "#EXT-X-DISCONTINUITY-SEQUENCE:{}", self.cuts_gone)?;
        if track.segments.iter().all(|listed| listed.key) {
            out.write_str("#EXT-X-INDEPENDENT-SEGMENTS\n")?;
        }
        Ok(())
    }

    /// What stands before a segment: whether it follows from the one before, and its init segment.
    fn write_start(
        &self,
        out: &mut String,
        track: &Track,
        number: u32,
        written: &mut Option<MediaFile>,
    ) -> fmt::Result {
        let cut = self.is_cut(number);
        if cut {
            out.write_str("#EXT-X-DISCONTINUITY\n")?;
        }
        let init = track.init_of(number);
        if let Some(file) = init
            && (cut || *written != init)
        {
            *written = init;
            writeln!(out, "#EXT-X-MAP:URI=\"{file}\"")?;
        }
        Ok(())
    }

    fn write_reports(&self, out: &mut String, of: &Track) -> fmt::Result {
        for track in self.tracks.iter().filter(|track| track.name != of.name) {
            let Some((segment, part)) = self.tip(track) else {
                continue;
            };
            let uri = MediaFile::Playlist(track.name);
            writeln!(
                out,
                "#EXT-X-RENDITION-REPORT:URI=\"{uri}\",LAST-MSN={},LAST-PART={part}",
                self.number(segment)
            )?;
        }
        Ok(())
    }

    /// A segment's number as playlists count (`EXT-X-MEDIA-SEQUENCE`).
    pub(super) fn number(&self, segment: u32) -> u64 {
        u64::from(segment) + self.before()
    }

    /// Segments that playlists count before the first.
    pub(super) fn before(&self) -> u64 {
        u64::from(self.header.as_ref().is_some_and(|header| header.lead))
    }

    /// Whether the segment that never was is listed: until playlists are long enough without it, which
    /// is three target durations in every track (RFC 8216bis §6.2.2).
    fn has_gap(&self, header: &Header) -> bool {
        let is_short = |track: &Track| {
            let lasts: u64 = track.segments.iter().map(|listed| listed.us).sum();
            lasts < PARTS_WITHIN * header.target_s * SECOND
        };
        header.lead && self.first == 0 && !self.ended && self.tracks.iter().any(is_short)
    }

    /// The last part listed: its segment's number and its own.
    pub(super) fn tip(&self, track: &Track) -> Option<(u32, usize)> {
        let next = self.next(track);
        if let Some(part) = track.open.len().checked_sub(1) {
            return Some((next, part));
        }
        let last = track.segments.back()?;
        Some((next.checked_sub(1)?, last.parts.len().saturating_sub(1)))
    }
}

/// How far each segment's beginning is from the playlist's end.
fn from_end(track: &Track) -> Vec<u64> {
    let mut end: u64 = track.open.iter().map(|part| part.us).sum();
    let mut ends: Vec<u64> = track
        .segments
        .iter()
        .rev()
        .map(|listed| {
            end += listed.us;
            end
        })
        .collect();
    ends.reverse();
    ends
}

/// The segment that never was. It has parts, since hls.js loads parts only where the first that is listed
/// lies before the segment at the edge, and is as long as players keep behind that.
fn write_gap(out: &mut String, header: &Header) -> fmt::Result {
    for _ in 0..HOLD_BACK {
        let lasts = Seconds(header.part_us);
        writeln!(out, "#EXT-X-PART:DURATION={lasts},URI=\"{GAP}\",GAP=YES")?;
    }
    let lasts = Seconds(header.part_us * HOLD_BACK);
    writeln!(out, "#EXT-X-GAP\n#EXTINF:{lasts},\n{GAP}")
}

fn write_parts(out: &mut String, track: &Track, segment: u32, parts: &[Part]) -> fmt::Result {
    for (number, part) in (0..).zip(parts) {
        let uri = MediaFile::Part(track.name, segment, number);
        write!(
            out,
            "#EXT-X-PART:DURATION={},URI=\"{uri}\"",
            Seconds(part.us)
        )?;
        out.write_str(if part.key { ",INDEPENDENT=YES\n" } else { "\n" })?;
    }
    Ok(())
}

/// Microseconds as decimal seconds.
struct Seconds(u64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / SECOND, self.0 % SECOND)
    }
}

/// Milliseconds since 1970 as ISO 8601 in UTC.
struct DateTime(u64);

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, ms) = (self.0 / 86_400_000, self.0 % 86_400_000);
        let (year, month, day) = civil(days);
        let (seconds, ms) = (ms / 1000, ms % 1000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}Z"
        )
    }
}

/// Year, month and day of a day since 1970. Years begin in March here, so that a leap day is last.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (year + era * 400 + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::super::journal::Event;
    use super::super::window::tests::{begin, broadcast, led, name};
    use super::*;

    fn text(window: &Window, view: View) -> String {
        window.playlist(name("v"), view).expect("a track")
    }

    #[test]
    fn a_broadcast_renders() {
        insta::assert_snapshot!(text(&broadcast(1, 2), View::Full), @r#"
        #EXTM3U
        #EXT-X-VERSION:9
        #EXT-X-TARGETDURATION:2
        #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12,HOLD-BACK=6,PART-HOLD-BACK=0.600000
        #EXT-X-PART-INF:PART-TARGET=0.200000
        #EXT-X-MEDIA-SEQUENCE:0
        #EXT-X-DISCONTINUITY-SEQUENCE:0
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-MAP:URI="v-init.mp4"
        #EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.000Z
        #EXT-X-PART:DURATION=0.200000,URI="v-0.0.m4s",INDEPENDENT=YES
        #EXT-X-PART:DURATION=0.200000,URI="v-0.1.m4s"
        #EXT-X-PART:DURATION=0.200000,URI="v-0.2.m4s"
        #EXT-X-PART:DURATION=0.200000,URI="v-0.3.m4s"
        #EXT-X-PART:DURATION=0.200000,URI="v-0.4.m4s"
        #EXT-X-PART:DURATION=0.200000,URI="v-0.5.m4s"
        #EXT-X-PART:DURATION=0.200000,URI="v-0.6.m4s"
        #EXT-X-PART:DURATION=0.200000,URI="v-0.7.m4s"
        #EXT-X-PART:DURATION=0.200000,URI="v-0.8.m4s"
        #EXT-X-PART:DURATION=0.200000,URI="v-0.9.m4s"
        #EXTINF:2.000000,
        v-0.m4s
        #EXT-X-PART:DURATION=0.200000,URI="v-1.0.m4s",INDEPENDENT=YES
        #EXT-X-PART:DURATION=0.200000,URI="v-1.1.m4s"
        #EXT-X-PRELOAD-HINT:TYPE=PART,URI="v-1.2.m4s"
        #EXT-X-RENDITION-REPORT:URI="a.m3u8",LAST-MSN=1,LAST-PART=1
        "#);
    }

    #[test]
    fn a_segment_that_never_was_stands_before_the_first() {
        insta::assert_snapshot!(text(&led(0, 3), View::Full), @r#"
        #EXTM3U
        #EXT-X-VERSION:9
        #EXT-X-TARGETDURATION:2
        #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12,HOLD-BACK=6,PART-HOLD-BACK=0.600000
        #EXT-X-PART-INF:PART-TARGET=0.200000
        #EXT-X-MEDIA-SEQUENCE:0
        #EXT-X-DISCONTINUITY-SEQUENCE:0
        #EXT-X-INDEPENDENT-SEGMENTS
        #EXT-X-MAP:URI="v-init.mp4"
        #EXT-X-PART:DURATION=0.200000,URI="gap.m4s",GAP=YES
        #EXT-X-PART:DURATION=0.200000,URI="gap.m4s",GAP=YES
        #EXT-X-PART:DURATION=0.200000,URI="gap.m4s",GAP=YES
        #EXT-X-GAP
        #EXTINF:0.600000,
        gap.m4s
        #EXT-X-PART:DURATION=0.200000,URI="v-0.0.m4s",INDEPENDENT=YES
        #EXT-X-PART:DURATION=0.200000,URI="v-0.1.m4s"
        #EXT-X-PART:DURATION=0.200000,URI="v-0.2.m4s"
        #EXT-X-PRELOAD-HINT:TYPE=PART,URI="v-0.3.m4s"
        #EXT-X-RENDITION-REPORT:URI="a.m3u8",LAST-MSN=1,LAST-PART=2
        "#);
    }

    #[test]
    fn it_leaves_once_there_is_enough_without_it() {
        let list = |window: &Window| text(window, View::Full);
        let two = list(&led(2, 1));
        assert!(two.contains("#EXT-X-MEDIA-SEQUENCE:0\n") && two.contains("#EXT-X-GAP\n"));
        let three = list(&led(3, 1));
        assert!(
            three.contains("#EXT-X-MEDIA-SEQUENCE:1\n") && !three.contains("GAP"),
            "{three}"
        );
        assert!(three.contains("LAST-MSN=4,LAST-PART=0\n") && three.contains("\nv-0.m4s\n"));
        let mut ended = led(1, 0);
        ended.apply(&Event::End {}).expect("it fits");
        assert!(!list(&ended).contains("GAP"), "nobody begins any more");
        let plain = led(2, 1).plain(name("v")).expect("a track");
        assert!(!plain.contains("GAP"));
        assert_eq!(
            led(3, 1).recording(name("v")),
            broadcast(3, 1).recording(name("v"))
        );
    }

    #[test]
    fn a_delta_leaves_out_what_players_have() {
        let window = broadcast(20, 1);
        let (full, delta) = (text(&window, View::Full), text(&window, View::Delta));
        assert!(
            delta.contains("#EXT-X-SKIP:SKIPPED-SEGMENTS=14\n"),
            "{delta}"
        );
        assert!(!delta.contains("v-13.m4s") && delta.contains("v-14.m4s"));
        assert!(full.contains("v-0.m4s"));
        assert!(
            !full.contains("v-16.0.m4s") && full.contains("v-17.0.m4s"),
            "parts near the end"
        );
        let short = broadcast(3, 1);
        assert_eq!(text(&short, View::Full), text(&short, View::Delta));
    }

    #[test]
    fn a_reconnect_is_a_discontinuity_in_every_track() {
        let mut window = broadcast(1, 0);
        window.apply(&Event::Cut { segment: 1 }).expect("it fits");
        for (track, init) in [(name("v"), 1), (name("a"), 0)] {
            let events = [
                Event::Init {
                    track,
                    segment: 1,
                    init,
                },
                Event::Part {
                    track,
                    segment: 1,
                    part: 0,
                    us: 9,
                    key: true,
                    place: None,
                },
            ];
            for event in events {
                window.apply(&event).expect("it fits");
            }
        }
        let video = text(&window, View::Full);
        let start = "#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"v-1.mp4\"\n#EXT-X-PART:";
        assert!(video.contains(start), "{video}");
        let audio = window.playlist(name("a"), View::Full).expect("a track");
        assert!(audio.contains("#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"a-init.mp4\"\n"));
    }

    #[test]
    fn an_end_has_no_hint_and_a_recording() {
        let mut window = broadcast(3, 1);
        window.apply(&Event::Cut { segment: 3 }).expect("it fits");
        window.apply(&Event::End {}).expect("it fits");
        let ended = text(&window, View::Full);
        assert!(ended.ends_with("#EXT-X-ENDLIST\n") && !ended.contains("PRELOAD"));
        let film = window.recording(name("v")).expect("a film");
        assert_eq!(
            (film.segments.len(), film.target_s, film.ended),
            (3, 2, true)
        );
        let parsed = crate::playlist::parse_media(&film.to_string()).expect("ours");
        assert_eq!(parsed, film);
    }

    #[test]
    fn plain_lists_whole_segments_only() {
        let plain = broadcast(2, 1).plain(name("v")).expect("a track");
        assert!(
            !plain.contains("PART") && !plain.contains("HINT"),
            "{plain}"
        );
        let mut slow = Window::default();
        slow.apply(&begin(Mode::Plain)).expect("a header");
        assert!(!text(&slow, View::Full).contains("SERVER-CONTROL"));
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        for (ms, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_827_696_789, "2000-02-29T12:34:56.789Z"),
            (1_767_225_599_999, "2025-12-31T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(DateTime(ms).to_string(), expected);
        }
    }
}
