//! `jobs/<id>.json`: what is to be made and how far it is. Others read it; nobody decides by it:
//! what exists on disk is the state.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::plan::{Plan, Preview};
use crate::site::write_whole;
use crate::title::Wish;

const WRITE_EVERY: Duration = Duration::from_secs(1);

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JobState {
    Working,
    Done,
    Failed,
}

/// The contents of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct JobFile {
    /// The title's id; for a file that is no film, its name.
    pub(crate) id: String,
    pub(crate) name: String,
    /// Where the film lies.
    pub(crate) source: PathBuf,
    pub(crate) preview: Preview,
    pub(crate) state: JobState,
    /// Tracks to be made.
    #[serde(default)]
    pub(crate) outputs: Vec<String>,
    pub(crate) percent: u32,
    /// Times real time.
    pub(crate) speed: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) remaining_s: Option<u64>,
    /// What went wrong, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<String>,
    pub(crate) updated_at: String,
}

/// The jobs below `folder` that nobody ended: their program was killed, or is still at it.
pub(crate) fn unfinished(folder: &Path) -> Vec<JobFile> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries.filter_map(|entry| std::fs::read(entry.path()).ok());
    let jobs = files.filter_map(|text| serde_json::from_slice::<JobFile>(&text).ok());
    jobs.filter(|job| job.state == JobState::Working && job.source.is_file())
        .collect()
}

/// Keeps the file of one job current.
#[derive(Debug)]
pub(crate) struct JobLog {
    path: PathBuf,
    pub(crate) file: JobFile,
    started: Instant,
    written: Option<Instant>,
    total_us: u64,
}

impl JobLog {
    pub(crate) fn new(path: PathBuf, id: String, wish: &Wish, source: &Path) -> Self {
        Self {
            path,
            file: JobFile {
                id,
                name: wish.name.clone(),
                source: std::path::absolute(source).unwrap_or_else(|_| source.to_owned()),
                preview: wish.preview,
                state: JobState::Working,
                outputs: Vec::new(),
                percent: 0,
                speed: 0.0,
                remaining_s: None,
                fault: None,
                updated_at: String::new(),
            },
            started: Instant::now(),
            written: None,
            total_us: 0,
        }
    }

    /// Before the first look: a job that is killed from here on is found again.
    pub(crate) fn begin(&mut self) -> Result<(), Fault> {
        self.write()
    }

    pub(crate) fn planned(&mut self, plan: &Plan) -> Result<(), Fault> {
        self.started = Instant::now();
        self.total_us = plan.duration_us;
        self.file.outputs = plan.rungs.iter().map(|rung| rung.name.clone()).collect();
        self.file
            .outputs
            .extend(plan.sounds.iter().map(|sound| sound.name.clone()));
        self.write()
    }

    /// Takes note; the file follows once a second.
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive and for display only"
    )]
    pub(crate) fn progress(&mut self, done_us: u64) -> Result<(), Fault> {
        let done = done_us.min(self.total_us);
        let elapsed = self.started.elapsed().as_secs_f64().max(0.001);
        let speed = done as f64 / 1e6 / elapsed;
        let percent = u128::from(done) * 100 / u128::from(self.total_us.max(1));
        self.file.percent = u32::try_from(percent.min(99)).unwrap_or(99);
        self.file.speed = (speed * 100.0).round() / 100.0;
        let left = (self.total_us - done) as f64 / 1e6;
        self.file.remaining_s = (speed > 0.0).then(|| (left / speed) as u64);
        if self
            .written
            .is_none_or(|written| written.elapsed() >= WRITE_EVERY)
        {
            self.write()?;
        }
        Ok(())
    }

    pub(crate) fn end(&mut self, result: Result<(), &Fault>) -> Result<(), Fault> {
        self.file.remaining_s = None;
        match result {
            Ok(()) => {
                self.file.state = JobState::Done;
                self.file.percent = 100;
            }
            Err(fault) => {
                self.file.state = JobState::Failed;
                self.file.fault = Some(fault.to_string());
            }
        }
        self.write()
    }

    fn write(&mut self) -> Result<(), Fault> {
        self.written = Some(Instant::now());
        self.file.updated_at = jiff::Timestamp::now().to_string();
        let text = serde_json::to_vec_pretty(&self.file).map_err(Fault::damaged)?;
        write_whole(&self.path, &text).map_err(|error| Fault::writing(&error))
    }
}
