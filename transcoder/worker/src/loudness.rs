//! How loud a film's sound is (EBU R 128, integrated), measured as it will be heard: in stereo.
//!
//! A pass of its own before the plan, because one gain holds for the whole film: what is quiet in
//! a scene stays quiet.

use ffmpeg::format::context::Input;
use ffmpeg::frame;
use ffmpeg_next as ffmpeg;
use satreel_film::fault::Fault;
use satreel_film::plan::facts::Facts;

use super::Report;
use super::input::Packets;
use super::listening::Listening;

/// Nothing audible is measured below this.
const SILENCE_LUFS: f64 = -60.0;
const METER: &str = "aformat=sample_fmts=flt:sample_rates=48000:channel_layouts=stereo,\
                     ebur128=metadata=1";

/// Measures every sound track of the film.
pub(super) fn measure(
    input: &mut Input,
    facts: &mut Facts,
    report: &mut Report,
) -> Result<(), Fault> {
    let mut meters = Vec::new();
    for audio in &facts.audio {
        let listening = Listening::start(input, audio, METER.to_owned())?;
        meters.push((listening, Meter::default()));
    }
    let mut packets = Packets::default();
    while let Some(packet) = packets.next(input)? {
        for (listening, meter) in &mut meters {
            listening.push(&packet, |frame| meter.read(frame))?;
        }
        report.looking();
    }
    for ((listening, mut meter), audio) in meters.into_iter().zip(&mut facts.audio) {
        listening.finish(|frame| meter.read(frame))?;
        audio.loudness = meter.lufs.filter(|lufs| *lufs > SILENCE_LUFS);
    }
    Ok(())
}

/// The integrated loudness as last told: the newest counts for all that came before.
#[derive(Debug, Default)]
struct Meter {
    lufs: Option<f64>,
}

impl Meter {
    fn read(&mut self, frame: &frame::Audio) {
        let told = frame.metadata().get("lavfi.r128.I").map(str::parse);
        self.lufs = told.and_then(Result::ok).or(self.lufs);
    }
}
