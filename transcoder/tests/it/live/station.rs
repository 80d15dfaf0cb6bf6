//! The program at work, and ffmpeg as its publisher.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use satreel_hls::live::window::growing;
use satreel_hls::live::{GAP, View, Window};
use satreel_hls::naming::{MediaFile, TrackName};
use sha2::{Digest as _, Sha256};

use crate::jobs::end;
use crate::rig::{Rig, Title};

pub(super) const KEY: &str = "films_00112233445566778899aabbccddeeff";
pub(super) const PATIENCE: Duration = Duration::from_secs(40);

/// The program at work, and what it logs.
pub(super) struct Station {
    pub(super) rig: Rig,
    pub(super) run: Child,
    pub(super) log: Receiver<String>,
    pub(super) address: SocketAddr,
    /// Lines of the log before it said that address.
    pub(super) seen: Vec<String>,
}

impl Station {
    pub(super) fn new(channel: &str) -> Self {
        Self::with(Rig::new(), "", channel)
    }

    /// With more in the section `[live]`.
    pub(super) fn with(rig: Rig, live: &str, channel: &str) -> Self {
        rig.configure(&format!("[live]\nlisten = \"127.0.0.1:0\"\n{live}"));
        let channels = rig.data().join("channels");
        std::fs::create_dir_all(&channels).expect("a folder");
        let hash = hex::encode(Sha256::digest(KEY.as_bytes()));
        let file = format!(r#"{{"name": "Films", "key_sha256": "{hash}"{channel}}}"#);
        std::fs::write(channels.join("films.json"), file).expect("a file");
        let (run, log, address, seen) = start(&rig);
        Self {
            rig,
            run,
            log,
            address,
            seen,
        }
    }

    /// Another process in the place of one that was killed.
    pub(super) fn restart(&mut self) {
        self.run.kill().expect("it runs");
        self.run.wait().expect("it ends");
        (self.run, self.log, self.address, self.seen) = start(&self.rig);
    }

    /// The next line of the log with these words.
    pub(super) fn hears(&self, words: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = self
                .log
                .recv_timeout(left)
                .unwrap_or_else(|_| panic!("never: {words}"));
            if line.contains(words) {
                return line;
            }
        }
    }

    pub(super) fn publish(&self, key: &str, arguments: &str) -> Child {
        Self::publish_to(&format!("rtmp://{}/live/{key}", self.address), arguments)
    }

    pub(super) fn publish_to(url: &str, arguments: &str) -> Child {
        Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-re"])
            .args(arguments.split_whitespace())
            .args(["-f", "flv"])
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("ffmpeg runs")
    }

    /// How many the program has open.
    pub(super) fn descriptors(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.run.id());
        std::fs::read_dir(folder).expect("it runs").count()
    }

    /// The folder of the only broadcast.
    pub(super) fn folder(&self) -> PathBuf {
        let mut folders: Vec<PathBuf> = std::fs::read_dir(self.rig.data().join("live"))
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        assert_eq!(folders.len(), 1);
        folders.remove(0)
    }

    /// Waits until the journal says what is wanted; checks on every look that all that is listed is
    /// there.
    pub(super) fn watch(&self, what: &str, wanted: impl Fn(&Window) -> bool) -> Window {
        let folder = self.folder();
        let until = Instant::now() + PATIENCE;
        loop {
            let journal = std::fs::read_to_string(folder.join("journal")).unwrap_or_default();
            let (window, _) = Window::replay(&journal);
            all_is_there(&folder, &window);
            if wanted(&window) {
                return window;
            }
            assert!(Instant::now() < until, "never: {what}\n{journal}");
            std::thread::yield_now();
        }
    }

    pub(super) fn watch_on_air(&self) {
        self.hears("on air");
    }

    pub(super) fn end(mut self) {
        end(&mut self.run);
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        let _ = self.run.kill();
        let _ = self.run.wait();
    }
}

/// The address that a line of the log says is listened at.
pub(super) fn address(line: &str, protocol: &str) -> Option<SocketAddr> {
    let (_, address) = line.split_once(&format!("{protocol} address="))?;
    Some(address.trim().parse().expect("an address"))
}

pub(super) fn start(rig: &Rig) -> (Child, Receiver<String>, SocketAddr, Vec<String>) {
    let mut run = Rig::transcoder()
        .arg("run")
        .arg("--config")
        .arg(rig.path("satreel.toml"))
        .env("NO_COLOR", "1")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the transcoder runs");
    let lines = BufReader::new(run.stderr.take().expect("a log")).lines();
    let (say, log) = channel();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let _ = say.send(line);
        }
    });
    let mut seen = Vec::new();
    let address = loop {
        let line = log.recv_timeout(PATIENCE).expect("it listens");
        if let Some(address) = address(&line, "RTMP") {
            break address;
        }
        seen.push(line);
    };
    (run, log, address, seen)
}

pub(super) fn track(name: &str) -> TrackName {
    name.parse().expect("a track")
}

pub(super) fn segments(window: &Window) -> usize {
    window
        .track(track("v"))
        .map_or(0, |track| track.segments.len())
}

/// Parts are listed near the end only, and deleted a while after.
pub(super) fn all_is_there(folder: &Path, window: &Window) {
    let header = window.header();
    for name in header.into_iter().flat_map(|header| &header.tracks) {
        let Some(playlist) = window.playlist(*name, View::Full) else {
            continue;
        };
        let quoted = playlist
            .lines()
            .filter(|line| line.starts_with("#EXT-X-PART:") || line.starts_with("#EXT-X-MAP:"))
            .filter_map(|line| line.split('"').nth(1));
        let segments = playlist.lines().filter(|line| !line.starts_with('#'));
        // Of the segment that never was there is nothing.
        for file in quoted.chain(segments).filter(|file| *file != GAP) {
            let name: MediaFile = file.parse().expect("a file's name");
            assert!(
                is_there(folder, window, name),
                "{file} is listed and absent"
            );
        }
    }
}

fn is_there(folder: &Path, window: &Window, file: MediaFile) -> bool {
    let place = match file {
        MediaFile::Part(track, segment, part) => window
            .place(track, segment, part)
            .map(|place| (MediaFile::Segment(track, segment), place)),
        _ => None,
    };
    let Some((segment, place)) = place else {
        return folder.join(file.to_string()).is_file();
    };
    let open = std::fs::metadata(folder.join(growing(segment)));
    let whole = open.or_else(|_| std::fs::metadata(folder.join(segment.to_string())));
    whole.is_ok_and(|about| place.at + place.bytes <= about.len())
}

pub(super) fn kill(mut publisher: Child) {
    publisher.kill().expect("it runs");
    publisher.wait().expect("it ends");
}

pub(super) fn id_of(line: &str) -> String {
    let rest = line.split("id=").nth(1).expect("an id");
    rest.split_whitespace().next().expect("an id").to_owned()
}

pub(super) const FILM: &str = "-f lavfi -i testsrc2=size=320x180:rate=30 -f lavfi -i sine=frequency=440:sample_rate=48000 \
    -c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p -g 60 -c:a aac -ac 2";

/// Publishes this film to its end, and returns the title that it becomes.
pub(super) fn title_of(station: &Station, film: &str) -> Title {
    let mut publisher = station.publish(KEY, film);
    station.watch_on_air();
    let status = publisher.wait().expect("it ends");
    assert!(status.success(), "{film}");
    let line = station.hears("the broadcast is a title");
    let title = station.rig.title(&id_of(&line));
    title.verifies();
    title
}
