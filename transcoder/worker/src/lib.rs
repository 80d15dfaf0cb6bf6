//! The worker: one process, one film (or one picture), no secret. Reads it from its standard input,
//! writes into one folder, tells on its standard output.
//!
//! The way of a film: [`input`] opens it, [`scan`] looks through it, the plan is made, then one
//! pass feeds [`picture`] (copied packets, one decoder, the cascade of [`rung`]s) and [`sound`];
//! each fills a [`track`]. Playlists come last, the multivariant one last of all: it makes the
//! title whole.

mod board;
mod codecs;
mod easel;
mod graph;
mod hover;
mod input;
mod listening;
mod live;
mod loudness;
mod pass;
mod patience;
mod peek;
mod picture;
mod poster;
mod probe;
mod regular;
mod rung;
mod scan;
mod sound;
mod still;
mod store;
mod storyboard;
mod track;
mod waveform;
mod words;

use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use ffmpeg::Error;
use ffmpeg::format::context::Input;
use ffmpeg_next as ffmpeg;
use rustix::process::{Signal, set_parent_process_death_signal};
use satreel_config::Loudness;
use satreel_film::fault::Fault;
use satreel_film::plan::facts::Facts;
use satreel_film::plan::{self, Plan, Rung};
use satreel_film::protocol::{CODECS, Errand, Message, Order};
use satreel_film::rungs::Said;
use satreel_hls::naming::MediaFile;

use board::Board;
use input::Film;
use pass::Pass;
use picture::{Copied, Decoded};
use sound::{Sound, Source};
use store::Store;
use track::Cut;

const REPORT_EVERY: Duration = Duration::from_millis(200);

/// The program: its one argument is the order, as JSON, or the question what FFmpeg can do.
pub fn start() -> ExitCode {
    match std::env::args().nth(1).unwrap_or_default().as_str() {
        CODECS => tell_codecs(),
        order => carry_out(order),
    }
}

fn tell_codecs() -> ExitCode {
    let told = serde_json::to_string(&codecs::abilities());
    match told.map(|told| writeln!(std::io::stdout(), "{told}")) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// The program that only looks: it makes nothing of a film, so it does without the filters and all
/// that they bring along, whose loading takes longer than a look.
pub fn start_looking() -> ExitCode {
    let order = std::env::args().nth(1).unwrap_or_default();
    work(&order, confine, |errand, film, report| match errand {
        Errand::Film(order) if errand.is_look() => {
            let film = Film::new(film, order.container);
            let facts = scan::scan(&mut film.open()?, report)?;
            tell_plan(&facts, order, report).map(drop)
        }
        Errand::Film(_) | Errand::Poster(_) | Errand::Rungs(_) => Err(Fault::Crashed {
            detail: "it can only look at films".to_owned(),
        }),
    })
}

/// Confines this process and carries out an order, given as JSON.
pub fn carry_out(order: &str) -> ExitCode {
    work(order, confine, carry)
}

/// The same in the open: what the confinement costs is measured against it.
#[cfg(feature = "unconfined")]
pub fn unconfined(order: &str) -> ExitCode {
    work(order, |_, _| Ok(()), carry)
}

fn carry(errand: &Errand, input: File, report: &mut Report) -> Result<(), Fault> {
    match errand {
        Errand::Film(order) => make(order, input, report),
        Errand::Poster(order) => easel::draw(order, &input),
        Errand::Rungs(order) => live::make(order, input),
    }
}

/// Whether it went well has been told when this returns.
fn work(
    order: &str,
    confine: impl FnOnce(&Errand, &mut Report) -> Result<(), Fault>,
    carry: impl FnOnce(&Errand, File, &mut Report) -> Result<(), Fault>,
) -> ExitCode {
    let errand: Errand = match serde_json::from_str(order) {
        Ok(errand) => errand,
        Err(error) => {
            let _ = writeln!(
                std::io::stderr(),
                "satreel-worker is started by satreel-transcoder, with an order: {error}"
            );
            return ExitCode::from(2);
        }
    };
    let mut report = Report::new();
    let result = end_with(errand.supervisor())
        .and_then(|()| confine(&errand, &mut report))
        .and_then(|()| open())
        .and_then(|input| carry(&errand, input, &mut report));
    if let Errand::Rungs(_) = errand {
        return end_of_rungs(result);
    }
    match result {
        Ok(()) => {
            report.tell(&Message::Done {});
            ExitCode::SUCCESS
        }
        Err(fault) => {
            report.tell(&Message::Failed { fault });
            ExitCode::from(1)
        }
    }
}

/// These say it in records, not in lines.
fn end_of_rungs(result: Result<(), Fault>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            // Nobody may be left to hear it.
            let _ = live::say(&Said::Failed(fault.to_string()));
            ExitCode::from(1)
        }
    }
}

