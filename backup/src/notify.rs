//! What systemd is told: that the guardian is up, and every now and then that it still turns.

use std::{
    io,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixDatagram},
    },
    time::Duration,
};

/// Sends `state` to whoever started us and wants to know; nothing without `NOTIFY_SOCKET`.
pub fn tell(state: &str) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    if let Err(error) = send(&socket, state) {
        tracing::warn!("systemd can't be told {state}: {error}");
    }
}

fn send(socket: &std::ffi::OsStr, state: &str) -> io::Result<()> {
    // An @ stands for the zero byte with which abstract names begin.
    let address = match socket.as_encoded_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    let datagram = UnixDatagram::unbound()?;
    datagram.send_to_addr(state.as_bytes(), &address).map(drop)
}

/// How often systemd wants a word; None: it does not watch.
pub fn watchdog() -> Option<Duration> {
    let limit = std::env::var("WATCHDOG_USEC").ok()?.parse().ok()?;
    let meant =
        std::env::var("WATCHDOG_PID").map_or(true, |pid| pid == std::process::id().to_string());
    (meant && limit > 0).then(|| Duration::from_micros(limit) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_arrive_at_both_kinds_of_socket() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("notify");
        let listens = UnixDatagram::bind(&path).expect("a socket");
        send(path.as_os_str(), "READY=1").expect("sent");
        let mut bytes = [0; 64];
        let length = listens.recv(&mut bytes).expect("a word");
        assert_eq!(&bytes[..length], b"READY=1");

        let name = format!("satreel-backup-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).expect("a name");
        let listens = UnixDatagram::bind_addr(&address).expect("a socket");
        send(format!("@{name}").as_ref(), "WATCHDOG=1").expect("sent");
        let length = listens.recv(&mut bytes).expect("a word");
        assert_eq!(&bytes[..length], b"WATCHDOG=1");
        assert!(send("/nonexistent/socket".as_ref(), "READY=1").is_err());
    }
}
