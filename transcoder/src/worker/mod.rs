//! The worker: one process, one film, no secret. Reads the film from its standard input, writes
//! into one folder, tells on its standard output.
//!
//! The way of a film: [`input`] opens it, [`scan`] looks through it, the plan is made, then one
//! pass feeds [`picture`] (copied packets, one decoder, the cascade of [`rung`]s) and [`sound`];
//! each fills a [`track`]. Playlists come last, the multivariant one last of all: it makes the
//! title whole.

mod graph;
mod input;
mod loudness;
mod peek;
mod picture;
mod poster;
mod regular;
mod rung;
pub(crate) mod sandbox;
mod scan;
mod sound;
pub(crate) mod store;
mod track;
mod words;

use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use ffmpeg::format::context::Input;
use ffmpeg::{Error, Packet};
use ffmpeg_next as ffmpeg;
use rustix::process::{Signal, set_parent_process_death_signal};
use satreel_config::Loudness;
use satreel_hls::naming::MediaFile;
use satreel_hls::playlist::{AudioRendition, CaptionRendition, FrameRate, Multivariant, Variant};

use crate::fault::Fault;
use crate::plan::facts::Facts;
use crate::plan::{self, Plan};
use crate::protocol::{Message, Order};
use picture::{Copied, Decoded};
use sound::{Sound, Source};
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
    let mut facts = scan::scan(&mut input, report)?;
    drop(input);
    if order.loudness == Loudness::Even {
        let mut input = input::open(film, order.container)?;
        loudness::measure(&mut input, &mut facts, report)?;
    }
    let store = order.output.as_deref().map(Store::new);
    if let Some(store) = &store {
        facts
            .captions
            .extend(words::sidecars(&order.captions, store)?);
    }
    let plan = plan::plan(&facts, order.preview)?.of_generation(order.generation);
    report.tell(&Message::Planned {
        plan: Box::new(plan.clone()),
    });
    let Some(store) = store else { return Ok(()) };
    words::write(&facts, &plan, &store)?;
    let job = Job {
        input: input::open(film, order.container)?,
        store: store.clone(),
        facts,
        plan,
    };
    job.run(report)?;
    store.drop_sidecars(order.captions.len());
    Ok(())
}

struct Job {
    input: Input,
    store: Store,
    facts: Facts,
    plan: Plan,
}

/// What fills the title's tracks.
#[derive(Default)]
struct Makers {
    copied: Option<Copied>,
    decoded: Option<Decoded>,
    /// Each with its stream in the file.
    sounds: Vec<(usize, Sound)>,
}

impl Job {
    fn run(mut self, report: &mut Report) -> Result<(), Fault> {
        let mut makers = self.start()?;
        if self.facts.video.is_none() {
            self.take_cover()?;
        }
        let picture = self.facts.video.as_ref().map(|video| video.stream);
        let mut packets = input::Packets::default();
        while let Some(packet) = packets.next(&mut self.input)? {
            let stream = packet.stream();
            let shown = if Some(stream) == picture {
                makers.picture(&packet)?
            } else {
                makers.sound(&packet)?
            };
            match shown {
                Shown::Until(us) => report.progress(us),
                Shown::Nothing => {}
                Shown::Failed => break,
            }
        }
        let (pictures, sounds) = makers.finish(&self.store)?;
        write_playlists(&self.plan, &pictures, &sounds, &self.store)
    }

    fn start(&self) -> Result<Makers, Fault> {
        let Self {
            input,
            store,
            facts,
            plan,
        } = self;
        let mut makers = Makers::default();
        if let Some(video) = &facts.video {
            let stream = scan::stream(input, video.stream)?;
            let extra = peek::picture(&stream).extra;
            makers.copied = Copied::start(&extra, video, plan, store)?;
            makers.decoded = Some(Decoded::start(&stream, video, plan, store)?);
        }
        for (audio, planned) in facts.audio.iter().zip(&plan.sounds) {
            let stream = scan::stream(input, audio.stream)?;
            let source = Source {
                audio,
                zero: facts.zero,
                plan,
            };
            let sound = Sound::start(&stream, &source, planned, store)?;
            makers.sounds.push((audio.stream, sound));
        }
        Ok(makers)
    }

