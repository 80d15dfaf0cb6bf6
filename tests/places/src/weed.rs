//! A real S3-compatible store: SeaweedFS, with its data in a folder of the test and its ports on this
//! machine alone.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use reqwest::{Client, StatusCode};
use rusty_s3::{Bucket, Credentials, S3Action, UrlStyle};
use satreel_config::{Place, Secret};
use tempfile::TempDir;

use crate::program;

/// May make buckets; the other may use them.
const ADMIN: (&str, &str) = ("admin", "admin's secret");
const BACKUP: (&str, &str) = ("satreel", "satreel's secret");
const REGION: &str = "us-east-1";
/// Nothing here takes as long.
const PATIENCE: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Master, volume, filer and S3, each with HTTP and gRPC.
const PORTS: usize = 8;
/// What fills a small store.
const FILLING: &str = "filling";

/// A store. Ends when it is dropped.
#[derive(Debug)]
pub struct Weed {
    work: TempDir,
    ports: [u16; PORTS],
    http: Client,
    /// What keeps the data.
    _server: Running,
    /// What speaks S3. It comes and goes within a moment; the rest takes half a minute for an orderly end.
    gateway: Option<Running>,
}

/// A process that ends, at once, when this is dropped.
#[derive(Debug)]
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// All at once, so that they differ. SeaweedFS can't choose ports itself: its parts have to know one another's.
fn free_ports() -> [u16; PORTS] {
    let listeners = [(); PORTS].map(|()| TcpListener::bind(("127.0.0.1", 0)).expect("a port"));
    listeners.map(|listener| listener.local_addr().expect("an address").port())
}

async fn serve(work: &Path, ports: [u16; PORTS], room: &[&str]) -> Running {
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
    let mut command = Command::new(program("venv/bin/weed"));
    command
        .args([
            "server",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-dir=.",
            "-filer",
            "-master.telemetry=false",
        ])
        .args(room)
        .args(ports);
    let words = ["added volume server", "Start Seaweed Filer"];
    run(command, work, "server.log", &words).await
}

/// Starts it and waits until it has said all of `words`.
async fn run(mut command: Command, work: &Path, log: &str, words: &[&str]) -> Running {
    let log = work.join(log);
    let said = File::create(&log).expect("a log");
    command
        .current_dir(work)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(said);
    let mut running = Running(command.spawn().expect("weed"));
    let end = Instant::now() + PATIENCE;
    loop {
        let said = fs::read_to_string(&log).unwrap_or_default();
        if words.iter().all(|word| said.contains(word)) {
            return running;
        }
        let lives = matches!(running.0.try_wait(), Ok(None));
        assert!(
            lives && Instant::now() < end,
            "weed is not ready ({lives}):\n{said}"
        );
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

impl Weed {
    /// With the bucket `films`.
    pub async fn start() -> Self {
        Self::with_room(&["-volume.max=20"]).await
    }

    /// The same with room for a few megabytes.
    pub async fn start_small() -> Self {
        Self::with_room(&["-volume.max=2", "-master.volumeSizeLimitMB=2"]).await
    }

    async fn with_room(room: &[&str]) -> Self {
        // An error only says that it was chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
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
        for (name, secret) in [("access", BACKUP.0), ("secret", BACKUP.1)] {
            fs::write(work.path().join(name), secret).expect("written");
        }
        let ports = free_ports();
        let server = serve(work.path(), ports, room).await;
        let mut weed = Self {
            work,
            ports,
            http: Client::new(),
            _server: server,
            gateway: None,
        };
        weed.run().await;
        let url = weed
            .bucket()
            .create_bucket(&admin())
            .sign(PATIENCE)
            .to_string();
        let made = weed.http.put(url).send().await.expect("an answer");
        assert!(made.status().is_success(), "{made:?}");
        weed
    }

    /// The gateway, at the same port as before.
    pub async fn run(&mut self) {
        let [.., filer, filer_grpc, port, grpc] = self.ports;
        let mut command = Command::new(program("venv/bin/weed"));
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
        let words = ["Start Seaweed S3 API Server"];
        self.gateway = Some(run(command, self.work.path(), "gateway.log", &words).await);
    }

    /// At once, as by a cut of power.
    pub fn kill(&mut self) {
        self.gateway = None;
        self.remove_sockets();
    }

    /// As `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.ports[6])
    }

    /// How a guardian reaches `prefix` in a bucket, by the keys in the files `access` and `secret`.
    pub fn place(&self, bucket: &str, prefix: &str) -> Place {
        let file = |name| Secret::File(self.folder().join(name));
        Place::S3 {
            endpoint: self.endpoint().parse().expect("an address"),
            region: REGION.to_owned(),
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            access_key: file("access"),
            secret_key: file("secret"),
        }
    }

    /// Where a PUT of `key` goes that is allowed for a minute.
    pub fn signed_put(&self, key: &str) -> String {
        let (bucket, admin) = (self.bucket(), admin());
        let put = bucket.put_object(Some(&admin), key);
        put.sign(PATIENCE).to_string()
    }

    pub async fn put(&self, key: &str, bytes: Vec<u8>) -> StatusCode {
        let put = self.http.put(self.signed_put(key)).body(bytes);
        put.send().await.expect("an answer").status()
    }

    /// Until nothing more fits into a small store.
    pub async fn fill(&self) {
        let end = Instant::now() + PATIENCE;
        let mut at = 0;
        while self
            .put(&format!("{FILLING}/{at}"), vec![7; 1 << 20])
            .await
            .is_success()
        {
            assert!(Instant::now() < end, "it never fills");
            at += 1;
        }
    }

    /// Takes that out again.
    pub async fn make_room(&self) {
        let (bucket, admin) = (self.bucket(), admin());
        for at in 0..16 {
            let object = format!("{FILLING}/{at}");
            let url = bucket.delete_object(Some(&admin), &object).sign(PATIENCE);
            let gone = self.http.delete(url.to_string()).send().await;
            assert!(gone.expect("an answer").status().is_success(), "{object}");
        }
        // What was removed takes room until the next cleaning, which does not see what was removed just now.
        let cleaning = format!(
            "http://127.0.0.1:{}/vol/vacuum?garbageThreshold=0.001",
            self.ports[0]
        );
        let end = Instant::now() + PATIENCE;
        while !self.put(FILLING, Vec::from("x")).await.is_success() {
            assert!(Instant::now() < end, "there is never any room");
            let cleaned = self.http.get(&cleaning).send().await;
            assert!(cleaned.expect("an answer").status().is_success());
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    pub fn folder(&self) -> &Path {
        self.work.path()
    }

    fn endpoint(&self) -> String {
        format!("http://{}", self.address())
    }

    fn bucket(&self) -> Bucket {
        let endpoint = self.endpoint().parse().expect("an address");
        Bucket::new(endpoint, UrlStyle::Path, "films", REGION).expect("a bucket")
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

fn admin() -> Credentials {
    Credentials::new(ADMIN.0, ADMIN.1)
}

impl Drop for Weed {
    fn drop(&mut self) {
        self.remove_sockets();
    }
}
