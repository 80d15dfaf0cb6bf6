//! LND over gRPC: the calls that Satreel uses, and a connection that trusts exactly one certificate.
//!
//! Owns: the connection (TLS, macaroon, keep-alive, reconnection), the protocol's types, the
//! sorting of LND's refusals into [`Error`], and reading what a macaroon permits. Knows nothing of
//! sales; what an invoice means is decided by who calls.

pub mod backup;
pub mod certificate;
mod connect;
mod error;
pub mod macaroon;
mod node;

/// Generated from `proto/`: types and clients.
#[allow(
    clippy::pedantic,
    clippy::clone_on_ref_ptr,
    missing_debug_implementations
)]
pub mod proto {
    pub mod lnrpc {
        tonic::include_proto!("lnrpc");
    }
    pub mod invoicesrpc {
        tonic::include_proto!("invoicesrpc");
    }
    pub mod routerrpc {
        tonic::include_proto!("routerrpc");
    }
}

pub use error::{Error, Result};
pub use node::{Macaroon, Node, Options, call};
pub use tonic::{Code, Response, Status, Streaming};
