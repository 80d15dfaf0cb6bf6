//! Broadcasts: ffmpeg publishes to the real program, playlists are checked and played.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use satreel_hls::live::{View, Window};
use satreel_hls::naming::{MediaFile, TrackName};
use sha2::{Digest as _, Sha256};

use crate::jobs::end;
use crate::rig::{Rig, Title, text};

const KEY: &str = "films_00112233445566778899aabbccddeeff";
const PATIENCE: Duration = Duration::from_secs(40);

/// The program at work, and what it logs.
struct Station {
    rig: Rig,
    run: Child,
    log: Receiver<String>,
    address: SocketAddr,
    /// Lines of the log before it said that address.
    seen: Vec<String>,
}

impl Station {
    fn new(channel: &str) -> Self {
        Self::with(Rig::new(), "", channel)
    }

    /// With more in the section `[live]`.
    fn with(rig: Rig, live: &str, channel: &str) -> Self {
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
    fn restart(&mut self) {
        self.run.kill().expect("it runs");
        self.run.wait().expect("it ends");
        (self.run, self.log, self.address, self.seen) = start(&self.rig);
    }

    /// The next line of the log with these words.
    fn hears(&self, words: &str) -> String {
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

    fn publish(&self, key: &str, arguments: &str) -> Child {
        Self::publish_to(&format!("rtmp://{}/live/{key}", self.address), arguments)
    }

    fn publish_to(url: &str, arguments: &str) -> Child {
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
    fn descriptors(&self) -> usize {
        let folder = format!("/proc/{}/fd", self.run.id());
        std::fs::read_dir(folder).expect("it runs").count()
    }

    /// The folder of the only broadcast.
    fn folder(&self) -> PathBuf {
        let mut folders: Vec<PathBuf> = std::fs::read_dir(self.rig.data().join("live"))
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .collect();
        assert_eq!(folders.len(), 1);
        folders.remove(0)
    }

    /// Waits until the journal says what is wanted; checks on every look that all that is listed is
    /// there.
    fn watch(&self, what: &str, wanted: impl Fn(&Window) -> bool) -> Window {
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

    fn end(mut self) {
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
fn address(line: &str, protocol: &str) -> Option<SocketAddr> {
    let (_, address) = line.split_once(&format!("{protocol} address="))?;
    Some(address.trim().parse().expect("an address"))
}

fn start(rig: &Rig) -> (Child, Receiver<String>, SocketAddr, Vec<String>) {
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

fn track(name: &str) -> TrackName {
    name.parse().expect("a track")
}

fn segments(window: &Window) -> usize {
    window
        .track(track("v"))
        .map_or(0, |track| track.segments.len())
}

/// Parts are listed near the end only, and deleted a while after.
fn all_is_there(folder: &Path, window: &Window) {
    for name in ["v", "a"] {
        let Some(playlist) = window.playlist(track(name), View::Full) else {
            continue;
        };
        let quoted = playlist
            .lines()
            .filter(|line| line.starts_with("#EXT-X-PART:") || line.starts_with("#EXT-X-MAP:"))
            .filter_map(|line| line.split('"').nth(1));
        let segments = playlist.lines().filter(|line| !line.starts_with('#'));
        for file in quoted.chain(segments) {
            assert!(file.parse::<MediaFile>().is_ok(), "{file}");
            assert!(folder.join(file).is_file(), "{file} is listed and absent");
        }
    }
}

fn kill(mut publisher: Child) {
    publisher.kill().expect("it runs");
    publisher.wait().expect("it ends");
}

fn id_of(line: &str) -> String {
    let rest = line.split("id=").nth(1).expect("an id");
    rest.split_whitespace().next().expect("an id").to_owned()
}

const FILM: &str = "-f lavfi -i testsrc2=size=320x180:rate=30 -f lavfi -i sine=frequency=440:sample_rate=48000 \
    -c:v libx264 -preset ultrafast -tune zerolatency -pix_fmt yuv420p -g 60 -c:a aac -ac 2";

#[test]
fn a_broadcast_is_watched_while_it_runs_and_kept_as_a_title() {
    let station = Station::new(r#", "grace_s": 0, "publish": true"#);
    let mut publisher = station.publish(KEY, &format!("{FILM} -t 7"));
    station.hears("on air");
    let window = station.watch("two segments", |window| segments(window) >= 2);
    let folder = station.folder();
    let until = Instant::now() + PATIENCE;
    while !folder.join("poster.jpg").exists() {
        assert!(Instant::now() < until, "never: a picture");
        std::thread::yield_now();
    }
    let still = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-show_entries",
            "stream=codec_name,width,height",
        ])
        .args(["-of", "csv=p=0"])
        .arg(folder.join("poster.jpg"))
        .output()
        .expect("ffprobe runs");
    assert_eq!(text(&still.stdout).trim(), "mjpeg,320,180");
    assert!(!folder.join(".still").exists());
    let parts = &window.track(track("v")).expect("a track").segments[0].parts;
    assert_eq!(parts.len(), 10, "{parts:?}");
    let probed = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-live_start_index",
            "0",
            "-read_intervals",
            "%+1",
        ])
        .args(["-show_entries", "stream=codec_name,width", "-of", "csv=p=0"])
        .arg(folder.join("master.m3u8"))
        .output()
        .expect("ffprobe runs");
    let streams = text(&probed.stdout);
    assert!(
        streams.contains("h264,320") && streams.contains("aac"),
        "{streams} {}",
        text(&probed.stderr)
    );
    let health = std::fs::read(folder.join("health.json")).expect("the doctor's word");
    let health: serde_json::Value = serde_json::from_slice(&health).expect("JSON");
    assert_eq!(health["keyframes_apart_ms"], 2000, "{health}");
    let frames = health["frames_ks"].as_u64().expect("a number");
    assert!(frames.abs_diff(30_000) < 500, "{health}");
    assert!(health["kbit_s"].as_u64().expect("a number") > 0, "{health}");
    assert!(publisher.wait().expect("it ends").success());
    let line = station.hears("the broadcast is a title");
    let title: Title = station.rig.title(&id_of(&line));
    title.verifies();
    let lasts = title.json()["duration_s"].as_f64().expect("a number");
    assert!((6.5..7.2).contains(&lasts), "{lasts}");
    assert_eq!(title.json()["state"], "published");
    title.decodes("v");
    station.end();
}

#[test]
fn a_recording_gets_the_usual_ladder_and_loses_its_ends() {
    let station = Station::new(r#", "grace_s": 0"#);
    let film = FILM.replace("320x180", "854x480");
    let mut publisher = station.publish(KEY, &format!("{film} -t 7"));
    assert!(publisher.wait().expect("it ends").success());
    let line = station.hears("the broadcast is a title");
    let id = id_of(&line);
    station.hears("the new film plays");
    let title: Title = station.rig.title(&id);
    title.verifies();
    let before = title.json()["duration_s"].as_f64().expect("a number");
    assert!((6.5..7.2).contains(&before), "{before}");
    assert_eq!(title.json()["state"], "hidden");
    title.decodes("v480g1");
    title.decodes("v360g1");
    let asked = Rig::transcoder()
        .args(["trim", &id, "--from", "2", "--to", "6", "--config"])
        .arg(station.rig.path("satreel.toml"))
        .output()
        .expect("it runs");
    assert!(asked.status.success(), "{}", text(&asked.stderr));
    station.hears("the new film plays");
    title.verifies();
    let after = title.json()["duration_s"].as_f64().expect("a number");
    assert!((3.8..4.3).contains(&after), "{after}");
    title.decodes("v360g2");
    station.end();
}

#[test]
fn a_killed_publisher_comes_back_to_the_same_broadcast() {
    let station = Station::new("");
    let first = station.publish(KEY, FILM);
    station.watch_on_air();
    station.watch("a segment", |window| segments(window) >= 1);
    kill(first);
    station.hears("its publisher is away");
    let away = station.watch("its end", |window| segments(window) >= 1);
    let before = segments(&away);
    let second = station.publish(KEY, FILM);
    station.hears("the broadcast goes on");
    let window = station.watch("more", |window| segments(window) > before);
    let playlist = window.playlist(track("a"), View::Full).expect("a playlist");
    assert_eq!(
        playlist.matches("#EXT-X-DISCONTINUITY\n").count(),
        1,
        "{playlist}"
    );
    let third = station.publish(KEY, FILM);
    station.hears("Another program with the same stream key took over");
    station.watch("the third", |window| {
        window.is_cut(window.next(window.track(track("v")).expect("a track")))
            || window
                .playlist(track("v"), View::Full)
                .is_some_and(|text| text.matches("DISCONTINUITY\n").count() == 2)
    });
    kill(second);
    kill(third);
    station.end();
}

#[test]
fn a_killed_transcoder_takes_its_broadcast_up_again() {
    let mut station = Station::new("");
    let first = station.publish(KEY, FILM);
    station.watch_on_air();
    station.watch("some parts", |window| {
        segments(window) >= 1
            && window
                .track(track("v"))
                .is_some_and(|track| track.open.len() > 2)
    });
    let folder = station.folder();
    station.restart();
    kill(first);
    let second = station.publish(KEY, FILM);
    station.hears("the broadcast goes on");
    let window = station.watch("it goes on", |window| segments(window) >= 3);
    assert_eq!(station.folder(), folder);
    let playlist = window.playlist(track("v"), View::Full).expect("a playlist");
    assert_eq!(
        playlist.matches("#EXT-X-DISCONTINUITY\n").count(),
        1,
        "{playlist}"
    );
    kill(second);
    station.end();
}

/// Publishes this film to its end, and returns the title that it becomes.
fn title_of(station: &Station, film: &str) -> Title {
    let mut publisher = station.publish(KEY, film);
    station.watch_on_air();
    let status = publisher.wait().expect("it ends");
    assert!(status.success(), "{film}");
    let line = station.hears("the broadcast is a title");
    let title = station.rig.title(&id_of(&line));
    title.verifies();
    title
}

#[test]
fn frames_out_of_order_and_clocks_that_wrap_go_on_air() {
    let station = Station::new(r#", "grace_s": 0"#);
    // The clock of FLV has 32 bits of milliseconds: it wraps after two seconds.
    let film = FILM.replace("-tune zerolatency", "-bf 3 -b_strategy 0")
        + " -t 5 -output_ts_offset 4294965.3";
    let title = title_of(&station, &film);
    title.decodes("v");
    title.decodes("a");
    let shown = title.shown("v");
    assert!((148..=150).contains(&shown.len()), "{}", shown.len());
    let apart = shown.windows(2).map(|two| two[1] - two[0]);
    assert!(
        apart.clone().all(|apart| (0.025..0.042).contains(&apart)),
        "{:?}",
        apart.collect::<Vec<_>>()
    );
    station.end();
}

#[test]
fn sound_may_be_late_or_missing() {
    let station = Station::new(r#", "grace_s": 0"#);
    let late = FILM.replace("-f lavfi -i sine", "-itsoffset 3 -f lavfi -i sine") + " -t 6";
    let silent = "-f lavfi -i testsrc2=size=320x180:rate=25 -c:v libx264 -preset ultrafast \
        -pix_fmt yuv420p -g 50 -t 5";
    for (film, lasts) in [(&late[..], 6.0), (silent, 5.0)] {
        let title = title_of(&station, film);
        title.decodes("v");
        title.decodes("a");
        for track in ["v", "a"] {
            let shown = title.shown(track);
            let last = shown.last().expect("a packet") - shown.first().expect("a packet");
            assert!((lasts - 0.4..lasts + 0.1).contains(&last), "{film} {last}");
        }
    }
    station.end();
}

/// A title's track as one file a format.
fn formats(folder: &Path, playlist: &str) -> Vec<Vec<u8>> {
    let read = |name: &str| std::fs::read(folder.join(name)).expect(name);
    let mut films: Vec<Vec<u8>> = Vec::new();
    for line in playlist.lines() {
        if let Some(init) = line.strip_prefix("#EXT-X-MAP:URI=") {
            films.push(read(init.trim_matches('"')));
        } else if !line.starts_with('#') {
            films.last_mut().expect("a format").extend(read(line));
        }
    }
    films
}

fn decodes(film: &Path, rate: &str) {
    let probed = Command::new("ffprobe")
        .args(["-v", "warning", "-count_frames"])
        .args(["-show_entries", "stream=r_frame_rate,nb_read_frames"])
        .args(["-of", "csv=p=0"])
        .arg(film)
        .output()
        .expect("ffprobe runs");
    let (found, complaints) = (text(&probed.stdout), text(&probed.stderr));
    assert!(complaints.is_empty(), "{complaints}");
    let (found, frames) = found.trim().split_once(',').expect("two fields");
    let frames: u32 = frames.parse().expect("a number");
    assert!(found == rate && frames > 80, "{found} {frames}");
}

#[test]
fn another_size_is_another_format_of_the_same_broadcast() {
    let station = Station::new(r#", "grace_s": 3"#);
    let mut small = station.publish(KEY, &format!("{FILM} -t 3"));
    station.watch_on_air();
    assert!(small.wait().expect("it ends").success());
    let large = FILM.replace("320x180", "640x360").replace("48000", "44100");
    let mut large = station.publish(KEY, &format!("{large} -t 3"));
    station.hears("the broadcast goes on");
    let window = station.watch("the other size", |window| segments(window) >= 3);
    let playlist = window.playlist(track("v"), View::Full).expect("a playlist");
    assert!(
        playlist.contains("#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"v-1.mp4\""),
        "{playlist}"
    );
    let master = std::fs::read_to_string(station.folder().join("master.m3u8")).expect("it");
    assert!(master.contains("RESOLUTION=640x360"), "{master}");
    assert!(large.wait().expect("it ends").success());
    let line = station.hears("the broadcast is a title");
    let title: Title = station.rig.title(&id_of(&line));
    title.verifies();
    // FFmpeg 5.1 passes over an init segment in mid-stream, so each format is read by itself.
    for (track, rate) in [("v", "30/1"), ("a", "0/0")] {
        let text = std::fs::read_to_string(title.folder.join(format!("{track}.m3u8")));
        let formats = formats(&title.folder, &text.expect("a playlist"));
        assert_eq!(formats.len(), 2);
        for (number, film) in formats.iter().enumerate() {
            let path = station.rig.path(&format!("{track}{number}.mp4"));
            std::fs::write(&path, film).expect("a file");
            decodes(&path, rate);
        }
    }
    station.hears("its format changed");
    station.end();
}

#[test]
fn a_publisher_that_stalls_is_gone_and_may_come_back() {
    let station = Station::new("");
    let mut stalled = station.publish(KEY, FILM);
    station.watch_on_air();
    station.watch("a segment", |window| segments(window) >= 1);
    let signal = |signal| {
        let id = i32::try_from(stalled.id()).expect("an id");
        let id = rustix::process::Pid::from_raw(id).expect("an id");
        rustix::process::kill_process(id, signal).expect("it is there");
    };
    // Its connection stays open, and nothing comes.
    signal(rustix::process::Signal::STOP);
    station.hears("its publisher is away");
    let second = station.publish(KEY, FILM);
    station.hears("the broadcast goes on");
    signal(rustix::process::Signal::CONT);
    assert!(!stalled.wait().expect("it ends").success());
    station.watch("a cut", |window| window.is_cut(1) || window.is_cut(2));
    kill(second);
    station.end();
}

#[test]
fn broadcasts_come_in_by_tls_and_run_in_a_folder_of_their_own() {
    let rig = Rig::new();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("it");
    std::fs::write(rig.path("c.pem"), made.cert.pem()).expect("a file");
    std::fs::write(rig.path("k.pem"), made.signing_key.serialize_pem()).expect("a file");
    let memory = tempfile::tempdir_in("/dev/shm").expect("a folder in memory");
    let folder = memory.path().join("live");
    let keys = format!(
        "tls_listen = \"127.0.0.1:0\"\ncertificate = \"c.pem\"\nkey = \"k.pem\"\nfolder = {folder:?}\n"
    );
    let station = Station::with(rig, &keys, r#", "grace_s": 0"#);
    let secure = station
        .seen
        .iter()
        .find_map(|line| address(line, "RTMPS"))
        .or_else(|| address(&station.hears("RTMPS address="), "RTMPS"))
        .expect("an address");
    let url = format!("rtmps://{secure}/live/{KEY}");
    let mut publisher = Station::publish_to(&url, &format!("{FILM} -t 5"));
    station.watch_on_air();
    assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 1);
    assert!(publisher.wait().expect("it ends").success());
    let line = station.hears("the broadcast is a title");
    let title: Title = station.rig.title(&id_of(&line));
    title.verifies();
    title.decodes("v");
    // Plain RTMP at that address is none.
    let mut plain = Station::publish_to(&url.replace("rtmps", "rtmp"), FILM);
    assert!(!plain.wait().expect("it ends").success());
    station.end();
}

#[test]
fn who_cannot_be_sent_on_is_told_why() {
    let station = Station::new("");
    for (key, film, words) in [
        ("films_wrong", FILM, "The stream key is wrong"),
        (
            KEY,
            "-f lavfi -i testsrc2=size=320x180:rate=30 -c:v flv1",
            "The picture is Sorenson H.263",
        ),
        (
            KEY,
            "-f lavfi -i testsrc2=size=320x180:rate=30 -c:v libx264 -pix_fmt yuv444p",
            "Choose NV12 in OBS",
        ),
    ] {
        let publisher = station.publish(key, film);
        station.hears(words);
        let ended = publisher.wait_with_output().expect("it ends");
        assert!(!ended.status.success());
        // The publisher's own program says it, too.
        let said = text(&ended.stderr);
        assert!(said.contains(words), "{said}");
    }
    station.end();
}

#[test]
fn garbage_and_idlers_harm_nobody() {
    let station = Station::new("");
    if !station.seen.iter().any(|line| line.contains("watching")) {
        station.hears("watching");
    }
    let before = station.descriptors();
    let mut idlers: Vec<TcpStream> = (0..500)
        .filter_map(|_| TcpStream::connect(station.address).ok())
        .collect();
    for (number, idler) in idlers.iter_mut().enumerate() {
        // Some say nothing, some a little, some what is no RTMP.
        let bytes: &[u8] = [&b""[..], b"\x03", b"GET / HTTP/1.1\r\n\r\n"][number % 3];
        let _ = idler.write_all(bytes);
    }
    // Who came after the first few was closed at once.
    let mut last = idlers.pop().expect("a connection");
    last.set_read_timeout(Some(PATIENCE)).expect("a time");
    assert!(matches!(last.read(&mut [0; 1]), Ok(0) | Err(_)));
    // Sixty-four strangers, and whatever is open for a moment.
    let during = station.descriptors();
    assert!(during <= before + 68, "{before} {during}");
    drop(idlers);
    let until = Instant::now() + PATIENCE;
    while station.descriptors() > before {
        assert!(Instant::now() < until, "never: all descriptors back");
        std::thread::yield_now();
    }
    let publisher = station.publish(KEY, FILM);
    station.watch_on_air();
    station.watch("a part", |window| {
        window
            .track(track("v"))
            .is_some_and(|track| !track.open.is_empty())
    });
    kill(publisher);
    station.end();
}

impl Station {
    fn watch_on_air(&self) {
        self.hears("on air");
    }
}
