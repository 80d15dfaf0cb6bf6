//! What the doctor says of FFmpeg: with Debian's, with one that lacks something, and with none.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::rig::Rig;

/// The line about codecs, of this program.
fn codecs(program: &Path) -> Value {
    let asked = Command::new(program)
        .args(["--sandbox", "best-effort", "doctor", "--json"])
        .output()
        .expect("it runs");
    let told: Value = serde_json::from_slice(&asked.stdout).expect("JSON");
    let found = told["checks"]
        .as_array()
        .expect("checks")
        .iter()
        .find(|check| check["name"] == "codecs");
    found.expect("a line").clone()
}

#[test]
fn what_ffmpeg_lacks_is_told_with_what_to_do() {
    let here = codecs(Path::new(env!("CARGO_BIN_EXE_satreel-transcoder")));
    assert_eq!(here["state"], "green", "{here}");

    // The same program beside another worker, and beside none.
    let rig = Rig::new();
    let program = rig.path("satreel-transcoder");
    fs::copy(env!("CARGO_BIN_EXE_satreel-transcoder"), &program).expect("a copy");
    let alone = codecs(&program);
    assert_eq!(alone["state"], "red", "{alone}");
    assert!(
        alone["detail"]
            .as_str()
            .expect("words")
            .contains("satreel-worker")
    );

    let worker = rig.path("satreel-worker");
    for (lacks, state, words) in [
        (
            r#"[{"kind":"decoder","name":"av1","is_vital":false},{"kind":"filter","name":"zscale","is_vital":false}]"#,
            "yellow",
            "lacks decoder av1, filter zscale",
        ),
        (
            r#"[{"kind":"decoder","name":"av1","is_vital":false},{"kind":"encoder","name":"libx264","is_vital":true}]"#,
            "red",
            "lacks encoder libx264",
        ),
        ("nonsense", "red", "gives no answer"),
    ] {
        let answer = format!(r#"{{"libavcodec":"59.37.100","has":40,"lacks":{lacks}}}"#);
        let script = format!("#!/bin/sh\n[ \"$1\" = codecs ] && echo '{answer}'\n");
        // Another file each time: what runs can't be written.
        let made = rig.path("made");
        fs::write(&made, script).expect("written");
        fs::set_permissions(&made, fs::Permissions::from_mode(0o755)).expect("a mode");
        fs::rename(&made, &worker).expect("renamed");
        let told = codecs(&program);
        assert_eq!(told["state"], state, "{told}");
        let detail = told["detail"].as_str().expect("words");
        assert!(detail.contains(words), "{told}");
        assert_ne!(told["remedy"], "", "{told}");
    }
}
