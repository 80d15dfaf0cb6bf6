//! Two LND nodes for the tests.
