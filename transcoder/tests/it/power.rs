//! The power is cut at every moment while a film is made: what plays is whole, a film that was told to be
//! made is there, and one that was not is made when the program is called again. How a disk may look then is
//! worked out by `tests/power`.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::Stdio;

use power_cut::{Recorder, Recording, State};
use satreel_hls::playlist::parse_media;

use crate::rig::{Rig, text};

const FILM: &str = "-f lavfi -i testsrc2=size=160x120:rate=25 -f lavfi -i sine=r=48000 -t 5 \
                    -c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac -ac 2";
/// So many states are gone on from: each makes the film.
const GONE_ON_FROM: usize = 6;

/// The making of a film, and its title's id.
fn making(rig: &Rig, film: &Path) -> (Recording, String) {
    fs::create_dir(rig.data()).expect("a folder");
    let recorder = Recorder::new(&rig.data());
    let mut command = recorder.command(env!("CARGO_BIN_EXE_satreel-transcoder"));
    command.arg("add").arg(film).args(["--own", "7", "--data"]);
    command
        .arg(rig.data())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().expect("strace, by tools/setup test");
    let program = child.id();
    let done = child.wait_with_output().expect("it ends");
    assert!(done.status.success(), "{}", text(&done.stderr));
    let printed = text(&done.stdout);
    let id = printed.split_whitespace().last().expect("an id").to_owned();
    let named = id.clone().into_bytes();
    let is_told = move |words: &[u8]| words.windows(named.len()).any(|part| part == named);
    (recorder.end(program).hearing(is_told), id)
}

fn is_list(name: &str) -> bool {
    name.strip_suffix(".m3u8").is_some()
}

/// All that a title's folder holds.
fn files(title: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(title).into_iter().flatten().flatten();
    let file = |entry: fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        Some((name, fs::read(entry.path()).ok()?))
    };
    entries.filter_map(file).collect()
}

/// What can be played of the title is whole, and all of it is there once the film was told to be made.
fn plays(state: &State<'_>, data: &Path, id: &str, made: &BTreeMap<String, Vec<u8>>) {
    let found = files(&data.join("titles").join(id));
    let is_told = !state.said.is_empty();
    let is_made = found.contains_key("master.m3u8") && !found.contains_key(".making.json");
    assert!(is_made || !is_told, "{state:?}: told, and not made");
    for (name, bytes) in &found {
        if name.starts_with('.') || !is_list(name) {
            continue;
        }
        let list = text(bytes);
        let named: Vec<String> = if name == "master.m3u8" {
            let lines = list.lines().filter(|line| !line.starts_with('#'));
            lines.map(str::to_owned).collect()
        } else {
            let list =
                parse_media(&list).unwrap_or_else(|error| panic!("{state:?}: {name}: {error}"));
            list.segments
                .iter()
                .map(|one| one.uri.to_string())
                .collect()
        };
        for part in named {
            let whole = found
                .get(&part)
                .is_some_and(|bytes| is_list(&part) || *bytes == made[&part]);
            assert!(whole, "{state:?}: {name} names {part}, which is not whole");
        }
    }
    if is_made {
        let ours =
            |(name, _): &(&String, &Vec<u8>)| !name.starts_with('.') && *name != "title.json";
        let all: Vec<_> = made.iter().filter(ours).collect();
        assert_eq!(
            found.iter().filter(ours).collect::<Vec<_>>(),
            all,
            "{state:?}"
        );
    }
    if let Some(job) = state.file(&format!("jobs/{id}.json")) {
        let job: serde_json::Value = serde_json::from_slice(job).expect("whole");
        assert!(!is_told || job["state"] == "done", "{state:?}: {job}");
    }
    if let Some(about) = found.get("title.json") {
        let about: serde_json::Value = serde_json::from_slice(about).expect("whole");
        assert_eq!(about["tiers"][0]["sat"], 7, "{state:?}");
    }
}

#[test]
fn a_film_is_whole_or_still_to_be_made_after_any_cut() {
    let rig = Rig::new();
    let film = rig.film("film.mp4", FILM);
    let (recording, id) = making(&rig, &film);
    let made = files(&rig.title(&id).folder);
    let states = recording.states();
    let told = |state: &&State<'_>| !state.said.is_empty();
    assert!(states.len() > 50 && states.iter().any(|state| told(&state)));
    for state in &states {
        plays(state, state.laid_out().path(), &id, &made);
    }

    // Called again it is made, whatever is left of the first try.
    for state in states.iter().step_by(states.len() / GONE_ON_FROM) {
        let place = state.laid_out();
        let mut again = Rig::transcoder();
        again
            .arg("add")
            .arg(&film)
            .args(["--own", "7", "--data"])
            .arg(place.path());
        let done = again.output().expect("it runs");
        assert!(done.status.success(), "{state:?}: {}", text(&done.stderr));
        crate::rig::Title {
            folder: place.path().join("titles").join(&id),
        }
        .check(5.0, 0.04);
    }

    let without = recording.without_syncs();
    let fails = without.states().iter().rev().any(|state| {
        let asked = || plays(state, state.laid_out().path(), &id, &made);
        catch_unwind(AssertUnwindSafe(asked)).is_err()
    });
    assert!(fails, "syncs make no difference to what is asked for");
}
