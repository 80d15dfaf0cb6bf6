//! Measures one track: its playlist against its files.

use std::fs;
use std::path::Path;

use satreel_film::fmp4::read::{self, Fragment, Init};
use satreel_hls::naming::MediaFile;
use satreel_hls::playlist::{Bitrate, MediaPlaylist, SegmentSize, bitrate, parse_media};

use super::Findings;

/// Samples and playlist may differ by this: rounding, and a last frame of another length.
const SLACK_US: u64 = 120_000;
/// Gaps in decoding times: time stamps of coarse clocks.
const GAP_US: u64 = 5_000;
/// Apple's authoring rules: a keyframe every two seconds; a copied original may do with fewer.
const KEYS_APART_US: u64 = 2_600_000;
const OVER_TARGET_US: u64 = 500_000;

/// A track as it was found.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) playlist: MediaPlaylist,
    pub(super) init: Option<Init>,
    pub(super) bitrate: Bitrate,
}

/// None: there is no such playlist, which is told.
pub(super) fn measure(folder: &Path, name: &str, findings: &mut Findings) -> Option<Track> {
    let Ok(text) = fs::read_to_string(folder.join(name)) else {
        findings.fault(
            "missing",
            name,
            "the playlist is not there or cannot be read",
        );
        return None;
    };
    let playlist = match parse_media(&text) {
        Ok(playlist) => playlist,
        Err(error) => {
            findings.fault("playlist", name, error);
            return None;
        }
    };
    if !playlist.ended {
        findings.advice("unfinished", name, "the playlist still grows");
    }
    let limit = playlist.target_s * 1_000_000 + OVER_TARGET_US;
    if playlist
        .segments
        .iter()
        .any(|segment| segment.duration_us > limit)
    {
        findings.fault(
            "target",
            name,
            "a segment is longer than the target duration allows",
        );
    }
    let init = playlist.init.and_then(|file| init(folder, file, findings));
    let sizes = segments(folder, &playlist, init.as_ref(), findings);
    Some(Track {
        bitrate: bitrate(&sizes),
        playlist,
        init,
    })
}

fn init(folder: &Path, file: MediaFile, findings: &mut Findings) -> Option<Init> {
    let bytes = fs::read(folder.join(file.to_string()));
    let init = bytes.ok().and_then(|bytes| read::init(&bytes));
    if init.is_none() {
        findings.fault("init", file, "the init segment is missing or damaged");
    }
    init
}

fn segments(
    folder: &Path,
    playlist: &MediaPlaylist,
    init: Option<&Init>,
    findings: &mut Findings,
) -> Vec<SegmentSize> {
    let mut sizes = Vec::new();
    let mut expected = None;
    let mut current = init.cloned();
    for segment in &playlist.segments {
        let Ok(bytes) = fs::read(folder.join(segment.uri.to_string())) else {
            findings.fault(
                "missing",
                segment.uri,
                "the segment is listed but not there",
            );
            continue;
        };
        sizes.push(SegmentSize {
            bytes: bytes.len() as u64,
            duration_us: segment.duration_us,
        });
        if let Some(file) = segment.cut {
            // Behind a discontinuity another clock begins, and maybe another format.
            expected = None;
            current = self::init(folder, file, findings);
        }
        match &current {
            Some(init) => {
                let found = read::fragment(&bytes);
                let Some(found) = found.filter(|found| found.samples > 0 && found.sizes_fit) else {
                    findings.fault("segment", segment.uri, "the segment is damaged");
                    expected = None;
                    continue;
                };
                let us = |ticks: u64| ticks * 1_000_000 / u64::from(init.timescale);
                look(
                    segment.uri,
                    segment.duration_us,
                    &found,
                    us,
                    expected,
                    findings,
                );
                expected = Some(us(found.decode_time + found.duration));
            }
            None if init.is_none()
                && playlist.init.is_none()
                && !bytes.starts_with(b"WEBVTT\n") =>
            {
                findings.fault("segment", segment.uri, "these are no captions");
            }
            None => {}
        }
    }
    sizes
}

fn look(
    file: MediaFile,
    lasts_us: u64,
    found: &Fragment,
    us: impl Fn(u64) -> u64,
    expected_us: Option<u64>,
    findings: &mut Findings,
) {
    if !found.independent {
        findings.fault("independent", file, "it does not begin with a keyframe");
    }
    let holds = us(found.duration);
    if holds.abs_diff(lasts_us) > SLACK_US {
        let what = format!("it holds {holds} µs, the playlist says {lasts_us}");
        findings.fault("duration", file, what);
    }
    let begins = us(found.decode_time);
    if expected_us.is_some_and(|expected| expected.abs_diff(begins) > GAP_US) {
        let what = format!("it begins at {begins} µs and not where the one before ends");
        findings.fault("continuity", file, what);
    }
    let ends = found.keys.iter().skip(1).chain([&found.duration]);
    let apart = found
        .keys
        .iter()
        .zip(ends)
        .map(|(key, next)| us(next - key));
    if apart.max().unwrap_or(0) > KEYS_APART_US {
        findings.advice(
            "keyframes",
            file,
            "its keyframes lie more than two seconds apart",
        );
    }
}
