//! What publishers send, how they come in, and who is turned away.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use satreel_hls::live::View;

use super::station::{
    FILM, KEY, PATIENCE, Station, address, id_of, kill, segments, title_of, track,
};
use crate::rig::{Rig, Title, text};

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

/// The certificate that publishers are shown at this address.
fn shown(address: SocketAddr) -> Vec<u8> {
    let asked = Command::new("openssl")
        .args(["s_client", "-showcerts", "-connect", &address.to_string()])
        .stdin(std::process::Stdio::null())
        .output()
        .expect("openssl runs");
    let said = text(&asked.stdout);
    let begins = said
        .find("-----BEGIN CERTIFICATE-----")
        .expect("a certificate");
    let ends = said.find("-----END CERTIFICATE-----").expect("its end");
    let plain = said[begins..ends].lines().skip(1);
    plain.flat_map(str::bytes).collect()
}

#[test]
fn a_certificate_is_renewed_while_broadcasts_run() {
    let rig = Rig::new();
    let renew = |path: &Path| {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("it");
        std::fs::write(path.join("c.pem"), made.cert.pem()).expect("a file");
        made
    };
    let place = rig.path("");
    let first = renew(&place);
    std::fs::write(place.join("k.pem"), first.signing_key.serialize_pem()).expect("a file");
    let keys = "tls_listen = \"127.0.0.1:0\"\ncertificate = \"c.pem\"\nkey = \"k.pem\"\n";
    let station = Station::with(rig, keys, "");
    let secure = station
        .seen
        .iter()
        .find_map(|line| address(line, "RTMPS"))
        .or_else(|| address(&station.hears("RTMPS address="), "RTMPS"))
        .expect("an address");
    let is = |pem: String| {
        let plain = pem.lines().filter(|line| !line.starts_with('-'));
        plain.flat_map(str::bytes).collect::<Vec<u8>>()
    };
    assert_eq!(shown(secure), is(first.cert.pem()));
    let publisher = Station::publish_to(&format!("rtmps://{secure}/live/{KEY}"), FILM);
    station.watch_on_air();
    station.watch("a segment", |window| segments(window) >= 1);
    // The certificate is there, its key is not yet: the old pair goes on.
    let second = renew(&place);
    assert_eq!(shown(secure), is(first.cert.pem()));
    station.hears("the renewed certificate is not taken yet");
    std::fs::write(place.join("k.pem"), second.signing_key.serialize_pem()).expect("a file");
    assert_eq!(shown(secure), is(second.cert.pem()));
    // Who came in by the old one has not noticed.
    let before = segments(&station.watch("it", |_| true));
    let window = station.watch("more", |window| segments(window) > before);
    assert!(!window.is_cut(1) && !window.is_cut(2));
    kill(publisher);
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
