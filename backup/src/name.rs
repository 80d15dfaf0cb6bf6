//! Names of copies: what is in one, when it was made, and whether it is a node's without channels.
//! The time stands in the name, since times of files change when they are moved about.
//!
//! `channels-20261122t014500123z.age`, `channels-20261122t014500123z.empty.age`,
//! `site-20261122t014500123z.age`: in the order of letters they are in the order of time.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};
use satreel_destinations::Name;

/// What a copy is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The node's static channel backup, as LND's `channel.backup` has it.
    Channels,
    /// The site's own data.
    Site,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Channels => "channels",
            Self::Site => "site",
        })
    }
}

/// One copy, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Copy {
    pub kind: Kind,
    /// To the millisecond.
    pub at: Timestamp,
    /// A backup of no channels at all.
    pub empty: bool,
}

/// Not the name of a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a copy")]
pub struct NoCopy;

const END: &str = ".age";
const EMPTY: &str = ".empty";
/// `20261122t014500123z`
const STAMP: usize = 19;

impl Copy {
    /// Made now; later than `before`, whatever the clock says, so that the newest is the newest.
    pub fn new(kind: Kind, now: Timestamp, before: Option<Timestamp>, empty: bool) -> Self {
        let least = before.and_then(|before| {
            before
                .checked_add(SignedDuration::from_millis(1))
                .ok()
                .filter(|least| *least > now)
        });
        let at = least.unwrap_or(now);
        let at = Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at);
        Self { kind, at, empty }
    }

    /// As destinations have it.
    pub fn name(&self) -> Option<Name> {
        self.to_string().parse().ok()
    }

    /// None: something else, which is not ours to touch.
    pub fn of(name: &Name) -> Option<Self> {
        name.as_str().parse().ok()
    }
}

impl fmt::Display for Copy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stamp = self.at.strftime("%Y%m%dt%H%M%S%3fz");
        let empty = if self.empty { EMPTY } else { "" };
        write!(f, "{}-{stamp}{empty}{END}", self.kind)
    }
}

impl FromStr for Copy {
    type Err = NoCopy;

    fn from_str(text: &str) -> Result<Self, NoCopy> {
        let (kind, rest) = text.split_once('-').ok_or(NoCopy)?;
        let kind = match kind {
            "channels" => Kind::Channels,
            "site" => Kind::Site,
            _ => return Err(NoCopy),
        };
        let rest = rest.strip_suffix(END).ok_or(NoCopy)?;
        let (stamp, empty) = match rest.strip_suffix(EMPTY) {
            Some(stamp) => (stamp, true),
            None => (rest, false),
        };
        let copy = Self {
            kind,
            at: time(stamp).ok_or(NoCopy)?,
            empty,
        };
        // One name for each copy, and no other spelling of it.
        if copy.to_string() == text {
            Ok(copy)
        } else {
            Err(NoCopy)
        }
    }
}

fn time(stamp: &str) -> Option<Timestamp> {
    if stamp.len() != STAMP || !stamp.is_ascii() {
        return None;
    }
    let digits = |from: usize, to: usize| stamp.get(from..to)?.parse::<i16>().ok();
    let small = |from, to| digits(from, to).and_then(|value| i8::try_from(value).ok());
    let nanoseconds = i32::from(digits(15, 18)?) * 1_000_000;
    let civil = DateTime::new(
        digits(0, 4)?,
        small(4, 6)?,
        small(6, 8)?,
        small(9, 11)?,
        small(11, 13)?,
        small(13, 15)?,
        nanoseconds,
    );
    let zoned = civil.ok()?.to_zoned(TimeZone::UTC).ok()?;
    Some(zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn names_say_what_and_when() {
        let now = at("2026-11-22T01:45:00.123456Z");
        let full = Copy::new(Kind::Channels, now, None, false);
        assert_eq!(full.to_string(), "channels-20261122t014500123z.age");
        let empty = Copy::new(Kind::Channels, now, None, true);
        assert_eq!(empty.to_string(), "channels-20261122t014500123z.empty.age");
        let site = Copy::new(Kind::Site, now, None, false);
        for copy in [full, empty, site] {
            let name = copy.name().expect("a name");
            assert_eq!(Copy::of(&name), Some(copy));
        }
    }

    #[test]
    fn the_newest_is_the_newest_when_the_clock_goes_back() {
        let first = Copy::new(Kind::Site, at("2026-11-22T01:45:00.5Z"), None, false);
        for now in ["2026-11-22T01:45:00.5Z", "2025-01-01T00:00:00Z"] {
            let next = Copy::new(Kind::Site, at(now), Some(first.at), false);
            assert_eq!(next.to_string(), "site-20261122t014500501z.age");
            assert!(next > first && next.to_string() > first.to_string());
        }
    }

    #[test]
    fn other_names_are_none_of_ours() {
        for other in [
            "",
            "channels",
            "channels-.age",
            "channels-20261122t014500z.age",
            "channels-20261322t014500123z.age",
            "channels-20261122T014500123Z.age",
            "channels-20261122t014500123z",
            "channels-20261122t014500123z.age.age",
            "channels-20261122t014500123z.empty.empty.age",
            "channels-+0261122t014500123z.age",
            "films-20261122t014500123z.age",
            "site-2026112ät01450012z.age",
        ] {
            assert_eq!(other.parse::<Copy>(), Err(NoCopy), "{other}");
        }
    }
}
