//! Taking in what changes on disk: inotify says where to look, and looking decides.

use std::{
    collections::HashSet,
    io,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use satreel_hls::naming::MediaFile;

use super::{
    Shared, Snapshot,
    dearest::Of,
    read::{self, Marks},
};
use crate::{
    core::ids::VideoId,
    file_watch::{self, Inbox},
};

/// An editor writes a file in several steps: look when they have paused, but do not wait long.
const PAUSE: Duration = Duration::from_millis(20);
const AT_MOST: Duration = Duration::from_millis(100);
/// How often everything is compared when inotify cannot watch it all.
const SWEEP: Duration = Duration::from_secs(5);

pub(super) type Watch = file_watch::Watch<Todo>;

/// What somebody changed. Bounded: an id is there once.
#[derive(Debug, Default)]
pub(super) struct Todo {
    ids: HashSet<VideoId>,
    /// Folders that came or went: a watch on them is none any more.
    folders: HashSet<VideoId>,
    /// Events may have been lost: compare everything.
    sweep: bool,
}

impl file_watch::Todo for Todo {
    fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.folders.is_empty() && !self.sweep
    }

    fn sweep(&mut self) {
        self.sweep = true;
    }
}

impl Todo {
    fn note(&mut self, titles: &Path, event: &Event) {
        for path in &event.paths {
            match title_of(titles, path) {
                Some(Concerned::Title(id)) => {
                    self.ids.insert(id);
                }
                Some(Concerned::Folder(id)) => {
                    self.folders.insert(id);
                }
                Some(Concerned::All) => self.sweep = true,
                None => {}
            }
        }
    }
}

pub(super) fn start(shared: Arc<Shared>, marks: Marks) -> io::Result<Watch> {
    let inbox = Arc::new(Inbox::default());
    let mut worker = Worker {
        shared,
        inbox: Arc::clone(&inbox),
        marks,
        watcher: None,
        watched: HashSet::new(),
        complete: false,
    };
    Watch::start("catalog", inbox, move || worker.run())
}

enum Concerned {
    Title(VideoId),
    Folder(VideoId),
    All,
}

/// Whom a path concerns: `<id>/title.json` and what the pages show of it a title, `<id>` its watch too.
fn title_of(titles: &Path, path: &Path) -> Option<Concerned> {
    let inside = path.strip_prefix(titles).ok()?;
    let mut parts = inside.iter().map(std::ffi::OsStr::to_str);
    let Some(first) = parts.next() else {
        return Some(Concerned::All);
    };
    let id: VideoId = first?.parse().ok()?;
    match parts.next() {
        None => Some(Concerned::Folder(id)),
        Some(Some("title.json")) => Some(Concerned::Title(id)),
        Some(Some(name)) => name
            .parse()
            .is_ok_and(is_shown)
            .then_some(Concerned::Title(id)),
        Some(None) => None,
    }
}

/// What a [`super::title::Beside`] tells of.
const fn is_shown(file: MediaFile) -> bool {
    match file {
        MediaFile::Poster
        | MediaFile::Hover
        | MediaFile::Waveform
        | MediaFile::Chapters
        | MediaFile::Storyboard => true,
        MediaFile::Master
        | MediaFile::Playlist(_)
        | MediaFile::Init(_)
        | MediaFile::Reinit(..)
        | MediaFile::Segment(..)
        | MediaFile::Part(..)
        | MediaFile::Caption(..)
        | MediaFile::Sprite(_)
        | MediaFile::Choice(_) => false,
    }
}

fn is_folder(path: &Path) -> bool {
    path.symlink_metadata()
        .is_ok_and(|metadata| metadata.is_dir())
}

/// The thread that owns the watches and makes the snapshots.
struct Worker {
    shared: Arc<Shared>,
    inbox: Arc<Inbox<Todo>>,
    marks: Marks,
    watcher: Option<RecommendedWatcher>,
    watched: HashSet<VideoId>,
    /// inotify watches every folder.
    complete: bool,
}

