//! Following the backend: list what was missed, subscribe, record, and only then move the cursor.

use std::{convert::Infallible, pin::pin};

use futures_util::StreamExt;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Settlement, backoff::Backoff};
use crate::{
    core::time::Timestamp,
    ledger::{self, Progress},
    payments::{self, Cursor, InvoiceState, Settled},
};

/// Invoices to a page of the list.
const PAGE: u32 = 500;
/// Settlements recorded between two moves of the cursor, at most.
const BATCH: usize = 100;
/// How far before the last settlement the list begins: longer than any invoice can be open, so
/// that all that could have settled since is on it.
const LOOK_BACK_S: u64 = 3 * 24 * 3600;

/// Why following has to begin anew.
#[derive(Debug, thiserror::Error)]
enum Interruption {
    #[error("the payment backend's stream ended")]
    Ended,
    #[error(transparent)]
    Backend(#[from] payments::Error),
    #[error(transparent)]
    Ledger(#[from] ledger::Error),
}

impl Settlement {
    /// Takes in settlements until `shutdown`. Whatever fails is tried again, later and later.
    pub async fn follow(&self, shutdown: CancellationToken) {
        let mut backoff: Backoff = self.backoff.clone();
        loop {
            let begun = Instant::now();
            let Some(result) = shutdown.run_until_cancelled(self.round()).await else {
                return;
            };
            let Err(error) = result;
            if begun.elapsed() >= backoff.mended_after() {
                backoff.reset();
            }
            let wait = backoff.wait();
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                ?wait,
                "settlements are not followed at the moment; trying again"
            );
            let pause = tokio::time::sleep(wait);
            if shutdown.run_until_cancelled(pause).await.is_none() {
                return;
            }
        }
    }

    /// One run from the list to the stream's end.
    async fn round(&self) -> Result<Infallible, Interruption> {
        let progress = self.progress().await?;
        self.reconcile(progress.as_ref()).await?;
        self.taken.send_modify(|taken| taken.reconciled = true);
        let cursor = progress.map_or(Cursor::default(), |progress| Cursor(progress.cursor));
        let stream = self.backend.settlements(cursor).await?;
        let mut batches = pin!(stream.ready_chunks(BATCH));
        while let Some(batch) = batches.next().await {
            self.take_in(batch).await?;
        }
        Err(Interruption::Ended)
    }

    /// Where the stream was left, if it was this backend's.
    async fn progress(&self) -> Result<Option<Progress>, Interruption> {
        let Some(progress) = self.ledger.progress().await? else {
            return Ok(None);
        };
        let known = self.backend.look_up(&progress.reference).await?;
        let settled = known.is_some_and(|invoice| match invoice.state {
            InvoiceState::Settled { .. } => true,
            InvoiceState::Open { .. } | InvoiceState::Expired { .. } | InvoiceState::Canceled => {
                false
            }
        });
        if !settled {
            tracing::warn!("the payment backend is a new one: taking in all that it lists");
        }
        Ok(settled.then_some(progress))
    }

    /// Records what settled while nobody listened, also what a stream would not replay.
    async fn reconcile(&self, progress: Option<&Progress>) -> Result<(), Interruption> {
        let since = progress.map_or(0, |progress| progress.settled_at.as_unix());
        let since = Timestamp::from_unix(since.saturating_sub(LOOK_BACK_S));
        let mut offset = 0;
        loop {
            let page = self.backend.list_since(since, offset, PAGE).await?;
            for invoice in &page {
                self.settle(invoice).await?;
            }
            if page.is_empty() {
                return Ok(());
            }
            offset += page.len() as u64;
        }
    }

    /// Records a batch, then moves the cursor: after a crash in between all of it comes again
    /// and changes nothing.
    async fn take_in(&self, batch: Vec<payments::Result<Settled>>) -> Result<(), Interruption> {
        let mut last = None;
        let mut outcome = Ok(());
        for settled in batch {
            match self.take_in_one(settled).await {
                Ok(progress) => last = Some(progress),
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        if let Some(progress) = last {
            let cursor = Cursor(progress.cursor);
            self.ledger.set_progress(progress).await?;
            self.taken.send_modify(|taken| taken.cursor = cursor);
        }
        outcome
    }

    async fn take_in_one(
        &self,
        settled: payments::Result<Settled>,
    ) -> Result<Progress, Interruption> {
        let Settled { cursor, invoice } = settled?;
        let outcome = self.settle(&invoice).await?;
        tracing::debug!(invoice = %invoice.reference, ?outcome, "settlement taken in");
        let settled_at = match invoice.state {
            InvoiceState::Settled { at, .. } => at,
            InvoiceState::Open { .. } | InvoiceState::Expired { .. } | InvoiceState::Canceled => {
                invoice.created_at
            }
        };
        Ok(Progress {
            cursor: cursor.0,
            reference: invoice.reference,
            settled_at,
        })
    }
}
