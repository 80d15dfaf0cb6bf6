//! What somebody wants of a job in work: go on, wait, stop, give up. Set from any thread, read by
//! the one that supervises the worker.

use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use satreel_hls::naming::VideoId;

use satreel_film::fault::Fault;

/// The word that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Word {
    #[default]
    Go,
    Pause,
    /// The program ends; the job goes on at the next start.
    Stop,
    /// Somebody gave it up.
    Cancel,
}

/// Shared by whoever decides and whoever works.
#[derive(Debug, Default)]
pub(crate) struct Control {
    word: Mutex<Word>,
    changed: Condvar,
    /// Whose job it is, once the film has been read.
    id: OnceLock<VideoId>,
}

impl Control {
    pub(crate) fn word(&self) -> Word {
        *self.lock()
    }

    /// What ends a job is not taken back.
    pub(crate) fn say(&self, word: Word) {
        let mut current = self.lock();
        if !matches!(*current, Word::Stop | Word::Cancel) {
            *current = word;
        }
        self.changed.notify_all();
    }

    /// The fault of a job that is to end.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        match self.word() {
            Word::Go | Word::Pause => Ok(()),
            Word::Stop => Err(Fault::Stopped),
            Word::Cancel => Err(Fault::Cancelled),
        }
    }

    pub(crate) fn id(&self) -> Option<VideoId> {
        self.id.get().copied()
    }

    pub(crate) fn is_for(&self, id: VideoId) {
        // It is read once; a second time it would be the same.
        let _ = self.id.set(id);
    }

    /// Returns once the word is no longer to pause.
    pub(crate) fn wait_while_paused(&self) -> Word {
        let word = self.lock();
        let paused = |word: &mut Word| *word == Word::Pause;
        *self
            .changed
            .wait_while(word, paused)
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Word> {
        self.word.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_a_job_is_not_taken_back() {
        let control = Control::default();
        for (said, holds) in [
            (Word::Pause, Word::Pause),
            (Word::Go, Word::Go),
            (Word::Cancel, Word::Cancel),
            (Word::Go, Word::Cancel),
        ] {
            control.say(said);
            assert_eq!(control.word(), holds);
        }
    }

    #[test]
    fn a_paused_job_waits_for_the_next_word() {
        let control = Control::default();
        control.say(Word::Pause);
        let word = std::thread::scope(|scope| {
            let waits = scope.spawn(|| control.wait_while_paused());
            control.say(Word::Stop);
            waits.join().expect("it ends")
        });
        assert_eq!(word, Word::Stop);
    }
}
