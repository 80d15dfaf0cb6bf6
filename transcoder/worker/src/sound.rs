//! The sound track: copied, or decoded, made stereo and regular, and encoded as AAC-LC.

use ffmpeg::codec::{Flags, decoder, encoder};
use ffmpeg::filter::Graph;
use ffmpeg::format::Sample as SampleFormat;
use ffmpeg::format::stream::Stream;
use ffmpeg::{ChannelLayout, Dictionary, Error, Packet, Rational, frame};
use ffmpeg_next as ffmpeg;
use satreel_film::adts;
use satreel_film::fault::Fault;
use satreel_film::fmp4::Media;
use satreel_film::plan::clock::Clock;
use satreel_film::plan::facts::{Audio, Zero};
use satreel_film::plan::{self, Action, Sound as Planned};

use super::board::Ready;
use super::graph;
use super::track::{Cut, Frame, From, Track};
use super::{again, peek};

const RATE: u32 = plan::SOUND_RATE;
const FRAME: u32 = plan::AAC_FRAME;
const BIT_RATE: usize = 128_000;
/// Nothing else is to be carried, and music is listened to.
const BIT_RATE_ALONE: usize = 192_000;
/// Packets that cannot be decoded, before the track counts as damaged.
const MOST_BAD_PACKETS: u32 = 200;

/// Where a sound comes from and how it is to be cut.
pub(super) struct Source<'a> {
    pub(super) audio: &'a Audio,
    pub(super) zero: Zero,
    pub(super) cut: &'a Cut,
}

/// The sound on its way into the title.
pub(super) enum Sound {
    Copied(Box<Copied>),
    Encoded(Box<Encoded>),
}

impl Sound {
    pub(super) fn start(
        stream: &Stream<'_>,
        source: &Source<'_>,
        sound: &Planned,
    ) -> Result<Self, Fault> {
        Ok(match sound.action {
            Action::Copy => Self::Copied(Box::new(Copied::start(stream, source, sound)?)),
            Action::Encode => Self::Encoded(Box::new(Encoded::start(stream, source, sound)?)),
        })
    }

    /// Gives how far it is made, in microseconds.
    pub(super) fn push(&mut self, packet: &Packet) -> Result<u64, Fault> {
        Ok(match self {
            Self::Copied(copied) => {
                copied.push(packet)?;
                copied.clock.us(copied.end)
            }
            Self::Encoded(encoded) => {
                encoded.push(packet)?;
                Clock::of_rate(RATE).us(encoded.end)
            }
        })
    }

    /// How many of its segments are there.
    pub(super) fn segments(&self) -> usize {
        match self {
            Self::Copied(copied) => copied.track.segments(),
            Self::Encoded(encoded) => encoded.track.segments(),
        }
    }

    pub(super) fn finish(self) -> Result<Ready, Fault> {
        match self {
            Self::Copied(copied) => copied.track.finish(copied.end),
            Self::Encoded(encoded) => encoded.finish(),
        }
    }
}

/// AAC-LC as it is. Packets that begin before the film does are left out, so nothing needs an edit
/// list: the first of them would only have primed the decoder.
pub(super) struct Copied {
    track: Track,
    source: Clock,
    clock: Clock,
    zero: i64,
    film_end: i64,
    end: i64,
    /// Each frame has a header, which MP4 has no use for.
    framed: bool,
}

impl Copied {
    fn start(stream: &Stream<'_>, source: &Source<'_>, sound: &Planned) -> Result<Self, Fault> {
        let Source { audio, zero, cut } = source;
        let clock = Clock::of_rate(audio.rate);
        let media = Media::Aac {
            rate: audio.rate,
            channels: audio.channels,
            config: audio.lc_config.clone().unwrap_or_default(),
        };
        Ok(Self {
            track: Track::begin(&sound.name, media, clock, cut, From::Start)?,
            source: audio.clock,
            clock,
            zero: zero.on(clock),
            film_end: clock.of_us(cut.plan.duration_us),
            end: 0,
            framed: peek::sound(&stream.parameters()).extra.is_empty(),
        })
    }

