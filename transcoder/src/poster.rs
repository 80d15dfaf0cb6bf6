//! The picture that stands for a title.
//!
//! Every making draws one and some to choose from. What somebody chose is remembered beside it, so
//! that no later making replaces it: his own picture stays, and of one that was made the same of the
//! new making is taken. Owns the choice; the drawing is a worker's, also of a picture from outside.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use satreel_film::fault::Fault;
use satreel_film::folder::{CHOSEN, EASEL, MARK};
use satreel_film::magic;
use satreel_film::protocol::{Errand, PosterOrder};
use satreel_hls::job::{MAX_PICTURE_BYTES, Picture, REPLACEMENTS};
use satreel_hls::naming::{MediaFile, VideoId};

use crate::control::Control;
use crate::site::{Site, write_whole};
use crate::supervisor::supervise;

/// In the file that remembers: somebody's own picture.
const OWN: &str = "own";

/// Why a title keeps the poster it has.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("there is no such film")]
    NoTitle,
    #[error("the film is still being made: choose its poster once it is whole")]
    Growing,
    #[error("there is no poster-{0}.jpg to choose: take one of those that are there")]
    NoChoice(u32),
    #[error("there is no picture at {}: send it once more", .0.display())]
    NoPicture(PathBuf),
    #[error("this is no picture that Satreel knows: use JPEG, PNG or WebP")]
    NotAPicture,
    #[error("the picture has more than {} MB: save it smaller", MAX_PICTURE_BYTES >> 20)]
    TooLarge,
    #[error("the picture could not be taken: {0}")]
    Fault(#[from] Fault),
}

impl Error {
    /// Of a picture that came along with a film.
    pub(crate) fn beside(self, picture: &Path) -> Fault {
        match self {
            Self::Fault(fault) if fault.may_pass() || fault == Fault::Cancelled => fault,
            error => {
                let name = picture.file_name().unwrap_or_default().to_string_lossy();
                Fault::Beside {
                    detail: format!("{name}: {error}"),
                }
            }
        }
    }
}

/// Carries out a wish. A picture from outside is drawn by a worker first.
pub(crate) fn put(
    site: &Site,
    id: VideoId,
    picture: &Picture,
    control: &Control,
) -> Result<(), Error> {
    let folder = site.title(id);
    if !folder.is_dir() {
        return Err(Error::NoTitle);
    }
    if folder.join(MARK).exists() {
        return Err(Error::Growing);
    }
    match picture {
        Picture::Choice(number) => choose(&folder, *number),
        Picture::File(name) => take(site, &folder, &brought(site, id, name), control),
    }
}

/// Where a picture from outside lies ready. It stays there until its wish is answered.
pub(crate) fn brought(site: &Site, id: VideoId, name: &str) -> PathBuf {
    let folder = site.inbox.join(REPLACEMENTS).join(id.to_string());
    folder.join(name)
}

/// Somebody's own picture, drawn anew and shown from now on.
pub(crate) fn take(
    site: &Site,
    folder: &Path,
    picture: &Path,
    control: &Control,
) -> Result<(), Error> {
    let drawn = draw(site, folder, picture, control)?;
    Ok(remember(folder, OWN, &drawn)?)
}

fn choose(folder: &Path, number: u32) -> Result<(), Error> {
    let bytes = match fs::read(folder.join(MediaFile::Choice(number).to_string())) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Error::NoChoice(number));
        }
        Err(error) => return Err(Fault::reading(&error).into()),
    };
    Ok(remember(folder, &number.to_string(), &bytes)?)
}

/// The note comes first: killed in between, the wish is still there and is carried out again.
fn remember(folder: &Path, chosen: &str, jpeg: &[u8]) -> Result<(), Fault> {
    write_whole(&folder.join(CHOSEN), chosen.as_bytes())
        .and_then(|()| write_whole(&folder.join(MediaFile::Poster.to_string()), jpeg))
        .map_err(|error| Fault::writing(&error))
}

/// A new making is about to take the old one's place: what was chosen goes with it. Done again after
/// a crash it comes to the same.
pub(crate) fn settle(stage: &Path, folder: &Path) -> io::Result<()> {
    let Ok(chosen) = fs::read_to_string(folder.join(CHOSEN)) else {
        return Ok(());
    };
    let poster = stage.join(MediaFile::Poster.to_string());
    let chosen: Option<u32> = chosen.trim().parse().ok();
    let same = chosen.and_then(|number| {
        let name = MediaFile::Choice(number).to_string();
        // It may have moved already.
        let places = [stage, folder].map(|place| fs::read(place.join(&name)).ok());
        places.into_iter().flatten().next()
    });
    match same {
        Some(bytes) => write_whole(&poster, &bytes),
        None if poster.exists() => fs::remove_file(&poster),
        None => Ok(()),
    }
}

