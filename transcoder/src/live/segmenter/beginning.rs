//! How a broadcast begins, and begins anew behind a cut: what it is, and from which tick on.

use satreel_film::fmp4::{Media, init_segment};
use satreel_hls::live::{Event, Header, Mode};

use super::pace::Pace;
use super::{Anchor, Output, PICTURE_SCALE, Segmenter, TARGET_S};
use crate::live::aac::SoundFormat;
use crate::live::gate::{Frame, Passed};
use crate::live::ladder;

/// How long the beginning waits for the sound to say what it is.
const WAIT_FOR_SOUND_MS: i64 = 500;
/// How much of the beginning tells the frame rate.
const LOOK_AT_MS: i64 = 170;

impl Segmenter {
    /// The frame rate of the beginning, once it is known and the sound has said what it is.
    pub(super) fn look(&self) -> Option<Pace> {
        let cut = self.early.iter().rposition(|passed| *passed == Passed::Cut);
        let since = &self.early[cut.unwrap_or(0)..];
        let times: Vec<i64> = since
            .iter()
            .filter_map(|passed| match passed {
                Passed::Picture(frame) => Some(frame.decoded_ms),
                _ => None,
            })
            .collect();
        let lasts = times.last()? - times.first()?;
        let has_sound = self
            .early
            .iter()
            .any(|passed| matches!(passed, Passed::SoundFormat(_)));
        let known = has_sound || self.sound_format.is_some() || lasts >= WAIT_FOR_SOUND_MS;
        (known && times.len() > 2 && lasts >= LOOK_AT_MS).then(|| Pace::of(&times))
    }

    pub(super) fn begin(&mut self, pace: Pace, out: &mut Vec<Output>) {
        self.pace = pace;
        if self.window.header().is_some() {
            return;
        }
        let format = self.early.iter().rev().find_map(|passed| match passed {
            Passed::PictureFormat(format) => Some(format),
            _ => None,
        });
        let rungs = format.map(|format| ladder::tracks(format, &self.wishes.rungs));
        let own = [self.picture.name, self.sound.name];
        let header = Header {
            mode: self.wishes.mode,
            part_us: self.pace.part_us(self.wishes.part_ms()),
            target_s: TARGET_S,
            tracks: own.into_iter().chain(rungs.into_iter().flatten()).collect(),
            // With parts of a second, as much as players keep behind the edge is a whole segment.
            lead: self.wishes.mode == Mode::Fast,
        };
        self.event(Event::Begin(header), out);
    }

    /// A new beginning: what the tracks are in, and where on the broadcast's clock they go on.
    pub(super) fn anchor_at(&mut self, frame: &Frame, wall_ms: u64, out: &mut Vec<Output>) {
        let is_first = self.picture.number == 0;
        let sound_end = self.sound.end_in(PICTURE_SCALE);
        let tick = self.picture.end.max(sound_end);
        self.picture.end = tick;
        self.sounds_as = self
            .sound_format
            .clone()
            .unwrap_or_else(SoundFormat::silent);
        self.sound.restart(
            self.sounds_as.rate,
            tick * u64::from(self.sounds_as.rate) / u64::from(PICTURE_SCALE),
        );
        self.anchor = Some(Anchor {
            publisher_ms: frame.decoded_ms,
            tick,
            wall_ms,
        });
        self.began_ms = wall_ms;
        self.is_cut = false;
        self.is_heard = false;
        self.pace.restart();
        if !is_first {
            self.event(
                Event::Cut {
                    segment: self.picture.number,
                },
                out,
            );
        }
        let picture = self.picture_format.as_ref().map(|format| Media::H264 {
            width: format.width,
            height: format.height,
            avcc: format.record.clone(),
        });
        let sound = Media::Aac {
            rate: self.sounds_as.rate,
            channels: self.sounds_as.channels,
            config: self.sounds_as.config.clone(),
        };
        if let Some(picture) = picture {
            self.init(0, picture, out);
        }
        self.init(1, sound, out);
    }

    fn init(&mut self, at: usize, media: Media, out: &mut Vec<Output>) {
        let track = if at == 0 { &self.picture } else { &self.sound };
        let number = match &self.inits[at] {
            Some((_, before)) if *before == media => return,
            Some((number, _)) => number + 1,
            None => 0,
        };
        let (name, scale, segment) = (track.name, track.scale, track.number);
        let file = satreel_hls::live::window::init_file(name, number);
        out.push(Output::File(file, init_segment(&media, scale, 0)));
        self.inits[at] = Some((number, media));
        self.event(
            Event::Init {
                track: name,
                segment,
                init: number,
            },
            out,
        );
    }
}
