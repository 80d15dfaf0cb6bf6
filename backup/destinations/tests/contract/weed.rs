//! A real S3-compatible store for the tests: SeaweedFS, by `tools/setup test`, with its data in a
//! folder of the test and its ports on this machine alone.

use std::{
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

/// May make buckets; the other may use them.
pub(crate) const ADMIN: (&str, &str) = ("admin", "admin's secret");
pub(crate) const BACKUP: (&str, &str) = ("satreel", "satreel's secret");
/// Nothing here takes as long.
const PATIENCE: Duration = Duration::from_mins(1);
/// Master, volume, filer and S3, each with HTTP and gRPC.
const PORTS: usize = 8;

pub(crate) struct Weed {
    work: TempDir,
    ports: [u16; PORTS],
    /// What keeps the data.
    _server: Child,
    /// What speaks S3. It comes and goes within a moment; the rest takes half a minute for an orderly end.
    gateway: Option<Child>,
}

fn weed() -> PathBuf {
    let cache = env::var_os("SATREEL_CACHE").map(PathBuf::from);
    let cache =
        cache.or_else(|| Some(PathBuf::from(env::var_os("XDG_CACHE_HOME")?).join("satreel")));
    let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache/satreel")));
    let weed = cache.expect("a home").join("venv/bin/weed");
    assert!(
        weed.exists(),
        "{} is missing: run tools/setup test",
        weed.display()
    );
    weed
}

/// All at once, so that they differ. SeaweedFS can't choose ports itself: its parts have to know one another's.
fn free_ports() -> [u16; PORTS] {
    let listeners = [(); PORTS].map(|()| TcpListener::bind(("127.0.0.1", 0)).expect("a port"));
    listeners.map(|listener| listener.local_addr().expect("an address").port())
}

async fn serve(work: &Path, ports: [u16; PORTS]) -> Child {
    let names = [
        "master.port",
        "master.port.grpc",
        "volume.port",
        "volume.port.grpc",
        "filer.port",
        "filer.port.grpc",
    ];
    let ports = names
        .iter()
        .zip(ports)
        .map(|(name, port)| format!("-{name}={port}"));
    let mut command = Command::new(weed());
    command
        .args([
            "server",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-dir=.",
            "-filer",
            "-volume.max=20",
        ])
        .arg("-master.telemetry=false")
        .args(ports);
    run(
        command,
        work,
        &["added volume server", "Start Seaweed Filer"],
    )
    .await
}

/// Starts it and waits until it has said all of `words`.
async fn run(mut command: Command, work: &Path, words: &[&str]) -> Child {
    let mut running = command
        .current_dir(work)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("weed");
    let said = running.stderr.take().expect("its words");
    let mut lines = BufReader::new(said).lines();
    let (mut log, mut left) = (String::new(), words.to_vec());
    let ready = async {
        while !left.is_empty() {
            match lines.next_line().await {
                Ok(Some(line)) => {
                    left.retain(|word| !line.contains(word));
                    log.push_str(&line);
                    log.push('\n');
                }
                _ => return false,
            }
        }
        true
    };
    let ready = tokio::time::timeout(PATIENCE, ready).await;
    assert!(matches!(ready, Ok(true)), "weed is not ready:\n{log}");
    // A pipe that nobody reads would stop it.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    running
}

impl Weed {
    pub(crate) async fn start() -> Self {
        let work = tempfile::tempdir().expect("a folder");
        let identity = |(key, secret): (&str, &str), actions: &[&str]| {
            serde_json::json!({
                "name": key,
                "credentials": [{ "accessKey": key, "secretKey": secret }],
                "actions": actions,
            })
        };
        let identities = [
            identity(ADMIN, &["Admin"]),
            identity(BACKUP, &["Read", "Write", "List"]),
        ];
        let config = serde_json::json!({ "identities": identities });
        fs::write(work.path().join("s3.json"), config.to_string()).expect("written");
        let ports = free_ports();
        let server = serve(work.path(), ports).await;
        let mut weed = Self {
            work,
            ports,
            _server: server,
            gateway: None,
        };
        weed.run().await;
        weed
    }

    /// The gateway, at the same port as before.
    pub(crate) async fn run(&mut self) {
        let [.., filer, filer_grpc, port, grpc] = self.ports;
        let mut command = Command::new(weed());
        command
            .args([
                "s3",
                "-ip.bind=127.0.0.1",
                "-port.iceberg=0",
                "-port.lance=0",
                "-config=s3.json",
            ])
            .arg(format!("-filer=127.0.0.1:{filer}.{filer_grpc}"))
            .args([format!("-port={port}"), format!("-port.grpc={grpc}")]);
        self.gateway = Some(run(command, self.work.path(), &["Start Seaweed S3 API Server"]).await);
    }

    /// At once, as by a cut of power.
    pub(crate) async fn kill(&mut self) {
        if let Some(mut gateway) = self.gateway.take() {
            gateway.kill().await.expect("ended");
        }
        self.remove_sockets();
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[6])
    }

    pub(crate) fn folder(&self) -> &Path {
        self.work.path()
    }

    /// It makes sockets beside its data, under names with its ports in them.
    fn remove_sockets(&self) {
        let kinds = [
            "master-grpc",
            "volume-grpc",
            "filer-grpc",
            "filer",
            "s3",
            "s3-grpc",
        ];
        for (kind, port) in kinds
            .iter()
            .flat_map(|kind| self.ports.map(|port| (kind, port)))
        {
            // Most of these names do not exist.
            let _ = fs::remove_file(format!("/tmp/seaweedfs-{kind}-{port}.sock"));
        }
    }
}

impl Drop for Weed {
    fn drop(&mut self) {
        self.remove_sockets();
    }
}
