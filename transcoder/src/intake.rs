//! One film's way into the site: known by its hash, announced, made by a worker, published.
//!
//! At every step what exists on disk decides: a job that broke anywhere is simply done again, and
//! a film that is there already is not made twice.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use satreel_hls::naming::VideoId;

use crate::fault::Fault;
use crate::job::JobLog;
use crate::plan::Plan;
use crate::progress::Show;
use crate::protocol::{Message, Order};
use crate::sidecars;
use crate::site::Site;
use crate::source::Film;
use crate::supervisor::{Stop, supervise};
use crate::title::{self, Wish};
use crate::worker::sandbox;

/// What became of a film.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Taken {
    New {
        id: VideoId,
        plan: Box<Plan>,
    },
    /// The same bytes were taken in before.
    Known {
        id: VideoId,
    },
}

impl Taken {
    pub(crate) fn id(&self) -> VideoId {
        match self {
            Self::New { id, .. } | Self::Known { id } => *id,
        }
    }
}

/// Takes in the film at `path`.
pub(crate) fn take_in(
    site: &Site,
    path: &Path,
    wish: &Wish,
    stop: &Stop,
    show: &mut Show,
) -> Result<Taken, Fault> {
    sandbox::check(site.sandbox)?;
    site.prepare()?;
    let mut film = Film::open(path)?;
    show.stage("reading the file");
    let (id, source) = film.identify(|_| {})?;
    let folder = site.title(id);
    let _lock = lock(&folder)?;
    if site.is_made(id) {
        // Complete, but perhaps stopped just before the last word about it.
        if title::waits(&folder) {
            title::publish(&folder)?;
        }
        return Ok(Taken::Known { id });
    }
    site.clear_media(id)?;
    title::announce(&folder, wish, &source)?;
    let mut job = JobLog::new(site.job(id), id.to_string(), wish, path);
    job.begin()?;
    let order = Order {
        container: film.container,
        preview: wish.preview,
        supervisor: std::process::id(),
        sandbox: site.sandbox,
        loudness: site.loudness,
        captions: sidecars::lay_out(&sidecars::beside(path), &folder)?,
        output: Some(folder.clone()),
    };
    let mut result = make(&film, &order, &folder, stop, &mut job, show);
    // Once may be chance (somebody ended it, memory ran out); twice is the film.
    if let Err(fault @ Fault::Crashed { .. }) = &result {
        tracing::warn!(%fault, "once more");
        site.clear_media(id)?;
        result = make(&film, &order, &folder, stop, &mut job, show);
    }
    show.finish();
    // A stopped job is no failed one: it goes on at the next start.
    if let Err(fault) = &result
        && *fault != Fault::Stopped
    {
        clean_up(site, id, fault)?;
    }
    if !matches!(result, Err(Fault::Stopped)) {
        job.end(result.as_ref().map(|_| ()))?;
    }
    result.map(|plan| Taken::New { id, plan })
}

fn make(
    film: &Film,
    order: &Order,
    folder: &Path,
    stop: &Stop,
    job: &mut JobLog,
    show: &mut Show,
) -> Result<Box<Plan>, Fault> {
    let mut planned = None;
    show.stage("looking through the film");
    supervise(&film.file, order, stop, |message| match message {
        Message::Planned { plan } => {
            planned = Some(plan.clone());
            for rung in &plan.rungs {
                let action = serde_json::to_value(rung.action).unwrap_or_default();
                let action = action.as_str().unwrap_or_default();
                show.say(&format!("{}: {action}: {}", rung.name, rung.reason));
            }
            title::describe(folder, plan)?;
            job.planned(plan)
        }
        Message::Progress { done_us } => {
            job.progress(*done_us)?;
            show.progress(&job.file);
            Ok(())
        }
        Message::Confined { layers } => {
            if let Some(missing) = layers.missing() {
                tracing::warn!(missing, "the worker is confined in part only");
            }
            tracing::debug!(%layers, "the worker is confined");
            Ok(())
        }
        Message::Looking {} | Message::Done {} | Message::Failed { .. } => Ok(()),
    })?;
    title::publish(folder)?;
    planned.ok_or_else(|| Fault::Crashed {
        detail: "it told no plan".to_owned(),
    })
}

/// Nothing half-made stays: it would fill the disk. A title that can never be made goes as well.
fn clean_up(site: &Site, id: VideoId, fault: &Fault) -> Result<(), Fault> {
    site.clear_media(id)?;
    let folder = site.title(id);
    if !fault.may_pass() && title::waits(&folder) {
        fs::remove_dir_all(&folder).map_err(|error| Fault::writing(&error))?;
    }
    Ok(())
}

/// One program at a time works on a title. The kernel frees the lock when its owner dies.
fn lock(folder: &Path) -> Result<File, Fault> {
    fs::create_dir_all(folder).map_err(|error| Fault::writing(&error))?;
    let folder = File::open(folder).map_err(|error| Fault::writing(&error))?;
    match folder.try_lock() {
        Ok(()) => Ok(folder),
        Err(TryLockError::WouldBlock) => Err(Fault::Busy),
        Err(TryLockError::Error(error)) => Err(Fault::writing(&error)),
    }
}
