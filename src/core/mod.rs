//! What is sold and what proves it. Pure: no I/O, no clock, no randomness of its own.

pub mod ids;
pub mod money;
pub mod time;
