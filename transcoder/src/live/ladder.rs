//! The smaller pictures of a broadcast while it runs: what the segmenter makes is handed to a worker,
//! what the worker makes is cut where the top is. Pure but for the worker, which is a trait.
//!
//! The top never waits for a rung. A worker that dies is replaced after a while, one that cannot keep
//! up by one with less to do; in between a rung is the top's own ([`rung`]). [`process`] is the real
//! worker.

mod process;
mod rung;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Debug;

use satreel_film::fmp4::{Sample, read};
use satreel_film::plan::ladder::{Size, encoded, max_rate, worth_below};
use satreel_film::rungs::{Feed, RungsOrder, Said, Wanted};
use satreel_hls::live::Event;
use satreel_hls::live::broadcast::RungHealth;
use satreel_hls::live::window::Window;
use satreel_hls::naming::{MediaFile, TrackName};

use super::gate::PictureFormat;
use super::segmenter::{Aired, Output, PICTURE_SCALE, Segmenter};
use super::sps;
pub(crate) use process::Workers;
use rung::{Around, Rung, Todo};

/// A rung so far behind the top is dropped at the next segment …
const SLOW: u64 = PICTURE_SCALE as u64 * 3 / 2;
/// … and nobody waits for one that is so far.
const LOST: u64 = PICTURE_SCALE as u64 * 4;
/// How long frames that were held back may take once their publisher is gone.
const LAST_WORDS_MS: u64 = 3_000;
const FIRST_WAIT_MS: u64 = 1_000;
const LONGEST_WAIT_MS: u64 = 60_000;
const TOO_SLOW: &str = "this machine is too slow for it";

/// Who makes rungs.
pub(crate) trait Makers: Debug + Send {
    fn start(&self, order: RungsOrder) -> Box<dyn Maker>;
}

/// One worker; dropping it ends it. Never waits.
pub(crate) trait Maker: Debug + Send {
    fn feed(&mut self, feed: &Feed);
    /// What it has said since.
    fn hear(&mut self) -> Vec<Heard>;
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    Said(Said),
    /// It is gone, and why.
    Ended(String),
}

/// A worker at work.
#[derive(Debug)]
struct Run {
    maker: Box<dyn Maker>,
    format: PictureFormat,
    /// The first segment that it was given, and the first that it was not.
    from: u32,
    until: Option<u32>,
    /// Which rungs, in its order.
    members: Vec<usize>,
    began_ms: u64,
    fed: usize,
    answered: Vec<usize>,
}

/// A rung in the multivariant playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) track: TrackName,
    pub(super) size: Size,
    pub(super) max_rate: u32,
}

#[derive(Debug)]
pub(crate) struct Ladder {
    makers: Box<dyn Makers>,
    sandbox: satreel_config::Sandbox,
    rungs: Vec<Rung>,
    run: Option<Run>,
    latest: u64,
    shown: BTreeMap<u32, Vec<u64>>,
    /// Of the file that was written last.
    samples: Option<(u64, Vec<Sample>)>,
    /// The same of all pieces of the top's open segment.
    pieces: Option<(u64, Vec<Sample>)>,
    frame_ticks: u64,
    /// When the next worker may begin, and how many have failed one after another.
    again_ms: u64,
    failed: u32,
    flushed_ms: Option<u64>,
}

/// The rungs' tracks of a picture of this size, largest first, of the short sides that are wanted.
pub(super) fn tracks(format: &PictureFormat, wanted: &[u32]) -> Vec<TrackName> {
    let shown = size_of(format);
    let sizes = encoded(shown, true, wanted).into_iter();
    let mut names: Vec<TrackName> = sizes
        .filter_map(|size| format!("v{}", size.short()).parse().ok())
        .collect();
    names.truncate(satreel_film::rungs::MOST);
    names
}

fn size_of(format: &PictureFormat) -> Size {
    Size {
        width: format.width,
        height: format.height,
    }
}

fn short_of(name: TrackName) -> u32 {
    let digits = name.as_str().trim_start_matches('v');
    digits.parse().unwrap_or(u32::MAX)
}

