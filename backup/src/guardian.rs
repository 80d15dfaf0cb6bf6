//! The guardian: takes what the node and the site say, verifies, encrypts, keeps it, and brings the
//! destinations up to it. Each step is a function of its own; [`crate::run`] says when.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use satreel_backup_status::{Channels, Destination, Fault, File, Macaroon, Shrunk, Site, Status};
use satreel_config::Backup;
use satreel_lnd::backup::Compared;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::{
    clock::Clock,
    count,
    error::{Error, Result, words},
    history::History,
    name::Kind,
    node::{self, Node, Snapshot},
    place::{Place, Standing},
    seal::Seal,
    site,
};

/// A backup is renewed after this long though no channel came or went: addresses of peers and what
/// is needed to close a channel change too, and LND's encryption hides whether they did. Less than
/// a day, so that a daily `once` always does.
const RENEW: SignedDuration = SignedDuration::from_hours(20);

/// How the guardian heard of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// LND told of a change.
    Told,
    /// We asked, and may know it already.
    Asked,
}

/// What became of a backup or an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    Saved,
    /// The newest copy says the same.
    Known,
}

#[derive(Debug)]
pub struct Guardian {
    pub node: Option<Arc<dyn Node>>,
    pub site: Option<Arc<dyn site::Data>>,
    pub places: Vec<Arc<Place>>,
    pub history: History,
    seal: Seal,
    status: File,
    clock: Clock,
    /// What was last said of the macaroon: it is looked at with every try, and said once.
    macaroon: Mutex<String>,
    /// Counts the copies made: whoever waits on it has something to fetch.
    news: watch::Sender<u64>,
}

impl Guardian {
    pub async fn new(
        config: &Backup,
        node: Option<Arc<dyn Node>>,
        site: Option<Arc<dyn site::Data>>,
        places: Vec<Place>,
        clock: Clock,
    ) -> Result<Self> {
        let keep = SignedDuration::from_hours(24 * i64::from(config.keep_days));
        let guardian = Self {
            node,
            site,
            places: places.into_iter().map(Arc::new).collect(),
            history: History::open(&config.folder, clock.clone(), keep).await?,
            seal: Seal::new(&config.recipients)?,
            status: File::new(config.folder.clone()),
            clock,
            macaroon: Mutex::default(),
            news: watch::Sender::new(0),
        };
        guardian.enter()?;
        Ok(guardian)
    }

    /// The status has the destinations of the configuration, and no others.
    fn enter(&self) -> Result<()> {
        self.update(|status| {
            let known = |name: &String| self.places.iter().any(|place| place.name == *name);
            status.destinations.retain(|name, _| known(name));
            for place in &self.places {
                let entry = status.destinations.entry(place.name.clone()).or_default();
                entry.place = place.there.describe();
            }
        })
    }

