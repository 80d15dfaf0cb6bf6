//! When a publisher's connection is read next. In a steady broadcast nobody can do anything with a
//! frame before its part is whole, so whoever reads rests until then and takes all that has come at
//! once, instead of waking for each of some eighty messages a second. Pure: told of the time.
//!
//! What came during a rest came at an unknown time. [`Rest::came`] says of each frame when it came at
//! the earliest: no uplink is called uneven because of our rests, and none that is late looks punctual.

use std::collections::VecDeque;
use std::time::Duration;

/// A broadcast that has just begun is listened to frame by frame.
const STEADY_AFTER: Duration = Duration::from_secs(3);
/// How far back the quickest frame is looked for: the clocks of both sides drift.
const LOOKS_BACK: Duration = Duration::from_secs(5);
/// Behind the moment at which a frame is due.
const MARGIN_US: i64 = 1_000;
/// One rest in so many ends early, so that the frame is waited for and its moment is known.
const PROBE_EVERY: u32 = 12;
const PROBE_US: i64 = 10_000;
/// Sound that is whole so long before the picture's part waits for it: nobody plays it without.
const TOGETHER_US: i64 = 100_000;
/// Less is not worth a call.
const SHORTEST: Duration = Duration::from_millis(4);
/// Whoever takes this publisher's place, or whatever else changes, is noticed so late.
const LONGEST: Duration = Duration::from_millis(350);

/// The publisher's milliseconds of the frames with which the open parts will be whole; None: not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Due {
    pub(crate) picture: Option<i64>,
    pub(crate) sound: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Picture,
    Sound,
}

#[derive(Debug, Default)]
pub(super) struct Rest {
    /// When the broadcast began to be steady.
    since: Option<Duration>,
    picture: Lag,
    sound: Lag,
    /// When the rest began after which nothing has been waited for.
    rested: Option<Duration>,
    count: u32,
    /// What is being waited for so that its moment is known.
    probed: Option<Due>,
}

impl Rest {
    /// The publisher's clock begins anew.
    pub(super) fn cut(&mut self) {
        *self = Self::default();
    }

    /// Whether it is not known when what is read next has come.
    pub(super) fn is_unsure(&self) -> bool {
        self.rested.is_some()
    }

    /// Nothing was there: what is read next comes when it is read.
    pub(super) fn waits(&mut self) {
        self.rested = None;
    }

    /// A frame was read. Returns when it came at the earliest.
    pub(super) fn came(&mut self, kind: Kind, time_ms: i64, now: Duration) -> Duration {
        self.since.get_or_insert(now);
        let lag = match kind {
            Kind::Picture => &mut self.picture,
            Kind::Sound => &mut self.sound,
        };
        let usual = lag.least();
        lag.see(now, us(now) - time_ms * 1000);
        match (self.rested, usual) {
            (Some(from), Some(usual)) => {
                let due = u64::try_from(time_ms * 1000 + usual).unwrap_or(0);
                Duration::from_micros(due).clamp(from, now)
            }
            _ => now,
        }
    }

    /// How long nothing has to be read. None: what comes next is waited for.
    pub(super) fn how_long(&mut self, due: Due, now: Duration, most: Duration) -> Option<Duration> {
        self.since
            .filter(|since| now.saturating_sub(*since) >= STEADY_AFTER)?;
        let picture = self.picture.least()?;
        let at = |time: Option<i64>, lag: i64| Some(time? * 1000 + lag + MARGIN_US);
        let sound = self.sound.least().unwrap_or(picture).max(picture);
        // Without the picture's there is no part to wait for.
        let mut wake = at(due.picture, picture)?;
        if let Some(sound) = at(due.sound, sound).filter(|sound| wake - sound > TOGETHER_US) {
            wake = sound;
        }
        if self.probed == Some(due) {
            return None;
        }
        if self.count == 0 {
            wake -= PROBE_US;
        }
        let rest = Duration::from_micros(u64::try_from(wake - us(now)).ok()?);
        let rest = rest.min(most).min(LONGEST);
        if rest < SHORTEST {
            return None;
        }
        self.probed = (self.count == 0).then_some(due);
        self.count = (self.count + 1) % PROBE_EVERY;
        self.rested.get_or_insert(now);
        Some(rest)
    }
}

/// How much later than its own time a frame comes that comes at once, in microseconds.
#[derive(Debug, Default)]
struct Lag {
    /// The least since then: each of these is less than those behind it.
    recent: VecDeque<(Duration, i64)>,
}

impl Lag {
    fn see(&mut self, now: Duration, lag: i64) {
        while self.recent.back().is_some_and(|(_, other)| *other >= lag) {
            self.recent.pop_back();
        }
        self.recent.push_back((now, lag));
        let is_old = |(at, _): &(Duration, i64)| *at + LOOKS_BACK < now;
        while self.recent.front().is_some_and(is_old) {
            self.recent.pop_front();
        }
    }

    fn least(&self) -> Option<i64> {
        self.recent.front().map(|(_, lag)| *lag)
    }
}

