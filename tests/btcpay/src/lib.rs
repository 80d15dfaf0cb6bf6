//! A strict stand-in for BTCPay Server, for the tests.
