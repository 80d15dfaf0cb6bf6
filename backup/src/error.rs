//! What can go wrong with a backup, and a fault's whole chain in one line.

use satreel_destinations::Name;

use crate::seal;

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Node(#[from] satreel_lnd::Error),
    /// The node's own two answers do not agree, so neither is believed.
    #[error("LND lists {listed} channels and finds {verified} in their backup, not the same ones")]
    NotTheSame { listed: usize, verified: usize },
    #[error(transparent)]
    Place(#[from] satreel_destinations::Error),
    #[error("{place} gives {name} back otherwise than it was written")]
    Differs { place: String, name: Name },
    #[error(transparent)]
    Seal(#[from] seal::Error),
    #[error("the site's data can't be read: {0}")]
    Site(String),
    #[error("status.json can't be written")]
    Status(#[source] std::io::Error),
    #[error("{0} is no name of a copy")]
    Name(String),
}

/// A fault with its causes, as one line.
pub fn words(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // A transparent error says what its cause says.
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text.replace('\n', " ")
}
