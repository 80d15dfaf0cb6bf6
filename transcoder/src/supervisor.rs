//! Starts a worker, listens to it, and ends it: by its word, by its silence or by its death.
//!
//! The worker is a process group of its own without environment and without descriptors but the
//! film and two pipes. It dies with this process; its lines are read as hostile.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::fault::Fault;
use crate::protocol::{self, LINE, Message, Order};

/// How long a worker may tell nothing.
const SILENCE: Duration = Duration::from_mins(1);
const GLANCE: Duration = Duration::from_millis(200);

/// Set by a signal: the work in hand is given up in order.
#[derive(Debug, Default)]
pub(crate) struct Stop(AtomicBool);

impl Stop {
    pub(crate) fn ask(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub(crate) fn asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Has a worker carry out the order; `hear` gets everything it tells on the way.
pub(crate) fn supervise(
    film: &File,
    order: &Order,
    stop: &Stop,
    mut hear: impl FnMut(&Message) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut worker = Worker::start(film, order)?;
    let lines = worker.listen()?;
    let mut told = Instant::now();
    loop {
        match lines.recv_timeout(GLANCE) {
            Ok(Ok(Message::Done {})) => return worker.end(),
            Ok(Ok(Message::Failed { fault })) => return Err(fault),
            Ok(Ok(message)) => hear(&message)?,
            Ok(Err(detail)) => return Err(Fault::Crashed { detail }),
            Err(RecvTimeoutError::Timeout) if stop.asked() => return Err(Fault::Stopped),
            Err(RecvTimeoutError::Timeout) if told.elapsed() > SILENCE => {
                return Err(Fault::Stalled {
                    seconds: SILENCE.as_secs(),
                });
            }
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => return Err(worker.death()),
        }
        told = Instant::now();
    }
}

/// A running worker; dropping it ends its whole group.
struct Worker {
    child: Child,
}

impl Worker {
    fn start(film: &File, order: &Order) -> Result<Self, Fault> {
        let crashed = |what: &str, error: &dyn std::fmt::Display| Fault::Crashed {
            detail: format!("{what}: {error}"),
        };
        let program = std::env::current_exe().map_err(|error| crashed("no program", &error))?;
        let film = film.try_clone().map_err(|error| Fault::reading(&error))?;
        let order = serde_json::to_string(order).map_err(|error| crashed("no order", &error))?;
        // SECURITY: nothing of ours goes along: no environment, no descriptor (all others close on
        // exec), a process group that can be ended as one.
        let child = Command::new(program)
            .arg("work")
            .arg(order)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(film))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|error| crashed("it did not start", &error))?;
        Ok(Self { child })
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
    fn end(mut self) -> Result<(), Fault> {
        match self.child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(died(status)),
            Err(error) => Err(Fault::Crashed {
                detail: error.to_string(),
            }),
        }
    }

    fn death(&mut self) -> Fault {
        match self.child.wait() {
            Ok(status) => died(status),
            Err(error) => Fault::Crashed {
                detail: error.to_string(),
            },
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Not reaped yet, so the id is still this child's.
        if !matches!(self.child.try_wait(), Ok(Some(_)))
            && let Ok(id) = i32::try_from(self.child.id())
            && let Some(group) = Pid::from_raw(id)
        {
            let _ = kill_process_group(group, Signal::KILL);
            let _ = self.child.wait();
        }
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