impl Worker {
    fn run(&mut self) {
        self.begin();
        // Whatever changed between the first reading and its watch shows here.
        self.sweep();
        loop {
            let sweep_at = (!self.complete).then(|| Instant::now() + SWEEP);
            let Some(todo) = self.inbox.take_settled(sweep_at, PAUSE, AT_MOST) else {
                return;
            };
            if todo.sweep {
                self.sweep();
            }
            for id in &todo.folders {
                self.unwatch(*id);
                self.watch(*id);
            }
            self.look(todo.ids.union(&todo.folders).copied().collect());
        }
    }

    fn begin(&mut self) {
        let inbox = Arc::clone(&self.inbox);
        let titles = self.shared.titles.clone();
        let note =
            move |event| inbox.note(event, |todo: &mut Todo, event| todo.note(&titles, &event));
        let made = notify::recommended_watcher(note).and_then(|mut watcher| {
            watcher.watch(&self.shared.titles, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        match made {
            Ok(watcher) => {
                self.watcher = Some(watcher);
                self.complete = true;
            }
            Err(error) => self.fall_back(&error),
        }
    }

    /// Each title's folder has a watch of its own, set before the folder is looked at, so that
    /// no file can appear unseen in between.
    fn watch(&mut self, id: VideoId) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        let folder = self.shared.titles.join(id.to_string());
        // SECURITY: a link is no title, and what it points to is none of ours.
        if self.watched.contains(&id) || !is_folder(&folder) {
            return;
        }
        match watcher.watch(&folder, RecursiveMode::NonRecursive) {
            Ok(()) => {
                self.watched.insert(id);
            }
            // Gone again: the event of its going is on its way.
            Err(_) if !is_folder(&folder) => {}
            Err(error) => self.fall_back(&error),
        }
    }

    fn unwatch(&mut self, id: VideoId) {
        if let Some(watcher) = &mut self.watcher
            && self.watched.remove(&id)
        {
            // A deleted folder took its watch along.
            let _ = watcher.unwatch(&self.shared.titles.join(id.to_string()));
        }
    }

    fn watch_all(&mut self, ids: &HashSet<VideoId>) {
        let gone: Vec<_> = self.watched.difference(ids).copied().collect();
        for id in gone {
            self.unwatch(id);
        }
        for id in ids {
            if self.inbox.has_ended() {
                return;
            }
            self.watch(*id);
        }
    }

    fn fall_back(&mut self, error: &notify::Error) {
        if self.complete || self.watcher.is_none() {
            tracing::warn!(%error, every = ?SWEEP, "not every title can be watched (raise \
                fs.inotify.max_user_watches): comparing files instead");
        }
        self.complete = false;
    }

    /// Compares every title's files with what they were.
    fn sweep(&mut self) {
        let ids = match read::ids(&self.shared.titles) {
            Ok(ids) => ids,
            Err(error) => {
                tracing::error!(%error, "the titles' folder cannot be read: nothing changes");
                return;
            }
        };
        self.watch_all(&ids);
        let titles = &self.shared.titles;
        let gone = self.marks.keys().filter(|id| !ids.contains(id));
        let changed = ids
            .iter()
            .filter(|id| read::mark(titles, **id) != self.marks.get(id).copied());
        let look: Vec<_> = gone.chain(changed).copied().collect();
        self.look(look);
    }

    fn look(&mut self, ids: Vec<VideoId>) {
        if ids.is_empty() {
            return;
        }
        let shared = &self.shared;
        let readings = ids
            .into_iter()
            .map(|id| read::one(&shared.titles, id, &shared.offers))
            .collect();
        let before = Arc::clone(&shared.current.read());
        let next = Snapshot::clone(&before).with(readings, &mut self.marks);
        let dearest = next.dearest(&shared.offers.usual);
        *shared.current.write() = Arc::new(next);
        shared.dearest.set(Of::Titles, dearest);
        shared.version.send_modify(|version| *version += 1);
    }
}