fn confine(errand: &Errand, report: &mut Report) -> Result<(), Fault> {
    let layers = satreel_film::sandbox::confine(errand.output(), errand.sandbox())?;
    if !matches!(errand, Errand::Rungs(_)) {
        report.tell(&Message::Confined { layers });
    }
    Ok(())
}

/// The film or picture, and FFmpeg ready for it.
fn open() -> Result<File, Fault> {
    ffmpeg::init().map_err(Fault::damaged)?;
    ffmpeg::log::set_level(ffmpeg::log::Level::Fatal);
    let film = std::io::stdin().as_fd().try_clone_to_owned();
    Ok(film.map_err(|error| Fault::reading(&error))?.into())
}

/// Dies with whoever started it, also if that one is gone already.
fn end_with(supervisor: u32) -> Result<(), Fault> {
    let failed = |detail: String| Fault::Crashed { detail };
    set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(|error| failed(format!("it cannot be tied to its supervisor: {error}")))?;
    if std::os::unix::process::parent_id() == supervisor {
        Ok(())
    } else {
        Err(failed("its supervisor is gone".to_owned()))
    }
}

fn make(order: &Order, film: File, report: &mut Report) -> Result<(), Fault> {
    let film = Film::new(film, order.container);
    if let Some(output) = order.output.as_deref().filter(|_| order.still) {
        return still::write(&film, &Store::new(output));
    }
    let mut input = film.open()?;
    let mut facts = scan::scan(&mut input, report)?;
    drop(input);
    if order.loudness == Loudness::Even {
        let mut input = film.open()?;
        loudness::measure(&mut input, &mut facts, report)?;
    }
    let store = order.output.as_deref().map(Store::new);
    if let Some(store) = &store {
        facts
            .captions
            .extend(words::sidecars(&order.captions, store)?);
    }
    let plan = tell_plan(&facts, order, report)?;
    let Some(store) = store else { return Ok(()) };
    store.begin(&plan.mark())?;
    words::write(&facts, &plan, &store)?;
    let cut = Cut {
        board: Board::new(&plan, &store),
        plan,
        store,
    };
    let job = Job {
        film: &film,
        facts,
        cut,
    };
    job.run(report)?;
    job.cut.store.drop_sidecars(order.captions.len());
    Ok(())
}

fn tell_plan(facts: &Facts, order: &Order, report: &mut Report) -> Result<Plan, Fault> {
    let plan = plan::plan(facts, order.preview, &order.ladder)?.of_generation(order.generation);
    report.tell(&Message::Planned {
        plan: Box::new(plan.clone()),
    });
    Ok(plan)
}

/// A film and what is to be made of it, in passes over its packets.
struct Job<'a> {
    film: &'a Film,
    facts: Facts,
    cut: Cut,
}

