//! Changing what is sold: `title.json` edited and put back whole, and titles taken down.
//!
//! The file is its owner's: he edits it by hand too, and the transcoder writes what it measured. So an
//! edit here names the version that it was made from (its mark), and is refused when another stands
//! there; keys that nobody here knows stay. What a right file is, the catalogue says.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use satreel_hls::{
    naming::VideoId,
    title::{State, Tier, TitleFile},
};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::{catalog, small_file};

/// Where a title waits to be deleted; no id begins like this.
const DOOMED: &str = ".deleted-";
/// The longest free start that makes sense: a week.
const MAX_PREVIEW_S: u64 = 7 * 86_400;

/// Why a title stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no such film")]
    Unknown,
    #[error("the film was changed meanwhile: read it again, then make your change once more")]
    Changed,
    #[error("{field}: {what}")]
    Field { field: String, what: String },
    #[error("the film is still being made: publish or hide it once it is done")]
    NotReady,
    #[error("a job is working on this film: cancel it first, or wait until it is done")]
    Busy,
    #[error("title.json is no JSON object: mend it by hand ({0})")]
    Broken(String),
    #[error("the title's folder can't be used: {0}")]
    Io(#[from] io::Error),
}

/// A title's file as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Changes with every byte of the file.
    pub mark: String,
    pub keys: Map<String, Value>,
}

/// Which version may be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Whatever stands there.
    Any,
    /// One of these.
    Marks(Vec<String>),
}

impl Condition {
    pub(super) fn allows(&self, mark: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Marks(marks) => marks.iter().any(|known| known == mark),
        }
    }
}

/// The titles' folder. All calls wait on the disk.
#[derive(Debug)]
pub struct Titles {
    folder: PathBuf,
}

impl Titles {
    pub fn new(data: &Path) -> Self {
        Self {
            folder: data.join(catalog::TITLES),
        }
    }

    pub fn read(&self, id: VideoId) -> Result<Stored, Error> {
        // SECURITY: no link is followed, as the catalogue follows none.
        let path = self.file(id);
        match fs::symlink_metadata(&path) {
            Ok(about) if about.is_file() => {}
            Ok(_) => return Err(Error::Unknown),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Error::Unknown),
            Err(error) => return Err(error.into()),
        }
        let mut text = Vec::new();
        File::open(&path)?
            .take(catalog::MAX_TITLE_BYTES + 1)
            .read_to_end(&mut text)?;
        match serde_json::from_slice(&text) {
            Ok(Value::Object(keys)) => Ok(Stored {
                mark: hex::encode(&Sha256::digest(&text)[..8]),
                keys,
            }),
            Ok(_) => Err(Error::Broken("it holds something else".to_owned())),
            Err(error) => Err(Error::Broken(error.to_string())),
        }
    }

    /// Puts `changes` over what stands there; a null takes a key away.
    pub fn edit(
        &self,
        id: VideoId,
        condition: &Condition,
        changes: Map<String, Value>,
    ) -> Result<Stored, Error> {
        let _turn = self.take_turn()?;
        let mut stored = self.read(id)?;
        if !condition.allows(&stored.mark) {
            return Err(Error::Changed);
        }
        for (key, value) in changes {
            let value = checked(&key, value)?;
            if key == "state" {
                may_change_state(&stored.keys)?;
            }
            match value {
                Value::Null => stored.keys.remove(&key),
                value => stored.keys.insert(key, value),
            };
        }
        let mut text = serde_json::to_string_pretty(&stored.keys).map_err(io::Error::other)?;
        text.push('\n');
        catalog::check(text.as_bytes()).map_err(|wrong| Error::Field {
            field: wrong.key.unwrap_or("title.json").to_owned(),
            what: wrong.what,
        })?;
        small_file::replace_shared(&self.file(id), &text)?;
        self.read(id)
    }

    /// Takes a title down: out of sight at once, off the disk by and by. Answers how many bytes
    /// that frees.
    pub fn delete(&self, id: VideoId, condition: &Condition) -> Result<u64, Error> {
        let _turn = self.take_turn()?;
        let folder = self.folder.join(id.to_string());
        match self.read(id) {
            Ok(stored) if !condition.allows(&stored.mark) => return Err(Error::Changed),
            Ok(_) => {}
            // Nothing to lose that could be read.
            Err(Error::Broken(_)) if *condition == Condition::Any => {}
            Err(error) => return Err(error),
        }
        // The transcoder holds the folder as long as it works in it.
        match File::open(&folder)?.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Busy),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let freed = bytes_in(&folder)?;
        let doomed = self.folder.join(format!("{DOOMED}{id}"));
        // What an earlier deletion left when it was killed.
        remove_all(&doomed)?;
        fs::rename(&folder, &doomed)?;
        remove_all(&doomed)?;
        Ok(freed)
    }

    /// Ends deletions that a crash broke off.
    pub fn sweep(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(DOOMED) {
                remove_all(&entry.path())?;
            }
        }
        Ok(())
    }

    fn file(&self, id: VideoId) -> PathBuf {
        self.folder.join(id.to_string()).join("title.json")
    }

    /// Keeps other servers and requests out meanwhile.
    fn take_turn(&self) -> io::Result<small_file::Turn> {
        small_file::take_turn(&self.folder.join("titles"))
    }
}

