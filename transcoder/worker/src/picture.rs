//! The picture on its way into the title: copied for the top rung, decoded once for all others.

use ffmpeg::codec::decoder;
use ffmpeg::codec::threading;
use ffmpeg::format::stream::Stream;
use ffmpeg::{Dictionary, Error, Packet, frame, picture};
use ffmpeg_next as ffmpeg;
use satreel_film::fault::Fault;
use satreel_film::fmp4::Media;
use satreel_film::fmp4::h264::{self, Framing};
use satreel_film::plan::Rung;
use satreel_film::plan::clock::Clock;
use satreel_film::plan::facts::Video;

use super::board::Ready;
use super::graph::{Pictures, Target};
use super::poster::Poster;
use super::regular::Regular;
use super::rung::Cascade;
use super::storyboard::Storyboard;
use super::track::{Cut, Frame, From, Track};

/// Packets that cannot be decoded, of a hundred, before the film counts as damaged.
const MOST_BAD_PERCENT: usize = 5;
pub(super) const MOST_PIXELS: &str = "36000000";

/// The original's packets, cut at its own keyframes.
pub(super) struct Copied {
    track: Track,
    clock: Clock,
    framing: Framing,
    start: i64,
    end: i64,
    /// When each packet is decoded: the frames' times in order, all moved ahead by the delay.
    decoding: std::vec::IntoIter<i64>,
    delay: i64,
}

impl Copied {
    /// None when the top rung is encoded.
    pub(super) fn start(extra: &[u8], video: &Video, cut: &Cut) -> Result<Option<Self>, Fault> {
        let Some(rung) = cut.plan.copied() else {
            return Ok(None);
        };
        let (avcc, framing) = h264::configuration(extra)
            .ok_or_else(|| Fault::damaged("its parameter sets cannot be read"))?;
        let media = Media::H264 {
            width: rung.width,
            height: rung.height,
            avcc,
        };
        let clock = video.clock;
        Ok(Some(Self {
            track: Track::begin(&rung.name, media, clock, cut, From::Start)?,
            clock,
            framing,
            start: video.start,
            end: video.end,
            decoding: video.frames.clone().into_iter(),
            delay: video.h264.as_ref().map_or(0, |h264| h264.delay),
        }))
    }

    pub(super) fn push(&mut self, packet: &Packet) -> Result<(), Fault> {
        let (Some(shown), Some(decoded)) = (packet.pts(), self.decoding.next()) else {
            return Err(Fault::damaged("a frame without a time"));
        };
        let data = h264::to_lengths(packet.data().unwrap_or_default(), self.framing);
        self.track.push(Frame {
            data: &data,
            shown: self.clock.ticks(shown) - self.start,
            decoded: decoded - self.delay,
            duration: self.clock.ticks(packet.duration()),
            key: packet.is_key(),
        })
    }

    pub(super) fn finish(self) -> Result<Ready, Fault> {
        self.track.finish(self.end)
    }
}

/// One decoder for all encoded rungs and the poster.
pub(super) struct Decoded {
    decoder: decoder::Video,
    clock: Clock,
    start: i64,
    pictures: Pictures,
    poster: Poster,
    storyboard: Storyboard,
    /// Set when frames are to come at a steady rate.
    regular: Option<Regular>,
    cascade: Cascade,
    /// The keyframe that decoding begins with; the least number once it has come.
    skip_to: i64,
    /// No picture from here on is handed on.
    until: i64,
    keyframes: std::iter::Peekable<std::vec::IntoIter<i64>>,
    /// When each frame is shown, if the container only counts them.
    counted: Option<std::vec::IntoIter<i64>>,
    last_shown: i64,
    packets: usize,
    bad: usize,
}

impl Decoded {
    pub(super) fn start(
        stream: &Stream<'_>,
        video: &Video,
        rungs: &[Rung],
        cut: &Cut,
    ) -> Result<Self, Fault> {
        let (plan, clock) = (&cut.plan, video.clock);
        let shown = plan.picture.as_ref().ok_or(Fault::NoTrack)?;
        let top = rungs.first();
        let target = Target {
            width: top.map_or(shown.width, |rung| rung.width),
            height: top.map_or(shown.height, |rung| rung.height),
            format: "yuv420p",
            rotation: video.rotation,
            interlaced: video.interlaced,
        };
        let out = plan.grid.map_or(clock, |grid| grid.clock);
        let cascade = Cascade::start(rungs, out, cut)?;
        let end_us = plan.duration_us;
        let storyboard = Storyboard::new(shown, &target, clock, end_us, &cut.store);
        let pictures = cascade.wants_from().map(|from| clock.convert(from, out));
        let small = storyboard.wants_from_us().map(|us| clock.of_us(us));
        // With everything there it would be decoded for nothing.
        let wanted = pictures.into_iter().chain(small).min();
        let skip_to = wanted.map_or(i64::MAX, |from| video.decode_from(from));
        Ok(Self {
            decoder: open_decoder(stream)?,
            skip_to,
            until: i64::MAX,
            regular: plan.grid.map(|grid| Regular::new(clock, grid)),
            clock,
            start: video.start,
            poster: Poster::new(shown, &target, clock, video.end, &cut.store),
            storyboard,
            pictures: Pictures::new(target, clock),
            cascade,
            keyframes: plan.keyframes(out).into_iter().peekable(),
            counted: video.counted.then(|| video.frames.clone().into_iter()),
            last_shown: -1,
            packets: 0,
            bad: 0,
        })
    }