impl Job<'_> {
    /// What can be had quickly comes first: the original's picture and the sound as a whole, or the
    /// beginning in the smallest rung. Then all that must be encoded.
    fn run(&self, report: &mut Report) -> Result<(), Fault> {
        if self.facts.video.is_none() {
            self.take_cover()?;
        }
        let mut finished = Vec::new();
        let lead = self.cut.plan.copied().is_some();
        if lead {
            let mut pass = self.pass()?;
            pass.copied = self.copied(&pass.input)?;
            pass.sounds = self.sounds(&pass.input)?;
            finished.extend(pass.run(report)?);
        } else {
            self.lead(report)?;
        }
        let mut pass = self.pass()?;
        pass.decoded = self.decoded(&pass.input, self.cut.plan.encoded())?;
        if !lead {
            pass.sounds = self.sounds(&pass.input)?;
        }
        finished.extend(pass.run(report)?);
        hover::write(&self.cut.plan, &self.cut.store)?;
        if let (None, Some(audio)) = (&self.facts.video, self.facts.audio.first()) {
            let input = self.film.open()?;
            let lasts = self.cut.plan.duration_us;
            waveform::write(input, audio, lasts, &self.cut.store, report)?;
        }
        self.cut.board.finish(&finished)
    }

    /// The first segment of the smallest rung and of every sound.
    fn lead(&self, report: &mut Report) -> Result<(), Fault> {
        let rungs = self.cut.plan.encoded();
        let (Some(smallest), Some(end)) = (rungs.last(), self.cut.plan.boundaries_us.get(1)) else {
            return Ok(());
        };
        // A film of one segment, or one that was begun before, gains nothing.
        if rungs.len() < 2 || self.cut.plan.boundaries_us.len() < 3 || self.has_begun(smallest)? {
            return Ok(());
        }
        let mut pass = self.pass()?;
        pass.decoded = self.decoded(&pass.input, std::slice::from_ref(smallest))?;
        pass.sounds = self.sounds(&pass.input)?;
        pass.run_until(*end, report)
    }

    fn has_begun(&self, rung: &Rung) -> Result<bool, Fault> {
        let name = rung.name.parse().map_err(Fault::damaged)?;
        Ok(self.cut.store.has(MediaFile::Playlist(name)))
    }

    fn pass(&self) -> Result<Pass, Fault> {
        Ok(Pass {
            input: self.film.open()?,
            picture: self.facts.video.as_ref().map(|video| video.stream),
            copied: None,
            decoded: None,
            sounds: Vec::new(),
        })
    }

    fn copied(&self, input: &Input) -> Result<Option<Copied>, Fault> {
        let Some(video) = &self.facts.video else {
            return Ok(None);
        };
        let stream = scan::stream(input, video.stream)?;
        Copied::start(&peek::picture(&stream).extra, video, &self.cut)
    }

    fn decoded(&self, input: &Input, rungs: &[Rung]) -> Result<Option<Decoded>, Fault> {
        let Some(video) = &self.facts.video else {
            return Ok(None);
        };
        let stream = scan::stream(input, video.stream)?;
        Decoded::start(&stream, video, rungs, &self.cut).map(Some)
    }

    fn sounds(&self, input: &Input) -> Result<Vec<(usize, Sound)>, Fault> {
        let mut sounds = Vec::new();
        for (audio, planned) in self.facts.audio.iter().zip(&self.cut.plan.sounds) {
            let stream = scan::stream(input, audio.stream)?;
            let source = Source {
                audio,
                zero: self.facts.zero,
                cut: &self.cut,
            };
            sounds.push((audio.stream, Sound::start(&stream, &source, planned)?));
        }
        Ok(sounds)
    }

    fn take_cover(&self) -> Result<(), Fault> {
        let input = self.film.open()?;
        let Some(stream) = scan::cover(&input) else {
            return Ok(());
        };
        let packet = peek::attached_picture(&stream);
        let cover = packet.and_then(|packet| poster::cover(&stream, &packet));
        match cover {
            Some(picture) => {
                let jpeg = poster::jpeg(picture)?;
                self.cut.store.write(MediaFile::Poster, &jpeg)
            }
            None => Ok(()),
        }
    }
}

/// Whether a codec only wants more input, or has no more output yet.
fn again(error: Error) -> bool {
    matches!(error, Error::Other { errno } if errno == ffmpeg::error::EAGAIN)
}

fn tell(message: &Message) {
    let Ok(mut line) = serde_json::to_vec(message) else {
        return;
    };
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    // A supervisor that is gone takes this process with it: nothing is left to tell.
    let _ = out.write_all(&line).and_then(|()| out.flush());
}

/// Tells the supervisor, not more often than it can use.
struct Report {
    last: Instant,
}

impl Report {
    fn new() -> Self {
        Self {
            last: Instant::now(),
        }
    }

    fn tell(&mut self, message: &Message) {
        self.last = Instant::now();
        tell(message);
    }

    fn looking(&mut self) {
        if self.last.elapsed() >= REPORT_EVERY {
            self.tell(&Message::Looking {});
        }
    }

    fn progress(&mut self, done_us: u64) {
        if self.last.elapsed() >= REPORT_EVERY {
            self.tell(&Message::Progress { done_us });
        }
    }
}
