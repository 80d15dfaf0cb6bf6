//! One encoded rung: a thread that scales the larger rung's pictures, hands them on, encodes them.
//!
//! The cascade: each rung scales the picture of the one above it, so most of the work is done on
//! small pictures. The channels are short: a slow rung slows the decoder, memory stays flat.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use ffmpeg::codec::{Flags, encoder};
use ffmpeg::format::Pixel;
use ffmpeg::software::scaling;
use ffmpeg::{Dictionary, Error, Packet, Rational, frame};
use ffmpeg_next as ffmpeg;
use satreel_film::fault::Fault;
use satreel_film::fmp4::Media;
use satreel_film::fmp4::h264::{self, Framing};
use satreel_film::plan::clock::Clock;
use satreel_film::plan::{Plan, Rung};

use super::board::Ready;
use super::track::{Cut, Frame, From, Track};
use super::{again, peek};

/// A picture in ticks from the film's zero; its kind is I where all rungs get an IDR.
pub(super) type Picture = Arc<frame::Video>;

const QUEUE: usize = 6;

/// All encoded rungs, largest first.
pub(super) struct Cascade {
    /// None once closed.
    first: Option<SyncSender<Picture>>,
    threads: Vec<JoinHandle<Result<Encoder, Fault>>>,
    wants_from: Option<i64>,
    end: i64,
}

impl Cascade {
    pub(super) fn start(rungs: &[Rung], clock: Clock, cut: &Cut) -> Result<Self, Fault> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut wants_from: Option<i64> = None;
        let mut threads = Vec::new();
        let mut below = None;
        // From the smallest up, because each needs the way to the next smaller one.
        for (index, rung) in rungs.iter().enumerate().rev() {
            let (sender, receiver) = sync_channel(QUEUE);
            let share = if index == 0 { cores } else { 1 };
            let encoder = Encoder::open(rung, clock, cut, share)?;
            let own = encoder.track.wants_from();
            wants_from = wants_from.into_iter().chain(own).min();
            let work = Work {
                width: rung.width,
                height: rung.height,
                below: below.take(),
                needed_from: wants_from.unwrap_or(i64::MAX),
                encode_from: own.unwrap_or(i64::MAX),
                encoder,
            };
            threads.insert(0, spawn(&rung.name, work, receiver)?);
            below = Some(sender);
        }
        Ok(Self {
            first: below,
            threads,
            wants_from,
            end: clock.of_us(cut.plan.duration_us),
        })
    }

    /// When the first picture is shown that any rung wants, in ticks. None: none wants any.
    pub(super) fn wants_from(&self) -> Option<i64> {
        self.wants_from
    }

    /// False: a rung has failed, and [`Self::finish`] tells why.
    pub(super) fn push(&self, picture: frame::Video) -> bool {
        let picture = Arc::new(picture);
        self.first
            .as_ref()
            .is_none_or(|first| first.send(picture).is_ok())
    }

    /// Waits for all rungs. The first fault found is the answer.
    pub(super) fn finish(self) -> Result<Vec<Ready>, Fault> {
        let end = self.end;
        let encoders = self.join()?.into_iter();
        encoders.map(|encoder| encoder.track.finish(end)).collect()
    }

    /// Ends at a boundary for now.
    pub(super) fn pause(self) -> Result<(), Fault> {
        let mut encoders = self.join()?.into_iter();
        encoders.try_for_each(|encoder| encoder.track.pause())
    }

    fn join(mut self) -> Result<Vec<Encoder>, Fault> {
        self.first = None;
        let mut encoders = Vec::new();
        let mut fault = None;
        for thread in self.threads {
            match thread.join() {
                Ok(Ok(encoder)) => encoders.push(encoder),
                Ok(Err(found)) => fault = Some(fault.unwrap_or(found)),
                Err(_) => fault = Some(fault.unwrap_or(Fault::damaged("a rung's thread broke"))),
            }
        }
        fault.map_or(Ok(encoders), Err)
    }
}

/// What a rung's thread takes along. Its scaler is made there: it must not move between threads.
struct Work {
    width: u32,
    height: u32,
    below: Option<SyncSender<Picture>>,
    /// Earlier pictures are there already, in this rung and in all below it, or in this one.
    needed_from: i64,
    encode_from: i64,
    encoder: Encoder,
}

fn spawn(
    name: &str,
    mut work: Work,
    pictures: Receiver<Picture>,
) -> Result<JoinHandle<Result<Encoder, Fault>>, Fault> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            let mut scaler = None;
            for picture in pictures {
                let shown = picture.pts().unwrap_or(0);
                if shown < work.needed_from {
                    continue;
                }
                let picture = fit(&mut scaler, &picture, work.width, work.height)?;
                // A rung below that failed tells so itself.
                if let Some(below) = &work.below
                    && below.send(Arc::clone(&picture)).is_err()
                {
                    work.below = None;
                }
                if shown >= work.encode_from {
                    work.encoder.encode(&picture)?;
                }
            }
            // Ends the rungs below before this one's own last frames are encoded.
            drop(work.below);
            work.encoder.flush()?;
            Ok(work.encoder)
        })
        .map_err(|error| Fault::writing(&error))
}

