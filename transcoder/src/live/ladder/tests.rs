//! A ladder with a worker that is told what to do: late, slow, dead, wrong.

use satreel_film::fmp4::read;
use satreel_hls::live::{Mode, View};

use super::super::sps::tests::record_of;
use super::*;
use stage::Show;

mod stage;

const NOW_MS: u64 = 1_700_000_000_000;
const SIZE: (u32, u32) = (640, 360);
const SMALL: (u32, u32) = (320, 180);
const SMALLER: (u32, u32) = (256, 144);

#[test]
fn rungs_are_cut_where_the_top_is() {
    for mode in [Mode::Fast, Mode::Standard, Mode::Plain] {
        let mut show = Show::new(mode);
        show.play(250, 3);
        assert_eq!(show.check("v180"), "oooo", "{mode:?}");
        assert_eq!(show.check("v144"), "oooo", "{mode:?}");
        let order = show.fake.table().orders[0].clone();
        let sizes: Vec<_> = order
            .rungs
            .iter()
            .map(|rung| (rung.width, rung.height))
            .collect();
        assert_eq!(sizes, [SMALL, SMALLER]);
        assert!(
            order.frames_ks.abs_diff(30_000) < 300,
            "{}",
            order.frames_ks
        );
        let listed = show.ladder.listed();
        assert_eq!(listed.len(), 2);
        if mode != Mode::Plain {
            let track = "v180".parse().expect("a track");
            let text = show.segmenter.window().playlist(track, View::Full);
            let text = text.expect("a playlist");
            assert!(
                text.contains("RENDITION-REPORT:URI=\"v144.m3u8\",LAST-MSN="),
                "{text}"
            );
        }
    }
}

#[test]
fn pictures_come_in_the_order_in_which_they_are_shown() {
    let mut show = Show::new(Mode::Fast);
    show.play(60, 0);
    let part = show.out.iter().find_map(|output| match output {
        Output::File(MediaFile::Part(track, 0, 1), bytes) if track.as_str() == "v180" => {
            Some(bytes)
        }
        _ => None,
    });
    let (_, samples, _) = read::samples(part.expect("a part")).expect("ours");
    assert!(
        samples
            .iter()
            .all(|sample| sample.composition.abs_diff(66 * 90) < 90),
        "{samples:?}"
    );
}

#[test]
fn a_worker_that_begins_late_is_stood_in_for() {
    let mut show = Show::new(Mode::Fast);
    // It has said nothing for a second.
    show.play(30, usize::MAX);
    let rung = show.segmenter.window().track("v180".parse().expect("it"));
    assert!(!rung.expect("a track").open.is_empty());
    show.play(200, 2);
    let whose = show.check("v180");
    assert!(whose.starts_with("too"), "{whose}");
    assert_eq!(show.ladder.listed().len(), 2);
    assert!(show.ladder.health()[0].made);
}

#[test]
fn a_worker_that_dies_costs_the_rungs_only_and_is_replaced() {
    let mut show = Show::new(Mode::Fast);
    show.play(80, 0);
    show.says(Heard::Ended("it died".to_owned()));
    // The segment that it left open stands still.
    show.play(42, 0);
    assert_eq!(show.check("v180"), "oo");
    assert_eq!(show.fake.table().ended, 1);
    show.play(200, 0);
    assert_eq!(show.workers(), 2);
    let whose = show.check("v180");
    assert!(whose.starts_with("oo") && whose.ends_with('o'), "{whose}");
}

#[test]
fn workers_that_die_at_once_are_tried_ever_more_rarely() {
    let mut show = Show::new(Mode::Fast);
    let mut began = Vec::new();
    for second in 0..300 {
        show.play(30, usize::MAX);
        if show.workers() > began.len() {
            began.push(second);
            show.says(Heard::Ended("it died".to_owned()));
        }
    }
    let waits: Vec<i64> = began.windows(2).map(|two| two[1] - two[0]).collect();
    assert!(waits.is_sorted() && waits[0] <= 4, "{waits:?}");
    assert!((8..14).contains(&began.len()), "{began:?}");
    assert!(show.check("v144").chars().all(|whose| whose == 't'));
}

