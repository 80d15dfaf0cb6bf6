//! Captions that lie beside a film: `film.srt`, `film.en.vtt`.
//!
//! Parsed here, in safe code, and handed to the worker as clean WebVTT in the title's folder: a
//! confined worker opens nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use satreel_hls::captions;

use crate::fault::Fault;
use crate::plan::language;
use crate::site::write_whole;
use crate::worker::store::sidecar_name;

/// More languages than any film has.
const MOST: usize = 40;

/// Captions for a film.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sidecar {
    pub(crate) path: PathBuf,
    /// RFC 5646, when the name tells.
    pub(crate) language: Option<String>,
}

/// The captions beside a film, in the order of their names.
pub(crate) fn beside(film: &Path) -> Vec<Sidecar> {
    let (Some(folder), Some(stem)) = (film.parent(), film.file_stem()) else {
        return Vec::new();
    };
    let stem = stem.to_string_lossy();
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<Sidecar> = entries
        .filter_map(|entry| {
            let path = entry.path();
            let name = path.file_name()?.to_str()?;
            let language = language_of(name, &stem).ok()?;
            path.is_file().then_some(Sidecar { path, language })
        })
        .collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found.truncate(MOST);
    found
}

/// The name of some other file.
#[derive(Debug, PartialEq, Eq)]
struct NotBeside;

/// Of `film.en.srt` beside `film.mp4`: `en`.
fn language_of(name: &str, stem: &str) -> Result<Option<String>, NotBeside> {
    let middle = name.strip_prefix(stem).ok_or(NotBeside)?;
    let middle = middle
        .strip_suffix(".srt")
        .or_else(|| middle.strip_suffix(".vtt"))
        .ok_or(NotBeside)?;
    match middle.strip_prefix('.') {
        None if middle.is_empty() => Ok(None),
        None => Err(NotBeside),
        Some(said) => language::tag(&said.to_ascii_lowercase())
            .map(Some)
            .ok_or(NotBeside),
    }
}

/// Lays the captions into the title's folder; gives their languages for the worker's order. A file
/// that holds none is passed over with a word in the log: the film is not to wait for it.
pub(crate) fn lay_out(found: &[Sidecar], folder: &Path) -> Result<Vec<Option<String>>, Fault> {
    let mut languages = Vec::new();
    for sidecar in found {
        let bytes = fs::read(&sidecar.path).map_err(|error| Fault::reading(&error))?;
        match captions::parse(&bytes) {
            Ok(cues) => {
                let path = folder.join(sidecar_name(languages.len()));
                write_whole(&path, captions::document(&cues).as_bytes())
                    .map_err(|error| Fault::writing(&error))?;
                languages.push(sidecar.language.clone());
            }
            Err(fault) => {
                tracing::warn!(file = %sidecar.path.display(), %fault, "captions left out");
            }
        }
    }
    Ok(languages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_film_and_the_language() {
        let tag = |tag: &str| Ok(Some(tag.to_owned()));
        for (name, expected) in [
            ("film.srt", Ok(None)),
            ("film.en.vtt", tag("en")),
            ("film.ger.srt", tag("de")),
            ("film.EN.srt", tag("en")),
            ("film.forced!.srt", Err(NotBeside)),
            ("film.mp4", Err(NotBeside)),
            ("film2.srt", Err(NotBeside)),
            ("other.srt", Err(NotBeside)),
            ("film.en.srt.part", Err(NotBeside)),
        ] {
            assert_eq!(language_of(name, "film"), expected, "{name}");
        }
    }
}
