//! The tips of one channel: what its page and its overlay show, and what a goal has got.

use rusqlite::params;
use tokio::sync::watch;

use super::{
    Error, Ledger, Tip,
    row::{msats, signed, unsigned},
    tips,
};
use crate::core::{
    money::{Msats, Sats},
    time::Timestamp,
};

impl Ledger {
    /// A channel's tips since then that its creator has not hidden, at most `most`, the newest first.
    pub async fn shown_tips(
        &self,
        channel: &str,
        since: Timestamp,
        most: u32,
    ) -> Result<Vec<(u64, Tip)>, Error> {
        let select = "SELECT reference, title, amount_msat, message, at, channel, hidden, number \
            FROM tips WHERE channel = ?1 AND at >= ?2 AND hidden = 0 ORDER BY number DESC LIMIT ?3";
        let channel = channel.to_owned();
        let call = self.database.call(move |connection| {
            let mut select = connection.prepare_cached(select)?;
            let rows = select
                .query_map(params![channel, signed(since.as_unix()), most], |row| {
                    Ok((unsigned(row, 7)?, tips::read(row)?))
                })?;
            rows.collect()
        });
        Ok(call.await?)
    }

    /// The sum of a channel's tips since then, hidden ones too: their money came.
    pub async fn tipped(&self, channel: &str, since: Timestamp) -> Result<Sats, Error> {
        let select = "SELECT coalesce(sum(amount_msat), 0) FROM tips \
            WHERE channel = ?1 AND at >= ?2";
        let channel = channel.to_owned();
        let call = self.database.call(move |connection| {
            let sum = connection
                .prepare_cached(select)?
                .query_row(params![channel, signed(since.as_unix())], |row| {
                    msats(row, 0)
                });
            sum.map(Msats::to_sats_floor)
        });
        Ok(call.await?)
    }

    /// Takes a tip off page and overlay, or puts it back. None: there is none of this number.
    pub async fn hide_tip(&self, number: u64, hidden: bool) -> Result<Option<Tip>, Error> {
        let update = "UPDATE tips SET hidden = ?2 WHERE number = ?1 \
            RETURNING reference, title, amount_msat, message, at, channel, hidden";
        let call = self.database.call(move |connection| {
            let mut update = connection.prepare_cached(update)?;
            let mut rows = update.query_map(params![signed(number), hidden], tips::read)?;
            rows.next().transpose()
        });
        let tip = call.await?;
        self.tips_changed.send_modify(|version| *version += 1);
        Ok(tip)
    }

    /// A number that grows when this server records or hides a tip.
    pub fn tips_changed(&self) -> watch::Receiver<u64> {
        self.tips_changed.subscribe()
    }
}
