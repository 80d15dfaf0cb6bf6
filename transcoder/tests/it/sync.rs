//! Films that flash and beep each second, and how far apart a title shows and plays the two.

use std::path::Path;
use std::process::Command;

use crate::rig::Title;

/// The sound of such a film.
pub(crate) const SOUND: &str = "aevalsrc=0.8*sin(6283*t)*lt(mod(t\\,1)\\,0.04):s=48000:c=stereo";

/// The picture of such a film: white for a frame of 25 at the beginning of each second.
pub(crate) fn picture(size: &str, rate: &str) -> String {
    format!(
        "color=c=black:size={size}:rate={rate},\
         drawbox=c=white:t=fill:enable='lt(mod(t+0.0005\\,1)\\,0.039)'"
    )
}

/// As far apart as viewers may notice.
const MOST_S: f64 = 0.02;

/// Each flash has its beep. The first ones are left out: encoders begin softly.
pub(crate) fn assert_together(name: &str, title: &Title) {
    let pictures = title.pictures();
    let flashes = flashes(title, pictures.last().expect("a picture"));
    let beeps = beeps(&title.folder.join("a.m3u8"));
    assert!(
        flashes.len() >= 3 && beeps.len() >= 3,
        "{name}: {flashes:?} {beeps:?}"
    );
    for flash in flashes.iter().skip(1) {
        let nearest = beeps
            .iter()
            .map(|beep| (beep - flash).abs())
            .fold(f64::MAX, f64::min);
        assert!(
            nearest <= MOST_S,
            "{name}: flash at {flash}, beeps at {beeps:?}"
        );
    }
}

/// When the picture turns white, by ffmpeg's decoding and ffprobe's time stamps.
fn flashes(title: &Title, track: &str) -> Vec<f64> {
    let done = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(title.folder.join(format!("{track}.m3u8")))
        .args(["-vf", "scale=1:1,format=gray", "-fps_mode", "passthrough"])
        .args(["-f", "rawvideo", "-"])
        .output()
        .expect("ffmpeg runs");
    let shown = title.shown(track);
    assert_eq!(shown.len(), done.stdout.len());
    let frames: Vec<(f64, f64)> = shown
        .into_iter()
        .zip(done.stdout.into_iter().map(f64::from))
        .collect();
    rises(&frames, 128.0)
}

pub(crate) fn beeps(path: &Path) -> Vec<f64> {
    let done = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(path)
        .args(["-ac", "1", "-f", "f32le", "-"])
        .output()
        .expect("ffmpeg runs");
    let samples: Vec<f32> = done
        .stdout
        .chunks_exact(4)
        .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        .collect();
    // Loudness of each millisecond, dated from its start.
    #[allow(clippy::cast_precision_loss)]
    let loud: Vec<(f64, f64)> = samples
        .chunks(48)
        .enumerate()
        .map(|(index, chunk)| {
            let loudest = chunk
                .iter()
                .fold(0.0_f32, |most, sample| most.max(sample.abs()));
            (index as f64 / 1000.0, f64::from(loudest))
        })
        .collect();
    let mut found: Vec<f64> = Vec::new();
    for start in rises(&loud, 0.3) {
        if found.last().is_none_or(|last| start - last > 0.5) {
            found.push(start);
        }
    }
    found
}

fn rises(values: &[(f64, f64)], limit: f64) -> Vec<f64> {
    let mut found = Vec::new();
    let mut above = false;
    for (time, value) in values {
        if *value > limit && !above {
            found.push(*time);
        }
        above = *value > limit;
    }
    found
}