impl Ladder {
    pub(crate) fn new(makers: Box<dyn Makers>, sandbox: satreel_config::Sandbox) -> Self {
        Self {
            makers,
            sandbox,
            rungs: Vec::new(),
            run: None,
            latest: 0,
            shown: BTreeMap::new(),
            samples: None,
            pieces: None,
            frame_ticks: 0,
            again_ms: 0,
            failed: 0,
            flushed_ms: None,
        }
    }

    /// Of a broadcast that an earlier process began: the tracks that it has. `init`: the highest
    /// number of an init segment.
    pub(crate) fn resume(&mut self, window: &Window, init: u32) {
        let header = window.header();
        let tracks = header.map_or(&[][..], |header| &header.tracks[..]);
        self.begin(tracks, init + 1);
    }

    fn begin(&mut self, tracks: &[TrackName], init: u32) {
        let rungs = tracks.iter().skip(2);
        self.rungs = rungs
            .map(|name| Rung::new(*name, short_of(*name), init))
            .collect();
    }

    /// Takes in what the segmenter has made, and adds what follows of it for the rungs.
    pub(crate) fn follow(
        &mut self,
        segmenter: &mut Segmenter,
        outputs: &mut Vec<Output>,
        now_ms: u64,
    ) {
        let made = std::mem::take(outputs);
        for output in made {
            if let Output::Event(Event::Begin(header)) = &output {
                self.begin(&header.tracks, 0);
            }
            if self.rungs.is_empty() {
                outputs.push(output);
                continue;
            }
            match output {
                Output::Picture(shown) => self.see(shown, segmenter, outputs, now_ms),
                output => {
                    self.owe(&output);
                    outputs.push(output);
                }
            }
        }
        self.tend(segmenter, outputs, now_ms);
    }

    /// Takes in what the worker has made since.
    pub(crate) fn tend(&mut self, segmenter: &mut Segmenter, out: &mut Vec<Output>, now_ms: u64) {
        self.hear(now_ms);
        self.advance(segmenter, out, now_ms);
        let is_lost = self.run.as_ref().is_some_and(|run| {
            let mut members = run.members.iter();
            members.any(|rung| self.rungs[*rung].lag(self.latest) > LOST)
        });
        if is_lost {
            self.drop_largest();
            self.lose(TOO_SLOW, now_ms);
        }
        let is_mute = self
            .flushed_ms
            .is_some_and(|at| now_ms >= at + LAST_WORDS_MS);
        if is_mute && self.run.is_some() && self.rungs.iter().any(|rung| rung.waits_for().is_some())
        {
            self.lose("it does not answer", now_ms);
        }
        self.advance(segmenter, out, now_ms);
    }

    /// The publisher is gone: what comes next does not follow.
    pub(crate) fn leave(&mut self, now_ms: u64) {
        if let Some(run) = &mut self.run {
            run.maker.feed(&Feed::Flush);
            self.flushed_ms = Some(now_ms);
        }
    }

    /// Nothing follows: what is missing stays so.
    pub(crate) fn end(&mut self, segmenter: &mut Segmenter, out: &mut Vec<Output>, now_ms: u64) {
        self.hear(now_ms);
        self.run = None;
        self.advance(segmenter, out, now_ms);
    }

    pub(super) fn listed(&self) -> Vec<Listed> {
        let frames = self.frames_a_second();
        let listed = |rung: &Rung| {
            let size = rung.size.filter(|_| rung.dropped.is_none())?;
            Some(Listed {
                track: rung.name,
                size,
                max_rate: max_rate(size, frames),
            })
        };
        self.rungs.iter().filter_map(listed).collect()
    }

    pub(crate) fn health(&self) -> Vec<RungHealth> {
        let health = |rung: &Rung| RungHealth {
            track: rung.name.to_string(),
            made: rung.is_own(),
            dropped: rung.dropped.map(str::to_owned),
        };
        self.rungs.iter().map(health).collect()
    }

    #[allow(clippy::cast_precision_loss, reason = "a frame has few ticks")]
    fn frames_a_second(&self) -> f64 {
        f64::from(PICTURE_SCALE) / self.frame_ticks.max(1) as f64
    }

