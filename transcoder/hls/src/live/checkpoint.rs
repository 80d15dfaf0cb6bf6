//! A journal in short: the events that lead to a window as it is now, without all that is over.
//!
//! A journal of hours would be megabytes that are read at every start. It begins with [`Since`], so
//! that whoever has followed the long one goes on behind the checkpoint, and counts on from the same
//! number of bytes as those who read it.

use super::journal::{Event, Since};
use super::window::{Track, Window};

/// The lines. `at`: bytes of all that was ever written.
pub fn of(window: &Window, at: u64) -> String {
    let mut lines = String::new();
    let mut say = |event: Event| lines.push_str(&event.line());
    if let Some(header) = &window.header {
        say(Event::Begin(header.clone()));
    }
    for segment in &window.cuts {
        say(Event::Cut { segment: *segment });
    }
    for track in &window.tracks {
        track_lines(window, track, &mut say);
    }
    if window.ended {
        say(Event::End {});
    }
    let since = Since {
        at,
        bytes: lines.len() as u64,
        first: window.first,
        cuts_gone: window.cuts_gone,
    };
    Event::Since(since).line() + &lines
}

fn track_lines(window: &Window, of: &Track, say: &mut impl FnMut(Event)) {
    let track = of.name;
    let next = window.next(of);
    for (segment, init) in &of.inits {
        // One that counts from a segment on is told before that segment.
        if *segment <= window.first {
            let (segment, init) = (*segment, *init);
            say(Event::Init {
                track,
                segment,
                init,
            });
        }
    }
    let all = of.segments.iter().map(Some).chain([None]);
    for (number, listed) in (window.first..=next).zip(all) {
        for (segment, init) in &of.inits {
            let is_told = *segment <= window.first;
            // Those of later segments come with the last line.
            if !is_told && (*segment == number || (listed.is_none() && *segment > number)) {
                let (segment, init) = (*segment, *init);
                say(Event::Init {
                    track,
                    segment,
                    init,
                });
            }
        }
        let parts = listed.map_or(&of.open, |listed| &listed.parts);
        for (part, one) in (0..).zip(parts) {
            say(Event::Part {
                track,
                segment: number,
                part,
                us: one.us,
                key: one.key,
                place: one.place,
            });
        }
        if let Some(listed) = listed {
            say(Event::Segment {
                track,
                segment: number,
                us: listed.us,
                at_ms: listed.at_ms,
                key: listed.key,
            });
        }
    }
}

/// Of a journal that begins like this: what to add to a place in it for the bytes of all that was
/// ever written up to there, in wrapping arithmetic.
pub fn before(journal: &str) -> u64 {
    match since(journal) {
        Some((since, end)) => since.at.wrapping_sub(end),
        None => 0,
    }
}

/// The checkpoint that a journal begins with, and where it ends.
pub fn since(journal: &str) -> Option<(Since, u64)> {
    let (line, _) = journal.split_once('\n')?;
    match Event::parse(line).ok()? {
        Event::Since(since) => {
            let length = line.len() as u64 + 1;
            Some((since, length.checked_add(since.bytes)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::journal::{Header, Mode, Place};
    use super::*;
    use crate::naming::TrackName;
    use proptest::prelude::*;

    fn name(text: &str) -> TrackName {
        text.parse().expect("a track")
    }

    #[test]
    fn nothing_has_been_said() {
        let text = of(&Window::default(), 0);
        assert_eq!(Window::replay(&text).0, Window::default());
        assert_eq!(before("{\"cut\":{\"segment\":1}}\n"), 0);
        assert_eq!(before("{\"since"), 0);
    }

    proptest! {
        /// Whatever has happened, the short journal says the same, and goes on alike.
        #[test]
        fn a_checkpoint_says_the_same(
            steps in proptest::collection::vec((0..10_u8, 0..2_usize), 0..400),
            more in proptest::collection::vec((0..10_u8, 0..2_usize), 0..40),
        ) {
            let tracks = [name("v"), name("a")];
            let mut window = Window::default();
            window.apply(&Event::Begin(Header {
                mode: Mode::Fast,
                part_us: 200_000,
                target_s: 4,
                tracks: tracks.to_vec(),
                lead: false,
            })).expect("a header");
            let mut inits = 0;
            let mut step = |window: &mut Window, (kind, at): (u8, usize)| {
                let track = tracks[at];
                let of = window.track(track).expect("it");
                let segment = window.next(of);
                let event = match kind {
                    0 => {
                        inits += 1;
                        Event::Init { track, segment: segment + u32::try_from(at).expect("few"), init: inits }
                    }
                    1 => Event::Cut { segment },
                    2 => Event::Drop { before: window.first() + 1 },
                    3..=5 => Event::Segment { track, segment, us: 2_000_000, at_ms: 7, key: kind == 3 },
                    _ => Event::Part {
                        track,
                        segment,
                        part: u32::try_from(of.open.len()).expect("few"),
                        us: 200_000,
                        key: kind == 6,
                        place: (kind > 7).then(|| Place {
                            at: of.open.last().and_then(|part| part.place).map_or(0, |last| last.at + last.bytes),
                            bytes: 9,
                        }),
                    },
                };
                let _ = window.apply(&event);
                event
            };
            for one in steps {
                step(&mut window, one);
            }
            let text = of(&window, 1_000_000);
            let (mut replayed, read) = Window::replay(&text);
            prop_assert_eq!(&replayed, &window);
            let (since, end) = since(&text).expect("a checkpoint");
            prop_assert_eq!((since.at, end), (1_000_000, read as u64));
            prop_assert_eq!(before(&text).wrapping_add(end), 1_000_000);
            for one in more {
                let event = step(&mut window, one);
                let _ = replayed.apply(&event);
            }
            prop_assert_eq!(replayed, window);
        }
    }
}
