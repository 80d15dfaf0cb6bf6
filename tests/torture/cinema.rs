//! The real `satreel serve`, and what can happen to it.

use std::{
    fs::{self, OpenOptions},
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    sync::Mutex,
};

pub const FILM: &str = "00ff10a9bcdef012";
/// Longest that anything may take before the run is given up, on the busiest machine.
pub const PATIENCE: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(20);

/// A site on a folder of its own; its server comes and goes.
pub struct Cinema {
    pub folder: TempDir,
    child: Mutex<Option<Child>>,
    http: reqwest::Client,
}

impl Cinema {
    /// `payments`: the tables of the configuration that name the backend. Later starts take the
    /// port of the first, as a site keeps its name.
    pub async fn open(payments: &str) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let title = folder.path().join("titles").join(FILM);
        fs::create_dir_all(&title)?;
        let about = json!({
            "name": "The Film", "state": "published", "created_at": "2026-01-01T00:00:00Z",
            "preview_s": 0,
            "tiers": [{"tier": "rent", "sat": 100, "hours": 24}, {"tier": "own", "sat": 3000}],
        });
        fs::write(title.join("title.json"), about.to_string())?;
        fs::write(title.join("master.m3u8"), "#EXTM3U\n")?;
        let data = folder.path().display().to_string();
        let config = |listen: &str| {
            format!(
                "[site]\nname = \"Torture\"\nurl = \"http://127.0.0.1:1\"\ndata = \"{data}\"\n\
                 [server]\nlisten = \"{listen}\"\n{payments}"
            )
        };
        fs::write(folder.path().join("satreel.toml"), config("127.0.0.1:0"))?;
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .timeout(Duration::from_secs(10))
            .no_proxy()
            .build()?;
        let cinema = Self {
            folder,
            child: Mutex::default(),
            http,
        };
        cinema.start().await?;
        let address = cinema.address().context("it serves")?;
        fs::write(cinema.path("satreel.toml"), config(&address))?;
        Ok(cinema)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// All that the server ever logged.
    pub fn log(&self) -> Result<Vec<u8>> {
        Ok(fs::read(self.path("server.log"))?)
    }

    /// Starts the server unless it runs; returns once it serves.
    pub async fn start(&self) -> Result<()> {
        let mut running = self.child.lock().await;
        if running.is_some() {
            return Ok(());
        }
        // Written anew by every start.
        let _ = fs::remove_file(self.path("address"));
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("server.log"))?;
        let mut child = Command::new(env!("CARGO_BIN_EXE_satreel"))
            .args(["serve", "--config"])
            .arg(self.path("satreel.toml"))
            .env("RUST_LOG", "info,satreel=trace")
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        wait_until("the server to start", async || {
            if let Some(status) = child.try_wait()? {
                let log = fs::read(self.path("server.log"))?;
                let tail =
                    String::from_utf8_lossy(&log[log.len().saturating_sub(4000)..]).into_owned();
                bail!("the server ended by itself: {status}\n{tail}");
            }
            Ok(self.address().is_some())
        })
        .await?;
        *running = Some(child);
        Ok(())
    }

    pub fn address(&self) -> Option<String> {
        let text = fs::read_to_string(self.path("address")).ok()?;
        text.strip_suffix('\n').map(str::to_owned)
    }

    pub async fn kill9(&self) -> Result<()> {
        if let Some(mut child) = self.child.lock().await.take() {
            child.kill().await?;
        }
        Ok(())
    }

    /// SIGTERM: an orderly end is a success.
    pub async fn terminate(&self) -> Result<()> {
        if let Some(mut child) = self.child.lock().await.take() {
            signal(&child, "TERM").await?;
            let status = child.wait().await?;
            if !status.success() {
                bail!("the server did not end well: {status}");
            }
        }
        Ok(())
    }

    pub async fn freeze(&self, time: Duration) -> Result<()> {
        let running = self.child.lock().await;
        if let Some(child) = running.as_ref() {
            signal(child, "STOP").await?;
            tokio::time::sleep(time).await;
            signal(child, "CONT").await?;
        }
        Ok(())
    }

    /// As a lost disk: the server is killed, and its record is gone.
    pub async fn lose_ledger(&self) -> Result<()> {
        self.kill9().await?;
        for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
            let _ = fs::remove_file(self.path(name));
        }
        Ok(())
    }

    /// One request; None: no answer came.
    pub async fn post(&self, path: &str, body: &Value) -> Option<(u16, Value)> {
        let address = self.address()?;
        let request = self.http.post(format!("http://{address}{path}")).json(body);
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.json().await.ok()?))
    }

    /// Asks until there is an answer that is final, as a patient page does.
    pub async fn ask(&self, path: &str, body: &Value) -> Result<(u16, Value)> {
        let end = Instant::now() + PATIENCE;
        loop {
            match self.post(path, body).await {
                Some((status, answer)) if !matches!(status, 429 | 500..) => {
                    return Ok((status, answer));
                }
                other if Instant::now() > end => bail!("POST {path} got no answer: {other:?}"),
                Some(_) | None => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    pub async fn ready(&self) -> bool {
        let Some(address) = self.address() else {
            return false;
        };
        let answer = self.http.get(format!("http://{address}/readyz")).send();
        answer
            .await
            .is_ok_and(|answer| answer.status().is_success())
    }

    /// `satreel sales --json`
    pub async fn sales(&self) -> Result<Vec<Value>> {
        let output = Command::new(env!("CARGO_BIN_EXE_satreel"))
            .args(["sales", "--json", "--config"])
            .arg(self.path("satreel.toml"))
            .output()
            .await?;
        let answer: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())?;
        let sales = answer["sales"].as_array();
        Ok(sales.context("a list of sales")?.clone())
    }
}

async fn signal(child: &Child, name: &str) -> Result<()> {
    let pid = child.id().context("it runs")?.to_string();
    Command::new("kill")
        .args([&format!("-{name}"), &pid])
        .status()
        .await?;
    Ok(())
}

/// Waits for a fact.
pub async fn wait_until(what: &str, mut fact: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    while !fact().await? {
        if Instant::now() > end {
            bail!("waited too long for {what}");
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}
