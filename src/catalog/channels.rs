//! The channels on disk, `<data>/channels/<name>.json`: read when somebody asks, and again when a
//! file has changed. A broken file leaves the last good version standing and shows as a fault.
//!
//! Does not own what is on air (`media::live` knows) nor edits (`studio::channels`).

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use satreel_hls::live::channel::{CHANNELS, ChannelFile, ChannelGoal, ChannelName};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    dearest::{Dearest, Of},
    title::{MAX_DESCRIPTION, MAX_NAME},
};
use crate::core::{
    money::Sats,
    offer::{self, MAX_PRICE_SAT, Offer, Tier, TierKind},
    tag::TagId,
    time::Timestamp,
};

/// Longest file, in bytes.
pub const MAX_CHANNEL_BYTES: u64 = 64 * 1024;
/// Most channels of a site.
pub const MAX_CHANNELS: usize = 200;
/// Longest words of a goal, in characters.
const MAX_GOAL: usize = 60;
/// Most passes of one channel.
const MAX_PASSES: usize = 8;
/// How long a look at the folder is believed.
const RECHECK: Duration = Duration::from_millis(500);
/// How often it is looked at though nobody asks.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A channel as the server uses it, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Channel {
    /// Its address, and the tag of its recordings.
    pub id: ChannelName,
    pub file: ChannelFile,
    /// What one broadcast costs. None: what the site offers.
    pub offer: Option<Offer>,
    pub passes: Vec<Tier>,
    pub starts_at: Option<Timestamp>,
    pub goal: Option<Goal>,
}

/// What its tips are collected for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Goal {
    pub price: Sats,
    pub words: String,
    /// Tips from then on count.
    pub since: Timestamp,
}

