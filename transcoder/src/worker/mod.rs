//! The worker: one process, one film, no secret. Reads the film from its standard input, writes
//! into one folder, tells on its standard output.
//!
//! The way of a film: [`input`] opens it, [`scan`] looks through it, the plan is made, then one
//! pass feeds [`picture`] (copied packets, one decoder, the cascade of [`rung`]s) and [`sound`];
//! each fills a [`track`]. Playlists come last, the multivariant one last of all: it makes the
//! title whole.

mod graph;
mod input;
mod peek;
mod picture;
mod poster;
mod rung;
pub(crate) mod sandbox;
mod scan;
mod sound;
mod store;
mod track;

use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::time::{Duration, Instant};

use ffmpeg::Error;
use ffmpeg_next as ffmpeg;
use rustix::process::{Signal, set_parent_process_death_signal};
use satreel_hls::naming::MediaFile;
use satreel_hls::playlist::{AudioRendition, FrameRate, Multivariant, Variant};

use crate::fault::Fault;
use crate::plan::facts::Facts;
use crate::plan::{self, Plan};
use crate::protocol::{Message, Order};
use picture::{Copied, Decoded};
use scan::Streams;
use sound::Sound;
use store::Store;
use track::Finished;

const REPORT_EVERY: Duration = Duration::from_millis(200);

/// Carries out one order. Whether it went well has been told when this returns.
pub(crate) fn work(order: &Order) -> bool {
    let mut report = Report::new();
    let result = prepare(order, &mut report).and_then(|film| make(order, &film, &mut report));
    match result {
        Ok(()) => report.tell(&Message::Done {}),
        Err(fault) => {
            report.tell(&Message::Failed { fault });
            return false;
        }
    }
    true
}

fn prepare(order: &Order, report: &mut Report) -> Result<File, Fault> {
    end_with(order.supervisor)?;
    let layers = sandbox::confine(order.output.as_deref(), order.sandbox)?;
    report.tell(&Message::Confined { layers });
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

fn make(order: &Order, film: &File, report: &mut Report) -> Result<(), Fault> {
    let mut input = input::open(film, order.container)?;
    let (streams, facts) = scan::scan(&mut input, report)?;
    drop(input);
    let plan = plan::plan(&facts, order.preview)?;
    report.tell(&Message::Planned {
        plan: Box::new(plan.clone()),
    });
    match &order.output {
        Some(folder) => transcode(
            order,
            film,
            folder,
            &Job {
                streams,
                facts,
                plan,
            },
            report,
        ),
        None => Ok(()),
    }
}

struct Job {
    streams: Streams,
    facts: Facts,
    plan: Plan,
}

fn transcode(
    order: &Order,
    film: &File,
    folder: &Path,
    job: &Job,
    report: &mut Report,
) -> Result<(), Fault> {
    let Job {
        streams,
        facts,
        plan,
    } = job;
    let mut input = input::open(film, order.container)?;
    let store = Store::new(folder);
    let video = scan::stream(&input, streams.video)?;
    let extra = peek::picture(&video.parameters()).extra;
    let mut copied = Copied::start(&extra, facts, plan, &store)?;
    let mut decoded = Decoded::start(&video, facts, plan, &store)?;
    let audio = streams.audio.and_then(|index| input.stream(index));
    let mut sound = Sound::start(audio.as_ref(), facts, plan, &store)?;

    let mut packets = input::Packets::default();
    while let Some(packet) = packets.next(&mut input)? {
        if packet.stream() == streams.video {
            if let Some(copied) = &mut copied {
                copied.push(&packet)?;
            }
            let Some(shown) = decoded.push(&packet)? else {
                break;
            };
            report.progress(facts.video.clock.us(shown));
        } else if Some(packet.stream()) == streams.audio
            && let Some(sound) = &mut sound
        {
            sound.push(&packet)?;
        }
    }
    let encoded = decoded.finish(&store)?;
    let copied = copied.map(Copied::finish).transpose()?;
    let sound = sound.map(Sound::finish).transpose()?;
    let pictures: Vec<Finished> = copied.into_iter().chain(encoded).collect();
    write_playlists(plan, &pictures, sound.as_ref(), &store)
}

/// The media playlists, then the multivariant playlist that makes the title visible.
fn write_playlists(
    plan: &Plan,
    pictures: &[Finished],
    sound: Option<&Finished>,
    store: &Store,
) -> Result<(), Fault> {
    let mut master = Multivariant::default();
    for (rung, track) in plan.rungs.iter().zip(pictures) {
        let name = rung.name.parse().map_err(Fault::damaged)?;
        store.write(
            MediaFile::Playlist(name),
            track.playlist.to_string().as_bytes(),
        )?;
        master.variants.push(Variant {
            track: name,
            width: rung.width,
            height: rung.height,
            frame_rate: Some(FrameRate {
                numerator: plan.frame_rate.0,
                denominator: plan.frame_rate.1,
            }),
            codec: track.codec.clone(),
            bitrate: track.bitrate,
        });
    }
    if let Some((planned, track)) = plan.sound.as_ref().zip(sound) {
        let name = sound::NAME.parse().map_err(Fault::damaged)?;
        store.write(
            MediaFile::Playlist(name),
            track.playlist.to_string().as_bytes(),
        )?;
        master.audio.push(AudioRendition {
            track: name,
            name: planned
                .language
                .clone()
                .unwrap_or_else(|| "Sound".to_owned()),
            language: planned.language.clone(),
            channels: planned.channels,
            codec: track.codec.clone(),
            bitrate: track.bitrate,
            default: true,
        });
    }
    start_with_the_middle(&mut master.variants);
    store.sync()?;
    store.write(MediaFile::Master, master.to_string().as_bytes())?;
    store.sync()
}

/// Players begin with the first variant: Apple asks for about 2 Mbit/s there.
fn start_with_the_middle(variants: &mut [Variant]) {
    const WANTED: u64 = 2_000_000;
    let nearest = (0..variants.len())
        .min_by_key(|index| variants[*index].bitrate.average.abs_diff(WANTED))
        .unwrap_or(0);
    if let Some(before) = variants.get_mut(..=nearest) {
        before.rotate_right(1);
    }
}

/// Whether a codec only wants more input, or has no more output yet.
fn again(error: Error) -> bool {
    matches!(error, Error::Other { errno } if errno == ffmpeg::error::EAGAIN)
}

/// Tells the supervisor, not more often than it can use.
pub(crate) struct Report {
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
        let Ok(mut line) = serde_json::to_vec(message) else {
            return;
        };
        line.push(b'\n');
        let mut out = std::io::stdout().lock();
        // A supervisor that is gone takes this process with it: nothing is left to tell.
        let _ = out.write_all(&line).and_then(|()| out.flush());
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
