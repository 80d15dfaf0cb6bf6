//! The transcoder's side of a broadcast, and a page's ear for a channel's news.

use std::{
    fs::{self, OpenOptions},
    io::{BufRead as _, BufReader, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
};

use satreel_hls::{
    live::{
        Event, Header, JOURNAL, Mode,
        broadcast::{BROADCAST, HEALTH},
    },
    naming::{MediaFile, TrackName},
};
use serde_json::{Value, json};

use crate::site::{Answer, Client, START, Site, satreel, wait_until};
use crate::studio::Creator;

/// What is on air.
pub(super) const ON_AIR: &str = "abababababababab";

/// A transcoder's side of a broadcast.
pub(crate) struct Stage {
    folder: PathBuf,
}

impl Stage {
    /// On air on the channel, with five segments of 2 s and three parts of the sixth.
    pub(crate) fn begin(data: &Path, channel: &str) -> Self {
        let folder = data.join("live").join(ON_AIR);
        fs::create_dir_all(&folder).expect("a folder");
        let stage = Self { folder };
        for track in tracks() {
            stage.put(MediaFile::Init(track));
        }
        fs::write(
            stage.folder.join("master.m3u8"),
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nv.m3u8\n",
        )
        .expect("written");
        stage.say(&Event::Begin(Header {
            mode: Mode::Fast,
            part_us: 200_000,
            target_s: 2,
            tracks: tracks(),
            lead: false,
        }));
        for track in tracks() {
            stage.say(&Event::Init {
                track,
                segment: 0,
                init: 0,
            });
        }
        for segment in 0..5 {
            stage.segment(segment);
        }
        for part in 0..3 {
            stage.part(5, part);
        }
        stage.stand(channel, "live");
        stage
    }

    pub(crate) fn stand(&self, channel: &str, standing: &str) {
        self.outages(channel, standing, &[]);
    }

    /// Without a publisher from so many seconds on, and until when.
    pub(super) fn outages(&self, channel: &str, standing: &str, outages: &[(u64, Option<u64>)]) {
        let ms = |seconds: u64| (START + seconds) * 1000;
        let outages = outages
            .iter()
            .map(|(from, to)| json!({"from_ms": ms(*from), "to_ms": to.map(ms)}));
        let outages: Vec<_> = outages.collect();
        let about = json!({"channel": channel, "standing": standing, "started_ms": ms(0),
            "outages": outages});
        fs::write(self.folder.join(".new"), about.to_string()).expect("written");
        fs::rename(self.folder.join(".new"), self.folder.join(BROADCAST)).expect("named");
    }

    /// What the transcoder's ingest doctor says.
    pub(crate) fn feel(&self, health: &Value) {
        fs::write(self.folder.join(HEALTH), health.to_string()).expect("written");
    }

    /// A whole segment, from its first part on.
    pub(super) fn segment(&self, segment: u32) {
        for part in 0..10 {
            self.part(segment, part);
        }
        self.close(segment);
    }

    pub(super) fn part(&self, segment: u32, part: u32) {
        for track in tracks() {
            self.put(MediaFile::Part(track, segment, part));
            self.say(&Event::Part {
                track,
                segment,
                part,
                us: 200_000,
                key: part == 0,
                place: None,
            });
        }
    }

    /// What is there of it is all of it.
    pub(super) fn close(&self, segment: u32) {
        for track in tracks() {
            self.put(MediaFile::Segment(track, segment));
            self.say(&Event::Segment {
                track,
                segment,
                us: 2_000_000,
                at_ms: 1_800_000_000_000 + u64::from(segment) * 2000,
                key: true,
            });
        }
    }

    pub(super) fn say(&self, event: &Event) {
        let journal = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.join(JOURNAL));
        let mut journal = journal.expect("opened");
        journal.write_all(event.line().as_bytes()).expect("written");
    }

    pub(super) fn put(&self, file: MediaFile) {
        fs::write(self.folder.join(file.to_string()), file.to_string()).expect("written");
    }
}

pub(super) fn tracks() -> Vec<TrackName> {
    ["v", "a"]
        .map(|name| name.parse().expect("a track"))
        .to_vec()
}

/// A channel by the command, on air.
pub(super) fn on_air(site: &Site) -> Stage {
    let data = site.data.to_str().expect("a path");
    let (code, _, errors) = satreel(&[
        "channel", "add", "news", "--name", "The News", "--ticket", "70", "--data", data,
    ]);
    assert_eq!(code, 0, "{errors}");
    let creator = Creator::at(site);
    let settings = json!({"preview_s": 10, "passes": [{"sat": 500, "hours": 24}, {"sat": 2000}]});
    assert_eq!(creator.change("news", &settings).status, 200);
    let stage = Stage::begin(&site.data, "news");
    wait_until("on air", || state(site) == "live");
    stage
}

pub(super) fn state(site: &Site) -> String {
    let channel = site.client.get("/api/channels/news").json();
    channel["state"].as_str().expect("a state").to_owned()
}

impl Creator {
    pub(super) fn change(&self, channel: &str, changes: &Value) -> Answer {
        self.send(
            "PATCH",
            &format!("/api/studio/channels/{channel}"),
            &[("content-type", "application/json")],
            changes.to_string().as_bytes(),
        )
    }
}

pub(super) fn grant(site: &Site, token: Option<&str>) -> Value {
    let grant = site.client.grant(&json!({"title": ON_AIR}), token);
    assert_eq!(grant.status, 200, "{}", grant.text());
    grant.json()
}

pub(super) fn base(grant: &Value) -> String {
    let master = grant["master_url"].as_str().expect("a URL");
    master.trim_end_matches("master.m3u8").to_owned()
}

/// A channel's event stream.
pub(super) struct Events(BufReader<TcpStream>);

impl Events {
    pub(super) fn open(client: &Client, path: &str) -> Self {
        let mut stream = TcpStream::connect(client.address()).expect("a connection");
        write!(stream, "GET {path} HTTP/1.1\r\nhost: test\r\n\r\n").expect("sent");
        let mut events = Self(BufReader::new(stream));
        while !events.line().is_empty() {}
        events
    }

    pub(super) fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line");
        line.trim_end().to_owned()
    }

    /// Waits for a state, whatever else changes before.
    pub(super) fn until(&mut self, state: &str) {
        while self.next()["state"] != state {}
    }

    /// The channel, when it has changed.
    pub(super) fn next(&mut self) -> Value {
        loop {
            if let Some(data) = self.line().strip_prefix("data: ") {
                return serde_json::from_str(data).expect("JSON");
            }
        }
    }
}
