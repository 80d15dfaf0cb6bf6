//! The machine that a site runs on: room on its disk, memory for broadcasts, watches on folders, and
//! a clock that somebody keeps right.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use rustix::fs::{statfs, statvfs};
use satreel_config::Config;
use tokio::process::Command;

use super::Check;

/// `statfs(2)`: the file system lies in memory.
const TMPFS: i64 = 0x0102_1994;
/// Watches that other programs of the same user may want.
const SPARE_WATCHES: u64 = 1024;
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn look(config: &Config) -> Vec<Check> {
    let limits = Path::new("/proc/sys/fs/inotify/max_user_watches");
    vec![
        disk(config),
        broadcasts(config),
        watches(&config.site.data.join("titles"), limits),
        clock("timedatectl").await,
    ]
}

/// Of a folder that may not be there yet: the nearest one above it that is.
fn existing(path: &Path) -> PathBuf {
    let there = path.ancestors().find(|path| path.exists());
    there.unwrap_or(Path::new("/")).to_owned()
}

fn disk(config: &Config) -> Check {
    const NAME: &str = "disk";
    let data = &config.site.data;
    let found = match statvfs(existing(data)) {
        Ok(found) => found,
        Err(error) => return unknown(NAME, data, &error.into()),
    };
    room(
        data,
        found.f_bavail.saturating_mul(found.f_frsize) >> 20,
        u64::from(config.transcoder.keep_free_mb),
    )
}

/// What `free` megabytes mean where `keep` are to stay free.
fn room(data: &Path, free: u64, keep: u64) -> Check {
    const NAME: &str = "disk";
    let detail = format!("{free} MB are free for {}", data.display());
    let remedy = "delete films in the studio, or give the folder a larger disk";
    if free <= keep {
        let detail = format!("{detail}, and {keep} are to stay free: no film is made or recorded");
        Check::red(NAME, detail, remedy)
    } else if free <= keep.saturating_mul(2) {
        let detail = format!("{detail}; below {keep} nothing is made or recorded any more");
        Check::yellow(NAME, detail, remedy)
    } else {
        Check::green(NAME, detail)
    }
}

fn broadcasts(config: &Config) -> Check {
    const NAME: &str = "memory for broadcasts";
    let folder = &config.live.folder;
    match statfs(existing(folder)) {
        Ok(found) => in_memory(folder, found.f_type == TMPFS),
        Err(error) => unknown(NAME, folder, &error.into()),
    }
}

fn in_memory(folder: &Path, is_tmpfs: bool) -> Check {
    const NAME: &str = "memory for broadcasts";
    if is_tmpfs {
        return Check::green(NAME, format!("{} is a tmpfs", folder.display()));
    }
    Check::yellow(
        NAME,
        format!(
            "{} lies on a disk, which every part of a broadcast is written to",
            folder.display()
        ),
        "set live.folder to one on a tmpfs, as /run/satreel/live; for a site without broadcasts this is no matter",
    )
}

/// The server watches each title's folder.
fn watches(titles: &Path, limit: &Path) -> Check {
    const NAME: &str = "inotify";
    let known = fs::read_dir(titles).map_or(0, |entries| entries.count() as u64);
    let allowed = match fs::read_to_string(limit) {
        Ok(text) => text.trim().parse::<u64>().unwrap_or(u64::MAX),
        Err(error) => return unknown(NAME, limit, &error),
    };
    let wanted = known.saturating_add(SPARE_WATCHES);
    if allowed < wanted {
        let more = wanted.saturating_mul(4);
        return Check::yellow(
            NAME,
            format!(
                "{allowed} folders can be watched, and there are {known} titles: edits of some may be seen late"
            ),
            format!(
                "sysctl fs.inotify.max_user_watches={more}, and the same in /etc/sysctl.d/satreel.conf"
            ),
        );
    }
    Check::green(
        NAME,
        format!("{known} titles, {allowed} folders can be watched"),
    )
}