    fn see(&mut self, shown: Aired, segmenter: &mut Segmenter, out: &mut Vec<Output>, now_ms: u64) {
        self.latest = shown.decoded;
        self.frame_ticks = shown.lasts;
        self.flushed_ms = None;
        if let Some(format) = &shown.format {
            self.hear(now_ms);
            self.advance(segmenter, out, now_ms);
            self.look(format, &shown, now_ms);
        }
        self.shown
            .entry(shown.segment)
            .or_default()
            .push(shown.shown);
        if let Some(run) = self.run.as_mut().filter(|run| run.until.is_none()) {
            run.fed += 1;
            run.maker.feed(&Feed::Frame {
                key: shown.key,
                cut: shown.format.is_some(),
                data: shown.data,
            });
        }
    }

    /// At the beginning of a segment: whether the worker goes on, or another one begins.
    fn look(&mut self, format: &PictureFormat, shown: &Aired, now_ms: u64) {
        for rung in &mut self.rungs {
            let fits = rung.short <= worth_below(size_of(format));
            rung.size = fits.then(|| size_of(format).scaled(rung.short));
        }
        let Some(run) = &mut self.run else {
            if shown.key && now_ms >= self.again_ms {
                self.start(format, shown, now_ms);
            }
            return;
        };
        if run.until.is_some() {
            return;
        }
        let mut members = run.members.iter();
        let is_slow = members.any(|rung| self.rungs[*rung].lag(self.latest) > SLOW);
        if run.format != *format || is_slow {
            run.until = Some(shown.segment);
            run.maker.feed(&Feed::Flush);
            if is_slow {
                self.drop_largest();
            }
        }
    }

    fn start(&mut self, format: &PictureFormat, shown: &Aired, now_ms: u64) {
        let frames = self.frames_a_second();
        let (mut members, mut wanted) = (Vec::new(), Vec::new());
        for (at, rung) in self.rungs.iter_mut().enumerate() {
            let Some(size) = rung.size.filter(|_| rung.dropped.is_none()) else {
                continue;
            };
            rung.begin();
            members.push(at);
            wanted.push(Wanted {
                width: size.width,
                height: size.height,
                max_rate: max_rate(size, frames),
            });
        }
        if members.is_empty() {
            return;
        }
        let milli = u64::from(PICTURE_SCALE) * 1000 / shown.lasts.max(1);
        let maker = self.makers.start(RungsOrder {
            record: format.record.clone(),
            frames_ks: u32::try_from(milli).unwrap_or(u32::MAX),
            rungs: wanted,
            supervisor: std::process::id(),
            sandbox: self.sandbox,
        });
        self.run = Some(Run {
            maker,
            format: format.clone(),
            from: shown.segment,
            until: None,
            answered: vec![0; members.len()],
            members,
            began_ms: now_ms,
            fed: 0,
        });
    }

    /// What the top has, all rungs are to have.
    fn owe(&mut self, output: &Output) {
        let is_top = |track: &TrackName| track.as_str() == "v";
        let todo = match output {
            Output::File(MediaFile::Segment(track, _), bytes) if is_top(track) => {
                let found = read::samples(bytes);
                self.samples = found.map(|(begins, samples, _)| (begins, samples));
                return;
            }
            Output::Grow(MediaFile::Segment(track, _), bytes) if is_top(track) => {
                if let Some((begins, samples, _)) = read::samples(bytes) {
                    let whole = self.pieces.get_or_insert((begins, Vec::new()));
                    whole.1.extend_from_slice(&samples);
                    self.samples = Some((begins, samples));
                }
                return;
            }
            Output::Whole(MediaFile::Segment(track, _), _) if is_top(track) => {
                self.samples = self.pieces.take();
                return;
            }
            Output::Event(Event::Part {
                track,
                segment,
                part,
                us,
                key,
                ..
            }) if is_top(track) => (*segment, Some(*part), *us, 0, *key),
            Output::Event(Event::Segment {
                track,
                segment,
                us,
                at_ms,
                key,
            }) if is_top(track) => (*segment, None, *us, *at_ms, *key),
            _ => return,
        };
        let (segment, part, us, at_ms, key) = todo;
        let Some((begins, samples)) = self.samples.take() else {
            return;
        };
        let lasts: Vec<u32> = samples.iter().map(|sample| sample.duration).collect();
        for rung in &mut self.rungs {
            rung.owes(Todo {
                segment,
                part,
                us,
                at_ms,
                key,
                begins,
                lasts: lasts.clone(),
            });
        }
    }

