//! The contract of `InvoiceBackend`, run against every implementation.
//!
//! A backend joins with a module that makes a [`suite::Bench`]: itself and somebody who pays.

mod btcpay;
mod lnd;
mod suite;
mod wallet;
