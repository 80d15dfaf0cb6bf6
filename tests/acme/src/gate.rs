//! The way from the authority to the site: it leads to one port, and can be made to keep who comes waiting.

use std::{
    io,
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use anyhow::Result;

/// Passes connections on, two threads for each.
#[derive(Debug)]
pub struct Gate {
    port: u16,
    held: Arc<(Mutex<Held>, Condvar)>,
}

#[derive(Debug, Default)]
struct Held {
    holds: bool,
    waiting: usize,
}

impl Gate {
    pub(crate) fn open(site_port: u16) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let held = Arc::<(Mutex<Held>, Condvar)>::default();
        let shared = held.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let held = shared.clone();
                thread::spawn(move || pass(&stream, site_port, &held));
            }
        });
        Ok(Self { port, held })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// From now on nobody comes through, until [`Self::release`].
    pub fn hold(&self) {
        lock(&self.held).holds = true;
    }

    pub fn release(&self) {
        lock(&self.held).holds = false;
        self.held.1.notify_all();
    }

    /// How many have come and are kept waiting.
    pub fn waiting(&self) -> usize {
        lock(&self.held).waiting
    }
}

fn lock(held: &(Mutex<Held>, Condvar)) -> MutexGuard<'_, Held> {
    held.0.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pass(from: &TcpStream, port: u16, held: &(Mutex<Held>, Condvar)) -> io::Result<()> {
    let mut waiting = lock(held);
    waiting.waiting += 1;
    while waiting.holds {
        waiting = held.1.wait(waiting).unwrap_or_else(PoisonError::into_inner);
    }
    waiting.waiting -= 1;
    drop(waiting);
    let to = TcpStream::connect(("127.0.0.1", port))?;
    let (mut out, mut back) = (from.try_clone()?, to.try_clone()?);
    let there = thread::spawn(move || {
        let _ = io::copy(&mut out, &mut back);
        let _ = back.shutdown(Shutdown::Write);
    });
    let _ = io::copy(&mut &to, &mut &*from);
    let _ = from.shutdown(Shutdown::Write);
    let _ = there.join();
    Ok(())
}
