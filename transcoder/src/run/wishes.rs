//! What the studio and the command line ask for: read from `jobs/asked/`, carried out, answered.
//!
//! // SECURITY: whoever can write there decides about films, and about nothing else: names are
//! parsed, files that replace others come from one folder, links are not followed.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use satreel_film::fault::Fault;
use satreel_hls::job::{
    Change, MAX_WISH_BYTES, MOST_WISHES, Picture, Preview, REFUSED, REPLACEMENTS, Wish,
};
use satreel_hls::naming::VideoId;

use super::aside::{self, Aside};
use super::desk::Desk;
use crate::control::{Control, Word};
use crate::generation;
use crate::intake;
use crate::job::{self, JobFile, JobState};
use crate::live::film::{self, Cut};
use crate::poster;
use crate::site::{Site, write_whole};
use crate::title;

/// A refusal that nobody has fetched by then goes.
const UNFETCHED: Duration = Duration::from_mins(10);

/// Beside a wish that was granted, until it is gone.
const GRANTED: &str = "yes";

/// What became of a wish.
#[derive(Debug)]
pub(crate) enum Granted {
    Yes,
    /// As soon as what stands before it has ended.
    Later,
    No(String),
}

/// Why it cannot be granted now.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("{0}")]
    Words(&'static str),
    #[error("the film that it was made of is no longer at {}: put it back there, or replace the film", .0.display())]
    NoSource(PathBuf),
    #[error(transparent)]
    Fault(#[from] Fault),
    #[error(transparent)]
    Poster(#[from] poster::Error),
}

pub(super) fn carry_out(desk: &mut Desk) {
    for path in asked(&desk.site) {
        let wish = match read(&path) {
            Ok(wish) => wish,
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "a wish that cannot be read is dropped");
                remove(&path);
                continue;
            }
        };
        // Killed after the answer: it stands, and what the wish needed may be gone.
        let has_answer = |end| path.with_extension(end).exists();
        if has_answer(GRANTED) || has_answer(REFUSED) {
            finish(&desk.site, &path, &wish);
            continue;
        }
        let (end, words) = match grant(desk, &wish) {
            Granted::Later => continue,
            Granted::Yes => {
                tracing::info!(id = %wish.job, change = ?wish.change, "as asked");
                (GRANTED, String::new())
            }
            Granted::No(why) => {
                tracing::warn!(id = %wish.job, change = ?wish.change, why, "asked, but not done");
                (REFUSED, why)
            }
        };
        // First the answer: whoever sees the wish gone finds it.
        if let Err(error) = write_whole(&path.with_extension(end), words.as_bytes()) {
            tracing::warn!(%error, "the answer cannot be written");
        }
        finish(&desk.site, &path, &wish);
    }
}

/// The wish goes, after what it brought and before the note that it was granted.
fn finish(site: &Site, path: &Path, wish: &Wish) {
    clear(site, wish);
    remove(path);
    let granted = path.with_extension(GRANTED);
    if granted.exists() {
        remove(&granted);
    }
}

/// A picture that came with a wish is ours to clear away; one that stays is replaced by the next.
pub(crate) fn clear(site: &Site, wish: &Wish) {
    if let Change::Poster {
        picture: Picture::File(name),
    } = &wish.change
    {
        let _ = fs::remove_file(poster::brought(site, wish.job, name));
    }
}

/// The wishes that are whole, the oldest first. Refusals that nobody has fetched go.
fn asked(site: &Site) -> Vec<PathBuf> {
    let entries = fs::read_dir(site.asked()).into_iter().flatten().flatten();
    let mut wishes = Vec::new();
    for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file())) {
        let path = entry.path();
        let written = entry.metadata().and_then(|about| about.modified()).ok();
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        let end = path.extension().unwrap_or_default();
        if end == "json" && !hidden {
            wishes.push((written, path));
        } else if (end == REFUSED || end == GRANTED) && is_old(written) {
            remove(&path);
        }
    }
    wishes.sort();
    wishes.truncate(MOST_WISHES);
    wishes.into_iter().map(|(_, path)| path).collect()
}

fn is_old(written: Option<SystemTime>) -> bool {
    written.is_some_and(|at| at.elapsed().is_ok_and(|age| age > UNFETCHED))
}

fn read(path: &Path) -> io::Result<Wish> {
    let mut text = Vec::new();
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)?;
    file.take(MAX_WISH_BYTES + 1).read_to_end(&mut text)?;
    Wish::parse(&text).map_err(io::Error::other)
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::error!(file = %path.display(), %error, "a wish cannot be removed");
    }
}

