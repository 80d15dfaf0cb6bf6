//! Making, changing and removing live channels: `channels/<name>.json` put back whole.
//!
//! A stream key is shown once, when it is made; the file holds its hash (`hls::live::channel`). Keys
//! of the file that nobody here knows stay. What a right file is, the catalogue says.

use std::{
    fmt, fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use satreel_hls::live::channel::{CHANNELS, ChannelFile, ChannelName, InvalidChannel};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::{
    catalog::channels::{self, Channel, MAX_CHANNEL_BYTES, MAX_CHANNELS},
    small_file,
};

/// Random bytes of a stream key.
const SECRET: usize = 16;
/// What may be changed.
const FIELDS: [&str; 14] = [
    "name",
    "description",
    "tiers",
    "passes",
    "preview_s",
    "starts_at",
    "mode",
    "part_ms",
    "grace_s",
    "window_s",
    "record",
    "publish",
    "tips_on_page",
    "goal",
];

/// Why a channel stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no such channel")]
    Unknown,
    #[error("there is a channel of this name already: choose another, or give it a new key")]
    Exists,
    #[error("{MAX_CHANNELS} channels are the most: remove one that you no longer need")]
    TooMany,
    #[error("{0}")]
    Name(#[from] InvalidChannel),
    #[error("{field}: {what}")]
    Field { field: String, what: String },
    #[error("{0}")]
    Refused(#[from] channels::Refusal),
    #[error("the channels' folder can't be used: {0}")]
    Io(#[from] io::Error),
}

/// Where the hash of an overlay's secret stands.
const OVERLAY: &str = "overlay_sha256";

/// A stream key, or an overlay's secret, to be shown once.
pub struct StreamKey(String);

impl StreamKey {
    fn new(channel: &ChannelName) -> io::Result<Self> {
        let mut secret = [0; SECRET];
        getrandom::fill(&mut secret).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self(format!("{channel}_{}", hex::encode(secret))))
    }

    fn hash(&self) -> String {
        hex::encode(Sha256::digest(self.0.as_bytes()))
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamKey(…)")
    }
}

/// The channels' folder. All calls wait on the disk.
#[derive(Debug)]
pub struct Channels {
    folder: PathBuf,
}

impl Channels {
    pub fn new(data: &Path) -> Self {
        Self {
            folder: data.join(CHANNELS),
        }
    }

    /// A channel with the usual settings, changed by `settings`.
    pub fn add(
        &self,
        name: &str,
        settings: Map<String, Value>,
    ) -> Result<(Channel, StreamKey), Error> {
        let name: ChannelName = name.parse()?;
        fs::create_dir_all(&self.folder)?;
        let _turn = small_file::take_turn(&self.file(&name))?;
        if fs::symlink_metadata(self.file(&name)).is_ok() {
            return Err(Error::Exists);
        }
        if fs::read_dir(&self.folder)?.count() >= MAX_CHANNELS {
            return Err(Error::TooMany);
        }
        let key = StreamKey::new(&name)?;
        let file = ChannelFile::new(name.to_string(), key.hash());
        let Value::Object(mut keys) =
            serde_json::to_value(file).map_err(channels::Refusal::from)?
        else {
            return Err(Error::Unknown);
        };
        change(&mut keys, settings)?;
        Ok((self.put(name, keys)?, key))
    }

    /// Puts `changes` over what stands there; a null takes a key away.
    pub fn edit(&self, name: &str, changes: Map<String, Value>) -> Result<Channel, Error> {
        let name: ChannelName = name.parse()?;
        let _turn = self.turn(&name)?;
        let mut keys = self.keys(&name)?;
        change(&mut keys, changes)?;
        self.put(name, keys)
    }

    /// The key that was, opens nothing from here on; who publishes with it goes on until he leaves.
    pub fn rotate(&self, name: &str) -> Result<StreamKey, Error> {
        let name: ChannelName = name.parse()?;
        let _turn = self.turn(&name)?;
        let mut keys = self.keys(&name)?;
        let key = StreamKey::new(&name)?;
        keys.insert("key_sha256".to_owned(), Value::String(key.hash()));
        self.put(name, keys)?;
        Ok(key)
    }

    /// A new address for its overlay; the one that was opens nothing from here on.
    pub fn open_overlay(&self, name: &str) -> Result<StreamKey, Error> {
        let name: ChannelName = name.parse()?;
        let _turn = self.turn(&name)?;
        let mut keys = self.keys(&name)?;
        let key = StreamKey::new(&name)?;
        keys.insert(OVERLAY.to_owned(), Value::String(key.hash()));
        self.put(name, keys)?;
        Ok(key)
    }

    pub fn close_overlay(&self, name: &str) -> Result<(), Error> {
        let name: ChannelName = name.parse()?;
        let _turn = self.turn(&name)?;
        let mut keys = self.keys(&name)?;
        if keys.remove(OVERLAY).is_some() {
            self.put(name, keys)?;
        }
        Ok(())
    }

    /// Its recordings stay: they are titles like any other.
    pub fn remove(&self, name: &str) -> Result<(), Error> {
        let name: ChannelName = name.parse()?;
        let _turn = self.turn(&name)?;
        match fs::remove_file(self.file(&name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Error::Unknown),
            done => Ok(done?),
        }
    }

    fn file(&self, name: &ChannelName) -> PathBuf {
        self.folder.join(name.file())
    }

    fn turn(&self, name: &ChannelName) -> Result<small_file::Turn, Error> {
        match small_file::take_turn(&self.file(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Error::Unknown),
            turn => Ok(turn?),
        }
    }

    fn keys(&self, name: &ChannelName) -> Result<Map<String, Value>, Error> {
        let path = self.file(name);
        // SECURITY: no link is followed, as the catalogue follows none.
        if !fs::symlink_metadata(&path).is_ok_and(|about| about.is_file()) {
            return Err(Error::Unknown);
        }
        let mut text = Vec::new();
        fs::File::open(&path)?
            .take(MAX_CHANNEL_BYTES)
            .read_to_end(&mut text)?;
        Ok(serde_json::from_slice(&text).map_err(channels::Refusal::from)?)
    }

    fn put(&self, name: ChannelName, keys: Map<String, Value>) -> Result<Channel, Error> {
        let path = self.file(&name);
        let text = serde_json::to_string_pretty(&keys).map_err(channels::Refusal::from)?;
        let file = serde_json::from_value(Value::Object(keys)).map_err(channels::Refusal::from)?;
        let channel = Channel::of(name, file)?;
        small_file::hand_over(&path, format!("{text}\n").as_bytes())?;
        Ok(channel)
    }
}

fn change(keys: &mut Map<String, Value>, changes: Map<String, Value>) -> Result<(), Error> {
    for (key, value) in changes {
        if !FIELDS.contains(&key.as_str()) {
            return Err(Error::Field {
                what: format!("is none of a channel's settings: {}", FIELDS.join(", ")),
                field: key,
            });
        }
        match value {
            Value::Null => keys.remove(&key),
            value => keys.insert(key, value),
        };
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(value: &Value) -> Map<String, Value> {
        value.as_object().cloned().expect("an object")
    }

    fn text(data: &Path) -> String {
        fs::read_to_string(data.join("channels/films.json")).expect("a file")
    }

    #[test]
    fn a_channel_is_made_changed_and_removed() {
        let data = tempfile::tempdir().expect("a folder");
        let channels = Channels::new(data.path());
        let tiers = json!({"name": "Films", "tiers": [{"tier": "rent", "sat": 50, "hours": 48}]});
        let (channel, key) = channels.add("films", settings(&tiers)).expect("made");
        assert_eq!(
            (channel.file.name.as_str(), channel.file.grace_s),
            ("Films", 120)
        );
        let written = text(data.path());
        assert!(written.contains(&key.hash()) && !written.contains(key.reveal()));
        assert_eq!(format!("{key:?}"), "StreamKey(…)");
        assert_eq!(
            ChannelName::of_key(key.reveal())
                .map(|name| name.to_string())
                .as_deref(),
            Some("films")
        );
        assert!(matches!(
            channels.add("films", Map::new()),
            Err(Error::Exists)
        ));
        assert!(matches!(
            channels.add("Films!", Map::new()),
            Err(Error::Name(_))
        ));

        // What a later version wrote stays.
        let later = written.replacen('{', "{\"later\": 1,", 1);
        fs::write(data.path().join("channels/films.json"), later).expect("written");
        let changed = channels.edit("films", settings(&json!({"tiers": null, "preview_s": 30})));
        let changed = changed.expect("changed");
        assert_eq!((changed.offer, changed.file.preview_s), (None, 30));
        assert!(text(data.path()).contains("\"later\""));

        let before = text(data.path());
        let new = channels.rotate("films").expect("a key");
        assert_ne!(new.reveal(), key.reveal());
        assert!(
            text(data.path()).contains(&new.hash()) && !text(data.path()).contains(&key.hash())
        );
        assert_ne!(text(data.path()), before);

        let overlay = channels.open_overlay("films").expect("a secret");
        let other = channels.open_overlay("films").expect("another");
        let written = text(data.path());
        assert!(written.contains(&other.hash()) && written.contains(&new.hash()));
        assert!(!written.contains(&overlay.hash()) && !written.contains(other.reveal()));
        channels.close_overlay("films").expect("closed");
        assert!(!text(data.path()).contains("overlay"));

        channels.remove("films").expect("removed");
        for gone in [
            channels.remove("films").err(),
            channels.rotate("films").err(),
            channels.edit("films", Map::new()).err(),
        ] {
            assert!(matches!(gone, Some(Error::Unknown)), "{gone:?}");
        }
    }

    #[test]
    fn a_wrong_change_changes_nothing() {
        let data = tempfile::tempdir().expect("a folder");
        let channels = Channels::new(data.path());
        channels.add("films", Map::new()).expect("made");
        let before = text(data.path());
        for wrong in [
            json!({"key_sha256": "00"}),
            json!({"overlay_sha256": "00"}),
            json!({"goal": {"sat": 5, "words": "A lamp"}}),
            json!({"colour": "red"}),
            json!({"name": ""}),
            json!({"grace_s": 1}),
            json!({"mode": "faster"}),
            json!({"tiers": [{"tier": "rent", "sat": 1}]}),
            json!({"starts_at": "soon"}),
        ] {
            assert!(channels.edit("films", settings(&wrong)).is_err(), "{wrong}");
        }
        assert_eq!(text(data.path()), before);
    }
}
