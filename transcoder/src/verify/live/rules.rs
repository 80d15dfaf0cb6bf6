//! What must hold in a live playlist, between two versions of it, and between tracks (RFC 8216bis;
//! Apple's authoring rules for low latency).

use std::collections::BTreeMap;

use super::super::Findings;
use super::super::master::Attributes;
use super::media::{Media, Part, Segment, seconds};

/// Playlists round durations.
const ROUNDING_US: u64 = 1_000;
/// Dates tell milliseconds, and clocks of publishers are corrected by a little.
const DATE_SLACK_US: i64 = 500_000;
/// Sound begins its segments with whole frames.
const ALIGNED_US: i64 = 60_000;
/// Parts farther from the end than so many target durations need not be listed.
const PARTS_WITHIN: u64 = 4;

/// One version by itself.
pub(super) fn one(name: &str, media: &Media, findings: &mut Findings) {
    if media.target_us == 0 {
        findings.fault("target", name, "EXT-X-TARGETDURATION is missing");
    }
    // Durations are rounded to whole seconds before they are compared (RFC 8216bis §4.4.3.1).
    for segment in &media.segments {
        if segment.us.saturating_add(500_000) / 1_000_000 * 1_000_000 > media.target_us {
            findings.fault(
                "target",
                name,
                format!("{} lasts longer than the target duration", segment.uri),
            );
        }
        if segment.map.is_none() {
            findings.fault("map", name, format!("{} has no EXT-X-MAP", segment.uri));
        }
    }
    dates(name, media, findings);
    if let Some(target) = media.part_target_us {
        parts(name, media, target, findings);
        control(name, media, target, findings);
        edge(name, media, findings);
    }
}

fn dates(name: &str, media: &Media, findings: &mut Findings) {
    let undated = |segment: &Segment| segment.at_us.is_none() && !segment.gap;
    if media.segments.iter().any(undated) {
        findings.advice(
            "date",
            name,
            "segments have no EXT-X-PROGRAM-DATE-TIME: players can't tell how far behind they are",
        );
    }
    for pair in media.segments.windows(2) {
        let (Some(here), Some(next)) = (pair[0].at_us, pair[1].at_us) else {
            continue;
        };
        let lasts = i64::try_from(pair[0].us).unwrap_or(i64::MAX);
        let drift = next.saturating_sub(here).saturating_sub(lasts);
        if next <= here || (!pair[1].cut && drift.abs() > DATE_SLACK_US) {
            findings.fault(
                "date",
                name,
                format!(
                    "the date of {} does not follow from the one before",
                    pair[1].uri
                ),
            );
        }
    }
}

fn parts(name: &str, media: &Media, target: u64, findings: &mut Findings) {
    for part in media
        .parts()
        .filter(|part| part.us > target.saturating_add(ROUNDING_US))
    {
        findings.fault(
            "part-target",
            name,
            format!("{} lasts longer than PART-TARGET", part.uri),
        );
    }
    let whole = media
        .segments
        .iter()
        .map(|segment| segment.parts.as_slice());
    // The last one may be a segment's last, which may be short.
    for parts in whole.chain([media.open.as_slice()]) {
        let but_last = parts.split_last().map_or(&[][..], |(_, parts)| parts);
        for part in but_last.iter().filter(|part| part.us < target / 100 * 85) {
            findings.fault(
                "part-short",
                name,
                format!("{} lasts less than 85 % of PART-TARGET", part.uri),
            );
        }
    }
    for segment in media
        .segments
        .iter()
        .filter(|segment| !segment.parts.is_empty())
    {
        sum(name, segment, findings);
    }
    let first = |parts: &[Part]| {
        parts
            .first()
            .is_some_and(|part| !part.independent && !part.gap)
    };
    let mut firsts = media
        .segments
        .iter()
        .map(|segment| segment.parts.as_slice());
    if media.independent && (firsts.any(first) || first(&media.open)) {
        findings.fault(
            "independent",
            name,
            "a segment's first part lacks INDEPENDENT=YES",
        );
    }
}

