//! A right playlist passes; each fault that is put into it is found by its rule.

use super::*;

/// Two tracks' worth of the same: six whole segments and the beginning of the seventh.
fn text(track: &str, other: &str) -> String {
    let head = "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:2\n\
        #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12,HOLD-BACK=6,PART-HOLD-BACK=3.0\n\
        #EXT-X-PART-INF:PART-TARGET=1.0\n#EXT-X-MEDIA-SEQUENCE:10\n\
        #EXT-X-DISCONTINUITY-SEQUENCE:1\n#EXT-X-INDEPENDENT-SEGMENTS\n";
    let segments: String = (10..16).map(|number| segment(track, number)).collect();
    format!(
        "{head}#EXT-X-MAP:URI=\"{track}-init.mp4\"\n{segments}\
         #EXT-X-PART:DURATION=1.0,URI=\"{track}-16.0.m4s\",INDEPENDENT=YES\n\
         #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{track}-16.1.m4s\"\n\
         #EXT-X-RENDITION-REPORT:URI=\"{other}.m3u8\",LAST-MSN=16,LAST-PART=0\n"
    )
}

fn segment(track: &str, number: u64) -> String {
    let second = number * 2;
    let cut = if number == 10 {
        "#EXT-X-DISCONTINUITY\n"
    } else {
        ""
    };
    // Parts are listed near the end only.
    let parts = if number < 13 {
        String::new()
    } else {
        format!(
            "#EXT-X-PART:DURATION=1.0,URI=\"{track}-{number}.0.m4s\",INDEPENDENT=YES\n\
             #EXT-X-PART:DURATION=1.0,URI=\"{track}-{number}.1.m4s\"\n"
        )
    };
    format!(
        "{cut}#EXT-X-PROGRAM-DATE-TIME:2026-01-31T12:00:{second:02}.000Z\n{parts}\
         #EXTINF:2.0,\n{track}-{number}.m4s\n"
    )
}

fn media(text: &str) -> Media {
    Media::parse(text).expect("a playlist")
}

/// The rules that were broken.
fn found(look: impl FnOnce(&mut Findings)) -> Vec<&'static str> {
    let mut findings = Findings::default();
    look(&mut findings);
    let mut rules: Vec<_> = findings.0.iter().map(|finding| finding.rule).collect();
    rules.dedup();
    rules
}

#[test]
fn each_fault_is_found_by_its_rule() {
    let right = text("v", "a");
    assert_eq!(
        found(|findings| one("v.m3u8", &media(&right), findings)),
        Vec::<&str>::new()
    );
    for (from, to, rule) in [
        ("#EXTINF:2.0,\nv-12", "#EXTINF:2.6,\nv-12", "target"),
        ("#EXT-X-MAP:URI=\"v-init.mp4\"\n", "", "map"),
        ("12:00:24", "12:00:29", "date"),
        ("12:00:24", "11:00:24", "date"),
        ("1.0,URI=\"v-14.1", "1.2,URI=\"v-14.1", "part-target"),
        ("1.0,URI=\"v-14.0", "0.8,URI=\"v-14.0", "part-short"),
        ("1.0,URI=\"v-14.1", "0.5,URI=\"v-14.1", "part-sum"),
        (
            "v-13.0.m4s\",INDEPENDENT=YES",
            "v-13.0.m4s\"",
            "independent",
        ),
        (
            "v-16.0.m4s\",INDEPENDENT=YES",
            "v-16.0.m4s\"",
            "independent",
        ),
        ("CAN-BLOCK-RELOAD=YES,", "", "blocking"),
        (",PART-HOLD-BACK=3.0", "", "hold-back"),
        ("PART-HOLD-BACK=3.0", "PART-HOLD-BACK=1.9", "hold-back"),
        ("PART-HOLD-BACK=3.0", "PART-HOLD-BACK=2.5", "hold-back"),
        (",HOLD-BACK=6", ",HOLD-BACK=5", "hold-back"),
        ("CAN-SKIP-UNTIL=12", "CAN-SKIP-UNTIL=11", "skip"),
        (
            "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"v-16.1.m4s\"\n",
            "",
            "hint",
        ),
        ("LAST-PART=0\n", "LAST-PART=0\n#EXT-X-ENDLIST\n", "hint"),
    ] {
        assert!(right.contains(from), "{from}");
        let wrong = media(&right.replacen(from, to, 1));
        let rules = found(|findings| one("v.m3u8", &wrong, findings));
        assert!(rules.contains(&rule), "{from} -> {to}: {rules:?}");
    }
}

#[test]
fn a_segment_that_never_was_needs_no_date_and_no_keyframe() {
    let gap =
        "#EXT-X-PART:DURATION=1.0,URI=\"gap.m4s\",GAP=YES\n#EXT-X-GAP\n#EXTINF:1.0,\ngap.m4s\n";
    let mut text = text("v", "a").replacen(&segment("v", 10), gap, 1);
    for number in 11..13 {
        text = text.replacen(&segment("v", number), "", 1);
    }
    let found = |text: &str| found(|findings| one("v.m3u8", &media(text), findings));
    assert_eq!(found(&text), Vec::<&str>::new());
    for (from, rule) in [("#EXT-X-GAP\n", "date"), (",GAP=YES", "independent")] {
        assert_eq!(found(&text.replacen(from, "", 1)), [rule]);
    }
}

