//! A thread that looks at files when inotify says where: word is left in an inbox and taken out in one go.
//!
//! Owns the inbox, and how the thread begins and ends. Does not own what is noted nor what is done about
//! it. Word is a hint and looking decides, so one that got lost costs time and nothing else.

use std::{
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use notify::{Event, EventKind, event::AccessKind};
use parking_lot::{Condvar, Mutex};

/// What is to be looked at. Bounded: whatever is noted twice is there once.
pub trait Todo: Default + Send + 'static {
    fn is_empty(&self) -> bool;
    /// Word may have been lost: everything is to be looked at.
    fn sweep(&mut self);
}

/// Where inotify's thread leaves word.
#[derive(Debug, Default)]
pub struct Inbox<T> {
    state: Mutex<State<T>>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State<T> {
    todo: T,
    stop: bool,
}

impl<T: Todo> Inbox<T> {
    /// Takes in an event; `note` says what its paths concern.
    pub fn note(&self, event: notify::Result<Event>, note: impl FnOnce(&mut T, Event)) {
        let mut state = self.state.lock();
        match event {
            // Our own reading is no change; it would come back to us for ever.
            Ok(event) if is_reading(event.kind) => return,
            Ok(event) if !event.need_rescan() => note(&mut state.todo, event),
            // Lost events (the queue ran over) and inotify's own errors.
            Ok(_) | Err(_) => state.todo.sweep(),
        }
        if !state.todo.is_empty() {
            self.wake.notify_one();
        }
    }

    /// What there is to do, by `sweep_at` everything. None: the watch has ended.
    pub fn take(&self, sweep_at: Option<Instant>) -> Option<T> {
        self.take_settled(sweep_at, Duration::ZERO, Duration::ZERO)
    }

    /// The same, once nothing was noted for a `pause`, but at most so much later.
    pub fn take_settled(
        &self,
        sweep_at: Option<Instant>,
        pause: Duration,
        at_most: Duration,
    ) -> Option<T> {
        let mut state = self.state.lock();
        while state.todo.is_empty() && !state.stop {
            match sweep_at {
                None => self.wake.wait(&mut state),
                Some(at) => {
                    if self.wake.wait_until(&mut state, at).timed_out() {
                        state.todo.sweep();
                    }
                }
            }
        }
        let until = Instant::now() + at_most;
        while !state.stop {
            let pause = (Instant::now() + pause).min(until);
            if self.wake.wait_until(&mut state, pause).timed_out() {
                break;
            }
        }
        (!state.stop).then(|| std::mem::take(&mut state.todo))
    }

    pub fn has_ended(&self) -> bool {
        self.state.lock().stop
    }
}

const fn is_reading(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(AccessKind::Close(mode)) => {
            !matches!(mode, notify::event::AccessMode::Write)
        }
        EventKind::Access(_) => true,
        EventKind::Any
        | EventKind::Create(_)
        | EventKind::Modify(_)
        | EventKind::Remove(_)
        | EventKind::Other => false,
    }
}

/// The running thread. Dropping it ends it and waits for its end.
#[derive(Debug)]
pub struct Watch<T: Todo> {
    inbox: Arc<Inbox<T>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl<T: Todo> Watch<T> {
    /// `run` returns when the inbox has ended.
    pub fn start(
        name: &str,
        inbox: Arc<Inbox<T>>,
        run: impl FnOnce() + Send + 'static,
    ) -> io::Result<Self> {
        let thread = thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Self {
            inbox,
            thread: Some(thread),
        })
    }
}

impl<T: Todo> Drop for Watch<T> {
    fn drop(&mut self) {
        self.inbox.state.lock().stop = true;
        self.inbox.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic in it has been reported by the panic hook.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use notify::event::{AccessMode, CreateKind, Flag};

    use super::*;

    #[derive(Debug, Default, PartialEq)]
    struct Names {
        names: Vec<&'static str>,
        sweep: bool,
    }

    impl Todo for Names {
        fn is_empty(&self) -> bool {
            self.names.is_empty() && !self.sweep
        }

        fn sweep(&mut self) {
            self.sweep = true;
        }
    }

    fn made() -> Event {
        Event::new(EventKind::Create(CreateKind::File))
    }

    #[test]
    fn word_is_taken_in_one_go() {
        let inbox = Inbox::<Names>::default();
        let read = EventKind::Access(AccessKind::Close(AccessMode::Read));
        inbox.note(Ok(Event::new(read)), |todo, _| todo.names.push("read"));
        let written = EventKind::Access(AccessKind::Close(AccessMode::Write));
        inbox.note(Ok(Event::new(written)), |todo, _| {
            todo.names.push("written");
        });
        inbox.note(Ok(made()), |todo, _| todo.names.push("made"));
        let todo = inbox.take(None).expect("it runs");
        assert_eq!(todo.names, ["written", "made"]);
        inbox.note(Ok(made().set_flag(Flag::Rescan)), |_, _| {});
        assert!(
            inbox.take(None).expect("it runs").sweep,
            "the queue ran over"
        );
        assert!(
            inbox.take(Some(Instant::now())).expect("it runs").sweep,
            "it is time"
        );
    }

    #[test]
    fn it_ends_with_its_watch() {
        let inbox = Arc::new(Inbox::<Names>::default());
        let own = Arc::clone(&inbox);
        let (taken, heard) = std::sync::mpsc::channel();
        let watch = Watch::start("test", Arc::clone(&inbox), move || {
            while let Some(todo) = own.take(None) {
                taken.send(todo).expect("somebody hears");
            }
        });
        let watch = watch.expect("a thread");
        inbox.note(Ok(made()), |todo, _| todo.names.push("made"));
        assert_eq!(heard.recv().expect("a thread").names, ["made"]);
        drop(watch);
        assert!(inbox.has_ended() && heard.recv().is_err());
    }
}
