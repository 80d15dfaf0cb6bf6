//! How long a connection may take for what. Pure: told of the time since it began.

use std::time::Duration;

use super::refusal::Refusal;

/// From the first byte to the key.
const KEY_WITHIN: Duration = Duration::from_secs(8);
/// A publisher that sends nothing for so long is gone: its connection may be half open.
const SILENCE: Duration = Duration::from_secs(10);
/// From the key to the first picture, and from one picture to the next: a publisher that trickles
/// bytes and shows nothing is gone, too.
const PICTURE_WITHIN: Duration = Duration::from_secs(10);

/// Whose time is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Late {
    NoKey,
    Silent,
    NoPicture,
}

impl Late {
    /// What to tell a publisher that still listens.
    pub(crate) fn refusal(self) -> Option<Refusal> {
        match self {
            Self::NoPicture => Some(Refusal::NoPicture),
            Self::NoKey | Self::Silent => None,
        }
    }

    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::NoKey => "it showed no key in time",
            Self::Silent => "it was silent for too long",
            Self::NoPicture => "it showed no picture for too long",
        }
    }
}

/// One connection's.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    /// When it last sent anything, and when it last showed a picture; None: it is a stranger.
    heard: Duration,
    shown: Option<Duration>,
}

impl Patience {
    pub(crate) fn bytes(&mut self, now: Duration) {
        self.heard = now;
    }

    /// It has shown its key.
    pub(crate) fn key(&mut self, now: Duration) {
        self.shown = Some(now);
    }

    pub(crate) fn picture(&mut self, now: Duration) {
        self.shown = Some(now);
    }

    pub(crate) fn check(&self, now: Duration) -> Result<(), Late> {
        let Some(shown) = self.shown else {
            // A stranger's bytes buy no time.
            return within(KEY_WITHIN, now, Late::NoKey);
        };
        within(self.heard + SILENCE, now, Late::Silent)?;
        within(shown + PICTURE_WITHIN, now, Late::NoPicture)
    }
}

fn within(deadline: Duration, now: Duration, late: Late) -> Result<(), Late> {
    if now < deadline { Ok(()) } else { Err(late) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_stranger_has_eight_seconds_however_much_it_says() {
        let mut patience = Patience::default();
        for second in 0..8 {
            patience.bytes(s(second));
            assert_eq!(patience.check(s(second)), Ok(()));
        }
        assert_eq!(patience.check(s(8)), Err(Late::NoKey));
        assert_eq!(patience.check(s(80)), Err(Late::NoKey));
    }

    #[test]
    fn a_publisher_that_stalls_is_gone_and_one_that_only_pauses_is_not() {
        let mut patience = Patience::default();
        patience.key(s(1));
        patience.bytes(s(2));
        patience.picture(s(2));
        // Three seconds of nothing, as an uplink does them, and on.
        assert_eq!(patience.check(s(5)), Ok(()));
        patience.bytes(s(5));
        patience.picture(s(5));
        assert_eq!(patience.check(s(14)), Ok(()));
        assert_eq!(patience.check(s(15)), Err(Late::Silent));
    }

    #[test]
    fn a_publisher_that_trickles_is_gone() {
        let mut patience = Patience::default();
        patience.key(s(1));
        patience.bytes(s(9));
        assert_eq!(patience.check(s(10)), Ok(()));
        assert_eq!(patience.check(s(11)), Err(Late::NoPicture));
        patience.picture(s(10));
        for second in 11..20 {
            patience.bytes(s(second));
            assert!(patience.check(s(second)).is_ok(), "{second}");
        }
        assert_eq!(patience.check(s(20)), Err(Late::NoPicture));
        assert_eq!(
            Late::NoPicture.refusal(),
            Some(super::super::refusal::Refusal::NoPicture)
        );
    }
}
