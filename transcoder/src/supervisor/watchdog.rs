//! Noticing that a worker gets nowhere.

use std::time::{Duration, Instant};

use satreel_film::fault::Fault;
use satreel_film::protocol::Message;

/// How long a worker may go on without getting anywhere. One that was taken over can say what it
/// likes, so words alone count for nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Without a word, or without the film getting any further.
    pub(super) standing: Duration,
    /// For all the looking: a day of film is read in minutes.
    pub(super) looking: Duration,
}

pub(super) const PATIENCE: Patience = Patience {
    standing: Duration::from_mins(1),
    looking: Duration::from_hours(2),
};

/// Notices that a worker gets nowhere.
pub(super) struct Watchdog {
    patience: Patience,
    started: Instant,
    moved: Instant,
    done_us: Option<u64>,
}

impl Watchdog {
    pub(super) fn new(patience: Patience) -> Self {
        let now = Instant::now();
        Self {
            patience,
            started: now,
            moved: now,
            done_us: None,
        }
    }

    pub(super) fn hear(&mut self, message: &Message) {
        let moved = match message {
            Message::Progress { done_us } => {
                let further = self.done_us.is_none_or(|before| *done_us > before);
                self.done_us = self.done_us.max(Some(*done_us));
                further
            }
            Message::Looking {} => self.started.elapsed() < self.patience.looking,
            Message::Confined { .. }
            | Message::Planned { .. }
            | Message::Playable {}
            | Message::Done {}
            | Message::Failed { .. } => true,
        };
        if moved {
            self.moved = Instant::now();
        }
    }

    /// Standing still as told is no standstill.
    pub(super) fn rest(&mut self) {
        self.moved = Instant::now();
    }

    pub(super) fn check(&self) -> Result<(), Fault> {
        if self.moved.elapsed() <= self.patience.standing {
            return Ok(());
        }
        Err(Fault::Stalled {
            seconds: self.patience.standing.as_secs(),
        })
    }
}
