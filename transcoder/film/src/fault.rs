//! Why a film cannot be taken in, in words for the person who dropped it there.
//!
//! Owns the closed set of faults. They cross the worker's pipe as JSON, so they carry plain values.

use serde::{Deserialize, Serialize};

/// What is wrong and what to do about it (`Display` says both).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "fault", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    #[error("the file is empty: it may still be on its way, so copy it again")]
    Empty,
    #[error(
        "this is no film or recording that Satreel knows: use MP4, MOV, MKV, WebM, AVI, MPEG-TS, MPEG-PS or FLV, or MP3, M4A, AAC, FLAC, Ogg or WAV for sound"
    )]
    NotMedia,
    #[error(
        "this is a text playlist under a video's name: give the video itself, not a list of others"
    )]
    Playlist,
    #[error("the file has neither a picture nor a sound track: give a film or a recording")]
    NoTrack,
    #[error("the file is damaged or cut short ({detail}): export or copy it again")]
    Damaged { detail: String },
    #[error("nothing here can decode {codec}: convert the film to H.264 and try again")]
    UnknownCodec { codec: String },
    #[error("the film is out of bounds ({detail}): export it smaller")]
    TooLarge { detail: String },
    #[error("the file changed while it was read: it is taken once it rests")]
    Changed,
    #[error("the file cannot be read ({detail}): check the path and its permissions")]
    Unreadable { detail: String },
    #[error(
        "the disk is full: free some space. `run` goes on by itself; after `add`, add the film again"
    )]
    DiskFull,
    #[error("the title's folder cannot be written ({detail}): check its owner and permissions")]
    Unwritable { detail: String },
    #[error(
        "the program satreel-worker is missing: install it into the folder of satreel-transcoder"
    )]
    NoWorker,
    #[error(
        "work on the film stood still for {seconds} s and was stopped: the file may be damaged"
    )]
    Stalled { seconds: u64 },
    #[error(
        "the worker ended too early ({detail}): add the film again; if it happens twice, the file may be damaged"
    )]
    Crashed { detail: String },
    #[error(
        "the kernel ended the worker: it asked for a program, a process or a connection, which no \
         film needs, so the file is hostile: do not add it again"
    )]
    Forbidden,
    #[error(
        "a film's reader cannot be confined here ({missing}), so no film is opened: boot a kernel \
         with Landlock and seccomp, or accept the risk with sandbox = \"best-effort\" in [transcoder] \
         or --sandbox best-effort"
    )]
    Unconfined { missing: String },
    #[error("another Satreel program is working on this film: wait for it to finish")]
    Busy,
    #[error("what lies beside the film is wrong: {detail}")]
    Beside { detail: String },
    #[error("another satreel-transcoder run works on this site: stop it first")]
    Running,
    #[error("somebody gave the film up")]
    Cancelled,
    #[error("the transcoder was stopped: it continues at the next start")]
    Stopped,
}

impl Fault {
    /// Whether time alone may mend it: then `run` tries again by itself.
    pub const fn heals(&self) -> bool {
        matches!(self, Self::DiskFull | Self::Unwritable { .. })
    }

    /// Whether doing the same again may end differently: then the source stays where it is.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::DiskFull
            | Self::Unwritable { .. }
            | Self::Unconfined { .. }
            | Self::NoWorker
            | Self::Busy
            | Self::Changed
            | Self::Running
            | Self::Stopped => true,
            Self::Empty
            | Self::NotMedia
            | Self::Playlist
            | Self::NoTrack
            | Self::Damaged { .. }
            | Self::UnknownCodec { .. }
            | Self::TooLarge { .. }
            | Self::Unreadable { .. }
            | Self::Stalled { .. }
            | Self::Crashed { .. }
            | Self::Forbidden
            | Self::Beside { .. }
            | Self::Cancelled => false,
        }
    }

    pub fn damaged(detail: impl std::fmt::Display) -> Self {
        Self::Damaged {
            detail: detail.to_string(),
        }
    }

    /// A failed write below the title's folder.
    pub fn writing(error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::DiskFull,
            _ => Self::Unwritable {
                detail: error.to_string(),
            },
        }
    }

    /// A failed read of the source.
    pub fn reading(error: &std::io::Error) -> Self {
        Self::Unreadable {
            detail: error.to_string(),
        }
    }
}
