//! What is sold and what proves it. Pure: no I/O, no clock, no randomness of its own.
//!
//! - [`offer`]: tiers and prices; [`order`]: what a buyer asked for, and its code on the invoice; [`tip`]
//! - [`ticket`]: the buyer's claim, and [`ticket::mint`]; [`access`]: what the viewer owns;
//!   [`credit`]: what an outage adds to it
//! - [`grant`]: what opens media; [`handle`]: an order's public name; [`receipt`]: recovery
//! - [`l402`]: the same for programs, on [`macaroon`]s
//! - [`studio`]: what opens the creator's side
//! - [`keyring`], [`envelope`]: how all others are signed

pub mod access;
pub mod credit;
pub mod envelope;
pub mod grant;
pub mod handle;
pub mod ids;
pub mod keyring;
pub mod l402;
pub mod macaroon;
pub mod money;
pub mod offer;
pub mod order;
pub mod receipt;
pub mod studio;
pub mod tag;
pub mod ticket;
pub mod time;
pub mod tip;
