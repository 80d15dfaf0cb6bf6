//! The picture on the storefront: the best of a few frames between a tenth and a third of the film.

use ffmpeg::codec::{decoder, encoder};
use ffmpeg::format::Pixel;
use ffmpeg::format::stream::Stream;
use ffmpeg::frame::side_data::Type as SideData;
use ffmpeg::{Dictionary, Error, Packet, Rational, frame, picture};
use ffmpeg_next as ffmpeg;

use satreel_film::fault::Fault;
use satreel_film::plan::Shown;
use satreel_film::plan::clock::Clock;
use satreel_hls::naming::MediaFile;

use super::graph::{Pictures, Target};
use super::peek;
use super::picture::open_decoder;
use super::scan::quarter_turns;
use super::store::Store;

const WIDEST: u32 = 1280;
/// When to look, in hundredths of the film.
const LOOKS: [i64; 6] = [10, 14, 18, 22, 26, 30];
const DARK: f64 = 40.0;
const BRIGHT: f64 = 215.0;

/// Looks at frames as they pass.
pub(super) struct Poster {
    target: Target,
    clock: Clock,
    end: i64,
    store: Store,
    looks: usize,
    best: Option<(f64, frame::Video)>,
}

impl Poster {
    pub(super) fn new(shown: &Shown, like: &Target, clock: Clock, end: i64, store: &Store) -> Self {
        let width = shown.width.min(WIDEST) & !1;
        let height = u64::from(shown.height) * u64::from(width) / u64::from(shown.width.max(1));
        let target = Target {
            width: width.max(2),
            height: u32::try_from(height & !1).unwrap_or(WIDEST).max(2),
            format: "yuvj420p",
            rotation: like.rotation,
            interlaced: false,
        };
        Self {
            target,
            clock,
            end,
            store: store.clone(),
            looks: 0,
            best: None,
        }
    }

    /// Whether it has seen nothing yet.
    pub(super) fn is_blank(&self) -> bool {
        self.best.is_none()
    }

    pub(super) fn see(&mut self, frame: &frame::Video, shown: i64) -> Result<(), Fault> {
        // The first frame of all is kept in case no other comes.
        let due = LOOKS
            .get(self.looks)
            .is_some_and(|look| shown * 100 >= self.end * look);
        if !due && self.best.is_some() {
            return Ok(());
        }
        if due {
            self.looks += 1;
        }
        let upright = upright(frame, &self.target, self.clock);
        // A frame that cannot be drawn is no poster; the next one may be.
        let Some(upright) = upright else {
            return Ok(());
        };
        let score = if due { score(&upright) } else { 0.0 };
        if due {
            let number = u32::try_from(self.looks).unwrap_or(0);
            let jpeg = jpeg(upright.clone())?;
            self.store.write(MediaFile::Choice(number), &jpeg)?;
        }
        let is_better = self.best.as_ref().is_none_or(|(best, _)| score > *best);
        if is_better {
            self.best = Some((score, upright));
        }
        // Whoever comes while the film is being made sees its first frame, which is often black, and
        // then the best so far.
        if is_better && (due || !self.store.has(MediaFile::Poster)) {
            self.write()?;
        }
        Ok(())
    }

    /// The best of what was seen. A try that went on after the looks has nothing better than what
    /// is there.
    pub(super) fn finish(&self) -> Result<(), Fault> {
        if self.looks > 0 || !self.store.has(MediaFile::Poster) {
            self.write()?;
        }
        Ok(())
    }

    fn write(&self) -> Result<(), Fault> {
        let Some((_, frame)) = &self.best else {
            return Ok(());
        };
        let jpeg = jpeg(frame.clone())?;
        self.store.write(MediaFile::Poster, &jpeg)
    }
}

/// One frame as it is to be shown, if it can be drawn.
pub(super) fn upright(frame: &frame::Video, target: &Target, clock: Clock) -> Option<frame::Video> {
    let mut pictures = Pictures::new(target.clone(), clock);
    let shared = peek::share(frame)?;
    let ready = pictures.push(&shared).ok()?;
    let rest = pictures.flush().ok()?;
    ready.into_iter().chain(rest).next()
}

/// The cover that a recording carries, if it can be drawn: a broken one is no fault of the sound.
pub(super) fn cover(stream: &Stream<'_>, packet: &Packet) -> Option<frame::Video> {
    alone(open_decoder(stream).ok()?, packet)
}