/// Carries out one wish, as far as no worker is needed for it.
pub(crate) fn grant(desk: &mut Desk, wish: &Wish) -> Granted {
    let id = wish.job;
    let ended = job::read(&desk.site.job(id)).is_some_and(|job| !job.state.is_open());
    if ended && desk.in_hand(id).is_some() {
        // Its thread is putting things away.
        return Granted::Later;
    }
    let granted = match &wish.change {
        Change::Pause {} => pause(desk, id),
        Change::Resume {} => resume(desk, id),
        Change::Cancel {} => cancel(desk, id),
        Change::Retry {} => retry(desk, id),
        Change::Remake { preview_s } => remake(desk, id, *preview_s),
        Change::Replace { file } => replace(desk, id, file),
        Change::Trim { from_s, to_s } => trim(desk, id, *from_s, *to_s),
        Change::Poster { picture } => poster(desk, id, picture),
        Change::Delete {} => delete(desk, id),
        Change::Forget {} => forget(desk, id),
    };
    granted.unwrap_or_else(|refusal| {
        let why = refusal.to_string();
        answer(desk, id, &why);
        Granted::No(why)
    })
}

/// For whoever reads jobs rather than wishes. The file of a job in work is its own thread's.
fn answer(desk: &Desk, id: VideoId, why: &str) {
    let path = desk.site.job(id);
    if desk.in_hand(id).is_none()
        && let Some(mut file) = job::read(&path)
    {
        file.answer = Some(why.to_owned());
        if let Err(error) = job::write(&path, &mut file) {
            tracing::warn!(%error, "the job file cannot be written");
        }
    }
}

fn known(desk: &Desk, id: VideoId) -> Result<JobFile, Refusal> {
    let file = job::read(&desk.site.job(id));
    file.ok_or(Refusal::Words(
        "there is no such job: satreel-transcoder jobs lists them",
    ))
}

fn pause(desk: &mut Desk, id: VideoId) -> Result<Granted, Refusal> {
    if let Some(control) = desk.in_hand(id) {
        control.say(Word::Pause);
        return Ok(Granted::Yes);
    }
    let mut file = known(desk, id)?;
    if !file.state.is_open() {
        return Err(Refusal::Words("it has ended: there is nothing to pause"));
    }
    file.state = JobState::Paused;
    job::write(&desk.site.job(id), &mut file)?;
    desk.forget(id);
    Ok(Granted::Yes)
}

fn resume(desk: &mut Desk, id: VideoId) -> Result<Granted, Refusal> {
    if let Some(control) = desk.in_hand(id) {
        control.say(Word::Go);
        return Ok(Granted::Yes);
    }
    let file = known(desk, id)?;
    if file.state != JobState::Paused {
        return Err(Refusal::Words("it is not paused"));
    }
    desk.begin(id, file)?;
    Ok(Granted::Yes)
}

fn cancel(desk: &mut Desk, id: VideoId) -> Result<Granted, Refusal> {
    if let Some(control) = desk.in_hand(id) {
        control.say(Word::Cancel);
        return Ok(Granted::Yes);
    }
    let mut file = known(desk, id)?;
    if !file.state.is_open() {
        return Err(Refusal::Words("it has ended: there is nothing to cancel"));
    }
    let folder = desk.site.title(id);
    let Some(_lock) = lock(&folder)? else {
        return Ok(Granted::Later);
    };
    if file.generation > 0 {
        generation::drop_stage(&folder)?;
    } else if !desk.site.is_made(id) {
        desk.site.remove_title(id)?;
    }
    let source = job::source(&file);
    match aside::put(&source, &desk.site.inbox, Aside::Cancelled, None) {
        Ok(place) => file.source = job::path_text(&place),
        Err(error) => tracing::debug!(%error, "its source stays where it is"),
    }
    file.state = JobState::Cancelled;
    file.stage = None;
    job::write(&desk.site.job(id), &mut file)?;
    desk.forget(id);
    Ok(Granted::Yes)
}

fn retry(desk: &mut Desk, id: VideoId) -> Result<Granted, Refusal> {
    if desk.in_hand(id).is_some() {
        return Err(Refusal::Words("it is in work"));
    }
    let file = known(desk, id)?;
    match file.state {
        JobState::Failed | JobState::Cancelled | JobState::Waiting | JobState::Held => {}
        JobState::Done => return Err(Refusal::Words("it is done: remake makes it anew")),
        JobState::Deleted => return Err(Refusal::Words("the title is gone: add its film anew")),
        JobState::Working | JobState::Paused => return Err(Refusal::Words("resume lets it go on")),
    }
    has_source(&desk.site, &file)?;
    desk.begin(id, file)?;
    Ok(Granted::Yes)
}

fn remake(desk: &mut Desk, id: VideoId, preview_s: Option<u32>) -> Result<Granted, Refusal> {
    let mut file = made(desk, id)?;
    has_source(&desk.site, &file)?;
    let folder = desk.site.title(id);
    file.preview = match preview_s {
        Some(seconds) => Preview::Exactly(seconds),
        None => title::preview(&folder).map_or(file.preview, Preview::Usual),
    };
    file.generation = generation::next(&folder);
    desk.begin(id, file)?;
    Ok(Granted::Yes)
}

