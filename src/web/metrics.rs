//! `GET /metrics`, on a listener of its own: what the server counted, for Prometheus.
//!
//! SECURITY: it asks for no credential and shows how business goes, so it is for this machine or a
//! private network (`server.metrics`), never behind the site's public name.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
    routing::get,
};
use satreel_acme::{Facts, certificate_file};
use satreel_config::{Backup, Tls};
use tokio::sync::watch;

use crate::{
    core::money::{Msats, Sats},
    metrics::{Looks, Metrics, Seen, activity, backups, certificate},
    payments::{
        Health, InvoiceBackend,
        settlement::{Settlement, Taken},
    },
};

/// Shorter than Prometheus waits: a backend that answers nothing is down, and the page says so.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the page is made of.
#[derive(Debug, Clone)]
pub struct Scrape {
    metrics: Arc<Metrics>,
    backend: Arc<dyn InvoiceBackend>,
    taken: watch::Receiver<Taken>,
    dearest: watch::Receiver<Option<Sats>>,
    /// What is said of copies, where there are any.
    backup: Option<Arc<Backup>>,
    tls: Tls,
    looks: Option<Arc<dyn Looks>>,
}

impl Scrape {
    pub fn new(
        metrics: Arc<Metrics>,
        backend: Arc<dyn InvoiceBackend>,
        settlement: &Settlement,
        dearest: watch::Receiver<Option<Sats>>,
    ) -> Self {
        Self {
            metrics,
            backend,
            taken: settlement.taken(),
            dearest,
            backup: None,
            tls: Tls::Off,
            looks: None,
        }
    }

    /// The page says how the copies stand too, and the site's own certificate.
    #[must_use]
    pub fn with_copies(mut self, backup: Option<Backup>, tls: &Tls) -> Self {
        self.backup = backup.map(Arc::new);
        self.tls = tls.clone();
        self
    }

    /// The page says what goes on, too.
    #[must_use]
    pub fn with_activity(mut self, looks: Arc<dyn Looks>) -> Self {
        self.looks = Some(looks);
        self
    }

    /// How it stands now, and what is wrong with the backend if it is down.
    pub async fn seen(&self) -> (Seen, Option<String>) {
        let health = tokio::time::timeout(PATIENCE, self.backend.health()).await;
        let (inbound, fault) = match health {
            Ok(Health::Ready { receivable }) => (receivable.map(Msats::to_sats_floor), None),
            Ok(Health::Away(words)) => (None, Some(words)),
            Err(_) => (None, Some("it does not answer".to_owned())),
        };
        let seen = Seen {
            up: fault.is_none(),
            inbound,
            dearest: *self.dearest.borrow(),
            reconciled: self.taken.borrow().reconciled,
        };
        (seen, fault)
    }
}

/// A status that can't be read says that no destination has a copy: that is what an alarm is for.
async fn copies(backup: Arc<Backup>) -> String {
    let read = tokio::task::spawn_blocking(move || {
        let status = satreel_backup_status::read(&backup.folder);
        let status = status.ok().flatten().unwrap_or_default();
        backups(&backup, &status)
    });
    read.await.unwrap_or_default()
}

/// A certificate that is not there or can't be read has ended in 1970, for whoever watches.
async fn own_certificate(tls: Tls) -> String {
    let read = tokio::task::spawn_blocking(move || {
        let (file, renewing) = match &tls {
            Tls::Off => return String::new(),
            Tls::Files { certificate, .. } => (certificate.clone(), None),
            Tls::Acme(settings) => {
                let status = satreel_acme::status(&settings.folder).unwrap_or_default();
                let failures = status.failure.map_or(0, |failure| failure.in_a_row);
                (certificate_file(&settings.folder), Some(failures))
            }
        };
        let ends = Facts::read(&file).map_or(0, |facts| facts.ends);
        certificate(u64::try_from(ends).unwrap_or_default(), renewing)
    });
    read.await.unwrap_or_default()
}

pub fn router(scrape: Scrape) -> Router {
    Router::new()
        .route("/metrics", get(page))
        .with_state(scrape)
}

async fn page(State(scrape): State<Scrape>) -> Response {
    let headers = [
        (
            header::CONTENT_TYPE,
            "text/plain; version=0.0.4; charset=utf-8",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ];
    let mut page = scrape.metrics.render(scrape.seen().await.0);
    if let Some(looks) = scrape.looks.clone() {
        let looked = tokio::task::spawn_blocking(move || activity(&looks.activity()));
        page.push_str(&looked.await.unwrap_or_default());
    }
    if let Some(backup) = &scrape.backup {
        page.push_str(&copies(backup.clone()).await);
    }
    page.push_str(&own_certificate(scrape.tls.clone()).await);
    (headers, page).into_response()
}
