//! Starts a worker, listens to it, and ends it: by its word, by its silence or by its death.
//!
//! The worker is a process group of its own without environment and without descriptors but the
//! film and two pipes. It dies with this process; its lines are read as hostile.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use crate::control::{Control, Word};
use crate::fault::Fault;
use crate::protocol::{self, LINE, Message, Order};
use crate::surroundings::{Low, Surroundings, give_way};

const GLANCE: Duration = Duration::from_millis(200);
/// How often a worker that has said its last word is asked whether it is gone.
const LEAVING: Duration = Duration::from_millis(2);

/// How long a worker may go on without getting anywhere. One that was taken over can say what it
/// likes, so words alone count for nothing.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// Without a word, or without the film getting any further.
    standing: Duration,
    /// For all the looking: a day of film is read in minutes.
    looking: Duration,
}

const PATIENCE: Patience = Patience {
    standing: Duration::from_mins(1),
    looking: Duration::from_hours(2),
};

/// How often the disk and the broadcasts are looked at.
const LOOK_AROUND: Duration = Duration::from_secs(1);

/// What whoever started a worker hears of it.
#[derive(Debug)]
pub(crate) enum Heard<'a> {
    Told(&'a Message),
    Standing(Standstill),
    GoingOn,
}

/// Why a worker stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standstill {
    /// Somebody asked for it.
    Paused,
    /// There is no room.
    Held(Low),
}

