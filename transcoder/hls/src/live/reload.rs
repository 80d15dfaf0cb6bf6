//! Blocking reloads (RFC 8216bis §6.2.5.2): pure decisions; the server only waits and sends.

use super::journal::{Header, Mode};
use super::render::{HOLD_BACK, View};
use super::window::{Track, Window};
use crate::naming::TrackName;

/// Give a waiting request up after so many target durations (503).
pub const PATIENCE: u64 = 3;
/// No segment farther ahead than this can be asked for.
const AHEAD: u64 = 2;

/// What a player asks a playlist for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ask {
    /// `_HLS_msn`: not before this segment is listed …
    pub msn: Option<u64>,
    /// … `_HLS_part`: or this part of it.
    pub part: Option<u64>,
    /// `_HLS_skip`: a delta update will do.
    pub skip: bool,
}

/// What to do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Now(View),
    /// Once more when something was appended, for at most [`PATIENCE`] target durations.
    Wait,
    /// 400.
    Refuse,
}

/// A directive that cannot be read, or a part of no segment: 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("_HLS_msn and _HLS_part are numbers, each once, and a part needs its segment")]
pub struct BadAsk;

impl Ask {
    /// Reads a URL's query; what does not begin with `_HLS_` is none of its concern.
    pub fn parse(query: &str) -> Result<Self, BadAsk> {
        let mut ask = Self::default();
        for pair in query.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            match key {
                "_HLS_msn" => once(&mut ask.msn, value)?,
                "_HLS_part" => once(&mut ask.part, value)?,
                "_HLS_skip" => ask.skip = matches!(value, "YES" | "v2"),
                _ => {}
            }
        }
        if ask.part.is_some() && ask.msn.is_none() {
            return Err(BadAsk);
        }
        Ok(ask)
    }
}

fn once(slot: &mut Option<u64>, value: &str) -> Result<(), BadAsk> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let number = value.parse().ok().filter(|_| digits);
    if slot.is_some() || number.is_none() {
        return Err(BadAsk);
    }
    *slot = number;
    Ok(())
}

impl Window {
    /// None: there is no such track.
    pub fn answer(&self, track: TrackName, ask: &Ask) -> Option<Answer> {
        let track = self.track(track)?;
        let plain = self.header.as_ref()?.mode == Mode::Plain;
        let view = if ask.skip && !plain {
            View::Delta
        } else {
            View::Full
        };
        // The segment that never was is as listed as it can be.
        let msn = ask.msn.filter(|_| !plain);
        let Some(msn) = msn.and_then(|msn| msn.checked_sub(self.before())) else {
            return Some(if self.ended || self.can_begin(track) {
                Answer::Now(view)
            } else {
                Answer::Wait
            });
        };
        if self.ended {
            return Some(Answer::Now(view));
        }
        let next = u64::from(self.next(track));
        // The last one listed is the one before `next`; none is listed at the beginning.
        Some(if msn > next.saturating_sub(1) + AHEAD {
            Answer::Refuse
        } else if self.has(track, msn, ask.part) {
            Answer::Now(view)
        } else {
            Answer::Wait
        })
    }

    /// Whether a player can begin with what there is: with a whole segment, or, where the playlist says
    /// that one was before the first, with as much of the first as it keeps behind the edge
    /// (`PART-HOLD-BACK`). It takes any other playlist for a broken one.
    fn can_begin(&self, track: &Track) -> bool {
        let open: u64 = track.open.iter().map(|part| part.us).sum();
        let begins = |header: &Header| header.lead && open >= header.part_us * HOLD_BACK;
        !track.segments.is_empty() || self.header.as_ref().is_some_and(begins)
    }

    fn has(&self, track: &Track, msn: u64, part: Option<u64>) -> bool {
        let next = u64::from(self.next(track));
        let open = track.open.len() as u64;
        if msn >= next {
            return msn == next && part.is_some_and(|part| part < open);
        }
        // A part beyond a segment's last is the first one of the segment that follows.
        let beyond = msn + 1 == next
            && part.is_some_and(|part| {
                let last = track.segments.back();
                last.is_some_and(|last| part >= last.parts.len() as u64)
            });
        !beyond || open > 0
    }
}

