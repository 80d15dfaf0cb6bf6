//! The site's own data, as the guardian sees it: an archive that somebody else makes and reads.

use std::fmt::Debug;

/// What is saved of a site in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Archive {
    pub bytes: Vec<u8>,
    /// Says whether anything changed: the same for the same contents.
    pub digest: String,
}

/// Makes archives of a site and looks into them. Both read files and take their time.
pub trait Data: Send + Sync + Debug {
    /// The site as it is now, or why it can't be read.
    fn make(&self) -> Result<Archive, String>;

    /// Whether an archive is whole and restores; what is in it, in words.
    fn check(&self, archive: &[u8]) -> Result<String, String>;
}
