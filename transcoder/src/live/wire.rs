//! A publisher's socket, with TLS or without. Reads return after every look at the network, so that
//! whoever reads can look at the clock.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use rustls::ServerConnection;
use satreel_tls::{BadIdentity, Identity};

/// How long, and for how many bytes, a publisher that is turned away is still listened to.
const FAREWELL: Duration = Duration::from_secs(2);
const LAST_BYTES: usize = 4 << 20;

/// A publisher's socket behind this certificate.
pub(crate) fn secure(socket: TcpStream, identity: &Identity) -> Result<Wire, BadIdentity> {
    let tls = identity.connection()?;
    Ok(Wire::Tls(Box::new(tls), socket))
}

/// One connection.
#[derive(Debug)]
pub(crate) enum Wire {
    Plain(TcpStream),
    Tls(Box<ServerConnection>, TcpStream),
}

impl Wire {
    pub(crate) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) | Self::Tls(_, socket) => socket,
        }
    }

    /// Whether something lies there that has not been read.
    pub(crate) fn has_more(&self) -> bool {
        rustix::io::ioctl_fionread(self.socket()).is_ok_and(|bytes| bytes > 0)
    }

    /// How much may lie there until it is read, in bytes; what comes then has to wait at the other side.
    pub(crate) fn room(&self) -> u64 {
        let buffer = rustix::net::sockopt::socket_recv_buffer_size(self.socket());
        // The kernel counts its own bookkeeping, which takes up to two thirds of it.
        buffer.map_or(0, |bytes| bytes as u64 / 3)
    }

    /// What has come. `WouldBlock`: something, but nothing to be read yet.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(socket) => socket.read(buffer),
            Self::Tls(tls, socket) => {
                if let Some(read) = waiting(tls.reader().read(buffer))? {
                    return Ok(read);
                }
                flush(tls, socket)?;
                if tls.read_tls(socket)? == 0 {
                    return Ok(0);
                }
                let taken = tls.process_new_packets();
                // A handshake's answer, or why there is none.
                flush(tls, socket)?;
                taken.map_err(io::Error::other)?;
                tls.reader().read(buffer)
            }
        }
    }

    /// Says the last words so that they arrive: a socket that is closed with bytes unread takes back
    /// what it has sent.
    pub(crate) fn part(&mut self, words: &[u8]) {
        let until = Instant::now() + FAREWELL;
        if self.write_all(words).is_err() || self.socket().shutdown(Shutdown::Write).is_err() {
            return;
        }
        let mut left = LAST_BYTES;
        let mut buffer = [0; 4096];
        loop {
            let patience = until.saturating_duration_since(Instant::now());
            if patience.is_zero() || self.socket().set_read_timeout(Some(patience)).is_err() {
                return;
            }
            let (Self::Plain(socket) | Self::Tls(_, socket)) = self;
            match socket.read(&mut buffer) {
                Ok(read) if read > 0 && read <= left => left -= read,
                Ok(_) | Err(_) => return,
            }
        }
    }

    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(socket) => socket.write_all(bytes),
            Self::Tls(tls, socket) => {
                tls.writer().write_all(bytes)?;
                flush(tls, socket)
            }
        }
    }
}

fn waiting(read: io::Result<usize>) -> io::Result<Option<usize>> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

fn flush(tls: &mut ServerConnection, socket: &mut TcpStream) -> io::Result<()> {
    while tls.wants_write() {
        tls.write_tls(socket)?;
    }
    Ok(())
}
