//! One film's way into the site: known by its hash, announced, made by a worker, published.
//!
//! At every step what exists on disk decides: a job that broke anywhere is simply gone on with, and
//! a film that is there already is not made twice. [`take_in`] makes a new title; [`remake`] makes
//! the film of one that is there anew, beside the old one, which plays until the last moment.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use satreel_film::fault::Fault;
use satreel_film::plan::Plan;
use satreel_film::protocol::{Errand, Message, Order};
use satreel_film::sandbox;
use satreel_hls::naming::VideoId;

use crate::control::{Control, Word};
use crate::generation;
use crate::job::{self, JobFile, JobLog, JobState};
use crate::live::film;
use crate::poster;
use crate::progress::Show;
use crate::sidecar::Given;
use crate::site::{Site, make_folder};
use crate::source::Film;
use crate::supervisor::{Heard, Standstill, supervise};
use crate::title::{self, Wish};

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
    control: &Control,
    show: &mut Show,
) -> Result<Taken, Fault> {
    sandbox::check(site.sandbox)?;
    site.prepare()?;
    let mut film = Film::open(path)?;
    show.stage("reading the file");
    let (id, source) = film.identify(|| control.check())?;
    control.is_for(id);
    let folder = site.title(id);
    let _lock = lock(&folder)?;
    if site.is_made(id) {
        // Complete, but perhaps stopped just before the last word about it.
        if title::waits(&folder) {
            title::publish(&folder)?;
        }
        return Ok(Taken::Known { id });
    }
    let mut job = job::new(id.to_string(), &wish.name, wish.preview, path);
    wait_if_paused(site, id, &mut job, control)?;
    title::announce(&folder, wish, &source)?;
    let mut work = Work {
        site,
        film: &film,
        folder: &folder,
        control,
        job: JobLog::new(site.job(id), job),
    };
    let result = work
        .run(&wish.given, &folder, show)
        .and_then(|plan| film.check_unchanged().map(|()| plan))
        .and_then(|plan| beside(site, &folder, wish, control).map(|()| plan));
    // A stopped job is no failed one: it goes on at the next start.
    match &result {
        Ok(_) | Err(Fault::Stopped) => {}
        // What was made is of something that is no longer there.
        Err(Fault::Changed) => site.remove_title(id)?,
        Err(fault) => clean_up(site, id, fault)?,
    }
    work.end(result, |_| title::publish(&folder))
        .map(|plan| Taken::New { id, plan })
}

/// Makes the film of a title anew, from the source and with the settings that the job names.
pub(crate) fn remake(
    site: &Site,
    id: VideoId,
    mut job: JobFile,
    control: &Control,
    show: &mut Show,
) -> Result<Taken, Fault> {
    sandbox::check(site.sandbox)?;
    control.is_for(id);
    film::prepare(site, &job::source(&job), || control.check())?;
    let mut film = Film::open(&job::source(&job))?;
    let (_, source) = film.identify(|| control.check())?;
    let folder = site.title(id);
    let _lock = lock(&folder)?;
    // Killed after the switch and before the last word.
    if generation::is_current(&folder, job.generation) {
        JobLog::new(site.job(id), job).end(Ok(()))?;
        return Ok(Taken::Known { id });
    }
    wait_if_paused(site, id, &mut job, control)?;
    let staging = generation::stage(&folder)?;
    let preview = job.preview;
    let given = Given::of(&job::source(&job), Vec::new())?;
    let mut work = Work {
        site,
        film: &film,
        folder: &folder,
        control,
        job: JobLog::new(site.job(id), job),
    };
    let result = work
        .run(&given, &staging, show)
        .and_then(|plan| film.check_unchanged().map(|()| plan));
    if !matches!(result, Err(Fault::Stopped)) && result.is_err() {
        generation::drop_stage(&folder)?;
    }
    work.end(result, |plan| {
        title::replace(&folder, &source, preview, plan)?;
        generation::switch(&folder)
    })
    .map(|plan| Taken::New { id, plan })
}

/// A poster that came along takes the place of the one that was made.
fn beside(site: &Site, folder: &Path, wish: &Wish, control: &Control) -> Result<(), Fault> {
    match &wish.given.poster {
        Some(picture) => {
            poster::take(site, folder, picture, control).map_err(|error| error.beside(picture))
        }
        None => Ok(()),
    }
}

/// A job that was paused stays so, also over a restart.
fn wait_if_paused(
    site: &Site,
    id: VideoId,
    file: &mut JobFile,
    control: &Control,
) -> Result<(), Fault> {
    let before = job::read(&site.job(id));
    if before.is_some_and(|before| before.state == JobState::Paused) {
        file.state = JobState::Paused;
        job::write(&site.job(id), file)?;
        control.say(Word::Pause);
    }
    match control.wait_while_paused() {
        Word::Go | Word::Pause => Ok(()),
        Word::Stop => Err(Fault::Stopped),
        Word::Cancel => {
            file.state = JobState::Cancelled;
            job::write(&site.job(id), file)?;
            clean_up(site, id, &Fault::Cancelled)?;
            Err(Fault::Cancelled)
        }
    }
}

