//! One channel's file: `{"outages": [{"broadcast": …, "from_s": …, "to_s": …}]}`, newest last.

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
};

use satreel_hls::live::channel::ChannelName;
use serde::{Deserialize, Serialize};

use crate::{
    core::{credit::Outage, ids::VideoId, time::Timestamp},
    small_file,
};

/// Outages of one channel; of more the oldest go. No rent lasts longer than a year.
const MOST: usize = 1000;

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Record {
    outages: Vec<Line>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    broadcast: VideoId,
    from_s: u64,
    to_s: u64,
}

impl Line {
    fn of(broadcast: VideoId, outage: Outage) -> Self {
        Self {
            broadcast,
            from_s: outage.from.as_unix(),
            to_s: outage.to.as_unix(),
        }
    }
}

impl Record {
    pub(super) fn has(&self, broadcast: VideoId, outage: Outage) -> bool {
        self.outages.contains(&Line::of(broadcast, outage))
    }

    /// Those that were not over at that time.
    pub(super) fn since(&self, time: Timestamp) -> impl Iterator<Item = (VideoId, Outage)> {
        let lines = self
            .outages
            .iter()
            .filter(move |line| line.to_s > time.as_unix());
        lines.map(|line| {
            let outage = Outage {
                from: Timestamp::from_unix(line.from_s),
                to: Timestamp::from_unix(line.to_s),
            };
            (line.broadcast, outage)
        })
    }
}

/// All channels' files.
pub(super) fn read_all(folder: &Path) -> io::Result<HashMap<ChannelName, Record>> {
    fs::create_dir_all(folder)?;
    let mut known = HashMap::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let Some(name) = channel(&path) else {
            continue;
        };
        match read(&path) {
            Ok(record) => {
                known.insert(name, record);
            }
            Err(error) => tracing::error!(%error, path = %path.display(),
                "a record of outages can't be read: what they added to rents is missing until the \
                 file is restored or removed"),
        }
    }
    Ok(known)
}

fn channel(path: &Path) -> Option<ChannelName> {
    let name = path.file_name()?.to_str()?;
    name.strip_suffix(".json")?.parse().ok()
}

fn read(path: &Path) -> io::Result<Record> {
    match small_file::read(path)? {
        None => Ok(Record::default()),
        Some(text) => serde_json::from_str(&text).map_err(io::Error::other),
    }
}

/// Adds what is not there yet. Another server may run on the same folder for a moment, so what stands
/// in the file counts, and not what this one remembers.
pub(super) fn add(
    folder: &Path,
    channel: &ChannelName,
    broadcast: VideoId,
    outages: &[Outage],
) -> io::Result<Record> {
    let path: PathBuf = folder.join(channel.file());
    let _turn = small_file::take_turn(&path)?;
    let mut record = read(&path)?;
    let before = record.outages.clone();
    for outage in outages {
        if !record.has(broadcast, *outage) {
            record.outages.push(Line::of(broadcast, *outage));
        }
    }
    record.outages.sort_by_key(|line| line.from_s);
    let most = record.outages.len().saturating_sub(MOST);
    record.outages.drain(..most);
    if record.outages == before {
        return Ok(record);
    }
    let text = serde_json::to_string_pretty(&record).map_err(io::Error::other)?;
    small_file::hand_over(&path, format!("{text}\n").as_bytes())?;
    Ok(record)
}
