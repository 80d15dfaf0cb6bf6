//! What makes a site itself, in one archive: signing keys, configuration, titles' data and posters,
//! channels, deny list, sales record, and the built-in wallet where there is one. Not the films.
//!
//! An archive is a gzipped tar with flat modes, without times and owners, that ends with a list of
//! sizes and hashes: the same site makes the same bytes. Owns what belongs to a site, how it is read while
//! the server goes on, and how a site comes out of an archive. Does not encrypt, and knows no destination.

mod error;
mod make;
mod member;
mod open;
mod restore;
mod snapshot;

use std::path::PathBuf;

pub use error::Error;
pub use make::{Archive, make};
pub use open::{Contents, open};
pub use restore::{Summary, Target, restore};

/// Largest archive, compressed: what destinations take, and room for encryption.
pub const MAX_ARCHIVE: usize = 60 << 20;
/// Most that comes out of one.
const MAX_CONTENTS: u64 = 256 << 20;
/// Most files in one: some 25,000 titles.
const MAX_FILES: usize = 50_000;

/// Where a site is.
#[derive(Debug, Clone)]
pub struct Site {
    /// `site.data`.
    pub data: PathBuf,
    /// `site.keys`.
    pub keys: PathBuf,
    /// The configuration file; a demo has none.
    pub config: Option<PathBuf>,
    /// A folder on a disk, ours alone, for a moment's copy of each database.
    pub scratch: PathBuf,
}

/// What happens with archives.
pub type Result<T> = std::result::Result<T, Error>;
