//! A broadcast's folder: files under their names when they are whole, then the journal's line.
//!
//! Segments of a recorded broadcast lie a second time beside the titles: a link where both are on
//! one disk, a copy where the live folder is in memory. So does the journal as far as it speaks of
//! them: a recording is whole without the live folder.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use satreel_hls::live::window::growing;
use satreel_hls::live::{Event, JOURNAL, Place, Window, checkpoint, window};
use satreel_hls::naming::{MediaFile, TrackName};

use super::segmenter::Output;

/// Parts are kept for one segment more than they are listed.
const PARTS_FOR: u32 = window::PARTS_FOR + 1;
/// A journal that is longer is said in short …
const LONGEST_JOURNAL: u64 = 256 << 10;
/// … unless what it has to say is so much of it.
const WORTH: u64 = 3;
/// No line comes near it.
const LONGEST_LINE: u64 = 64 << 10;
/// Segments that are no longer listed stay for those who still have an older playlist.
const STAYS_FOR: u32 = 12;

#[derive(Debug)]
struct Keep {
    path: PathBuf,
    journal: File,
}

fn journal(folder: &Path) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    let mut options = OpenOptions::new();
    options.create(true).append(true).open(folder.join(JOURNAL))
}

fn first_line(folder: &Path) -> io::Result<String> {
    let mut line = String::new();
    let journal = BufReader::new(File::open(folder.join(JOURNAL))?);
    // What is no text is no event.
    let read = journal.take(LONGEST_LINE).read_line(&mut line);
    Ok(read.map(|_| line).unwrap_or_default())
}

impl Keep {
    fn open(path: PathBuf) -> io::Result<Self> {
        let journal = journal(&path)?;
        Ok(Self { path, journal })
    }

    /// `bytes`: what is in it, if it is at hand.
    fn file(&self, from: &Path, file: MediaFile, bytes: Option<&[u8]>) -> io::Result<()> {
        let (MediaFile::Init(track) | MediaFile::Reinit(track, _) | MediaFile::Segment(track, _)) =
            file
        else {
            return Ok(());
        };
        if !is_kept(track) {
            return Ok(());
        }
        let name = file.to_string();
        match fs::hard_link(from.join(&name), self.path.join(&name)) {
            Ok(()) => Ok(()),
            Err(_) => match bytes {
                Some(bytes) => write_soon(&self.path, &name, bytes),
                None => write_soon(&self.path, &name, &fs::read(from.join(&name))?),
            },
        }
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        let kept = match event {
            Event::Begin(header) => {
                let mut header = header.clone();
                header.tracks.retain(|track| is_kept(*track));
                Event::Begin(header)
            }
            Event::Init { track, .. } | Event::Segment { track, .. } if !is_kept(*track) => {
                return Ok(());
            }
            Event::Init { .. } | Event::Cut { .. } | Event::Segment { .. } => event.clone(),
            Event::Since(_) | Event::Part { .. } | Event::Drop { .. } | Event::End {} => {
                return Ok(());
            }
        };
        self.journal.write_all(kept.line().as_bytes())
    }
}

/// The recording is what was sent: better smaller pictures are made of it later.
fn is_kept(track: TrackName) -> bool {
    matches!(track.as_str(), "v" | "a")
}

#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    journal: File,
    /// Its length: a line that was written in part is taken back.
    written: u64,
    /// What was written before it, less what its checkpoint takes.
    before: u64,
    /// How long it may become.
    longest: u64,
    /// Where segments are kept. None: they are not, or no longer.
    keep: Option<Keep>,
    /// Segments that grow, one a track at the most.
    open: Vec<Open>,
    gone: u32,
}

#[derive(Debug)]
struct Open {
    segment: MediaFile,
    file: File,
    written: u64,
}

impl Folder {
    pub(crate) fn open(path: &Path, keep: Option<PathBuf>) -> io::Result<Self> {
        let journal = journal(path)?;
        Ok(Self {
            path: path.to_owned(),
            written: journal.metadata()?.len(),
            before: checkpoint::before(&first_line(path)?),
            longest: LONGEST_JOURNAL,
            journal,
            keep: keep.map(Keep::open).transpose()?,
            open: Vec::new(),
            gone: 0,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn keep(&self) -> Option<&Path> {
        self.keep.as_ref().map(|keep| keep.path.as_path())
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
                    unkept =
                        unkept.or(self.record(|keep, from| keep.file(from, *file, Some(bytes))));
                }
                Output::Grow(file, bytes) => self.grow(*file, bytes)?,
                Output::Whole(file, _) => {
                    self.name(*file)?;
                    unkept = unkept.or(self.record(|keep, from| keep.file(from, *file, None)));
                }
                Output::Link { file, of } => self.link(*file, *of, window)?,
                Output::Picture(_) | Output::Event(_) => {}
            }
        }
        // Only then are they listed, and only who is listed no more goes.
        let events = outputs.iter().filter_map(|output| match output {
            Output::Event(event) => Some(event),
            _ => None,
        });
        self.tell(events.clone())?;
        for event in events {
            unkept = unkept.or(self.record(|keep, _| keep.event(event)));
            self.follow(event, window)?;
        }
        if self.written > self.longest {
            self.shorten(window);
        }
        Ok(unkept)
    }

