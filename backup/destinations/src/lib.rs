//! Where copies go: a folder (a second disk, a USB disk), an SFTP server, a bucket of an
//! S3-compatible store. Small files under flat names, written whole or not at all.
//!
//! Owns how each place is reached, what its faults mean and how long anything may take. Knows
//! nothing of what the copies are: whoever writes them encrypts first, and reads back.

mod error;
mod folder;
mod name;
mod open;
mod s3;
mod sftp;

use std::fmt::Debug;

use async_trait::async_trait;

pub use error::Error;
pub use folder::MARKER;
pub use name::{BadName, Name};
pub use open::{open, prepare};

/// Largest copy that is taken in or handed out.
pub const MAX_BYTES: u64 = 64 << 20;
/// Most copies that one place may hold; a place with more is somebody else's.
pub const MAX_ENTRIES: usize = 20_000;

/// What happens at a destination.
pub type Result<T> = std::result::Result<T, Error>;

/// A copy, as a destination lists it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Under which [`Destination::get`] finds it.
    pub name: Name,
    /// Its size.
    pub bytes: u64,
}

/// A place for copies. Every call reaches it anew and ends within minutes: a place that was away
/// needs nothing to be told when it is back.
#[async_trait]
pub trait Destination: Send + Sync + Debug {
    /// Which place this is, in words, without secrets: `folder /mnt/usb/satreel`.
    fn describe(&self) -> String;

    /// Writes a copy, over one of the same name: whoever reads meanwhile has the old one or the
    /// new one, and after a fault the name is as it was before.
    async fn put(&self, name: &Name, bytes: &[u8]) -> Result<()>;

    /// Reads a copy, up to [`MAX_BYTES`]. [`Error::Absent`] if there is none.
    async fn get(&self, name: &Name) -> Result<Vec<u8>>;

    /// All copies in the order of their names. What is no [`Name`], or is half written, is left out.
    async fn list(&self) -> Result<Vec<Entry>>;

    /// Removes a copy; one that is not there is no fault.
    async fn remove(&self, name: &Name) -> Result<()>;
}
