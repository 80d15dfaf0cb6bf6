//! A sound track that is decoded only to be listened to: measured or drawn, not made.

use ffmpeg::Packet;
use ffmpeg::filter::Graph;
use ffmpeg::format::context::Input;
use ffmpeg::{codec::decoder, frame};
use ffmpeg_next as ffmpeg;
use satreel_film::fault::Fault;
use satreel_film::plan::facts::Audio;

use super::{graph, scan, sound};

/// A track and the filters that bring it into the form in which it is heard.
pub(super) struct Listening {
    stream: usize,
    decoder: decoder::Audio,
    clock: u32,
    filters: String,
    /// Built for the first frame, whose form is not known before.
    graph: Option<Graph>,
}

impl Listening {
    pub(super) fn start(input: &Input, audio: &Audio, filters: String) -> Result<Self, Fault> {
        Ok(Self {
            stream: audio.stream,
            decoder: sound::open_decoder(&scan::stream(input, audio.stream)?)?,
            clock: audio.clock.timescale,
            filters,
            graph: None,
        })
    }

    /// Takes a packet if it is of this track; `hear` gets what becomes of it.
    pub(super) fn push(
        &mut self,
        packet: &Packet,
        hear: impl FnMut(&frame::Audio),
    ) -> Result<(), Fault> {
        if packet.stream() != self.stream {
            return Ok(());
        }
        // A packet that cannot be decoded is not heard either.
        let _ = self.decoder.send_packet(packet);
        self.decode()?;
        self.give(hear)
    }

    /// What was still under way.
    pub(super) fn finish(mut self, hear: impl FnMut(&frame::Audio)) -> Result<(), Fault> {
        if self.decoder.send_eof().is_ok() {
            self.decode()?;
        }
        if let Some(graph) = &mut self.graph {
            let mut input = graph.get("in").ok_or(Fault::damaged("no filter"))?;
            input.source().flush().map_err(Fault::damaged)?;
        }
        self.give(hear)
    }

    fn decode(&mut self) -> Result<(), Fault> {
        let mut frame = frame::Audio::empty();
        while self.decoder.receive_frame(&mut frame).is_ok() {
            let graph = match &mut self.graph {
                Some(graph) => graph,
                none => {
                    let source = sound::source(&frame, self.clock);
                    let ends = ["abuffer", "abuffersink"];
                    none.insert(graph::build(&source, &self.filters, ends)?)
                }
            };
            let mut input = graph.get("in").ok_or(Fault::damaged("no filter"))?;
            input.source().add(&frame).map_err(Fault::damaged)?;
        }
        Ok(())
    }

    fn give(&mut self, mut hear: impl FnMut(&frame::Audio)) -> Result<(), Fault> {
        let Some(graph) = &mut self.graph else {
            return Ok(());
        };
        let mut out = graph.get("out").ok_or(Fault::damaged("no filter"))?;
        let mut frame = frame::Audio::empty();
        while out.sink().frame(&mut frame).is_ok() {
            hear(&frame);
        }
        Ok(())
    }
}
