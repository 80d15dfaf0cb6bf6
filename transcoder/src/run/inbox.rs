//! Which files of the watch folder have arrived whole.
//!
//! A file counts when its writer has closed it (or it was moved in) and its size and time rest. One
//! whose writer nobody has heard of, since it lay there before or comes from another machine, has to
//! rest longer. Owns the waiting; time comes in from outside. What a film brings along is
//! [`crate::sidecar`]'s.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::sidecar;

/// After its writer has closed it.
const RESTS: Duration = Duration::from_millis(1500);
/// When nobody has seen its writer.
const RESTS_UNSEEN: Duration = Duration::from_secs(10);
/// When its writer has it open, but does nothing: he may have died without a word.
const RESTS_OPEN: Duration = Duration::from_mins(2);
/// Written longer ago than this, it is nobody's any more.
const OLD: Duration = Duration::from_mins(2);
/// Without any event, looked at as often; another machine's folder sends none.
const LOOK: Duration = Duration::from_secs(30);
const LOOK_FAR: Duration = Duration::from_secs(5);
/// Folders below the inbox, deep and wide; beyond it nothing is taken.
const DEEPEST: usize = 4;
const MOST_FILES: usize = 10_000;

/// Where films go when they are through; not looked into.
pub(crate) const ASIDE: [&str; 3] = ["done", "failed", "cancelled"];

/// What is known about who writes a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writer {
    Open,
    Closed,
    Unseen,
}

/// Files that are seen but not known to be whole.
#[derive(Debug)]
pub(super) struct Inbox {
    root: PathBuf,
    far: bool,
    seen: BTreeMap<PathBuf, Seen>,
    looked: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    state: Stamp,
    since: Instant,
    writer: Writer,
}

/// What changes when somebody writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified: (i64, i64),
}

impl Stamp {
    fn of(about: &Metadata) -> Self {
        Self {
            bytes: about.len(),
            modified: (about.mtime(), about.mtime_nsec()),
        }
    }
}

impl Inbox {
    pub(super) fn new(root: &Path, far: bool) -> Self {
        Self {
            root: root.to_owned(),
            far,
            seen: BTreeMap::new(),
            looked: None,
        }
    }

    pub(super) fn look_soon(&mut self) {
        self.looked = None;
    }

    /// Everything that lies there already, from before a restart or unheard of.
    pub(super) fn look_if_due(&mut self, now: Instant) {
        let every = if self.far { LOOK_FAR } else { LOOK };
        if self
            .looked
            .is_some_and(|looked| now.duration_since(looked) < every)
        {
            return;
        }
        self.looked = Some(now);
        let root = self.root.clone();
        self.look(&root, 0, now);
    }

    fn look(&mut self, folder: &Path, depth: usize, now: Instant) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_dir() && depth < DEEPEST && !self.is_aside(&path) && !is_hidden(&path) {
                self.look(&path, depth + 1, now);
            } else if kind.is_file() && !self.seen.contains_key(&path) {
                self.see(&path, Writer::Unseen, now);
            }
        }
    }

    /// Takes note of a file that came or changed.
    pub(super) fn see(&mut self, path: &Path, writer: Writer, now: Instant) {
        let about = fs::symlink_metadata(path).ok().filter(Metadata::is_file);
        let Some(about) = about.filter(|_| self.is_film(path)) else {
            self.seen.remove(path);
            return;
        };
        if self.seen.len() >= MOST_FILES && !self.seen.contains_key(path) {
            return;
        }
        let writer = match writer {
            Writer::Unseen if is_old(&about) => Writer::Closed,
            Writer::Open | Writer::Closed | Writer::Unseen => writer,
        };
        let seen = Seen {
            state: Stamp::of(&about),
            since: now,
            writer,
        };
        self.seen.insert(path.to_owned(), seen);
    }

    /// A film that has rested. An empty file is none yet: what is to be in it may be on its way.
    pub(super) fn next_ready(&mut self, now: Instant) -> Option<PathBuf> {
        let paths: Vec<PathBuf> = self.seen.keys().cloned().collect();
        for path in paths {
            let Some(seen) = self.seen.get(&path).copied() else {
                continue;
            };
            let Ok(about) = fs::symlink_metadata(&path) else {
                self.seen.remove(&path);
                continue;
            };
            if Stamp::of(&about) != seen.state {
                self.see(&path, seen.writer, now);
                continue;
            }
            if now.duration_since(seen.since) >= rest(&seen) && brings_all(&path) {
                self.seen.remove(&path);
                return Some(path);
            }
        }
        None
    }

    fn is_film(&self, path: &Path) -> bool {
        let Ok(inside) = path.strip_prefix(&self.root) else {
            return false;
        };
        let folders: Vec<&Path> = inside.ancestors().skip(1).collect();
        let hidden = folders.iter().any(|folder| is_hidden(folder));
        folders.len() <= DEEPEST + 1
            && !hidden
            && !self.is_aside(path)
            && is_film_name(path)
            && !sidecar::is_one(path)
    }

    fn is_aside(&self, path: &Path) -> bool {
        ASIDE
            .iter()
            .any(|folder| path.starts_with(self.root.join(folder)))
    }
}

