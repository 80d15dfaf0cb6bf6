//! `run`: the watch folder. One film after another, for as long as the process lives.
//!
//! A file counts when its writer has closed it (or it was moved in) and its size rests. What fails
//! goes to `failed/` with the reason beside it; what is done goes to `done/`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecursiveMode, Watcher as _};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::Failure;
use crate::cli::TitleArgs;
use crate::fault::Fault;
use crate::intake::take_in;
use crate::job::{self, JobLog};
use crate::progress::Show;
use crate::site::{Site, write_whole};
use crate::supervisor::Stop;
use crate::title::Wish;
use crate::worker::sandbox;

/// How long a file's size must stay the same.
const RESTS: Duration = Duration::from_millis(1500);
/// Without any event, looked at as often: network folders send none.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
const TICK: Duration = Duration::from_millis(500);

pub(crate) fn run(site: &Site, until_stdin_closes: bool) -> Result<(), Failure> {
    sandbox::check(site.sandbox).map_err(Failure::failed)?;
    site.prepare().map_err(Failure::failed)?;
    let stop = Arc::new(Stop::default());
    stop_on_signals(&stop)?;
    if until_stdin_closes {
        stop_with_stdin(&stop)?;
    }
    let (sender, events) = channel();
    let mut watcher = notify::recommended_watcher(sender).map_err(Failure::failed)?;
    watcher
        .watch(&site.inbox, RecursiveMode::NonRecursive)
        .map_err(|error| Failure::failed(format!("{}: {error}", site.inbox.display())))?;
    tracing::info!(inbox = %site.inbox.display(), "watching");
    let mut inbox = Inbox::default();
    resume(site, &stop);
    inbox.look(&site.inbox);
    while !stop.asked() {
        inbox.wait(&events, &site.inbox)?;
        while let Some(path) = inbox.next_ready() {
            handle(site, &path, &stop);
            if stop.asked() {
                break;
            }
        }
    }
    tracing::info!("stopped");
    Ok(())
}

fn stop_on_signals(stop: &Arc<Stop>) -> Result<(), Failure> {
    let mut signals = Signals::new([SIGTERM, SIGINT]).map_err(Failure::failed)?;
    let stop = Arc::clone(stop);
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for _ in signals.forever() {
                stop.ask();
            }
        })
        .map(drop)
        .map_err(Failure::failed)
}

/// Whoever started us holds the other end; the kernel closes it with them.
fn stop_with_stdin(stop: &Arc<Stop>) -> Result<(), Failure> {
    let stop = Arc::clone(stop);
    std::thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(move || {
            // What comes is of no interest, only that it ends; a fault is an end too.
            let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            stop.ask();
        })
        .map(drop)
        .map_err(Failure::failed)
}

/// Files that are seen but not known to be whole.
#[derive(Debug, Default)]
struct Inbox {
    seen: BTreeMap<PathBuf, Seen>,
    looked: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
struct Seen {
    bytes: u64,
    since: Instant,
    /// Its writer may still have it open.
    open: bool,
}

impl Inbox {
    fn wait(
        &mut self,
        events: &Receiver<notify::Result<Event>>,
        folder: &Path,
    ) -> Result<(), Failure> {
        match events.recv_timeout(TICK) {
            Ok(Ok(event)) => self.note(&event),
            Ok(Err(error)) => tracing::warn!(%error, "watching"),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::failed("the watch on the inbox has ended"));
            }
        }
        for event in events.try_iter().flatten() {
            self.note(&event);
        }
        if self
            .looked
            .is_none_or(|looked| looked.elapsed() >= LOOK_AGAIN)
        {
            self.look(folder);
        }
        Ok(())
    }

    fn note(&mut self, event: &Event) {
        let open = match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write))
            | EventKind::Modify(ModifyKind::Name(_)) => false,
            EventKind::Create(_) | EventKind::Modify(_) => true,
            EventKind::Any | EventKind::Access(_) | EventKind::Remove(_) | EventKind::Other => {
                return;
            }
        };
        for path in &event.paths {
            self.see(path, open);
        }
    }

    /// Everything that lies there already, for instance from before a restart.
    fn look(&mut self, folder: &Path) {
        self.looked = Some(Instant::now());
        let Ok(entries) = fs::read_dir(folder) else {
            return;
        };
        for entry in entries.flatten() {
            if !self.seen.contains_key(&entry.path()) {
                self.see(&entry.path(), false);
            }
        }
    }

    fn see(&mut self, path: &Path, open: bool) {
        match fs::symlink_metadata(path) {
            Ok(about) if about.is_file() && is_film_name(path) => {
                let seen = Seen {
                    bytes: about.len(),
                    since: Instant::now(),
                    open,
                };
                self.seen.insert(path.to_owned(), seen);
            }
            _ => {
                self.seen.remove(path);
            }
        }
    }

    /// A file whose size has rested. One that its writer has not closed waits longer: a copy that
    /// pauses is not a film yet.
    fn next_ready(&mut self) -> Option<PathBuf> {
        let paths: Vec<PathBuf> = self.seen.keys().cloned().collect();
        for path in paths {
            let Some(seen) = self.seen.get(&path).copied() else {
                continue;
            };
            let bytes = fs::metadata(&path).map_or(0, |about| about.len());
            if bytes != seen.bytes {
                self.see(&path, seen.open);
                continue;
            }
            let rest = if seen.open { LOOK_AGAIN } else { RESTS };
            if seen.since.elapsed() >= rest {
                self.seen.remove(&path);
                return Some(path);
            }
        }
        None
    }
}

