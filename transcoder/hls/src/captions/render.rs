//! Cues as WebVTT: whole documents, and segments that players add up.

use std::fmt::Write as _;

use super::Cue;

/// All cues.
pub fn document(cues: &[Cue]) -> String {
    write(String::from("WEBVTT\n"), cues.iter())
}

/// The cues that are shown between two times of a title. A cue that lasts over a boundary stands on
/// both sides of it, with the same times: players show it once (RFC 8216 §3.5). `cues` are in the
/// order of their beginnings.
pub fn segment(cues: &[Cue], start_us: u64, end_us: u64) -> String {
    let head = "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n";
    let begun = cues.partition_point(|cue| cue.start_us < end_us);
    let shown = cues.get(..begun).unwrap_or_default().iter();
    write(head.to_owned(), shown.filter(|cue| cue.end_us > start_us))
}

fn write<'a>(head: String, cues: impl Iterator<Item = &'a Cue>) -> String {
    cues.fold(head, |mut text, cue| {
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "\n{} --> {}\n{}",
            Time(cue.start_us),
            Time(cue.end_us),
            cue.text
        );
        text
    })
}

struct Time(u64);

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = self.0 / 1000;
        let (seconds, minutes) = (ms / 1000, ms / 60_000);
        write!(
            f,
            "{:02}:{:02}:{:02}.{:03}",
            minutes / 60,
            minutes % 60,
            seconds % 60,
            ms % 1000
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn cues() -> Vec<Cue> {
        parse(b"WEBVTT\n\n00:01.000 --> 00:03.000\nOne\n\n01:00:00.500 --> 01:00:01.000\nTwo\n")
            .expect("captions")
    }

    #[test]
    fn a_document_parses_to_itself() {
        insta::assert_snapshot!(document(&cues()), @r"
        WEBVTT

        00:00:01.000 --> 00:00:03.000
        One

        01:00:00.500 --> 01:00:01.000
        Two
        ");
        assert_eq!(parse(document(&cues()).as_bytes()), Ok(cues()));
    }

    #[test]
    fn a_cue_over_a_boundary_is_on_both_sides() {
        let has = |start_s: u64, end_s: u64| {
            segment(&cues(), start_s * 1_000_000, end_s * 1_000_000).contains("One")
        };
        assert!(has(0, 2) && has(2, 4));
        assert!(!has(0, 1) && !has(3, 4));
        insta::assert_snapshot!(segment(&cues(), 0, 1_000_000), @r"
        WEBVTT
        X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000
        ");
    }
}
