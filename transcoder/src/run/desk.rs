//! The jobs in hand and those that wait.
//!
//! What is in work has a thread that supervises its worker; a paused one keeps its thread and gives
//! its place up. What is open but not here (after a restart) is known by its job's file.

use std::collections::VecDeque;
use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use satreel_film::fault::Fault;
use satreel_hls::job::Picture;
use satreel_hls::naming::VideoId;

use super::{aside, turn};
use crate::control::{Control, Word};
use crate::job::{self, JobState};
use crate::poster;
use crate::site::Site;

const GLANCE: Duration = Duration::from_millis(50);
/// What something around it has stopped is tried again after so long, and after twice as long each
/// time, up to …
const REST: Duration = Duration::from_secs(2);
const LONGEST_REST: Duration = Duration::from_mins(2);

/// Something to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Task {
    /// A file that has arrived.
    Film(PathBuf),
    /// A job that has a file: after a restart, once more, anew.
    Again(VideoId),
}

/// One job in work.
#[derive(Debug)]
struct Hand {
    task: Task,
    control: Arc<Control>,
    /// Whether it is to be tried again after a while.
    thread: JoinHandle<bool>,
}

/// One that something around it has stopped, a full disk for example.
#[derive(Debug)]
struct Rest {
    task: Task,
    tries: u32,
    /// None: it has its turn.
    until: Option<Instant>,
}

/// A picture that is being drawn: a matter of a second, so it waits for no job.
#[derive(Debug)]
struct Drawing {
    wish: (VideoId, Picture),
    control: Arc<Control>,
    thread: JoinHandle<Result<(), poster::Error>>,
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(super) site: Site,
    queue: VecDeque<Task>,
    hands: Vec<Hand>,
    resting: Vec<Rest>,
    drawings: Vec<Drawing>,
}

/// Held by the one `run` of a site. The kernel frees it with its owner.
pub(crate) fn take_turn(site: &Site) -> Result<File, Fault> {
    let folder = File::open(site.jobs()).map_err(|error| Fault::writing(&error))?;
    match folder.try_lock() {
        Ok(()) => Ok(folder),
        Err(TryLockError::WouldBlock) => Err(Fault::Running),
        Err(TryLockError::Error(error)) => Err(Fault::writing(&error)),
    }
}

/// The same, after whoever holds it has ended.
pub(super) fn await_turn(site: &Site, patience: Duration) -> Result<File, Fault> {
    let until = Instant::now() + patience;
    loop {
        match take_turn(site) {
            Err(Fault::Running) if Instant::now() < until => std::thread::sleep(GLANCE),
            turn => return turn,
        }
    }
}

impl Desk {
    /// With everything that was begun and not ended.
    pub(super) fn open(site: &Site) -> Self {
        let mut desk = Self::idle(site);
        for job in job::all(&site.jobs()) {
            let Ok(id) = job.id.parse() else {
                continue;
            };
            if !job.state.is_open() {
                continue;
            }
            tracing::info!(id = %job.id, name = %job.name, "going on");
            let source = job::source(&job);
            // It has rested before. The inbox sees it again, and is told that it is here.
            desk.add(
                if job.generation == 0 && aside::is_new(&source, &site.inbox) && source.exists() {
                    Task::Film(source)
                } else {
                    Task::Again(id)
                },
            );
        }
        desk
    }

    /// Without a look at what is there: for one wish.
    pub(crate) fn idle(site: &Site) -> Self {
        Self {
            site: site.clone(),
            queue: VecDeque::new(),
            hands: Vec::new(),
            resting: Vec::new(),
            drawings: Vec::new(),
        }
    }

    /// What is here already is not here twice.
    pub(super) fn add(&mut self, task: Task) {
        let known = self.hands.iter().map(|hand| &hand.task).chain(&self.queue);
        if !known.into_iter().any(|known| *known == task) {
            self.queue.push_back(task);
        }
    }

    pub(super) fn forget(&mut self, id: VideoId) {
        self.queue.retain(|task| *task != Task::Again(id));
        self.resting.retain(|rest| rest.task != Task::Again(id));
    }

