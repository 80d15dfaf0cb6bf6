//! Following the backend: list what was missed, subscribe, record, and only then move the cursor.

use std::{convert::Infallible, pin::pin};

use futures_util::{StreamExt, TryStreamExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Settlement, backoff::Backoff};
use crate::{
    core::time::Timestamp,
    ledger::{self, Progress},
    payments::{self, Cursor, Invoice},
};

/// Invoices recorded with one write to disk, at most.
const BATCH: usize = 500;
/// How far before the last settlement the list begins: longer than any invoice can be open or
/// wait for its confirmation, so that all that could have settled since is on it.
const LOOK_BACK_S: u64 = 14 * 24 * 3600;
/// Longer than taking in any list lasts.
const LIST_LASTS_S: u64 = 3600;

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
        let listed = self.reconcile(progress.as_ref()).await?;
        self.taken.send_modify(|taken| taken.reconciled = true);
        let mut cursor = progress.map_or(listed, |progress| Cursor(progress.cursor));
        let stream = self.backend.settlements(cursor).await?;
        let mut batches = pin!(stream.ready_chunks(BATCH));
        while let Some(batch) = batches.next().await {
            self.take_in(batch, &mut cursor).await?;
        }
        Err(Interruption::Ended)
    }

    /// Where the stream was left, if it was this backend's.
    async fn progress(&self) -> Result<Option<Progress>, Interruption> {
        let Some(progress) = self.ledger.progress().await? else {
            return Ok(None);
        };
        let known = self.backend.look_up(&progress.reference).await?;
        let settled = known.is_some_and(|invoice| invoice.settled().is_some());
        if !settled {
            tracing::warn!("the payment backend is a new one: taking in all that it lists");
        }
        Ok(settled.then_some(progress))
    }

    /// Records what settled while nobody listened, also what a stream would not replay. Answers
    /// where the stream may begin when no cursor was stored.
    async fn reconcile(&self, progress: Option<&Progress>) -> Result<Cursor, Interruption> {
        let since = progress.map_or(0, |progress| progress.settled_at.as_unix());
        let since = Timestamp::from_unix(since.saturating_sub(LOOK_BACK_S));
        let list = self.backend.list_since(since).await?;
        let mut pages = pin!(list.try_ready_chunks(BATCH));
        let mut settled = Vec::new();
        while let Some(page) = pages.next().await {
            // A page's good part is taken in again in the next round.
            let page = page.map_err(|payments_error| payments_error.1)?;
            self.settle_all(&page).await?;
            settled.extend(page.iter().filter_map(Invoice::settled));
        }
        Ok(safe_start(&settled))
    }

    /// Records a batch, then moves the cursor: after a crash in between all of it comes again
    /// and changes nothing.
    async fn take_in(
        &self,
        batch: Vec<payments::Result<Invoice>>,
        cursor: &mut Cursor,
    ) -> Result<(), Interruption> {
        let mut invoices = Vec::with_capacity(batch.len());
        let mut outcome = Ok(());
        for invoice in batch {
            match invoice {
                Ok(invoice) => invoices.push(invoice),
                Err(error) => {
                    outcome = Err(error.into());
                    break;
                }
            }
        }
        let outcomes = self.settle_all(&invoices).await?;
        for (invoice, outcome) in invoices.iter().zip(outcomes) {
            tracing::debug!(invoice = %invoice.reference, ?outcome, "settlement taken in");
        }
        let settled = invoices
            .iter()
            .filter_map(|invoice| Some((invoice, invoice.settled()?)));
        let last = settled.max_by_key(|(_, settled)| settled.cursor);
        if let Some((invoice, settled)) = last.filter(|(_, settled)| settled.cursor > *cursor) {
            *cursor = settled.cursor;
            self.ledger
                .set_progress(Progress {
                    cursor: cursor.0,
                    reference: invoice.reference.clone(),
                    settled_at: settled.at,
                })
                .await?;
            let reached = *cursor;
            self.taken.send_modify(|taken| taken.cursor = reached);
        }
        outcome
    }
}

/// The stream's start after a whole list, without a gap: what settled while the list was read may
/// have been on a page that was already past, so the newest settlements come once more.
fn safe_start(listed: &[payments::Settled]) -> Cursor {
    let newest = listed.iter().map(|settled| settled.at.as_unix()).max();
    let newest = newest.unwrap_or_default();
    let old = listed
        .iter()
        .filter(|settled| settled.at.as_unix() + LIST_LASTS_S < newest);
    old.map(|settled| settled.cursor).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::money::Msats;

    #[test]
    fn the_stream_begins_before_what_the_list_may_have_missed() {
        let settled = |at, cursor| payments::Settled {
            received: Msats::ZERO,
            at: Timestamp::from_unix(at),
            cursor: Cursor(cursor),
            marked: false,
        };
        assert_eq!(safe_start(&[]), Cursor(0));
        assert_eq!(safe_start(&[settled(10_000, 1)]), Cursor(0));
        let listed = [
            settled(9000, 4),
            settled(1000, 2),
            settled(5399, 3),
            settled(5400, 9),
        ];
        assert_eq!(safe_start(&listed), Cursor(3));
    }
}
