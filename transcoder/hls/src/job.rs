//! Jobs as files: `jobs/<id>.json` says how a film stands, `jobs/asked/<name>.json` asks for a change.
//!
//! The transcoder writes the first and carries out the second; the studio and the command line
//! read the first and write the second. A wish that is granted goes; one that is not leaves a file of
//! its name that ends in `.no`, with the reason, for whoever asked to fetch and remove, and says it in
//! the job's `answer`. Owns their shapes and limits. Does not own when a change is possible: the transcoder decides that.

use serde::{Deserialize, Serialize};

use crate::naming::VideoId;

/// Folder of the jobs inside the data folder.
pub const JOBS: &str = "jobs";
/// Folder of the wishes inside that of the jobs.
pub const ASKED: &str = "asked";
/// Folder inside the inbox for files that are to replace a title's film: `.for/<id>/<file>`. The
/// watch folder takes no notice of it.
pub const REPLACEMENTS: &str = ".for";
/// Ending of a refusal.
pub const REFUSED: &str = "no";
/// Longest picture that is taken for a poster, in bytes.
pub const MAX_PICTURE_BYTES: u64 = 10 << 20;
/// Longest job file, in bytes.
pub const MAX_JOB_BYTES: u64 = 256 * 1024;
/// Longest wish, in bytes.
pub const MAX_WISH_BYTES: u64 = 4096;
/// Most wishes that are looked at in one go; the others come next.
pub const MOST_WISHES: usize = 1000;

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Its turn comes.
    Waiting,
    Working,
    /// Somebody asked for it.
    Paused,
    /// It goes on by itself: the disk is nearly full. `detail` says how nearly.
    Held,
    Done,
    Failed,
    Cancelled,
    /// The title is gone; `left` says what is not.
    Deleted,
}

impl JobState {
    /// Whether something is still to be made.
    pub const fn is_open(self) -> bool {
        match self {
            Self::Waiting | Self::Working | Self::Paused | Self::Held => true,
            Self::Done | Self::Failed | Self::Cancelled | Self::Deleted => false,
        }
    }
}

/// What a running job is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Reading the file for its hash.
    Reading,
    /// Looking through the film, to plan.
    Looking,
    /// Making the outputs, all of them at once.
    Making,
}

/// How much of the start is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Preview {
    /// Asked for by name: the film is made so that it can be cut near there.
    Exactly(u32),
    /// The site's usual preview, but at most a third of the film.
    Usual(u32),
}

/// The contents of `jobs/<id>.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobFile {
    /// The title's id; for a file that is no film, its name.
    pub id: String,
    pub name: String,
    /// Where the film lies; `hex:…` if the path is no text.
    pub source: String,
    pub preview: Preview,
    pub state: JobState,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// Which making of the title this is: 0 the first, more after a remake or a replacement.
    #[serde(default)]
    pub generation: u32,
    /// Tracks to be made.
    #[serde(default)]
    pub outputs: Vec<String>,
    pub percent: u32,
    /// Times real time.
    pub speed: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining_s: Option<u64>,
    /// Why it does not go on, where that is nobody's fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What went wrong, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// Something that changed nothing: a wish that was refused, the same film once more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Files that a deletion left, for somebody to remove or to keep.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
    pub updated_at: String,
}

/// What somebody wants of a job. A film that is to be made anew says with which settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// Stops where it is; what is made stays.
    Pause {},
    Resume {},
    /// Gives up: a new title goes, one that was there before stays as it was.
    Cancel {},
    /// Once more, what failed or was cancelled.
    Retry {},
    /// The title's film once more, with other settings; the old one plays until the new one is whole.
    Remake {
        /// Seconds that are free; none: as before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        preview_s: Option<u32>,
    },
    /// Another file for the same title: `file` lies in the inbox's folder `.for/<id>/`.
    Replace {
        file: String,
    },
    /// Another picture to stand for the title.
    Poster {
        picture: Picture,
    },
    /// A broadcast's title without what was before `from_s` and after `to_s`, in seconds of its
    /// recording; to whole segments, which last two seconds or so.
    Trim {
        from_s: u32,
        to_s: u32,
    },
    /// The title goes, with all its media. What it was made of stays; of a broadcast, nothing does.
    Delete {},
    /// The job's file goes; nothing else does. For jobs that have ended.
    Forget {},
}

/// Which picture stands for a title.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Picture {
    /// One of those that were made: `poster-<number>.jpg`.
    Choice(u32),
    /// A JPEG, PNG or WebP picture in the inbox's folder `.for/<id>/`.
    File(String),
}

/// The contents of a file in `jobs/asked/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    pub job: VideoId,
    #[serde(flatten)]
    pub change: Change,
}