/// Tokens and rents end by the clock. The time service knows whether somebody keeps it right.
async fn clock(program: &str) -> Check {
    const NAME: &str = "clock";
    let run = Command::new(program)
        .args(["show", "--property=NTPSynchronized", "--value"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let said = match tokio::time::timeout(PATIENCE, run).await {
        Ok(Ok(output)) => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Ok(Err(_)) | Err(_) => String::new(),
    };
    match said.as_str() {
        "yes" => Check::green(NAME, "kept right from the network"),
        "no" => Check::yellow(
            NAME,
            "nobody keeps it right: rents and tokens end by it",
            "apt install systemd-timesyncd, then timedatectl set-ntp true",
        ),
        _ => Check::not_looked_at(NAME, "timedatectl does not answer here"),
    }
}

fn unknown(name: &'static str, path: &Path, error: &io::Error) -> Check {
    Check::not_looked_at(name, &format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::{super::State, *};

    #[test]
    fn a_full_disk_is_told_before_and_when_it_matters() {
        for (free, state, word) in [
            (100, State::Red, "no film is made"),
            (1000, State::Red, "no film is made"),
            (1500, State::Yellow, "below 1000"),
            (2001, State::Green, "2001 MB are free"),
        ] {
            let check = room(Path::new("/data"), free, 1000);
            assert_eq!(check.state, state, "{free}");
            assert!(check.detail.contains(word), "{}", check.detail);
            assert_eq!(check.remedy.is_empty(), state == State::Green);
        }
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config::demo(&folder.path().join("not/yet"));
        config.transcoder.keep_free_mb = u32::MAX;
        assert_eq!(disk(&config).state, State::Red);
        config.transcoder.keep_free_mb = 0;
        assert_eq!(disk(&config).state, State::Green);
    }

    #[test]
    fn broadcasts_on_a_disk_are_told() {
        let mut config = Config::demo(Path::new("/data"));
        // Where there is such a place, as on every Linux with systemd.
        config.live.folder = "/proc/satreel".into();
        assert_eq!(broadcasts(&config).state, State::Yellow);
        assert_eq!(in_memory(Path::new("/run/x"), true).state, State::Green);
    }

    #[test]
    fn too_few_watches_are_told_with_a_number() {
        let folder = tempfile::tempdir().expect("a folder");
        let limit = folder.path().join("max_user_watches");
        let titles = folder.path().join("titles");
        assert!(watches(&titles, &limit).detail.starts_with("not looked at"));
        for title in 0..5 {
            fs::create_dir_all(titles.join(title.to_string())).expect("a title");
        }
        fs::write(&limit, "1029\n").expect("written");
        assert_eq!(watches(&titles, &limit).state, State::Green);
        fs::write(&limit, "1028\n").expect("written");
        let check = watches(&titles, &limit);
        assert_eq!(check.state, State::Yellow);
        assert!(
            check.remedy.contains("max_user_watches=4116"),
            "{}",
            check.remedy
        );
    }

    #[tokio::test]
    async fn a_clock_that_nobody_keeps_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("timedatectl");
        for (said, state) in [
            ("yes", State::Green),
            ("no", State::Yellow),
            ("?", State::Yellow),
        ] {
            // Written whole under another name: a file that is open for writing can't be started.
            let making = folder.path().join("making");
            fs::write(&making, format!("#!/bin/sh\necho '{said}'\n")).expect("written");
            fs::set_permissions(&making, fs::Permissions::from_mode(0o755)).expect("a mode");
            fs::rename(&making, &program).expect("renamed");
            let check = clock(program.to_str().expect("a path")).await;
            assert_eq!(check.state, state, "{said}: {}", check.detail);
        }
        let check = clock("/nonexistent/timedatectl").await;
        assert!(
            check.detail.starts_with("not looked at"),
            "{}",
            check.detail
        );
    }
}