/// Why a channel's file is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("it is no channel's file: {0}")]
    Json(#[from] serde_json::Error),
    #[error("\"{key}\" has more than {most} characters")]
    Long { key: &'static str, most: usize },
    #[error("\"name\" is empty: write something")]
    Empty,
    #[error("\"tiers\": {0}")]
    Tiers(#[source] offer::Error),
    #[error("\"tiers\": a pass for the channel belongs under \"passes\"")]
    Pass,
    #[error("\"passes\": {0}")]
    Passes(#[source] offer::Error),
    #[error("\"passes\": one for each number of hours, {MAX_PASSES} at most")]
    Twice,
    #[error("\"starts_at\" is no time such as 2026-01-31T20:00:00Z")]
    StartsAt,
    #[error(
        "\"goal\": \"sat\" is 1 to {MAX_PRICE_SAT}, \"words\" are 1 to {MAX_GOAL} characters, \"since\" is a time"
    )]
    Goal,
    #[error("\"{key}\" is out of range: {low} to {high}")]
    Range {
        key: &'static str,
        low: u32,
        high: u32,
    },
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
}

impl Channel {
    /// Checks what a file says.
    pub fn of(id: ChannelName, file: ChannelFile) -> Result<Self, Refusal> {
        if file.name.trim().is_empty() {
            return Err(Refusal::Empty);
        }
        fits("name", &file.name, MAX_NAME)?;
        fits("description", &file.description, MAX_DESCRIPTION)?;
        within("part_ms", file.part_ms, 200, 333)?;
        within("grace_s", file.grace_s, 5, 3600)?;
        within("window_s", file.window_s, 30, 3600)?;
        within("preview_s", file.preview_s, 0, 3600)?;
        let tiers = file.tiers.as_deref();
        if tiers.is_some_and(|tiers| tiers.iter().any(|tier| tier.tier == TierKind::Pass)) {
            return Err(Refusal::Pass);
        }
        let offer = tiers.map(Offer::from_file).transpose();
        let passes = file.passes.iter();
        let passes = passes.map(|pass| Tier::collection(tag(&id), pass.sat, pass.hours));
        let passes: Vec<Tier> = passes.collect::<Result<_, _>>().map_err(Refusal::Passes)?;
        let twice = (1..passes.len()).any(|at| {
            let before = passes[..at].iter();
            before
                .into_iter()
                .any(|one| one.hours() == passes[at].hours())
        });
        if twice || passes.len() > MAX_PASSES {
            return Err(Refusal::Twice);
        }
        Ok(Self {
            offer: offer.map_err(Refusal::Tiers)?,
            starts_at: file.starts_at.as_deref().map(moment).transpose()?,
            goal: file.goal.as_ref().map(goal).transpose()?,
            passes,
            id,
            file,
        })
    }

    /// The highest price of its own.
    fn dearest(&self) -> Option<Sats> {
        let tickets = self.offer.iter().flat_map(Offer::tiers);
        tickets.chain(&self.passes).map(Tier::price).max()
    }

    /// What its recordings carry, and what its passes open.
    pub fn tag(&self) -> TagId {
        tag(&self.id)
    }
}

fn goal(goal: &ChannelGoal) -> Result<Goal, Refusal> {
    let price = Sats::new(goal.sat).map_err(|_| Refusal::Goal)?;
    let words = goal.words.trim();
    let fits =
        (1..=MAX_PRICE_SAT).contains(&goal.sat) && (1..=MAX_GOAL).contains(&words.chars().count());
    if !fits {
        return Err(Refusal::Goal);
    }
    Ok(Goal {
        price,
        words: words.to_owned(),
        since: moment(&goal.since).map_err(|_| Refusal::Goal)?,
    })
}

fn tag(id: &ChannelName) -> TagId {
    TagId::of(&id.to_string())
}

fn fits(key: &'static str, text: &str, most: usize) -> Result<(), Refusal> {
    if text.chars().count() > most {
        return Err(Refusal::Long { key, most });
    }
    Ok(())
}

fn within(key: &'static str, number: u32, low: u32, high: u32) -> Result<(), Refusal> {
    if (low..=high).contains(&number) {
        return Ok(());
    }
    Err(Refusal::Range { key, low, high })
}

fn moment(text: &str) -> Result<Timestamp, Refusal> {
    let moment: jiff::Timestamp = text.parse().map_err(|_| Refusal::StartsAt)?;
    let seconds = u64::try_from(moment.as_second()).map_err(|_| Refusal::StartsAt)?;
    Ok(Timestamp::from_unix(seconds))
}

/// A file that is wrong now.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ChannelFault {
    /// The file's name.
    pub file: String,
    pub what: String,
}

/// All channels of a site.
#[derive(Debug)]
pub struct Channels {
    folder: PathBuf,
    known: Mutex<Known>,
    dearest: Dearest,
    version: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Known {
    looked: Option<Instant>,
    channels: BTreeMap<ChannelName, (Look, Option<Arc<Channel>>)>,
    faults: Vec<ChannelFault>,
}

/// What a file looked like; another version of it looks different.
type Look = (u64, u64, i64, i64);

impl Channels {
    pub fn new(data: &Path) -> Self {
        Self::telling(data, Dearest::default())
    }

    /// The same, and their prices count.
    pub(super) fn telling(data: &Path, dearest: Dearest) -> Self {
        let channels = Self {
            folder: data.join(CHANNELS),
            known: Mutex::default(),
            dearest,
            version: watch::Sender::new(0),
        };
        channels.look();
        channels
    }

    /// Looks now and then though nobody asks, until `shutdown`: a price may rise by hand.
    pub async fn follow(&self, shutdown: CancellationToken) {
        while shutdown
            .run_until_cancelled(tokio::time::sleep(LOOK_EVERY))
            .await
            .is_some()
        {
            self.look();
        }
    }

    pub fn get(&self, name: &str) -> Option<Arc<Channel>> {
        let name: ChannelName = name.parse().ok()?;
        self.looked_at(|known| known.channels.get(&name)?.1.clone())
    }

