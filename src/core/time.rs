//! Moments. Core never reads a clock: whoever calls says what time it is.

use std::fmt;

/// Whole seconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(u64);

impl Timestamp {
    pub const fn from_unix(seconds: u64) -> Self {
        Self(seconds)
    }

    pub const fn as_unix(self) -> u64 {
        self.0
    }

    #[must_use]
    pub const fn plus_seconds(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    #[must_use]
    pub const fn plus_hours(self, hours: u32) -> Self {
        self.plus_seconds(hours as u64 * 3600)
    }

    /// How long from `earlier` to this moment, in seconds; 0 when it lies before.
    pub const fn seconds_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, whole seconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.0).unwrap_or(i64::MAX);
        match jiff::Timestamp::from_second(seconds) {
            Ok(moment) => moment.fmt(f),
            // Beyond the year 9999: the last moment that RFC 3339 can write.
            Err(_) => f.write_str("9999-12-31T23:59:59Z"),
        }
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
