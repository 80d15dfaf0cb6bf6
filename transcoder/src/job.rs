//! `jobs/<id>.json` as the transcoder keeps it. Others read it; what exists on disk is the state of
//! a title, and the file says what is wanted of it and how far it is.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use satreel_film::fault::Fault;
use satreel_film::plan::Plan;
pub(crate) use satreel_hls::job::{JobFile, JobState, Stage};
use satreel_hls::job::{MAX_JOB_BYTES, Preview};

use crate::site::write_whole;

const WRITE_EVERY: Duration = Duration::from_secs(1);
/// Begins a source whose path is no text. Ours are absolute, so nothing else begins so.
const BYTES: &str = "hex:";

/// A path as it stands in a job's file.
pub(crate) fn path_text(path: &Path) -> String {
    match path.to_str() {
        Some(text) => text.to_owned(),
        None => format!("{BYTES}{}", hex::encode(path.as_os_str().as_bytes())),
    }
}

/// Where a job's film lies.
pub(crate) fn source(job: &JobFile) -> PathBuf {
    let bytes = job.source.strip_prefix(BYTES).map(hex::decode);
    match bytes {
        Some(Ok(bytes)) => OsString::from_vec(bytes).into(),
        Some(Err(_)) | None => PathBuf::from(&job.source),
    }
}

/// A job's file; None if there is none that can be read.
pub(crate) fn read(path: &Path) -> Option<JobFile> {
    let mut text = Vec::new();
    let file = File::open(path).ok()?;
    file.take(MAX_JOB_BYTES).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

/// All jobs below `folder`, by when something was last done about them.
pub(crate) fn all(folder: &Path) -> Vec<JobFile> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"));
    let mut jobs: Vec<JobFile> = files.filter_map(|path| read(&path)).collect();
    jobs.sort_by(|one, other| one.updated_at.cmp(&other.updated_at));
    jobs
}

/// Writes a job's file, with the time.
pub(crate) fn write(path: &Path, job: &mut JobFile) -> Result<(), Fault> {
    job.updated_at = jiff::Timestamp::now().to_string();
    let text = serde_json::to_vec_pretty(job).map_err(Fault::damaged)?;
    write_whole(path, &text).map_err(|error| Fault::writing(&error))
}

/// A job of which nothing is known yet but what it is about.
pub(crate) fn new(id: String, name: &str, preview: Preview, source: &Path) -> JobFile {
    let source = std::path::absolute(source).unwrap_or_else(|_| source.to_owned());
    JobFile {
        id,
        name: name.to_owned(),
        source: path_text(&source),
        preview,
        state: JobState::Working,
        stage: None,
        generation: 0,
        outputs: Vec::new(),
        percent: 0,
        speed: 0.0,
        remaining_s: None,
        detail: None,
        fault: None,
        answer: None,
        left: Vec::new(),
        updated_at: String::new(),
    }
}

/// Keeps the file of one job current while it is in work.
#[derive(Debug)]
pub(crate) struct JobLog {
    path: PathBuf,
    pub(crate) file: JobFile,
    /// Time spent working, without that of standing still.
    spent: Duration,
    since: Option<Instant>,
    written: Option<Instant>,
    total_us: u64,
}

impl JobLog {
    pub(crate) fn new(path: PathBuf, file: JobFile) -> Self {
        Self {
            path,
            file,
            spent: Duration::ZERO,
            since: None,
            written: None,
            total_us: 0,
        }
    }

    /// Before the first look: a job that is killed from here on is found again.
    pub(crate) fn begin(&mut self) -> Result<(), Fault> {
        self.file.state = JobState::Working;
        self.file.stage = Some(Stage::Looking);
        self.file.percent = 0;
        self.file.fault = None;
        self.file.detail = None;
        self.file.left = Vec::new();
        self.write()
    }

    pub(crate) fn planned(&mut self, plan: &Plan) -> Result<(), Fault> {
        self.spent = Duration::ZERO;
        self.since = Some(Instant::now());
        self.total_us = plan.duration_us;
        self.file.stage = Some(Stage::Making);
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
        let worked = self.spent + self.since.map_or(Duration::ZERO, |since| since.elapsed());
        let speed = done as f64 / 1e6 / worked.as_secs_f64().max(0.001);
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

    /// It stands still: asked to, or for want of room.
    pub(crate) fn stand(&mut self, state: JobState, why: Option<String>) -> Result<(), Fault> {
        self.spent += self
            .since
            .take()
            .map_or(Duration::ZERO, |since| since.elapsed());
        self.file.state = state;
        self.file.detail = why;
        self.file.remaining_s = None;
        self.write()
    }

    pub(crate) fn go_on(&mut self) -> Result<(), Fault> {
        self.since = Some(Instant::now());
        self.file.state = JobState::Working;
        self.file.detail = None;
        self.write()
    }

    pub(crate) fn end(&mut self, result: Result<(), &Fault>) -> Result<(), Fault> {
        self.file.remaining_s = None;
        self.file.stage = None;
        self.file.detail = None;
        match result {
            Ok(()) => {
                self.file.state = JobState::Done;
                self.file.percent = 100;
            }
            Err(Fault::Cancelled) => self.file.state = JobState::Cancelled,
            Err(fault) if fault.may_pass() => {
                self.file.state = match fault {
                    Fault::DiskFull => JobState::Held,
                    _ => JobState::Waiting,
                };
                self.file.detail = Some(fault.to_string());
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
        write(&self.path, &mut self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_comes_back() {
        for bytes in [
            &b"/films/a.mp4"[..],
            b"/films/\xFF\xFE.mp4",
            "/ü.mp4".as_bytes(),
        ] {
            let path = PathBuf::from(OsString::from_vec(bytes.to_vec()));
            let job = new("x".to_owned(), "x", Preview::Usual(60), &path);
            assert_eq!(source(&job), path);
        }
    }

    #[test]
    fn what_is_no_job_is_passed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        let mut job = new("1".to_owned(), "one", Preview::Usual(60), Path::new("/x"));
        write(&path("1.json"), &mut job).expect("written");
        fs::write(path("2.json"), b"{\"id\":").expect("written");
        fs::create_dir(path("asked")).expect("a folder");
        let found = all(folder.path());
        assert_eq!(found.len(), 1);
        assert_eq!(found[0], job);
    }
}
