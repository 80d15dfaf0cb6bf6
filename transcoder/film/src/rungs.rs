//! What supervisor and worker say to each other while a broadcast's smaller pictures are made: the
//! order once, then frames in and packets out, as records of a kind, a length and so many bytes.
//!
//! // SECURITY: a worker may have been taken over by what it decoded, so its records are read as
//! hostile: known kinds, bounded lengths, packets that are whole NAL units.

use std::io::{self, Read};

use satreel_config::Sandbox;
use serde::{Deserialize, Serialize};

/// Longest record either way, in bytes: no frame of a broadcast comes near it.
pub const LARGEST: usize = 4 << 20;
/// Most rungs of one broadcast.
pub const MOST: usize = 4;
const HEAD: usize = 6;

/// What the worker is to make of the frames on its standard input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RungsOrder {
    /// `AVCDecoderConfigurationRecord` with lengths of four bytes.
    pub record: Vec<u8>,
    /// Frames in a thousand seconds.
    pub frames_ks: u32,
    /// Largest first.
    pub rungs: Vec<Wanted>,
    pub supervisor: u32,
    pub sandbox: Sandbox,
}

/// One rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    pub width: u32,
    pub height: u32,
    /// Bits a second at the most.
    pub max_rate: u32,
}

/// To the worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Feed {
    /// A frame in decoding order, with lengths of four bytes. Every rung answers it with one packet.
    Frame {
        /// It can be decoded without any before it.
        key: bool,
        /// The packet in its place begins a segment.
        cut: bool,
        data: Vec<u8>,
    },
    /// Nothing of what comes next depends on what was: hand out what is still held back.
    Flush,
}

/// From the worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Before a rung's first packet: its `AVCDecoderConfigurationRecord`.
    Format {
        rung: u8,
        record: Vec<u8>,
    },
    Packet {
        rung: u8,
        key: bool,
        data: Vec<u8>,
    },
    /// Why it ends, in words.
    Failed(String),
}

/// A record that is none.
#[derive(Debug, thiserror::Error)]
pub enum BadRecord {
    #[error("a record of kind {0}")]
    Kind(u8),
    #[error("a record of {0} bytes")]
    TooLong(u32),
    #[error("a packet that is no picture")]
    Packet,
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl Feed {
    pub fn record(&self) -> Vec<u8> {
        match self {
            Self::Frame { key, cut, data } => {
                whole(b'f', u8::from(*key) | u8::from(*cut) << 1, data)
            }
            Self::Flush => whole(b'.', 0, &[]),
        }
    }

    /// None: the supervisor has no more.
    pub fn read(from: &mut impl Read) -> Result<Option<Self>, BadRecord> {
        let Some((kind, detail, data)) = read(from)? else {
            return Ok(None);
        };
        match kind {
            b'f' => Ok(Some(Self::Frame {
                key: detail & 1 != 0,
                cut: detail & 2 != 0,
                data,
            })),
            b'.' => Ok(Some(Self::Flush)),
            other => Err(BadRecord::Kind(other)),
        }
    }
}

impl Said {
    pub fn record(&self) -> Vec<u8> {
        match self {
            Self::Format { rung, record } => whole(b'r', *rung, record),
            Self::Packet { rung, key, data } => whole(if *key { b'k' } else { b'p' }, *rung, data),
            Self::Failed(words) => whole(b'!', 0, words.as_bytes()),
        }
    }

    /// None: the worker is gone.
    pub fn read(from: &mut impl Read) -> Result<Option<Self>, BadRecord> {
        let Some((kind, rung, data)) = read(from)? else {
            return Ok(None);
        };
        match kind {
            b'r' => Ok(Some(Self::Format { rung, record: data })),
            b'k' | b'p' if !are_units(&data) => Err(BadRecord::Packet),
            b'k' | b'p' => Ok(Some(Self::Packet {
                rung,
                key: kind == b'k',
                data,
            })),
            b'!' => {
                let words = String::from_utf8_lossy(&data);
                let plain = words.chars().filter(|letter| !letter.is_control());
                Ok(Some(Self::Failed(plain.take(200).collect())))
            }
            other => Err(BadRecord::Kind(other)),
        }
    }
}

fn whole(kind: u8, detail: u8, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let mut record = Vec::with_capacity(HEAD + data.len());
    record.extend([kind, detail]);
    record.extend(length.to_be_bytes());
    record.extend_from_slice(data);
    record
}

/// None: nothing follows.
fn read(from: &mut impl Read) -> Result<Option<(u8, u8, Vec<u8>)>, BadRecord> {
    let mut head = [0; HEAD];
    if from.read(&mut head[..1])? == 0 {
        return Ok(None);
    }
    from.read_exact(&mut head[1..])?;
    let [kind, detail, length @ ..] = head;
    let length = u32::from_be_bytes(length);
    let fits = usize::try_from(length).is_ok_and(|length| length <= LARGEST);
    if !fits {
        return Err(BadRecord::TooLong(length));
    }
    let mut data = Vec::new();
    from.by_ref()
        .take(u64::from(length))
        .read_to_end(&mut data)?;
    if data.len() as u64 == u64::from(length) {
        Ok(Some((kind, detail, data)))
    } else {
        Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())
    }
}

/// NAL units with lengths of four bytes, at least one, none of them empty, nothing left over.
fn are_units(mut data: &[u8]) -> bool {
    loop {
        let Some((length, rest)) = data.split_first_chunk::<4>() else {
            return false;
        };
        let length = u32::from_be_bytes(*length) as usize;
        match rest.get(length..) {
            Some(left) if length > 0 => data = left,
            _ => return false,
        }
        if data.is_empty() {
            return true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: [u8; 6] = [0, 0, 0, 2, 0x65, 7];

    #[test]
    fn records_survive_the_pipe() {
        let feeds = [
            Feed::Frame {
                key: true,
                cut: false,
                data: vec![1, 2],
            },
            Feed::Flush,
        ];
        let mut pipe = Vec::new();
        for feed in &feeds {
            pipe.extend(feed.record());
        }
        let mut from = &pipe[..];
        for feed in feeds {
            assert_eq!(Feed::read(&mut from).expect("a record"), Some(feed));
        }
        assert_eq!(Feed::read(&mut from).expect("an end"), None);
        for said in [
            Said::Format {
                rung: 1,
                record: vec![1, 2],
            },
            Said::Packet {
                rung: 2,
                key: false,
                data: UNIT.to_vec(),
            },
            Said::Failed("why".to_owned()),
        ] {
            let record = said.record();
            assert_eq!(Said::read(&mut &record[..]).expect("a record"), Some(said));
        }
    }

    #[test]
    fn strange_records_are_refused() {
        let packet = |data: &[u8]| whole(b'p', 0, data);
        for record in [
            whole(b'x', 0, &[]),
            [&[b'p', 0][..], &u32::MAX.to_be_bytes()].concat(),
            packet(&[]),
            packet(&[0, 0, 0, 0]),
            packet(&[0, 0, 0, 9, 1]),
            packet(&[&UNIT[..], &[0]].concat()),
            packet(&UNIT)[..7].to_vec(),
            b"p\0".to_vec(),
        ] {
            assert!(Said::read(&mut &record[..]).is_err(), "{record:?}");
        }
        let loud = whole(b'!', 0, "\x1b[2Jno".as_bytes());
        let said = Said::read(&mut &loud[..]).expect("words");
        assert_eq!(said, Some(Said::Failed("[2Jno".to_owned())));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let _ = (Said::read(&mut &bytes[..]), Feed::read(&mut &bytes[..]));
        }
    }
}