/// The one picture that a packet holds, not wider than a poster.
pub(super) fn alone(mut decoder: decoder::Video, packet: &Packet) -> Option<frame::Video> {
    decoder.send_packet(packet).ok()?;
    decoder.send_eof().ok()?;
    let mut found = frame::Video::empty();
    decoder.receive_frame(&mut found).ok()?;
    let rotation = turned(&found);
    let (mut width, mut height) = (found.width(), found.height());
    if rotation % 180 == 90 {
        std::mem::swap(&mut width, &mut height);
    }
    let wide = width.min(WIDEST);
    let high = u64::from(height) * u64::from(wide) / u64::from(width.max(1));
    let target = Target {
        width: (wide & !1).max(2),
        height: (u32::try_from(high).unwrap_or(WIDEST) & !1).clamp(2, 2 * WIDEST),
        format: "yuvj420p",
        rotation,
        interlaced: false,
    };
    found.set_pts(Some(0));
    upright(&found, &target, Clock::of_rate(1000))
}

/// How a camera was held, as its picture says.
fn turned(picture: &frame::Video) -> u32 {
    let matrix = picture.side_data(SideData::DisplayMatrix);
    matrix.map_or(0, |matrix| quarter_turns(matrix.data()))
}

/// A picture as a file.
pub(super) fn jpeg(mut frame: frame::Video) -> Result<Vec<u8>, Fault> {
    frame.set_kind(picture::Type::None);
    frame.set_pts(Some(0));
    encode(&frame).map_err(Fault::damaged)
}

/// How much there is to see: contrast, and little of it when the frame is dark or glaring.
#[allow(
    clippy::cast_precision_loss,
    reason = "a few thousand samples of a byte each"
)]
fn score(frame: &frame::Video) -> f64 {
    let stride = frame.stride(0);
    let width = usize::try_from(frame.width()).unwrap_or(0);
    let rows = frame.data(0).chunks_exact(stride.max(1)).step_by(8);
    let samples: Vec<f64> = rows
        .flat_map(|row| row.iter().take(width).step_by(8))
        .map(|luma| f64::from(*luma))
        .collect();
    let count = samples.len().max(1) as f64;
    let mean = samples.iter().sum::<f64>() / count;
    let spread = samples
        .iter()
        .map(|luma| (luma - mean).powi(2))
        .sum::<f64>()
        / count;
    if (DARK..BRIGHT).contains(&mean) {
        1.0 + spread.sqrt()
    } else {
        0.5 + spread.sqrt() / 100.0
    }
}

fn encode(frame: &frame::Video) -> Result<Vec<u8>, Error> {
    let codec = encoder::find_by_name("mjpeg").ok_or(Error::EncoderNotFound)?;
    let mut video = ffmpeg::codec::Context::new_with_codec(codec)
        .encoder()
        .video()?;
    video.set_width(frame.width());
    video.set_height(frame.height());
    video.set_format(Pixel::YUVJ420P);
    video.set_time_base(Rational(1, 25));
    video.set_bit_rate(50_000_000);
    let mut options = Dictionary::new();
    options.set("qmin", "3");
    options.set("qmax", "5");
    let mut encoder = video.open_as_with(codec, options)?;
    encoder.send_frame(frame)?;
    encoder.send_eof()?;
    let mut packet = Packet::empty();
    encoder.receive_packet(&mut packet)?;
    Ok(packet.data().unwrap_or_default().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Black, or with bars to look at.
    fn frame(bars: bool) -> frame::Video {
        let mut frame = frame::Video::new(Pixel::YUV420P, 64, 36);
        for (at, luma) in frame.data_mut(0).iter_mut().enumerate() {
            *luma = if bars && at % 16 < 8 { 200 } else { 16 };
        }
        for plane in [1, 2] {
            frame.data_mut(plane).fill(128);
        }
        frame.set_pts(Some(0));
        frame
    }

    #[test]
    fn the_first_frame_stands_in_until_there_is_a_better_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::new(folder.path());
        let shown = Shown {
            width: 64,
            height: 36,
            frame_rate: (25, 1),
            codec: String::new(),
            changes: Vec::new(),
        };
        let like = Target {
            width: 64,
            height: 36,
            format: "yuv420p",
            rotation: 0,
            interlaced: false,
        };
        let mut poster = Poster::new(&shown, &like, Clock::of_rate(1000), 10_000, &store);
        poster.see(&frame(false), 0).expect("seen");
        let first = store.read(MediaFile::Poster).expect("a poster");
        // Not yet time to look.
        poster.see(&frame(true), 500).expect("seen");
        assert_eq!(store.read(MediaFile::Poster), Some(first.clone()));
        poster.see(&frame(true), 1000).expect("seen");
        let better = store.read(MediaFile::Poster);
        assert_eq!(better, store.read(MediaFile::Choice(1)));
        assert_ne!(better, Some(first));
        // Worse ones are to choose from, and nothing else.
        poster.see(&frame(false), 1400).expect("seen");
        poster.finish().expect("finished");
        assert_eq!(store.read(MediaFile::Poster), better);
        assert_ne!(store.read(MediaFile::Choice(2)), better);
    }
}