/// One making of a title, by at most two workers.
struct Work<'a> {
    site: &'a Site,
    film: &'a Film,
    folder: &'a Path,
    control: &'a Control,
    job: JobLog,
}

impl Work<'_> {
    fn run(&mut self, given: &Given, output: &Path, show: &mut Show) -> Result<Box<Plan>, Fault> {
        self.job.begin()?;
        let order = Order {
            container: self.film.container,
            preview: self.job.file.preview,
            generation: self.job.file.generation,
            supervisor: std::process::id(),
            sandbox: self.site.sandbox,
            loudness: self.site.loudness,
            ladder: self.site.ladder.clone(),
            captions: given.lay_out(output)?,
            still: false,
            output: Some(output.to_owned()),
        };
        let errand = Errand::Film(order);
        let mut result = self.make(&errand, show);
        // Once may be chance (somebody ended it, memory ran out); twice is the film.
        if let Err(fault @ Fault::Crashed { .. }) = &result {
            tracing::warn!(%fault, "once more");
            result = self.make(&errand, show);
        }
        show.finish();
        result
    }

    fn make(&mut self, errand: &Errand, show: &mut Show) -> Result<Box<Plan>, Fault> {
        let is_first = self.job.file.generation == 0;
        let mut planned = None;
        show.stage("looking through the film");
        let around = self.site.surroundings();
        let (job, folder) = (&mut self.job, self.folder);
        supervise(
            &self.film.file,
            errand,
            self.control,
            Some(&around),
            |heard| match heard {
                Heard::Told(Message::Planned { plan }) => {
                    planned = Some(plan.clone());
                    for rung in &plan.rungs {
                        let action = serde_json::to_value(rung.action).unwrap_or_default();
                        let action = action.as_str().unwrap_or_default();
                        show.say(&format!("{}: {action}: {}", rung.name, rung.reason));
                    }
                    if is_first {
                        title::describe(folder, plan)?;
                    }
                    job.planned(plan)
                }
                Heard::Told(Message::Progress { done_us }) => {
                    job.progress(*done_us)?;
                    show.progress(&job.file);
                    Ok(())
                }
                Heard::Told(Message::Confined { layers }) => {
                    if let Some(missing) = layers.missing() {
                        tracing::warn!(missing, "the worker is confined in part only");
                    }
                    tracing::debug!(%layers, "the worker is confined");
                    Ok(())
                }
                // What can be watched is sold; the rest comes while it is. A film made anew takes
                // the old one's place when it is whole.
                Heard::Told(Message::Playable {}) if is_first => title::publish(folder),
                Heard::Told(Message::Playable {}) => Ok(()),
                Heard::Told(Message::Looking {} | Message::Done {} | Message::Failed { .. }) => {
                    Ok(())
                }
                Heard::Standing(Standstill::Paused) => {
                    show.say("paused");
                    job.stand(JobState::Paused, None)
                }
                Heard::Standing(Standstill::Held(low)) => {
                    show.say(&low.to_string());
                    job.stand(JobState::Held, Some(low.to_string()))
                }
                Heard::GoingOn => {
                    show.say("going on");
                    job.go_on()
                }
            },
        )?;
        planned.ok_or_else(|| Fault::Crashed {
            detail: "it told no plan".to_owned(),
        })
    }

    /// The last steps, and the last word in the job's file.
    fn end(
        &mut self,
        result: Result<Box<Plan>, Fault>,
        publish: impl FnOnce(&Plan) -> Result<(), Fault>,
    ) -> Result<Box<Plan>, Fault> {
        let result = result.and_then(|plan| publish(&plan).map(|()| plan));
        if !matches!(result, Err(Fault::Stopped)) {
            self.job.end(result.as_ref().map(|_| ()))?;
        }
        result
    }
}

/// What can never be made leaves nothing half-made, and no title unless somebody may have bought it.
fn clean_up(site: &Site, id: VideoId, fault: &Fault) -> Result<(), Fault> {
    let folder = site.title(id);
    if fault.may_pass() {
        // What is there is gone on with, and may be watched already.
        return Ok(());
    }
    site.clear_media(id)?;
    let was_seen = title::withdraw(&folder)?;
    if was_seen && *fault != Fault::Cancelled {
        // It may have been sold: its name stays.
        return Ok(());
    }
    if title::waits(&folder) {
        fs::remove_dir_all(&folder).map_err(|error| Fault::writing(&error))?;
    }
    Ok(())
}

/// One program at a time works on a title. The kernel frees the lock when its owner dies.
pub(crate) fn lock(folder: &Path) -> Result<File, Fault> {
    make_folder(folder).map_err(|error| Fault::writing(&error))?;
    let folder = File::open(folder).map_err(|error| Fault::writing(&error))?;
    match folder.try_lock() {
        Ok(()) => Ok(folder),
        Err(TryLockError::WouldBlock) => Err(Fault::Busy),
        Err(TryLockError::Error(error)) => Err(Fault::writing(&error)),
    }
}
