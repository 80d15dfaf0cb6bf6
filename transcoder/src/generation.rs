//! A title's film made anew while the old one plays.
//!
//! Every making has tracks of its own name (`v720`, then `v720g1`, `v720g2`), since a file never
//! changes under its name: players and caches hold on to it. The new making grows in a folder that
//! nobody serves. Once it is whole its files move beside the old ones, the multivariant playlist
//! last; whoever plays goes on with the old making, whoever comes gets the new one. What no playlist
//! names any more is removed a day later.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use satreel_hls::naming::{MediaFile, TrackName};

use satreel_film::fault::Fault;
use satreel_film::folder::{MARK, is_sidecar};

use crate::poster;

/// Inside the title's folder, on the same disk; hidden, so it is never served.
const STAGE: &str = ".making";
/// Nobody plays one film for longer.
const OLD: Duration = Duration::from_hours(24);

/// The folder for the new making, with what a broken try left: its worker goes on with that.
pub(crate) fn stage(folder: &Path) -> Result<PathBuf, Fault> {
    let stage = folder.join(STAGE);
    fs::create_dir_all(&stage).map_err(|error| Fault::writing(&error))?;
    Ok(stage)
}

pub(crate) fn drop_stage(folder: &Path) -> Result<(), Fault> {
    match fs::remove_dir_all(folder.join(STAGE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Fault::writing(&error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Puts the new making in the place of the old one. Done again after a crash it goes on.
pub(crate) fn switch(folder: &Path) -> Result<(), Fault> {
    let stage = folder.join(STAGE);
    let switch = || -> io::Result<()> {
        let master = MediaFile::Master.to_string();
        poster::settle(&stage, folder)?;
        for entry in fs::read_dir(&stage)?.flatten() {
            if entry.file_name() != master.as_str() {
                fs::rename(entry.path(), folder.join(entry.file_name()))?;
            }
        }
        fs::File::open(folder)?.sync_all()?;
        fs::rename(stage.join(&master), folder.join(&master))?;
        fs::File::open(folder)?.sync_all()?;
        fs::remove_dir(&stage)
    };
    switch().map_err(|error| Fault::writing(&error))
}

/// Whether the title already shows this making.
pub(crate) fn is_current(folder: &Path, generation: u32) -> bool {
    let master = fs::read_to_string(folder.join(MediaFile::Master.to_string()));
    let shows = |name: &String| number(name) == generation && name.parse::<TrackName>().is_ok();
    generation > 0 && master.is_ok_and(|text| named(&text).iter().any(shows))
}

/// Takes what a worker left of a making that is to be begun again.
pub(crate) fn clear(output: &Path) -> Result<(), Fault> {
    let clear = || -> io::Result<()> {
        for entry in fs::read_dir(output)?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let temporary = entry.path().extension().is_some_and(|end| end == "tmp");
            let hidden = (name.starts_with('.') && temporary) || name == MARK || is_sidecar(&name);
            let ours = name.parse::<MediaFile>().is_ok() || hidden;
            if ours && entry.file_type()?.is_file() {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    };
    clear().map_err(|error| Fault::writing(&error))
}

/// The number of the next making: one more than any file bears.
pub(crate) fn next(folder: &Path) -> u32 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let tracks = entries.filter_map(|entry| track(&entry.file_name().to_string_lossy()));
    let highest = tracks.map(|track| number(track.as_str())).max();
    highest.unwrap_or(0) + 1
}

/// `v720g2` → 2.
fn number(track: &str) -> u32 {
    track
        .rsplit_once('g')
        .and_then(|(_, digits)| digits.parse().ok())
        .unwrap_or(0)
}

fn track(name: &str) -> Option<TrackName> {
    match name.parse().ok()? {
        MediaFile::Playlist(track)
        | MediaFile::Init(track)
        | MediaFile::Reinit(track, _)
        | MediaFile::Segment(track, _)
        | MediaFile::Part(track, ..)
        | MediaFile::Caption(track, _) => Some(track),
        MediaFile::Master
        | MediaFile::Chapters
        | MediaFile::Storyboard
        | MediaFile::Sprite(_)
        | MediaFile::Choice(_)
        | MediaFile::Hover
        | MediaFile::Waveform
        | MediaFile::Poster => None,
    }
}

/// Removes the tracks that the multivariant playlist has not named for a day. Returns how many files.
pub(crate) fn sweep(folder: &Path) -> io::Result<usize> {
    let master = folder.join(MediaFile::Master.to_string());
    let age = fs::metadata(&master)?.modified()?.elapsed();
    if age.map_or(true, |age| age < OLD) {
        return Ok(0);
    }
    let named = named(&fs::read_to_string(&master)?);
    let mut removed = 0;
    for entry in fs::read_dir(folder)?.flatten() {
        let old = track(&entry.file_name().to_string_lossy());
        if old.is_some_and(|track| !named.contains(track.as_str())) {
            fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Everything in the playlist that may be a track's name: rather too much than too little.
fn named(master: &str) -> BTreeSet<String> {
    let between = |letter: char| !letter.is_ascii_alphanumeric();
    let words = master.split(between).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{File, FileTimes};
    use std::time::SystemTime;

    fn place(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for file in files {
            fs::write(folder.path().join(file), b"old").expect("a file");
        }
        folder
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("the folder").flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn makings_are_numbered() {
        assert_eq!(next(place(&["v720.m3u8", "a-init.mp4"]).path()), 1);
        assert_eq!(
            next(place(&["v720.m3u8", "v480g3-7.m4s", "title.json"]).path()),
            4
        );
    }

    #[test]
    fn the_new_making_takes_the_place_in_one_step() {
        let title = place(&["master.m3u8", "v720.m3u8", "v720-0.m4s", "title.json"]);
        let stage = stage(title.path()).expect("a stage");
        for file in ["v720g1.m3u8", "v720g1-0.m4s", "poster.jpg"] {
            fs::write(stage.join(file), b"new").expect("a file");
        }
        assert!(!is_current(title.path(), 1));
        fs::write(stage.join("master.m3u8"), b"new v720g1.m3u8").expect("a file");
        assert!(!is_current(title.path(), 1));
        // As if it had been killed in the midst of it.
        fs::rename(
            stage.join("v720g1-0.m4s"),
            title.path().join("v720g1-0.m4s"),
        )
        .expect("moved");
        switch(title.path()).expect("switched");
        assert!(is_current(title.path(), 1) && !is_current(title.path(), 2));
        let whole = [
            "master.m3u8",
            "poster.jpg",
            "title.json",
            "v720-0.m4s",
            "v720.m3u8",
            "v720g1-0.m4s",
            "v720g1.m3u8",
        ];
        assert_eq!(names(title.path()), whole);
        let master = title.path().join("master.m3u8");
        assert_eq!(fs::read(&master).expect("the playlist"), b"new v720g1.m3u8");

        // Whoever plays the old one may go on for a day.
        assert_eq!(sweep(title.path()).expect("swept"), 0);
        let yesterday = SystemTime::now() - Duration::from_hours(25);
        let file = File::options()
            .write(true)
            .open(&master)
            .expect("the playlist");
        file.set_times(FileTimes::new().set_modified(yesterday))
            .expect("made older");
        assert_eq!(sweep(title.path()).expect("swept"), 2);
        assert_eq!(
            names(title.path()),
            [
                "master.m3u8",
                "poster.jpg",
                "title.json",
                "v720g1-0.m4s",
                "v720g1.m3u8"
            ]
        );
    }
}