/// The picture in this size: itself when it fits.
pub(super) fn fit(
    scaler: &mut Option<scaling::Context>,
    picture: &Picture,
    width: u32,
    height: u32,
) -> Result<Picture, Fault> {
    if (picture.width(), picture.height()) == (width, height) {
        return Ok(Arc::clone(picture));
    }
    let scaler = match scaler {
        Some(scaler) => scaler,
        none => none.insert(
            scaling::Context::get(
                picture.format(),
                picture.width(),
                picture.height(),
                Pixel::YUV420P,
                width,
                height,
                scaling::Flags::BICUBIC,
            )
            .map_err(Fault::damaged)?,
        ),
    };
    let mut smaller = frame::Video::empty();
    scaler.run(picture, &mut smaller).map_err(Fault::damaged)?;
    smaller.set_pts(picture.pts());
    smaller.set_kind(picture.kind());
    smaller.set_color_space(picture.color_space());
    smaller.set_color_range(picture.color_range());
    Ok(Arc::new(smaller))
}

/// x264 and the track that it fills.
struct Encoder {
    codec: encoder::video::Encoder,
    track: Track,
    usual: i64,
}

impl Encoder {
    fn open(rung: &Rung, clock: Clock, cut: &Cut, threads: usize) -> Result<Self, Fault> {
        let plan = &cut.plan;
        let codec = open_x264(rung, plan, clock, threads).map_err(Fault::damaged)?;
        let extra = peek::encoder_extra(&codec);
        let (avcc, _) =
            h264::configuration(&extra).ok_or(Fault::damaged("x264 gave no parameter sets"))?;
        let media = Media::H264 {
            width: rung.width,
            height: rung.height,
            avcc,
        };
        let track = Track::begin(&rung.name, media, clock, cut, From::Kept)?;
        let (numerator, denominator) = plan.frame_rate();
        let usual =
            i64::from(clock.timescale) * i64::from(denominator) / i64::from(numerator.max(1));
        Ok(Self {
            codec,
            track,
            usual,
        })
    }

    fn encode(&mut self, picture: &frame::Video) -> Result<(), Fault> {
        self.codec.send_frame(picture).map_err(Fault::damaged)?;
        self.drain()
    }

    fn drain(&mut self) -> Result<(), Fault> {
        let mut packet = Packet::empty();
        loop {
            match self.codec.receive_packet(&mut packet) {
                Ok(()) => self.take(&packet)?,
                Err(Error::Eof) => return Ok(()),
                Err(error) if again(error) => return Ok(()),
                Err(error) => return Err(Fault::damaged(error)),
            }
        }
    }

    fn take(&mut self, packet: &Packet) -> Result<(), Fault> {
        let (Some(shown), Some(decoded)) = (packet.pts(), packet.dts()) else {
            return Err(Fault::damaged("an encoded frame without a time"));
        };
        let data = h264::to_lengths(packet.data().unwrap_or_default(), Framing::StartCodes);
        self.track.push(Frame {
            data: &data,
            shown,
            decoded,
            duration: self.usual,
            key: packet.is_key(),
        })
    }

    fn flush(&mut self) -> Result<(), Fault> {
        self.codec.send_eof().map_err(Fault::damaged)?;
        self.drain()
    }
}

fn open_x264(
    rung: &Rung,
    plan: &Plan,
    clock: Clock,
    threads: usize,
) -> Result<encoder::video::Encoder, Error> {
    let codec = encoder::find_by_name("libx264").ok_or(Error::EncoderNotFound)?;
    let mut video = ffmpeg::codec::Context::new_with_codec(codec)
        .encoder()
        .video()?;
    video.set_width(rung.width);
    video.set_height(rung.height);
    video.set_format(Pixel::YUV420P);
    video.set_aspect_ratio(Rational(1, 1));
    video.set_time_base(Rational(
        1,
        i32::try_from(clock.timescale).unwrap_or(90_000),
    ));
    let (numerator, denominator) = plan.frame_rate();
    let rate = i32::try_from(numerator)
        .ok()
        .zip(i32::try_from(denominator).ok());
    video.set_frame_rate(rate.map(|(numerator, denominator)| Rational(numerator, denominator)));
    video.set_flags(Flags::GLOBAL_HEADER | Flags::CLOSED_GOP);
    let max_rate = rung.max_rate.unwrap_or(5_000_000);
    let mut options = Dictionary::new();
    options.set("preset", plan.preset.name());
    options.set("profile", "high");
    options.set("crf", &plan.crf.to_string());
    options.set("maxrate", &max_rate.to_string());
    options.set("bufsize", &(u64::from(max_rate) * 3 / 2).to_string());
    if let Some(colours) = plan.colours {
        options.set("color_primaries", &colours.primaries.to_string());
        options.set("color_trc", &colours.transfer.to_string());
        options.set("colorspace", &colours.matrix.to_string());
        options.set("color_range", "tv");
    }
    options.set("forced-idr", "1");
    options.set("threads", &threads.to_string());
    // Keyframes only where the plan puts them, so that all rungs switch at the same times.
    options.set(
        "x264-params",
        "scenecut=0:open-gop=0:keyint=infinite:min-keyint=1",
    );
    video.open_as_with(codec, options)
}
