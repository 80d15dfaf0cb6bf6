//! Captions and chapters as files of the title.
//!
//! Small beside the rest, so all of them are written before the first picture: whoever watches a
//! film that is still being made reads them already.

use satreel_film::fault::Fault;
use satreel_film::plan::Plan;
use satreel_film::plan::facts::{Captions, Facts};
use satreel_hls::captions;
use satreel_hls::naming::{MediaFile, TrackName};
use satreel_hls::playlist::MediaPlaylist;

use super::store::Store;

/// Largest sidecar that a supervisor leaves, in bytes.
const LARGEST: u64 = 32 << 20;

/// Reads what the supervisor laid into the title's folder: clean WebVTT, one file a language.
pub(super) fn sidecars(
    languages: &[Option<String>],
    store: &Store,
) -> Result<Vec<Captions>, Fault> {
    let mut found = Vec::new();
    for (number, language) in languages.iter().enumerate() {
        let bytes = store.read_sidecar(number, LARGEST)?;
        let cues = captions::parse(&bytes).map_err(Fault::damaged)?;
        found.push(Captions {
            language: language.clone(),
            title: None,
            forced: false,
            cues,
        });
    }
    Ok(found)
}

/// Writes every caption rendition and the chapters.
pub(super) fn write(facts: &Facts, plan: &Plan, store: &Store) -> Result<(), Fault> {
    for (words, planned) in facts.captions.iter().zip(&plan.captions) {
        let track: TrackName = planned.name.parse().map_err(Fault::damaged)?;
        let segments = (0..).zip(plan.boundaries_us.windows(2));
        for (number, pair) in segments {
            let text = captions::segment(&words.cues, pair[0], pair[1]);
            store.write(MediaFile::Caption(track, number), text.as_bytes())?;
        }
        let playlist = MediaPlaylist::captions(track, &plan.boundaries_us).to_string();
        store.write(MediaFile::Playlist(track), playlist.as_bytes())?;
    }
    if !facts.chapters.is_empty() {
        let text = captions::document(&facts.chapters);
        store.write(MediaFile::Chapters, text.as_bytes())?;
    }
    Ok(())
}
