//! A broadcast's folder: files under their names when they are whole, then the journal's line.
//!
//! Segments of a recorded broadcast lie a second time beside the titles: a link where both are on
//! one disk, a copy where the live folder is in memory.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use satreel_hls::live::{Event, JOURNAL, Window};
use satreel_hls::naming::MediaFile;

use super::segmenter::Output;

/// Parts are kept for so many segments: three target durations and some patience.
const PARTS_FOR: u32 = 12;
/// Segments that are no longer listed stay for those who still have an older playlist.
const STAYS_FOR: u32 = 12;

#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    journal: File,
    /// Where segments are kept. None: they are not, or no longer.
    keep: Option<PathBuf>,
    gone: u32,
}

impl Folder {
    pub(crate) fn open(path: &Path, keep: Option<PathBuf>) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        if let Some(keep) = &keep {
            fs::create_dir_all(keep)?;
        }
        let journal = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path.join(JOURNAL))?;
        Ok(Self {
            path: path.to_owned(),
            journal,
            keep,
            gone: 0,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn keep(&self) -> Option<&Path> {
        self.keep.as_deref()
    }

    /// From here on nothing more is recorded.
    pub(crate) fn stop_keeping(&mut self) {
        self.keep = None;
    }

    /// A fault of the recording's does not end the broadcast: it ends the recording, and is told.
    pub(crate) fn carry_out(
        &mut self,
        outputs: &[Output],
        window: &Window,
    ) -> io::Result<Option<io::Error>> {
        let mut unkept = None;
        for output in outputs {
            match output {
                Output::File(file, bytes) => {
                    self.write(*file, bytes)?;
                    if let Err(error) = self.keep_file(*file, bytes) {
                        self.keep = None;
                        unkept = Some(error);
                    }
                }
                Output::Event(event) => {
                    self.journal.write_all(event.line().as_bytes())?;
                    self.follow(event, window)?;
                }
            }
        }
        Ok(unkept)
    }

    pub(crate) fn write(&self, file: MediaFile, bytes: &[u8]) -> io::Result<()> {
        write_soon(&self.path, &file.to_string(), bytes)
    }

    fn keep_file(&self, file: MediaFile, bytes: &[u8]) -> io::Result<()> {
        let is_kept = matches!(
            file,
            MediaFile::Init(_) | MediaFile::Reinit(..) | MediaFile::Segment(..)
        );
        let Some(keep) = self.keep.as_ref().filter(|_| is_kept) else {
            return Ok(());
        };
        let name = file.to_string();
        match fs::hard_link(self.path.join(&name), keep.join(&name)) {
            Ok(()) => Ok(()),
            Err(_) => write_soon(keep, &name, bytes),
        }
    }

    fn follow(&mut self, event: &Event, window: &Window) -> io::Result<()> {
        match event {
            Event::Segment { track, segment, .. } => {
                if let Some(old) = segment.checked_sub(PARTS_FOR) {
                    self.forget_parts(*track, old);
                }
                let text = window.plain(*track).unwrap_or_default();
                self.write(MediaFile::Playlist(*track), text.as_bytes())
            }
            Event::Drop { before } => {
                let before = before.saturating_sub(STAYS_FOR);
                for segment in self.gone..before {
                    for track in window
                        .header()
                        .into_iter()
                        .flat_map(|header| &header.tracks)
                    {
                        self.forget(MediaFile::Segment(*track, segment));
                    }
                }
                self.gone = self.gone.max(before);
                Ok(())
            }
            Event::End {} => window
                .header()
                .into_iter()
                .flat_map(|header| &header.tracks)
                .try_for_each(|track| {
                    let text = window.plain(*track).unwrap_or_default();
                    self.write(MediaFile::Playlist(*track), text.as_bytes())
                }),
            _ => Ok(()),
        }
    }

    fn forget_parts(&self, track: satreel_hls::naming::TrackName, segment: u32) {
        let mut part = 0;
        while self.forget(MediaFile::Part(track, segment, part)) {
            part += 1;
        }
    }

    fn forget(&self, file: MediaFile) -> bool {
        fs::remove_file(self.path.join(file.to_string())).is_ok()
    }
}

/// Under a temporary name, then under its own; without waiting for the disk.
pub(crate) fn write_soon(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = folder.join(format!(".{name}.tmp"));
    fs::write(&temporary, bytes)?;
    fs::rename(&temporary, folder.join(name))
}
