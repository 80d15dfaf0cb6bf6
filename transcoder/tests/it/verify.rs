//! The checker finds nothing in what we make, and each fault that is put there.

use std::fs;
use std::path::Path;

use crate::rig::{Rig, Title};

const X264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 50 -sc_threshold 0";

fn verify(folder: &Path) -> (bool, Vec<(String, String)>) {
    let done = Rig::transcoder()
        .arg("verify")
        .arg(folder)
        .arg("--json")
        .output()
        .expect("the transcoder runs");
    let told: serde_json::Value = serde_json::from_slice(&done.stdout).expect("JSON");
    let findings = told["findings"].as_array().expect("findings");
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    let findings: Vec<_> = findings
        .iter()
        .filter(|finding| finding["level"] == "fault")
        .map(|finding| (text(&finding["rule"]), text(&finding["file"])))
        .collect();
    assert_eq!(done.status.success(), findings.is_empty(), "{told}");
    assert_eq!(told["ok"], findings.is_empty());
    (findings.is_empty(), findings)
}

fn title(rig: &Rig) -> Title {
    let source = format!(
        "-f lavfi -i testsrc2=size=640x360:rate=25 -f lavfi -i sine=r=48000 -f lavfi -i \
         sine=f=900:r=48000 -t 9 -map 0 -map 1 -map 2 {X264} -c:a aac -ac 2"
    );
    let film = rig.path("film.mp4");
    fs::copy(Rig::kept("verify.mp4", &source), &film).expect("a copy");
    let words = "1\n00:00:01,000 --> 00:00:03,000\nHello\n";
    fs::write(rig.path("film.en.srt"), words).expect("captions");
    rig.add(&film, &["--preview", "4"])
}

fn edit(title: &Title, file: &str, from: &str, to: &str) {
    let text = title.read(file);
    assert!(text.contains(from), "{file}: {text}");
    fs::write(title.folder.join(file), text.replacen(from, to, 1)).expect("an edit");
}

/// Turns the first byte after these.
fn damage(title: &Title, file: &str, after: &[u8], distance: usize) {
    let path = title.folder.join(file);
    let mut bytes = fs::read(&path).expect("the file");
    let at = bytes
        .windows(after.len())
        .position(|window| window == after);
    let at = at.expect("the box") + after.len() + distance;
    bytes[at] ^= 1;
    fs::write(path, bytes).expect("a change");
}

fn bandwidth(title: &Title) -> String {
    let master = title.read("master.m3u8");
    let at = master.find("INF:BANDWIDTH=").expect("a rate") + "INF:".len();
    master[at..].split(',').next().expect("a rate").to_owned()
}

type Break = fn(&Title);

#[test]
fn every_fault_is_found_and_nothing_else() {
    let rig = Rig::new();
    let whole = title(&rig);
    assert_eq!(verify(&whole.folder), (true, vec![]));
    let cases: [(&str, &str, Break); 16] = [
        ("missing", "v360-1.m4s", |t| {
            fs::remove_file(t.folder.join("v360-1.m4s")).expect("gone");
        }),
        ("missing", "a.m3u8", |t| {
            fs::remove_file(t.folder.join("a.m3u8")).expect("gone");
        }),
        ("missing", "master.m3u8", |t| {
            fs::remove_file(t.folder.join("master.m3u8")).expect("gone");
        }),
        ("init", "v240-init.mp4", |t| {
            fs::write(t.folder.join("v240-init.mp4"), b"x").expect("bad");
        }),
        ("segment", "v240-0.m4s", |t| {
            let path = t.folder.join("v240-0.m4s");
            let bytes = fs::read(&path).expect("the segment");
            fs::write(path, &bytes[..bytes.len() - 9]).expect("cut");
        }),
        ("segment", "s-0.vtt", |t| {
            fs::write(t.folder.join("s-0.vtt"), b"words").expect("bad");
        }),
        ("continuity", "v240-1.m4s", |t| {
            damage(t, "v240-1.m4s", b"tfdt", 9);
        }),
        ("independent", "v240-1.m4s", |t| {
            damage(t, "v240-1.m4s", b"trun", 21);
        }),
        ("independent", "master.m3u8", |t| {
            edit(t, "master.m3u8", "#EXT-X-INDEPENDENT-SEGMENTS\n", "");
        }),
        ("duration", "v360-1.m4s", |t| {
            edit(
                t,
                "v360.m3u8",
                "#EXTINF:2.000000,\nv360-1",
                "#EXTINF:1.500000,\nv360-1",
            );
        }),
        ("alignment", "v240.m3u8", |t| {
            edit(
                t,
                "v240.m3u8",
                "#EXTINF:2.000000,\nv240-0",
                "#EXTINF:2.040000,\nv240-0",
            );
            edit(
                t,
                "v240.m3u8",
                "#EXTINF:2.000000,\nv240-1",
                "#EXTINF:1.960000,\nv240-1",
            );
        }),
        ("bandwidth", "", |t| {
            edit(t, "master.m3u8", &bandwidth(t), "BANDWIDTH=99");
        }),
        ("codecs", "", |t| {
            edit(t, "master.m3u8", "CODECS=\"avc1.", "CODECS=\"hvc1.");
        }),
        ("resolution", "v360.m3u8", |t| {
            edit(t, "master.m3u8", "640x360", "640x368");
        }),
        ("default", "master.m3u8", |t| {
            edit(t, "master.m3u8", "DEFAULT=NO", "DEFAULT=YES");
        }),
        ("storyboard", "storyboard.vtt", |t| {
            fs::remove_file(t.folder.join("sprite-0.jpg")).expect("gone");
        }),
    ];
    for (rule, file, break_it) in cases {
        let copy = Title {
            folder: rig.path("copy"),
        };
        fs::create_dir(&copy.folder).expect("a folder");
        for entry in fs::read_dir(&whole.folder).expect("the title").flatten() {
            fs::copy(entry.path(), copy.folder.join(entry.file_name())).expect("a copy");
        }
        break_it(&copy);
        let (_, findings) = verify(&copy.folder);
        let is_found = findings
            .iter()
            .any(|(found, at)| found == rule && (file.is_empty() || at == file));
        assert!(is_found, "{rule} in {file}: {findings:?}");
        fs::remove_dir_all(&copy.folder).expect("gone");
    }
}

#[test]
fn a_title_is_found_by_its_id() {
    let rig = Rig::new();
    let title = title(&rig);
    let check = |arguments: &[&str]| {
        let mut command = Rig::transcoder();
        command
            .arg("verify")
            .args(arguments)
            .arg("--data")
            .arg(rig.data());
        command.output().expect("the transcoder runs").status.code()
    };
    assert_eq!(check(&[&title.id()]), Some(0));
    assert_eq!(check(&["00ff10a9bcdef012"]), Some(2));
    assert_eq!(check(&["nothing"]), Some(2));
}
