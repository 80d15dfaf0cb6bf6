//! What lies beside a film and belongs to it: `film.toml` (title data), `film.jpg` (the poster),
//! `film.srt`, `film.en.vtt` (captions), and the folders, which are its tags.
//!
//! Owns who belongs to whom, the limits, and how a worker gets captions: parsed here, in safe code,
//! and laid into the output as clean WebVTT, since it can open nothing else.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use satreel_config::{MAX_SIDECAR_BYTES, Sidecar};
use satreel_film::fault::Fault;
use satreel_film::folder::sidecar_name;
use satreel_film::plan::language;
use satreel_hls::captions;

use crate::site::write_whole;

const CAPTIONS: [&str; 2] = ["srt", "vtt"];
const POSTERS: [&str; 4] = ["jpg", "jpeg", "png", "webp"];
const DATA: &str = "toml";
const MOST: usize = 64;
const MAX_CAPTIONS: u64 = 4 << 20;

/// What came with a film.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Given {
    pub(crate) data: Sidecar,
    /// Folders between the inbox and the film.
    pub(crate) tags: Vec<String>,
    pub(crate) captions: Vec<Captions>,
    pub(crate) poster: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Captions {
    file: PathBuf,
    /// `film.en.vtt` → `en`.
    language: Option<String>,
}

/// Whether a file belongs to a film rather than being one.
pub(crate) fn is_one(path: &Path) -> bool {
    let end = ending(path);
    CAPTIONS.contains(&end.as_str()) || POSTERS.contains(&end.as_str()) || end == DATA
}

/// The files that belong to a film, in the order of their names.
pub(crate) fn beside(film: &Path) -> Vec<PathBuf> {
    let (Some(folder), Some(stem)) = (film.parent(), film.file_stem()) else {
        return Vec::new();
    };
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .map(|entry| entry.path())
        .filter(|path| is_one(path) && path != film && language(path, stem).is_ok())
        .collect();
    found.sort();
    found.truncate(MOST);
    found
}

/// Another film's file, or nobody's.
#[derive(Debug, PartialEq, Eq)]
struct NotBeside;

/// The language of a file that belongs to a film of this stem: `film.en.vtt` → `en`.
fn language(path: &Path, stem: &OsStr) -> Result<Option<String>, NotBeside> {
    let own = path.file_stem().unwrap_or_default().as_encoded_bytes();
    let rest = own.strip_prefix(stem.as_encoded_bytes()).ok_or(NotBeside)?;
    match rest.split_first() {
        None => Ok(None),
        Some((b'.', said)) => {
            let said = std::str::from_utf8(said).map_err(|_| NotBeside)?;
            tag(said).map(Some).ok_or(NotBeside)
        }
        Some(_) => Err(NotBeside),
    }
}

/// `GER` → `de`, `pt-BR`, `zh-Hant` (RFC 5646, as far as a file's name goes).
fn tag(said: &str) -> Option<String> {
    let (first, more) = said.split_once('-').unwrap_or((said, ""));
    let first = language::tag(&first.to_ascii_lowercase())?;
    if more.is_empty() {
        return (!said.ends_with('-')).then_some(first);
    }
    let sound = |part: &str| {
        (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    (more.len() <= 30 && more.split('-').all(sound)).then(|| format!("{first}-{more}"))
}

fn ending(path: &Path) -> String {
    let end = path.extension().unwrap_or_default().to_string_lossy();
    end.to_ascii_lowercase()
}

impl Given {
    /// Reads what lies beside a film; faults in `film.toml` come with key and line.
    pub(crate) fn of(film: &Path, tags: Vec<String>) -> Result<Self, Fault> {
        let stem = film.file_stem().unwrap_or_default();
        let mut given = Self {
            tags,
            ..Self::default()
        };
        for file in beside(film) {
            let Ok(language) = language(&file, stem) else {
                continue;
            };
            match ending(&file).as_str() {
                DATA if language.is_none() => given.data = data(&file)?,
                end if CAPTIONS.contains(&end) => given.captions.push(Captions { file, language }),
                end if POSTERS.contains(&end) && language.is_none() => given.poster = Some(file),
                _ => {}
            }
        }
        Ok(given)
    }

    /// Lays the captions where the worker can open them; gives their languages for its order. A file
    /// that holds none is passed over with a word in the log: the film is not to wait for it.
    pub(crate) fn lay_out(&self, output: &Path) -> Result<Vec<Option<String>>, Fault> {
        let mut languages = Vec::new();
        for Captions { file, language } in &self.captions {
            match captions::parse(&read(file, MAX_CAPTIONS)?) {
                Ok(cues) => {
                    let path = output.join(sidecar_name(languages.len()));
                    write_whole(&path, captions::document(&cues).as_bytes())
                        .map_err(|error| Fault::writing(&error))?;
                    languages.push(language.clone());
                }
                Err(fault) => {
                    tracing::warn!(file = %file.display(), %fault, "captions left out");
                }
            }
        }
        Ok(languages)
    }
}

fn data(file: &Path) -> Result<Sidecar, Fault> {
    let bytes = read(file, MAX_SIDECAR_BYTES)?;
    let name = name(file);
    let text = String::from_utf8(bytes).map_err(|_| Fault::Beside {
        detail: format!("{name} is no text in UTF-8"),
    })?;
    Sidecar::parse(&name, &text).map_err(|faults| Fault::Beside {
        detail: faults.to_string().replace('\n', "; "),
    })
}

fn read(file: &Path, most: u64) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|file| file.take(most + 1).read_to_end(&mut bytes));
    read.map_err(|error| Fault::Beside {
        detail: format!("{} cannot be read: {error}", name(file)),
    })?;
    if bytes.len() as u64 > most {
        let detail = format!("{} is longer than {most} bytes", name(file));
        return Err(Fault::Beside { detail });
    }
    Ok(bytes)
}