/// What belongs to a film is looked at when the film is: nobody may be writing that either.
fn brings_all(film: &Path) -> bool {
    let fresh = |path: &PathBuf| {
        let written = fs::symlink_metadata(path).and_then(|about| about.modified());
        written.is_ok_and(|at| at.elapsed().is_ok_and(|age| age < RESTS))
    };
    !sidecar::beside(film).iter().any(fresh)
}

fn rest(seen: &Seen) -> Duration {
    match seen.writer {
        // Nothing is ever closed where it is the first thing that happens to a file.
        _ if seen.state.bytes == 0 => RESTS_OPEN,
        Writer::Closed => RESTS,
        Writer::Unseen => RESTS_UNSEEN,
        Writer::Open => RESTS_OPEN,
    }
}

fn is_old(about: &Metadata) -> bool {
    let modified = about.modified().ok();
    modified.is_some_and(|at| at.elapsed().is_ok_and(|age| age >= OLD))
}

fn is_hidden(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

/// Hidden and half-copied files have names of their own.
fn is_film_name(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.to_lowercase();
    let partial = [
        ".part",
        ".partial",
        ".tmp",
        ".temp",
        ".crdownload",
        ".download",
        ".filepart",
        ".!ut",
        "~",
    ];
    !name.starts_with('.') && !partial.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{File, FileTimes};
    use std::time::SystemTime;

    struct Place {
        folder: tempfile::TempDir,
        inbox: Inbox,
        start: Instant,
    }

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let inbox = Inbox::new(folder.path(), false);
            Self {
                folder,
                inbox,
                start: Instant::now(),
            }
        }

        fn put(&self, name: &str, text: &str) -> PathBuf {
            let path = self.folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(&path, text).expect("a file");
            path
        }

        fn see(&mut self, path: &Path, writer: Writer, at_s: f64) {
            let at = self.at(at_s);
            self.inbox.see(path, writer, at);
        }

        fn at(&self, seconds: f64) -> Instant {
            self.start + Duration::from_secs_f64(seconds)
        }

        fn ready(&mut self, at_s: f64) -> Vec<String> {
            let at = self.at(at_s);
            std::iter::from_fn(|| self.inbox.next_ready(at))
                .map(|path| {
                    let inside = path.strip_prefix(self.folder.path()).expect("inside");
                    inside.to_string_lossy().into_owned()
                })
                .collect()
        }

        fn look(&mut self, at_s: f64) {
            let at = self.at(at_s);
            self.inbox.look_if_due(at);
        }
    }

    #[test]
    fn a_closed_file_counts_once_it_rests() {
        let mut place = Place::new();
        let film = place.put("film.mp4", "half");
        place.see(&film, Writer::Open, 0.0);
        assert_eq!(place.ready(60.0), [""; 0], "its writer has it open");
        place.see(&film, Writer::Closed, 60.0);
        assert_eq!(place.ready(61.0), [""; 0]);
        place.put("film.mp4", "half and more");
        assert_eq!(place.ready(61.6), [""; 0], "it has grown after all");
        assert_eq!(place.ready(63.2), ["film.mp4"]);
        assert_eq!(place.ready(1000.0), [""; 0], "once is enough");
    }

    #[test]
    fn a_writer_that_went_away_is_not_waited_for_for_ever() {
        let mut place = Place::new();
        let film = place.put("film.mp4", "x");
        place.see(&film, Writer::Open, 0.0);
        assert_eq!(place.ready(119.0), [""; 0]);
        assert_eq!(place.ready(121.0), ["film.mp4"]);
    }

    #[test]
    fn a_file_that_nobody_saw_coming_rests_longer() {
        let mut place = Place::new();
        place.put("fresh.mp4", "x");
        let old = place.put("old.mp4", "x");
        let before = FileTimes::new().set_modified(SystemTime::now() - Duration::from_mins(10));
        let file = File::options().write(true).open(old).expect("the file");
        file.set_times(before).expect("made older");
        place.look(0.0);
        assert_eq!(place.ready(1.6), ["old.mp4"]);
        assert_eq!(place.ready(9.0), [""; 0]);
        assert_eq!(place.ready(10.1), ["fresh.mp4"]);
    }

    #[test]
    fn empty_files_wait_for_what_is_to_be_in_them() {
        let mut place = Place::new();
        let film = place.put("film.mp4", "");
        place.see(&film, Writer::Closed, 0.0);
        assert_eq!(place.ready(30.0), [""; 0]);
        place.put("film.mp4", "now");
        place.see(&film, Writer::Closed, 31.0);
        assert_eq!(place.ready(33.0), ["film.mp4"]);
    }

    #[test]
    fn renamed_and_removed_files_are_followed() {
        let mut place = Place::new();
        let copying = place.put("film.mp4.part", "x");
        place.see(&copying, Writer::Closed, 0.0);
        assert_eq!(place.ready(10.0), [""; 0]);
        let film = place.folder.path().join("film.mp4");
        fs::rename(&copying, &film).expect("renamed");
        place.see(&copying, Writer::Closed, 10.0);
        place.see(&film, Writer::Closed, 10.0);
        let gone = place.put("gone.mp4", "x");
        place.see(&gone, Writer::Closed, 10.0);
        fs::remove_file(gone).expect("removed");
        assert_eq!(place.ready(12.0), ["film.mp4"]);
    }

    #[test]
    fn what_is_no_film_is_left_alone() {
        let mut place = Place::new();
        for name in [
            ".hidden.mp4",
            ".folder/film.mp4",
            ".for/0011223344556677/film.mp4",
            "copying.mp4.part",
            "film.TMP",
            "film.mp4~",
            "done/film.mp4",
            "failed/noir/film.mp4",
            "cancelled/film.mp4",
            "a/b/c/d/e/film.mp4",
            "alone.srt",
            "alone.toml",
        ] {
            let path = place.put(name, "x");
            place.see(&path, Writer::Closed, 0.0);
        }
        std::os::unix::fs::symlink("/etc/passwd", place.folder.path().join("link.mp4"))
            .expect("a link");
        place.look(0.0);
        assert_eq!(place.ready(1000.0), [""; 0]);
        place.put("noir/1950/film.mp4", "x");
        place.inbox.look_soon();
        place.look(1000.0);
        assert_eq!(place.ready(1011.0), ["noir/1950/film.mp4"]);
    }

    #[test]
    fn folders_of_other_machines_are_looked_at_more_often() {
        let mut place = Place::new();
        place.inbox = Inbox::new(place.folder.path(), true);
        place.look(0.0);
        place.put("film.mp4", "x");
        place.look(4.0);
        assert!(place.inbox.seen.is_empty());
        place.look(5.0);
        assert_eq!(place.ready(15.1), ["film.mp4"]);
    }
}
