//! What was sold.

use std::{fmt, path::Path, str::FromStr};

use rusqlite::{Connection, OpenFlags, Row, params};

use super::{
    Entry, Error, Ledger,
    row::{msats, parsed, sats, signed, timestamp, wrong},
};
use crate::core::{
    ids::{InvalidId, InvoiceRef, VideoId},
    money::{Msats, Sats},
    offer::{TierKind, tier_name, tier_named},
    order::{Order, OrderCode, Subject},
    tag::TagId,
    time::Timestamp,
};

/// One purchase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sale {
    /// The invoice that paid for it: one purchase is one invoice.
    pub reference: InvoiceRef,
    pub order: OrderCode,
    pub sold: Sold,
    pub tier: TierKind,
    /// None: for ever.
    pub hours: Option<u32>,
    pub price: Sats,
    /// At least the price.
    pub received: Msats,
    pub settled_at: Timestamp,
    pub subject: Subject,
    /// The operator's own word that it was paid (BTCPay's "mark as settled").
    pub marked: bool,
}

/// What was bought. Written as the title's id, or as "tag:" and the tag's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Sold {
    /// A title, or on its page a pass for the whole site.
    Title(VideoId),
    /// A pass for all titles with a tag.
    Collection(TagId),
}

impl From<&Order> for Sold {
    fn from(order: &Order) -> Self {
        let collection = order.tier.tag().map(Self::Collection);
        collection.unwrap_or(Self::Title(order.title))
    }
}

impl fmt::Display for Sold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Title(id) => id.fmt(f),
            Self::Collection(tag) => write!(f, "tag:{tag}"),
        }
    }
}

impl FromStr for Sold {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if let Some(tag) = text.strip_prefix("tag:") {
            return tag.parse().map(Self::Collection);
        }
        let title = text.parse().map_err(|_| InvalidId("a title's id"))?;
        Ok(Self::Title(title))
    }
}

impl Ledger {
    /// Records a purchase; a second time changes nothing.
    pub async fn record_sale(&self, sale: Sale) -> Result<Entry, Error> {
        let recorded = self.record_sales(vec![sale]).await?;
        Ok(recorded.first().copied().unwrap_or(Entry::Replayed))
    }

    /// Records purchases, all or none, with one write to disk; answers for each in turn.
    pub async fn record_sales(&self, sales: Vec<Sale>) -> Result<Vec<Entry>, Error> {
        let insert = "INSERT INTO sales (reference, order_code, title, tier, hours, price_sat, \
            received_msat, settled_at, subject, marked) \
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (reference) DO NOTHING";
        let call = self.database.call(move |connection| {
            let transaction = connection.transaction()?;
            let mut entries = Vec::with_capacity(sales.len());
            let mut insert = transaction.prepare_cached(insert)?;
            for sale in sales {
                let inserted = insert.execute(params![
                    sale.reference.to_string(),
                    sale.order.to_string(),
                    sale.sold.to_string(),
                    tier_name(sale.tier),
                    sale.hours,
                    signed(sale.price.get()),
                    signed(sale.received.get()),
                    signed(sale.settled_at.as_unix()),
                    sale.subject.to_string(),
                    sale.marked,
                ])?;
                entries.push(entry(inserted));
            }
            drop(insert);
            transaction.commit()?;
            Ok(entries)
        });
        Ok(call.await?)
    }

    /// All purchases settled at or after `since`, oldest first.
    pub async fn sales(&self, since: Timestamp) -> Result<Vec<Sale>, Error> {
        let select = "SELECT reference, order_code, title, tier, hours, price_sat, \
            received_msat, settled_at, subject, marked \
            FROM sales WHERE settled_at >= ?1 ORDER BY settled_at, number";
        let call = self.database.call(move |connection| {
            let mut select = connection.prepare_cached(select)?;
            let rows = select.query_map([signed(since.as_unix())], read)?;
            rows.collect()
        });
        Ok(call.await?)
    }
}

/// What sales brought since then, by the record as it lies there: nothing of it is changed, made or
/// mended. For whoever only looks. Waits on the disk.
pub fn received_since(path: &Path, since: Timestamp) -> Result<Msats, rusqlite::Error> {
    let record = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let select = "SELECT coalesce(sum(received_msat), 0) FROM sales WHERE settled_at >= ?1";
    record.query_row(select, [signed(since.as_unix())], |row| msats(row, 0))
}

/// By the number of rows that an insert made.
pub(super) fn entry(inserted: usize) -> Entry {
    if inserted == 0 {
        Entry::Replayed
    } else {
        Entry::Recorded
    }
}

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Sale> {
    let tier = row.get_ref(3)?.as_str()?;
    let tier = tier_named(tier).ok_or_else(|| wrong(3, InvalidId("a tier")))?;
    Ok(Sale {
        reference: parsed(row, 0)?,
        order: parsed(row, 1)?,
        sold: parsed(row, 2)?,
        tier,
        hours: row.get(4)?,
        price: sats(row, 5)?,
        received: msats(row, 6)?,
        settled_at: timestamp(row, 7)?,
        subject: parsed(row, 8)?,
        marked: row.get(9)?,
    })
}