/// What `add` or an earlier run began and did not end. Films in the inbox come again by themselves.
fn resume(site: &Site, stop: &Stop) {
    for job in job::unfinished(&site.jobs()) {
        if job.source.starts_with(&site.inbox) || stop.asked() {
            continue;
        }
        tracing::info!(file = %job.source.display(), "going on");
        let wish = wish(site, &job.source).map(|wish| Wish {
            name: job.name,
            preview: job.preview,
            ..wish
        });
        let taken =
            wish.and_then(|wish| take_in(site, &job.source, &wish, stop, &mut Show::new(true)));
        match taken {
            Ok(taken) => tracing::info!(id = %taken.id(), "published"),
            Err(fault) => tracing::error!(file = %job.source.display(), %fault, "not taken in"),
        }
    }
}

fn wish(site: &Site, path: &Path) -> Result<Wish, Fault> {
    Wish::of(&TitleArgs::default(), path, &site.offers).map_err(Fault::damaged)
}

/// Hidden and half-copied files have names of their own.
fn is_film_name(path: &Path) -> bool {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .to_lowercase();
    let partial = [".part", ".partial", ".tmp", ".crdownload", ".filepart", "~"];
    !name.starts_with('.') && !partial.iter().any(|end| name.ends_with(end))
}

fn handle(site: &Site, path: &Path, stop: &Stop) {
    tracing::info!(file = %path.display(), "taking in");
    let mut show = Show::new(true);
    let taken = wish(site, path).and_then(|wish| take_in(site, path, &wish, stop, &mut show));
    let result = match taken {
        Ok(taken) => {
            tracing::info!(file = %path.display(), id = %taken.id(), "published");
            put_away(path, "done", None)
        }
        Err(fault) if fault.may_pass() => {
            tracing::warn!(file = %path.display(), %fault, "stays in the inbox");
            Ok(())
        }
        Err(fault) => {
            tracing::error!(file = %path.display(), %fault, "refused");
            record(site, path, &fault);
            put_away(path, "failed", Some(&fault))
        }
    };
    if let Err(error) = result {
        tracing::error!(file = %path.display(), %error, "cannot be put away");
    }
}

/// What never got as far as an id has a job file under its name.
fn record(site: &Site, path: &Path, fault: &Fault) {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let file = site.jobs().join(format!("{name}.json"));
    let recorded =
        wish(site, path).and_then(|wish| JobLog::new(file, name, &wish, path).end(Err(fault)));
    if let Err(error) = recorded {
        tracing::warn!(%error, "the job file cannot be written");
    }
}

/// Moves a file to a folder beside the inbox's films; an older one of the same name is kept.
fn put_away(path: &Path, folder: &str, fault: Option<&Fault>) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new(".")).join(folder);
    fs::create_dir_all(&folder)?;
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let free = (0..1000)
        .map(|n| {
            folder.join(if n == 0 {
                name.clone()
            } else {
                format!("{n}-{name}")
            })
        })
        .find(|target| !target.exists());
    let target = free.unwrap_or_else(|| folder.join(&name));
    fs::rename(path, &target)?;
    match fault {
        Some(fault) => {
            let mut reason = target.into_os_string();
            reason.push(".txt");
            write_whole(Path::new(&reason), format!("{fault}\n").as_bytes())
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_copied_and_hidden_files_are_no_films() {
        for (name, expected) in [
            ("film.mp4", true),
            ("Film", true),
            (".film.mp4", false),
            ("film.mp4.part", false),
            ("film.TMP", false),
            ("film.mp4~", false),
        ] {
            assert_eq!(is_film_name(Path::new(name)), expected, "{name}");
        }
    }
}
