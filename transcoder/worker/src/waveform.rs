//! What a recording looks like: its peaks over time, as a drawing, and as the poster of one that
//! has no cover.

use std::fmt::Write as _;

use ffmpeg::format::Pixel;
use ffmpeg::format::context::Input;
use ffmpeg::frame;
use ffmpeg_next as ffmpeg;
use satreel_film::fault::Fault;
use satreel_film::plan::facts::Audio;
use satreel_hls::naming::MediaFile;

use super::Report;
use super::input::Packets;
use super::listening::Listening;
use super::poster::jpeg;
use super::store::Store;

const BARS: usize = 200;
/// Samples a second that peaks are looked for in.
const RATE: u64 = 8000;
const WIDTH: u32 = 1280;
const HEIGHT: u32 = 720;

/// Draws the recording; also its poster, unless it has one.
pub(super) fn write(
    mut input: Input,
    audio: &Audio,
    duration_us: u64,
    store: &Store,
    report: &mut Report,
) -> Result<(), Fault> {
    let filters = format!("aformat=sample_fmts=fltp:sample_rates={RATE}:channel_layouts=mono");
    let mut listening = Listening::start(&input, audio, filters)?;
    let mut peaks = Peaks::new(duration_us);
    let mut packets = Packets::default();
    while let Some(packet) = packets.next(&mut input)? {
        listening.push(&packet, |frame| peaks.read(frame))?;
        report.looking();
    }
    listening.finish(|frame| peaks.read(frame))?;
    let bars = peaks.bars();
    store.write(MediaFile::Waveform, drawing(&bars).as_bytes())?;
    if !store.has(MediaFile::Poster) {
        store.write(MediaFile::Poster, &jpeg(poster(&bars))?)?;
    }
    Ok(())
}

struct Peaks {
    /// Samples of one bar, and how many came.
    each: u64,
    heard: u64,
    bars: Vec<f32>,
}

impl Peaks {
    fn new(duration_us: u64) -> Self {
        let samples = duration_us.saturating_mul(RATE) / 1_000_000;
        Self {
            each: samples.div_ceil(BARS as u64).max(1),
            heard: 0,
            bars: vec![0.0; BARS],
        }
    }

    fn read(&mut self, frame: &frame::Audio) {
        for sample in frame.plane::<f32>(0) {
            let bar = usize::try_from(self.heard / self.each).unwrap_or(BARS);
            if let Some(peak) = self.bars.get_mut(bar) {
                *peak = peak.max(sample.abs());
            }
            self.heard += 1;
        }
    }

    /// Peaks from 0 to 1, the loudest being 1.
    fn bars(mut self) -> Vec<f32> {
        let loudest = self.bars.iter().copied().fold(0.001, f32::max);
        self.bars.iter_mut().for_each(|peak| *peak /= loudest);
        self.bars
    }
}

/// Bars as one path in the text's own colour.
fn drawing(bars: &[f32]) -> String {
    let mut path = String::new();
    for (x, peak) in bars.iter().enumerate() {
        let half = (peak * 50.0).max(0.5);
        // Writing to a string does not fail.
        let _ = write!(path, "M{}.5 {:.1}v{:.1}", x, 50.0 - half, half * 2.0);
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} 100\" \
         preserveAspectRatio=\"none\"><path d=\"{path}\" stroke=\"currentColor\" \
         stroke-width=\".6\" fill=\"none\"/></svg>\n",
        bars.len()
    )
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "pixels of a small picture, from numbers between 0 and 1"
)]
fn poster(bars: &[f32]) -> frame::Video {
    let mut picture = frame::Video::new(Pixel::YUVJ420P, WIDTH, HEIGHT);
    for plane in 0..picture.planes() {
        picture
            .data_mut(plane)
            .fill(if plane == 0 { 18 } else { 128 });
    }
    let stride = picture.stride(0);
    let luma = picture.data_mut(0);
    let (left, step) = (40, 6);
    for (number, peak) in bars.iter().enumerate() {
        let half = (peak * HEIGHT as f32 * 0.4) as usize + 2;
        let middle = HEIGHT as usize / 2;
        for row in middle - half..middle + half {
            let from = row * stride + left + number * step;
            if let Some(bar) = luma.get_mut(from..from + 3) {
                bar.fill(200);
            }
        }
    }
    picture
}
