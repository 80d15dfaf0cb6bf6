//! What a destination is opened with.

use std::path::PathBuf;

use crate::{Destination, Result, folder::Folder};

/// Which place, as the configuration says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Options {
    /// A folder on another disk. It carries [`crate::MARKER`], so that the empty folder under a disk that is
    /// not mounted is not taken for the disk.
    Folder {
        /// The folder.
        path: PathBuf,
    },
}

/// Makes the place out of its options. Reaches nothing yet, and reads no secret: both happen with
/// every call, so that a key that was replaced is used.
pub fn open(options: &Options) -> Result<Box<dyn Destination>> {
    Ok(match options {
        Options::Folder { path } => Box::new(Folder::new(path.clone())),
    })
}

/// Makes a place ready for copies, once, when an operator says that it is the right one: the folder
/// with its marker. Done again it changes nothing.
pub async fn prepare(options: &Options) -> Result<()> {
    match options {
        Options::Folder { path } => Folder::new(path.clone()).prepare().await,
    }
}
