//! Certificates that the server orders and renews by itself: ACME (RFC 8555), proven by tls-alpn-01
//! (RFC 8737) on the port that serves the site.
//!
//! Owns the folder `[tls] folder` with account, order under way, certificate and how renewing
//! stands, and when to renew. Does not own the port: whoever accepts connections asks
//! [`Challenges`] what a client wants, and serves [`certificate_file`] as it serves any other.

mod certificate;
mod challenges;
mod error;
mod http;
mod order;
mod renewal;
mod schedule;
mod store;

pub use certificate::Facts;
pub use challenges::{Asked, Challenges};
pub use error::{Error, Kind};
pub use renewal::Renewal;
pub use store::{Failure, Status, certificate_file, status};
