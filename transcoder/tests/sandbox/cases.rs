//! What has to come of each attempt, and of kernels that lack a layer.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

type Case = (&'static str, fn());

pub(crate) const ALL: [Case; 8] = [
    ("the work itself is possible", work),
    ("what is not the title's stays out of reach", files),
    ("what no film needs ends the worker", fatal),
    ("memory, disk and descriptors end", limits),
    ("the kernel has the limits on record", record),
    ("without Landlock no film is opened", refusal),
    ("the operator may accept the risk", best_effort),
    ("doctor says which layers hold", doctor),
];

/// A title's folder with neighbours.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let place = Self { folder };
        fs::create_dir(place.title()).expect("the title");
        fs::create_dir(place.path("other")).expect("a neighbour");
        fs::write(place.path("other/secret"), b"secret").expect("a secret");
        fs::write(place.path("writable"), b"kept").expect("a file");
        std::os::unix::fs::symlink("/etc/passwd", place.title().join("link")).expect("a link");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn title(&self) -> PathBuf {
        self.path("title")
    }

    /// Nothing outside of the title has changed.
    fn is_untouched(&self) -> bool {
        let names = fs::read_dir(self.path("other"))
            .expect("the neighbour")
            .count();
        names == 1
            && fs::read(self.path("other/secret")).is_ok_and(|text| text == b"secret")
            && fs::read(self.path("writable")).is_ok_and(|text| text == b"kept")
    }

    fn start(&self, attempt: &str, input: Stdio) -> Child {
        Command::new(std::env::current_exe().expect("this program"))
            .args(["--inside", attempt])
            .arg(self.title())
            .stdin(input)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts")
    }

    fn attempt(&self, attempt: &str) -> Output {
        let input = self.path("input");
        fs::write(&input, b"film").expect("an input");
        let input = fs::File::open(input).expect("the input");
        let child = self.start(attempt, input.into());
        child.wait_with_output().expect("it ends")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn work() {
    let place = Place::new();
    // The link would be one file too many.
    fs::remove_file(place.title().join("link")).expect("the link");
    let done = Place::attempt(&place, "work as usual");
    assert!(done.status.success(), "{}", text(&done.stdout));
    assert!(
        text(&done.stdout).contains("Landlock V"),
        "{}",
        text(&done.stdout)
    );
}

fn files() {
    for attempt in [
        "read a system file",
        "read a neighbour",
        "read through a link",
        "make a link",
        "make a hard link",
        "list the root",
        "list processes",
        "write elsewhere",
        "write a neighbour",
        "empty a neighbour by reading",
        "move out",
        "remove a neighbour",
        "change a mode",
        "change folders",
        "end the supervisor",
        "end everybody",
    ] {
        let place = Place::new();
        let done = place.attempt(attempt);
        let told = text(&done.stdout);
        assert_eq!(done.status.code(), Some(1), "{attempt}: {told}");
        assert!(told.contains("refused: "), "{attempt}: {told}");
        assert!(place.is_untouched(), "{attempt}");
    }
}

fn fatal() {
    for attempt in [
        "connect",
        "send a datagram",
        "connect locally",
        "run a program",
        "start a program",
        "trace a process",
    ] {
        let done = Place::new().attempt(attempt);
        let signal = done.status.signal();
        assert_eq!(
            signal,
            Some(libc::SIGSYS),
            "{attempt}: {}",
            text(&done.stdout)
        );
    }
}

fn limits() {
    let place = Place::new();
    for attempt in ["use up memory", "use up descriptors"] {
        let done = place.attempt(attempt);
        assert_eq!(
            done.status.code(),
            Some(1),
            "{attempt}: {}",
            text(&done.stdout)
        );
    }
    let done = place.attempt("use up the disk");
    assert_eq!(done.status.signal(), Some(libc::SIGXFSZ));
    let large = fs::metadata(place.title().join("large")).expect("the file");
    assert_eq!(large.len(), 0);
}

fn record() {
    let place = Place::new();
    let mut child = place.start("wait", Stdio::piped());
    let mut told = child.stdout.take().expect("its words");
    let mut first = [0];
    std::io::Read::read_exact(&mut told, &mut first).expect("it is confined");
    let about = PathBuf::from(format!("/proc/{}", child.id()));
    let limits = fs::read_to_string(about.join("limits")).expect("its limits");
    let status = fs::read_to_string(about.join("status")).expect("its state");
    drop(child.stdin.take());
    assert!(child.wait().expect("it ends").success());
    for (name, wanted) in [
        ("Max cpu time", "345600"),
        ("Max file size", "2147483648"),
        ("Max core file size", "0"),
        ("Max open files", "64"),
        ("Max address space", "6442450944"),
    ] {
        let line = limits.lines().find(|line| line.starts_with(name));
        let line = line.expect("a limit");
        assert_eq!(
            line.split_whitespace()
                .filter(|word| *word == wanted)
                .count(),
            2,
            "{line}"
        );
    }
    for wanted in ["NoNewPrivs:\t1", "Seccomp:\t2", "Seccomp_filters:\t3"] {
        assert!(
            status.lines().any(|line| line == wanted),
            "{wanted}: {status}"
        );
    }
}

/// The real program on a kernel without Landlock.
fn lacking(arguments: &[&str], data: &Path) -> Output {
    Command::new(std::env::current_exe().expect("this program"))
        .args([
            "--without-landlock",
            env!("CARGO_BIN_EXE_satreel-transcoder"),
        ])
        .args(arguments)
        .current_dir(data)
        .stdin(Stdio::null())
        .output()
        .expect("it runs")
}

fn film(folder: &Path) {
    let done = Command::new("ffmpeg")
        .args([
            "-nostdin",
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=160x120:rate=25",
        ])
        .args(["-t", "1", "film.mp4"])
        .current_dir(folder)
        .status();
    assert!(done.expect("ffmpeg runs").success());
}

fn refusal() {
    let folder = tempfile::tempdir().expect("a folder");
    film(folder.path());
    for command in [
        &["add", "film.mp4", "--data", "data"][..],
        &["inspect", "film.mp4"],
        &["run", "--data", "data"],
    ] {
        let done = lacking(command, folder.path());
        let told = text(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{command:?}: {told}");
        assert!(
            told.contains("Landlock") && told.contains("best-effort"),
            "{told}"
        );
    }
    let titles = fs::read_dir(folder.path().join("data/titles"));
    assert_eq!(titles.map_or(0, Iterator::count), 0);
}

fn best_effort() {
    let folder = tempfile::tempdir().expect("a folder");
    film(folder.path());
    let add = [
        "add",
        "film.mp4",
        "--data",
        "data",
        "--sandbox",
        "best-effort",
    ];
    let done = lacking(&add, folder.path());
    let told = text(&done.stderr);
    assert!(done.status.success(), "{told}");
    assert!(told.contains("confined in part only"), "{told}");
    let id = text(&done.stdout);
    let id = id.split_whitespace().last().expect("an id");
    assert!(
        folder
            .path()
            .join("data/titles")
            .join(id)
            .join("master.m3u8")
            .exists()
    );
}

fn doctor() {
    let folder = tempfile::tempdir().expect("a folder");
    let layers = |done: &Output| -> Vec<(String, String)> {
        let told: Value = serde_json::from_slice(&done.stdout).expect("JSON");
        let checks = told["checks"].as_array().expect("checks").iter();
        let word = |check: &Value, key: &str| check[key].as_str().expect("a word").to_owned();
        checks
            .map(|check| (word(check, "name"), word(check, "state")))
            .collect()
    };
    let pair = |landlock: &str| {
        [
            ("codecs", "green"),
            ("landlock", landlock),
            ("seccomp", "green"),
        ]
        .map(|(name, state)| (name.into(), state.into()))
    };
    let here = Command::new(env!("CARGO_BIN_EXE_satreel-transcoder"))
        .args(["doctor", "--json"])
        .output()
        .expect("it runs");
    assert!(here.status.success());
    assert_eq!(layers(&here), pair("green"));
    let required = lacking(&["doctor", "--json"], folder.path());
    assert_eq!(required.status.code(), Some(1));
    assert_eq!(layers(&required), pair("red"));
    let accepted = lacking(
        &["doctor", "--json", "--sandbox", "best-effort"],
        folder.path(),
    );
    assert!(accepted.status.success());
    assert_eq!(layers(&accepted), pair("yellow"));
}
