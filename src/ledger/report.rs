//! The sales record summed up, and read from its end: what a creator looks at.

use std::collections::HashMap;

use rusqlite::params;

use super::{
    Error, Ledger, Sale, Sold, Tip,
    row::{msats, parsed, signed, unsigned},
    sales, tips,
};
use crate::core::{ids::VideoId, money::Sats, time::Timestamp};

/// What was taken for one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Takings {
    pub sales: u64,
    pub received: Sats,
    /// Sold for ever.
    pub owned: u64,
    /// Rents that still run.
    pub running: u64,
}

/// One day's takings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Day {
    /// Counted from 1970-01-01, in the reader's own time.
    pub number: u64,
    pub sales: u64,
    pub received: Sats,
    pub tips: u64,
    pub tipped: Sats,
}

impl Ledger {
    /// By what was bought.
    pub async fn takings(&self, now: Timestamp) -> Result<HashMap<Sold, Takings>, Error> {
        let select = "SELECT title, count(*), sum(received_msat), sum(tier = 'own'), \
            sum(hours IS NOT NULL AND settled_at + hours * 3600 > ?1) FROM sales GROUP BY title";
        let call = self.database.call(move |connection| {
            let mut select = connection.prepare_cached(select)?;
            let rows = select.query_map([signed(now.as_unix())], |row| {
                let takings = Takings {
                    sales: unsigned(row, 1)?,
                    received: msats(row, 2)?.to_sats_floor(),
                    owned: unsigned(row, 3)?,
                    running: unsigned(row, 4)?,
                };
                Ok((parsed(row, 0)?, takings))
            })?;
            rows.collect()
        });
        Ok(call.await?)
    }

    /// Tips by the title they were for.
    pub async fn tips_by_title(&self) -> Result<HashMap<VideoId, Sats>, Error> {
        let select =
            "SELECT title, sum(amount_msat) FROM tips WHERE title IS NOT NULL GROUP BY title";
        let call = self.database.call(move |connection| {
            let mut select = connection.prepare_cached(select)?;
            let rows = select.query_map((), |row| {
                Ok((parsed(row, 0)?, msats(row, 1)?.to_sats_floor()))
            })?;
            rows.collect()
        });
        Ok(call.await?)
    }

    /// Each day since `since` that had takings, oldest first. Days begin `offset_s` before UTC's.
    pub async fn days(&self, since: Timestamp, offset_s: i64) -> Result<Vec<Day>, Error> {
        let sold = "SELECT (settled_at + ?2) / 86400 AS day, count(*), sum(received_msat) \
            FROM sales WHERE settled_at >= ?1 GROUP BY day";
        let tipped = "SELECT (at + ?2) / 86400 AS day, count(*), sum(amount_msat) \
            FROM tips WHERE at >= ?1 GROUP BY day";
        let call = self.database.call(move |connection| {
            let mut days: std::collections::BTreeMap<u64, Day> = std::collections::BTreeMap::new();
            for (query, is_tip) in [(sold, false), (tipped, true)] {
                let mut select = connection.prepare_cached(query)?;
                let mut rows = select.query(params![signed(since.as_unix()), offset_s])?;
                while let Some(row) = rows.next()? {
                    let (number, count) = (unsigned(row, 0)?, unsigned(row, 1)?);
                    let sum = msats(row, 2)?.to_sats_floor();
                    let day = days.entry(number).or_default();
                    day.number = number;
                    if is_tip {
                        (day.tips, day.tipped) = (count, sum);
                    } else {
                        (day.sales, day.received) = (count, sum);
                    }
                }
            }
            Ok(days.into_values().collect())
        });
        Ok(call.await?)
    }

    /// Sales recorded after the `after`th, at most `most` of them, the newest first.
    pub async fn newest_sales(&self, after: u64, most: u32) -> Result<Vec<(u64, Sale)>, Error> {
        let select = "SELECT reference, order_code, title, tier, hours, price_sat, received_msat, \
            settled_at, subject, marked, number FROM sales WHERE number > ?1 \
            ORDER BY number DESC LIMIT ?2";
        let call = self.database.call(move |connection| {
            let mut select = connection.prepare_cached(select)?;
            let rows = select.query_map(params![signed(after), most], |row| {
                Ok((unsigned(row, 10)?, sales::read(row)?))
            })?;
            rows.collect()
        });
        Ok(call.await?)
    }

    /// Tips recorded after the `after`th, as [`Self::newest_sales`].
    pub async fn newest_tips(&self, after: u64, most: u32) -> Result<Vec<(u64, Tip)>, Error> {
        let select = "SELECT reference, title, amount_msat, message, at, channel, hidden, number \
            FROM tips \
            WHERE number > ?1 ORDER BY number DESC LIMIT ?2";
        let call = self.database.call(move |connection| {
            let mut select = connection.prepare_cached(select)?;
            let rows = select.query_map(params![signed(after), most], |row| {
                Ok((unsigned(row, 7)?, tips::read(row)?))
            })?;
            rows.collect()
        });
        Ok(call.await?)
    }
}
