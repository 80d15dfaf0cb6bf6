//! The demo's transcoder: the program beside this one, and the sample films it is given.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use satreel_config::Sandbox;
use serde::Deserialize;
use tokio::process::{Child, ChildStdin, Command};

/// How long the transcoder may take to end in order.
const GRACE: Duration = Duration::from_secs(5);

/// A running `satreel-transcoder run`.
#[derive(Debug)]
pub struct Transcoder {
    child: Child,
    /// Held apart: waiting for a child closes the pipe that it still has, and with it the child.
    alive: Option<ChildStdin>,
}

impl Transcoder {
    pub fn start(data: &Path, sandbox: Sandbox, live: SocketAddr) -> Result<Self> {
        let mut child = command(sandbox)?
            .args(["run", "--until-stdin-closes", "--data"])
            .arg(data)
            .args(["--live", &live.to_string()])
            // Closes with this process, even by kill -9: the transcoder then ends too.
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let alive = child.stdin.take();
        Ok(Self { child, alive })
    }

    /// Resolves when it ends though nobody told it to.
    pub async fn ended(&mut self) -> anyhow::Error {
        match self.child.wait().await {
            Ok(status) => anyhow!("the transcoder ended on its own ({status})"),
            Err(error) => anyhow!(error).context("waiting for the transcoder"),
        }
    }

    pub async fn stop(mut self) {
        drop(self.alive.take());
        if tokio::time::timeout(GRACE, self.child.wait())
            .await
            .is_err()
        {
            let _ = self.child.kill().await;
        }
    }
}

/// One line of `samples/films.json`.
#[derive(Debug, Deserialize)]
struct Sample {
    file: String,
    name: String,
    #[serde(default)]
    rent: Option<u64>,
    #[serde(default)]
    own: Option<u64>,
    #[serde(default)]
    preview: Option<u32>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    year: Option<u16>,
    /// Some samples are for tests only.
    #[serde(default = "yes")]
    demo: bool,
}

const fn yes() -> bool {
    true
}

/// Gives an empty demo its sample films, one after another. Without samples beside the program
/// the demo starts empty.
pub async fn add_samples(data: PathBuf, sandbox: Sandbox) {
    if let Err(error) = try_add_samples(&data, sandbox).await {
        tracing::warn!(error = format!("{error:#}"), "no sample films");
    }
}

async fn try_add_samples(data: &Path, sandbox: Sandbox) -> Result<()> {
    let has_titles =
        std::fs::read_dir(data.join("titles")).is_ok_and(|mut titles| titles.next().is_some());
    if has_titles {
        return Ok(());
    }
    let folder = beside("samples")?;
    let list = folder.join("films.json");
    let text = match std::fs::read(&list) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            tracing::info!(folder = %folder.display(), "there are no sample films: add your own with satreel-transcoder add");
            return Ok(());
        }
        Err(error) => return Err(error).context(list.display().to_string()),
    };
    let samples: Vec<Sample> =
        serde_json::from_slice(&text).with_context(|| list.display().to_string())?;
    for sample in samples.iter().filter(|sample| sample.demo) {
        tracing::info!(film = sample.name, "preparing a sample film");
        let output = sample.command(&folder, data, sandbox)?.output().await?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            tracing::warn!(film = sample.name, said = %said.trim(), "a sample film was refused");
        }
    }
    tracing::info!("the sample films are ready");
    Ok(())
}

impl Sample {
    fn command(&self, folder: &Path, data: &Path, sandbox: Sandbox) -> Result<Command> {
        let mut command = command(sandbox)?;
        command
            .arg("add")
            .arg(folder.join(&self.file))
            .arg("--data")
            .arg(data);
        command
            .args(["--name", &self.name])
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let numbers = [
            ("--rent", self.rent),
            ("--own", self.own),
            ("--preview", self.preview.map(u64::from)),
        ];
        if self.rent.is_none() && self.own.is_none() {
            command.arg("--free");
        }
        if let Some(description) = &self.description {
            command.args(["--description", description]);
        }
        if let Some(year) = self.year {
            command.args(["--year", &year.to_string()]);
        }
        for (flag, number) in numbers {
            if let Some(number) = number {
                command.arg(flag).arg(number.to_string());
            }
        }
        Ok(command)
    }
}

fn command(sandbox: Sandbox) -> Result<Command> {
    let mut command = Command::new(beside("satreel-transcoder")?);
    command.args(["--sandbox", &sandbox.to_string()]);
    Ok(command)
}

/// A file in the folder of this program.
fn beside(name: &str) -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let folder = program.parent().context("the program's own folder")?;
    Ok(folder.join(name))
}
