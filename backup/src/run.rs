//! When things happen. `run` waits: for LND's stream, for a destination that has something to fetch,
//! for the next day. Nothing is asked over and over, but what failed, and that ever more rarely.

use std::{sync::Arc, time::Duration};

use satreel_service::{State, tell};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use crate::{
    backoff::Backoff,
    error::{Error, Result, words},
    guardian::{Guardian, Heard},
    name::Kind,
    node::Node,
    place::Place,
    site,
};

/// LND says nothing when it begins to tell of changes, so what changed while it began is asked for
/// once more after this long.
const SETTLED: Duration = Duration::from_secs(10);
const DAY: Duration = Duration::from_hours(24);

const NODE_AGAIN: Backoff = Backoff::new(Duration::from_secs(2), Duration::from_mins(2));
const PLACE_AGAIN: Backoff = Backoff::new(Duration::from_secs(5), Duration::from_mins(15));
const SITE_AGAIN: Backoff = Backoff::new(Duration::from_mins(1), Duration::from_hours(1));

/// Works until `shutdown`. Nothing is half done after it: copies are written whole or not at all.
pub async fn run(guardian: Arc<Guardian>, shutdown: CancellationToken) {
    let mut tasks = JoinSet::new();
    if let Some(node) = guardian.node.clone() {
        tasks.spawn(follow(guardian.clone(), node));
    }
    if let Some(data) = guardian.site.clone() {
        tasks.spawn(save_site_daily(guardian.clone(), data));
    }
    for place in guardian.places.clone() {
        tasks.spawn(keep_up(guardian.clone(), place));
    }
    if let Some(every) = satreel_service::watchdog() {
        tasks.spawn(async move {
            loop {
                tell(State::Alive);
                sleep(every).await;
            }
        });
    }
    tell(State::Ready);
    // None of them ends by itself: whoever does has panicked.
    let ended = shutdown.run_until_cancelled(tasks.join_next()).await;
    if let Some(Some(Err(error))) = ended {
        tracing::error!("a task of the guardian has ended: {error}");
    }
    tell(State::Stopping);
}

/// Follows the node for as long as the guardian lives.
async fn follow(guardian: Arc<Guardian>, node: Arc<dyn Node>) {
    let mut again = NODE_AGAIN;
    let mut told = String::new();
    loop {
        // A restarted node may have another macaroon.
        let looked = guardian.look_at_macaroon(node.as_ref());
        let why = match looked {
            Ok(()) => follow_once(&guardian, &node, &mut again, &mut told).await,
            Err(error) => error,
        };
        let new = words(&why);
        if new != told {
            tracing::warn!("the node's backups: {new}");
            told = new;
        }
        note(&guardian, Kind::Channels, Some(&why));
        sleep(again.next()).await;
    }
}

/// One connection: until it breaks, or what comes over it is of no use.
async fn follow_once(
    guardian: &Guardian,
    node: &Arc<dyn Node>,
    again: &mut Backoff,
    told: &mut String,
) -> Error {
    let (tell, mut newest) = watch::channel(None);
    let mut stream = JoinSet::new();
    let listener = node.clone();
    stream.spawn(async move { listener.follow(&tell).await });
    let mut ask_at = Instant::now();
    let mut after = SETTLED;
    loop {
        let (snapshot, heard) = tokio::select! {
            ended = stream.join_next() => return broken(ended),
            // An error means that the stream has ended, which the first branch tells better.
            Ok(()) = newest.changed() => (newest.borrow_and_update().clone(), Heard::Told),
            () = sleep_until(ask_at) => match node.export().await {
                Ok(snapshot) => (Some(snapshot), Heard::Asked),
                Err(error) => return error.into(),
            },
        };
        let Some(snapshot) = snapshot else { continue };
        if let Err(error) = guardian.take_in(node.as_ref(), &snapshot, heard).await {
            return error;
        }
        if heard == Heard::Asked {
            ask_at = Instant::now() + after;
            after = DAY;
        }
        again.went_well();
        if !told.is_empty() {
            tracing::info!("the node's backups are followed again");
            told.clear();
        }
        note(guardian, Kind::Channels, None);
    }
}

fn broken(ended: Option<std::result::Result<satreel_lnd::Error, tokio::task::JoinError>>) -> Error {
    match ended {
        Some(Ok(error)) => error.into(),
        Some(Err(error)) => satreel_lnd::Error::Lost(error.to_string()).into(),
        None => satreel_lnd::Error::Lost("no stream".to_owned()).into(),
    }
}

async fn save_site_daily(guardian: Arc<Guardian>, data: Arc<dyn site::Data>) {
    let mut again = SITE_AGAIN;
    loop {
        let saved = guardian.save_site(&data).await;
        note(&guardian, Kind::Site, saved.as_ref().err());
        let wait = match saved {
            Ok(_) => {
                again.went_well();
                DAY
            }
            Err(error) => {
                tracing::warn!("{}", words(&error));
                again.next()
            }
        };
        sleep(wait).await;
    }
}

/// Brings a destination up whenever there is something new, once a day to see that what it has is
/// still whole, and again when it failed.
async fn keep_up(guardian: Arc<Guardian>, place: Arc<Place>) {
    let mut news = guardian.news();
    let mut again = PLACE_AGAIN;
    let mut told = String::new();
    loop {
        news.borrow_and_update();
        let wait = match guardian.bring_up(&place).await {
            Ok(_) => {
                again.went_well();
                if !told.is_empty() {
                    tracing::info!(destination = place.name, "it is back");
                    told.clear();
                }
                DAY
            }
            Err(error) => {
                let new = words(&error);
                if new != told {
                    tracing::warn!(destination = place.name, "{new}");
                    told = new;
                }
                again.next()
            }
        };
        tokio::select! {
            Ok(()) = news.changed() => {}
            () = sleep(wait) => {}
        }
    }
}

/// A status that can't be written is a fault of this machine's disk: the log has it.
fn note(guardian: &Guardian, of: Kind, fault: Option<&Error>) {
    if let Err(error) = guardian.note_fault(of, fault) {
        tracing::error!("{}", words(&error));
    }
}

/// What one pass did, each part by itself.
#[derive(Debug)]
pub struct Pass {
    pub channels: Option<Result<crate::guardian::Taken>>,
    pub site: Option<Result<crate::guardian::Taken>>,
    /// By the destinations' names.
    pub places: Vec<(String, Result<crate::place::Standing>)>,
}

/// Everything once, for cron. One part that fails keeps no other from its turn.
pub async fn once(guardian: &Guardian) -> Pass {
    let channels = match &guardian.node {
        Some(node) => Some(ask(guardian, node.as_ref()).await),
        None => None,
    };
    if let Some(done) = &channels {
        note(guardian, Kind::Channels, done.as_ref().err());
    }
    let site = match &guardian.site {
        Some(data) => Some(guardian.save_site(data).await),
        None => None,
    };
    if let Some(done) = &site {
        note(guardian, Kind::Site, done.as_ref().err());
    }
    let mut places = Vec::new();
    for place in &guardian.places {
        places.push((place.name.clone(), guardian.bring_up(place).await));
    }
    Pass {
        channels,
        site,
        places,
    }
}

async fn ask(guardian: &Guardian, node: &dyn Node) -> Result<crate::guardian::Taken> {
    guardian.look_at_macaroon(node)?;
    let snapshot = node.export().await?;
    guardian.take_in(node, &snapshot, Heard::Asked).await
}