    fn push(&mut self, packet: &Packet) -> Result<(), Fault> {
        let Some(stamp) = packet.pts().or(packet.dts()) else {
            return Ok(());
        };
        let data = packet.data().unwrap_or_default();
        let data = if self.framed {
            let frame =
                adts::read(data).ok_or(Fault::damaged("a frame of sound without header"))?;
            frame.data
        } else {
            data
        };
        let stamp = self.source.ticks(stamp);
        let mut shown = self.clock.convert(stamp, self.source) - self.zero;
        // Containers that count in milliseconds: the next frame follows the last one exactly.
        if self.end > 0 && (shown - self.end).abs() < i64::from(FRAME) / 4 {
            shown = self.end;
        }
        if shown < 0 || shown >= self.film_end {
            return Ok(());
        }
        self.end = shown + i64::from(FRAME);
        self.track.push(Frame {
            data,
            shown,
            decoded: shown,
            duration: i64::from(FRAME),
            key: true,
        })
    }
}

/// Decoder → stereo at 48 kHz, holes filled with silence, exactly the film's length → encoder.
pub(super) struct Encoded {
    decoder: decoder::Audio,
    graph: Option<Graph>,
    encoder: encoder::audio::Encoder,
    track: Track,
    source: Clock,
    zero: i64,
    seconds: f64,
    gain: Option<i32>,
    bad: u32,
    end: i64,
}

impl Encoded {
    fn start(stream: &Stream<'_>, source: &Source<'_>, sound: &Planned) -> Result<Self, Fault> {
        let Source { audio, zero, cut } = source;
        let bit_rate = if cut.plan.picture.is_some() {
            BIT_RATE
        } else {
            BIT_RATE_ALONE
        };
        let encoder = open_aac(bit_rate).map_err(Fault::damaged)?;
        let clock = Clock::of_rate(RATE);
        let media = Media::Aac {
            rate: RATE,
            channels: 2,
            config: peek::encoder_extra(&encoder),
        };
        #[allow(clippy::cast_precision_loss, reason = "a day is far below 2^53 µs")]
        let seconds = cut.plan.duration_us as f64 / 1e6;
        Ok(Self {
            decoder: open_decoder(stream)?,
            graph: None,
            encoder,
            track: Track::begin(&sound.name, media, clock, cut, From::Start)?,
            source: audio.clock,
            zero: zero.on(audio.clock),
            seconds,
            gain: sound.gain,
            bad: 0,
            end: 0,
        })
    }

    fn push(&mut self, packet: &Packet) -> Result<(), Fault> {
        if let Err(error) = self.decoder.send_packet(packet) {
            self.bad += 1;
            if self.bad > MOST_BAD_PACKETS {
                return Err(Fault::damaged(format!("its sound: {error}")));
            }
        }
        self.decode()
    }

    fn decode(&mut self) -> Result<(), Fault> {
        let mut frame = frame::Audio::empty();
        while self.decoder.receive_frame(&mut frame).is_ok() {
            let Some(stamp) = frame.timestamp() else {
                continue;
            };
            frame.set_pts(Some(self.source.ticks(stamp) - self.zero));
            if self.graph.is_none() {
                self.graph = Some(self.build(&frame)?);
            }
            if let Some(graph) = &mut self.graph {
                let mut input = graph.get("in").ok_or(Fault::damaged("no filter"))?;
                input
                    .source()
                    .add(&frame)
                    .map_err(|error| Fault::damaged(format!("its sound: {error}")))?;
            }
            self.encode()?;
        }
        Ok(())
    }

    fn build(&self, frame: &frame::Audio) -> Result<Graph, Fault> {
        let source = source(frame, self.source.timescale);
        // `async` and `first_pts` fill what is missing and cut what is before the film's zero.
        let chain = format!(
            "aresample={RATE}:async=1:first_pts=0,\
             aformat=sample_fmts=fltp:sample_rates={RATE}:channel_layouts=stereo,{1}\
             apad=whole_dur={0:.6},atrim=end={0:.6}",
            self.seconds,
            gain(self.gain)
        );
        let mut graph = graph::build(&source, &chain, ["abuffer", "abuffersink"])?;
        let mut out = graph.get("out").ok_or(Fault::damaged("no filter"))?;
        out.sink().set_frame_size(FRAME);
        Ok(graph)
    }

