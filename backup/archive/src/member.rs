//! What can be in an archive. A closed set: a name that is none of these is no path anywhere.

use std::{fmt, path::PathBuf, str::FromStr};

use satreel_hls::{live::channel::ChannelName, naming::VideoId};

/// A file of a site.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Member {
    // In the order in which they are restored: keys first, since a server that starts without them
    // makes new ones.
    Keys,
    Config,
    Ledger,
    Wallet,
    Denied,
    Studio,
    Channel(ChannelName),
    Outages(ChannelName),
    Title(VideoId),
    Poster(VideoId),
}

/// A name that is no [`Member`].
#[derive(Debug, thiserror::Error)]
#[error("what is in it is no file of a site")]
pub(crate) struct Foreign;

impl Member {
    /// Largest file of this kind.
    pub(crate) fn most(&self) -> u64 {
        match self {
            Self::Keys | Self::Config | Self::Studio => 1 << 20,
            Self::Ledger | Self::Wallet => 200 << 20,
            Self::Denied | Self::Channel(_) | Self::Outages(_) | Self::Title(_) => 4 << 20,
            Self::Poster(_) => 8 << 20,
        }
    }

    /// Whether only its owner may read it, whatever its mode was.
    pub(crate) fn is_secret(&self) -> bool {
        match self {
            Self::Keys | Self::Ledger | Self::Wallet | Self::Denied | Self::Studio => true,
            Self::Config
            | Self::Channel(_)
            | Self::Outages(_)
            | Self::Title(_)
            | Self::Poster(_) => false,
        }
    }

    /// Below the folder that is restored to; the same as in the archive.
    pub(crate) fn path(&self) -> PathBuf {
        PathBuf::from(self.to_string())
    }

    /// What stands in it, as far as that can be told without the server.
    pub(crate) fn is_plausible(&self, bytes: &[u8]) -> bool {
        match self {
            Self::Keys
            | Self::Denied
            | Self::Studio
            | Self::Channel(_)
            | Self::Outages(_)
            | Self::Title(_) => serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok(),
            Self::Config => std::str::from_utf8(bytes).is_ok(),
            Self::Ledger | Self::Wallet => bytes.starts_with(b"SQLite format 3\0"),
            Self::Poster(_) => true,
        }
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keys => f.write_str("keys.json"),
            Self::Config => f.write_str("satreel.toml"),
            Self::Ledger => f.write_str("ledger.db"),
            Self::Wallet => f.write_str("wallet.db"),
            Self::Denied => f.write_str("denied.json"),
            Self::Studio => f.write_str("studio.json"),
            Self::Channel(name) => write!(f, "channels/{name}.json"),
            Self::Outages(name) => write!(f, "channels/outages/{name}.json"),
            Self::Title(id) => write!(f, "titles/{id}/title.json"),
            Self::Poster(id) => write!(f, "titles/{id}/poster.jpg"),
        }
    }
}

impl FromStr for Member {
    type Err = Foreign;

    /// SECURITY: the only way from an archive's bytes to a path. Every part is a word of ours or a
    /// parsed value, and what does not read back as it was written is none.
    fn from_str(text: &str) -> Result<Self, Foreign> {
        let channel = |file: &str| {
            let name = file.strip_suffix(".json").ok_or(Foreign)?;
            name.parse::<ChannelName>().map_err(|_| Foreign)
        };
        let id = |id: &str| id.parse::<VideoId>().map_err(|_| Foreign);
        let parts: Vec<&str> = text.splitn(4, '/').collect();
        match parts.as_slice() {
            ["keys.json"] => Ok(Self::Keys),
            ["satreel.toml"] => Ok(Self::Config),
            ["ledger.db"] => Ok(Self::Ledger),
            ["wallet.db"] => Ok(Self::Wallet),
            ["denied.json"] => Ok(Self::Denied),
            ["studio.json"] => Ok(Self::Studio),
            ["channels", file] => channel(file).map(Self::Channel),
            ["channels", "outages", file] => channel(file).map(Self::Outages),
            ["titles", folder, "title.json"] => id(folder).map(Self::Title),
            ["titles", folder, "poster.jpg"] => id(folder).map(Self::Poster),
            _ => Err(Foreign),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn members_are_told_from_everything_else() {
        for path in [
            "keys.json",
            "satreel.toml",
            "ledger.db",
            "wallet.db",
            "denied.json",
            "studio.json",
            "channels/main.json",
            "channels/outages/main.json",
            "titles/00ff10a9bcdef012/title.json",
            "titles/00ff10a9bcdef012/poster.jpg",
        ] {
            let member: Member = path.parse().expect(path);
            assert_eq!(member.to_string(), path);
        }
        for path in [
            "",
            "/keys.json",
            "./keys.json",
            "../keys.json",
            "keys.json/",
            "keys.json\0",
            "channels/../keys.json",
            "channels/.json",
            "channels/outages/../x.json",
            "channels//main.json",
            "titles/../../etc/title.json",
            "titles/00FF10A9BCDEF012/title.json",
            "titles/00ff10a9bcdef012/v720-0.m4s",
            "titles/00ff10a9bcdef012/title.json/x",
        ] {
            assert!(path.parse::<Member>().is_err(), "{path:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_alike(text in "(channels|titles|\\.\\.|[a-z./0-9-]{0,20}|/){1,5}(\\.json|\\.jpg)?") {
            if let Ok(member) = text.parse::<Member>() {
                prop_assert_eq!(member.to_string(), text);
                let plain = |part| matches!(part, std::path::Component::Normal(_));
                prop_assert!(member.path().components().all(plain));
            }
        }
    }
}
