//! A real OpenSSH server for the tests: Debian's, unpacked by `tools/setup test`, started for every
//! connection as inetd would, so that no port has to be guessed and nothing stays behind.
//!
//! It runs in a mount namespace of its own, with a disk of a megabyte in it. Where the tests are run by root
//! the user is shut into a folder (`ChrootDirectory`), as one does for backups; others can't do that.

use std::{
    env, fs,
    net::SocketAddr,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;
use tokio::{net::TcpListener, task::JoinHandle};

/// Mounts what the server is to see and becomes the server. Arguments: the test's folder, sshd, user id, group id.
const ENTER: &str = r#"set -e
work=$1 sshd=$2
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/copies /mnt/full
mount --bind "$work/disk/copies" /mnt/copies
mount -t tmpfs -o size=1m tmpfs /mnt/full
if [ "$3" = 0 ]; then
  mount --bind "$work/passwd" /etc/passwd
  mount -t tmpfs -o mode=755 tmpfs /run
  mkdir /run/sshd
  exec "$sshd" -i -e -f "$work/sshd_config"
fi
exec unshare -U --map-user="$3" --map-group="$4" "$sshd" -i -e -f "$work/sshd_config"
"#;

pub(crate) struct Sshd {
    work: TempDir,
    address: SocketAddr,
    listening: Option<JoinHandle<()>>,
}

/// Makes a key pair and gives the public half, as one line.
pub(crate) fn make_key(folder: &Path, name: &str) -> String {
    let path = folder.join(name);
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f"])
        .arg(&path)
        .status()
        .expect("ssh-keygen, by tools/setup test");
    assert!(made.success());
    fs::read_to_string(path.with_extension("pub")).expect("the public half")
}

fn tools() -> PathBuf {
    let cache = env::var_os("SATREEL_CACHE").map(PathBuf::from);
    let cache =
        cache.or_else(|| Some(PathBuf::from(env::var_os("XDG_CACHE_HOME")?).join("satreel")));
    let cache = cache.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache/satreel")));
    cache.expect("a home").join("tools")
}

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

impl Sshd {
    pub(crate) async fn start() -> Self {
        let work = tempfile::tempdir().expect("a folder");
        let folder = work.path();
        fs::create_dir_all(folder.join("disk/copies")).expect("made");
        make_key(folder, "host");
        let client = make_key(folder, "client");
        fs::write(folder.join("authorized_keys"), client).expect("written");
        let users =
            "root:x:0:0:root:/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n";
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
        sshd.listen().await;
        sshd
    }

    /// At the same port as before.
    pub(crate) async fn listen(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("a port");
        self.address = listener.local_addr().expect("an address");
        let work = self.work.path().to_owned();
        self.listening = Some(tokio::spawn(async move {
            let mut servers = tokio::task::JoinSet::new();
            loop {
                let (connection, _) = listener.accept().await.expect("a connection");
                let connection = connection.into_std().expect("a socket");
                connection
                    .set_nonblocking(false)
                    .expect("a socket for sshd");
                let mut server = serve(&work, connection.into()).expect("unshare");
                servers.spawn(async move { server.wait().await });
            }
        }));
    }

    pub(crate) async fn stop(&mut self) {
        if let Some(listening) = self.listening.take() {
            listening.abort();
            let _ = listening.await;
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.work.path()
    }

    pub(crate) fn host_key(&self) -> String {
        fs::read_to_string(self.folder().join("host.pub")).expect("a key")
    }

    /// As the user sees it.
    pub(crate) fn path_of(folder: &str) -> String {
        if is_root() {
            format!("/{folder}")
        } else {
            format!("/mnt/{folder}")
        }
    }

    pub(crate) fn user() -> String {
        if is_root() {
            "root".to_owned()
        } else {
            env::var("USER").expect("a user's name")
        }
    }
}

impl Drop for Sshd {
    /// A test that fails shows what the server thought.
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!(
                "{}",
                fs::read_to_string(self.folder().join("log")).unwrap_or_default()
            );
        }
    }
}

fn serve(work: &Path, connection: OwnedFd) -> std::io::Result<tokio::process::Child> {
    let sshd = tools().join("openssh-server/usr/sbin/sshd");
    assert!(
        sshd.exists(),
        "{} is missing: run tools/setup test",
        sshd.display()
    );
    let log = fs::File::options()
        .append(true)
        .create(true)
        .open(work.join("log"))?;
    let me = [
        rustix::process::getuid().as_raw(),
        rustix::process::getgid().as_raw(),
    ];
    tokio::process::Command::new("unshare")
        .args(if is_root() {
            ["-m"].as_slice()
        } else {
            &["-r", "-m"]
        })
        .args(["sh", "-c", ENTER, "sh"])
        .args([work, &sshd])
        .args(me.map(|id| id.to_string()))
        .env(
            "LD_LIBRARY_PATH",
            tools().join("libwrap0/usr/lib/x86_64-linux-gnu"),
        )
        .stdin(Stdio::from(connection.try_clone()?))
        .stdout(Stdio::from(connection))
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
}