    /// By their names.
    pub fn all(&self) -> Vec<Arc<Channel>> {
        self.looked_at(|known| {
            let channels = known.channels.values();
            channels
                .filter_map(|(_, channel)| channel.clone())
                .collect()
        })
    }

    /// The channel whose recordings carry this tag.
    pub fn of_tag(&self, tag: TagId) -> Option<Arc<Channel>> {
        self.looked_at(|known| {
            let mut channels = known
                .channels
                .values()
                .filter_map(|(_, channel)| channel.as_ref());
            channels.find(|channel| channel.tag() == tag).cloned()
        })
    }

    pub fn faults(&self) -> Vec<ChannelFault> {
        self.looked_at(|known| known.faults.clone())
    }

    /// A file was written a moment ago.
    pub fn changed(&self) {
        self.look();
    }

    /// A number that grows when a channel's file has changed.
    pub fn version(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// For whoever waits; who asks for a channel looks by himself, since this may be a moment old.
    fn look(&self) {
        self.read(&mut self.known.lock());
    }

    fn read(&self, known: &mut Known) {
        if known.look(&self.folder) {
            self.dearest.set(Of::Channels, known.dearest());
            self.version.send_modify(|version| *version += 1);
        }
    }

    /// A folder of a few small files: looked at in passing, twice a second at the most.
    fn looked_at<T>(&self, read: impl FnOnce(&Known) -> T) -> T {
        let mut known = self.known.lock();
        if known.looked.is_none_or(|at| at.elapsed() >= RECHECK) {
            self.read(&mut known);
            known.looked = Some(Instant::now());
        }
        read(&known)
    }
}

impl Known {
    fn dearest(&self) -> Option<Sats> {
        let channels = self.channels.values();
        let channels = channels.filter_map(|(_, channel)| channel.as_ref());
        channels.filter_map(|channel| channel.dearest()).max()
    }

