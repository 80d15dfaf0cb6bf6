//! Opening a film takes a moment of computing, or the file is made to keep us busy.
//!
//! Some headers take libavformat a time that grows much faster than they do (the cube of Matroska's
//! tags), and nobody can interrupt it. The supervisor would only see a worker that says nothing.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use satreel_film::fault::Fault;
use satreel_film::protocol::Message;

use super::tell;

/// The longest film's index is read in a tenth of that.
const MOST: Duration = Duration::from_secs(15);
const GLANCE: Duration = Duration::from_millis(250);

/// Does the work. When it takes too long the supervisor hears that it failed, and ends this process.
pub(super) fn watched<T>(work: impl FnOnce() -> T) -> Result<T, Fault> {
    let began = computed();
    let (done, ended) = mpsc::channel::<()>();
    let watch = thread::Builder::new()
        .name("patience".to_owned())
        .spawn(move || {
            while ended.recv_timeout(GLANCE) == Err(RecvTimeoutError::Timeout) {
                if computed().saturating_sub(began) > MOST {
                    let fault = Fault::damaged("its headers take too long to read");
                    tell(&Message::Failed { fault });
                    return;
                }
            }
        });
    let watch = watch.map_err(|error| Fault::writing(&error))?;
    let result = work();
    drop(done);
    // It ends by itself, and what it could tell is told.
    let _ = watch.join();
    Ok(result)
}

/// What this process has computed so far: a busy machine, or one that stands still, takes nothing of
/// it.
fn computed() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.try_into().unwrap_or_default()
}
