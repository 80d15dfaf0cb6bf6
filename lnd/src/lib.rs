//! LND over gRPC.
