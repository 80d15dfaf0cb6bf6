//! The power is cut at every moment of a run of the real program: what was told to somebody is there
//! afterwards, and nothing is half there. How a disk may look then is worked out by `tests/power`.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    process::Stdio,
};

use power_cut::{Recorder, Recording, State};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::site::{Client, FILM, Program, Site, data_folder, satreel};

const START: u64 = crate::site::START;

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// What a command of the program does to the site's folder.
fn command(data: &Path, args: &[&str]) -> Recording {
    let recorder = Recorder::new(data);
    let mut command = recorder.command(env!("CARGO_BIN_EXE_satreel"));
    command.args(args).args(["--data", &text(data)]);
    let child = command.stdout(Stdio::piped()).spawn().expect("strace");
    let id = child.id();
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{output:?}");
    recorder.end(id)
}

/// What a server does to it while `act` goes on. It is killed at the end.
fn serving(data: &Path, act: impl FnOnce(&Client)) -> Recording {
    let config = Program::config(data, &data.join("keys.json"), "backend = \"wallet\"\n");
    let recorder = Recorder::new(data);
    let mut command = recorder.command(env!("CARGO_BIN_EXE_satreel"));
    command.args(["serve", "--config"]).arg(config);
    let server = Program::start(command);
    let id = server.id();
    act(&server.client);
    server.kill();
    recorder.end(id)
}

/// A site that has been served before.
fn site() -> TempDir {
    let folder = data_folder();
    let (code, log) = Program::serve(folder.path()).terminate();
    assert_eq!(code, Some(0), "{log}");
    folder
}

/// Asks for what holds in each state. That must not hold if nothing had been synced: else it would show
/// nothing.
fn holds_after_each_cut(recording: &Recording, holds: impl Fn(&State<'_>, &Path)) {
    let states = recording.states();
    assert!(states.len() > 3, "{} states", states.len());
    for state in &states {
        holds(state, state.laid_out().path());
    }
    let without = recording.without_syncs();
    // From the end: there most is lost.
    let fails = without.states().iter().rev().any(|state| {
        let asked = || holds(state, state.laid_out().path());
        catch_unwind(AssertUnwindSafe(asked)).is_err()
    });
    assert!(fails, "syncs make no difference to what is asked for");
}

fn keys(data: &Path) -> Vec<String> {
    let (code, listed, said) = satreel(&["keys", "list", "--json", "--data", &text(data)]);
    assert_eq!(code, 0, "{said}");
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    let keys = listed["keys"].as_array().expect("keys");
    let id = |key: &Value| key["id"].as_str().expect("an id").to_owned();
    keys.iter().map(id).collect()
}

#[test]
fn a_key_rotation_is_whole_and_stays() {
    let folder = site();
    let before = keys(folder.path());
    let recording = command(folder.path(), &["keys", "rotate"]);
    let after = keys(folder.path());
    assert_eq!((before.len(), after.len()), (1, 2));
    let holds = |state: &State<'_>, data: &Path| {
        let found = keys(data);
        let is_told = !state.said.is_empty();
        assert!(
            found == after || (!is_told && found == before),
            "{state:?}: {found:?}"
        );
    };
    holds_after_each_cut(&recording, holds);
}

#[test]
fn a_purchase_that_was_closed_stays_closed() {
    const SUBJECT: &str = "0011223344556677";
    let folder = site();
    let recording = command(folder.path(), &["deny", SUBJECT]);
    let holds = |state: &State<'_>, data: &Path| {
        let (code, list, said) = satreel(&["deny", "--list", "--json", "--data", &text(data)]);
        assert_eq!(code, 0, "{state:?}: {said}");
        assert!(
            state.said.is_empty() || list.contains(SUBJECT),
            "{state:?}: {list}"
        );
    };
    holds_after_each_cut(&recording, holds);
}

#[test]
fn a_recorded_sale_is_there_after_any_cut() {
    const SALES: usize = 3;
    let folder = site();
    let recording = serving(folder.path(), |client| {
        for _ in 0..SALES {
            client.buy(FILM, "own");
        }
    });
    // A viewer who has the token: the sale was recorded before.
    let recording = recording
        .hearing(|words| contains(words, b"HTTP/1.1 200") && contains(words, b"\"token\":"));
    let told = recording
        .states()
        .iter()
        .map(|state| state.said.len())
        .max();
    assert_eq!(told, Some(SALES));
    let holds = |state: &State<'_>, data: &Path| {
        let (code, sales, said) = satreel(&["sales", "--json", "--data", &text(data)]);
        assert_eq!(code, 0, "{state:?}: {said}");
        let sales: Value = serde_json::from_str(&sales).expect("JSON");
        let found = sales["sales"].as_array().map_or(0, Vec::len);
        assert!(
            (state.said.len()..=SALES).contains(&found),
            "{state:?}: {found} sales"
        );
    };
    holds_after_each_cut(&recording, holds);
}

#[test]
fn an_edit_in_the_studio_is_whole_and_stays() {
    let folder = site();
    let (code, key, said) = satreel(&["studio-key", "--json", "--data", &text(folder.path())]);
    assert_eq!(code, 0, "{said}");
    let key: Value = serde_json::from_str(&key).expect("JSON");
    let bearer = format!("Bearer {}", key["key"].as_str().expect("a key"));
    let recording = serving(folder.path(), |client| {
        let path = format!("/api/studio/titles/{FILM}");
        let seen = client.send("GET", &path, &[("authorization", &bearer)], b"");
        let headers = [
            ("authorization", bearer.as_str()),
            ("content-type", "application/json"),
            ("if-match", seen.header("etag")),
        ];
        let changes = json!({"name": "Renamed"}).to_string();
        let answer = client.send("PATCH", &path, &headers, changes.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
    });
    let recording = recording
        .hearing(|words| contains(words, b"HTTP/1.1 200") && contains(words, b"\"Renamed\""));
    let holds = |state: &State<'_>, data: &Path| {
        let site = Site::on(data, START);
        let found = site.client.get(&format!("/api/titles/{FILM}")).json();
        let is_told = !state.said.is_empty();
        let expected: &[&str] = if is_told {
            &["Renamed"]
        } else {
            &["The Film", "Renamed"]
        };
        let name = found["name"].as_str().unwrap_or_default();
        assert!(expected.contains(&name), "{state:?}: {found}");
    };
    let told = |state: &State<'_>| !state.said.is_empty();
    assert!(recording.states().iter().any(told));
    holds_after_each_cut(&recording, holds);
}

fn contains(words: &[u8], part: &[u8]) -> bool {
    words.windows(part.len()).any(|window| window == part)
}