    /// Takes note of what has ended, and begins what comes next if there is room.
    pub(super) fn turn(&mut self) {
        self.put_down(Instant::now());
        let busy = self
            .hands
            .iter()
            .any(|hand| hand.control.word() != Word::Pause);
        if busy {
            return;
        }
        let Some(task) = self.queue.pop_front() else {
            return;
        };
        let control = Arc::new(Control::default());
        let thread = {
            let (site, task, control) = (self.site.clone(), task.clone(), Arc::clone(&control));
            std::thread::Builder::new()
                .name("job".to_owned())
                .spawn(move || turn::work(&site, &task, &control))
        };
        match thread {
            Ok(thread) => self.hands.push(Hand {
                task,
                control,
                thread,
            }),
            Err(error) => {
                tracing::error!(%error, "no thread for a job");
                self.queue.push_front(task);
            }
        }
    }

    /// What has ended is no longer in hand; what has rested comes again.
    fn put_down(&mut self, now: Instant) {
        let (ended, hands) = std::mem::take(&mut self.hands)
            .into_iter()
            .partition(|hand| hand.thread.is_finished());
        self.hands = hands;
        let ended: Vec<Hand> = ended;
        for Hand {
            task,
            control,
            thread,
        } in ended
        {
            // By its id, once it has one: it may be cancelled meanwhile.
            let own = control.id().map(Task::Again);
            // One that fell has said so already.
            let wants_rest = thread.join().unwrap_or(false);
            self.rest(own.unwrap_or(task), wants_rest, now);
        }
        let due = |rest: &mut Rest| rest.until.take_if(|until| *until <= now).is_some();
        let tasks = self
            .resting
            .iter_mut()
            .filter_map(|rest| due(rest).then(|| rest.task.clone()));
        for task in tasks.collect::<Vec<_>>() {
            self.add(task);
        }
    }

    fn rest(&mut self, task: Task, wants_rest: bool, now: Instant) {
        let known = self.resting.iter().position(|rest| rest.task == task);
        let tries = known.map_or(0, |at| self.resting.swap_remove(at).tries);
        if wants_rest {
            let pause = REST.saturating_mul(1 << tries.min(16)).min(LONGEST_REST);
            self.resting.push(Rest {
                task,
                tries: tries + 1,
                until: Some(now + pause),
            });
        }
    }

    /// The control of a job in work.
    pub(super) fn in_hand(&self, id: VideoId) -> Option<&Control> {
        let is_it = |hand: &&Hand| hand.control.id() == Some(id) || hand.task == Task::Again(id);
        let hand = self.hands.iter().find(is_it);
        hand.map(|hand| &*hand.control)
    }

    /// Has a title's poster drawn. None: not yet.
    pub(super) fn draw(
        &mut self,
        id: VideoId,
        picture: &Picture,
    ) -> Option<Result<(), poster::Error>> {
        let wish = (id, picture.clone());
        let begun = self
            .drawings
            .iter()
            .position(|drawing| drawing.wish == wish);
        match begun {
            Some(at) if self.drawings[at].thread.is_finished() => {
                let ended = self.drawings.swap_remove(at).thread.join();
                // One that fell is begun again.
                ended.ok()
            }
            Some(_) => None,
            // One picture of a title at a time.
            None if self.drawings.iter().any(|other| other.wish.0 == id) => None,
            None => {
                let control = Arc::new(Control::default());
                let (site, own, (id, picture)) =
                    (self.site.clone(), Arc::clone(&control), wish.clone());
                let thread = std::thread::Builder::new()
                    .name("poster".to_owned())
                    .spawn(move || poster::put(&site, id, &picture, &own));
                match thread {
                    Ok(thread) => self.drawings.push(Drawing {
                        wish,
                        control,
                        thread,
                    }),
                    Err(error) => tracing::error!(%error, "no thread for a poster"),
                }
                None
            }
        }
    }

    /// Has every worker end, and waits until it has.
    pub(super) fn close(self) {
        for hand in &self.hands {
            hand.control.say(Word::Stop);
        }
        for drawing in &self.drawings {
            drawing.control.say(Word::Stop);
        }
        for drawing in self.drawings {
            // Its wish is still there: the next start draws it.
            let _ = drawing.thread.join();
        }
        for hand in self.hands {
            // One that fell has said so already.
            let _ = hand.thread.join();
        }
    }

    /// Puts a job back to the beginning, to be done when its turn comes.
    pub(super) fn begin(&mut self, id: VideoId, mut file: job::JobFile) -> Result<(), Fault> {
        file.state = JobState::Waiting;
        file.percent = 0;
        file.speed = 0.0;
        file.fault = None;
        file.detail = None;
        file.answer = None;
        job::write(&self.site.job(id), &mut file)?;
        self.add(Task::Again(id));
        Ok(())
    }
}