fn remove_all(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// What a title's files take on the disk.
fn bytes_in(folder: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        bytes += if about.is_dir() {
            bytes_in(&entry.path())?
        } else {
            about.len()
        };
    }
    Ok(bytes)
}

fn may_change_state(keys: &Map<String, Value>) -> Result<(), Error> {
    let file = serde_json::from_value::<TitleFile>(Value::Object(keys.clone()));
    match file.map(|file| file.state) {
        Ok(State::Processing | State::Live | State::Scheduled) => Err(Error::NotReady),
        // A file that is wrong elsewhere is refused by the catalogue's own check.
        Ok(State::Published | State::Hidden) | Err(_) => Ok(()),
    }
}

/// One change, as it goes into the file.
fn checked(key: &str, value: Value) -> Result<Value, Error> {
    let wrong = |what: &str| Error::Field {
        field: key.to_owned(),
        what: what.to_owned(),
    };
    match key {
        "name" => text(&value).map(Value::from).ok_or_else(|| wrong("a text")),
        "description" => match value {
            Value::Null => Ok(Value::Null),
            value => text(&value)
                .map(Value::from)
                .ok_or_else(|| wrong("a text, or null")),
        },
        "year" => match value.as_u64() {
            Some(1..=9999) => Ok(value),
            None if value.is_null() => Ok(value),
            Some(_) | None => Err(wrong("a year from 1 to 9999, or null")),
        },
        "tags" => tags(&value).ok_or_else(|| wrong("a list of texts")),
        "tiers" if value.is_null() => Ok(value),
        "tiers" => match serde_json::from_value::<Vec<Tier>>(value) {
            Ok(tiers) => serde_json::to_value(tiers).map_err(|error| wrong(&error.to_string())),
            Err(error) => Err(wrong(&error.to_string())),
        },
        "preview_s" => match value.as_u64() {
            Some(0..=MAX_PREVIEW_S) => Ok(value),
            Some(_) | None => Err(wrong("whole seconds, from 0 to a week")),
        },
        "state" => match value.as_str() {
            Some("published" | "hidden") => Ok(value),
            Some(_) | None => Err(wrong("\"published\" or \"hidden\"")),
        },
        _ => Err(wrong(
            "is not changed here: name, description, year, tags, tiers, preview_s and state are",
        )),
    }
}

fn text(value: &Value) -> Option<&str> {
    value.as_str().map(str::trim)
}

/// Each once, without the empty ones.
fn tags(value: &Value) -> Option<Value> {
    let mut tags: Vec<&str> = Vec::new();
    for tag in value.as_array()? {
        let tag = text(tag)?;
        if !tag.is_empty() && !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    Some(tags.into())
}

#[cfg(test)]
#[path = "titles_tests.rs"]
mod tests;
