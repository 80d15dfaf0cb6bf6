//! Which picture stands for a title: what there is to choose from, and a picture from outside on its
//! way to the transcoder.
//!
//! Only files are compared and moved. SECURITY: nothing here looks inside a picture; that is done by
//! a worker of the transcoder, which holds no key.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use satreel_hls::{
    job::{Change, Picture, REPLACEMENTS, Wish},
    naming::{MediaFile, VideoId},
};
use sha2::{Digest, Sha256};

use super::titles::{Condition, Error};
use crate::{catalog, small_file};

/// More than any making draws.
const MOST: usize = 100;
/// What a picture from outside is called on its way: the next one takes the place of one that was
/// left behind.
const BROUGHT: &str = "poster.picture";

/// The titles' pictures. All calls wait on the disk.
#[derive(Debug)]
pub struct Posters {
    titles: PathBuf,
    inbox: PathBuf,
}

/// What a title is shown by, and could be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gallery {
    /// Changes with the poster.
    pub mark: String,
    /// The numbers of those that were made, and whether the poster is this one.
    pub choices: Vec<(u32, bool)>,
    /// The poster is none of them.
    pub own: bool,
    /// How many sheets of small pictures there are.
    pub sheets: Vec<u32>,
}

/// What somebody wants to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted<'a> {
    Choice(u32),
    Picture(&'a [u8]),
}

impl Posters {
    pub fn new(data: &Path, inbox: &Path) -> Self {
        Self {
            titles: data.join(catalog::TITLES),
            inbox: inbox.to_owned(),
        }
    }

    pub fn gallery(&self, id: VideoId) -> Result<Gallery, Error> {
        let folder = self.titles.join(id.to_string());
        let poster = picture(&folder, MediaFile::Poster);
        let (mut choices, mut sheets) = (Vec::new(), Vec::new());
        for file in files(&folder)? {
            match file {
                MediaFile::Choice(number) => choices.push(number),
                MediaFile::Sprite(number) => sheets.push(number),
                _ => {}
            }
        }
        for numbers in [&mut choices, &mut sheets] {
            numbers.sort_unstable();
            numbers.truncate(MOST);
        }
        let is_shown =
            |number: u32| poster.is_some() && picture(&folder, MediaFile::Choice(number)) == poster;
        let choices: Vec<_> = choices
            .into_iter()
            .map(|number| (number, is_shown(number)))
            .collect();
        Ok(Gallery {
            mark: match &poster {
                Some(bytes) => hex::encode(&Sha256::digest(bytes)[..8]),
                None => "none".to_owned(),
            },
            own: poster.is_some() && !choices.iter().any(|(_, shown)| *shown),
            choices,
            sheets,
        })
    }

    /// What to ask of the transcoder, where a picture from outside lies ready for it.
    pub fn prepare(
        &self,
        id: VideoId,
        condition: &Condition,
        wanted: &Wanted<'_>,
    ) -> Result<Wish, Error> {
        let gallery = self.gallery(id)?;
        if !condition.allows(&gallery.mark) {
            return Err(Error::Changed);
        }
        let picture = match wanted {
            Wanted::Choice(number) => {
                if !gallery.choices.iter().any(|(known, _)| known == number) {
                    return Err(Error::Field {
                        field: "choice".to_owned(),
                        what: "there is no such picture: take one of those that are listed"
                            .to_owned(),
                    });
                }
                Picture::Choice(*number)
            }
            Wanted::Picture(bytes) => {
                let folder = self.inbox.join(REPLACEMENTS).join(id.to_string());
                // With the mode that its own folders have: the transcoder removes what it has taken.
                fs::create_dir_all(&folder)?;
                small_file::hand_over(&folder.join(BROUGHT), bytes)?;
                Picture::File(BROUGHT.to_owned())
            }
        };
        Ok(Wish {
            job: id,
            change: Change::Poster { picture },
        })
    }
}

/// What lies in a title's folder and is served.
fn files(folder: &Path) -> Result<Vec<MediaFile>, Error> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Error::Unknown),
        entries => entries?,
    };
    let names = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    Ok(names.filter_map(|name| name.parse().ok()).collect())
}

/// One of the title's own pictures, as long as they are.
fn picture(folder: &Path, file: MediaFile) -> Option<Vec<u8>> {
    let path = folder.join(file.to_string());
    let about = fs::symlink_metadata(&path).ok()?;
    let sound = about.is_file() && about.len() <= satreel_hls::job::MAX_PICTURE_BYTES;
    sound.then(|| fs::read(path).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "00ff10a9bcdef012";

    fn place(files: &[(&str, &str)]) -> (tempfile::TempDir, Posters, VideoId) {
        let data = tempfile::tempdir().expect("a folder");
        let folder = data.path().join("titles").join(ID);
        fs::create_dir_all(&folder).expect("a folder");
        for (name, text) in files {
            fs::write(folder.join(name), text).expect("written");
        }
        let posters = Posters::new(data.path(), &data.path().join("inbox"));
        (data, posters, ID.parse().expect("an id"))
    }

    #[test]
    fn the_one_that_is_shown_is_known_by_its_bytes() {
        let made = [
            ("poster.jpg", "two"),
            ("poster-2.jpg", "two"),
            ("poster-1.jpg", "one"),
            ("sprite-1.jpg", "s"),
            ("sprite-0.jpg", "s"),
            ("poster-x.jpg", "no"),
        ];
        let (data, posters, id) = place(&made);
        let gallery = posters.gallery(id).expect("pictures");
        assert_eq!(gallery.choices, [(1, false), (2, true)]);
        assert_eq!(
            (gallery.own, gallery.sheets.as_slice()),
            (false, &[0, 1][..])
        );
        fs::write(data.path().join("titles").join(ID).join("poster.jpg"), "me").expect("written");
        let other = posters.gallery(id).expect("pictures");
        assert!(other.own && other.mark != gallery.mark);
        let nobody = "ffff10a9bcdef012".parse().expect("an id");
        assert!(matches!(posters.gallery(nobody), Err(Error::Unknown)));
    }

    #[test]
    fn a_wish_names_what_is_there_and_who_asked_has_seen_it() {
        let (data, posters, id) = place(&[("poster.jpg", "one"), ("poster-1.jpg", "one")]);
        let mark = posters.gallery(id).expect("pictures").mark;
        let seen = Condition::Marks(vec![mark]);
        let wish = posters
            .prepare(id, &seen, &Wanted::Choice(1))
            .expect("a wish");
        assert_eq!(
            wish.render(),
            format!(r#"{{"job":"{ID}","do":"poster","picture":{{"choice":1}}}}"#)
        );
        assert!(matches!(
            posters.prepare(id, &seen, &Wanted::Choice(2)),
            Err(Error::Field { .. })
        ));
        let brought = data
            .path()
            .join("inbox/.for")
            .join(ID)
            .join("poster.picture");
        let stale = Condition::Marks(vec!["another".to_owned()]);
        let refused = posters.prepare(id, &stale, &Wanted::Picture(b"bytes"));
        assert!(matches!(refused, Err(Error::Changed)) && !brought.exists());
        posters
            .prepare(id, &seen, &Wanted::Picture(b"bytes"))
            .expect("a wish");
        assert_eq!(fs::read(brought).expect("handed over"), b"bytes");
    }
}
