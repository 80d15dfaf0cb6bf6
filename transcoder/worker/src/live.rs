//! A broadcast's smaller pictures while it runs: frames in on the standard input, one decoder, a
//! cascade of encoders that hold nothing back, packets out on the standard output.
//!
//! Every rung answers every frame with one packet, in order, so whoever listens counts and needs no
//! time stamps. A frame that the decoder does not give is shown as the one before it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, Write as _};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use ffmpeg::codec::{Flags, Id, decoder, encoder, threading};
use ffmpeg::format::Pixel;
use ffmpeg::{Dictionary, Packet, Rational, frame, picture};
use ffmpeg_next as ffmpeg;
use satreel_film::fault::Fault;
use satreel_film::fmp4::h264::{self, Framing};
use satreel_film::rungs::{Feed, MOST, RungsOrder, Said, Wanted};

use super::peek;
use super::picture::MOST_PIXELS;
use super::rung::{Picture, fit};

/// Pictures between two threads.
const QUEUE: usize = 4;
const START_CODE: [u8; 4] = [0, 0, 0, 1];

pub(super) fn make(order: &RungsOrder, frames: File) -> Result<(), Fault> {
    let mut from = BufReader::with_capacity(256 << 10, frames);
    let mut decoded = Decoded::start(order)?;
    while let Some(feed) = Feed::read(&mut from).map_err(Fault::damaged)? {
        let goes_on = match feed {
            Feed::Frame { key, cut, data } => decoded.push(&data, key, cut)?,
            Feed::Flush => decoded.flush()?,
        };
        if !goes_on {
            break;
        }
    }
    decoded.finish()
}

pub(super) fn say(said: &Said) -> Result<(), Fault> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(&said.record()).and_then(|()| out.flush());
    written.map_err(|error| Fault::writing(&error))
}

/// A picture on its way to the rungs; the packet in its place begins a segment or not.
struct Shown {
    picture: Picture,
    place: i64,
    cut: bool,
}

/// The decoder, and which frame takes which place.
struct Decoded {
    decoder: decoder::Video,
    parameters: Vec<u8>,
    places: Places,
    last: Option<Picture>,
    first: Option<SyncSender<Shown>>,
    rungs: Vec<JoinHandle<Result<(), Fault>>>,
}

impl Decoded {
    fn start(order: &RungsOrder) -> Result<Self, Fault> {
        if order.rungs.is_empty() || order.rungs.len() > MOST || order.frames_ks == 0 {
            return Err(Fault::damaged("an order for no rungs"));
        }
        let parameters = parameters(&order.record)
            .ok_or_else(|| Fault::damaged("its parameter sets cannot be read"))?;
        let mut below = None;
        let mut rungs = Vec::new();
        for (number, wanted) in order.rungs.iter().enumerate().rev() {
            let number = u8::try_from(number).unwrap_or(u8::MAX);
            let (sender, pictures) = sync_channel(QUEUE);
            let rung = Rung {
                number,
                wanted: *wanted,
                frames_ks: order.frames_ks,
                below: below.replace(sender),
                encoder: None,
            };
            let thread = std::thread::Builder::new().name(format!("rung {number}"));
            let spawned = thread.spawn(move || rung.run(&pictures));
            rungs.push(spawned.map_err(|error| Fault::writing(&error))?);
        }
        Ok(Self {
            decoder: open_decoder()?,
            parameters,
            places: Places::default(),
            last: None,
            first: below,
            rungs,
        })
    }

    /// False: a rung has failed, and [`Self::finish`] tells why.
    fn push(&mut self, data: &[u8], key: bool, cut: bool) -> Result<bool, Fault> {
        let place = self.places.feed(key, cut);
        let mut bytes = if key {
            self.parameters.clone()
        } else {
            Vec::with_capacity(data.len())
        };
        bytes.extend(with_start_codes(data));
        let mut packet = Packet::copy(&bytes);
        packet.set_pts(Some(place));
        packet.set_dts(Some(place));
        // One that cannot be decoded is made up for like one that is missing.
        let _ = self.decoder.send_packet(&packet);
        self.drain()
    }

    fn flush(&mut self) -> Result<bool, Fault> {
        let ended = self.decoder.send_eof().is_ok();
        let goes_on = !ended || self.drain()?;
        self.decoder.flush();
        let missing = self.places.rest();
        Ok(goes_on && self.repeat(missing)?)
    }

