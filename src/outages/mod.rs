//! Outages of broadcasts, kept so that whoever had paid gets the time back: `channels/outages/<name>.json`.
//!
//! Owns that record, which outlives the broadcast's folder, a restart and the sales record. Does not
//! own when a publisher is away (the transcoder writes it into `broadcast.json`) nor what follows for a
//! rent (`core::credit`).
//!
//! Only what ended with the publisher's return is an outage: the silence before a broadcast's end is
//! its end. One that was written down counts for good, whatever the configuration says later.

mod record;

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use parking_lot::RwLock;
use satreel_hls::live::{
    broadcast::{BroadcastFile, Standing},
    channel::{CHANNELS, ChannelName},
};
use tokio_util::sync::CancellationToken;

use crate::{
    core::{
        access::{Access, Scope, Term},
        credit::{Outage, credit_s, merged},
        ids::VideoId,
        tag::TagId,
        time::Timestamp,
    },
    media::live::{Broadcast, Live},
};
use record::Record;

/// Beside the channels' files: a copy of that folder has both.
const FOLDER: &str = "outages";
/// No publisher is waited for longer (`grace_s`).
const MOST_S: u64 = 3600;
/// How often what could not be written is tried again.
const AGAIN: Duration = Duration::from_secs(30);

/// What was lost, of all channels.
#[derive(Debug)]
pub struct Outages {
    folder: PathBuf,
    live: Arc<Live>,
    /// Shorter ones are nothing that anybody minds.
    after_s: u32,
    known: RwLock<HashMap<ChannelName, Record>>,
}

impl Outages {
    /// Reads what earlier servers wrote down. A file that can't be read is named and left alone.
    pub fn open(data: &Path, live: Arc<Live>, after_s: u32) -> io::Result<Self> {
        let folder = data.join(CHANNELS).join(FOLDER);
        let known = record::read_all(&folder)?;
        Ok(Self {
            folder,
            live,
            after_s,
            known: RwLock::new(known),
        })
    }

    /// The seconds that a rent has on top by now. An outage that lasts counts as far as it goes: nobody's
    /// time runs out in front of a picture that stands still.
    pub fn credit_s(&self, access: &Access, now: Timestamp) -> u64 {
        let Term::Hours { paid_at, .. } = access.term else {
            return 0;
        };
        let Some(end) = access.term.end() else {
            return 0;
        };
        let mut lost = self.on_record(access.scope, paid_at);
        lost.extend(self.on_air(access.scope, now));
        credit_s(paid_at, end, &merged(lost))
    }

    fn on_record(&self, scope: Scope, since: Timestamp) -> Vec<Outage> {
        let known = self.known.read();
        let of = |name: &ChannelName| TagId::of(&name.to_string());
        let channels = known.iter().filter(|(name, _)| match scope {
            Scope::Title(_) | Scope::Site => true,
            Scope::Tag(tag) => of(name) == tag,
        });
        channels
            .flat_map(|(_, record)| record.since(since))
            .filter(|(id, _)| match scope {
                Scope::Title(title) => title == *id,
                Scope::Site | Scope::Tag(_) => true,
            })
            .map(|(_, outage)| outage)
            .collect()
    }

    /// Of broadcasts whose folder is there still: not all of it need be on record yet.
    fn on_air(&self, scope: Scope, now: Timestamp) -> Vec<Outage> {
        let broadcasts = self.live.all().into_iter().filter(|broadcast| {
            let tag = TagId::of(&broadcast.about().channel);
            scope.covers(broadcast.id, |wanted| wanted == tag)
        });
        broadcasts
            .flat_map(|broadcast| {
                let about = broadcast.about();
                let mut lost = self.over(&about);
                lost.extend(running(&about, now));
                lost
            })
            .collect()
    }

    /// Those that ended, as far as they count.
    fn over(&self, about: &BroadcastFile) -> Vec<Outage> {
        let ended = about.outages.iter().filter_map(|outage| {
            let to_ms = outage.to_ms?;
            let long = to_ms.saturating_sub(outage.from_ms) >= u64::from(self.after_s) * 1000;
            long.then(|| span(outage.from_ms, Timestamp::from_unix(to_ms.div_ceil(1000))))
        });
        ended.collect()
    }

    /// Writes down what is new of a broadcast's outages.
    fn keep(&self, id: VideoId, about: &BroadcastFile) -> io::Result<()> {
        let Ok(channel) = about.channel.parse::<ChannelName>() else {
            return Ok(());
        };
        let over = self.over(about);
        let is_new = |outage: &Outage| {
            let known = self.known.read();
            known
                .get(&channel)
                .is_none_or(|record| !record.has(id, *outage))
        };
        if !over.iter().any(is_new) {
            return Ok(());
        }
        let record = record::add(&self.folder, &channel, id, &over)?;
        tracing::info!(%channel, %id, "an outage is made good to whoever had paid");
        self.known.write().insert(channel, record);
        Ok(())
    }

    /// True: all of it is on disk.
    fn keep_all(&self, broadcasts: &[Arc<Broadcast>]) -> bool {
        let mut whole = true;
        for broadcast in broadcasts {
            if let Err(error) = self.keep(broadcast.id, &broadcast.about()) {
                whole = false;
                tracing::error!(id = %broadcast.id, %error, folder = %self.folder.display(),
                    "an outage can't be written down: make room, or let the server write there");
            }
        }
        whole
    }

    /// Writes outages down as they end, until `shutdown`.
    pub async fn follow(self: Arc<Self>, shutdown: CancellationToken) {
        let mut changed = self.live.changed();
        loop {
            changed.mark_unchanged();
            let (outages, broadcasts) = (Arc::clone(&self), self.live.all());
            let kept = tokio::task::spawn_blocking(move || outages.keep_all(&broadcasts)).await;
            let again = async {
                match kept {
                    Ok(true) => std::future::pending().await,
                    Ok(false) | Err(_) => tokio::time::sleep(AGAIN).await,
                }
            };
            tokio::select! {
                () = shutdown.cancelled() => return,
                Ok(()) = changed.changed() => {}
                () = again => {}
            }
        }
    }
}

fn running(about: &BroadcastFile, now: Timestamp) -> Option<Outage> {
    if about.standing != Standing::Away {
        return None;
    }
    let last = about.outages.last().filter(|last| last.to_ms.is_none())?;
    Some(span(last.from_ms, now))
}

/// SECURITY: no longer than the longest grace time, whatever a broken clock or the file says.
fn span(from_ms: u64, to: Timestamp) -> Outage {
    let from = Timestamp::from_unix(from_ms / 1000);
    Outage {
        from,
        to: to.min(from.plus_seconds(MOST_S)),
    }
}

#[cfg(test)]
mod tests;
