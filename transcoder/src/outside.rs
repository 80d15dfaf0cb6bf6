//! What tests and fuzz targets may call: the confinement, and the parsers of bytes that come from
//! outside.
//!
//! Owns no rule. Each function is one of the house's, with the house's types taken off.

use std::path::Path;

use satreel_config::Sandbox;
use satreel_film::fmp4::h264;
use satreel_film::sandbox;
use satreel_film::{fmp4, magic, protocol};

/// Confines this process as a worker confines itself. Returns the layers, in words.
pub fn confine(output: Option<&Path>) -> Result<String, String> {
    sandbox::confine(output, Sandbox::Required)
        .map(|layers| layers.to_string())
        .map_err(|fault| fault.to_string())
}

/// The demuxer that may open a file with these first bytes, or the refusal's words.
pub fn demuxer(head: &[u8]) -> Result<&'static str, String> {
    magic::identify(head)
        .map(magic::Container::demuxer)
        .map_err(|fault| fault.to_string())
}

/// H.264 as a film brings it: its codec's extra data, and a packet, brought to the form of MP4.
/// Returns how long the packet is then; None where the extra data cannot be used.
pub fn h264(extra: &[u8], packet: &[u8]) -> Option<usize> {
    let (record, framing) = h264::configuration(extra)?;
    let _ = h264::look_at_keyframe(packet, framing, &record);
    Some(h264::to_lengths(packet, framing).len())
}

/// The longest line that a worker may write, in bytes.
pub const LONGEST_LINE: usize = protocol::LINE;

/// Whether a supervisor takes this line from its worker.
pub fn takes_line(line: &[u8]) -> bool {
    protocol::parse(line).is_ok()
}

/// Whether these bytes are an init segment, and whether they are a media segment.
pub fn reads_mp4(bytes: &[u8]) -> (bool, bool) {
    let (init, fragment) = (fmp4::read::init(bytes), fmp4::read::fragment(bytes));
    (init.is_some(), fragment.is_some())
}
