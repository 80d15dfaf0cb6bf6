//! The ingest doctor: what an uplink is like, in numbers and in plain sentences. Pure: told of bytes
//! and frames and of the time, it looks at the last seconds.

use std::collections::VecDeque;
use std::time::Duration;

use satreel_hls::live::broadcast::HealthFile;

use super::gate::Passed;

const LOOKS_BACK: Duration = Duration::from_secs(10);
const EVERY: Duration = Duration::from_secs(1);
/// More frames than ten seconds can have.
const MOST: usize = 4096;
const KEYFRAMES_APART_MS: u64 = 4_000;
const LATE_MS: i64 = 500;
const JITTER_MS: u64 = 250;
const DRIFT_MS: i64 = 150;
const SLOWEST_KS: u64 = 14_000;
const HIGHEST_KBIT_S: u64 = 20_000;

#[derive(Debug, Default)]
pub(crate) struct Doctor {
    bytes: u64,
    /// When what was received, in buckets between looks.
    received: VecDeque<(Duration, u64)>,
    /// When a frame came, and its own time.
    frames: VecDeque<(Duration, i64)>,
    key_ms: Option<i64>,
    apart_ms: u64,
    /// How much a frame that came at once is ahead of the wall.
    earliest: Option<i64>,
    late: u64,
    gaps: u64,
    sound_ms: Option<i64>,
    looked: Duration,
    /// What the last look said of the rate, and whether the uplink was even.
    kbit_s: u64,
    is_even: bool,
}

impl Doctor {
    pub(crate) fn bytes(&mut self, count: usize) {
        self.bytes += count as u64;
    }

    /// How long this many bytes take to come; None: the uplink is not known, or is to be watched.
    pub(crate) fn lasts(&self, bytes: u64) -> Option<Duration> {
        let ms = (bytes * 8).checked_div(self.kbit_s)?;
        self.is_even.then(|| Duration::from_millis(ms))
    }

    pub(crate) fn see(&mut self, passed: &Passed, now: Duration) {
        match passed {
            Passed::Picture(frame) => self.picture(frame.decoded_ms, frame.key, now),
            Passed::Sound(frame) => self.sound_ms = Some(frame.decoded_ms),
            // Another clock begins.
            Passed::Cut => {
                *self = Self {
                    bytes: self.bytes,
                    late: self.late,
                    gaps: self.gaps,
                    looked: self.looked,
                    received: std::mem::take(&mut self.received),
                    ..Self::default()
                }
            }
            Passed::PictureFormat(_) | Passed::SoundFormat(_) => {}
        }
    }

    fn picture(&mut self, time_ms: i64, key: bool, now: Duration) {
        if key {
            if let Some(before) = self.key_ms {
                self.apart_ms = time_ms.abs_diff(before);
            }
            self.key_ms = Some(time_ms);
        }
        let lag = ms(now) - time_ms;
        let earliest = self.earliest.map_or(lag, |earliest| earliest.min(lag));
        self.earliest = Some(earliest);
        if lag - earliest > LATE_MS {
            self.late += 1;
        }
        if let (Some((_, last)), Some(usual)) = (self.frames.back(), self.frame_ms())
            && (time_ms - last) * 2 > usual * 5
        {
            self.gaps += u64::try_from((time_ms - last) / usual.max(1) - 1).unwrap_or(0);
        }
        self.frames.push_back((now, time_ms));
        while self.frames.len() > MOST
            || self
                .frames
                .front()
                .is_some_and(|(at, _)| *at + LOOKS_BACK < now)
        {
            self.frames.pop_front();
        }
    }

    fn frame_ms(&self) -> Option<i64> {
        let (first, last) = (self.frames.front()?, self.frames.back()?);
        let steps = i64::try_from(self.frames.len()).ok()? - 1;
        (steps >= 10).then(|| (last.1 - first.1) / steps)
    }

    /// What to say, once a second. `dropped`: frames that did not go on air at all.
    pub(crate) fn due(&mut self, now: Duration, dropped: u64) -> Option<HealthFile> {
        if now < self.looked + EVERY {
            return None;
        }
        self.looked = now;
        self.received
            .push_back((now, std::mem::take(&mut self.bytes)));
        while self
            .received
            .front()
            .is_some_and(|(at, _)| *at + LOOKS_BACK < now)
        {
            self.received.pop_front();
        }
        let mut health = HealthFile {
            kbit_s: self.kbit_s(),
            frames_ks: self.frames_ks(),
            keyframes_apart_ms: self.apart_ms.max(self.since_key_ms()),
            dropped_frames: dropped + self.gaps,
            late_frames: self.late,
            drift_ms: self.drift_ms(),
            jitter_ms: self.jitter_ms(),
            rungs: Vec::new(),
            says: Vec::new(),
        };
        health.says = says(&health);
        (self.kbit_s, self.is_even) = (health.kbit_s, health.jitter_ms <= JITTER_MS);
        Some(health)
    }

    fn kbit_s(&self) -> u64 {
        let bytes: u64 = self.received.iter().map(|(_, bytes)| bytes).sum();
        let seconds = self.received.len().max(1) as u64;
        bytes * 8 / 1000 / seconds
    }