/// Why a wish is not taken.
#[derive(Debug, thiserror::Error)]
pub enum BadWish {
    #[error("a wish of more than {MAX_WISH_BYTES} bytes")]
    TooLong,
    #[error("no wish: {0}")]
    NotAWish(#[from] serde_json::Error),
    #[error("nothing lies between these two times: the first must be before the second")]
    Nothing,
    #[error("\"{0}\" is no plain file name")]
    BadName(String),
}

impl Wish {
    /// Reads one, as from a stranger.
    pub fn parse(text: &[u8]) -> Result<Self, BadWish> {
        if text.len() as u64 > MAX_WISH_BYTES {
            return Err(BadWish::TooLong);
        }
        let wish: Self = serde_json::from_slice(text)?;
        match &wish.change {
            Change::Replace { file }
            | Change::Poster {
                picture: Picture::File(file),
            } if !is_plain_name(file) => Err(BadWish::BadName(file.clone())),
            Change::Trim { from_s, to_s } if from_s >= to_s => Err(BadWish::Nothing),
            _ => Ok(wish),
        }
    }

    pub fn render(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// A name that stays in its folder and is not hidden.
fn is_plain_name(name: &str) -> bool {
    let bad = |letter: char| letter == '/' || letter.is_control();
    !name.is_empty() && name.len() <= 255 && !name.starts_with('.') && !name.contains(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(text: &str) -> Result<Wish, BadWish> {
        Wish::parse(text.as_bytes())
    }

    #[test]
    fn wishes_are_read_and_written() {
        for (text, change) in [
            (
                r#"{"job":"00ff10a9bcdef012","do":"pause"}"#,
                Change::Pause {},
            ),
            (
                r#"{"job":"00ff10a9bcdef012","do":"delete"}"#,
                Change::Delete {},
            ),
            (
                r#"{"job":"00ff10a9bcdef012","do":"remake","preview_s":60}"#,
                Change::Remake {
                    preview_s: Some(60),
                },
            ),
            (
                r#"{"job":"00ff10a9bcdef012","do":"trim","from_s":4,"to_s":90}"#,
                Change::Trim {
                    from_s: 4,
                    to_s: 90,
                },
            ),
            (
                r#"{"job":"00ff10a9bcdef012","do":"replace","file":"new cut.mp4"}"#,
                Change::Replace {
                    file: "new cut.mp4".into(),
                },
            ),
            (
                r#"{"job":"00ff10a9bcdef012","do":"poster","picture":{"choice":3}}"#,
                Change::Poster {
                    picture: Picture::Choice(3),
                },
            ),
            (
                r#"{"job":"00ff10a9bcdef012","do":"poster","picture":{"file":"me.png"}}"#,
                Change::Poster {
                    picture: Picture::File("me.png".into()),
                },
            ),
        ] {
            let read = wish(text).expect(text);
            assert_eq!(read.change, change);
            assert_eq!(read.render(), text);
        }
    }

    #[test]
    fn strange_wishes_are_refused() {
        for text in [
            "",
            "{}",
            r#"{"job":"00ff10a9bcdef012"}"#,
            r#"{"job":"../keys","do":"delete"}"#,
            r#"{"job":"00ff10a9bcdef012","do":"run"}"#,
            r#"{"job":"00ff10a9bcdef012","do":"pause","more":1}"#,
            r#"{"job":"00ff10a9bcdef012","do":"remake","preview_s":-1}"#,
            r#"{"job":"00ff10a9bcdef012","do":"trim","from_s":4,"to_s":4}"#,
            r#"{"job":"00ff10a9bcdef012","do":"trim","from_s":4}"#,
            r#"{"job":"00ff10a9bcdef012","do":"replace","file":"../keys.json"}"#,
            r#"{"job":"00ff10a9bcdef012","do":"replace","file":".hidden"}"#,
            r#"{"job":"00ff10a9bcdef012","do":"replace","file":""}"#,
            r#"{"job":"00ff10a9bcdef012","do":"poster"}"#,
            r#"{"job":"00ff10a9bcdef012","do":"poster","picture":{"choice":-1}}"#,
            r#"{"job":"00ff10a9bcdef012","do":"poster","picture":{"choice":1,"file":"x"}}"#,
            r#"{"job":"00ff10a9bcdef012","do":"poster","picture":{"file":"../keys.json"}}"#,
        ] {
            assert!(wish(text).is_err(), "{text}");
        }
        assert!(matches!(Wish::parse(&[b' '; 5000]), Err(BadWish::TooLong)));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(text in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            let _ = Wish::parse(&text);
        }
    }
}
