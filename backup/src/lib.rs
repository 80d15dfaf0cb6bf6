//! The channel-backup guardian: saves what a node needs to get its money back, and what makes a site
//! itself, encrypted, in more than one place, and proves that it restores.
//!
//! Owns when copies are made, their encryption, names and history, and how destinations catch up.
//! Does not own how a place is reached ([`satreel_destinations`]) nor what stands in the status
//! ([`satreel_backup_status`]).

mod backoff;
pub mod cli;
pub mod clock;
mod count;
mod drill;
mod error;
mod guardian;
mod history;
mod name;
mod node;
mod place;
mod retention;
mod run;
mod seal;
mod site;

#[cfg(test)]
mod tests;