#[cfg(test)]
mod tests {
    use super::super::journal::Event;
    use super::super::window::tests::{begin, broadcast, led, name, played};
    use super::*;

    #[test]
    fn directives_are_read_strictly() {
        let ask = |msn, part, skip| Ok(Ask { msn, part, skip });
        for (query, expected) in [
            ("", ask(None, None, false)),
            ("x=1&_HLS_skip=YES", ask(None, None, true)),
            (
                "_HLS_msn=7&_HLS_part=0&_HLS_skip=v2",
                ask(Some(7), Some(0), true),
            ),
            ("_HLS_part=0", Err(BadAsk)),
            ("_HLS_msn=+7", Err(BadAsk)),
            ("_HLS_msn=", Err(BadAsk)),
            ("_HLS_msn=7&_HLS_msn=7", Err(BadAsk)),
            ("_HLS_msn=18446744073709551616", Err(BadAsk)),
        ] {
            assert_eq!(Ask::parse(query), expected, "{query}");
        }
    }

    #[test]
    fn a_reload_is_answered_as_soon_as_what_it_asks_for_is_there() {
        // Segments 0 to 4 with ten parts each, and three parts of the fifth.
        let window = broadcast(5, 3);
        let now = Answer::Now(View::Full);
        for (msn, part, expected) in [
            (0, None, now),
            (4, None, now),
            (4, Some(9), now),
            (4, Some(10), now),
            (5, None, Answer::Wait),
            (5, Some(2), now),
            (5, Some(3), Answer::Wait),
            (6, Some(0), Answer::Wait),
            (7, Some(0), Answer::Refuse),
            (u64::MAX, None, Answer::Refuse),
        ] {
            let ask = Ask {
                msn: Some(msn),
                part,
                skip: false,
            };
            assert_eq!(
                window.answer(name("v"), &ask),
                Some(expected),
                "{msn} {part:?}"
            );
        }
        let ask = Ask {
            msn: Some(4),
            part: Some(10),
            skip: false,
        };
        assert_eq!(broadcast(5, 0).answer(name("v"), &ask), Some(Answer::Wait));
        assert_eq!(window.answer(name("x"), &ask), None);
    }

    #[test]
    fn nobody_waits_for_what_has_ended_or_has_no_parts() {
        let ask = Ask {
            msn: Some(5),
            part: None,
            skip: true,
        };
        let mut ended = broadcast(5, 3);
        ended.apply(&Event::End {}).expect("it fits");
        assert_eq!(
            ended.answer(name("v"), &ask),
            Some(Answer::Now(View::Delta))
        );
        let plain = played(begin(Mode::Plain), 1, 0);
        assert_eq!(plain.answer(name("v"), &ask), Some(Answer::Now(View::Full)));
    }

    #[test]
    fn a_player_begins_with_what_it_can_play() {
        let first = |window: &Window| window.answer(name("v"), &Ask::default());
        let now = Some(Answer::Now(View::Full));
        for window in [
            broadcast(0, 9),
            led(0, 0),
            led(0, 2),
            played(begin(Mode::Plain), 0, 0),
        ] {
            assert_eq!(first(&window), Some(Answer::Wait), "{window:?}");
        }
        for window in [broadcast(1, 0), led(0, 3), led(1, 0)] {
            assert_eq!(first(&window), now, "{window:?}");
        }
        let mut ended = led(0, 1);
        ended.apply(&Event::End {}).expect("it fits");
        assert_eq!(first(&ended), now, "nothing more will come");
    }

    #[test]
    fn where_one_was_before_the_first_it_counts() {
        let ask = |msn, part| {
            let (msn, skip) = (Some(msn), false);
            led(1, 3).answer(name("v"), &Ask { msn, part, skip })
        };
        let now = Some(Answer::Now(View::Full));
        for (msn, part) in [(0, None), (0, Some(3)), (1, None), (2, Some(2))] {
            assert_eq!(ask(msn, part), now, "{msn} {part:?}");
        }
        for (msn, part) in [(2, None), (2, Some(3)), (3, None)] {
            assert_eq!(ask(msn, part), Some(Answer::Wait), "{msn} {part:?}");
        }
        assert_eq!(ask(4, None), Some(Answer::Refuse));
    }
}
