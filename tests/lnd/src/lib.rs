//! A test tool, not a part of Satreel: two real LND nodes on btcd's regtest, with a channel.
//!
//! The buyer funds the channel, so the shop can receive. Every test binary shares one [`Pair`]
//! and uses invoices of its own. The programs come from `tools/nodes`; all of them die with the
//! process that started them, whatever ends it.

mod btcd;
pub mod launch;
mod node;
mod pair;
mod programs;
mod settled;
mod state;

pub use node::Node;
pub use pair::{NARROW, Pair};
pub use programs::{cache, folder as programs};
pub use settled::Settled;
