//! A site in a folder of its own, and a publisher without a network.

use std::path::{Path, PathBuf};

use satreel_config::Config;
use satreel_hls::live::window::growing;
use satreel_hls::live::{GAP, JOURNAL, View, Window};
use satreel_hls::naming::MediaFile;
use satreel_hls::naming::TrackName;
use satreel_hls::title::TitleFile;

use super::super::super::gate::Gate;
use super::super::super::gate::tests::{format, picture};
use super::super::*;
use crate::verify::{self, Level};

pub(super) const NOW_MS: u64 = 1_700_000_000_000;
pub(super) const FROM: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
pub(super) const KEY: &str = "films_0011";

pub(super) struct Place {
    pub(super) folder: tempfile::TempDir,
    pub(super) site: Site,
}

impl Place {
    pub(super) fn new(channel: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let site = Site::of(Config::demo(folder.path())).with_disk_full(false);
        site.prepare().expect("folders");
        fs::create_dir_all(site.channels()).expect("a folder");
        let place = Self { folder, site };
        place.channel("films", KEY, channel);
        place
    }

    pub(super) fn channel(&self, name: &str, key: &str, settings: &str) {
        let hash = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(key.as_bytes()));
        let text = format!(r#"{{"name": "Films", "key_sha256": "{hash}"{settings}}}"#);
        let path = self.site.channels().join(format!("{name}.json"));
        fs::write(path, text).expect("a channel");
    }

    pub(super) fn open(&self) -> House {
        House::open(&self.site, NOW_MS)
    }

    /// The folder of the only broadcast.
    pub(super) fn live(&self) -> PathBuf {
        let ids = ids(&self.site);
        assert_eq!(ids.len(), 1);
        self.site.live().join(ids[0].to_string())
    }

    pub(super) fn file(&self) -> BroadcastFile {
        about(&self.live()).expect("broadcast.json")
    }

    pub(super) fn window(&self) -> Window {
        let journal = fs::read_to_string(self.live().join(JOURNAL)).expect("a journal");
        let (window, _) = Window::replay(&journal);
        all_is_there(&self.live(), &window);
        window
    }

    pub(super) fn title(&self) -> Option<(PathBuf, TitleFile)> {
        let folder = self.site.title_folders().pop()?;
        let text = fs::read(folder.join("title.json")).expect("title.json");
        Some((folder, serde_json::from_slice(&text).expect("a title")))
    }
}

pub(super) fn all_is_there(folder: &Path, window: &Window) {
    for name in ["v", "a"] {
        let track: TrackName = name.parse().expect("a track");
        let text = window.playlist(track, View::Full).unwrap_or_default();
        let quoted = text
            .lines()
            .filter(|line| line.starts_with("#EXT-X-PART:") || line.starts_with("#EXT-X-MAP:"))
            .filter_map(|line| line.split('"').nth(1));
        let listed = quoted.chain(text.lines().filter(|line| !line.starts_with('#')));
        // Of the segment that never was there is nothing.
        for file in listed.filter(|file| *file != GAP) {
            assert!(
                is_there(folder, window, file),
                "{file} is listed and absent"
            );
        }
    }
}

fn is_there(folder: &Path, window: &Window, file: &str) -> bool {
    let place = match file.parse().expect("a file's name") {
        MediaFile::Part(track, segment, part) => window
            .place(track, segment, part)
            .map(|place| (MediaFile::Segment(track, segment), place)),
        _ => None,
    };
    let Some((segment, place)) = place else {
        return folder.join(file).is_file();
    };
    let open = fs::metadata(folder.join(growing(segment)));
    let whole = open.or_else(|_| fs::metadata(folder.join(segment.to_string())));
    whole.is_ok_and(|about| place.at + place.bytes <= about.len())
}

pub(super) fn track(name: &str) -> TrackName {
    name.parse().expect("a track")
}

pub(super) fn segments(window: &Window) -> usize {
    let track = window.track("v".parse().expect("a track"));
    track.map_or(0, |track| track.segments.len())
}

/// A publisher, usually of 30 frames a second, with a keyframe every two seconds.
pub(super) struct Publisher {
    pub(super) gate: Gate,
    pub(super) pass: Pass,
    pub(super) frame: u32,
    /// Frames a second.
    pub(super) rate: u32,
}

impl Publisher {
    pub(super) fn enter(house: &House, key: &str, now_ms: u64) -> Self {
        let mut publisher = Self {
            gate: Gate::default(),
            pass: house.enter(key, FROM, now_ms).expect("it is let in"),
            frame: 0,
            rate: 30,
        };
        publisher.send(&format()).expect("on air");
        publisher
    }

    pub(super) fn send(&mut self, body: &[u8]) -> Result<(), Out> {
        let time = self.frame * 1000 / self.rate;
        let mut passed = Vec::new();
        self.gate.picture(time, body, &mut passed)?;
        let now_ms = NOW_MS + u64::from(time);
        self.pass.push(passed, now_ms).map(drop)
    }

    pub(super) fn play(&mut self, seconds: u32) -> Result<(), Out> {
        for _ in 0..seconds * self.rate {
            self.send(&picture(self.frame.is_multiple_of(self.rate * 2)))?;
            self.frame += 1;
        }
        Ok(())
    }
}

pub(super) fn sound(title: &Path) {
    let findings = verify::check(title);
    let faults = findings
        .iter()
        .filter(|finding| finding.level == Level::Fault);
    assert_eq!(faults.collect::<Vec<_>>(), Vec::<&verify::Finding>::new());
}