fn replace(desk: &mut Desk, id: VideoId, name: &str) -> Result<Granted, Refusal> {
    let mut file = made(desk, id)?;
    let folder = desk.site.inbox.join(REPLACEMENTS).join(id.to_string());
    let source = folder.join(name);
    let about = fs::symlink_metadata(&source);
    if !about.is_ok_and(|about| about.is_file()) {
        return Err(Refusal::NoSource(source));
    }
    let title = desk.site.title(id);
    file.preview = title::preview(&title).map_or(file.preview, Preview::Usual);
    file.source = job::path_text(&source);
    file.generation = generation::next(&title);
    desk.begin(id, file)?;
    Ok(Granted::Yes)
}

/// A broadcast without its ends: made of the recording, which is there for a day.
fn trim(desk: &mut Desk, id: VideoId, from_s: u32, to_s: u32) -> Result<Granted, Refusal> {
    let mut file = made(desk, id)?;
    let site = &desk.site;
    if Cut::of(site, &job::source(&file)).is_none() {
        return Err(Refusal::Words(
            "only what was broadcast here can be trimmed",
        ));
    }
    let cut = Cut {
        id,
        seconds: Some((from_s, to_s)),
    };
    if !cut.can_be_made(site) {
        return Err(Refusal::Words(
            "the recording is gone: it can be trimmed within a day after the broadcast",
        ));
    }
    let folder = site.title(id);
    film::remove(site, id);
    file.source = job::path_text(&cut.path(site));
    file.preview = title::preview(&folder).map_or(file.preview, Preview::Usual);
    file.generation = generation::next(&folder);
    desk.begin(id, file)?;
    Ok(Granted::Yes)
}

fn poster(desk: &mut Desk, id: VideoId, picture: &Picture) -> Result<Granted, Refusal> {
    match desk.draw(id, picture) {
        None => Ok(Granted::Later),
        Some(drawn) => Ok(drawn.map(|()| Granted::Yes)?),
    }
}

/// The job of a title that is whole and that nobody works on.
fn made(desk: &Desk, id: VideoId) -> Result<JobFile, Refusal> {
    let file = known(desk, id)?;
    if desk.in_hand(id).is_some() || file.state.is_open() {
        return Err(Refusal::Words(
            "it is in work: wait for its end, or cancel it",
        ));
    }
    if !desk.site.is_made(id) {
        return Err(Refusal::Words("there is no film yet: retry makes it"));
    }
    Ok(file)
}

fn has_source(site: &Site, file: &JobFile) -> Result<(), Refusal> {
    let source = job::source(file);
    let can_be_made = || Cut::of(site, &source).is_some_and(|cut| cut.can_be_made(site));
    if source.is_file() || can_be_made() {
        Ok(())
    } else {
        Err(Refusal::NoSource(source))
    }
}

fn delete(desk: &mut Desk, id: VideoId) -> Result<Granted, Refusal> {
    if let Some(control) = desk.in_hand(id) {
        end(control);
        return Ok(Granted::Later);
    }
    let folder = desk.site.title(id);
    let before = job::read(&desk.site.job(id));
    if before.is_none() && !folder.exists() {
        return Err(Refusal::Words("there is no such title"));
    }
    let name = title::name(&folder);
    let nothing = || job::new(id.to_string(), "", Preview::Usual(0), Path::new("/"));
    let mut file = before.unwrap_or_else(nothing);
    if folder.exists() {
        let Some(_lock) = lock(&folder)? else {
            return Ok(Granted::Later);
        };
        desk.site.remove_title(id)?;
    }
    desk.forget(id);
    file.name = name.unwrap_or(file.name);
    film::remove(&desk.site, id);
    file.state = JobState::Deleted;
    file.stage = None;
    file.detail = None;
    file.left = left(&desk.site, id, &file);
    job::write(&desk.site.job(id), &mut file)?;
    Ok(Granted::Yes)
}

fn end(control: &Control) {
    control.say(Word::Cancel);
}

/// What the title was made of: somebody's own, so nobody removes it by the way.
fn left(site: &Site, id: VideoId, file: &JobFile) -> Vec<String> {
    let source = job::source(file);
    let replacements = site.inbox.join(REPLACEMENTS).join(id.to_string());
    let others = fs::read_dir(replacements).into_iter().flatten().flatten();
    let mut left: Vec<PathBuf> = others.map(|entry| entry.path()).collect();
    left.push(source);
    left.retain(|path| path.is_file());
    left.sort();
    left.dedup();
    left.iter().map(|path| job::path_text(path)).collect()
}

fn forget(desk: &mut Desk, id: VideoId) -> Result<Granted, Refusal> {
    let file = known(desk, id)?;
    if desk.in_hand(id).is_some() || file.state.is_open() {
        return Err(Refusal::Words("it is still to be made: cancel it first"));
    }
    fs::remove_file(desk.site.job(id)).map_err(|error| Fault::writing(&error))?;
    Ok(Granted::Yes)
}

/// The title's lock; None while another program holds it.
fn lock(folder: &Path) -> Result<Option<fs::File>, Refusal> {
    match intake::lock(folder) {
        Ok(lock) => Ok(Some(lock)),
        Err(Fault::Busy) => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}
