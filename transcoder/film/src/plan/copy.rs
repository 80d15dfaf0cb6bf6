//! Whether a track may be used as it is. Each rule answers with its reason in plain words.

use super::cadence::Cadence;
use super::cuts::LONGEST_US;
use super::facts::{Audio, H264, Video};
use super::loudness;

const BASELINE: u8 = 66;
const MAIN: u8 = 77;
const HIGH: u8 = 100;
/// Level 5.2: 2160p at 60 frames a second.
const HIGHEST_LEVEL: u8 = 52;
const AUDIO_RATE: u64 = 200_000;
const AUDIO_SLACK_US: i64 = 60_000;
const AUDIO_TAIL_US: i64 = 300_000;

/// Why the picture must be encoded; `Ok` when it can be copied.
pub fn video(video: &Video, preview_us: Option<u64>) -> Result<(), String> {
    let Some(h264) = &video.h264 else {
        return Err(format!("{} is not H.264", video.codec));
    };
    coding(video, h264)?;
    rate(video)?;
    cadence(video)?;
    keyframes(video, h264, preview_us)
}

fn coding(video: &Video, h264: &H264) -> Result<(), String> {
    let refuse = |reason: &str| Err(reason.to_owned());
    let Some([_, profile, _, level, ..]) = h264.avcc.as_deref() else {
        return refuse("its parameter sets cannot be read");
    };
    if ![BASELINE, MAIN, HIGH].contains(profile) || !video.eight_bit_420 {
        return refuse("its H.264 profile is above High (8 bits, 4:2:0)");
    }
    if *level > HIGHEST_LEVEL {
        return refuse("its H.264 level is above 5.2");
    }
    if video.rotation != 0 {
        return Err(format!("it is to be turned by {} degrees", video.rotation));
    }
    if video.pixel_aspect.0 != video.pixel_aspect.1 {
        return refuse("its pixels are not square");
    }
    if video.interlaced {
        return refuse("it is interlaced");
    }
    if video.colours.is_hdr() {
        return refuse("its colours are HDR");
    }
    if h264.parameters_change {
        return refuse("its parameter sets change in mid-film");
    }
    if h264.unstamped {
        return refuse("its frames lack time stamps");
    }
    if h264.hidden_frames {
        return refuse("it begins with frames that are not to be shown");
    }
    Ok(())
}

/// More than this is wasted on viewers, and dear to send.
fn rate(video: &Video) -> Result<(), String> {
    let pixels = u64::from(video.width) * u64::from(video.height);
    let allowed = match pixels {
        0..=414_720 => 4_000_000,
        414_721..=921_600 => 8_000_000,
        921_601..=2_088_960 => 14_000_000,
        _ => 30_000_000,
    };
    let us = u128::from(video.clock.us(video.end).max(1));
    let bits = u128::from(video.bytes) * 8_000_000 / us;
    if bits > allowed {
        return Err(format!("its {} kbit/s are more than needed", bits / 1000));
    }
    Ok(())
}

fn cadence(video: &Video) -> Result<(), String> {
    let cadence = Cadence::of(video);
    if cadence.irregular {
        return Err("its frame rate changes".to_owned());
    }
    if cadence.is_fast() {
        return Err(format!("its {:.0} frames/s are too many", cadence.found()));
    }
    Ok(())
}

fn keyframes(video: &Video, h264: &H264, preview_us: Option<u64>) -> Result<(), String> {
    if h264.open_gop || h264.idrs.first() != Some(&0) {
        return Err("its groups of pictures are open".to_owned());
    }
    let ends = h264.idrs.iter().skip(1).chain([&video.end]);
    let longest = h264
        .idrs
        .iter()
        .zip(ends)
        .map(|(start, end)| end - start)
        .max();
    let longest = video.clock.us(longest.unwrap_or(0));
    if longest > LONGEST_US {
        return Err(format!(
            "its keyframes lie up to {} s apart",
            longest / 1_000_000
        ));
    }
    let end_us = video.clock.us(video.end);
    let cut_within = |limit: u64| {
        let mut starts = h264.idrs.iter().map(|idr| video.clock.us(*idr));
        limit >= end_us || starts.any(|start| start > 0 && start <= limit)
    };
    if preview_us.is_some_and(|limit| limit > 0 && !cut_within(limit)) {
        return Err("no keyframe lies within the free preview, so it could not be cut".to_owned());
    }
    Ok(())
}

/// Why the sound must be encoded; `Ok` when it can be copied.
pub fn audio(audio: &Audio, end_us: u64) -> Result<(), String> {
    if audio.lc_config.is_none() {
        return Err(format!("{} is not plain AAC-LC", audio.codec));
    }
    if !(1..=2).contains(&audio.channels) {
        return Err(format!("its {} channels become stereo", audio.channels));
    }
    if !(32_000..=48_000).contains(&audio.rate) {
        return Err(format!("{} samples a second are unusual", audio.rate));
    }
    if let (Some(_), Some(lufs)) = (audio.loudness.and_then(loudness::gain), audio.loudness) {
        return Err(format!("its {lufs:.1} LUFS become -16"));
    }
    let lasts = u64::try_from(audio.end_us - audio.start_us)
        .unwrap_or(0)
        .max(1);
    if u128::from(audio.bytes) * 8_000_000 / u128::from(lasts) > u128::from(AUDIO_RATE) {
        return Err("its bit rate is more than needed".to_owned());
    }
    let end_us = i64::try_from(end_us).unwrap_or(i64::MAX);
    if audio.start_us > AUDIO_SLACK_US
        || audio.gap_us > AUDIO_SLACK_US.unsigned_abs()
        || end_us - audio.end_us > AUDIO_TAIL_US
    {
        return Err("it has holes that are filled with silence".to_owned());
    }
    Ok(())
}
