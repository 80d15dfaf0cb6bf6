//! What a job has to give way to: a disk that fills, a broadcast that runs.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, setpriority_process};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

const MB: u64 = 1_000_000;
/// So much more has to be free before a held job goes on, or it would be held again at once.
const MARGIN: u64 = 64 * MB;
/// The lowest there is; the kernel does not let everybody take it back, and it only counts where
/// somebody else wants the processor.
const LAST: i32 = 19;
const USUAL: i32 = 5;

/// What is looked at while a worker runs.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings {
    /// Folders of broadcasts that run.
    pub(crate) live: PathBuf,
    /// Any folder on the disk that is written.
    pub(crate) disk: PathBuf,
    /// Bytes that stay free on it.
    pub(crate) keep_free: u64,
}

/// The free space, when it is too little.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Low {
    pub(crate) free: u64,
    pub(crate) keep_free: u64,
}

impl std::fmt::Display for Low {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "the disk is nearly full: {} MB are free and {} MB stay free (transcoder.keep_free_mb); \
             it goes on by itself once there is more",
            self.free / MB,
            self.keep_free / MB
        )
    }
}

impl Surroundings {
    /// Whether the disk is too full for a job that is held, or is not, so far.
    pub(crate) fn low(&self, held: bool) -> Option<Low> {
        let disk = rustix::fs::statvfs(&self.disk).ok()?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        too_little(free, self.keep_free, held)
    }

    /// Whether a broadcast runs: its folder lies in `live/` for as long.
    pub(crate) fn is_live(&self) -> bool {
        let folders = fs::read_dir(&self.live).into_iter().flatten().flatten();
        folders
            .into_iter()
            .any(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
    }
}

fn too_little(free: u64, keep_free: u64, held: bool) -> Option<Low> {
    let wanted = keep_free.saturating_add(if held { MARGIN } else { 0 });
    (free < wanted).then_some(Low { free, keep_free })
}

/// Leaves a worker one processor and the last place in the queue for it, or all that this process
/// has. Threads that come and go meanwhile take after those that start them.
pub(crate) fn give_way(worker: Pid, gives_way: bool) {
    let Ok(all) = sched_getaffinity(None) else {
        return;
    };
    let wanted = if gives_way { first_of(&all) } else { all };
    let priority = if gives_way { LAST } else { USUAL };
    for thread in threads(worker) {
        // A thread that has just ended is no harm.
        let _ = sched_setaffinity(Some(thread), &wanted);
        let _ = setpriority_process(Some(thread), priority);
    }
}

fn first_of(all: &CpuSet) -> CpuSet {
    let mut one = CpuSet::new();
    if let Some(first) = (0..CpuSet::MAX_CPU).find(|cpu| all.is_set(*cpu)) {
        one.set(first);
    }
    one
}

fn threads(of: Pid) -> Vec<Pid> {
    let folder = Path::new("/proc")
        .join(of.as_raw_nonzero().to_string())
        .join("task");
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_job_wants_some_more_before_it_goes_on() {
        let keep = 1000 * MB;
        for (free, held, low) in [
            (1000, false, false),
            (999, false, true),
            (1000, true, true),
            (1063, true, true),
            (1064, true, false),
        ] {
            assert_eq!(
                too_little(free * MB, keep, held).is_some(),
                low,
                "{free} {held}"
            );
        }
        assert_eq!(too_little(0, 0, false), None);
    }

    #[test]
    fn a_folder_below_live_is_a_broadcast() {
        let folder = tempfile::tempdir().expect("a folder");
        let around = Surroundings {
            live: folder.path().join("live"),
            disk: folder.path().to_owned(),
            keep_free: 0,
        };
        assert!(!around.is_live());
        fs::create_dir_all(around.live.join("0123456789abcdef")).expect("a broadcast");
        assert!(around.is_live());
    }
}
