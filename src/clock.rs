//! What time it is, as a parameter: tests and the demo bring their own.

use std::{
    fmt,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use crate::core::time::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync + fmt::Debug {
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // A clock before 1970 is broken; the start of time keeps every check on the safe side.
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_unix(since.as_secs())
    }
}

/// The machine's clock plus the seconds written in a file, read anew at every look: lets a demo
/// or a test see a rent run out without waiting a day. An absent or unreadable file adds nothing.
#[derive(Debug, Clone)]
pub struct OffsetClock {
    file: PathBuf,
}

impl OffsetClock {
    pub const fn new(file: PathBuf) -> Self {
        Self { file }
    }
}

impl Clock for OffsetClock {
    fn now(&self) -> Timestamp {
        let offset = std::fs::read_to_string(&self.file)
            .ok()
            .and_then(|text| text.trim().parse::<u64>().ok());
        SystemClock.now().plus_seconds(offset.unwrap_or(0))
    }
}

/// Stands still until told otherwise.
#[derive(Debug, Default)]
pub struct SimulatedClock(AtomicU64);

impl SimulatedClock {
    pub const fn at(now: Timestamp) -> Self {
        Self(AtomicU64::new(now.as_unix()))
    }

    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_unix(), Ordering::SeqCst);
    }

    pub fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.0.load(Ordering::SeqCst))
    }
}