    fn frames_ks(&self) -> u64 {
        let (Some(first), Some(last)) = (self.frames.front(), self.frames.back()) else {
            return 0;
        };
        let steps = self.frames.len() as u64 - 1;
        (steps * 1_000_000)
            .checked_div(last.1.abs_diff(first.1))
            .unwrap_or(0)
    }

    fn since_key_ms(&self) -> u64 {
        let last = self.frames.back().map(|(_, time)| *time);
        last.zip(self.key_ms)
            .map_or(0, |(last, key)| last.abs_diff(key))
    }

    fn drift_ms(&self) -> i64 {
        let picture = self.frames.back().map(|(_, time)| *time);
        self.sound_ms
            .zip(picture)
            .map_or(0, |(sound, picture)| picture - sound)
    }

    /// The widest difference in the last seconds between when frames came and when they should have.
    fn jitter_ms(&self) -> u64 {
        let lags = self.frames.iter().map(|(at, time)| ms(*at) - time);
        let (least, most) = lags.fold((i64::MAX, i64::MIN), |(least, most), lag| {
            (least.min(lag), most.max(lag))
        });
        most.checked_sub(least)
            .and_then(|width| u64::try_from(width).ok())
            .unwrap_or(0)
    }
}

fn ms(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

fn says(health: &HealthFile) -> Vec<String> {
    let mut says = Vec::new();
    let mut say = |holds: bool, words: String| {
        if holds {
            says.push(words);
        }
    };
    let jitter = health.jitter_ms;
    say(
        jitter > JITTER_MS,
        format!(
            "The uplink is uneven: frames come up to {jitter} ms late. Use a cable instead of Wi-Fi, or lower the bitrate in OBS → Settings → Output."
        ),
    );
    let apart_s = (health.keyframes_apart_ms + 500) / 1000;
    say(
        health.keyframes_apart_ms > KEYFRAMES_APART_MS,
        format!(
            "The keyframe interval is {apart_s} s: set it to 2 s in OBS → Settings → Output → Streaming."
        ),
    );
    let dropped = health.dropped_frames;
    say(
        dropped > 30,
        format!(
            "{dropped} frames were left out by your program: lower the bitrate, or choose a faster encoder preset."
        ),
    );
    let rate = health.frames_ks / 1000;
    say(
        health.frames_ks > 0 && health.frames_ks < SLOWEST_KS,
        format!("Only {rate} frames come a second: choose 30 in OBS → Settings → Video."),
    );
    let drift = health.drift_ms;
    say(
        drift.abs() > DRIFT_MS && drift.abs() < 5_000,
        format!(
            "Sound and picture arrive {} ms apart: check Sync Offset in OBS → Advanced Audio Properties.",
            drift.abs()
        ),
    );
    let mbit = health.kbit_s / 1000;
    say(
        health.kbit_s > HIGHEST_KBIT_S,
        format!("{mbit} Mbit/s are more than most viewers can receive: 6 Mbit/s do for 1080p."),
    );
    says
}

#[cfg(test)]
mod tests {
    use super::super::gate::Frame;
    use super::*;

    /// Ten seconds of an uplink; `at` says when each frame comes.
    fn examine(apart: i64, sound_late: i64, at: impl Fn(i64) -> i64) -> HealthFile {
        let mut doctor = Doctor::default();
        let mut last = None;
        for number in 0..300_i64 {
            let time = number * 1000 / 30;
            let now = Duration::from_millis(u64::try_from(at(time)).expect("a time"));
            doctor.bytes(25_000);
            let frame = |decoded_ms, key| Frame {
                decoded_ms,
                later_ms: 0,
                key,
                data: Vec::new(),
            };
            doctor.see(&Passed::Sound(frame(time - sound_late, true)), now);
            doctor.see(
                &Passed::Picture(frame(time, number % (apart * 30 / 1000) == 0)),
                now,
            );
            last = doctor.due(now, 0).or(last);
        }
        last.expect("a look")
    }

    #[test]
    fn a_good_uplink_has_nothing_to_be_told() {
        let health = examine(2000, 20, |time| time + 5);
        assert_eq!(health.says, [""; 0]);
        assert!(health.kbit_s.abs_diff(6000) < 300, "{}", health.kbit_s);
        assert!(
            health.frames_ks.abs_diff(30_000) < 100,
            "{}",
            health.frames_ks
        );
        assert_eq!(
            (health.keyframes_apart_ms, health.drift_ms, health.jitter_ms),
            (2000, 20, 0)
        );
    }

    #[test]
    fn every_fault_has_its_sentence() {
        let slow_keys = examine(8000, 0, |time| time);
        assert_eq!(slow_keys.says.len(), 1);
        assert!(
            slow_keys.says[0].contains("8 s: set it to 2 s in OBS"),
            "{:?}",
            slow_keys.says
        );
        let drifts = examine(2000, 400, |time| time);
        assert!(drifts.says[0].contains("400 ms apart"), "{:?}", drifts.says);
        let uneven = examine(2000, 0, |time| {
            time + if time % 3000 > 2000 { 700 } else { 0 }
        });
        assert!(uneven.says[0].contains("uneven"), "{:?}", uneven.says);
        assert!(uneven.late_frames > 10);
    }
}
