use proptest::prelude::*;

use super::super::journal::Mode;
use super::*;

pub(in super::super) fn name(text: &str) -> TrackName {
    text.parse().expect("a track")
}

pub(in super::super) fn begin(mode: Mode) -> Event {
    Event::Begin(Header {
        mode,
        part_us: 200_000,
        target_s: 2,
        tracks: vec![name("v"), name("a")],
        lead: false,
    })
}

/// A broadcast of so many whole segments and so many parts of the next, in both tracks.
pub(in super::super) fn broadcast(segments: u32, parts: u32) -> Window {
    played(begin(Mode::Fast), segments, parts)
}

/// The same, with a segment before the first that never was.
pub(in super::super) fn led(segments: u32, parts: u32) -> Window {
    let Event::Begin(header) = begin(Mode::Fast) else {
        unreachable!("a header")
    };
    played(
        Event::Begin(Header {
            lead: true,
            ..header
        }),
        segments,
        parts,
    )
}

pub(in super::super) fn played(begin: Event, segments: u32, parts: u32) -> Window {
    let mut window = Window::default();
    let mut play = |event: Event| window.apply(&event).expect("it fits");
    play(begin);
    for track in [name("v"), name("a")] {
        play(Event::Init {
            track,
            segment: 0,
            init: 0,
        });
        for segment in 0..=segments {
            let last = if segment == segments { parts } else { 10 };
            for part in 0..last {
                play(Event::Part {
                    track,
                    segment,
                    part,
                    us: 200_000,
                    key: part == 0,
                    place: None,
                });
            }
            if segment < segments {
                let at_ms = 1_700_000_000_000 + u64::from(segment) * 2000;
                play(Event::Segment {
                    track,
                    segment,
                    us: 2_000_000,
                    at_ms,
                    key: true,
                });
            }
        }
    }
    window
}

#[test]
fn what_does_not_fit_is_refused() {
    let window = broadcast(2, 1);
    let (v, x) = (name("v"), name("x"));
    let part = |track, segment, part, us| Event::Part {
        track,
        segment,
        part,
        us,
        key: false,
        place: None,
    };
    let whole = |segment, us| Event::Segment {
        track: v,
        segment,
        us,
        at_ms: 0,
        key: false,
    };
    for (event, misfit) in [
        (begin(Mode::Fast), Misfit::Header),
        (part(x, 2, 1, 200_000), Misfit::Track),
        (part(v, 2, 2, 200_000), Misfit::Number),
        (part(v, 3, 0, 200_000), Misfit::Number),
        (part(v, 2, 1, 200_001), Misfit::Duration),
        (part(v, 2, 1, 0), Misfit::Duration),
        (whole(3, 2_000_000), Misfit::Number),
        (whole(2, 2_500_000), Misfit::Duration),
        (Event::Drop { before: 3 }, Misfit::Number),
    ] {
        assert_eq!(window.clone().apply(&event), Err(misfit), "{event:?}");
    }
    let mut short = window;
    short
        .apply(&part(v, 2, 1, 10_000))
        .expect("the last may be short");
    assert_eq!(
        short.apply(&part(v, 2, 2, 200_000)),
        Err(Misfit::Short(170_000))
    );
    assert_eq!(Window::default().apply(&Event::End {}), Err(Misfit::Header));
}

#[test]
fn a_half_written_line_waits() {
    let whole = begin(Mode::Fast).line();
    let (window, read) = Window::replay(&format!("{whole}{{\"part\":"));
    assert_eq!(read, whole.len());
    assert!(window.header().is_some());
    let (window, read) = Window::replay("{\"par");
    assert_eq!((window, read), (Window::default(), 0));
}

#[test]
fn discontinuities_are_counted_when_they_leave() {
    let mut window = broadcast(2, 0);
    window.apply(&Event::Cut { segment: 2 }).expect("it fits");
    for track in [name("v"), name("a")] {
        let done = |segment| Event::Segment {
            track,
            segment,
            us: 1,
            at_ms: 0,
            key: true,
        };
        for segment in 2..5 {
            window.apply(&done(segment)).expect("it fits");
        }
    }
    window.apply(&Event::Drop { before: 2 }).expect("it fits");
    assert_eq!((window.is_cut(2), window.cuts_gone), (true, 0));
    window.apply(&Event::Drop { before: 3 }).expect("it fits");
    assert_eq!((window.is_cut(2), window.cuts_gone), (false, 1));
}

#[test]
fn only_what_is_listed_is_named() {
    let window = broadcast(2, 3);
    for (file, named) in [
        ("v-0.m4s", true),
        ("v-1.9.m4s", true),
        ("v-1.10.m4s", false),
        ("v-2.m4s", false),
        ("v-2.2.m4s", true),
        ("v-2.3.m4s", true),
        ("v-2.4.m4s", false),
        ("v-3.0.m4s", false),
        ("v-init.mp4", true),
        ("x-init.mp4", false),
        ("poster.jpg", false),
    ] {
        assert_eq!(window.names(file.parse().expect(file)), named, "{file}");
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    let track = prop_oneof![Just(name("v")), Just(name("a")), Just(name("x"))];
    let us = prop_oneof![
        Just(0),
        Just(10_000),
        Just(180_000),
        Just(200_000),
        Just(u64::MAX)
    ];
    (0..6_u8, track, 0..6_u32, 0..4_u32, us, any::<bool>()).prop_map(
        |(kind, track, segment, part, us, key)| match kind {
            0 => Event::Init {
                track,
                segment,
                init: 0,
            },
            1 => Event::Cut { segment },
            2 | 3 => Event::Part {
                track,
                segment,
                part,
                us,
                key,
                place: None,
            },
            4 => Event::Segment {
                track,
                segment,
                us,
                at_ms: us,
                key,
            },
            _ => Event::Drop { before: segment },
        },
    )
}

proptest! {
    /// Whatever a journal says, what is listed is in order, long enough and never too long.
    #[test]
    fn no_journal_breaks_the_rules(events in proptest::collection::vec(any_event(), 0..200)) {
        let mut window = Window::default();
        window.apply(&begin(Mode::Fast)).expect("a header");
        for event in &events {
            let _ = window.apply(event);
        }
        for track in &window.tracks {
            let whole = track.segments.iter().map(|listed| &listed.parts);
            for parts in whole.chain([&track.open]) {
                prop_assert!(parts.iter().all(|part| part.us <= 200_000));
                let followed = parts.len().saturating_sub(1);
                prop_assert!(parts[..followed].iter().all(|part| part.us >= 170_000));
            }
            prop_assert!(track.segments.iter().all(|listed| listed.us < 2_500_000));
            let next = window.next(track);
            prop_assert!((window.first..next).all(|segment| track.init_of(segment).is_some()));
        }
        prop_assert!(window.playlist(name("v"), super::super::View::Delta).is_some());
    }

    #[test]
    fn no_text_panics(text in "(\\{\"(part|segment|begin)\":)?\\PC{0,60}\n?") {
        let _ = Window::replay(&text);
    }
}
