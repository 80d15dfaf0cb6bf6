//! The worker's process and what it says.
//!
//! It is a process group of its own without environment and without descriptors but the film and
//! two pipes. It dies with this process; its lines are read as hostile.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use satreel_film::fault::Fault;
use satreel_film::protocol::{self, LINE, Message};

/// How often a worker that has said its last word is asked whether it is gone.
const LEAVING: Duration = Duration::from_millis(2);

/// A running worker; dropping it ends its whole group.
pub(crate) struct Worker {
    pub(crate) child: Child,
    reaped: bool,
}

impl Worker {
    /// SECURITY: nothing of ours goes along: no environment, no descriptor (all others close on
    /// exec), a process group that can be ended as one.
    pub(crate) fn start(command: &mut Command, film: &File) -> Result<Self, Fault> {
        let film = film.try_clone().map_err(|error| Fault::reading(&error))?;
        let child = command
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::from(film))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => Fault::NoWorker,
                _ => crashed("it did not start", &error),
            })?;
        Ok(Self {
            child,
            reaped: false,
        })
    }

    pub(crate) fn id(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }

    /// Stops the whole group where it is, or lets it go on.
    pub(super) fn stand(&mut self, still: bool) {
        if let Some(group) = self.id()
            && !self.reaped
        {
            let signal = if still { Signal::STOP } else { Signal::CONT };
            // A group that is gone stands still enough.
            let _ = kill_process_group(group, signal);
        }
    }

    /// Reads lines on a thread of its own, so that silence can be noticed.
    pub(super) fn listen(&mut self) -> Result<Receiver<Result<Message, String>>, Fault> {
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
    pub(super) fn end(mut self, patience: Duration) -> Result<(), Fault> {
        match self.wait(patience)? {
            status if status.success() => Ok(()),
            status => Err(died(status)),
        }
    }

    pub(super) fn death(&mut self, patience: Duration) -> Fault {
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

pub(super) fn crashed(what: &str, error: &dyn std::fmt::Display) -> Fault {
    Fault::Crashed {
        detail: format!("{what}: {error}"),
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
