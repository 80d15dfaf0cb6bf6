//! A filter graph from decoded frames to upright pictures of one size and format.

use ffmpeg::color::TransferCharacteristic;
use ffmpeg::filter::{self, Graph};
use ffmpeg::{Error, frame};
use ffmpeg_next as ffmpeg;

use satreel_film::fault::Fault;
use satreel_film::plan::clock::Clock;

/// What is to come out.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) format: &'static str,
    pub(super) rotation: u32,
    /// What the container says; a frame that says so counts as well.
    pub(super) interlaced: bool,
}

/// Built for the first frame, and again when a film changes its shape in between.
pub(super) struct Pictures {
    target: Target,
    clock: Clock,
    built: Option<(Shape, Graph)>,
}

/// What a graph is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shape {
    width: u32,
    height: u32,
    format: ffmpeg::format::Pixel,
    hdr: bool,
    interlaced: bool,
}

impl Pictures {
    pub(super) fn new(target: Target, clock: Clock) -> Self {
        Self {
            target,
            clock,
            built: None,
        }
    }

    /// Takes a decoded frame, its time stamp in ticks, and gives what is ready.
    pub(super) fn push(&mut self, frame: &frame::Video) -> Result<Vec<frame::Video>, Fault> {
        let shape = Shape {
            width: frame.width(),
            height: frame.height(),
            format: frame.format(),
            hdr: is_hdr(frame),
            interlaced: self.target.interlaced || frame.is_interlaced(),
        };
        // Film with a few woven frames would change shape again and again.
        self.target.interlaced |= shape.interlaced;
        let mut ready = Vec::new();
        if self
            .built
            .as_ref()
            .is_some_and(|(built, _)| *built != shape)
        {
            ready = self.flush()?;
        }
        if self.built.is_none() {
            self.built = Some((shape, self.build(shape)?));
        }
        if let Some((_, graph)) = &mut self.built {
            let mut source = graph.get("in").ok_or(Fault::damaged("no filter"))?;
            source.source().add(frame).map_err(Fault::damaged)?;
        }
        ready.extend(self.drain()?);
        Ok(ready)
    }

    /// Ends the graph and gives what it still held.
    pub(super) fn flush(&mut self) -> Result<Vec<frame::Video>, Fault> {
        if let Some((_, graph)) = &mut self.built {
            let mut source = graph.get("in").ok_or(Fault::damaged("no filter"))?;
            source.source().flush().map_err(Fault::damaged)?;
        }
        let ready = self.drain()?;
        self.built = None;
        Ok(ready)
    }

    fn drain(&mut self) -> Result<Vec<frame::Video>, Fault> {
        let mut ready = Vec::new();
        let Some((_, graph)) = &mut self.built else {
            return Ok(ready);
        };
        let mut out = graph.get("out").ok_or(Fault::damaged("no filter"))?;
        let mut sink = out.sink();
        let base = sink.time_base();
        loop {
            let mut frame = frame::Video::empty();
            match sink.frame(&mut frame) {
                Ok(()) => {
                    // Deinterlacing counts in half ticks.
                    let scale = i64::from(base.numerator()) * i64::from(self.clock.timescale);
                    let stamp = frame
                        .pts()
                        .map(|pts| pts * scale / i64::from(base.denominator()));
                    frame.set_pts(stamp);
                    ready.push(frame);
                }
                Err(Error::Eof | Error::Other { .. }) => return Ok(ready),
                Err(error) => return Err(Fault::damaged(error)),
            }
        }
    }

    fn build(&self, shape: Shape) -> Result<Graph, Fault> {
        let format = shape
            .format
            .descriptor()
            .map(ffmpeg::format::pixel::Descriptor::name);
        let format = format.ok_or_else(|| Fault::damaged("frames without a pixel format"))?;
        let source = format!(
            "video_size={}x{}:pix_fmt={format}:time_base=1/{}:pixel_aspect=1/1",
            shape.width, shape.height, self.clock.timescale
        );
        build(&source, &self.chain(shape), ["buffer", "buffersink"])
    }

    fn chain(&self, shape: Shape) -> String {
        let target = &self.target;
        let (width, height, format) = (target.width, target.height, target.format);
        let deinterlace = if shape.interlaced {
            "bwdif=mode=send_frame:deint=interlaced,"
        } else {
            ""
        };
        let turn = match target.rotation {
            90 => "transpose=clock,",
            180 => "hflip,vflip,",
            270 => "transpose=cclock,",
            _ => "",
        };
        // Light is mapped on the small picture, in floating numbers, by the curve that keeps
        // highlights.
        let map = if shape.hdr {
            "format=yuv420p10,zscale=transfer=linear:npl=203,format=gbrpf32le,\
             zscale=primaries=bt709,tonemap=tonemap=hable:desat=0,\
             zscale=transfer=bt709:matrix=bt709:range=tv,"
        } else {
            ""
        };
        format!(
            "{deinterlace}{turn}scale={width}:{height}:flags=bicubic,{map}setsar=1,format={format}"
        )
    }
}

fn is_hdr(frame: &frame::Video) -> bool {
    matches!(
        frame.color_transfer_characteristic(),
        TransferCharacteristic::SMPTE2084 | TransferCharacteristic::ARIB_STD_B67
    )
}

/// A graph of one source named `in`, a chain and one sink named `out`.
pub(super) fn build(source: &str, chain: &str, ends: [&str; 2]) -> Result<Graph, Fault> {
    let find = |name: &str| filter::find(name).ok_or_else(|| Fault::damaged("a filter is missing"));
    let mut graph = Graph::new();
    graph
        .add(&find(ends[0])?, "in", source)
        .map_err(Fault::damaged)?;
    graph
        .add(&find(ends[1])?, "out", "")
        .map_err(Fault::damaged)?;
    graph
        .output("in", 0)
        .and_then(|parser| parser.input("out", 0))
        .and_then(|parser| parser.parse(chain))
        .and_then(|()| graph.validate())
        .map_err(Fault::damaged)?;
    Ok(graph)
}