    pub fn status(&self) -> Status {
        self.status.status()
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// A backup of the node's: verified by the node, encrypted, in the history.
    pub async fn take_in(&self, node: &dyn Node, new: &Snapshot, heard: Heard) -> Result<Taken> {
        let digest = digest(&new.channels);
        let before = self.status().channels;
        if let Some(before) = &before
            && heard == Heard::Asked
            && before.digest == digest
            && self.is_fresh(&before.name, before.saved).await?
        {
            return Ok(Taken::Known);
        }
        let verified = node.verify(&new.backup).await?;
        if verified != new.channels {
            return Err(Error::NotTheSame {
                listed: new.channels.len(),
                verified: verified.len(),
            });
        }
        let sealed = self.seal.encrypt(&new.backup)?;
        let empty = verified.is_empty();
        let copy = self.history.add(Kind::Channels, empty, &sealed).await?;
        let (from, to) = (before.map_or(0, |before| before.count), verified.len());
        self.update(|status| {
            status.channels = Some(Channels {
                name: copy.to_string(),
                saved: copy.at,
                count: to,
                digest,
            });
            if to < from {
                let at = copy.at;
                status.shrunk = Some(Shrunk { at, from, to });
            }
        })?;
        self.news.send_modify(|count| *count += 1);
        if to < from {
            tracing::warn!(
                "the node had {} and has {to}: if none was closed, look at it. Copies \
                 from before stay in the history",
                count::channels(from)
            );
        }
        tracing::info!("{copy}: {}, verified by LND", count::channels(to));
        Ok(Taken::Saved)
    }

    /// The site's data as it is now.
    pub async fn save_site(&self, data: &Arc<dyn site::Data>) -> Result<Taken> {
        let reader = data.clone();
        let made = tokio::task::spawn_blocking(move || reader.make()).await;
        let archive = made
            .map_err(|error| Error::Site(error.to_string()))?
            .map_err(Error::Site)?;
        if let Some(before) = self.status().site
            && before.digest == archive.digest
            && self.is_fresh(&before.name, before.saved).await?
        {
            return Ok(Taken::Known);
        }
        let sealed = self.seal.encrypt(&archive.bytes)?;
        let copy = self.history.add(Kind::Site, false, &sealed).await?;
        self.update(|status| {
            status.site = Some(Site {
                name: copy.to_string(),
                saved: copy.at,
                digest: archive.digest,
            });
        })?;
        self.news.send_modify(|count| *count += 1);
        tracing::info!("{copy}: the site's data, {} bytes", sealed.len());
        Ok(Taken::Saved)
    }

    /// Whether the copy that the status names is in the history, and from today.
    async fn is_fresh(&self, name: &str, saved: Timestamp) -> Result<bool> {
        let age = self.now().duration_since(saved);
        let copies = self.history.copies().await?;
        let there = copies.iter().any(|copy| copy.to_string() == name);
        Ok(there && age < RENEW && age > -RENEW)
    }

    /// Brings one destination up to the history, and notes how it stands.
    pub async fn bring_up(&self, place: &Place) -> Result<Standing> {
        let done = place.bring_up(&self.history).await;
        let now = self.now();
        self.note(place, |entry| match &done {
            Ok(standing) => {
                entry.channels = standing.channels;
                entry.site = standing.site;
                entry.confirmed = Some(now);
                entry.fault = None;
            }
            Err(error) => {
                entry.fault = Some(Fault::again(entry.fault.as_ref(), now, words(error)));
            }
        })?;
        match &done {
            Ok(standing) if standing.written > 0 => {
                tracing::info!(
                    destination = place.name,
                    "{} written and read back",
                    count::copies(standing.written)
                );
            }
            Ok(_) | Err(_) => {}
        }
        done
    }

    /// Changes what the status says of one destination.
    pub fn note(&self, place: &Place, change: impl FnOnce(&mut Destination)) -> Result<()> {
        self.update(|status| {
            let entry = status.destinations.entry(place.name.clone()).or_default();
            entry.place = place.there.describe();
            change(entry);
        })
    }

    /// What the node's backup or the site's data suffer from, or that they don't any more.
    pub fn note_fault(&self, of: Kind, fault: Option<&Error>) -> Result<()> {
        let now = self.now();
        self.update(|status| {
            let entry = match of {
                Kind::Channels => &mut status.node_fault,
                Kind::Site => &mut status.site_fault,
            };
            *entry = fault.map(|error| Fault::again(entry.as_ref(), now, words(error)));
        })
    }

    /// Holds the macaroon against what the guardian does, and says so if it can do more.
    pub fn look_at_macaroon(&self, node: &dyn Node) -> Result<()> {
        let (found, said) = match node.macaroon() {
            Ok(None) => (None, String::new()),
            Ok(Some(found)) => {
                let said = odd(&found);
                (Some(found), said)
            }
            Err(error) => (None, words(&error)),
        };
        self.say_of_macaroon(said);
        let texts = |list: &[satreel_lnd::macaroon::Permission]| {
            list.iter().map(ToString::to_string).collect()
        };
        self.update(|status| {
            status.macaroon = found.map(|found| Macaroon {
                missing: texts(&found.missing),
                spare: texts(&found.spare),
            });
        })
    }

    /// Once, until there is something else to say.
    fn say_of_macaroon(&self, said: String) {
        let mut last = self.macaroon.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != said {
            if !said.is_empty() {
                tracing::warn!("{said}");
            }
            *last = said;
        }
    }

    fn update(&self, change: impl FnOnce(&mut Status)) -> Result<()> {
        let now = self.now();
        let changed = self.status.update(|status| {
            change(status);
            status.updated = Some(now);
        });
        changed.map_err(Error::Status)
    }
}

/// What is wrong with a macaroon, or nothing.
fn odd(found: &Compared) -> String {
    let mut said = Vec::new();
    if !found.missing.is_empty() {
        said.push(format!("the macaroon lacks {}", node::list(&found.missing)));
    }
    if !found.spare.is_empty() {
        said.push(format!(
            "the macaroon permits more than backups: {}; satreel doctor prints the line for the right \
             one",
            node::list(&found.spare)
        ));
    }
    said.join("; ")
}

/// Which channels these are, without naming them.
fn digest(channels: &node::Channels) -> String {
    let mut hash = Sha256::new();
    for channel in channels {
        hash.update(channel);
        hash.update([0]);
    }
    hex::encode(hash.finalize())
}
