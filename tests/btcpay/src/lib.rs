//! A test tool: answers as BTCPay Server's Greenfield API does. No BTCPay Server, and no shop should
//! ever meet it.
//!
//! Strict: every request is held against what BTCPay publishes (`openapi.json`: path, method,
//! parameters, body, key and permission) and every answer too; what does not fit is refused and
//! kept as a violation, which tests assert to be none. Its invoices are a real node's
//! ([`node::Node`]). Invoices survive a kill, as in BTCPay's database; queued webhooks don't, as
//! in BTCPay's memory.
//!
//! - [`openapi`]: the checks
//! - [`book`]: what becomes of an invoice
//! - [`hooks`]: webhooks and their faults
//! - [`api`]: the calls of Greenfield that we use
//! - [`lnd`]: a real LND as its node
//! - [`control`]: what a test does to it, also over HTTP

pub mod api;
pub mod book;
pub mod control;
pub mod hooks;
pub mod lnd;
pub mod node;
pub mod openapi;
mod standin;

pub use standin::{Key, Options, Standin};
