//! A journal read on from where it was: whole lines only, so that half a line, which its writer may
//! take back after a crash, is read once it is whole.
//!
//! A shorter journal may take its place, with a checkpoint of all that was written before.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use satreel_hls::live::{Window, checkpoint};

/// What is read in one go. No line comes near it.
const CHUNK: usize = 256 * 1024;
/// What is read of a journal to see whether it begins with a checkpoint.
const HEAD: usize = 4096;

/// A place in a journal.
#[derive(Debug)]
pub(super) struct Follower {
    path: PathBuf,
    journal: File,
    /// Behind the last whole line that was read.
    at: u64,
    /// What was written before this file, less what its checkpoint takes.
    before: u64,
}

impl Follower {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            journal: File::open(path)?,
            at: 0,
            before: 0,
        })
    }

    /// Bytes of all that was ever written, as far as it was read: the same for every reader.
    pub(super) const fn at(&self) -> u64 {
        self.before.wrapping_add(self.at)
    }

    /// Takes what was appended into the window. False: there was nothing.
    pub(super) fn read(&mut self, window: &mut Window) -> io::Result<bool> {
        let mut grew = self.read_on(window)?;
        // What is written behind a checkpoint was written after all that is here.
        while self.turn(window)? {
            grew |= self.read_on(window)?;
        }
        Ok(grew)
    }

    fn read_on(&mut self, window: &mut Window) -> io::Result<bool> {
        let mut chunk = vec![0; CHUNK];
        let mut grew = false;
        loop {
            let length = self.fill(&mut chunk)?;
            let whole = memchr::memrchr(b'\n', &chunk[..length]).map_or(0, |end| end + 1);
            if whole == 0 {
                if length == CHUNK {
                    return Err(io::Error::other("a line of the journal never ends"));
                }
                return Ok(grew);
            }
            // What is no text is no event either, and passed over like an unknown one.
            let text = String::from_utf8_lossy(&chunk[..whole]);
            if self.at == 0 {
                self.before = checkpoint::before(&text);
            }
            window.follow(&text);
            self.at += whole as u64;
            grew = true;
        }
    }

    /// Goes over to the file that has taken the journal's place. False: none has.
    fn turn(&mut self, window: &mut Window) -> io::Result<bool> {
        let own = self.journal.metadata()?;
        match fs::metadata(&self.path) {
            Ok(there) if (there.dev(), there.ino()) != (own.dev(), own.ino()) => {}
            Ok(_) => return Ok(false),
            // The whole folder is gone: there is nothing more to read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        }
        // Whatever was written to the old one until then.
        self.read_on(window)?;
        let known = self.at();
        *self = Self::open(&self.path)?;
        let mut head = vec![0; HEAD];
        let length = self.fill(&mut head)?;
        let head = String::from_utf8_lossy(&head[..length]);
        match checkpoint::since(&head) {
            Some((since, end)) if since.at == known => {
                self.at = end;
                self.before = checkpoint::before(&head);
            }
            // Something was missed: the checkpoint has it.
            _ => *window = Window::default(),
        }
        Ok(true)
    }

    fn fill(&self, chunk: &mut [u8]) -> io::Result<usize> {
        let mut length = 0;
        while length < chunk.len() {
            match self
                .journal
                .read_at(&mut chunk[length..], self.at + length as u64)
            {
                Ok(0) => break,
                Ok(read) => length += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::OpenOptions, io::Write as _};

    use proptest::prelude::*;
    use satreel_hls::live::{Event, Header, Mode};

    use super::*;

    fn events(segments: u32) -> String {
        let track = "v".parse().expect("a track");
        let begin = Event::Begin(Header {
            mode: Mode::Fast,
            part_us: 200_000,
            target_s: 2,
            tracks: vec![track],
            lead: false,
        });
        let init = Event::Init {
            track,
            segment: 0,
            init: 0,
        };
        let mut text = begin.line() + &init.line();
        for segment in 0..segments {
            let event = Event::Segment {
                track,
                segment,
                us: 2_000_000,
                at_ms: u64::from(segment) * 2000,
                key: true,
            };
            text += &event.line();
        }
        text
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// However the writing is cut into pieces, and wherever a crash takes half a line back.
        #[test]
        fn pieces_add_up(cuts in proptest::collection::vec(1..200_usize, 1..60), crash in any::<bool>()) {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("journal");
            let text = events(20);
            let mut file = OpenOptions::new().create(true).append(true).open(&path).expect("made");
            let mut follower = Follower::open(&path).expect("there");
            let mut window = Window::default();
            let mut left = text.as_bytes();
            let mut whole = 0;
            for cut in cuts {
                let (piece, rest) = left.split_at(cut.min(left.len()));
                file.write_all(piece).expect("written");
                follower.read(&mut window).expect("read");
                left = rest;
                let written = text.len() - left.len();
                whole = text[..written].rfind('\n').map_or(0, |at| at + 1);
                prop_assert_eq!(&window, &Window::replay(&text[..whole]).0);
            }
            if crash {
                file.set_len(whole as u64).expect("cut");
                left = &text.as_bytes()[whole..];
            }
            file.write_all(left).expect("written");
            follower.read(&mut window).expect("read");
            prop_assert_eq!(window, Window::replay(&text).0);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        /// Whoever follows through checkpoints has what whoever begins behind them reads, at the same
        /// number of bytes, whether every file was seen or some were missed.
        #[test]
        fn shorter_journals_are_followed(looks in proptest::collection::vec(any::<[bool; 3]>(), 20)) {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("journal");
            let text = events(20);
            std::fs::write(&path, "").expect("written");
            let mut follower = Follower::open(&path).expect("there");
            let (mut window, mut writers) = (Window::default(), Window::default());
            let mut written = 0_u64;
            for (line, [looks, shortens, looks_again]) in text.lines().zip(looks) {
                let line = format!("{line}\n");
                let mut file = OpenOptions::new().append(true).open(&path).expect("opened");
                file.write_all(line.as_bytes()).expect("written");
                written += line.len() as u64;
                writers.follow(&line);
                if looks {
                    follower.read(&mut window).expect("read");
                }
                if shortens {
                    let next = folder.path().join("next");
                    let short = checkpoint::of(&writers, written);
                    std::fs::write(&next, short).expect("written");
                    std::fs::rename(&next, &path).expect("renamed");
                }
                if looks_again {
                    follower.read(&mut window).expect("read");
                    prop_assert_eq!(&window, &writers);
                    prop_assert_eq!(follower.at(), written);
                    let mut anew = Follower::open(&path).expect("there");
                    let mut other = Window::default();
                    anew.read(&mut other).expect("read");
                    prop_assert_eq!(&other, &writers);
                    prop_assert_eq!(anew.at(), written);
                }
            }
        }
    }

    #[test]
    fn a_line_without_an_end_is_a_fault() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("journal");
        std::fs::write(&path, vec![b' '; CHUNK + 1]).expect("written");
        let mut follower = Follower::open(&path).expect("there");
        assert!(follower.read(&mut Window::default()).is_err());
    }
}
