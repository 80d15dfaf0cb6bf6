//! Looks through the whole file once, without decoding: every time stamp, size and keyframe.
//!
//! One pass over the packets costs about a hundredth of the film's length and makes the plan
//! exact: durations that containers promise are often wrong.

mod audio;
mod video;
mod words;

use ffmpeg::format::context::Input;
use ffmpeg::format::stream::{Disposition, Stream};
use ffmpeg::media;
use ffmpeg_next as ffmpeg;

use satreel_film::fault::Fault;
use satreel_film::plan::clock::Clock;
use satreel_film::plan::facts::{Facts, Zero};
use satreel_hls::captions::{Cue, plain_text};

use super::Report;
use super::input::Packets;
use audio::AudioScan;
use video::VideoScan;
pub(super) use video::quarter_turns;
use words::WordScan;

/// More languages than any film has.
const MOST_SOUNDS: usize = 12;
const MOST_CAPTIONS: usize = 40;
const MICROSECONDS: Clock = Clock::of_rate(1_000_000);
const MOST_CHAPTERS: usize = 500;
const LONGEST_TITLE: usize = 60;

/// Finds the tracks to use, then reads every packet.
pub(super) fn scan(input: &mut Input, report: &mut Report) -> Result<Facts, Fault> {
    let mut video = match picture(input) {
        Some(stream) => Some(VideoScan::new(&stream)?),
        None => None,
    };
    let mut sounds = sounds(input);
    let words = input.streams().filter_map(|stream| WordScan::new(&stream));
    let mut words: Vec<WordScan> = words.take(MOST_CAPTIONS).collect();
    let promised = video.as_ref().map(|video| Promise::of(input, video));
    let mut packets = Packets::default();
    while let Some(packet) = packets.next(input)? {
        let stream = packet.stream();
        if let Some(video) = video.as_mut().filter(|video| video.stream() == stream) {
            video.see(&packet)?;
        } else if let Some(sound) = sounds.iter_mut().find(|sound| sound.stream() == stream) {
            sound.see(&packet);
        } else if let Some(words) = words.iter_mut().find(|words| words.stream() == stream) {
            words.see(&packet);
        }
        report.looking();
    }
    if let (Some(promised), Some(video)) = (promised, &video) {
        promised.check(video)?;
    }
    let video = video.map(VideoScan::finish).transpose()?;
    let sound_start = sounds.iter().find_map(AudioScan::start);
    let zero = match &video {
        Some(video) => Zero::new(video.start, video.clock),
        None => sound_start.map_or(Zero::new(0, Clock::of_rate(1)), |(start, clock)| {
            Zero::of_sound(start, clock)
        }),
    };
    let audio: Vec<_> = sounds
        .into_iter()
        .filter_map(|sound| sound.finish(zero))
        .collect();
    if video.is_none() && audio.is_empty() {
        return Err(Fault::NoTrack);
    }
    let words = words.into_iter();
    Ok(Facts {
        video,
        audio,
        captions: words.filter_map(|words| words.finish(zero)).collect(),
        chapters: chapters(input, zero),
        zero,
    })
}

/// The names of the film's parts.
fn chapters(input: &Input, zero: Zero) -> Vec<Cue> {
    let mut cues = Vec::new();
    for (number, chapter) in (1..).zip(input.chapters().take(MOST_CHAPTERS)) {
        let base = chapter.time_base();
        // Matroska counts nanoseconds here, finer than any track's clock.
        let us = |stamp: i64| {
            let us = i128::from(stamp) * i128::from(base.numerator()) * 1_000_000;
            let us = us / i128::from(base.denominator().max(1));
            u64::try_from(us - i128::from(zero.on(MICROSECONDS))).unwrap_or(0)
        };
        let name = chapter.metadata().get("title").map(plain_text);
        let name = name.filter(|name| !name.is_empty());
        let (start_us, end_us) = (us(chapter.start()), us(chapter.end()));
        if end_us > start_us {
            cues.push(Cue {
                start_us,
                end_us,
                text: name.unwrap_or_else(|| format!("{number}")),
            });
        }
    }
    cues.sort_by_key(|cue| cue.start_us);
    cues
}

/// A stranger's words, short and without control characters.
fn tidy(title: &str) -> Option<String> {
    let letters = title.chars().filter(|letter| !letter.is_control());
    let title: String = letters.take(LONGEST_TITLE).collect();
    let title = title.trim();
    // Writers of files put their own name there.
    let meaningless = title.is_empty() || title.ends_with("Handler");
    (!meaningless).then(|| title.to_owned())
}

pub(super) fn stream(input: &Input, index: usize) -> Result<Stream<'_>, Fault> {
    input.stream(index).ok_or(Fault::NoTrack)
}

fn picture(input: &Input) -> Option<Stream<'_>> {
    let is_film = |stream: &Stream<'_>| {
        stream.parameters().medium() == media::Type::Video
            && !stream.disposition().contains(Disposition::ATTACHED_PIC)
    };
    let best = input.streams().best(media::Type::Video).filter(is_film);
    best.or_else(|| input.streams().find(is_film))
}

/// The cover that music files carry.
pub(super) fn cover(input: &Input) -> Option<Stream<'_>> {
    input.streams().find(|stream| {
        stream.parameters().medium() == media::Type::Video
            && stream.disposition().contains(Disposition::ATTACHED_PIC)
    })
}

/// All sound tracks, the usual one first. One that nothing here can decode is left out, unless it
/// is the only one: then it is named.
fn sounds(input: &Input) -> Vec<AudioScan> {
    let is_sound = |stream: &Stream<'_>| stream.parameters().medium() == media::Type::Audio;
    let usual = input
        .streams()
        .find(|stream| is_sound(stream) && stream.disposition().contains(Disposition::DEFAULT))
        .or_else(|| input.streams().best(media::Type::Audio));
    let Some(usual) = usual else {
        return Vec::new();
    };
    let others = input
        .streams()
        .filter(|stream| is_sound(stream) && stream.index() != usual.index());
    let others = others.filter(|stream| audio::is_known(stream));
    let others: Vec<AudioScan> = others.filter_map(|s| AudioScan::new(&s)).collect();
    let usual = (audio::is_known(&usual) || others.is_empty()).then_some(usual);
    let usual = usual.and_then(|stream| AudioScan::new(&stream));
    usual.into_iter().chain(others).take(MOST_SOUNDS).collect()
}

/// What the header promises, to tell a file that was cut short.
struct Promise {
    frames: i64,
    indexed: bool,
}

impl Promise {
    fn of(input: &Input, video: &VideoScan) -> Self {
        let stream = input.stream(video.stream());
        Self {
            frames: stream.map_or(0, |stream| stream.frames()),
            indexed: input.format().name().starts_with("mov"),
        }
    }

    fn check(&self, video: &VideoScan) -> Result<(), Fault> {
        let found = i64::try_from(video.packets).unwrap_or(i64::MAX);
        if self.indexed && found < self.frames - 1 - self.frames / 200 {
            return Err(Fault::damaged(format!(
                "only {found} of {} frames are there",
                self.frames
            )));
        }
        Ok(())
    }
}
