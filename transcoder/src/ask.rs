//! `jobs`, and the commands that ask something of a job: by a wish where `run` is at work, else by
//! themselves as far as no worker is needed.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use satreel_film::fault::Fault;
use satreel_hls::job::{Change, JobFile, JobState, Picture, REFUSED, REPLACEMENTS, Wish};
use satreel_hls::naming::VideoId;
use serde_json::json;

use crate::Failure;
use crate::control::Control;
use crate::job;
use crate::poster;
use crate::run::desk::{Desk, take_turn};
use crate::run::wishes::{Granted, clear, grant};
use crate::site::{Site, write_whole};

/// How long `run` is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
const GLANCE: Duration = Duration::from_millis(20);
const CHOSEN: &str = "the title has the poster that you chose";

/// Prints all jobs, the newest last.
pub(crate) fn list(site: &Site, json: bool) -> Result<(), Failure> {
    let jobs = job::all(&site.jobs());
    let text = if json {
        format!("{:#}\n", json!({ "jobs": jobs }))
    } else {
        jobs.iter().map(line).collect()
    };
    write!(std::io::stdout(), "{text}").map_err(Failure::failed)
}

fn line(job: &JobFile) -> String {
    let state = match job.state {
        JobState::Waiting => "waiting",
        JobState::Working => "working",
        JobState::Paused => "paused",
        JobState::Held => "held",
        JobState::Done => "done",
        JobState::Failed => "failed",
        JobState::Cancelled => "cancelled",
        JobState::Deleted => "deleted",
    };
    let mut line = format!(
        "{:16}  {state:9}  {:>3} %  {}",
        job.id,
        job.percent,
        plain(&job.name)
    );
    if let Some(left) = job.remaining_s {
        let _ = write!(line, "  ({:.1} × real time, {left} s left)", job.speed);
    }
    for words in [&job.fault, &job.detail, &job.answer].into_iter().flatten() {
        let _ = write!(line, "\n{:27}→ {}", "", plain(words));
    }
    for file in &job.left {
        let _ = write!(line, "\n{:27}left: {}", "", plain(file));
    }
    line + "\n"
}

/// Names come from strangers, and terminals obey some characters.
fn plain(text: &str) -> String {
    let safe = |letter: char| {
        if letter.is_control() {
            '\u{FFFD}'
        } else {
            letter
        }
    };
    text.chars().map(safe).collect()
}

/// Asks for a change and says what became of it.
pub(crate) fn ask(site: &Site, job: VideoId, change: Change) -> Result<(), Failure> {
    site.prepare().map_err(Failure::failed)?;
    let wish = Wish { job, change };
    match take_turn(site) {
        Ok(_turn) => by_itself(site, &wish),
        Err(Fault::Running) => by_wish(site, &wish),
        Err(fault) => Err(Failure::failed(fault)),
    }
}

/// Copies the new film to where the transcoder takes it from, and asks for it.
pub(crate) fn replace(site: &Site, job: VideoId, film: &Path) -> Result<(), Failure> {
    let change = Change::Replace {
        file: bring(site, job, film)?,
    };
    ask(site, job, change)
}

/// Has a title shown by another picture: one of those that were made, or one from outside.
pub(crate) fn poster(
    site: &Site,
    id: VideoId,
    choice: Option<u32>,
    file: Option<&Path>,
) -> Result<(), Failure> {
    site.prepare().map_err(Failure::failed)?;
    if !site.title(id).is_dir() {
        return Err(Failure::failed(poster::Error::NoTitle));
    }
    let picture = match (choice, file) {
        (Some(number), _) => Picture::Choice(number),
        (None, Some(file)) => Picture::File(bring(site, id, file)?),
        (None, None) => return Err(Failure::usage("give --choice NUMBER or a picture")),
    };
    match take_turn(site) {
        Ok(_turn) => {
            let put = poster::put(site, id, &picture, &Control::default());
            let change = Change::Poster { picture };
            clear(site, &Wish { job: id, change });
            put.map_err(Failure::failed)?;
            print(CHOSEN)
        }
        Err(Fault::Running) => {
            let change = Change::Poster { picture };
            by_wish(site, &Wish { job: id, change })
        }
        Err(fault) => Err(Failure::failed(fault)),
    }
}

/// Copies a file to where the transcoder looks for what is to replace something.
fn bring(site: &Site, id: VideoId, file: &Path) -> Result<String, Failure> {
    let name = file.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Failure::usage("the file's name is no text: rename it"))?;
    let folder = site.inbox.join(REPLACEMENTS).join(id.to_string());
    let failed = |error| Failure::failed(format!("{}: {error}", file.display()));
    fs::create_dir_all(&folder).map_err(failed)?;
    fs::copy(file, folder.join(name)).map_err(failed)?;
    Ok(name.to_owned())
}

fn by_itself(site: &Site, wish: &Wish) -> Result<(), Failure> {
    match grant(&mut Desk::idle(site), wish) {
        Granted::Yes => say(site, wish, true),
        Granted::Later => Err(Failure::failed(Fault::Busy)),
        Granted::No(why) => Err(Failure::failed(why)),
    }
}

fn by_wish(site: &Site, wish: &Wish) -> Result<(), Failure> {
    let name = format!(
        "{}-{}.json",
        jiff::Timestamp::now().as_nanosecond(),
        std::process::id()
    );
    let path = site.asked().join(name);
    write_whole(&path, wish.render().as_bytes()).map_err(Failure::failed)?;
    let since = Instant::now();
    while path.exists() {
        if since.elapsed() > PATIENCE {
            return print("asked; it will be done as soon as what is in hand has ended");
        }
        std::thread::sleep(GLANCE);
    }
    let refusal = path.with_extension(REFUSED);
    match fs::read_to_string(&refusal) {
        Ok(why) => {
            // Nobody else looks for it; what is left is swept.
            let _ = fs::remove_file(&refusal);
            Err(Failure::failed(why))
        }
        Err(_) => say(site, wish, false),
    }
}

fn say(site: &Site, wish: &Wish, alone: bool) -> Result<(), Failure> {
    if matches!(wish.change, Change::Poster { .. }) {
        return print(CHOSEN);
    }
    let job = job::read(&site.job(wish.job));
    let mut text = job.as_ref().map_or_else(|| "forgotten".to_owned(), line);
    if alone && job.is_some_and(|job| job.state == JobState::Waiting) {
        text.push_str("satreel-transcoder run is not running: it begins with its next start\n");
    }
    print(text.trim_end())
}

fn print(text: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{text}").map_err(Failure::failed)
}
