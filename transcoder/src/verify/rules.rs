//! What must hold between a title's files (RFC 8216; Apple's HLS authoring specification).

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use satreel_hls::captions;
use satreel_hls::naming::MediaFile;
use satreel_hls::playlist::{Bitrate, MediaPlaylist};

use super::Findings;
use super::master::{self, Attributes, Master};
use super::track::{self, Track};

/// Sound begins its segments with whole frames.
const SOUND_SLACK_US: u64 = 25_000;
const LENGTH_SLACK_US: u64 = 100_000;

pub(super) fn check(folder: &Path, findings: &mut Findings) {
    let name = MediaFile::Master.to_string();
    let Ok(text) = fs::read_to_string(folder.join(&name)) else {
        findings.fault("missing", name, "the title has no multivariant playlist");
        return;
    };
    let master = master::parse(&text);
    if !master.independent {
        findings.fault(
            "independent",
            &name,
            "#EXT-X-INDEPENDENT-SEGMENTS is missing",
        );
    }
    if master.variants.is_empty() {
        findings.fault("variants", &name, "it names no variant");
    }
    renditions(&master, &name, findings);
    let sounds: Vec<Track> = of_type(&master, "AUDIO")
        .filter_map(|media| track::measure(folder, media.get("URI")?, findings))
        .collect();
    let heaviest = heaviest(&sounds);
    let mut reference: Option<MediaPlaylist> = None;
    for (attributes, uri) in &master.variants {
        let Some(found) = track::measure(folder, uri, findings) else {
            continue;
        };
        variant(attributes, uri, &found, heaviest, &sounds, findings);
        match &reference {
            Some(first) => aligned(uri, first, &found.playlist, 1, findings),
            None => reference = Some(found.playlist),
        }
    }
    if let Some(first) = &reference {
        beside(folder, &master, first, &sounds, findings);
    }
    pictures(folder, findings);
}

fn of_type<'a>(master: &'a Master, kind: &'a str) -> impl Iterator<Item = &'a Attributes> {
    let is_it = move |media: &&Attributes| media.get("TYPE").is_some_and(|found| found == kind);
    master.media.iter().filter(is_it)
}

fn heaviest(sounds: &[Track]) -> Bitrate {
    let rates = sounds.iter().map(|sound| sound.bitrate);
    rates.fold(Bitrate::default(), |most, rate| Bitrate {
        peak: most.peak.max(rate.peak),
        average: most.average.max(rate.average),
    })
}

/// Names tell renditions apart, and one of each kind is the usual one.
fn renditions(master: &Master, name: &str, findings: &mut Findings) {
    for kind in ["AUDIO", "SUBTITLES"] {
        let names: Vec<_> = of_type(master, kind)
            .map(|media| media.get("NAME"))
            .collect();
        let different: BTreeSet<_> = names.iter().collect();
        if different.len() < names.len() {
            findings.fault(
                "names",
                name,
                format!("two {kind} renditions have one name"),
            );
        }
    }
    let is_usual = |media: &&Attributes| media.get("DEFAULT").is_some_and(|word| word == "YES");
    let usual = of_type(master, "AUDIO").filter(is_usual).count();
    if usual != 1 && of_type(master, "AUDIO").next().is_some() {
        findings.fault("default", name, "exactly one sound must be the usual one");
    }
}

fn variant(
    attributes: &Attributes,
    uri: &str,
    track: &Track,
    heaviest: Bitrate,
    sounds: &[Track],
    findings: &mut Findings,
) {
    let has_picture = track.init.as_ref().is_some_and(|init| init.size.is_some());
    let mut wanted = vec!["BANDWIDTH", "AVERAGE-BANDWIDTH", "CODECS"];
    if has_picture {
        wanted.extend(["RESOLUTION", "FRAME-RATE"]);
    }
    for key in wanted {
        if !attributes.contains_key(key) {
            findings.fault("attributes", uri, format!("{key} is missing"));
        }
    }
    let added = if has_picture {
        heaviest
    } else {
        Bitrate::default()
    };
    let measured = track.bitrate + added;
    for (key, measured) in [
        ("BANDWIDTH", measured.peak),
        ("AVERAGE-BANDWIDTH", measured.average),
    ] {
        bandwidth(attributes, key, measured, uri, findings);
    }
    if track.bitrate.peak > track.bitrate.average.saturating_mul(2) {
        findings.advice("peak", uri, "its peak is more than twice its average");
    }
    codecs(attributes, uri, track, sounds, findings);
}

