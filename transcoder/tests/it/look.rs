//! The program that only looks.

use std::fs::File;
use std::path::Path;
use std::process::Command;

use crate::rig::{Rig, text};

const SMALL: &str = "-f lavfi -i testsrc2=size=160x120:rate=25 -t 1";

#[test]
fn whichever_worker_is_there_looks() {
    let rig = Rig::new();
    let film = rig.film("film.mp4", SMALL);
    // On the programs' own disk, so that they can have a second name.
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let transcoder = Path::new(env!("CARGO_BIN_EXE_satreel-transcoder"));
    let worker = Path::new(env!("CARGO_BIN_EXE_satreel-worker"));
    let look = Path::new(env!("CARGO_BIN_EXE_satreel-look"));
    for (number, programs) in [&[look][..], &[worker], &[]].into_iter().enumerate() {
        let folder = place.path().join(number.to_string());
        std::fs::create_dir(&folder).expect("a folder");
        for program in [&[transcoder][..], programs].concat() {
            let name = program.file_name().expect("a name");
            std::fs::hard_link(program, folder.join(name)).expect("a second name");
        }
        let run = |arguments: &[&str]| {
            let mut command = Command::new(folder.join("satreel-transcoder"));
            let done = command.args(arguments).arg(&film).output();
            done.expect("the transcoder runs")
        };
        let looked = run(&["inspect"]);
        assert_eq!(looked.status.success(), !programs.is_empty());
        let told = text(&looked.stderr);
        assert!(
            !programs.is_empty() || told.contains("satreel-worker is missing"),
            "{told}"
        );
    }
}

#[test]
fn what_only_looks_makes_nothing() {
    let rig = Rig::new();
    let film = rig.film("film.mp4", SMALL);
    std::fs::create_dir(rig.data()).expect("a folder");
    let order = serde_json::json!({
        "container": "mp4", "preview": {"usual": 60}, "generation": 0,
        "supervisor": std::process::id(), "sandbox": "required", "loudness": "as-is",
        "ladder": satreel_config::Ladder::default(), "output": rig.data(),
    });
    let done = Command::new(env!("CARGO_BIN_EXE_satreel-look"))
        .arg(order.to_string())
        .stdin(File::open(&film).expect("the film"))
        .output()
        .expect("it runs");
    let told = text(&done.stdout);
    assert!(told.contains("it can only look at films"), "{told}");
    assert_eq!(
        std::fs::read_dir(rig.data()).expect("the folder").count(),
        0
    );
}