fn sum(name: &str, segment: &Segment, findings: &mut Findings) {
    let sum: u64 = segment.parts.iter().map(|part| part.us).sum();
    if sum.abs_diff(segment.us) > ROUNDING_US * (segment.parts.len() as u64 + 1) {
        let what = format!(
            "the parts of {} last {sum} µs, the segment {} µs",
            segment.uri, segment.us
        );
        findings.fault("part-sum", name, what);
    }
}

/// `EXT-X-SERVER-CONTROL` (RFC 8216bis §4.4.3.8).
fn control(name: &str, media: &Media, part_target: u64, findings: &mut Findings) {
    let of = |key: &str| media.control.get(key).map(String::as_str);
    if of("CAN-BLOCK-RELOAD") != Some("YES") {
        findings.fault(
            "blocking",
            name,
            "parts need CAN-BLOCK-RELOAD=YES: players would have to ask again and again",
        );
    }
    match of("PART-HOLD-BACK").and_then(seconds) {
        None => findings.fault("hold-back", name, "parts need PART-HOLD-BACK"),
        Some(back) if back < part_target.saturating_mul(2) => findings.fault(
            "hold-back",
            name,
            "PART-HOLD-BACK is less than twice PART-TARGET",
        ),
        Some(back) if back < part_target.saturating_mul(3) => findings.advice(
            "hold-back",
            name,
            "PART-HOLD-BACK should be three times PART-TARGET",
        ),
        Some(_) => {}
    }
    let back = of("HOLD-BACK").and_then(seconds);
    if back.is_some_and(|back| back < media.target_us.saturating_mul(3)) {
        findings.fault(
            "hold-back",
            name,
            "HOLD-BACK is less than three target durations",
        );
    }
    let until = of("CAN-SKIP-UNTIL").and_then(seconds);
    if until.is_some_and(|until| until < media.target_us.saturating_mul(6)) {
        findings.fault(
            "skip",
            name,
            "CAN-SKIP-UNTIL is less than six target durations",
        );
    }
}

/// What stands at the live edge, and only there.
fn edge(name: &str, media: &Media, findings: &mut Findings) {
    if media.ended {
        if media.hint.is_some() {
            findings.fault("hint", name, "what has ended hints at a part to come");
        }
        return;
    }
    if media.hint.is_none() {
        findings.fault("hint", name, "EXT-X-PRELOAD-HINT is missing");
    }
    let mut behind: u64 = media.open.iter().map(|part| part.us).sum();
    for segment in media.segments.iter().rev() {
        if behind > media.target_us.saturating_mul(PARTS_WITHIN) && !segment.parts.is_empty() {
            findings.advice(
                "part-list",
                name,
                "parts are listed far from the live edge: playlists grow by it",
            );
            return;
        }
        behind = behind.saturating_add(segment.us);
    }
}

/// A version, and a later one.
pub(super) fn two(name: &str, before: &Media, after: &Media, findings: &mut Findings) {
    if after.target_us != before.target_us || after.part_target_us != before.part_target_us {
        findings.fault("target", name, "the target durations changed");
    }
    if after.first < before.first {
        findings.fault("sequence", name, "EXT-X-MEDIA-SEQUENCE went back");
    }
    if after.edge() < before.edge() {
        findings.fault("sequence", name, "what was listed at the end is gone");
    }
    if before.ended && !after.ended {
        findings.fault("sequence", name, "it had ended, and goes on");
    }
    for (number, segment) in before.numbered() {
        let Some(now) = after.segment(number) else {
            continue;
        };
        if (now.us, &now.uri, now.cut) != (segment.us, &segment.uri, segment.cut) {
            let what = format!("segment {number} was {} and is {}", segment.uri, now.uri);
            findings.fault("sequence", name, what);
        }
    }
    removed(name, before, after, findings);
    hinted(name, before, after, findings);
}

