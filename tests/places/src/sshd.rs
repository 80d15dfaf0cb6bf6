//! A real OpenSSH server: Debian's, started for every connection as inetd would, so that no port has to
//! be guessed and nothing stays behind.
//!
//! It runs in a mount namespace of its own, with a disk of a megabyte in it and a list of users that has
//! nobody but whoever runs the test, under the name `copier`. Where that is root the user is shut into a
//! folder (`ChrootDirectory`), as one does for backups; others can't do that.

use std::{
    fs,
    net::{SocketAddr, TcpListener, TcpStream},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use satreel_config::{Place, Secret};
use tempfile::TempDir;

use crate::program;

/// Mounts what the server is to see and becomes the server. Arguments: the test's folder, sshd, user id, group id.
const ENTER: &str = r#"set -e
work=$1 sshd=$2
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/copies /mnt/full
mount --bind "$work/disk/copies" /mnt/copies
mount -t tmpfs -o size=1m tmpfs /mnt/full
mount --bind "$work/passwd" /etc/passwd
if [ "$3" = 0 ]; then
  mount -t tmpfs -o mode=755 tmpfs /run
  mkdir /run/sshd
  exec "$sshd" -i -e -f "$work/sshd_config"
fi
exec unshare -U --map-user="$3" --map-group="$4" "$sshd" -i -e -f "$work/sshd_config"
"#;

const USER: &str = "copier";

/// A server with the folders `copies` and `full`, which has room for a megabyte. Ends when it is dropped.
#[derive(Debug)]
pub struct Sshd {
    work: TempDir,
    address: SocketAddr,
    listening: Option<Listening>,
}

#[derive(Debug)]
struct Listening {
    thread: JoinHandle<()>,
    ends: Arc<AtomicBool>,
}

/// Makes a key pair and gives the public half, as one line.
pub fn make_key(folder: &Path, name: &str) -> String {
    let path = folder.join(name);
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
        .arg(&path)
        .status()
        .expect("ssh-keygen, by tools/setup test");
    assert!(made.success());
    let public = fs::read_to_string(path.with_extension("pub")).expect("the public half");
    public.trim_end().to_owned()
}

fn user_and_group() -> [u32; 2] {
    [
        rustix::process::getuid().as_raw(),
        rustix::process::getgid().as_raw(),
    ]
}

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

impl Sshd {
    pub fn start() -> Self {
        let work = tempfile::tempdir().expect("a folder");
        let folder = work.path();
        fs::create_dir_all(folder.join("disk/copies")).expect("made");
        make_key(folder, "host");
        let client = make_key(folder, "client");
        fs::write(folder.join("authorized_keys"), client).expect("written");
        let [user, group] = user_and_group();
        let users = format!(
            "{USER}:x:{user}:{group}::/mnt:/bin/sh\n\
             sshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n"
        );
        fs::write(folder.join("passwd"), users).expect("written");
        let shut_in = if is_root() {
            "ChrootDirectory /mnt"
        } else {
            ""
        };
        let config = format!(
            "HostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized_keys\nStrictModes no\n\
             UsePAM no\nPasswordAuthentication no\nPidFile none\nPermitRootLogin prohibit-password\n\
             Subsystem sftp internal-sftp\nForceCommand internal-sftp\n{shut_in}\n",
            folder = folder.display()
        );
        fs::write(folder.join("sshd_config"), config).expect("written");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut sshd = Self {
            work,
            address: any,
            listening: None,
        };
        sshd.listen();
        sshd
    }

    /// At the same port as before.
    pub fn listen(&mut self) {
        let listener = TcpListener::bind(self.address).expect("a port");
        self.address = listener.local_addr().expect("an address");
        let work = self.work.path().to_owned();
        let ends = Arc::new(AtomicBool::new(false));
        let end = ends.clone();
        // A thread of its own: a test that waits for a program must not keep the server waiting.
        let thread = std::thread::spawn(move || serve(&listener, &work, &end));
        self.listening = Some(Listening { thread, ends });
    }

    /// Nobody answers any more, and who was served is cut off.
    pub fn stop(&mut self) {
        let Some(Listening { thread, ends }) = self.listening.take() else {
            return;
        };
        ends.store(true, Ordering::SeqCst);
        // Wakes it from its wait.
        let _ = TcpStream::connect(self.address);
        let _ = thread.join();
    }

    /// The test's folder, with the keys `client` and `host`, and `disk/copies`.
    pub fn folder(&self) -> &Path {
        self.work.path()
    }

    /// How a guardian reaches one of its folders.
    pub fn place(&self, folder: &str) -> Place {
        let above = if is_root() { "" } else { "/mnt" };
        Place::Sftp {
            host: self.address.ip().to_string(),
            port: self.address.port(),
            user: USER.to_owned(),
            path: format!("{above}/{folder}"),
            key: Secret::File(self.folder().join("client")),
            host_key: self.host_key(),
        }
    }

    fn host_key(&self) -> String {
        let key = fs::read_to_string(self.folder().join("host.pub")).expect("a key");
        key.trim_end().to_owned()
    }
}

impl Drop for Sshd {
    /// A test that fails shows what the server thought.
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder().join("log"));
            println!("{}", log.unwrap_or_default());
        }
    }
}

fn serve(listener: &TcpListener, work: &Path, ends: &AtomicBool) {
    let sshd = program("tools/openssh-server/usr/sbin/sshd");
    let mut servers: Vec<Child> = Vec::new();
    loop {
        let (connection, _) = listener.accept().expect("a connection");
        if ends.load(Ordering::SeqCst) {
            break;
        }
        servers.retain_mut(|server| matches!(server.try_wait(), Ok(None)));
        servers.push(answer(&sshd, work, connection.into()).expect("unshare"));
    }
    for mut server in servers {
        let _ = server.kill();
        let _ = server.wait();
    }
}

fn answer(sshd: &PathBuf, work: &Path, connection: OwnedFd) -> std::io::Result<Child> {
    let log = fs::File::options()
        .append(true)
        .create(true)
        .open(work.join("log"))?;
    Command::new("unshare")
        .args(if is_root() {
            ["-m"].as_slice()
        } else {
            &["-r", "-m"]
        })
        .args(["sh", "-c", ENTER, "sh"])
        .arg(work)
        .arg(sshd)
        .args(user_and_group().map(|id| id.to_string()))
        .env(
            "LD_LIBRARY_PATH",
            program("tools/libwrap0/usr/lib/x86_64-linux-gnu"),
        )
        .stdin(Stdio::from(connection.try_clone()?))
        .stdout(Stdio::from(connection))
        .stderr(log)
        .spawn()
}
