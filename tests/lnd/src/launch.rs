//! Processes that cannot outlive us, and ports for them.

use std::{
    collections::HashSet,
    fs::File,
    hash::{BuildHasher, RandomState},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Mutex, OnceLock, mpsc},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};

type Order = (Command, mpsc::Sender<std::io::Result<Child>>);

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    /// Starts `program`; what it says goes to `log`.
    pub fn start(program: &Path, arguments: &[String], log: &Path) -> Result<Self> {
        let says = File::options().create(true).append(true).open(log)?;
        // The kernel kills it when the thread that started it ends, be that by kill -9.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL"])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(says.try_clone()?)
            .stderr(says);
        let (answer, started) = mpsc::channel();
        launcher()
            .send((command, answer))
            .map_err(|_| anyhow!("the launcher is gone"))?;
        let child = started
            .recv()?
            .with_context(|| format!("setpriv {}", program.display()))?;
        Ok(Self(child))
    }

    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    pub fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }

    /// `TERM`, `STOP`, `CONT`.
    pub fn signal(&self, name: &str) -> Result<()> {
        let done = Command::new("sh")
            .args(["-c", "kill -s \"$0\" \"$1\"", name, &self.pid().to_string()])
            .status()?;
        if !done.success() {
            bail!("kill -s {name} {}: {done}", self.pid());
        }
        Ok(())
    }

    pub fn kill9(&mut self) -> Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }

    /// Asks it to end and waits for that.
    pub async fn stop(&mut self) -> Result<()> {
        self.signal("TERM")?;
        let patience = Instant::now() + Duration::from_mins(1);
        while !self.has_ended() {
            if Instant::now() > patience {
                bail!("process {} does not end", self.pid());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One thread that lives as long as the process starts everything: a child dies with the *thread*
/// that started it, and tests run on threads that come and go.
fn launcher() -> mpsc::Sender<Order> {
    static LAUNCHER: OnceLock<Mutex<mpsc::Sender<Order>>> = OnceLock::new();
    let sender = LAUNCHER.get_or_init(|| {
        let (sender, orders) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, answer) in orders {
                let _ = answer.send(command.spawn());
            }
        });
        Mutex::new(sender)
    });
    match sender.lock() {
        Ok(sender) => sender.clone(),
        Err(poisoned) => poisoned.into_inner().clone(),
    }
}

/// A free port on loopback, below those that the kernel gives to outgoing connections: a node that
/// is started again finds its own port free.
pub fn free_port() -> Result<u16> {
    static TAKEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);
    let mut taken = TAKEN.lock().map_err(|_| anyhow!("ports"))?;
    let taken = taken.get_or_insert_default();
    for turn in 0..1000_u32 {
        let random = RandomState::new().hash_one(turn);
        let port = 20_000 + u16::try_from(random % 12_000)?;
        if !taken.contains(&port) && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            taken.insert(port);
            return Ok(port);
        }
    }
    bail!("no free port on loopback")
}
