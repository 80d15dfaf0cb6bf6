//! Starts a worker, listens to it, and ends it: by its word, by its silence or by its death.
//!
//! [`worker`] is the process and its lines, [`watchdog`] notices that it gets nowhere, [`brake`]
//! makes it stand still and give way.

mod brake;
#[cfg(test)]
mod tests;
mod watchdog;
mod worker;

use std::fs::File;
use std::process::{Command, Stdio};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use satreel_film::fault::Fault;
use satreel_film::protocol::{Abilities, CODECS, Errand, Message};

use crate::control::{Control, Word};
use crate::surroundings::{Low, Surroundings};
use brake::Brake;
use watchdog::{PATIENCE, Patience, Watchdog};
pub(crate) use worker::Worker;
use worker::crashed;

const WORKER: &str = "satreel-worker";
/// Knows looks alone, and is there sooner.
const LOOK: &str = "satreel-look";
const GLANCE: Duration = Duration::from_millis(200);

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

/// Has a worker carry out the errand; `hear` gets everything that happens on the way.
pub(crate) fn supervise(
    film: &File,
    errand: &Errand,
    control: &Control,
    around: Option<&Surroundings>,
    hear: impl FnMut(Heard<'_>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let worker = Worker::start(&mut command(errand)?, film)?;
    listen_to(worker, PATIENCE, control, around, hear)
}

/// A worker that whoever starts it hears by himself; it ends when it is dropped.
pub(crate) fn start(errand: &Errand, input: &File) -> Result<Worker, Fault> {
    Worker::start(&mut command(errand)?, input)
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

/// What the worker's FFmpeg can do. It answers without having read anything of a stranger's.
pub(crate) fn abilities() -> Result<Abilities, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let worker = own.with_file_name(WORKER);
    let asked = Command::new(&worker)
        .arg(CODECS)
        .env_clear()
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .map_err(|error| format!("{}: {error}", worker.display()))?;
    serde_json::from_slice(&asked.stdout)
        .map_err(|_| format!("{} gives no answer ({})", worker.display(), asked.status))
}

/// The worker's program, which lies beside this one.
fn command(errand: &Errand) -> Result<Command, Fault> {
    let own = std::env::current_exe().map_err(|error| crashed("no program", &error))?;
    let order = serde_json::to_string(errand).map_err(|error| crashed("no order", &error))?;
    // Where only the worker was installed it looks as well.
    let look = Some(own.with_file_name(LOOK)).filter(|look| errand.is_look() && look.is_file());
    let mut command = Command::new(look.unwrap_or_else(|| own.with_file_name(WORKER)));
    command.arg(order);
    Ok(command)
}
