//! Tips: noted when their invoice is made, recorded when it settles.

use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::{
    Entry, Error, Ledger,
    row::{maybe_parsed, msats, parsed, signed, timestamp},
    sales::entry,
};
use crate::core::{
    ids::{InvoiceRef, VideoId},
    money::{Msats, Sats},
    time::Timestamp,
};

/// Tips that wait for their payment are a stranger's to make: the oldest beyond this many are
/// forgotten.
pub(super) const MAX_PENDING: i64 = 10_000;

/// A tip whose invoice is not paid yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingTip {
    pub reference: InvoiceRef,
    /// None: for the site.
    pub title: Option<VideoId>,
    /// On whose page it was left.
    pub channel: Option<String>,
    pub amount: Sats,
    pub message: String,
    pub at: Timestamp,
}

/// A tip that was paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tip {
    pub reference: InvoiceRef,
    /// None: for the site.
    pub title: Option<VideoId>,
    /// On whose page it was left.
    pub channel: Option<String>,
    /// The creator wants to show it to nobody.
    pub hidden: bool,
    /// What arrived.
    pub amount: Msats,
    pub message: String,
    pub at: Timestamp,
}

impl Ledger {
    /// Notes what an invoice that buys nothing is for, before anybody can pay it.
    pub async fn note_tip(&self, tip: PendingTip) -> Result<(), Error> {
        let call = self.database.call(move |connection| {
            let transaction = connection.transaction()?;
            transaction.execute(
                "INSERT INTO pending_tips (reference, title, amount_sat, message, at, channel) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (reference) DO NOTHING",
                params![
                    tip.reference.to_string(),
                    tip.title.map(|title| title.to_string()),
                    signed(tip.amount.get()),
                    tip.message,
                    signed(tip.at.as_unix()),
                    tip.channel,
                ],
            )?;
            let newest = transaction.last_insert_rowid();
            transaction.execute(
                "DELETE FROM pending_tips WHERE number <= ?1",
                [newest - MAX_PENDING],
            )?;
            transaction.commit()
        });
        Ok(call.await?)
    }

    /// The tip that was noted for this invoice and waits for its payment.
    pub async fn pending_tip(&self, reference: &InvoiceRef) -> Result<Option<PendingTip>, Error> {
        let invoice = reference.clone();
        let call = self.database.call(move |connection| {
            let transaction = connection.transaction()?;
            pending(&transaction, &invoice)
        });
        Ok(call.await?)
    }

    /// Records the payment of a noted tip. None: this invoice was never noted as one.
    pub async fn settle_tip(
        &self,
        reference: &InvoiceRef,
        received: Msats,
        at: Timestamp,
    ) -> Result<Option<Entry>, Error> {
        let reference = reference.clone();
        let call = self.database.call(move |connection| {
            let transaction = connection.transaction()?;
            let Some(noted) = pending(&transaction, &reference)? else {
                let known = is_recorded(&transaction, &reference)?;
                return Ok(known.then_some(Entry::Replayed));
            };
            let tip = Tip {
                reference,
                title: noted.title,
                channel: noted.channel,
                hidden: false,
                amount: received,
                message: noted.message,
                at,
            };
            let entry = insert(&transaction, &tip)?;
            transaction.commit()?;
            Ok(Some(entry))
        });
        let entry = call.await?;
        self.note_change(entry);
        Ok(entry)
    }

    fn note_change(&self, entry: Option<Entry>) {
        if entry == Some(Entry::Recorded) {
            self.tips_changed.send_modify(|version| *version += 1);
        }
    }

    /// Records a tip; a second time changes nothing.
    pub async fn record_tip(&self, tip: Tip) -> Result<Entry, Error> {
        let call = self.database.call(move |connection| {
            let transaction = connection.transaction()?;
            let entry = insert(&transaction, &tip)?;
            transaction.commit()?;
            Ok(entry)
        });
        let entry = call.await?;
        self.note_change(Some(entry));
        Ok(entry)
    }

    /// The sum of a title's tips; None: of all tips.
    pub async fn tips_total(&self, title: Option<VideoId>) -> Result<Sats, Error> {
        let call = self.database.call(move |connection| {
            let sum = match title {
                None => connection
                    .prepare_cached("SELECT coalesce(sum(amount_msat), 0) FROM tips")?
                    .query_row((), |row| msats(row, 0)),
                Some(title) => connection
                    .prepare_cached(
                        "SELECT coalesce(sum(amount_msat), 0) FROM tips WHERE title = ?1",
                    )?
                    .query_row([title.to_string()], |row| msats(row, 0)),
            };
            sum.map(Msats::to_sats_floor)
        });
        Ok(call.await?)
    }

    /// All tips that arrived at or after `since`, oldest first.
    pub async fn tips(&self, since: Timestamp) -> Result<Vec<Tip>, Error> {
        let select = "SELECT reference, title, amount_msat, message, at, channel, hidden FROM tips \
            WHERE at >= ?1 ORDER BY at, number";
        let call = self.database.call(move |connection| {
            let mut select = connection.prepare_cached(select)?;
            let rows = select.query_map([signed(since.as_unix())], read)?;
            rows.collect()
        });
        Ok(call.await?)
    }
}

fn insert(transaction: &Transaction<'_>, tip: &Tip) -> rusqlite::Result<Entry> {
    let reference = tip.reference.to_string();
    let inserted = transaction.execute(
        "INSERT INTO tips (reference, title, amount_msat, message, at, channel) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (reference) DO NOTHING",
        params![
            reference,
            tip.title.map(|title| title.to_string()),
            signed(tip.amount.get()),
            tip.message,
            signed(tip.at.as_unix()),
            tip.channel,
        ],
    )?;
    transaction.execute("DELETE FROM pending_tips WHERE reference = ?1", [reference])?;
    Ok(entry(inserted))
}

fn pending(
    transaction: &Transaction<'_>,
    invoice: &InvoiceRef,
) -> rusqlite::Result<Option<PendingTip>> {
    let select = "SELECT reference, title, amount_sat, message, at, channel FROM pending_tips \
        WHERE reference = ?1";
    transaction
        .prepare_cached(select)?
        .query_row([invoice.to_string()], |row| {
            Ok(PendingTip {
                reference: parsed(row, 0)?,
                title: maybe_parsed(row, 1)?,
                amount: super::row::sats(row, 2)?,
                message: row.get(3)?,
                at: timestamp(row, 4)?,
                channel: row.get(5)?,
            })
        })
        .optional()
}

fn is_recorded(transaction: &Transaction<'_>, invoice: &InvoiceRef) -> rusqlite::Result<bool> {
    transaction
        .prepare_cached("SELECT 1 FROM tips WHERE reference = ?1")?
        .exists([invoice.to_string()])
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Tip> {
    Ok(Tip {
        reference: parsed(row, 0)?,
        title: maybe_parsed(row, 1)?,
        amount: msats(row, 2)?,
        message: row.get(3)?,
        at: timestamp(row, 4)?,
        channel: row.get(5)?,
        hidden: row.get(6)?,
    })
}