fn us(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Duration = Duration::from_secs(1);

    /// An uplink on a simulated clock, read as a connection reads it: 30 frames a second in parts of six.
    struct Uplink {
        rest: Rest,
        now: Duration,
        /// When frame number so many is there.
        arrives: fn(i64) -> i64,
        next: i64,
        wakes: u32,
        /// Of each part's last frame, from its coming to its being read; of each frame, how much
        /// later than it came it is said to have come.
        late_us: Vec<i64>,
        off_us: Vec<i64>,
    }

    const fn time_ms(number: i64) -> i64 {
        number * 1000 / 30
    }

    impl Uplink {
        fn new(arrives: fn(i64) -> i64) -> Self {
            Self {
                rest: Rest::default(),
                now: Duration::ZERO,
                arrives,
                next: 0,
                wakes: 0,
                late_us: Vec::new(),
                off_us: Vec::new(),
            }
        }

        fn run(&mut self, frames: i64) {
            while self.next < frames {
                let last = self.next / 6 * 6 + 5;
                let due = Due {
                    picture: Some(time_ms(last)),
                    sound: None,
                };
                if let Some(rest) = self.rest.how_long(due, self.now, MOST) {
                    self.now += rest;
                    self.wakes += 1;
                }
                if (self.arrives)(self.next) > us(self.now) {
                    self.rest.waits();
                    let at = u64::try_from((self.arrives)(self.next)).expect("a time");
                    self.now = Duration::from_micros(at);
                    self.wakes += 1;
                }
                while (self.arrives)(self.next) <= us(self.now) {
                    let came = self.rest.came(Kind::Picture, time_ms(self.next), self.now);
                    let arrived = (self.arrives)(self.next);
                    self.off_us.push(us(came) - arrived);
                    if self.next % 6 == 5 {
                        self.late_us.push(us(self.now) - arrived);
                    }
                    self.next += 1;
                }
            }
        }
    }

    #[test]
    fn who_is_steady_is_read_once_a_part_and_no_later() {
        let mut uplink = Uplink::new(|number| time_ms(number) * 1000 + 40_000);
        uplink.run(90);
        assert_eq!(uplink.wakes, 90, "the beginning is read frame by frame");
        uplink.run(90 + 1800);
        assert!(
            (300..400).contains(&(uplink.wakes - 90)),
            "{}",
            uplink.wakes
        );
        let latest = uplink.late_us.iter().max();
        assert!(latest.is_some_and(|late| *late <= 2_000), "{latest:?}");
        assert!(uplink.off_us.iter().all(|off| off.abs() <= 2_000));
    }

    #[test]
    fn clocks_that_drift_make_nothing_late() {
        let ways: [fn(i64) -> i64; 2] = [
            |number| time_ms(number) * 1000 * 9_999 / 10_000 + 40_000,
            |number| time_ms(number) * 1000 * 10_001 / 10_000 + 40_000,
        ];
        for arrives in ways {
            let mut uplink = Uplink::new(arrives);
            uplink.run(30 * 600);
            let latest = uplink.late_us.iter().max();
            assert!(latest.is_some_and(|late| *late <= 3_000), "{latest:?}");
        }
    }

    #[test]
    fn who_is_late_is_seen_to_be_late() {
        // Every second, six frames come 150 ms late, and those behind them not before them.
        let mut uplink = Uplink::new(|number| {
            let place = number % 30;
            let on_time = time_ms(number) * 1000 + 40_000;
            match place {
                _ if number < 240 => on_time,
                0..=4 => on_time.max(time_ms(number - place - 1) * 1000 + 190_000),
                24.. => on_time + 150_000,
                _ => on_time,
            }
        });
        uplink.run(900);
        // Of those that came late one in each second is waited for; none came later than it did.
        assert!(uplink.off_us.iter().all(|off| *off <= 2_000));
        let rests = uplink.off_us.iter().filter(|off| **off < -2_000).count();
        assert!(rests < 300, "{rests}");
    }

    #[test]
    fn nobody_rests_without_knowing_for_what() {
        let mut uplink = Uplink::new(|number| time_ms(number) * 1000);
        uplink.run(200);
        let (rest, now) = (&mut uplink.rest, uplink.now);
        let soon = Due {
            picture: Some(time_ms(uplink.next)),
            sound: None,
        };
        assert_eq!(rest.how_long(Due::default(), now, MOST), None);
        assert_eq!(
            rest.how_long(soon, now + Duration::from_millis(40), MOST),
            None
        );
        let later = Due {
            picture: Some(time_ms(uplink.next + 60)),
            sound: Some(time_ms(uplink.next + 3)),
        };
        assert!(rest.how_long(later, now, MOST) < Some(Duration::from_millis(140)));
        let together = Due {
            picture: Some(time_ms(uplink.next + 5)),
            sound: Some(time_ms(uplink.next + 3)),
        };
        assert!(rest.how_long(together, now, MOST) > Some(Duration::from_millis(140)));
        assert_eq!(
            rest.how_long(later, now, Duration::from_millis(20)),
            Some(Duration::from_millis(20))
        );
        rest.cut();
        assert_eq!(rest.how_long(later, now, MOST), None);
    }
}
