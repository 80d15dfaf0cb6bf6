//! What the service manager is told by each of our programs: that it is up, every now and then that
//! it lives, and that it stops (`sd_notify(3)`). Without one, nothing happens here.

use std::{
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
    time::Duration,
};

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It has begun, and does its work.
    Ready,
    /// It still does: wanted again and again where [`watchdog`] says so.
    Alive,
    Stopping,
}

impl State {
    /// As the manager reads it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "READY=1",
            Self::Alive => "WATCHDOG=1",
            Self::Stopping => "STOPPING=1",
        }
    }
}

/// Sends `state` to whoever started us and wants to know; nothing without `NOTIFY_SOCKET`.
pub fn tell(state: State) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    let words = state.as_str();
    if let Err(error) = send(&socket, words) {
        tracing::warn!("systemd can't be told {words}: {error}");
    }
}

fn send(socket: &std::ffi::OsStr, words: &str) -> io::Result<()> {
    // An @ stands for the zero byte with which abstract names begin.
    let address = match socket.as_encoded_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    let datagram = UnixDatagram::unbound()?;
    datagram.send_to_addr(words.as_bytes(), &address).map(drop)
}

/// How often a word is wanted, twice as often as it has to come; None: nobody watches.
pub fn watchdog() -> Option<Duration> {
    let limit = std::env::var("WATCHDOG_USEC").ok()?.parse().ok()?;
    let meant =
        std::env::var("WATCHDOG_PID").map_or(true, |pid| pid == std::process::id().to_string());
    (meant && limit > 0).then(|| Duration::from_micros(limit) / 2)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, reason = "a test may stop where it stands")]

    use super::*;

    #[test]
    fn words_arrive_at_both_kinds_of_socket() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let listens = UnixDatagram::bind(&path).expect("a socket");
        send(path.as_os_str(), State::Ready.as_str()).expect("sent");
        let mut bytes = [0; 64];
        let length = listens.recv(&mut bytes).expect("a word");
        assert_eq!(&bytes[..length], b"READY=1");

        let name = format!("satreel-service-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a name");
        let listens = UnixDatagram::bind_addr(&address).expect("a socket");
        send(format!("@{name}").as_ref(), State::Alive.as_str()).expect("sent");
        let length = listens.recv(&mut bytes).expect("a word");
        assert_eq!(&bytes[..length], b"WATCHDOG=1");
        assert!(send("/nonexistent/socket".as_ref(), "READY=1").is_err());
    }
}