#[test]
fn parts_far_from_the_edge_are_advised_against() {
    let more: String = (16..26).map(|number| segment("v", number)).collect();
    let long = text("v", "a").replacen(
        "#EXT-X-PART:DURATION=1.0,URI=\"v-16.0",
        &format!("{more}#EXT-X-PART:DURATION=1.0,URI=\"v-26.0"),
        1,
    );
    let rules = found(|findings| one("v.m3u8", &media(&long), findings));
    assert_eq!(rules, ["part-list"]);
}

#[test]
fn a_later_version_goes_on_from_the_one_before() {
    let before = text("v", "a");
    let next = before
        .replacen("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"v-16.1.m4s\"\n", "#EXT-X-PART:DURATION=1.0,URI=\"v-16.1.m4s\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"v-16.2.m4s\"\n", 1);
    // The first segment, which began with a discontinuity, is gone.
    let slid = next
        .replacen("#EXT-X-MEDIA-SEQUENCE:10", "#EXT-X-MEDIA-SEQUENCE:11", 1)
        .replacen("DISCONTINUITY-SEQUENCE:1", "DISCONTINUITY-SEQUENCE:2", 1)
        .replacen(&segment("v", 10), "", 1);
    let compare =
        |after: &str| found(|findings| two("v.m3u8", &media(&before), &media(after), findings));
    assert_eq!(compare(&next), Vec::<&str>::new());
    assert_eq!(compare(&slid), Vec::<&str>::new());
    for (from, to, rule) in [
        ("TARGETDURATION:2", "TARGETDURATION:3", "target"),
        ("PART-TARGET=1.0", "PART-TARGET=1.1", "target"),
        ("MEDIA-SEQUENCE:11", "MEDIA-SEQUENCE:9", "sequence"),
        ("\nv-12.m4s", "\nv-99.m4s", "sequence"),
        (
            "DISCONTINUITY-SEQUENCE:2",
            "DISCONTINUITY-SEQUENCE:1",
            "discontinuity-sequence",
        ),
        ("v-16.1.m4s", "v-16.9.m4s", "hint"),
    ] {
        assert!(slid.contains(from), "{from}");
        let rules = compare(&slid.replacen(from, to, 1));
        assert!(rules.contains(&rule), "{from} -> {to}: {rules:?}");
    }
    let back = found(|findings| two("v.m3u8", &media(&next), &media(&before), findings));
    assert_eq!(back, ["sequence"]);
    let ended = format!("{before}#EXT-X-ENDLIST\n");
    let again = found(|findings| two("v.m3u8", &media(&ended), &media(&before), findings));
    assert_eq!(again, ["sequence"]);
}

#[test]
fn too_little_is_left_when_segments_go_early() {
    let mut after = media(&text("v", "a"));
    after.first += 4;
    after.cuts_gone += 1;
    after.segments.drain(..4);
    let rules = found(|findings| two("v.m3u8", &media(&text("v", "a")), &after, findings));
    assert_eq!(rules, ["sequence"]);
}

#[test]
fn a_delta_says_the_same_as_the_whole() {
    let whole = media(&text("v", "a"));
    let head = text("v", "a");
    let (head, _) = head.split_once("#EXT-X-MAP").expect("a head");
    let rest: String = (14..16).map(|number| segment("v", number)).collect();
    let delta = format!("{head}#EXT-X-SKIP:SKIPPED-SEGMENTS=4\n{rest}");
    let delta = media(&delta);
    assert_eq!(delta.next(), 16);
    let made = delta.clone().onto(&whole).expect("it was all there");
    assert_eq!(made.segments, whole.segments);
    let mut younger = whole;
    younger.first += 1;
    younger.segments.remove(0);
    assert_eq!(delta.onto(&younger), None);
}

#[test]
fn tracks_go_together() {
    let (v, a) = (text("v", "a"), text("a", "v"));
    let together = |a: &str| {
        let tracks = [("v.m3u8", media(&v)), ("a.m3u8", media(a))];
        let tracks = tracks.map(|(name, media)| (name.to_owned(), media)).into();
        found(|findings| super::together(&tracks, findings))
    };
    assert_eq!(together(&a), Vec::<&str>::new());
    for (from, to, rule) in [
        ("TARGETDURATION:2", "TARGETDURATION:3", "target"),
        ("#EXT-X-DISCONTINUITY\n", "", "discontinuity"),
        ("12:00:24.000", "12:00:24.100", "alignment"),
        ("URI=\"v.m3u8\"", "URI=\"w.m3u8\"", "report"),
        ("LAST-MSN=16", "LAST-MSN=12", "report"),
    ] {
        assert!(a.contains(from), "{from}");
        let rules = together(&a.replacen(from, to, 1));
        assert!(rules.contains(&rule), "{from} -> {to}: {rules:?}");
    }
}