    /// The cover comes as one packet among the first.
    fn take_cover(&self) -> Result<(), Fault> {
        let Some(stream) = scan::cover(&self.input) else {
            return Ok(());
        };
        let cover =
            peek::attached_picture(&stream).and_then(|packet| poster::cover(&stream, &packet));
        match cover {
            Some(picture) => self.store.write(MediaFile::Poster, &poster::jpeg(picture)?),
            None => Ok(()),
        }
    }
}

/// How far the film is made.
enum Shown {
    Until(u64),
    Nothing,
    /// A rung has failed; what ends it tells why.
    Failed,
}

impl Makers {
    fn picture(&mut self, packet: &Packet) -> Result<Shown, Fault> {
        if let Some(copied) = &mut self.copied {
            copied.push(packet)?;
        }
        let Some(decoded) = &mut self.decoded else {
            return Ok(Shown::Nothing);
        };
        Ok(decoded.push(packet)?.map_or(Shown::Failed, Shown::Until))
    }

    fn sound(&mut self, packet: &Packet) -> Result<Shown, Fault> {
        let alone = self.decoded.is_none();
        let stream = packet.stream();
        let Some((_, sound)) = self.sounds.iter_mut().find(|(of, _)| *of == stream) else {
            return Ok(Shown::Nothing);
        };
        let until = sound.push(packet)?;
        Ok(if alone {
            Shown::Until(until)
        } else {
            Shown::Nothing
        })
    }

    fn finish(self, store: &Store) -> Result<(Vec<Finished>, Vec<Finished>), Fault> {
        let encoded = self.decoded.map(|decoded| decoded.finish(store));
        let encoded = encoded.transpose()?.unwrap_or_default();
        let copied = self.copied.map(Copied::finish).transpose()?;
        let sounds = self.sounds.into_iter().map(|(_, sound)| sound.finish());
        let sounds = sounds.collect::<Result<_, _>>()?;
        Ok((copied.into_iter().chain(encoded).collect(), sounds))
    }
}

/// The media playlists, then the multivariant playlist that makes the title visible.
fn write_playlists(
    plan: &Plan,
    pictures: &[Finished],
    sounds: &[Finished],
    store: &Store,
) -> Result<(), Fault> {
    for track in pictures.iter().chain(sounds) {
        let text = track.playlist.to_string();
        store.write(MediaFile::Playlist(track.name), text.as_bytes())?;
    }
    let mut master = master(plan, pictures, sounds);
    start_with_the_middle(&mut master.variants);
    store.sync()?;
    store.write(MediaFile::Master, master.to_string().as_bytes())?;
    store.sync()
}

fn master(plan: &Plan, pictures: &[Finished], sounds: &[Finished]) -> Multivariant {
    let (numerator, denominator) = plan.frame_rate();
    let pictures = plan.rungs.iter().zip(pictures);
    let variants = pictures.map(|(rung, track)| Variant {
        track: track.name,
        resolution: Some((rung.width, rung.height)),
        frame_rate: Some(FrameRate {
            numerator,
            denominator,
        }),
        codec: track.codec.clone(),
        bitrate: track.bitrate,
    });
    let alone = sounds.first().filter(|_| plan.picture.is_none());
    let alone = alone.map(|track| Variant {
        track: track.name,
        resolution: None,
        frame_rate: None,
        codec: track.codec.clone(),
        bitrate: track.bitrate,
    });
    let audio = plan.sounds.iter().zip(sounds).enumerate();
    let audio = audio.map(|(index, (sound, track))| AudioRendition {
        track: track.name,
        name: sound.label.clone(),
        language: sound.language.clone(),
        channels: sound.channels,
        codec: track.codec.clone(),
        bitrate: track.bitrate,
        default: index == 0,
    });
    let captions = plan.captions.iter().filter_map(|words| {
        Some(CaptionRendition {
            track: words.name.parse().ok()?,
            name: words.label.clone(),
            language: words.language.clone(),
            forced: words.forced,
        })
    });
    Multivariant {
        captions: captions.collect(),
        variants: variants.chain(alone).collect(),
        // A single sound track without a picture is the variant itself.
        audio: audio
            .filter(|_| plan.picture.is_some() || sounds.len() > 1)
            .collect(),
    }
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