fn name(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, bytes) in files {
            fs::write(folder.path().join(name), bytes).expect("a file");
        }
        folder
    }

    #[test]
    fn files_belong_to_the_film_of_their_name() {
        let folder = place(&[
            ("film.mp4", b""),
            ("film.srt", b"nothing"),
            ("film.en.vtt", b"WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n"),
            (
                "film.pt-BR.SRT",
                "1\n00:00:01,000 --> 00:00:02,000\nOlá\n".as_bytes(),
            ),
            ("film.jpg", b"\xFF\xD8\xFF"),
            ("film.toml", b"year = 1999\ntags = [\"b\"]"),
            ("film 2.srt", b""),
            ("film2.srt", b""),
            ("film.making of.vtt", b""),
            ("other.toml", b"broken"),
            ("film.txt", b""),
        ]);
        let film = folder.path().join("film.mp4");
        let names: Vec<String> = beside(&film).iter().map(|file| name(file)).collect();
        assert_eq!(
            names,
            [
                "film.en.vtt",
                "film.jpg",
                "film.pt-BR.SRT",
                "film.srt",
                "film.toml"
            ]
        );
        let given = Given::of(&film, vec!["a".to_owned()]).expect("what came along");
        assert_eq!((given.data.year, given.data.tags.len()), (Some(1999), 1));
        assert_eq!(given.poster, Some(folder.path().join("film.jpg")));
        let output = tempfile::tempdir().expect("a folder");
        // The third holds no captions.
        let languages = given.lay_out(output.path()).expect("laid out");
        assert_eq!(languages, [Some("en".to_owned()), Some("pt-BR".to_owned())]);
        let clean = fs::read_to_string(output.path().join(sidecar_name(1))).expect("captions");
        assert!(
            clean.starts_with("WEBVTT") && clean.contains("Olá"),
            "{clean}"
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_name() {
        for (name, bytes, words) in [
            (
                "film.toml",
                &b"yaer = 1"[..],
                "film.toml:1: yaer: unknown key",
            ),
            ("film.toml", b"\xFF\xFE", "UTF-8"),
        ] {
            let folder = place(&[("film.mp4", b""), (name, bytes)]);
            let fault = Given::of(&folder.path().join("film.mp4"), Vec::new());
            let fault = fault.expect_err(words).to_string();
            assert!(fault.contains(words), "{fault}");
        }
        let large = vec![b' '; usize::try_from(MAX_SIDECAR_BYTES).expect("a length") + 1];
        let folder = place(&[("film.mp4", b""), ("film.toml", &large)]);
        let fault = Given::of(&folder.path().join("film.mp4"), Vec::new());
        assert!(fault.expect_err("too long").to_string().contains("longer"));
    }

    #[test]
    fn languages_are_told_by_their_tags() {
        for (said, is) in [
            ("en", Some("en")),
            ("EN", Some("en")),
            ("ger", Some("de")),
            ("zh-Hant", Some("zh-Hant")),
            ("forced!", None),
            ("x", None),
            ("english", None),
            ("..", None),
            ("en-", None),
            ("en-/../x", None),
        ] {
            assert_eq!(tag(said).as_deref(), is, "{said}");
        }
    }
}
