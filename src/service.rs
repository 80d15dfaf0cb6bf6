//! The service manager: what it hands over at the start and what it is told (`sd_listen_fds(3)`,
//! `sd_notify(3)`). Without one, nothing happens here.

use std::{io, net::TcpListener, time::Duration};

use listenfd::ListenFd;
use satreel_service::State;
use tokio_util::sync::CancellationToken;

/// What a socket's unit calls the one for plain HTTP (`FileDescriptorName=`).
const REDIRECT: &str = "redirect";

/// Sockets that were opened before this process began and stay when it ends: then nobody is refused
/// while one server follows another.
#[derive(Debug, Default)]
pub struct Handed {
    /// The one that viewers come in by.
    pub site: Option<TcpListener>,
    /// The one that sends them there.
    pub redirect: Option<TcpListener>,
}

/// What was handed over. Fails for a socket of another kind, and for two of the same use.
pub fn handed() -> io::Result<Handed> {
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let mut sockets = ListenFd::from_env();
    let mut handed = Handed::default();
    let mut names = names.split(':');
    for place in 0..sockets.len() {
        let Some(listener) = sockets.take_tcp_listener(place)? else {
            continue;
        };
        listener.set_nonblocking(true)?;
        // Whatever else it is called, as by its unit's own name, it is the site's.
        let (used, what) = if names.next() == Some(REDIRECT) {
            (&mut handed.redirect, "for plain http")
        } else {
            (&mut handed.site, "for the site")
        };
        if used.replace(listener).is_some() {
            let fault = format!("more than one socket {what} was handed over");
            return Err(io::Error::other(fault));
        }
    }
    Ok(handed)
}

/// Says that the server is ready once `beginning` is over, or after `patience`: a node that is away
/// must not keep those from their films who have paid. Then gives signs of life where they are
/// wanted, for as long as this runtime comes to do so, until `shutdown`.
pub async fn tell(
    beginning: impl Future<Output = ()>,
    patience: Duration,
    shutdown: CancellationToken,
) {
    let wanted = satreel_service::watchdog();
    tell_to(satreel_service::tell, wanted, beginning, patience, shutdown).await;
}

async fn tell_to(
    say: impl Fn(State),
    life_every: Option<Duration>,
    beginning: impl Future<Output = ()>,
    patience: Duration,
    shutdown: CancellationToken,
) {
    let begun = tokio::time::timeout(patience, beginning);
    if shutdown.run_until_cancelled(begun).await.is_some() {
        say(State::Ready);
        let living = async {
            let Some(every) = life_every else {
                return std::future::pending().await;
            };
            let mut beats = tokio::time::interval(every);
            loop {
                beats.tick().await;
                say(State::Alive);
            }
        };
        shutdown.run_until_cancelled(living).await;
    }
    say(State::Stopping);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_node_that_is_away_does_not_keep_the_server_from_serving() {
        let said = Arc::new(Mutex::new(Vec::new()));
        let say = {
            let said = said.clone();
            move |state: State| said.lock().push(state)
        };
        let shutdown = CancellationToken::new();
        let life = Some(Duration::from_secs(15));
        let patience = Duration::from_secs(20);
        let telling = tell_to(
            say,
            life,
            std::future::pending(),
            patience,
            shutdown.clone(),
        );
        let telling = tokio::spawn(telling);
        tokio::time::sleep(Duration::from_secs(19)).await;
        assert!(said.lock().is_empty());
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(*said.lock(), [State::Ready, State::Alive]);
        tokio::time::sleep(Duration::from_secs(15)).await;
        shutdown.cancel();
        telling.await.expect("it ends");
        let said = said.lock();
        assert_eq!(said[2..], [State::Alive, State::Stopping]);
    }
}
