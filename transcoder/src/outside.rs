//! What tests and fuzz targets may call: the parsers of bytes that come from outside.
//!
//! Owns no rule. Each function is one parser with the house's types taken off.

use crate::{magic, protocol};

/// The demuxer that may open a file with these first bytes, or the refusal's words.
pub fn demuxer(head: &[u8]) -> Result<&'static str, String> {
    magic::identify(head)
        .map(magic::Container::demuxer)
        .map_err(|fault| fault.to_string())
}

/// Whether a supervisor takes this line from its worker.
pub fn takes_line(line: &[u8]) -> bool {
    protocol::parse(line).is_ok()
}