    /// Says in fewer lines what the journal says, in a file that takes its place as a whole. One that
    /// can't be written is no harm: the long one goes on, and it is tried again when it is longer.
    fn shorten(&mut self, window: &Window) {
        let at = self.before.wrapping_add(self.written);
        let text = checkpoint::of(window, at);
        let written = write_soon(&self.path, JOURNAL, text.as_bytes());
        match written.and_then(|()| journal(&self.path)) {
            Ok(journal) => {
                self.journal = journal;
                self.written = text.len() as u64;
                self.before = checkpoint::before(&text);
                self.longest = LONGEST_JOURNAL.max(self.written * WORTH);
            }
            Err(error) => {
                tracing::warn!(%error, "a broadcast's journal stays long");
                self.longest += LONGEST_JOURNAL;
            }
        }
    }

    /// One file a segment, from its first part on: nothing is written twice.
    fn grow(&mut self, segment: MediaFile, bytes: &[u8]) -> io::Result<()> {
        if self.open.iter().all(|open| open.segment != segment) {
            let file = File::create(self.path.join(growing(segment)))?;
            self.open.push(Open {
                segment,
                file,
                written: 0,
            });
        }
        let mut open = self.open.iter_mut();
        let Some(open) = open.find(|open| open.segment == segment) else {
            return Ok(());
        };
        if let Err(error) = open.file.write_all(bytes) {
            // The next part begins where this one did.
            open.file.set_len(open.written)?;
            return Err(error);
        }
        open.written += bytes.len() as u64;
        Ok(())
    }

    /// A segment's file is whole.
    fn name(&mut self, segment: MediaFile) -> io::Result<()> {
        self.open.retain(|open| open.segment != segment);
        let [from, to] = [growing(segment), segment.to_string()].map(|name| self.path.join(name));
        fs::rename(from, to)
    }

    /// A part of the top's as a rung's: it has no file of its own.
    fn copy(&self, file: MediaFile, segment: MediaFile, place: Place) -> io::Result<()> {
        let open = File::open(self.path.join(growing(segment)));
        let of = open.or_else(|_| File::open(self.path.join(segment.to_string())))?;
        let mut bytes = vec![0; usize::try_from(place.bytes).map_err(io::Error::other)?];
        of.read_exact_at(&mut bytes, place.at)?;
        self.write(file, &bytes)
    }

    fn link(&self, file: MediaFile, of: MediaFile, window: &Window) -> io::Result<()> {
        if let MediaFile::Part(track, segment, part) = of
            && let Some(place) = window.place(track, segment, part)
        {
            return self.copy(file, MediaFile::Segment(track, segment), place);
        }
        let [file, of] = [file, of].map(|file| self.path.join(file.to_string()));
        match fs::hard_link(&of, &file) {
            // An earlier process got as far as this, and its journal did not.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(&file)?;
                fs::hard_link(&of, &file)
            }
            linked => linked,
        }
    }

    /// All lines in one go: each is a wake for whoever reads them.
    fn tell<'a>(&mut self, events: impl Iterator<Item = &'a Event>) -> io::Result<()> {
        let lines: String = events.map(Event::line).collect();
        if lines.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.journal.write_all(lines.as_bytes()) {
            self.journal.set_len(self.written)?;
            return Err(error);
        }
        self.written += lines.len() as u64;
        Ok(())
    }

    fn record(
        &mut self,
        what: impl FnOnce(&mut Keep, &Path) -> io::Result<()>,
    ) -> Option<io::Error> {
        let error = what(self.keep.as_mut()?, &self.path).err()?;
        self.keep = None;
        Some(error)
    }

    pub(crate) fn write(&self, file: MediaFile, bytes: &[u8]) -> io::Result<()> {
        write_soon(&self.path, &file.to_string(), bytes)
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

    fn forget_parts(&self, track: TrackName, segment: u32) {
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
