//! A picture of each broadcast every minute, for those who have not come in yet: the newest
//! keyframe, drawn by a confined worker that gives way to everything else.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use satreel_film::fault::Fault;
use satreel_film::fmp4::{media_segment, read};
use satreel_film::magic::Container;
use satreel_film::protocol::{Errand, Order};
use satreel_hls::job::Preview;
use satreel_hls::live::Window;
use satreel_hls::naming::MediaFile;

use super::folder::write_soon;
use crate::control::Control;
use crate::site::Site;
use crate::supervisor::supervise;
use crate::surroundings::Surroundings;

/// From one to the next.
pub(super) const EVERY_MS: u64 = 60_000;
/// The worker's own folder inside of the broadcast's. Hidden, so it is never served.
const FOLDER: &str = ".still";
const LARGEST: u64 = 4 << 20;

/// The newest keyframe as a film of one frame. None: there is none yet.
pub(super) fn keyframe(folder: &Path, window: &Window) -> Option<Vec<u8>> {
    let name = window.header()?.tracks.first().copied()?;
    let track = window.track(name)?;
    let newest = track.segments.iter().rposition(|listed| listed.key)?;
    let number = window.first() + u32::try_from(newest).ok()?;
    let written = |file: MediaFile| fs::read(folder.join(file.to_string())).ok();
    let segment = written(MediaFile::Segment(name, number))?;
    let (_, samples, data) = read::samples(&segment)?;
    let mut first = *samples.first()?;
    first.composition = 0;
    let data = data.get(..usize::try_from(first.size).ok()?)?;
    let mut film = written(track.init_of(number)?)?;
    film.extend(media_segment(0, 0, &[first], data));
    Some(film)
}

/// Draws it: `poster.jpg` in the broadcast's folder.
pub(super) fn draw(site: &Site, folder: &Path, film: &[u8]) -> Result<(), Fault> {
    let own = folder.join(FOLDER);
    fs::create_dir_all(&own).map_err(|error| Fault::writing(&error))?;
    let drawn = draw_in(site, &own, film);
    let poster = own.join(MediaFile::Poster.to_string());
    let taken = drawn.and_then(|()| take(&poster).map_err(|error| Fault::reading(&error)));
    // Whatever the worker left there goes with the folder.
    let _ = fs::remove_dir_all(&own);
    write_soon(folder, &MediaFile::Poster.to_string(), &taken?)
        .map_err(|error| Fault::writing(&error))
}

fn draw_in(site: &Site, own: &Path, film: &[u8]) -> Result<(), Fault> {
    let path = own.join("film.mp4");
    fs::write(&path, film).map_err(|error| Fault::writing(&error))?;
    let film = File::open(&path).map_err(|error| Fault::reading(&error))?;
    let errand = Errand::Film(Order {
        container: Container::Mp4,
        preview: Preview::Usual(0),
        generation: 0,
        supervisor: std::process::id(),
        sandbox: site.sandbox,
        loudness: site.loudness,
        ladder: site.ladder.clone(),
        captions: Vec::new(),
        still: true,
        output: Some(own.to_owned()),
    });
    let around = Surroundings {
        keep_free: 0,
        ..site.surroundings()
    };
    let control = Control::default();
    supervise(&film, &errand, &control, Some(&around), |_| Ok(()))
}

/// SECURITY: a worker wrote it, so it is read as a stranger's: a plain file, bounded, that begins
/// like a JPEG.
fn take(poster: &Path) -> io::Result<Vec<u8>> {
    let about = fs::symlink_metadata(poster)?;
    let mut bytes = Vec::new();
    if about.is_file() {
        File::open(poster)?
            .take(LARGEST + 1)
            .read_to_end(&mut bytes)?;
    }
    if bytes.len() as u64 > LARGEST || !bytes.starts_with(b"\xFF\xD8\xFF") {
        return Err(io::Error::other("the worker drew no picture"));
    }
    Ok(bytes)
}