fn removed(name: &str, before: &Media, after: &Media, findings: &mut Findings) {
    if after.first > before.next() {
        return;
    }
    let gone = before
        .numbered()
        .filter(|(number, _)| *number < after.first);
    let cuts = gone.filter(|(_, segment)| segment.cut).count() as u64;
    if after.cuts_gone != before.cuts_gone.saturating_add(cuts) {
        let what = format!(
            "EXT-X-DISCONTINUITY-SEQUENCE went from {} to {}, and {cuts} discontinuities left",
            before.cuts_gone, after.cuts_gone
        );
        findings.fault("discontinuity-sequence", name, what);
    }
    let left: u64 = after.segments.iter().map(|segment| segment.us).sum();
    if after.first > before.first && left < after.target_us.saturating_mul(3) {
        findings.fault(
            "sequence",
            name,
            "segments were removed though fewer than three target durations are left",
        );
    }
}

/// The part that was hinted at is the one that came.
fn hinted(name: &str, before: &Media, after: &Media, findings: &mut Findings) {
    let (Some(hint), (number, listed)) = (&before.hint, before.edge()) else {
        return;
    };
    let parts = match after.segment(number) {
        Some(segment) => &segment.parts,
        None if after.next() == number => &after.open,
        None => return,
    };
    match parts.get(listed) {
        Some(part) if part.uri != *hint => findings.fault(
            "hint",
            name,
            format!("{hint} was hinted at, and {} came", part.uri),
        ),
        // The segment ended before it: players are told by a 404.
        Some(_) | None => {}
    }
}

/// All tracks at about the same moment.
pub(super) fn together(tracks: &BTreeMap<String, Media>, findings: &mut Findings) {
    let Some((first, reference)) = tracks.first_key_value() else {
        return;
    };
    for (name, media) in tracks.iter().skip(1) {
        if media.target_us != reference.target_us
            || media.part_target_us != reference.part_target_us
        {
            findings.fault(
                "target",
                name,
                format!("its target durations are not those of {first}"),
            );
        }
        for (number, segment) in media.numbered() {
            let Some(other) = reference.segment(number) else {
                continue;
            };
            aligned(name, first, (number, segment, other), findings);
        }
    }
    for (name, media) in tracks {
        reports(name, media, tracks, findings);
    }
}

fn aligned(
    name: &str,
    first: &str,
    (number, segment, other): (u64, &Segment, &Segment),
    findings: &mut Findings,
) {
    if segment.cut != other.cut {
        findings.fault(
            "discontinuity",
            name,
            format!("it and {first} differ in a discontinuity at segment {number}"),
        );
    }
    if let (Some(here), Some(there)) = (segment.at_us, other.at_us)
        && here.saturating_sub(there).abs() > ALIGNED_US
    {
        findings.fault(
            "alignment",
            name,
            format!("segment {number} does not begin where that of {first} does"),
        );
    }
}

/// Each names all others, and where they are.
fn reports(name: &str, media: &Media, tracks: &BTreeMap<String, Media>, findings: &mut Findings) {
    if media.part_target_us.is_none() || media.ended {
        return;
    }
    for (other, theirs) in tracks.iter().filter(|(other, _)| *other != name) {
        let is_it = |report: &&Attributes| report.get("URI").is_some_and(|uri| uri == other);
        let Some(report) = media.reports.iter().find(is_it) else {
            findings.fault(
                "report",
                name,
                format!("EXT-X-RENDITION-REPORT of {other} is missing"),
            );
            continue;
        };
        let last = report
            .get("LAST-MSN")
            .and_then(|number| number.parse::<u64>().ok());
        // They were read one after another, and a segment may have ended in between.
        if last.is_none_or(|last| last.abs_diff(theirs.next()) > 2) {
            findings.fault(
                "report",
                name,
                format!("EXT-X-RENDITION-REPORT of {other} is not where that is"),
            );
        }
    }
}

#[cfg(test)]
mod tests;
