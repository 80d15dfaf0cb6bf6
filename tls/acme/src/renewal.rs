//! The task that keeps a certificate fresh, and tells how that goes.

use std::{path::PathBuf, sync::Arc, time::Duration};

use jiff::Timestamp;
use satreel_config::Acme;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::{
    certificate::Facts,
    challenges::Challenges,
    error::{Error, Kind},
    order::{Customer, is_for},
    schedule,
    store::{Failure, Status, Store},
};

/// A clock that was set is noticed within an hour.
const LONGEST_SLEEP: i64 = 3600;
/// A whole order, however slow the authority is.
const PATIENCE: Duration = Duration::from_mins(10);

/// Keeps the certificate in its folder fresh.
#[derive(Debug)]
pub struct Renewal {
    settings: Acme,
    store: Store,
    challenges: Arc<Challenges>,
}

impl Renewal {
    pub fn new(settings: Acme) -> Self {
        Self {
            store: Store::new(&settings.folder),
            settings,
            challenges: Arc::default(),
        }
    }

    /// What the listener asks about each connection.
    pub fn challenges(&self) -> Arc<Challenges> {
        self.challenges.clone()
    }

    /// Where the certificate is, or will be.
    pub fn certificate(&self) -> PathBuf {
        self.store.certificate()
    }

    /// Orders when it is time, until `shutdown`. What failed is tried again, less and less often.
    ///
    /// On a thread of its own: what it writes it waits for, and a slow disk must not hold up viewers.
    pub async fn follow(self, shutdown: CancellationToken) {
        let runtime = Handle::current();
        let keeping = tokio::task::spawn_blocking(move || runtime.block_on(self.keep(shutdown)));
        if let Err(error) = keeping.await
            && let Ok(panic) = error.try_into_panic()
        {
            std::panic::resume_unwind(panic);
        }
    }

    async fn keep(self, shutdown: CancellationToken) {
        let mut status = self.store.status();
        let now = Timestamp::now();
        if let Some(failure) = &mut status.failure {
            failure.next = at(schedule::next_after_start(failure, now.as_second()), now);
        }
        if self.facts().is_none() {
            tracing::warn!(
                names = self.settings.domains.join(", "),
                directory = %self.settings.directory,
                "there is no certificate yet: nobody can connect by TLS until the authority has given one"
            );
        }
        while self.sleep(&status, &shutdown).await {
            let trying = tokio::time::timeout(PATIENCE, self.obtain());
            let Some(tried) = shutdown.run_until_cancelled(trying).await else {
                return;
            };
            let directory = self.settings.directory.as_str();
            let late = || Error::away(directory, "the order took longer than ten minutes");
            status = self.told(tried.unwrap_or_else(|_| Err(late())), &status);
        }
    }

    async fn obtain(&self) -> Result<(), Error> {
        let customer = Customer {
            settings: &self.settings,
            store: &self.store,
            challenges: &self.challenges,
        };
        customer.obtain().await
    }

    /// Of the certificate there is, if it will do.
    fn facts(&self) -> Option<Facts> {
        Facts::read(&self.certificate()).filter(|facts| is_for(facts, &self.settings.domains))
    }

    /// Until it is time to order. False: the server stops.
    async fn sleep(&self, status: &Status, shutdown: &CancellationToken) -> bool {
        loop {
            let now = Timestamp::now().as_second();
            let facts = self.facts();
            let next = schedule::next(facts.as_ref(), status.failure.as_ref(), now);
            if next <= now {
                return !shutdown.is_cancelled();
            }
            let seconds = (next - now).min(LONGEST_SLEEP).unsigned_abs();
            let pause = tokio::time::sleep(Duration::from_secs(seconds));
            if shutdown.run_until_cancelled(pause).await.is_none() {
                return false;
            }
        }
    }

    /// Says how it went, and leaves that for the doctor and the metrics.
    fn told(&self, tried: Result<(), Error>, before: &Status) -> Status {
        let now = Timestamp::now();
        let failure = match tried {
            Ok(()) => {
                let ends = self.facts().map(|facts| at(facts.ends, now));
                let ends = ends.map(tracing::field::display);
                tracing::info!(ends, "a new certificate is there");
                None
            }
            Err(error) => Some(failed(error, before, now)),
        };
        if let Some(failure) = &failure {
            tracing::warn!(
                error = failure.words,
                again = %failure.next,
                "no new certificate; the old one, if there is one, is served on"
            );
        }
        let status = Status { failure };
        if let Err(error) = self.store.put_status(&status) {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "how renewing went"
            );
        }
        status
    }
}

fn failed(error: Error, before: &Status, now: Timestamp) -> Failure {
    let kind = error.kind();
    let earlier = before.failure.as_ref();
    // A directory that comes back and then refuses begins a row of its own, and the other way round.
    let earlier = earlier.filter(|failure| failure.kind == kind);
    let in_a_row = earlier.map_or(1, |failure| failure.in_a_row.saturating_add(1));
    Failure {
        next: at(now.as_second() + schedule::pause(kind, in_a_row), now),
        kind,
        words: error.into(),
        at: now,
        in_a_row,
    }
}

/// A time by its second; `otherwise` for one that no calendar has.
fn at(second: i64, otherwise: Timestamp) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(otherwise)
}

impl Kind {
    /// What to do about it.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Away => {
                "see that this machine reaches the directory and resolves its name (systemd: drop-ins/acme.conf); \
                 it is tried again by itself"
            }
            Self::Refused => {
                "each of tls.domains has to lead to this machine, and its port 443 to this server; mend it and \
                 restart, or wait: it is tried again by itself"
            }
            Self::Here => "the server's user must be able to write tls.folder and to read tls.root",
        }
    }
}