    /// True: something is another than before.
    fn look(&mut self, folder: &Path) -> bool {
        let mut changed = false;
        let mut before = std::mem::take(&mut self.channels);
        let faults_before = std::mem::take(&mut self.faults);
        for (name, path) in files(folder) {
            let Some(look) = look_of(&path) else {
                continue;
            };
            let known = before.remove(&name);
            if let Some((then, channel)) = &known
                && *then == look
            {
                let still = faults_before
                    .iter()
                    .filter(|fault| fault.file == name.file());
                self.faults.extend(still.cloned());
                self.channels.insert(name, (look, channel.clone()));
                continue;
            }
            changed = true;
            let channel = match read(&path, &name) {
                Ok(channel) => Some(Arc::new(channel)),
                Err(refusal) => {
                    tracing::warn!(channel = %name, %refusal, "a channel's file is wrong");
                    self.faults.push(ChannelFault {
                        file: name.file(),
                        what: refusal.to_string(),
                    });
                    known.and_then(|(_, channel)| channel)
                }
            };
            self.channels.insert(name, (look, channel));
        }
        // What is left is gone.
        changed || !before.is_empty()
    }
}

/// The highest price of all channels' files, as far as they are right.
pub(super) fn dearest_on_disk(data: &Path) -> Option<Sats> {
    let folder = data.join(CHANNELS);
    let channels = files(&folder).filter_map(|(name, path)| read(&path, &name).ok());
    channels.filter_map(|channel| channel.dearest()).max()
}

fn files(folder: &Path) -> impl Iterator<Item = (ChannelName, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let named = entries.filter_map(|entry| {
        let name = entry.file_name();
        let name = name.to_str()?.strip_suffix(".json")?.parse().ok()?;
        Some((name, entry.path()))
    });
    named.take(MAX_CHANNELS)
}

fn look_of(path: &Path) -> Option<Look> {
    // SECURITY: no link is followed, as the catalogue follows none.
    let about = fs::symlink_metadata(path)
        .ok()
        .filter(fs::Metadata::is_file)?;
    Some((about.ino(), about.size(), about.ctime(), about.ctime_nsec()))
}

/// One channel's file.
pub fn read(path: &Path, name: &ChannelName) -> Result<Channel, Refusal> {
    let mut text = Vec::new();
    File::open(path)?
        .take(MAX_CHANNEL_BYTES)
        .read_to_end(&mut text)?;
    Channel::of(name.clone(), serde_json::from_slice(&text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<Channel, String> {
        let file = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let name = "films".parse().expect("a name");
        Channel::of(name, file).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn a_channel_is_checked() {
        let key = r#""name": "Films", "key_sha256": "00""#;
        let good = check(&format!(
            r#"{{{key}, "tiers": [{{"tier": "own", "sat": 5}}], "passes": [{{"sat": 9, "hours": 24}}, {{"sat": 90}}],
            "starts_at": "2027-01-15T08:00:00Z"}}"#
        ))
        .expect("a channel");
        assert_eq!(good.passes.len(), 2);
        assert!(
            good.passes
                .iter()
                .all(|pass| pass.tag() == Some(TagId::of("Films")))
        );
        assert_eq!(good.starts_at, Some(Timestamp::from_unix(1_800_000_000)));
        for (more, words) in [
            (
                r#""tiers": [{"tier": "pass", "sat": 5}]"#,
                "belongs under \"passes\"",
            ),
            (r#""tiers": [{"tier": "rent", "sat": 5}]"#, "\"tiers\": "),
            (r#""passes": [{"sat": 0}]"#, "\"passes\": a price"),
            (
                r#""passes": [{"sat": 1}, {"sat": 2}]"#,
                "one for each number of hours",
            ),
            (r#""starts_at": "tomorrow""#, "\"starts_at\" is no time"),
            (
                r#""part_ms": 100"#,
                "\"part_ms\" is out of range: 200 to 333",
            ),
            (r#""grace_s": 4000"#, "\"grace_s\" is out of range"),
            (
                r#""goal": {"sat": 0, "words": "A lamp", "since": "2027-01-15T08:00:00Z"}"#,
                "\"goal\": ",
            ),
            (
                r#""goal": {"sat": 5, "words": " ", "since": "2027-01-15T08:00:00Z"}"#,
                "\"goal\": ",
            ),
            (
                r#""goal": {"sat": 5, "words": "A lamp", "since": "now"}"#,
                "\"since\" is a time",
            ),
        ] {
            let refused = check(&format!("{{{key}, {more}}}")).expect_err(more);
            assert!(refused.contains(words), "{refused}");
        }
    }

    #[test]
    fn a_broken_file_leaves_the_last_good_one() {
        let data = tempfile::tempdir().expect("a folder");
        let folder = data.path().join(CHANNELS);
        fs::create_dir(&folder).expect("a folder");
        let channels = Channels::new(data.path());
        assert!(channels.all().is_empty());
        let put = |text: &str| {
            fs::write(folder.join(".new"), text).expect("written");
            fs::rename(folder.join(".new"), folder.join("films.json")).expect("named");
            channels.changed();
        };
        put(r#"{"name": "Films", "key_sha256": "00"}"#);
        assert_eq!(channels.get("films").expect("a channel").file.name, "Films");
        put("{");
        assert_eq!(channels.get("films").expect("the last").file.name, "Films");
        assert_eq!(channels.faults().len(), 1);
        let version = channels.version();
        channels.changed();
        assert_eq!(channels.faults().len(), 1, "as long as it is wrong");
        assert!(!version.has_changed().expect("open"), "nothing new");
        put(r#"{"name": "Movies", "key_sha256": "00"}"#);
        assert_eq!(channels.get("films").expect("new").file.name, "Movies");
        assert!(version.has_changed().expect("open"));
        assert!(channels.faults().is_empty());
        fs::remove_file(folder.join("films.json")).expect("gone");
        channels.changed();
        assert!(channels.get("films").is_none());
    }
}