#[test]
fn a_rung_that_is_too_slow_goes_and_the_smaller_ones_stay() {
    let mut show = Show::new(Mode::Fast);
    show.play(100, 0);
    // Two seconds behind, and more.
    show.play(100, 65);
    show.play(200, 0);
    let health = show.ladder.health();
    assert_eq!(health[0].dropped.as_deref(), Some(TOO_SLOW));
    assert_eq!((health[1].dropped.as_deref(), health[1].made), (None, true));
    let listed = show.ladder.listed();
    assert_eq!(
        listed
            .iter()
            .map(|rung| rung.track.as_str())
            .collect::<Vec<_>>(),
        ["v144"]
    );
    let whose = show.check("v180");
    assert!(whose.starts_with("oo") && whose.ends_with("tt"), "{whose}");
    assert!(show.check("v144").ends_with('o'));
    let sizes = show
        .fake
        .table()
        .orders
        .last()
        .map(|order| order.rungs.len());
    assert_eq!((show.workers(), sizes), (2, Some(1)));
}

#[test]
fn nobody_waits_for_a_worker_that_has_stopped() {
    let mut show = Show::new(Mode::Fast);
    show.play(70, 0);
    show.play(300, usize::MAX);
    let (top, own) = (show.check_len("v"), show.check_len("v180"));
    assert!(top - own <= 2, "{top} {own}");
    assert!(show.workers() <= 4);
    show.check("v180");
    show.check("v144");
}

#[test]
fn a_publisher_that_comes_back_cuts_all_at_once() {
    let mut show = Show::new(Mode::Fast);
    show.play(100, 4);
    show.leave();
    assert_eq!(show.fake.table().fed.last(), Some(&Feed::Flush));
    assert_eq!(show.check("v180"), "oo");
    show.frame = 600;
    show.format(SIZE);
    show.play(100, 4);
    assert_eq!(show.workers(), 1, "the same one goes on");
    assert_eq!(show.check("v180"), "ooo");
    for track in ["v", "v180", "v144"] {
        let track = track.parse().expect("a track");
        let text = show
            .segmenter
            .window()
            .playlist(track, View::Full)
            .expect("it");
        assert_eq!(text.matches("#EXT-X-DISCONTINUITY\n").count(), 1, "{text}");
    }
}

#[test]
fn another_size_is_another_workers() {
    let mut show = Show::new(Mode::Fast);
    show.play(100, 4);
    show.leave();
    show.frame = 600;
    // As small as the largest rung itself.
    show.format(SMALL);
    show.play(130, 4);
    let order = show.fake.table().orders.last().cloned().expect("an order");
    assert_eq!(order.rungs.len(), 1, "{order:?}");
    assert_eq!(show.ladder.listed().len(), 1);
    let top = show
        .segmenter
        .window()
        .track("v".parse().expect("it"))
        .expect("it");
    let rung = show
        .segmenter
        .window()
        .track("v180".parse().expect("it"))
        .expect("it");
    assert_eq!(top.segments.len(), rung.segments.len());
}

#[test]
fn the_end_waits_for_nobody() {
    let mut show = Show::new(Mode::Fast);
    show.play(100, 40);
    let mut out = Vec::new();
    let now = show.now();
    show.segmenter.leave(&mut out);
    show.ladder.follow(&mut show.segmenter, &mut out, now);
    show.ladder.end(&mut show.segmenter, &mut out, now);
    show.segmenter.end(&mut out);
    show.out.extend(out);
    assert_eq!(show.check("v180").len(), 2);
    let track = "v180".parse().expect("a track");
    let text = show
        .segmenter
        .window()
        .playlist(track, View::Full)
        .expect("it");
    assert!(text.ends_with("#EXT-X-ENDLIST\n"), "{text}");
}

#[test]
fn a_worker_that_lies_is_ended() {
    let packet = |rung, key| Said::Packet {
        rung,
        key,
        data: vec![0, 0, 0, 1, 9],
    };
    let record = record_of(1280, 720);
    for lie in [
        packet(2, true),
        Said::Format { rung: 0, record },
        Said::Format {
            rung: 0,
            record: vec![1],
        },
        Said::Failed("no".to_owned()),
    ] {
        let mut show = Show::new(Mode::Fast);
        show.play(20, 0);
        show.says(Heard::Said(lie.clone()));
        show.play(20, 0);
        assert_eq!(show.fake.table().ended, 1, "{lie:?}");
    }
    let mut show = Show::new(Mode::Fast);
    show.play(20, 0);
    for _ in 0..9 {
        show.fake.table().says.push(Heard::Said(packet(0, false)));
    }
    show.play(2, 0);
    assert_eq!(show.fake.table().ended, 1, "more than it was asked for");
    show.play(100, 0);
    show.check("v180");
}
