//! The wallet's file: node key, invoices, and the counter of settlements.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Row, params};
use zeroize::Zeroizing;

use super::{
    PastPayment,
    pay::{Paid, PayError, Verdict, judge},
};
use crate::{
    core::{
        ids::{InvoiceRef, PaymentHash},
        money::Msats,
        receipt::Preimage,
        time::Timestamp,
    },
    database::{Database, Error},
    payments::{Cursor, Invoice, InvoiceState, Settled},
};

const MIGRATIONS: &[&str] = &["
    CREATE TABLE node (one INTEGER PRIMARY KEY CHECK (one = 1), secret BLOB NOT NULL) STRICT;
    CREATE TABLE invoices (
        number INTEGER PRIMARY KEY,
        hash BLOB NOT NULL UNIQUE,
        preimage BLOB NOT NULL,
        request TEXT NOT NULL,
        memo TEXT NOT NULL,
        amount_msat INTEGER NOT NULL,
        created_at INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        canceled INTEGER NOT NULL DEFAULT 0,
        received_msat INTEGER,
        settled_at INTEGER,
        settle_index INTEGER UNIQUE
    ) STRICT;
    CREATE INDEX invoices_by_time ON invoices (created_at, number);
"];

/// Unpaid invoices are forgotten this long after they ran out, as long as tickets live: a
/// stranger's orders must not grow the file for ever.
const FORGET_AFTER_S: u64 = 90 * 24 * 3600;

const COLUMNS: &str = "hash, request, memo, amount_msat, created_at, expires_at, canceled, \
    received_msat, settled_at, preimage, settle_index";

#[derive(Debug, Clone)]
pub(super) struct Store(Database);

type Result<T> = std::result::Result<T, Error>;
/// The payment, and the counter's new value if money moved.
pub(super) type Payment = std::result::Result<(Paid, Option<Cursor>), PayError>;

impl Store {
    pub(super) async fn open(path: &Path, now: Timestamp) -> Result<Self> {
        let database = Database::open(path, MIGRATIONS).await?;
        let before = now.as_unix().saturating_sub(FORGET_AFTER_S);
        database
            .call(move |connection| {
                let forget = "DELETE FROM invoices WHERE settled_at IS NULL AND expires_at < ?1";
                connection.execute(forget, [signed(before)])
            })
            .await?;
        Ok(Self(database))
    }

    /// The node's secret key: `fresh` on the first call, and the same for ever after.
    pub(super) async fn node_secret(&self, fresh: [u8; 32]) -> Result<Zeroizing<[u8; 32]>> {
        let insert = "INSERT OR IGNORE INTO node (one, secret) VALUES (1, ?1)";
        self.0
            .call(move |connection| {
                connection.execute(insert, [fresh])?;
                connection.query_row("SELECT secret FROM node", (), |row| row.get(0))
            })
            .await
            .map(Zeroizing::new)
    }

    pub(super) async fn insert(&self, invoice: Invoice, preimage: [u8; 32]) -> Result<()> {
        let insert = "INSERT INTO invoices \
            (hash, preimage, request, memo, amount_msat, created_at, expires_at) \
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        self.0
            .call(move |connection| {
                connection.prepare_cached(insert)?.execute(params![
                    invoice.payment_hash.as_bytes(),
                    preimage,
                    invoice.payment_request,
                    invoice.memo,
                    signed(invoice.amount.get()),
                    signed(invoice.created_at.as_unix()),
                    signed(invoice.expires_at.as_unix()),
                ])
            })
            .await
            .map(drop)
    }

    pub(super) async fn find(&self, hash: PaymentHash, now: Timestamp) -> Result<Option<Invoice>> {
        self.0
            .call(move |connection| Ok(find(connection, hash, now)?.map(|found| found.invoice)))
            .await
    }

    pub(super) async fn pay(
        &self,
        hash: PaymentHash,
        request: String,
        amount: Option<Msats>,
        now: Timestamp,
    ) -> Result<Payment> {
        self.0
            .call(move |connection| pay(connection, hash, &request, amount, now))
            .await
    }

    /// Withdraws it unless it was paid.
    pub(super) async fn cancel(&self, hash: PaymentHash) -> Result<()> {
        let cancel = "UPDATE invoices SET canceled = 1 WHERE hash = ?1 AND settled_at IS NULL";
        self.0
            .call(move |connection| connection.execute(cancel, [hash.as_bytes()]))
            .await
            .map(drop)
    }

    pub(super) async fn list(
        &self,
        since: Timestamp,
        offset: u64,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<Invoice>> {
        let select = format!(
            "SELECT {COLUMNS} FROM invoices WHERE created_at >= ?1 \
             ORDER BY created_at, number LIMIT ?2 OFFSET ?3"
        );
        self.0
            .call(move |connection| {
                let bounds = params![signed(since.as_unix()), limit, signed(offset)];
                let mut select = connection.prepare_cached(&select)?;
                let rows = select.query_map(bounds, |row| Ok(read(row, now)?.invoice))?;
                rows.collect()
            })
            .await
    }

    pub(super) async fn settled_after(&self, after: Cursor, limit: u32) -> Result<Vec<Invoice>> {
        let select = format!(
            "SELECT {COLUMNS} FROM invoices WHERE settle_index > ?1 ORDER BY settle_index LIMIT ?2"
        );
        self.0
            .call(move |connection| {
                let mut select = connection.prepare_cached(&select)?;
                let rows = select.query_map(params![signed(after.0), limit], |row| {
                    // Settled is settled whatever the time: any moment will do.
                    Ok(read(row, Timestamp::default())?.invoice)
                })?;
                rows.collect()
            })
            .await
    }

    /// The newest settlement's cursor.
    pub(super) async fn newest(&self) -> Result<Cursor> {
        self.0.call(|connection| newest(connection)).await
    }

    pub(super) async fn history(&self, limit: u32) -> Result<Vec<PastPayment>> {
        let select = format!(
            "SELECT {COLUMNS} FROM invoices WHERE settle_index > 0 \
             ORDER BY settle_index DESC LIMIT ?1"
        );
        self.0
            .call(move |connection| {
                let mut select = connection.prepare_cached(&select)?;
                let rows = select.query_map([limit], |row| {
                    Ok(PastPayment {
                        payment_request: row.get(1)?,
                        preimage: Preimage::from_bytes(row.get(9)?),
                        amount: msats(row, 7)?,
                        at: Timestamp::from_unix(unsigned(row, 8)?),
                    })
                })?;
                rows.collect()
            })
            .await
    }
}

struct Record {
    invoice: Invoice,
    preimage: Preimage,
}

fn find(
    connection: &Connection,
    hash: PaymentHash,
    now: Timestamp,
) -> rusqlite::Result<Option<Record>> {
    let select = format!("SELECT {COLUMNS} FROM invoices WHERE hash = ?1");
    let mut select = connection.prepare_cached(&select)?;
    select
        .query_row([hash.as_bytes()], |row| read(row, now))
        .optional()
}

fn pay(
    connection: &mut Connection,
    hash: PaymentHash,
    request: &str,
    amount: Option<Msats>,
    now: Timestamp,
) -> rusqlite::Result<Payment> {
    let transaction = connection.transaction()?;
    let found = find(&transaction, hash, now)?;
    // Another node may use any payment hash; what is paid is the text that this wallet made.
    let Some(record) = found.filter(|record| record.invoice.payment_request == request) else {
        return Ok(Err(PayError::Foreign));
    };
    let preimage = record.preimage;
    let received = match judge(&record.invoice, amount) {
        Err(refusal) => return Ok(Err(refusal)),
        Ok(Verdict::Before(amount)) => return Ok(Ok((Paid { preimage, amount }, None))),
        Ok(Verdict::Settle(received)) => received,
    };
    let cursor = Cursor(newest(&transaction)?.0 + 1);
    transaction.execute(
        "UPDATE invoices SET received_msat = ?2, settled_at = ?3, settle_index = ?4 \
         WHERE hash = ?1",
        params![
            hash.as_bytes(),
            signed(received.get()),
            signed(now.as_unix()),
            signed(cursor.0)
        ],
    )?;
    transaction.commit()?;
    let amount = received;
    Ok(Ok((Paid { preimage, amount }, Some(cursor))))
}

fn newest(connection: &Connection) -> rusqlite::Result<Cursor> {
    let select = "SELECT coalesce(max(settle_index), 0) FROM invoices";
    connection.query_row(select, (), |row| Ok(Cursor(unsigned(row, 0)?)))
}

fn read(row: &Row<'_>, now: Timestamp) -> rusqlite::Result<Record> {
    let hash = PaymentHash::from_bytes(row.get(0)?);
    let expires_at = Timestamp::from_unix(unsigned(row, 5)?);
    let state = if row.get::<_, Option<i64>>(8)?.is_some() {
        InvoiceState::Settled(Settled {
            received: msats(row, 7)?,
            at: Timestamp::from_unix(unsigned(row, 8)?),
            cursor: Cursor(unsigned(row, 10)?),
            marked: false,
        })
    } else if row.get(6)? {
        InvoiceState::Canceled
    } else if now >= expires_at {
        InvoiceState::Expired {
            received: Msats::ZERO,
        }
    } else {
        InvoiceState::Open {
            received: Msats::ZERO,
        }
    };
    Ok(Record {
        preimage: Preimage::from_bytes(row.get(9)?),
        invoice: Invoice {
            reference: InvoiceRef::Hash(hash),
            payment_request: row.get(1)?,
            payment_hash: hash,
            memo: row.get(2)?,
            amount: msats(row, 3)?,
            created_at: Timestamp::from_unix(unsigned(row, 4)?),
            expires_at,
            onchain: None,
            state,
        },
    })
}

fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, value))
}

fn msats(row: &Row<'_>, column: usize) -> rusqlite::Result<Msats> {
    let value = unsigned(row, column)?;
    Msats::new(value).map_err(|error| {
        let kind = rusqlite::types::Type::Integer;
        rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(error))
    })
}

/// SQLite's integers are signed; times and amounts stay far below the limit.
fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
