//! How loud a film's sound is (EBU R 128, integrated), measured as it will be heard: in stereo.
//!
//! A pass of its own before the plan, because one gain holds for the whole film: what is quiet in
//! a scene stays quiet.

use ffmpeg::filter::Graph;
use ffmpeg::format::context::Input;
use ffmpeg::{codec::decoder, frame};
use ffmpeg_next as ffmpeg;

use super::input::Packets;
use super::{Report, graph, scan, sound};
use crate::fault::Fault;
use crate::plan::facts::{Audio, Facts};

/// Nothing audible is measured below this.
const SILENCE_LUFS: f64 = -60.0;

/// Measures every sound track of the film.
pub(super) fn measure(
    input: &mut Input,
    facts: &mut Facts,
    report: &mut Report,
) -> Result<(), Fault> {
    let mut meters = Vec::new();
    for audio in &facts.audio {
        meters.push(Meter::start(&scan::stream(input, audio.stream)?, audio)?);
    }
    let mut packets = Packets::default();
    while let Some(packet) = packets.next(input)? {
        let stream = packet.stream();
        if let Some(meter) = meters.iter_mut().find(|meter| meter.stream == stream) {
            // A packet that cannot be decoded is not heard either.
            let _ = meter.decoder.send_packet(&packet);
            meter.listen()?;
        }
        report.looking();
    }
    for (meter, audio) in meters.into_iter().zip(&mut facts.audio) {
        audio.loudness = meter.finish()?;
    }
    Ok(())
}

struct Meter {
    stream: usize,
    decoder: decoder::Audio,
    clock: u32,
    graph: Option<Graph>,
    loudness: Option<f64>,
}

impl Meter {
    fn start(stream: &ffmpeg::format::stream::Stream<'_>, audio: &Audio) -> Result<Self, Fault> {
        Ok(Self {
            stream: audio.stream,
            decoder: sound::open_decoder(stream)?,
            clock: audio.clock.timescale,
            graph: None,
            loudness: None,
        })
    }

    fn listen(&mut self) -> Result<(), Fault> {
        let mut frame = frame::Audio::empty();
        while self.decoder.receive_frame(&mut frame).is_ok() {
            if self.graph.is_none() {
                let source = sound::source(&frame, self.clock);
                let chain = "aformat=sample_fmts=flt:sample_rates=48000:channel_layouts=stereo,\
                             ebur128=metadata=1";
                self.graph = Some(graph::build(&source, chain, ["abuffer", "abuffersink"])?);
            }
            if let Some(graph) = &mut self.graph {
                let mut input = graph.get("in").ok_or(Fault::damaged("no filter"))?;
                input.source().add(&frame).map_err(Fault::damaged)?;
            }
            self.read()?;
        }
        Ok(())
    }

    fn read(&mut self) -> Result<(), Fault> {
        let Some(graph) = &mut self.graph else {
            return Ok(());
        };
        let mut out = graph.get("out").ok_or(Fault::damaged("no filter"))?;
        let mut frame = frame::Audio::empty();
        while out.sink().frame(&mut frame).is_ok() {
            let told = frame.metadata().get("lavfi.r128.I").map(str::parse);
            self.loudness = told.and_then(Result::ok).or(self.loudness);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Option<f64>, Fault> {
        if self.decoder.send_eof().is_ok() {
            self.listen()?;
        }
        if let Some(graph) = &mut self.graph {
            let mut input = graph.get("in").ok_or(Fault::damaged("no filter"))?;
            input.source().flush().map_err(Fault::damaged)?;
        }
        self.read()?;
        Ok(self.loudness.filter(|lufs| *lufs > SILENCE_LUFS))
    }
}
