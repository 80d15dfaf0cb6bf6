//! One pair of nodes for all tests, and a guardian's folders and program.

use std::{
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use age::{secrecy::ExposeSecret, x25519};
use lnd_pair::{Node, Pair};
use satreel_backup_status::{Status, read};
use satreel_lnd::backup::CALLS;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard, OnceCell};

/// Longer than any wait here lasts, on the busiest machine.
pub(crate) const PATIENCE: Duration = Duration::from_mins(2);

/// The pair, for one test at a time: each opens channels that another would count.
pub(crate) async fn pair() -> MutexGuard<'static, Pair> {
    static SHARED: OnceCell<(Mutex<Pair>, TempDir)> = OnceCell::const_new();
    let (pair, _) = SHARED
        .get_or_init(async || {
            let folder = tempfile::tempdir().unwrap();
            let pair = Pair::start(folder.path()).await.unwrap();
            (Mutex::new(pair), folder)
        })
        .await;
    pair.lock().await
}

/// Waits until `done` holds.
pub(crate) async fn until(what: &str, done: impl AsyncFn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done().await {
        assert!(Instant::now() < end, "{what} takes too long");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A guardian's configuration, key and destinations: the folders `one` and `two`.
pub(crate) struct Bench {
    folder: TempDir,
    key: x25519::Identity,
}

impl Bench {
    /// Guards `node` by a macaroon for backups only.
    pub(crate) async fn of(node: &Node) -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
            key: x25519::Identity::generate(),
        };
        let calls = CALLS.map(|call| ("uri", call));
        bench.put_macaroon(&node.bake(&calls).await.unwrap());
        let secret = bench.key.to_string();
        std::fs::write(bench.path("key.txt"), secret.expose_secret()).unwrap();
        bench.write_config(node);
        let (code, said) = bench.call(&["prepare"]);
        assert_eq!(code, Some(0), "{said}");
        bench
    }

    fn write_config(&self, node: &Node) {
        let destination = |name: &str| {
            format!(
                "[[backup.destination]]\nname = \"{name}\"\nkind = \"folder\"\npath = \"{name}\"\n"
            )
        };
        let text = format!(
            "[site]\nurl = \"http://127.0.0.1:1\"\ndata = \"data\"\n[payments]\nbackend = \"wallet\"\n\
             [backup]\nfolder = \"guardian\"\nrecipients = [\"{}\"]\nsite = false\n\
             address = \"{}\"\ncertificate = \"{}\"\nmacaroon = {{ file = \"macaroon\" }}\n{}{}",
            self.key.to_public(),
            node.address(),
            node.certificate().display(),
            destination("one"),
            destination("two"),
        );
        std::fs::write(self.path("satreel.toml"), text).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn put_macaroon(&self, bytes: &[u8]) {
        std::fs::write(self.path("macaroon"), bytes).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_satreel-backup"));
        let (name, rest) = arguments.split_first().unwrap();
        command
            .arg(name)
            .arg("--config")
            .arg(self.path("satreel.toml"))
            .args(rest)
            .stdin(Stdio::null());
        command
    }

    /// The exit code, and all that was said.
    pub(crate) fn call(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = self.command(arguments).output().unwrap();
        (output.status.code(), said(&output))
    }

    /// The lines of a drill, and its exit code.
    pub(crate) fn drill(&self) -> (Option<i32>, Value) {
        let key = self.path("key.txt");
        let key = key.to_str().unwrap();
        let output = self
            .command(&["drill", "--json", "--identity", key])
            .output();
        let output = output.unwrap();
        let said = said(&output);
        let answer = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
        (output.status.code(), answer)
    }

    /// A guardian that follows, until it is dropped.
    pub(crate) fn run(&self) -> Running {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.path("log"))
            .unwrap();
        Running(self.command(&["run"]).stderr(log).spawn().unwrap())
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    pub(crate) fn status(&self) -> Status {
        read(&self.path("guardian")).unwrap().unwrap_or_default()
    }

    /// How many channels the newest copy has, once both destinations have it.
    pub(crate) fn everywhere(&self) -> Option<usize> {
        let status = self.status();
        let newest = status.channels?;
        let mut places = status.destinations.values();
        let all = places.all(|place| place.channels == Some(newest.saved) && place.fault.is_none());
        all.then_some(newest.count)
    }
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// `satreel-backup run`. Dropping it kills it.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    pub(crate) fn kill9(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Asks it to end; its exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let pid = self.0.id().to_string();
        let sent = Command::new("kill").args(["-s", "TERM", &pid]).status();
        assert!(sent.unwrap().success());
        self.0.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
