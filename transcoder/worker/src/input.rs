//! Opens the film: an open descriptor, one allowed demuxer, no protocol, limits.

use std::fs::File;
use std::io::{Seek as _, SeekFrom};

use ffmpeg::format::context::{Input, StreamIo};
use ffmpeg::{Dictionary, Error, Packet};
use ffmpeg_next as ffmpeg;

use satreel_film::fault::Fault;
use satreel_film::magic::Container;

const BUFFER: usize = 256 * 1024;
/// Packets that cannot be read but may be passed over, before the file counts as damaged.
const MOST_BAD_PACKETS: u32 = 1000;
/// An 8K picture without any compression has less than this.
const LARGEST_PACKET: usize = 256 << 20;

/// Opens the film from its start. Descriptors of one film share their position: one reader at a
/// time.
pub(super) fn open(film: &File, container: Container) -> Result<Input, Fault> {
    let mut film = film.try_clone().map_err(|error| Fault::reading(&error))?;
    film.seek(SeekFrom::Start(0))
        .map_err(|error| Fault::reading(&error))?;
    let io = StreamIo::from_read_seek_with_capacity(film, BUFFER).map_err(Fault::damaged)?;
    let mut options = Dictionary::new();
    // SECURITY: probing may only confirm what our own magic check found, and nothing that the
    // file names may be opened.
    options.set("format_whitelist", container.demuxer());
    options.set("protocol_whitelist", "none");
    options.set("max_streams", "64");
    options.set("probesize", "20000000");
    options.set("analyzeduration", "10000000");
    ffmpeg::format::input_from_stream(io, None, Some(options)).map_err(|error| match error {
        Error::InvalidData | Error::Eof => Fault::damaged("its index cannot be read"),
        error => Fault::damaged(error),
    })
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
