//! Hidden names in a title's folder while it is being made. They are never served.

/// Lies in the folder while the title is being made, and says by which plan.
pub const MARK: &str = ".making.json";

/// Where a supervisor lays the captions that came beside a film.
pub fn sidecar_name(number: usize) -> String {
    format!(".captions-{number}.vtt")
}

pub fn is_sidecar(name: &str) -> bool {
    name.starts_with(".captions-")
}

/// Says which poster somebody chose; no making replaces that one.
pub const CHOSEN: &str = ".poster";
/// Where a worker draws a poster.
pub const EASEL: &str = ".easel";
