//! One task from beginning to end, on a thread of its own: made, said, and put aside.

use std::path::Path;

use satreel_film::fault::Fault;
use satreel_hls::naming::VideoId;

use super::aside::{self, Aside};
use super::desk::Task;
use crate::cli::TitleArgs;
use crate::control::Control;
use crate::intake::{Taken, remake, take_in};
use crate::job::{self, JobFile, JobState};
use crate::progress::Show;
use crate::sidecar::Given;
use crate::site::Site;
use crate::title::Wish;

/// True: it is to be tried again after a while.
pub(super) fn work(site: &Site, task: &Task, control: &Control) -> bool {
    match task {
        Task::Film(path) => film(site, path, None, control),
        Task::Again(id) => match job::read(&site.job(*id)) {
            Some(file) if !file.state.is_open() => false,
            Some(file) if file.generation == 0 => {
                control.is_for(*id);
                film(site, &job::source(&file), Some(&file), control)
            }
            Some(file) => again(site, *id, file, control),
            None => {
                tracing::warn!(%id, "there is no such job any more");
                false
            }
        },
    }
}

fn film(site: &Site, path: &Path, before: Option<&JobFile>, control: &Control) -> bool {
    tracing::info!(file = %path.display(), "taking in");
    let taken = wish(site, path, before)
        .and_then(|wish| take_in(site, path, &wish, control, &mut Show::new(true)));
    let (to, why) = match &taken {
        Ok(Taken::New { id, .. }) => {
            tracing::info!(file = %path.display(), %id, "published");
            (Aside::Done, None)
        }
        Ok(Taken::Known { id }) => {
            tracing::info!(file = %path.display(), %id, "this film is there already");
            (Aside::Done, None)
        }
        Err(fault) if fault.may_pass() => {
            tracing::warn!(file = %path.display(), %fault, "stays in the inbox");
            return fault.heals();
        }
        Err(Fault::Cancelled) => {
            tracing::info!(file = %path.display(), "given up");
            (Aside::Cancelled, None)
        }
        Err(fault) => {
            tracing::error!(file = %path.display(), %fault, "refused");
            (Aside::Failed, Some(fault.to_string()))
        }
    };
    match aside::put(path, &site.inbox, to, why.as_deref()) {
        Ok(place) => note(site, path, &place, control, &taken),
        Err(error) => {
            tracing::error!(file = %path.display(), %error, "cannot be put aside");
            // Gone, perhaps: its job is not to come again at every start.
            if let (Some(id), Err(fault), Some(before)) = (control.id(), &taken, before) {
                settle(site, id, fault, before.clone());
            }
        }
    }
    false
}

fn again(site: &Site, id: VideoId, file: JobFile, control: &Control) -> bool {
    let source = job::source(&file);
    tracing::info!(%id, file = %source.display(), "making anew");
    match remake(site, id, file.clone(), control, &mut Show::new(true)) {
        Ok(_) => tracing::info!(%id, "the new film plays"),
        Err(fault) if fault.may_pass() => {
            tracing::warn!(%id, %fault, "waits");
            return fault.heals();
        }
        Err(fault) => {
            tracing::error!(%id, %fault, "the old film stays");
            settle(site, id, &fault, file);
        }
    }
    false
}

/// A remake that never got as far as its worker has to be told as well.
fn settle(site: &Site, id: VideoId, fault: &Fault, before: JobFile) {
    let path = site.job(id);
    let mut file = job::read(&path).unwrap_or(before);
    if file.state.is_open() {
        let result =
            job::JobLog::new(path, std::mem::replace(&mut file, empty(id))).end(Err(fault));
        if let Err(error) = result {
            tracing::warn!(%error, "the job file cannot be written");
        }
    }
}

fn empty(id: VideoId) -> JobFile {
    let preview = satreel_hls::job::Preview::Usual(0);
    job::new(id.to_string(), "", preview, Path::new("/"))
}

/// What the site knows of a film before it has looked inside.
fn wish(site: &Site, path: &Path, before: Option<&JobFile>) -> Result<Wish, Fault> {
    let given = Given::of(path, tags(site, path))?;
    let wish = Wish::of(&TitleArgs::default(), path, given, &site.offers);
    let wish = wish.map_err(Fault::damaged)?;
    Ok(match before {
        Some(job) => Wish {
            name: job.name.clone(),
            preview: job.preview,
            ..wish
        },
        None => wish,
    })
}

/// The folders between the inbox and a film.
fn tags(site: &Site, path: &Path) -> Vec<String> {
    let Ok(inside) = path.strip_prefix(&site.inbox) else {
        return Vec::new();
    };
    let folders = aside::without_aside(inside).parent().into_iter().flatten();
    folders
        .map(|folder| folder.to_string_lossy().trim().chars().take(64).collect())
        .filter(|tag: &String| !tag.is_empty() && !tag.chars().any(char::is_control))
        .collect()
}

/// The job's file follows the film to its new place. What never got as far as an id has a job file
/// under its name.
fn note(site: &Site, path: &Path, place: &Path, control: &Control, taken: &Result<Taken, Fault>) {
    let noted = match (control.id(), taken) {
        (Some(id), _) => follow(site, id, path, place, taken),
        (None, Err(fault)) => record(site, place, fault),
        (None, Ok(_)) => Ok(()),
    };
    if let Err(error) = noted {
        tracing::warn!(%error, "the job file cannot be written");
    }
}

fn follow(
    site: &Site,
    id: VideoId,
    path: &Path,
    place: &Path,
    taken: &Result<Taken, Fault>,
) -> Result<(), Fault> {
    let file = site.job(id);
    let Some(mut job) = job::read(&file) else {
        return Ok(());
    };
    if job::source(&job) == path {
        job.source = job::path_text(place);
        // The film was whole when somebody ended us, just before the last word.
        if taken.is_ok() && job.state.is_open() {
            job.state = JobState::Done;
            job.stage = None;
            job.percent = 100;
        }
    } else if taken.is_ok() {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        job.answer = Some(format!(
            "the same film came once more as {name}: nothing was made"
        ));
    }
    job::write(&file, &mut job)
}

fn record(site: &Site, place: &Path, fault: &Fault) -> Result<(), Fault> {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    let plain = |letter: char| {
        if letter.is_control() || letter == '/' {
            '_'
        } else {
            letter
        }
    };
    let name: String = name
        .trim_start_matches('.')
        .chars()
        .map(plain)
        .take(60)
        .collect();
    let preview = satreel_hls::job::Preview::Usual(0);
    let job = job::new(name.clone(), &name, preview, place);
    job::JobLog::new(site.jobs().join(format!("{name}.json")), job).end(Err(fault))
}
