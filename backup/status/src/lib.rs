//! How the copies stand: `status.json` in the guardian's folder. The guardian and its commands write
//! it, the server reads it for its doctor and its metrics.
//!
//! Owns the file's shape and how it is replaced in one step. It holds no secret: anybody on the
//! machine may read it.

mod file;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

pub use file::{File, NAME, read};

/// After this long without a new copy something is wrong: a running guardian makes one every day.
pub const OLD: SignedDuration = SignedDuration::from_hours(26);
/// After this long it has been wrong for more than a day.
pub const TOO_OLD: SignedDuration = SignedDuration::from_hours(50);
/// A drill that is longer ago says little.
pub const DRILL_OLD: SignedDuration = SignedDuration::from_hours(35 * 24);

/// The whole file. What an older version did not write reads as absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// When it was last written.
    pub updated: Option<Timestamp>,
    /// The newest channel backup of all.
    pub channels: Option<Channels>,
    /// The last time that there were fewer channels than before.
    pub shrunk: Option<Shrunk>,
    /// The newest copy of the site's data.
    pub site: Option<Site>,
    /// What the guardian's macaroon lacks and has too much; None: it has none, or can't read it.
    pub macaroon: Option<Macaroon>,
    /// Why the node's backup can't be had now.
    pub node_fault: Option<Fault>,
    /// Why the site's data can't be saved now.
    pub site_fault: Option<Fault>,
    /// By the names that the configuration gives them.
    pub destinations: BTreeMap<String, Destination>,
}

/// A channel backup that LND has verified and that lies in the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channels {
    /// The copy's name.
    pub name: String,
    pub saved: Timestamp,
    /// How many channels it holds.
    pub count: usize,
    /// SHA-256 over the channels' names: which channels, without naming them.
    pub digest: String,
}

/// A copy of the site's data that lies in the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// The copy's name.
    pub name: String,
    pub saved: Timestamp,
    /// SHA-256 of what is in it.
    pub digest: String,
}

/// A macaroon held against what the guardian does, as `entity:action`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Macaroon {
    pub missing: Vec<String>,
    /// Whoever steals it can do that.
    pub spare: Vec<String>,
}

/// Channels that were there and are no more. Usual when one is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shrunk {
    pub at: Timestamp,
    pub from: usize,
    pub to: usize,
}

/// Something that does not work now, in words, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    pub since: Timestamp,
    pub why: String,
}

/// How one place stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Destination {
    /// Which place, in words.
    pub place: String,
    /// The newest channel backup that was read back there and found to be the same.
    pub channels: Option<Timestamp>,
    /// The same of the site's data.
    pub site: Option<Timestamp>,
    /// When something there was last read and compared.
    pub confirmed: Option<Timestamp>,
    pub fault: Option<Fault>,
    pub drill: Option<Drill>,
}

/// The last proof that a copy can be restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drill {
    pub at: Timestamp,
    pub passed: bool,
    /// What was found.
    pub detail: String,
}

impl Fault {
    /// The same fault again keeps its beginning.
    pub fn again(before: Option<&Self>, now: Timestamp, why: String) -> Self {
        Self {
            since: before.map_or(now, |fault| fault.since),
            why,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_keeps_its_beginning() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let first = Fault::again(None, at(5), "away".into());
        let second = Fault::again(Some(&first), at(9), "refuses".into());
        assert_eq!((second.since, second.why.as_str()), (at(5), "refuses"));
    }
}