/// Within a tenth of what was measured.
fn bandwidth(
    attributes: &Attributes,
    key: &str,
    measured: u64,
    uri: &str,
    findings: &mut Findings,
) {
    let declared = attributes
        .get(key)
        .and_then(|value| value.parse::<u64>().ok());
    if let Some(declared) = declared
        && declared.abs_diff(measured) > measured / 10
    {
        let what = format!("{key} says {declared}, measured are {measured}");
        findings.fault("bandwidth", uri, what);
    }
}

fn codecs(
    attributes: &Attributes,
    uri: &str,
    track: &Track,
    sounds: &[Track],
    findings: &mut Findings,
) {
    let Some(init) = &track.init else { return };
    let declared = attributes.get("CODECS").map_or("", String::as_str);
    let declared: BTreeSet<&str> = declared.split(',').collect();
    let sounds = sounds.iter().filter_map(|sound| sound.init.as_ref());
    let found = sounds.chain([init]).map(|init| init.codec.as_str());
    let found: BTreeSet<&str> = found.collect();
    if declared != found {
        let what = format!("CODECS says {declared:?}, the files are {found:?}");
        findings.fault("codecs", uri, what);
    }
    let size = init.size.map(|(width, height)| format!("{width}x{height}"));
    if attributes.get("RESOLUTION") != size.as_ref() {
        findings.fault("resolution", uri, "RESOLUTION is not the picture's size");
    }
}

/// Players switch between tracks at any boundary.
fn aligned(
    name: &str,
    first: &MediaPlaylist,
    other: &MediaPlaylist,
    slack_us: u64,
    findings: &mut Findings,
) {
    if first.duration_us().abs_diff(other.duration_us()) > LENGTH_SLACK_US.max(slack_us) {
        findings.fault(
            "length",
            name,
            "it does not last as long as the first variant",
        );
    }
    if first.segments.len() != other.segments.len() {
        findings.fault("alignment", name, "it has another number of segments");
        return;
    }
    let (mut here, mut there) = (0, 0);
    let pairs: Vec<_> = first.segments.iter().zip(&other.segments).collect();
    for two in pairs.windows(2) {
        let ((one, other), (next, next_other)) = (two[0], two[1]);
        here += one.duration_us;
        there += other.duration_us;
        if next.cut.is_some() != next_other.cut.is_some() {
            let what = format!("it and the first variant differ in a discontinuity at {here} µs");
            findings.fault("discontinuity", name, what);
            return;
        }
        if next.cut.is_some() {
            // Players put tracks together anew there; the end before it is free.
            (here, there) = (0, 0);
        } else if u64::abs_diff(here, there) > slack_us {
            let what = format!("a boundary is at {there} µs, not at {here}");
            findings.fault("alignment", name, what);
            return;
        }
    }
}

fn beside(
    folder: &Path,
    master: &Master,
    first: &MediaPlaylist,
    sounds: &[Track],
    findings: &mut Findings,
) {
    let uris = of_type(master, "AUDIO").filter_map(|media| media.get("URI"));
    for (uri, sound) in uris.zip(sounds) {
        aligned(uri, first, &sound.playlist, SOUND_SLACK_US, findings);
    }
    for uri in of_type(master, "SUBTITLES").filter_map(|media| media.get("URI")) {
        if let Some(captions) = track::measure(folder, uri, findings) {
            aligned(uri, first, &captions.playlist, SOUND_SLACK_US, findings);
        }
    }
}

/// The poster, and the sheets that the storyboard names.
fn pictures(folder: &Path, findings: &mut Findings) {
    let poster = MediaFile::Poster.to_string();
    if !folder.join(&poster).is_file() {
        findings.advice("poster", poster, "the title has no poster");
    }
    let name = MediaFile::Storyboard.to_string();
    let Ok(bytes) = fs::read(folder.join(&name)) else {
        return;
    };
    let Ok(cues) = captions::parse(&bytes) else {
        findings.fault("storyboard", name, "it names no picture");
        return;
    };
    let sheets = cues.iter().filter_map(|cue| cue.text.split('#').next());
    for sheet in sheets.collect::<BTreeSet<_>>() {
        let is_sheet = matches!(sheet.parse(), Ok(MediaFile::Sprite(_)));
        if !is_sheet || !folder.join(sheet).is_file() {
            findings.fault("storyboard", &name, format!("{sheet} is not there"));
        }
    }
}