    /// No picture from this time on is wanted.
    pub(super) fn only_until(&mut self, end_us: u64) {
        self.until = self
            .regular
            .as_ref()
            .map_or(self.clock, Regular::clock)
            .of_us(end_us);
    }

    /// Gives how far the film is decoded, in microseconds. None: a rung has failed.
    pub(super) fn push(&mut self, packet: &Packet) -> Result<Option<u64>, Fault> {
        if let Some(shown) = self.is_before(packet) {
            return Ok(Some(self.clock.us(shown)));
        }
        self.packets += 1;
        if self.decoder.send_packet(packet).is_err() {
            self.bad += 1;
            if self.bad > 10 + self.packets * MOST_BAD_PERCENT / 100 {
                return Err(Fault::damaged("its pictures cannot be decoded"));
            }
        }
        let goes_on = self.decode()?;
        Ok(goes_on.then(|| self.clock.us(self.last_shown)))
    }

    /// Of packets that only pictures need which are there already: when they are shown.
    fn is_before(&mut self, packet: &Packet) -> Option<i64> {
        if self.skip_to == i64::MIN || self.counted.is_some() {
            return None;
        }
        let shown = packet.pts().or(packet.dts());
        let shown = shown.map_or(0, |stamp| self.clock.ticks(stamp) - self.start);
        if packet.is_key() && shown >= self.skip_to {
            self.skip_to = i64::MIN;
            return None;
        }
        Some(shown)
    }

    fn decode(&mut self) -> Result<bool, Fault> {
        let mut frame = frame::Video::empty();
        while self.decoder.receive_frame(&mut frame).is_ok() {
            let stamp = if let Some(times) = &mut self.counted {
                times.next()
            } else {
                let stamp = frame.timestamp().map(|stamp| self.clock.ticks(stamp));
                stamp.map(|stamp| stamp - self.start)
            };
            let Some(shown) = stamp else {
                continue;
            };
            // Time runs forward: frames of a damaged stretch that do not are left out.
            if shown <= self.last_shown {
                continue;
            }
            self.last_shown = shown;
            frame.set_pts(Some(shown));
            // The beginning alone is to be there soon: more than its first frame can wait.
            let whole = self.until == i64::MAX;
            if whole || self.poster.is_blank() {
                self.poster.see(&frame, shown)?;
            }
            if whole {
                self.storyboard.see(&frame, shown)?;
            }
            let ready = self.pictures.push(&frame)?;
            if !self.pace(ready)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Sets the pictures to the steady rate, if there is to be one.
    fn pace(&mut self, ready: Vec<frame::Video>) -> Result<bool, Fault> {
        for picture in ready {
            let goes_on = match &mut self.regular {
                None => self.hand_on(picture),
                Some(regular) => {
                    regular.offer(picture);
                    self.hand_on_due()?
                }
            };
            if !goes_on {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn hand_on_due(&mut self) -> Result<bool, Fault> {
        while let Some(regular) = &mut self.regular
            && let Some(picture) = regular.due()?
        {
            if !self.hand_on(picture) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn hand_on(&mut self, mut picture: frame::Video) -> bool {
        let due = picture.pts().unwrap_or(0);
        if due >= self.until {
            return true;
        }
        let mut key = false;
        while self.keyframes.next_if(|at| *at <= due).is_some() {
            key = true;
        }
        picture.set_kind(if key {
            picture::Type::I
        } else {
            picture::Type::None
        });
        self.cascade.push(picture)
    }

    pub(super) fn finish(mut self) -> Result<Vec<Ready>, Fault> {
        self.flush()?;
        let finished = self.cascade.finish()?;
        self.poster.finish()?;
        self.storyboard.finish()?;
        Ok(finished)
    }

    /// Ends for now, at a boundary: what is decoded until there is written.
    pub(super) fn pause(mut self) -> Result<(), Fault> {
        self.flush()?;
        self.cascade.pause()
    }

    /// After a rung has failed, its own fault is the answer that the cascade's end gives.
    fn flush(&mut self) -> Result<(), Fault> {
        if self.decoder.send_eof().is_ok() && self.decode()? {
            let rest = self.pictures.flush()?;
            if self.pace(rest)? {
                if let Some(regular) = &mut self.regular {
                    regular.end();
                }
                self.hand_on_due()?;
            }
        }
        Ok(())
    }
}

pub(super) fn open_decoder(stream: &Stream<'_>) -> Result<decoder::Video, Fault> {
    let parameters = stream.parameters();
    let id = parameters.id();
    let unknown = || Fault::UnknownCodec {
        codec: id.name().to_owned(),
    };
    let codec = decoder::find(id).ok_or_else(unknown)?;
    let context = ffmpeg::codec::Context::from_parameters(parameters).map_err(Fault::damaged)?;
    let mut decoder = context.decoder();
    decoder.set_packet_time_base(stream.time_base());
    decoder.set_threading(threading::Config {
        kind: threading::Type::Frame,
        count: std::thread::available_parallelism().map_or(1, |cores| cores.get().min(8)),
        ..threading::Config::default()
    });
    let mut options = Dictionary::new();
    // SECURITY: a small file may declare pictures that fill all memory.
    options.set("max_pixels", MOST_PIXELS);
    decoder
        .open_as_with(codec, options)
        .and_then(decoder::Opened::video)
        .map_err(|error| match error {
            Error::DecoderNotFound => unknown(),
            error => Fault::damaged(error),
        })
}