    fn drain(&mut self) -> Result<bool, Fault> {
        let mut frame = frame::Video::empty();
        while self.decoder.receive_frame(&mut frame).is_ok() {
            // Its place, not a time: what libav guesses from times is of no use.
            let (missing, fits) = self.places.see(frame.pts());
            if !self.repeat(missing)? {
                return Ok(false);
            }
            if fits {
                let shown = std::mem::replace(&mut frame, frame::Video::empty());
                let shown = Arc::new(shown);
                self.last = Some(Arc::clone(&shown));
                if !self.hand_on(shown) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn repeat(&mut self, times: usize) -> Result<bool, Fault> {
        for _ in 0..times {
            let last = self.last.clone();
            let last = last.ok_or_else(|| Fault::damaged("its pictures cannot be decoded"))?;
            if !self.hand_on(last) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn hand_on(&mut self, picture: Picture) -> bool {
        let (place, cut) = self.places.take();
        let shown = Shown {
            picture,
            place,
            cut,
        };
        let first = self.first.as_ref();
        first.is_some_and(|first| first.send(shown).is_ok())
    }

    fn finish(mut self) -> Result<(), Fault> {
        self.first = None;
        let ended = self.rungs.into_iter().map(|rung| {
            let broken = || Fault::damaged("a rung's thread broke");
            rung.join().unwrap_or_else(|_| Err(broken()))
        });
        // All of them, whatever one says.
        ended.collect::<Vec<_>>().into_iter().collect()
    }
}

/// Frames go in in one order and come out in another, fewer or more: places are given out so that
/// every frame that went in has one, and a keyframe its own.
#[derive(Debug, Default)]
struct Places {
    fed: i64,
    next: i64,
    keys: VecDeque<i64>,
    cuts: VecDeque<i64>,
}

impl Places {
    fn feed(&mut self, key: bool, cut: bool) -> i64 {
        let place = self.fed;
        self.fed += 1;
        if key {
            self.keys.push_back(place);
        }
        if cut {
            self.cuts.push_back(place);
        }
        place
    }

    /// Of a frame that came out: how many are missing before it, and whether it has a place.
    fn see(&mut self, fed_as: Option<i64>) -> (usize, bool) {
        let mut missing = 0;
        if let Some(place) = fed_as.filter(|place| self.keys.contains(place)) {
            missing = usize::try_from(place - self.next).unwrap_or(0);
            while self.keys.front().is_some_and(|key| *key <= place) {
                self.keys.pop_front();
            }
        }
        let next = self.next + i64::try_from(missing).unwrap_or(0);
        let end = self.keys.front().copied().unwrap_or(self.fed);
        (missing, next < end)
    }

    fn take(&mut self) -> (i64, bool) {
        let place = self.next;
        self.next += 1;
        (place, self.cuts.pop_front_if(|cut| *cut <= place).is_some())
    }

    fn rest(&mut self) -> usize {
        self.keys.clear();
        usize::try_from(self.fed - self.next).unwrap_or(0)
    }
}

/// One rung's thread.
struct Rung {
    number: u8,
    wanted: Wanted,
    frames_ks: u32,
    below: Option<SyncSender<Shown>>,
    encoder: Option<encoder::video::Encoder>,
}

impl Rung {
    fn run(mut self, pictures: &Receiver<Shown>) -> Result<(), Fault> {
        let mut scaler = None;
        for shown in pictures {
            let (width, height) = (self.wanted.width, self.wanted.height);
            let picture = fit(&mut scaler, &shown.picture, width, height)?;
            let place = shown.place;
            if let Some(below) = &self.below {
                let smaller = Shown {
                    picture: Arc::clone(&picture),
                    ..shown
                };
                // One below that failed tells so itself.
                if below.send(smaller).is_err() {
                    self.below = None;
                }
            }
            self.encode(&picture, place, shown.cut)?;
        }
        Ok(())
    }

    fn encode(&mut self, picture: &frame::Video, place: i64, cut: bool) -> Result<(), Fault> {
        // The picture is shared with the rung below: its data stays where it is.
        let mut own = picture.clone();
        own.set_pts(Some(place));
        own.set_kind(if cut || self.encoder.is_none() {
            picture::Type::I
        } else {
            picture::Type::None
        });
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            none => {
                let encoder = open_x264(&self.wanted, self.frames_ks, picture)?;
                let extra = peek::encoder_extra(&encoder);
                let (record, _) = h264::configuration(&extra)
                    .ok_or_else(|| Fault::damaged("x264 gave no parameter sets"))?;
                let rung = self.number;
                say(&Said::Format { rung, record })?;
                none.insert(encoder)
            }
        };
        encoder.send_frame(&own).map_err(Fault::damaged)?;
        let mut packet = Packet::empty();
        // It holds nothing back.
        encoder
            .receive_packet(&mut packet)
            .map_err(Fault::damaged)?;
        let data = packet.data().unwrap_or_default();
        say(&Said::Packet {
            rung: self.number,
            key: packet.is_key(),
            data: h264::to_lengths(data, Framing::StartCodes),
        })
    }
}

fn open_decoder() -> Result<decoder::Video, Fault> {
    let codec = decoder::find(Id::H264).ok_or_else(|| Fault::UnknownCodec {
        codec: "h264".to_owned(),
    })?;
    let mut decoder = ffmpeg::codec::Context::new_with_codec(codec).decoder();
    // Threads by frames would hold frames back.
    decoder.set_threading(threading::Config {
        kind: threading::Type::Slice,
        count: 2,
        ..threading::Config::default()
    });
    let mut options = Dictionary::new();
    // SECURITY: a small packet may declare pictures that fill all memory.
    options.set("max_pixels", MOST_PIXELS);
    let opened = decoder.open_as_with(codec, options);
    opened
        .and_then(decoder::Opened::video)
        .map_err(Fault::damaged)
}

fn open_x264(
    wanted: &Wanted,
    frames_ks: u32,
    first: &frame::Video,
) -> Result<encoder::video::Encoder, Fault> {
    let codec = encoder::find_by_name("libx264").ok_or_else(|| Fault::UnknownCodec {
        codec: "libx264".to_owned(),
    })?;
    let context = ffmpeg::codec::Context::new_with_codec(codec);
    let mut video = context.encoder().video().map_err(Fault::damaged)?;
    video.set_width(wanted.width);
    video.set_height(wanted.height);
    video.set_format(Pixel::YUV420P);
    video.set_aspect_ratio(Rational(1, 1));
    let rate = Rational(i32::try_from(frames_ks).unwrap_or(30_000), 1000);
    video.set_time_base(rate.invert());
    video.set_frame_rate(Some(rate));
    video.set_flags(Flags::GLOBAL_HEADER | Flags::CLOSED_GOP);
    let mut options = Dictionary::new();
    options.set("preset", "veryfast");
    // No frame waits for another one.
    options.set("tune", "zerolatency");
    options.set("profile", "high");
    options.set("crf", "23");
    options.set("maxrate", &wanted.max_rate.to_string());
    options.set("bufsize", &wanted.max_rate.to_string());
    let primaries: ffmpeg::ffi::AVColorPrimaries = first.color_primaries().into();
    let transfer: ffmpeg::ffi::AVColorTransferCharacteristic =
        first.color_transfer_characteristic().into();
    let matrix: ffmpeg::ffi::AVColorSpace = first.color_space().into();
    options.set("color_primaries", &(primaries as i32).to_string());
    options.set("color_trc", &(transfer as i32).to_string());
    options.set("colorspace", &(matrix as i32).to_string());
    options.set("color_range", "tv");
    options.set("forced-idr", "1");
    options.set("threads", "1");
    // Keyframes only where the broadcast is cut, so that viewers switch between rungs there.
    options.set(
        "x264-params",
        "scenecut=0:open-gop=0:keyint=infinite:min-keyint=1",
    );
    video.open_as_with(codec, options).map_err(Fault::damaged)
}

/// The parameter sets of a record, with start codes.
fn parameters(record: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = record.get(5..)?;
    for mask in [0x1F, 0xFF] {
        let (count, units) = rest.split_first()?;
        rest = units;
        for _ in 0..count & mask {
            let (length, after) = rest.split_first_chunk::<2>()?;
            let (unit, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            out.extend(START_CODE);
            out.extend_from_slice(unit);
            rest = after;
        }
    }
    Some(out)
}

/// NAL units with start codes in the place of their lengths; what is cut off is left out.
fn with_start_codes(mut data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len());
    while let Some((length, rest)) = data.split_first_chunk::<4>() {
        let Some((unit, rest)) = rest.split_at_checked(u32::from_be_bytes(*length) as usize) else {
            break;
        };
        out.extend(START_CODE);
        out.extend_from_slice(unit);
        data = rest;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_has_a_place_and_keyframes_their_own() {
        let mut places = Places::default();
        for place in 0..8 {
            assert_eq!(places.feed(place % 4 == 0, place == 4), place);
        }
        let mut taken = Vec::new();
        // The first two of the second group never come out, one comes twice.
        for fed_as in [0, 2, 1, 3, 3, 4, 5] {
            let (missing, fits) = places.see(Some(fed_as));
            for _ in 0..missing {
                taken.push(places.take());
            }
            if fits {
                taken.push(places.take());
            }
        }
        let cut = |place| (place, place == 4);
        assert_eq!(taken, (0..6).map(cut).collect::<Vec<_>>());
        assert_eq!(places.rest(), 2);
    }

    #[test]
    fn a_keyframe_that_comes_early_waits_for_none() {
        let mut places = Places::default();
        for place in 0..4 {
            places.feed(place == 0 || place == 2, false);
        }
        assert_eq!(places.see(Some(0)), (0, true));
        places.take();
        // What was between is made up for.
        assert_eq!(places.see(Some(2)), (1, true));
    }

    #[test]
    fn units_change_their_clothes() {
        let record = [1, 0x64, 0, 0x1F, 0xFF, 0xE1, 0, 2, 0x67, 7, 1, 0, 1, 0x68];
        let sets = [0, 0, 0, 1, 0x67, 7, 0, 0, 0, 1, 0x68];
        assert_eq!(parameters(&record).expect("sets"), sets);
        assert_eq!(parameters(&record[..9]), None);
        let data = [0, 0, 0, 2, 0x65, 1, 0, 0, 0, 9, 1];
        assert_eq!(with_start_codes(&data), [0, 0, 0, 1, 0x65, 1]);
    }
}
