//! `run`: the watch folder, the wishes and the jobs, for as long as the process lives.
//!
//! [`inbox`] says which files have arrived, [`desk`] holds the jobs in hand and those that wait,
//! [`wishes`] carries out what the studio and the command line ask for, [`aside`] is where a film
//! goes when it is through. One film is made at a time; a paused one gives its place up. [`crate::life`]
//! tells the service manager that all this turns.

mod aside;
pub(crate) mod desk;
mod inbox;
mod turn;
mod watch;
pub(crate) mod wishes;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use satreel_film::sandbox;
use satreel_service::State;
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::Failure;
use crate::generation;
use crate::life::Life;
use crate::live;
use crate::site::Site;
use desk::{Desk, Task};
use inbox::Inbox;
use watch::Watch;

const TICK: Duration = Duration::from_millis(250);
/// How long another `run` may take to end.
const SHORT: Duration = Duration::from_secs(2);
const LONG: Duration = Duration::from_secs(30);
const SWEEP_EVERY: Duration = Duration::from_hours(1);

pub(crate) fn run(site: &Site, until_stdin_closes: bool) -> Result<(), Failure> {
    sandbox::check(site.sandbox).map_err(Failure::failed)?;
    site.prepare().map_err(Failure::failed)?;
    // A starter that was killed and started again finds its former child still ending.
    let patience = if until_stdin_closes { LONG } else { SHORT };
    let _turn = desk::await_turn(site, patience).map_err(Failure::failed)?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGTERM, SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).map_err(Failure::failed)?;
    }
    if until_stdin_closes {
        stop_with_stdin(&stop)?;
    }
    let pulse = live::start(site).map_err(Failure::failed)?;
    let mut watch = Watch::start(&site.inbox)?;
    tracing::info!(inbox = %site.inbox.display(), "watching");
    let mut inbox = Inbox::new(&site.inbox, watch.is_far());
    let mut desk = Desk::open(site);
    let mut swept: Option<Instant> = None;
    let mut life = Life::new(vec![pulse]);
    satreel_service::tell(State::Ready);
    while !stop.load(Ordering::SeqCst) {
        watch.hear(TICK, &mut inbox)?;
        let now = Instant::now();
        inbox.look_if_due(now);
        while let Some(film) = inbox.next_ready(now) {
            desk.add(Task::Film(film));
        }
        wishes::carry_out(&mut desk);
        desk.turn();
        if swept.is_none_or(|swept| swept.elapsed() >= SWEEP_EVERY) {
            swept = Some(now);
            sweep(site);
        }
        life.turn(now);
    }
    satreel_service::tell(State::Stopping);
    desk.close();
    tracing::info!("stopped");
    Ok(())
}

/// Whoever started us holds the other end; the kernel closes it with them.
fn stop_with_stdin(stop: &Arc<AtomicBool>) -> Result<(), Failure> {
    let stop = Arc::clone(stop);
    std::thread::Builder::new()
        .name("stdin".to_owned())
        .spawn(move || {
            // What comes is of no interest, only that it ends; a fault is an end too.
            let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            stop.store(true, Ordering::SeqCst);
        })
        .map(drop)
        .map_err(Failure::failed)
}

/// What earlier makings and interrupted deletions have left.
fn sweep(site: &Site) {
    for folder in site.title_folders() {
        match generation::sweep(&folder) {
            Ok(0) => {}
            Ok(files) => tracing::info!(folder = %folder.display(), files, "an old making is gone"),
            // A title that is being made has no multivariant playlist yet.
            Err(error) => tracing::debug!(folder = %folder.display(), %error, "not swept"),
        }
    }
    site.sweep_deleted();
}
