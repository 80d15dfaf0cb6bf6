//! How far the payment backend's settlements were taken in. Stored after what it stands for.

use rusqlite::{OptionalExtension, params};

use super::{
    Error, Ledger,
    row::{parsed, signed, timestamp, unsigned},
};
use crate::core::{ids::InvoiceRef, time::Timestamp};

/// The last settlement that was recorded. It names its invoice, so that a cursor is never taken
/// to another backend, which counts on its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The backend's own counter.
    pub cursor: u64,
    pub reference: InvoiceRef,
    pub settled_at: Timestamp,
}

impl Ledger {
    pub async fn progress(&self) -> Result<Option<Progress>, Error> {
        let select = "SELECT cursor, reference, settled_at FROM progress";
        let call = self.database.call(move |connection| {
            let row = connection.query_row(select, (), |row| {
                Ok(Progress {
                    cursor: unsigned(row, 0)?,
                    reference: parsed(row, 1)?,
                    settled_at: timestamp(row, 2)?,
                })
            });
            row.optional()
        });
        Ok(call.await?)
    }

    /// To be called once everything up to this settlement is recorded.
    pub async fn set_progress(&self, progress: Progress) -> Result<(), Error> {
        let upsert = "INSERT OR REPLACE INTO progress (one, cursor, reference, settled_at) \
            VALUES (1, ?1, ?2, ?3)";
        let call = self.database.call(move |connection| {
            connection.prepare_cached(upsert)?.execute(params![
                signed(progress.cursor),
                progress.reference.to_string(),
                signed(progress.settled_at.as_unix()),
            ])
        });
        call.await?;
        Ok(())
    }
}
