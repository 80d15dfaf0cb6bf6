//! One pair of nodes for all tests, and a guardian's folders and program.

use std::{
    fmt::Write as _,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use age::{secrecy::ExposeSecret, x25519};
use lnd_pair::{Node, Pair};
use satreel_backup_status::{Status, read};
use satreel_config::{Place, Secret};
use satreel_lnd::backup::CALLS;
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

/// A guardian's configuration, key and destinations.
pub(crate) struct Bench {
    folder: TempDir,
    key: x25519::Identity,
}

impl Bench {
    /// Guards `node` by a macaroon for backups only, into the folders `one` and `two`.
    pub(crate) async fn of(node: &Node) -> Self {
        let folder = |name: &'static str| (name, Place::Folder { path: name.into() });
        Self::with(node, &[folder("one"), folder("two")]).await
    }

    /// The same into other places.
    pub(crate) async fn with(node: &Node, places: &[(&str, Place)]) -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
            key: x25519::Identity::generate(),
        };
        let calls = CALLS.map(|call| ("uri", call));
        bench.put_macaroon(&node.bake(&calls).await.unwrap());
        let secret = bench.key.to_string();
        std::fs::write(bench.path("key.txt"), secret.expose_secret()).unwrap();
        bench.write_config(node, places);
        let (code, said) = bench.call(&["prepare"]);
        assert_eq!(code, Some(0), "{said}");
        bench
    }

    fn write_config(&self, node: &Node, places: &[(&str, Place)]) {
        let mut text = format!(
            "[site]\nurl = \"http://127.0.0.1:1\"\ndata = \"data\"\n[payments]\nbackend = \"wallet\"\n\
             [backup]\nfolder = \"guardian\"\nrecipients = [\"{}\"]\nsite = false\n\
             address = \"{}\"\ncertificate = \"{}\"\nmacaroon = {{ file = \"macaroon\" }}\n",
            self.key.to_public(),
            node.address(),
            node.certificate().display(),
        );
        for (name, place) in places {
            let _ = write!(
                text,
                "[[backup.destination]]\nname = \"{name}\"\n{}",
                written(place)
            );
        }
        std::fs::write(self.path("satreel.toml"), text).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn put_macaroon(&self, bytes: &[u8]) {
        std::fs::write(self.path("macaroon"), bytes).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
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

    /// A guardian that follows, until it is dropped.
    pub(crate) fn run(&self) -> Running {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.path("log"))
            .unwrap();
        Running(self.command(&["run"]).stderr(log).spawn().unwrap())
    }

    pub(crate) fn status(&self) -> Status {
        read(&self.path("guardian")).unwrap().unwrap_or_default()
    }

    /// How many channels the newest copy has, once all destinations have it.
    pub(crate) fn everywhere(&self) -> Option<usize> {
        let status = self.status();
        let newest = status.channels?;
        let mut places = status.destinations.values();
        let all = places.all(|place| place.channels == Some(newest.saved) && place.fault.is_none());
        all.then_some(newest.count)
    }
}

/// A place, as the configuration has it.
fn written(place: &Place) -> String {
    let file = |secret: &Secret| match secret {
        Secret::File(path) => format!("{{ file = \"{}\" }}", path.display()),
        Secret::Env(_) | Secret::Credential(_) => {
            panic!("places of tests keep their secrets in files")
        }
    };
    match place {
        Place::Folder { path } => format!("kind = \"folder\"\npath = \"{}\"\n", path.display()),
        Place::Sftp {
            host,
            port,
            user,
            path,
            key,
            host_key,
        } => format!(
            "kind = \"sftp\"\nhost = \"{host}\"\nport = {port}\nuser = \"{user}\"\n\
             path = \"{path}\"\nkey = {}\nhost_key = \"{host_key}\"\n",
            file(key)
        ),
        Place::S3 {
            endpoint,
            region,
            bucket,
            prefix,
            access_key,
            secret_key,
        } => format!(
            "kind = \"s3\"\nendpoint = \"{}\"\nregion = \"{region}\"\nbucket = \"{bucket}\"\n\
             prefix = \"{prefix}\"\naccess_key = {}\nsecret_key = {}\n",
            endpoint.as_str(),
            file(access_key),
            file(secret_key)
        ),
    }
}

pub(crate) fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// `satreel-backup run`. Dropping it kills it.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
