//! The attempts, as they are made behind the fence. The folder given is a title's; beside it lie
//! `other/secret` and `writable`, which are somebody else's.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::OnceLock;

use rustix::process::{Pid, Signal, getppid, kill_process};

/// Asked for while that is possible.
static SUPERVISOR: OnceLock<Option<Pid>> = OnceLock::new();

type Attempt = fn(&Path) -> io::Result<()>;

/// Ended with 0: it was possible. With 1: refused, and why is told.
pub(crate) fn inside(name: &str, folder: &Path) -> ExitCode {
    let (_, attempt) = ATTEMPTS
        .iter()
        .find(|(known, _)| *known == name)
        .expect("a known attempt");
    SUPERVISOR.set(getppid()).expect("once");
    let layers = satreel_transcoder::outside::confine(Some(folder)).expect("the confinement");
    println!("behind {layers}");
    match attempt(folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("refused: {error}");
            ExitCode::from(1)
        }
    }
}

const ATTEMPTS: &[(&str, Attempt)] = &[
    ("work as usual", work_as_usual),
    ("wait", wait),
    ("read a system file", |_| fs::read("/etc/passwd").map(drop)),
    ("read a neighbour", |folder| {
        fs::read(folder.join("../other/secret")).map(drop)
    }),
    ("read through a link", |folder| {
        fs::read(folder.join("link")).map(drop)
    }),
    ("make a link", |folder| {
        symlink("/etc/passwd", folder.join("new"))
    }),
    ("make a hard link", |folder| {
        fs::hard_link(folder.join("../other/secret"), folder.join("new"))
    }),
    ("list the root", |_| fs::read_dir("/").map(drop)),
    ("list processes", |_| fs::read_dir("/proc").map(drop)),
    ("write elsewhere", |folder| {
        fs::write(folder.join("../other/new"), b"x")
    }),
    ("write a neighbour", |folder| {
        fs::write(folder.join("../writable"), b"x")
    }),
    ("empty a neighbour by reading", empty_by_reading),
    ("move out", |folder| {
        fs::write(folder.join("mine"), b"x")?;
        fs::rename(folder.join("mine"), folder.join("../other/mine"))
    }),
    ("remove a neighbour", |folder| {
        fs::remove_file(folder.join("../writable"))
    }),
    ("change a mode", |folder| {
        fs::set_permissions(
            folder.join("../writable"),
            fs::Permissions::from_mode(0o777),
        )
    }),
    ("change folders", |_| std::env::set_current_dir("/")),
    ("end the supervisor", |_| {
        signal(*SUPERVISOR.get().expect("a parent"))
    }),
    ("end everybody", |_| signal(Pid::from_raw(1))),
    ("connect", |_| TcpStream::connect("127.0.0.1:9").map(drop)),
    ("send a datagram", |_| {
        UdpSocket::bind("127.0.0.1:0").map(drop)
    }),
    ("connect locally", |_| UnixStream::pair().map(drop)),
    ("run a program", |_| Err(Command::new("/bin/true").exec())),
    ("start a program", |_| {
        Command::new("/bin/true").status().map(drop)
    }),
    ("trace a process", trace),
    ("use up memory", use_up_memory),
    ("use up the disk", use_up_the_disk),
    ("use up descriptors", |_| {
        let open: io::Result<Vec<File>> = (0..100)
            .map(|_| io::stdin().lock().try_clone_file())
            .collect();
        open.map(drop)
    }),
];

/// All that making a film takes.
fn work_as_usual(folder: &Path) -> io::Result<()> {
    let threads: Vec<_> = (0..4)
        .map(|number| {
            let folder = folder.to_owned();
            std::thread::Builder::new()
                .name(format!("rung {number}"))
                .spawn(move || -> io::Result<()> {
                    let temporary = folder.join(format!(".{number}.tmp"));
                    let mut file = File::create(&temporary)?;
                    file.write_all(b"segment")?;
                    file.sync_data()?;
                    fs::rename(&temporary, folder.join(format!("{number}.m4s")))
                })
        })
        .collect::<io::Result<_>>()?;
    for thread in threads {
        thread
            .join()
            .map_err(|_| io::Error::other("a thread fell"))??;
    }
    let mut film = Vec::new();
    io::stdin().read_to_end(&mut film)?;
    File::open(folder)?.sync_all()?;
    fs::remove_file(folder.join("0.m4s"))?;
    assert_eq!(
        (film.as_slice(), fs::read_dir(folder)?.count()),
        (&b"film"[..], 3)
    );
    Ok(())
}

/// Until its input ends.
fn wait(_: &Path) -> io::Result<()> {
    io::stdout().flush()?;
    io::stdin().read_to_end(&mut Vec::new()).map(drop)
}

fn empty_by_reading(folder: &Path) -> io::Result<()> {
    let path = folder.join("../writable");
    OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_TRUNC)
        .open(path)
        .map(drop)
}

fn signal(to: Option<Pid>) -> io::Result<()> {
    Ok(kill_process(to.expect("a process"), Signal::CONT)?)
}

#[allow(
    unsafe_code,
    reason = "no crate of ours wraps it, and it must not be possible"
)]
fn trace(_: &Path) -> io::Result<()> {
    // SAFETY: without memory arguments; asks to be traced by the parent.
    match unsafe { libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Address space only, so that the machine does not feel it where nothing refuses.
fn use_up_memory(_: &Path) -> io::Result<()> {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    for _ in 0..16 {
        let mut block = Vec::new();
        block.try_reserve_exact(1 << 30).map_err(io::Error::other)?;
        kept.push(block);
    }
    Ok(())
}

/// A hole, so that the disk does not feel it where nothing refuses.
fn use_up_the_disk(folder: &Path) -> io::Result<()> {
    let mut file = File::create(folder.join("large"))?;
    file.seek(SeekFrom::Start(3 << 30))?;
    file.write_all(b"x")
}

trait TryCloneFile {
    fn try_clone_file(&self) -> io::Result<File>;
}

impl TryCloneFile for io::StdinLock<'_> {
    fn try_clone_file(&self) -> io::Result<File> {
        use std::os::fd::AsFd as _;
        Ok(self.as_fd().try_clone_to_owned()?.into())
    }
}
