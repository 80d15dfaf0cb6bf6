//! Where a film of the inbox goes when it is through, with all that came with it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::inbox::ASIDE;
use crate::sidecar;
use crate::site::write_whole;

/// Longest stem of the file with the reason, in bytes: names may be as long as the kernel allows.
const LONGEST: usize = 200;

/// Which folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aside {
    Done,
    Failed,
    Cancelled,
}

impl Aside {
    fn name(self) -> &'static str {
        match self {
            Self::Done => ASIDE[0],
            Self::Failed => ASIDE[1],
            Self::Cancelled => ASIDE[2],
        }
    }
}

/// Moves a film of the inbox; its subfolders go along, an older file of the same name is kept.
/// Returns where it lies now. A film that is not in the inbox stays.
pub(super) fn put(film: &Path, inbox: &Path, to: Aside, why: Option<&str>) -> io::Result<PathBuf> {
    let Ok(inside) = film.strip_prefix(inbox) else {
        return Ok(film.to_owned());
    };
    let inside = without_aside(inside);
    let folder = inbox.join(to.name());
    let folder = inside
        .parent()
        .map_or(folder.clone(), |tags| folder.join(tags));
    if film.parent() == Some(&folder) {
        return Ok(film.to_owned());
    }
    fs::create_dir_all(&folder)?;
    let with = sidecar::beside(film);
    let number = (0..1000).find(|number| !numbered(&folder, film, *number).exists());
    let number = number.unwrap_or(0);
    let target = numbered(&folder, film, number);
    fs::rename(film, &target)?;
    for file in with {
        fs::rename(&file, numbered(&folder, &file, number))?;
    }
    // What was said when it failed before is said no more.
    let _ = fs::remove_file(reason(film));
    if let Some(why) = why {
        write_whole(&reason(&target), format!("{why}\n").as_bytes())?;
    }
    Ok(target)
}

/// The path inside the inbox as it was put there: without `done/` and the like.
pub(super) fn without_aside(inside: &Path) -> &Path {
    ASIDE
        .iter()
        .find_map(|folder| inside.strip_prefix(folder).ok())
        .unwrap_or(inside)
}

/// Whether a film lies where the inbox sees it by itself.
pub(super) fn is_new(film: &Path, inbox: &Path) -> bool {
    film.strip_prefix(inbox)
        .is_ok_and(|inside| without_aside(inside) == inside)
}

/// All that belongs together gets the same number.
fn numbered(folder: &Path, file: &Path, number: u32) -> PathBuf {
    let name = file.file_name().unwrap_or_default();
    if number == 0 {
        return folder.join(name);
    }
    let mut with = std::ffi::OsString::from(format!("{number}-"));
    with.push(name);
    folder.join(with)
}

fn reason(film: &Path) -> PathBuf {
    let name = film.file_name().unwrap_or_default();
    if name.len() <= LONGEST {
        let mut name = name.to_owned();
        name.push(".txt");
        return film.with_file_name(name);
    }
    let short: String = name.to_string_lossy().chars().take(LONGEST / 4).collect();
    film.with_file_name(format!("{short}.txt"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_film_takes_along_what_belongs_to_it() {
        let inbox = tempfile::tempdir().expect("a folder");
        let root = inbox.path();
        let put_there = |name: &str| {
            let path = root.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(&path, name).expect("a file");
            path
        };
        for _ in 0..2 {
            let film = put_there("noir/film.mp4");
            put_there("noir/film.en.vtt");
            put_there("noir/film.toml");
            put_there("noir/other.mp4");
            put(&film, root, Aside::Failed, Some("no film")).expect("moved");
        }
        let failed = root.join("failed/noir");
        for name in [
            "film.mp4",
            "film.en.vtt",
            "film.toml",
            "film.mp4.txt",
            "1-film.mp4",
            "1-film.en.vtt",
            "1-film.toml",
            "1-film.mp4.txt",
        ] {
            assert!(failed.join(name).exists(), "{name}");
        }
        assert!(root.join("noir/other.mp4").exists());

        // Once more, and now it goes well.
        let done = put(&failed.join("film.mp4"), root, Aside::Done, None).expect("moved");
        assert_eq!(done, root.join("done/noir/film.mp4"));
        assert!(root.join("done/noir/film.toml").exists());
        assert!(!failed.join("film.mp4.txt").exists());
        let elsewhere = Path::new("/films/film.mp4");
        assert_eq!(
            put(elsewhere, root, Aside::Done, None).expect("left"),
            elsewhere
        );
    }

    #[test]
    fn long_names_have_reasons_too() {
        let inbox = tempfile::tempdir().expect("a folder");
        let film = inbox.path().join(format!("{}.mp4", "ü".repeat(125)));
        fs::write(&film, b"x").expect("a file");
        put(&film, inbox.path(), Aside::Failed, Some("no film")).expect("moved");
        let count = fs::read_dir(inbox.path().join("failed"))
            .expect("the folder")
            .count();
        assert_eq!(count, 2);
    }
}
