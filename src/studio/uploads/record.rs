//! What is known of an upload besides its bytes: a small file beside them.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

use satreel_hls::naming::VideoId;
use serde::{Deserialize, Serialize};

use crate::{core::ids::InvalidId, small_file};

/// Names one upload; nobody guesses it, though only the creator may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UploadId([u8; 16]);

impl UploadId {
    pub(super) fn new() -> Result<Self, getrandom::Error> {
        let mut id = [0; 16];
        getrandom::fill(&mut id)?;
        Ok(Self(id))
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for UploadId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut bytes = [0; 16];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|_| InvalidId("an upload's id: 32 hex digits"))?;
        Ok(Self(bytes))
    }
}

/// The contents of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What the film's file is called.
    pub file_name: String,
    /// What the film is to be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The title whose film this is to be from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<VideoId>,
    pub length: u64,
    /// `Upload-Metadata` as it came: it is told again to whoever asks.
    #[serde(default)]
    pub metadata: String,
    /// Unix seconds. Every byte that arrives puts it off.
    pub expires_at: u64,
    /// How far the film is hashed, so that a restart need not read all of it again.
    #[serde(default)]
    pub hashed: Hashed,
    /// Bytes from here on are not checked yet: they don't count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unchecked_from: Option<u64>,
    /// It is whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub done: Option<Done>,
}

/// The state of SHA-256 after so many bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Hashed {
    pub bytes: u64,
    /// Empty: at the beginning.
    pub state: String,
}

/// What became of a whole upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    pub title: VideoId,
    /// The site has this film already.
    pub known: bool,
}

impl Record {
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        serde_json::from_slice(&fs::read(path)?).map_err(io::Error::other)
    }

    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let text = serde_json::to_string(self).map_err(io::Error::other)?;
        small_file::replace(path, &text)
    }
}

/// Where an upload's files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) record: PathBuf,
    pub(super) bytes: PathBuf,
}

impl Place {
    pub(super) fn of(folder: &Path, id: UploadId) -> Self {
        Self {
            record: folder.join(format!("{id}.json")),
            bytes: folder.join(format!("{id}.part")),
        }
    }

    pub(super) fn remove(&self) -> io::Result<()> {
        for path in [&self.bytes, &self.record] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }
}
