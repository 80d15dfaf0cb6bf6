//! A channel's tips and its goal, as everybody may see them: made once for all who look.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use serde::Serialize;
use tokio::time::Instant;

use super::state::Web;
use crate::{
    catalog::{Channel, channels::Goal},
    core::time::Timestamp,
    ledger,
};

/// Tips that are shown at once.
const MOST: u32 = 10;
/// Older ones were thanked for long ago.
const SHOWN_S: u64 = 12 * 3600;
/// So long one is believed: another server may record a tip, too.
const FRESH: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Board {
    /// The newest first.
    pub tips: Vec<Shown>,
    pub goal: Option<Progress>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    pub number: u64,
    pub amount_sat: u64,
    pub message: String,
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Progress {
    pub words: String,
    pub sat: u64,
    pub got_sat: u64,
}

/// The boards of all channels.
#[derive(Debug, Default)]
pub struct Boards(Mutex<HashMap<String, Made>>);

#[derive(Debug, Clone)]
struct Made {
    /// Of the record's tips.
    version: u64,
    goal: Option<Goal>,
    at: Instant,
    board: Arc<Board>,
}

impl Boards {
    pub async fn of(&self, web: &Web, channel: &Channel) -> Result<Arc<Board>, ledger::Error> {
        let id = channel.id.to_string();
        let version = *web.sale.ledger.tips_changed().borrow();
        let known = self.0.lock().get(&id).cloned();
        if let Some(made) = known
            && made.version == version
            && made.goal == channel.goal
            && made.at.elapsed() < FRESH
        {
            return Ok(made.board);
        }
        let at = Instant::now();
        let board = Arc::new(read(web, &id, channel.goal.as_ref()).await?);
        let made = Made {
            version,
            goal: channel.goal.clone(),
            at,
            board: Arc::clone(&board),
        };
        self.0.lock().insert(id, made);
        Ok(board)
    }
}

async fn read(web: &Web, channel: &str, goal: Option<&Goal>) -> Result<Board, ledger::Error> {
    let ledger = &web.sale.ledger;
    let now = web.sale.clock.now().as_unix();
    let since = Timestamp::from_unix(now.saturating_sub(SHOWN_S));
    let tips = ledger.shown_tips(channel, since, MOST).await?;
    let goal = match goal {
        None => None,
        Some(goal) => Some(Progress {
            words: goal.words.clone(),
            sat: goal.price.get(),
            got_sat: ledger.tipped(channel, goal.since).await?.get(),
        }),
    };
    let shown = tips.into_iter().map(|(number, tip)| Shown {
        number,
        amount_sat: tip.amount.to_sats_floor().get(),
        message: tip.message,
        at: tip.at,
    });
    Ok(Board {
        tips: shown.collect(),
        goal,
    })
}
