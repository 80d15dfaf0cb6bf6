//! What FFmpeg can do, and whether this kernel confines what reads strangers' films. The transcoder
//! knows, by doing it; here it is asked, without environment, and its answer is read like any other outside text.

use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use satreel_config::{Config, Sandbox};
use serde::Deserialize;
use tokio::process::Command;

use super::{Check, State};

const PATIENCE: Duration = Duration::from_secs(10);
const NAMES: [&str; 3] = ["codecs", "landlock", "seccomp"];

#[derive(Debug, Deserialize)]
struct Answer {
    checks: Vec<Told>,
}

#[derive(Debug, Deserialize)]
struct Told {
    name: String,
    state: State,
    detail: String,
    remedy: String,
}

pub(super) async fn look(config: &Config) -> Vec<Check> {
    let answer = ask(config.transcoder.sandbox).await;
    match answer.and_then(|output| read(&output.stdout)) {
        Ok(checks) => checks,
        Err(error) => {
            let why = format!("satreel-transcoder was asked and {error:#}");
            NAMES.map(|name| Check::not_looked_at(name, &why)).into()
        }
    }
}

/// Its end is of no interest: what it found is in its answer.
async fn ask(sandbox: Sandbox) -> Result<Output> {
    let run = Command::new(program()?)
        .args(["doctor", "--json", "--sandbox", &sandbox.to_string()])
        .env_clear()
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PATIENCE, run).await;
    output
        .context("did not answer in time")?
        .context("did not run")
}

/// The program beside this one, as it is installed.
fn program() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    Ok(own.with_file_name("satreel-transcoder"))
}

fn read(answer: &[u8]) -> Result<Vec<Check>> {
    let answer: Answer = serde_json::from_slice(answer).context("gave no answer")?;
    Ok(NAMES
        .iter()
        .filter_map(|name| {
            let told = answer.checks.iter().find(|told| told.name == *name)?;
            Some(Check::new(name, told.state, &told.detail, &told.remedy))
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_becomes_checks() {
        let text = br#"{"checks":[
            {"name":"seccomp","state":"green","detail":"70 calls","remedy":""},
            {"name":"codecs","state":"yellow","detail":"lacks","remedy":"install"},
            {"name":"landlock","state":"red","detail":"none","remedy":"boot another"},
            {"name":"other","state":"red","detail":"","remedy":""}]}"#;
        let checks = read(text).expect("an answer");
        assert_eq!(checks[0], Check::yellow("codecs", "lacks", "install"));
        assert_eq!(checks[1], Check::red("landlock", "none", "boot another"));
        assert_eq!(checks[2], Check::green("seccomp", "70 calls"));
        assert_eq!(checks.len(), 3);
        assert!(read(b"").is_err());
    }
}
