//! What goes wrong with archives.

use std::{io, path::PathBuf};

/// A fault of a site that is read, of an archive, or of the place that it is restored to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the site, or of the place to restore to.
    #[error("{}: {doing}: {source}", path.display())]
    File {
        path: PathBuf,
        doing: &'static str,
        source: io::Error,
    },
    /// A copy without keys would be worth little, and would look like one.
    #[error("there are no signing keys {}: is this the site's data?", path.display())]
    NoKeys { path: PathBuf },
    /// A database that can't be copied.
    #[error("{}: the database can't be copied: {source}", path.display())]
    Database {
        path: PathBuf,
        source: rusqlite::Error,
    },
    /// More than an archive holds.
    #[error("the site's data is more than an archive holds ({what})")]
    TooMuch { what: &'static str },
    /// The archive is not one of ours, or not whole.
    #[error("this is no whole archive of a site: {0}")]
    Damaged(String),
    /// An archive of a later version.
    #[error("this archive is of a later version ({found}): update the program")]
    Newer { found: u32 },
    /// There is a site already.
    #[error(
        "{} is there already: a site is restored to a place that has none",
        path.display()
    )]
    Occupied { path: PathBuf },
}

impl Error {
    pub(crate) fn file(
        path: impl Into<PathBuf>,
        doing: &'static str,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File {
            path,
            doing,
            source,
        }
    }

    #[allow(clippy::needless_pass_by_value, reason = "as map_err hands it over")]
    pub(crate) fn damaged(why: impl ToString) -> Self {
        Self::Damaged(why.to_string())
    }
}
