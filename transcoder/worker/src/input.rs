//! Opens the film: an open descriptor, one allowed demuxer, no protocol, limits.

use std::cell::OnceCell;
use std::fs::File;
use std::io::{Seek as _, SeekFrom};

use ffmpeg::format::context::{Input, StreamIo};
use ffmpeg::{Dictionary, Error, Packet};
use ffmpeg_next as ffmpeg;

use satreel_film::fault::Fault;
use satreel_film::magic::Container;

use super::patience;
use super::probe::{self, Found};

const BUFFER: usize = 256 * 1024;
/// Packets that cannot be read but may be passed over, before the file counts as damaged.
const MOST_BAD_PACKETS: u32 = 1000;
/// An 8K picture without any compression has less than this.
const LARGEST_PACKET: usize = 256 << 20;

/// A film that is read several times over. All readers share one position in the file: one at a
/// time.
pub(super) struct Film {
    file: File,
    container: Container,
    /// What the first reading found out beyond the headers.
    found: OnceCell<Found>,
}

impl Film {
    pub(super) fn new(file: File, container: Container) -> Self {
        Self {
            file,
            container,
            found: OnceCell::new(),
        }
    }

    /// Opens the film from its start.
    pub(super) fn open(&self) -> Result<Input, Fault> {
        patience::watched(|| self.open_known())?
    }

    fn open_known(&self) -> Result<Input, Fault> {
        let mut input = self.open_headers()?;
        if let Some(found) = self.found.get()
            && found.put(&mut input)
        {
            give_back_memory();
            return Ok(input);
        }
        probe::look(&mut input, self.has_headers()).map_err(unreadable)?;
        if self.has_headers() {
            self.found.get_or_init(|| Found::of(&input));
        }
        Ok(input)
    }

    /// Opens it without a look at its packets.
    pub(super) fn open_headers(&self) -> Result<Input, Fault> {
        probe::open(self.stream()?, self.options()).map_err(unreadable)
    }

    fn stream(&self) -> Result<StreamIo, Fault> {
        let film = self.file.try_clone();
        let mut film = film.map_err(|error| Fault::reading(&error))?;
        film.seek(SeekFrom::Start(0))
            .map_err(|error| Fault::reading(&error))?;
        StreamIo::from_read_seek_with_capacity(film, BUFFER).map_err(Fault::damaged)
    }

    fn options(&self) -> Dictionary<'static> {
        let mut options = Dictionary::new();
        // SECURITY: probing may only confirm what our own magic check found, and nothing that the
        // file names may be opened.
        options.set("format_whitelist", self.container.demuxer());
        options.set("protocol_whitelist", "none");
        options.set("max_streams", "64");
        options.set("probesize", "20000000");
        options.set("analyzeduration", "10000000");
        options
    }

    /// Whether every track is described before the first packet, and every packet has its time: what
    /// is read then does not depend on what was found out before.
    fn has_headers(&self) -> bool {
        matches!(self.container, Container::Mp4 | Container::Matroska)
    }
}

fn unreadable(error: Error) -> Fault {
    match error {
        Error::InvalidData | Error::Eof => Fault::damaged("its index cannot be read"),
        error => Fault::damaged(error),
    }
}

/// Gives freed memory back to the system. What a long film's index took while it was built would stay
/// for as long as the film is made.
#[allow(unsafe_code, reason = "nobody else's bindings have it")]
fn give_back_memory() {
    // SAFETY: it takes no pointer and may be called at any time, by any thread.
    unsafe { libc::malloc_trim(0) };
}

/// Reads packets and passes over a bounded number of bad ones.
#[derive(Debug, Default)]
pub(super) struct Packets {
    bad: u32,
}

impl Packets {
    /// The next packet; None at the end.
    pub(super) fn next(&mut self, input: &mut Input) -> Result<Option<Packet>, Fault> {
        loop {
            let mut packet = Packet::empty();
            match packet.read(input) {
                Ok(()) if packet.size() > LARGEST_PACKET => {
                    return Err(Fault::TooLarge {
                        detail: "one picture of more than 256 MB".to_owned(),
                    });
                }
                Ok(()) => return Ok(Some(packet)),
                Err(Error::Eof) => return Ok(None),
                Err(Error::InvalidData) if self.bad < MOST_BAD_PACKETS => self.bad += 1,
                Err(error) => return Err(Fault::damaged(error)),
            }
        }
    }
}
