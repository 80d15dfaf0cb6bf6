//! The one configuration file of all Satreel programs: text in, a validated [`Config`] or every
//! [`Fault`] of the file out, each with key, line and remedy.
//!
//! Owns the file's schema and the references to secrets. Does not own what the values are used
//! for; reading a secret happens only when its owner calls [`Secret::read`].

mod backup;
mod colour;
mod fault;
mod ladder;
mod limits;
mod load;
mod net;
mod offers;
mod payments;
mod recipient;
mod schema;
mod secret;
mod section;
mod sidecar;
mod site;
mod tips;
mod tls;
mod uploads;
mod value;

pub use backup::{Backup, BackupDestination, BackupNode, Place};
pub use colour::Colour;
pub use fault::{Fault, Faults};
pub use ladder::{Ladder, Preset};
pub use load::{load, parse};
pub use net::{HttpUrl, IpRange, stays_inside};
pub use recipient::{InvalidRecipient, Recipient};
pub use schema::{
    Backend, Btcpay, Collection, Config, Limits, Live, LiveTls, Lnd, Loudness, Network, Offers,
    Payments, Sandbox, Server, Site, Tips, Transcoder, Uploads,
};
pub use secret::{Secret, SecretError, SecretString};
pub use sidecar::{MAX_SIDECAR_BYTES, Sidecar};
pub use tls::{Acme, Tls};
