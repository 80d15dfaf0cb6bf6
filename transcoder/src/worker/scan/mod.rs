//! Looks through the whole file once, without decoding: every time stamp, size and keyframe.
//!
//! One pass over the packets costs about a hundredth of the film's length and makes the plan
//! exact: durations that containers promise are often wrong.

mod audio;
mod video;

use ffmpeg::format::context::Input;
use ffmpeg::format::stream::{Disposition, Stream};
use ffmpeg::media;
use ffmpeg_next as ffmpeg;

use super::Report;
use super::input::Packets;
use crate::fault::Fault;
use crate::plan::clock::Clock;
use crate::plan::facts::{Facts, Zero};
use audio::AudioScan;
use video::VideoScan;

/// More languages than any film has.
const MOST_SOUNDS: usize = 12;

/// Finds the tracks to use, then reads every packet.
pub(super) fn scan(input: &mut Input, report: &mut Report) -> Result<Facts, Fault> {
    let mut video = match picture(input) {
        Some(stream) => Some(VideoScan::new(&stream)?),
        None => None,
    };
    let mut sounds = sounds(input);
    let promised = video.as_ref().map(|video| Promise::of(input, video));
    let mut packets = Packets::default();
    while let Some(packet) = packets.next(input)? {
        let stream = packet.stream();
        if let Some(video) = video.as_mut().filter(|video| video.stream() == stream) {
            video.see(&packet)?;
        } else if let Some(sound) = sounds.iter_mut().find(|sound| sound.stream() == stream) {
            sound.see(&packet);
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
    Ok(Facts { video, audio, zero })
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
