//! `GET /api/studio/events`: what happens while somebody looks: sales, tips, jobs, and that titles or
//! uploads changed.
//!
//! Sales are read from the record by their number, so none is missed that another server or an
//! earlier request recorded; a second's delay is the price.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior},
};

use super::sales;
use crate::{
    event_stream::{EventStream, KEEP_ALIVE, event},
    ledger,
    studio::jobs::Seen,
    web::{
        client::Client,
        limits::Seat,
        problem::ApiError,
        state::{Shared, Web},
    },
};

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// After this long without news a sign of life is due.
const SILENCE: Duration = Duration::from_secs(15);
/// Sales told at one look; of more, the newest.
const MOST: u32 = 100;

/// Somebody who looks.
struct Watch {
    web: Arc<Web>,
    titles: watch::Receiver<u64>,
    uploads: watch::Receiver<u64>,
    ticks: tokio::time::Interval,
    last_sale: u64,
    last_tip: u64,
    jobs: Seen,
    spoken: Instant,
    greeted: bool,
    _seat: Seat,
}

pub async fn follow(State(web): State<Shared>, client: Client) -> Result<Response, ApiError> {
    let seat = web.limits.stream(client)?;
    let (last_sale, last_tip) = last(&web).await.map_err(sales::not_read)?;
    let mut titles = web.sale.catalog.changed();
    titles.mark_unchanged();
    let mut uploads = web.studio.uploads.changed();
    uploads.mark_unchanged();
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watch = Watch {
        web,
        titles,
        uploads,
        ticks,
        last_sale,
        last_tip,
        jobs: Seen::default(),
        spoken: Instant::now(),
        greeted: false,
        _seat: seat,
    };
    // What there is by now is read by its own address, after this stream has begun.
    watch.jobs_news().await;
    let shutdown = watch.web.shutdown.clone();
    let events = stream::unfold(watch, async |mut watch| {
        let events = watch.next().await?;
        watch.spoken = Instant::now();
        Some((events, watch))
    });
    Ok(EventStream::new(events, shutdown).into_response())
}

async fn last(web: &Web) -> Result<(u64, u64), ledger::Error> {
    let ledger = &web.sale.ledger;
    let sale = ledger.newest_sales(0, 1).await?;
    let tip = ledger.newest_tips(0, 1).await?;
    let number = |number: Option<u64>| number.unwrap_or(0);
    Ok((
        number(sale.first().map(|(number, _)| *number)),
        number(tip.first().map(|(number, _)| *number)),
    ))
}

impl Watch {
    /// The next events, or a sign of life.
    async fn next(&mut self) -> Option<Bytes> {
        if !std::mem::replace(&mut self.greeted, true) {
            return Some(event("hello", "{}"));
        }
        loop {
            let changed = tokio::select! {
                _ = self.titles.changed() => Some("titles"),
                _ = self.uploads.changed() => Some("uploads"),
                _ = self.ticks.tick() => None,
            };
            let mut told = Vec::new();
            if let Some(name) = changed {
                tell(&mut told, name, &json!({}));
            }
            // A record that can't be read now is read at the next look.
            if let Err(error) = self.sales_news(&mut told).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "sales not read");
            }
            let (jobs, gone) = self.jobs_news().await;
            if !jobs.is_empty() || gone {
                tell(&mut told, "jobs", &json!({ "jobs": jobs, "gone": gone }));
            }
            if !told.is_empty() {
                return Some(told.into());
            }
            if self.spoken.elapsed() >= SILENCE {
                return Some(KEEP_ALIVE);
            }
        }
    }

    async fn sales_news(&mut self, told: &mut Vec<u8>) -> Result<(), ledger::Error> {
        let (web, ledger) = (&self.web, &self.web.sale.ledger);
        for (number, sale) in ledger
            .newest_sales(self.last_sale, MOST)
            .await?
            .iter()
            .rev()
        {
            tell(told, "sale", &sales::sale(web, *number, sale));
            self.last_sale = *number;
        }
        for (number, tip) in ledger.newest_tips(self.last_tip, MOST).await?.iter().rev() {
            tell(told, "tip", &sales::tip(web, *number, tip));
            self.last_tip = *number;
        }
        Ok(())
    }

    async fn jobs_news(&mut self) -> (Vec<serde_json::Map<String, Value>>, bool) {
        let (web, mut seen) = (self.web.clone(), std::mem::take(&mut self.jobs));
        let looked = tokio::task::spawn_blocking(move || {
            let news = web.studio.jobs.news(&mut seen);
            (news, seen)
        });
        match looked.await {
            Ok((news, seen)) => {
                self.jobs = seen;
                news
            }
            // The look is made anew at the next tick.
            Err(_) => (Vec::new(), false),
        }
    }
}

fn tell(told: &mut Vec<u8>, name: &str, data: &Value) {
    told.extend_from_slice(&event(name, &data.to_string()));
}