    fn hear(&mut self, now_ms: u64) {
        let Some(run) = &mut self.run else {
            return;
        };
        let mut lost = None;
        for heard in run.maker.hear() {
            let taken = match heard {
                Heard::Said(said) => run.take(said, &mut self.rungs),
                Heard::Ended(why) => Err(why),
            };
            if let Err(why) = taken {
                lost = Some(why);
                break;
            }
        }
        if let Some(why) = lost {
            self.lose(&why, now_ms);
        }
    }

    fn lose(&mut self, why: &str, now_ms: u64) {
        let Some(run) = self.run.take() else {
            return;
        };
        if now_ms.saturating_sub(run.began_ms) > LONGEST_WAIT_MS {
            self.failed = 0;
        }
        let wait_ms = (FIRST_WAIT_MS << self.failed.min(10)).min(LONGEST_WAIT_MS);
        self.failed += 1;
        self.again_ms = now_ms + wait_ms;
        tracing::warn!(why, wait_ms, "smaller pictures of a broadcast are not made");
    }

    fn drop_largest(&mut self) {
        let Some(largest) = self.run.as_ref().and_then(|run| run.members.first()) else {
            return;
        };
        let rung = &mut self.rungs[*largest];
        rung.dropped = Some(TOO_SLOW);
        tracing::warn!(rung = %rung.name, "a broadcast's rung is dropped: {TOO_SLOW}");
    }

    fn advance(&mut self, segmenter: &mut Segmenter, out: &mut Vec<Output>, now_ms: u64) {
        if self.write(segmenter, out).is_err() {
            self.lose(&rung::NoKeyframe.to_string(), now_ms);
            // Without a worker nothing is waited for.
            let _ = self.write(segmenter, out);
        }
        let waits = self.rungs.iter().filter_map(Rung::waits_for).min();
        let open = self.shown.last_key_value().map_or(0, |(last, _)| *last);
        let oldest = waits.unwrap_or(open).min(open);
        self.shown = self.shown.split_off(&oldest);
        let is_done = |run: &Run| {
            run.until
                .is_some_and(|until| waits.is_none_or(|waits| waits >= until))
        };
        self.run.take_if(|run| is_done(run));
    }

    fn write(
        &mut self,
        segmenter: &mut Segmenter,
        out: &mut Vec<Output>,
    ) -> Result<(), rung::NoKeyframe> {
        let Some(top) = segmenter.window().header().map(|header| header.tracks[0]) else {
            return Ok(());
        };
        for (at, rung) in self.rungs.iter_mut().enumerate() {
            let run = self.run.as_ref().filter(|run| run.members.contains(&at));
            let around = Around {
                top,
                latest: self.latest,
                shown: &self.shown,
                run: run.map(|run| (run.from, run.until)),
            };
            rung.advance(&around, segmenter, out)?;
        }
        Ok(())
    }
}

impl Run {
    /// SECURITY: from a worker that may have been taken over: what it says is counted, and has to be
    /// what it was asked for.
    fn take(&mut self, said: Said, rungs: &mut [Rung]) -> Result<(), String> {
        let known = |rung: u8| {
            let member = self.members.get(usize::from(rung));
            member.copied().ok_or("a rung that there is not".to_owned())
        };
        match said {
            Said::Format { rung, record } => {
                let rung = &mut rungs[known(rung)?];
                let fits = |(width, height)| rung.size == Some(Size { width, height });
                if !sps::size(&record).is_ok_and(fits) {
                    return Err("a rung of another size".to_owned());
                }
                rung.format(record);
            }
            Said::Packet { rung, key, data } => {
                let at = known(rung)?;
                let answered = &mut self.answered[usize::from(rung)];
                *answered += 1;
                if *answered > self.fed {
                    return Err("more pictures than it was given".to_owned());
                }
                rungs[at].packet(key, data);
            }
            Said::Failed(why) => return Err(why),
        }
        Ok(())
    }
}