/// Has a worker carry out the order; `hear` gets everything that happens on the way.
pub(crate) fn supervise(
    film: &File,
    order: &Order,
    control: &Control,
    around: Option<&Surroundings>,
    hear: impl FnMut(Heard<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let worker = Worker::start(&mut command(order)?, film)?;
    listen_to(worker, PATIENCE, control, around, hear)
}

fn listen_to(
    mut worker: Worker,
    patience: Patience,
    control: &Control,
    around: Option<&Surroundings>,
    mut hear: impl FnMut(Heard<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let lines = worker.listen()?;
    let mut watchdog = Watchdog::new(patience);
    let mut brake = Brake::new(around);
    loop {
        let line = lines.recv_timeout(GLANCE);
        match control.word() {
            Word::Stop => return Err(Fault::Stopped),
            Word::Cancel => return Err(Fault::Cancelled),
            word @ (Word::Go | Word::Pause) => brake.look(word, &mut worker, &mut hear)?,
        }
        match line {
            Ok(Ok(Message::Done {})) => {
                worker.stand(false);
                return worker.end(patience.standing);
            }
            Ok(Ok(Message::Failed { fault })) => return Err(fault),
            Ok(Ok(message)) => {
                watchdog.hear(&message);
                hear(Heard::Told(&message))?;
            }
            Ok(Err(detail)) => return Err(Fault::Crashed { detail }),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(worker.death(patience.standing)),
        }
        if brake.standing.is_some() {
            watchdog.rest();
        }
        watchdog.check()?;
    }
}

/// Makes a worker stand still and go on, and give way.
struct Brake<'a> {
    around: Option<&'a Surroundings>,
    looked: Option<Instant>,
    low: Option<Low>,
    gives_way: bool,
    standing: Option<Standstill>,
}

impl<'a> Brake<'a> {
    fn new(around: Option<&'a Surroundings>) -> Self {
        Self {
            around,
            looked: None,
            low: None,
            gives_way: false,
            standing: None,
        }
    }

    fn look(
        &mut self,
        word: Word,
        worker: &mut Worker,
        hear: &mut impl FnMut(Heard<'_>) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        self.look_around(worker);
        let wanted = match word {
            Word::Pause => Some(Standstill::Paused),
            Word::Go | Word::Stop | Word::Cancel => self.low.map(Standstill::Held),
        };
        let same = match (self.standing, wanted) {
            // Its figures change all the time.
            (Some(Standstill::Held(_)), Some(Standstill::Held(_))) => true,
            (before, now) => before == now,
        };
        if same {
            return Ok(());
        }
        worker.stand(wanted.is_some());
        self.standing = wanted;
        hear(wanted.map_or(Heard::GoingOn, Heard::Standing))
    }

    fn look_around(&mut self, worker: &Worker) {
        let Some(around) = self.around else {
            return;
        };
        if self
            .looked
            .is_some_and(|looked| looked.elapsed() < LOOK_AROUND)
        {
            return;
        }
        self.looked = Some(Instant::now());
        self.low = around.low(self.low.is_some());
        let live = around.is_live();
        if let Some(id) = worker.id()
            && (live || self.gives_way)
        {
            // Again and again while it lasts: threads may have been started in between.
            give_way(id, live);
        }
        self.gives_way = live;
    }
}

/// Notices that a worker gets nowhere.
struct Watchdog {
    patience: Patience,
    started: Instant,
    moved: Instant,
    done_us: Option<u64>,
}

impl Watchdog {
    fn new(patience: Patience) -> Self {
        let now = Instant::now();
        Self {
            patience,
            started: now,
            moved: now,
            done_us: None,
        }
    }

    fn hear(&mut self, message: &Message) {
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
    fn rest(&mut self) {
        self.moved = Instant::now();
    }

    fn check(&self) -> Result<(), Fault> {
        if self.moved.elapsed() <= self.patience.standing {
            return Ok(());
        }
        Err(Fault::Stalled {
            seconds: self.patience.standing.as_secs(),
        })
    }
}

/// This program once more, as a worker.
///
/// SECURITY: nothing of ours goes along: no environment, no descriptor (all others close on exec),
/// a process group that can be ended as one.
fn command(order: &Order) -> Result<Command, Fault> {
    let program = std::env::current_exe().map_err(|error| crashed("no program", &error))?;
    let order = serde_json::to_string(order).map_err(|error| crashed("no order", &error))?;
    let mut command = Command::new(program);
    command.arg("work").arg(order);
    Ok(command)
}

fn crashed(what: &str, error: &dyn std::fmt::Display) -> Fault {
    Fault::Crashed {
        detail: format!("{what}: {error}"),
    }
}

/// A running worker; dropping it ends its whole group.
struct Worker {
    child: Child,
    reaped: bool,
}

impl Worker {
    fn start(command: &mut Command, film: &File) -> Result<Self, Fault> {
        let film = film.try_clone().map_err(|error| Fault::reading(&error))?;
        let child = command
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(film))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|error| crashed("it did not start", &error))?;
        Ok(Self {
            child,
            reaped: false,
        })
    }

    fn id(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }

    /// Stops the whole group where it is, or lets it go on.
    fn stand(&mut self, still: bool) {
        if let Some(group) = self.id()
            && !self.reaped
        {
            let signal = if still { Signal::STOP } else { Signal::CONT };
            // A group that is gone stands still enough.
            let _ = kill_process_group(group, signal);
        }
    }

    /// Reads lines on a thread of its own, so that silence can be noticed.
    fn listen(&mut self) -> Result<Receiver<Result<Message, String>>, Fault> {
        let out = self.child.stdout.take().ok_or_else(|| Fault::Crashed {
            detail: "no pipe".to_owned(),
        })?;
        let (sender, receiver) = mpsc::sync_channel(16);
        std::thread::Builder::new()
            .name("worker's words".to_owned())
            .spawn(move || {
                let mut out = BufReader::new(out);
                while let Some(message) = next_message(&mut out) {
                    let last = message.is_err();
                    if sender.send(message).is_err() || last {
                        break;
                    }
                }
            })
            .map_err(|error| Fault::Crashed {
                detail: error.to_string(),
            })?;
        Ok(receiver)
    }

    /// After its last word a worker has nothing left to do.
    fn end(mut self, patience: Duration) -> Result<(), Fault> {
        match self.wait(patience)? {
            status if status.success() => Ok(()),
            status => Err(died(status)),
        }
    }

    fn death(&mut self, patience: Duration) -> Fault {
        self.wait(patience).map_or_else(|fault| fault, died)
    }

    /// One that closed its pipe and lives on has to be ended too.
    fn wait(&mut self, patience: Duration) -> Result<ExitStatus, Fault> {
        let since = Instant::now();
        while !self.is_over() {
            if since.elapsed() > patience {
                return Err(Fault::Stalled {
                    seconds: patience.as_secs(),
                });
            }
            std::thread::sleep(LEAVING);
        }
        self.reap()
            .map_err(|error| crashed("it cannot be waited for", &error))
    }

    /// Without taking note of it: until then the group's number is nobody else's.
    fn is_over(&self) -> bool {
        let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        self.id()
            .is_none_or(|own| !matches!(waitid(WaitId::Pid(own), look), Ok(None)))
    }

    /// Ends what there may be of its group, and takes note of its end.
    fn reap(&mut self) -> io::Result<ExitStatus> {
        if !self.reaped
            && let Some(group) = self.id()
        {
            let _ = kill_process_group(group, Signal::KILL);
        }
        self.reaped = true;
        self.child.wait()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.reap();
    }
}

fn died(status: ExitStatus) -> Fault {
    if status.signal() == Some(Signal::SYS.as_raw()) {
        return Fault::Forbidden;
    }
    let detail = status.signal().map_or_else(
        || format!("exit code {}", status.code().unwrap_or(-1)),
        |signal| format!("signal {signal}"),
    );
    Fault::Crashed { detail }
}

/// The next line, never more of it than [`LINE`]. None at the end.
fn next_message(out: &mut BufReader<impl Read>) -> Option<Result<Message, String>> {
    let mut line = Vec::new();
    let limit = LINE as u64 + 2;
    match out.by_ref().take(limit).read_until(b'\n', &mut line) {
        Ok(0) => None,
        Ok(_) => {
            let line = line.strip_suffix(b"\n").unwrap_or(&line);
            Some(protocol::parse(line).map_err(|error| format!("it told {error}")))
        }
        Err(error) => Some(Err(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Patience = Patience {
        standing: Duration::from_millis(300),
        looking: Duration::from_millis(300),
    };

    /// What becomes of a worker that behaves like this, and whether anything of it is left.
    fn supervised(script: &str) -> (Result<(), Fault>, bool) {
        let film = File::open("/dev/null").expect("an input");
        let mut command = Command::new("/bin/sh");
        let worker = Worker::start(command.args(["-c", script]), &film).expect("it starts");
        let group = i32::try_from(worker.child.id())
            .ok()
            .and_then(Pid::from_raw);
        let result = listen_to(worker, SHORT, &Control::default(), None, |_| Ok(()));
        (result, outlives(group.expect("a group")))
    }

    /// The kernel takes a moment to end those that are nobody's children here.
    fn outlives(group: Pid) -> bool {
        let since = Instant::now();
        while lives(group) {
            if since.elapsed() > Duration::from_secs(10) {
                return true;
            }
            std::thread::yield_now();
        }
        false
    }

    /// Whether a process of the group is more than an entry that nobody has read yet.
    fn lives(group: Pid) -> bool {
        let group = group.as_raw_nonzero().to_string();
        let all = std::fs::read_dir("/proc").expect("processes").flatten();
        let states = all.filter_map(|one| std::fs::read_to_string(one.path().join("stat")).ok());
        states.into_iter().any(|stat| {
            let fields: Vec<&str> = stat
                .rsplit(')')
                .next()
                .unwrap_or("")
                .split_whitespace()
                .collect();
            fields.get(2) == Some(&group.as_str()) && !matches!(fields.first(), Some(&("Z" | "X")))
        })
    }

    fn word(result: &Result<(), Fault>) -> String {
        let fault = result.as_ref().err().map(serde_json::to_value);
        let fault = fault.and_then(Result::ok).unwrap_or_default();
        fault["fault"].as_str().unwrap_or("none").to_owned()
    }

    #[test]
    fn whatever_a_worker_does_it_is_gone_afterwards() {
        for (script, expected) in [
            (r#"echo '{"message":"done"}'"#, "none"),
            (r#"echo '{"message":"done"}'; exit 3"#, "crashed"),
            (r#"echo '{"message":"done"}'; exec sleep 30"#, "stalled"),
            ("exec sleep 30", "stalled"),
            ("exec >&-; exec sleep 30", "stalled"),
            (
                r#"while :; do echo '{"message":"looking"}'; done"#,
                "stalled",
            ),
            (
                r#"while :; do echo '{"message":"progress","done_us":7}'; done"#,
                "stalled",
            ),
            ("sleep 30 & sleep 30 & wait", "stalled"),
            (r#"sleep 30 & echo '{"message":"done"}'"#, "none"),
            ("sleep 30 & exit 0", "stalled"),
            ("echo nonsense; exec sleep 30", "crashed"),
            ("exec head -c 1000000 /dev/zero", "crashed"),
            ("exit 0", "crashed"),
            ("kill -9 $$", "crashed"),
            ("kill -31 $$", "forbidden"),
            (
                r#"echo '{"message":"failed","fault":{"fault":"empty"}}'; exec sleep 30"#,
                "empty",
            ),
        ] {
            let (result, left) = supervised(script);
            assert_eq!(word(&result), expected, "{script}: {result:?}");
            assert!(!left, "{script} left something behind");
        }
    }

    #[test]
    fn a_worker_that_never_rests_can_be_stopped() {
        let film = File::open("/dev/null").expect("an input");
        let script = r#"n=0; while :; do n=$((n+1)); echo "{\"message\":\"progress\",\"done_us\":$n}"; done"#;
        let mut command = Command::new("/bin/sh");
        let worker = Worker::start(command.args(["-c", script]), &film).expect("it starts");
        let control = Control::default();
        let result = listen_to(worker, PATIENCE, &control, None, |_| {
            control.say(Word::Stop);
            Ok(())
        });
        assert_eq!(result, Err(Fault::Stopped));
    }

    const COUNTS: &str = r#"n=0; while [ $n -lt 20 ]; do n=$((n+1)); echo "{\"message\":\"progress\",\"done_us\":$n}"; done;
        echo '{"message":"done"}'"#;

    #[test]
    fn a_paused_worker_stands_still_and_goes_on() {
        let film = File::open("/dev/null").expect("an input");
        let mut command = Command::new("/bin/sh");
        let worker = Worker::start(command.args(["-c", COUNTS]), &film).expect("it starts");
        let stat = format!("/proc/{}/stat", worker.child.id());
        let control = Control::default();
        control.say(Word::Pause);
        let mut told = Vec::new();
        let result = listen_to(worker, SHORT, &control, None, |heard| {
            match heard {
                Heard::Standing(why) => {
                    // The signal is sent; on a busy machine the kernel delivers it a little later.
                    let asked = Instant::now();
                    let stands = || {
                        let stat = std::fs::read_to_string(&stat).expect("it is there");
                        stat.contains(") T ") || stat.contains(") Z ")
                    };
                    while !stands() {
                        assert!(asked.elapsed() < Duration::from_secs(10), "it runs on");
                        std::thread::yield_now();
                    }
                    told.push(format!("{why:?}"));
                    control.say(Word::Go);
                }
                Heard::GoingOn => told.push("on".to_owned()),
                Heard::Told(_) => {}
            }
            Ok(())
        });
        assert_eq!(
            (result, told),
            (Ok(()), vec!["Paused".to_owned(), "on".to_owned()])
        );
    }

    #[test]
    fn a_full_disk_holds_the_worker_until_there_is_room() {
        let folder = tempfile::tempdir().expect("a folder");
        let around = |keep_free| Surroundings {
            live: folder.path().join("live"),
            disk: folder.path().to_owned(),
            keep_free,
        };
        let film = File::open("/dev/null").expect("an input");
        let mut command = Command::new("/bin/sh");
        let worker = Worker::start(command.args(["-c", COUNTS]), &film).expect("it starts");
        let control = Control::default();
        let mut held = 0;
        let full = around(u64::MAX / 2);
        let result = listen_to(worker, SHORT, &control, Some(&full), |heard| {
            if let Heard::Standing(Standstill::Held(low)) = heard {
                assert!(low.to_string().contains("keep_free_mb"));
                held += 1;
                control.say(Word::Cancel);
            }
            Ok(())
        });
        assert_eq!((result, held), (Err(Fault::Cancelled), 1));
    }
}