    fn encode(&mut self) -> Result<(), Fault> {
        let Some(graph) = &mut self.graph else {
            return Ok(());
        };
        let mut out = graph.get("out").ok_or(Fault::damaged("no filter"))?;
        let mut frame = frame::Audio::empty();
        while out.sink().frame(&mut frame).is_ok() {
            self.encoder.send_frame(&frame).map_err(Fault::damaged)?;
            drain(&mut self.encoder, &mut self.track, &mut self.end)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Ready, Fault> {
        self.decoder.send_eof().map_err(Fault::damaged)?;
        self.decode()?;
        if let Some(graph) = &mut self.graph {
            let mut input = graph.get("in").ok_or(Fault::damaged("no filter"))?;
            input.source().flush().map_err(Fault::damaged)?;
        }
        self.encode()?;
        self.encoder.send_eof().map_err(Fault::damaged)?;
        drain(&mut self.encoder, &mut self.track, &mut self.end)?;
        self.track.finish(self.end)
    }
}

/// How a filter graph is told what a decoder gives.
pub(super) fn source(frame: &frame::Audio, timescale: u32) -> String {
    let layout = if frame.channel_layout().bits() == 0 {
        ChannelLayout::default(i32::from(frame.channels()))
    } else {
        frame.channel_layout()
    };
    format!(
        "time_base=1/{timescale}:sample_rate={}:sample_fmt={}:channel_layout=0x{:x}",
        frame.rate(),
        frame.format().name(),
        layout.bits()
    )
}

/// Filters that make the sound louder or softer by so many hundredths of a decibel and keep its
/// peaks below −1 dBFS.
fn gain(hundredths: Option<i32>) -> String {
    hundredths.map_or(String::new(), |gain| {
        let decibels = f64::from(gain) / 100.0;
        format!("volume={decibels:.2}dB,alimiter=limit=0.891:level=false:latency=true,aformat=sample_fmts=fltp,")
    })
}

/// The encoder's first packet only primes decoders: it lies before zero and is left out, so that
/// sound and picture begin together without an edit list.
fn drain(
    encoder: &mut encoder::audio::Encoder,
    track: &mut Track,
    end: &mut i64,
) -> Result<(), Fault> {
    let mut packet = Packet::empty();
    loop {
        match encoder.receive_packet(&mut packet) {
            Ok(()) => {}
            Err(Error::Eof) => return Ok(()),
            Err(error) if again(error) => return Ok(()),
            Err(error) => return Err(Fault::damaged(error)),
        }
        let shown = packet.pts().unwrap_or(0);
        if shown < 0 {
            continue;
        }
        *end = shown + i64::from(FRAME);
        track.push(Frame {
            data: packet.data().unwrap_or_default(),
            shown,
            decoded: shown,
            duration: i64::from(FRAME),
            key: true,
        })?;
    }
}

pub(super) fn open_decoder(stream: &Stream<'_>) -> Result<decoder::Audio, Fault> {
    let parameters = stream.parameters();
    let codec = parameters.id().name().to_owned();
    let context = ffmpeg::codec::Context::from_parameters(parameters).map_err(Fault::damaged)?;
    let mut decoder = context.decoder();
    decoder.set_packet_time_base(stream.time_base());
    decoder.audio().map_err(|error| match error {
        Error::DecoderNotFound => Fault::UnknownCodec { codec },
        error => Fault::damaged(error),
    })
}

fn open_aac(bit_rate: usize) -> Result<encoder::audio::Encoder, Error> {
    let codec = encoder::find_by_name("aac").ok_or(Error::EncoderNotFound)?;
    let mut audio = ffmpeg::codec::Context::new_with_codec(codec)
        .encoder()
        .audio()?;
    audio.set_rate(i32::try_from(RATE).unwrap_or_default());
    audio.set_format(SampleFormat::F32(ffmpeg::format::sample::Type::Planar));
    audio.set_channel_layout(ChannelLayout::STEREO);
    audio.set_bit_rate(bit_rate);
    audio.set_time_base(Rational(1, i32::try_from(RATE).unwrap_or(1)));
    audio.set_flags(Flags::GLOBAL_HEADER);
    audio.open_as_with(codec, Dictionary::new())
}