/// Has a worker draw a picture, and gives what it drew.
fn draw(site: &Site, folder: &Path, path: &Path, control: &Control) -> Result<Vec<u8>, Error> {
    let (file, image) = open(path)?;
    let easel = folder.join(EASEL);
    let fresh = || match fs::remove_dir_all(&easel) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => fs::create_dir(&easel),
    };
    fresh().map_err(|error| Fault::writing(&error))?;
    let errand = Errand::Poster(PosterOrder {
        image,
        supervisor: std::process::id(),
        sandbox: site.sandbox,
        output: easel.clone(),
    });
    let drawn = supervise(&file, &errand, control, None, |_| Ok(()))
        .and_then(|()| taken(&easel.join(MediaFile::Poster.to_string())));
    // What is left is hidden, and goes with the next picture.
    let _ = fs::remove_dir_all(&easel);
    Ok(drawn?)
}

/// SECURITY: no link is followed, by which one picture could show another file.
fn open(path: &Path) -> Result<(File, magic::Image), Error> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
    let file = file.map_err(|_| Error::NoPicture(path.to_owned()))?;
    let about = file.metadata().map_err(|error| Fault::reading(&error))?;
    if !about.is_file() {
        return Err(Error::NoPicture(path.to_owned()));
    }
    if about.len() > MAX_PICTURE_BYTES {
        return Err(Error::TooLarge);
    }
    let mut head = [0; 16];
    let read = std::os::unix::fs::FileExt::read_at(&file, &mut head, 0);
    let read = read.map_err(|error| Fault::reading(&error))?;
    let image = magic::image(head.get(..read).unwrap_or_default());
    Ok((file, image.ok_or(Error::NotAPicture)?))
}

/// SECURITY: a worker may have been taken over: what it left is a JPEG of bounded length, no link.
fn taken(path: &Path) -> Result<Vec<u8>, Fault> {
    let crashed = |detail: &str| Fault::Crashed {
        detail: detail.to_owned(),
    };
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)
        .map_err(|_| crashed("it drew nothing"))?;
    let mut bytes = Vec::new();
    file.take(MAX_PICTURE_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Fault::reading(&error))?;
    let right =
        bytes.len() as u64 <= MAX_PICTURE_BYTES && magic::image(&bytes) == Some(magic::Image::Jpeg);
    right
        .then_some(bytes)
        .ok_or_else(|| crashed("it drew no picture"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            fs::write(folder.path().join(name), text).expect("a file");
        }
        folder
    }

    fn text(folder: &Path, name: &str) -> Option<String> {
        fs::read_to_string(folder.join(name)).ok()
    }

    #[test]
    fn a_choice_is_taken_and_remembered() {
        let title = place(&[("poster.jpg", "best"), ("poster-2.jpg", "second")]);
        choose(title.path(), 2).expect("chosen");
        assert_eq!(text(title.path(), "poster.jpg").as_deref(), Some("second"));
        assert_eq!(text(title.path(), CHOSEN).as_deref(), Some("2"));
        let none = choose(title.path(), 7).expect_err("none").to_string();
        assert!(none.contains("poster-7.jpg"), "{none}");
        assert_eq!(text(title.path(), "poster.jpg").as_deref(), Some("second"));
    }

    #[test]
    fn a_new_making_goes_with_what_was_chosen() {
        for (chosen, staged, expected) in [
            // Nobody chose.
            (None, &[("poster.jpg", "new best")][..], Some("new best")),
            // The same picture of the new making.
            (
                Some("2"),
                &[("poster.jpg", "new best"), ("poster-2.jpg", "new second")],
                Some("new second"),
            ),
            // Killed after that picture had moved.
            (
                Some("2"),
                &[("poster.jpg", "new second")],
                Some("old second"),
            ),
            // There is none of its number any more.
            (Some("5"), &[("poster.jpg", "new best")], None),
            (Some("own"), &[("poster.jpg", "new best")], None),
            (Some("own"), &[], None),
        ] {
            let title = place(&[("poster.jpg", "old"), ("poster-2.jpg", "old second")]);
            if let Some(chosen) = chosen {
                fs::write(title.path().join(CHOSEN), chosen).expect("a note");
            }
            let stage = place(staged);
            settle(stage.path(), title.path()).expect("settled");
            assert_eq!(
                text(stage.path(), "poster.jpg").as_deref(),
                expected,
                "{chosen:?}"
            );
        }
    }

    #[test]
    fn only_a_picture_is_given_to_a_worker() {
        let folder = place(&[("me.jpg", "<svg onload=x>"), ("film.jpg", "\u{0}")]);
        let at = |name: &str| folder.path().join(name);
        assert!(matches!(open(&at("me.jpg")), Err(Error::NotAPicture)));
        assert!(matches!(open(&at("none.jpg")), Err(Error::NoPicture(_))));
        assert!(matches!(open(folder.path()), Err(Error::NoPicture(_))));
        std::os::unix::fs::symlink(at("me.jpg"), at("link.jpg")).expect("a link");
        assert!(matches!(open(&at("link.jpg")), Err(Error::NoPicture(_))));
        let large = File::create(at("large.jpg")).expect("a file");
        large.set_len(MAX_PICTURE_BYTES + 1).expect("made long");
        assert!(matches!(open(&at("large.jpg")), Err(Error::TooLarge)));
        fs::write(at("right.png"), b"\x89PNG\r\n\x1A\n").expect("a file");
        assert_eq!(
            open(&at("right.png")).expect("a picture").1,
            magic::Image::Png
        );
    }
}
