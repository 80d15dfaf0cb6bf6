//! What supervisor and worker say to each other: one order in, JSON lines out.
//!
//! // SECURITY: a worker has parsed a stranger's file and may have been taken over, so its lines are
//! read as hostile: bounded in length, strictly typed, control characters removed.

use std::path::{Path, PathBuf};

use satreel_config::{Ladder, Loudness, Sandbox};
use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::magic::{Container, Image};
use crate::plan::{Plan, Preview};
use crate::rungs::RungsOrder;
use crate::sandbox::Layers;

/// Longest line a worker may write, in bytes.
pub const LINE: usize = 64 * 1024;

/// What a worker is started for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Errand {
    Film(Order),
    Poster(PosterOrder),
    Rungs(RungsOrder),
}

impl Errand {
    /// The process that started the worker; it ends with it.
    pub fn supervisor(&self) -> u32 {
        match self {
            Self::Film(order) => order.supervisor,
            Self::Poster(order) => order.supervisor,
            Self::Rungs(order) => order.supervisor,
        }
    }

    /// Whether it may go on where the kernel can't confine it.
    pub fn sandbox(&self) -> Sandbox {
        match self {
            Self::Film(order) => order.sandbox,
            Self::Poster(order) => order.sandbox,
            Self::Rungs(order) => order.sandbox,
        }
    }

    /// The only folder that is written.
    pub fn output(&self) -> Option<&Path> {
        match self {
            Self::Film(order) => order.output.as_deref(),
            Self::Poster(order) => Some(&order.output),
            Self::Rungs(_) => None,
        }
    }

    /// Whether nothing is to be made of the film, or measured by filters.
    pub fn is_look(&self) -> bool {
        match self {
            Self::Film(order) => order.output.is_none() && order.loudness == Loudness::AsIs,
            Self::Poster(_) | Self::Rungs(_) => false,
        }
    }
}

/// What the worker is to do with the picture on its standard input: draw it anew as `poster.jpg`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PosterOrder {
    pub image: Image,
    pub supervisor: u32,
    pub sandbox: Sandbox,
    /// A folder for nothing else.
    pub output: PathBuf,
}

/// What the worker is to do with the film on its standard input.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    pub container: Container,
    pub preview: Preview,
    /// Which making of the title this is; later ones have tracks of another name.
    pub generation: u32,
    /// The process that started it; the worker ends with it.
    pub supervisor: u32,
    /// Whether it may go on where the kernel can't confine it.
    pub sandbox: Sandbox,
    pub loudness: Loudness,
    pub ladder: Ladder,
    /// The languages (RFC 5646) of captions that lay beside the film; their cues wait in the
    /// title's folder ([`crate::folder`]).
    #[serde(default)]
    pub captions: Vec<Option<String>>,
    /// Only a picture of the film's first frame, as `poster.jpg`.
    #[serde(default)]
    pub still: bool,
    /// The title's folder, the only one that is written. None: only look and plan.
    pub output: Option<PathBuf>,
}

/// What the worker tells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case", deny_unknown_fields)]
pub enum Message {
    /// The confinement that could be had from this kernel.
    Confined {
        layers: Layers,
    },
    /// Still looking through the file.
    Looking {},
    Planned {
        plan: Box<Plan>,
    },
    /// So much of the film is made.
    Progress {
        done_us: u64,
    },
    /// The title can be watched, and grows.
    Playable {},
    /// Every file of the title is in place.
    Done {},
    Failed {
        fault: Fault,
    },
}

/// The argument by which a worker is asked for its [`Abilities`], instead of an errand.
pub const CODECS: &str = "codecs";

/// What a worker's FFmpeg can do of what may be asked of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Abilities {
    /// The library's version.
    pub libavcodec: String,
    /// How many of the things it is looked through for are there.
    pub has: usize,
    pub lacks: Vec<Lack>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lack {
    pub kind: Kind,
    /// As FFmpeg calls it.
    pub name: String,
    /// No film at all is made without it.
    pub is_vital: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Encoder,
    Decoder,
    Filter,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Encoder => "encoder",
            Self::Decoder => "decoder",
            Self::Filter => "filter",
        })
    }
}

/// Why a worker's line is not taken.
#[derive(Debug, thiserror::Error)]
pub enum BadLine {
    #[error("a line of more than {LINE} bytes")]
    TooLong,
    #[error("a line that is no message: {0}")]
    NotAMessage(#[from] serde_json::Error),
}

/// Reads one line of a worker.
pub fn parse(line: &[u8]) -> Result<Message, BadLine> {
    if line.len() > LINE {
        return Err(BadLine::TooLong);
    }
    Ok(serde_json::from_slice(line)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_the_pipe() {
        let fault = Fault::damaged("half of it");
        for message in [
            Message::Looking {},
            Message::Progress { done_us: 7 },
            Message::Failed { fault },
        ] {
            let line = serde_json::to_vec(&message).expect("JSON");
            assert_eq!(parse(&line).expect("a message"), message);
        }
    }

    #[test]
    fn strange_lines_are_refused() {
        for line in [
            &b""[..],
            b"{}",
            b"{\"message\":\"shell\"}",
            b"{\"message\":\"progress\",\"done_us\":-1}",
            b"{\"message\":\"progress\",\"done_us\":1,\"more\":2}",
            b"\xFF\xFE",
        ] {
            assert!(parse(line).is_err(), "{line:?}");
        }
        assert!(matches!(
            parse(&vec![b' '; LINE + 1]),
            Err(BadLine::TooLong)
        ));
    }
}
