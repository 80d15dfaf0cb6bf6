//! Which broadcasts there are and which of them grew: inotify says where to look, looking decides.

use std::{
    collections::{HashMap, HashSet},
    ffi::OsStr,
    fs, io,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use satreel_hls::{
    live::{JOURNAL, broadcast::BROADCAST},
    naming::VideoId,
};

use super::{
    Shared,
    broadcast::{Broadcast, about},
    follow::Follower,
};
use crate::file_watch::{self, Inbox};

/// How often every broadcast is looked at, whatever inotify says.
const SWEEP: Duration = Duration::from_secs(5);
/// The same where inotify does not watch them all.
const SWEEP_BLIND: Duration = Duration::from_millis(50);

pub(super) type Watch = file_watch::Watch<Todo>;

/// What the transcoder wrote. Bounded: an id is there once.
#[derive(Debug, Default)]
pub(super) struct Todo {
    /// Journals that grew.
    grown: HashSet<VideoId>,
    /// Folders, or what they say of their broadcast, that came, changed or went.
    changed: HashSet<VideoId>,
    sweep: bool,
}

impl file_watch::Todo for Todo {
    fn is_empty(&self) -> bool {
        self.grown.is_empty() && self.changed.is_empty() && !self.sweep
    }

    fn sweep(&mut self) {
        self.sweep = true;
    }
}

/// Everything that runs already is read before this returns.
pub(super) fn start(shared: Arc<Shared>) -> io::Result<Watch> {
    let inbox = Arc::new(Inbox::default());
    let mut worker = Worker {
        shared,
        inbox: Arc::clone(&inbox),
        following: HashMap::new(),
        watcher: None,
        watched: HashSet::new(),
        blind: false,
    };
    worker.begin();
    worker.sweep();
    Watch::start("live", inbox, move || worker.run())
}

impl Todo {
    /// `<id>/journal` grew, `<id>/broadcast.json` or `<id>` itself changed; all else is media.
    fn note(&mut self, folder: &Path, path: &Path) {
        let Ok(inside) = path.strip_prefix(folder) else {
            return;
        };
        let mut parts = inside.iter().map(OsStr::to_str);
        let Some(first) = parts.next() else {
            self.sweep = true;
            return;
        };
        let Some(id) = first.and_then(|name| name.parse().ok()) else {
            return;
        };
        match parts.next() {
            None | Some(Some(BROADCAST)) => {
                self.changed.insert(id);
            }
            Some(Some(JOURNAL)) => {
                self.grown.insert(id);
            }
            Some(_) => {}
        }
    }
}

/// The thread that owns the watches and reads the journals.
struct Worker {
    shared: Arc<Shared>,
    inbox: Arc<Inbox<Todo>>,
    following: HashMap<VideoId, Option<Follower>>,
    watcher: Option<RecommendedWatcher>,
    watched: HashSet<VideoId>,
    /// inotify does not watch every folder.
    blind: bool,
}

impl Worker {
    fn run(&mut self) {
        let mut swept = Instant::now();
        loop {
            let pause = if self.blind { SWEEP_BLIND } else { SWEEP };
            let Some(todo) = self.inbox.take(Some(swept + pause)) else {
                return;
            };
            for id in &todo.grown {
                self.read(*id);
            }
            for id in &todo.changed {
                self.look(*id);
            }
            if todo.sweep || swept.elapsed() >= pause {
                self.sweep();
                swept = Instant::now();
            }
        }
    }

    fn begin(&mut self) {
        let inbox = Arc::clone(&self.inbox);
        let folder = self.shared.folder.clone();
        let note = move |event| {
            inbox.note(event, |todo: &mut Todo, event: Event| {
                event.paths.iter().for_each(|path| todo.note(&folder, path));
            });
        };
        let made = notify::recommended_watcher(note).and_then(|mut watcher| {
            watcher.watch(&self.shared.folder, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        match made {
            Ok(watcher) => self.watcher = Some(watcher),
            Err(error) => self.fall_back(&error),
        }
    }

    fn fall_back(&mut self, error: &notify::Error) {
        if !self.blind {
            tracing::warn!(%error, every = ?SWEEP_BLIND, "broadcasts can't be watched (raise \
                fs.inotify.max_user_instances): looking at them instead");
        }
        self.blind = true;
    }

    fn sweep(&mut self) {
        let mut ids: HashSet<VideoId> = match fs::read_dir(&self.shared.folder) {
            Ok(entries) => entries
                .flatten()
                .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
                .collect(),
            Err(error) => {
                tracing::error!(%error, "the folder of broadcasts can't be read");
                return;
            }
        };
        ids.extend(self.following.keys());
        for id in ids {
            self.look(id);
        }
    }

    /// What there is of a broadcast now.
    fn look(&mut self, id: VideoId) {
        let folder = self.shared.folder.join(id.to_string());
        // SECURITY: a link is no broadcast, and what it points to is none of ours.
        if !folder.symlink_metadata().is_ok_and(|kind| kind.is_dir()) {
            self.forget(id);
            return;
        }
        // Before the folder is looked at, so that nothing can appear unseen in between.
        self.watch(id, &folder);
        let Some(about) = about(&folder) else {
            return;
        };
        let known = self.shared.running.read().get(&id).cloned();
        let changed = if let Some(broadcast) = known {
            broadcast.tell(about)
        } else {
            let broadcast = Arc::new(Broadcast::new(id, about));
            self.following.insert(id, None);
            self.shared.running.write().insert(id, broadcast);
            true
        };
        self.read(id);
        if changed {
            self.shared.version.send_modify(|version| *version += 1);
        }
    }

    fn watch(&mut self, id: VideoId, folder: &Path) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        if self.watched.contains(&id) {
            return;
        }
        match watcher.watch(folder, RecursiveMode::NonRecursive) {
            Ok(()) => {
                self.watched.insert(id);
            }
            Err(error) => self.fall_back(&error),
        }
    }

    fn forget(&mut self, id: VideoId) {
        if let Some(watcher) = &mut self.watcher
            && self.watched.remove(&id)
        {
            // A deleted folder took its watch along.
            let _ = watcher.unwatch(&self.shared.folder.join(id.to_string()));
        }
        self.following.remove(&id);
        let gone = self.shared.running.write().remove(&id);
        if let Some(broadcast) = gone {
            broadcast.leave();
            self.shared.version.send_modify(|version| *version += 1);
        }
    }

    fn read(&mut self, id: VideoId) {
        let Some(follower) = self.following.get_mut(&id) else {
            return;
        };
        let Some(broadcast) = self.shared.running.read().get(&id).cloned() else {
            return;
        };
        let was = (broadcast.is_over(), broadcast.has_begun());
        let path = self.shared.folder.join(id.to_string()).join(JOURNAL);
        let opened = match follower {
            Some(opened) => opened,
            None => match Follower::open(&path) {
                Ok(opened) => follower.insert(opened),
                // It comes with the first frame.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return,
                Err(error) => {
                    tracing::error!(%id, %error, "a broadcast's journal can't be opened");
                    return;
                }
            },
        };
        if let Err(error) = broadcast.read(opened) {
            tracing::error!(%id, %error, "a broadcast's journal can't be read");
        }
        if was != (broadcast.is_over(), broadcast.has_begun()) {
            self.shared.version.send_modify(|version| *version += 1);
        }
    }
}
