//! Chunks (§5.3): messages cut into pieces, several in flight at once.

use std::collections::HashMap;

use super::Violation;

/// Chunk streams that one connection may use; publishers use up to six.
pub(crate) const MOST_STREAMS: usize = 32;
/// Bytes of all messages that have begun and not ended.
const MOST_UNFINISHED: usize = 8 << 20;
/// A keyframe of 4K at a high rate has two megabytes.
const LONGEST_MEDIA: u32 = 6 << 20;
const LONGEST_OTHER: u32 = 64 << 10;
const LARGEST_CHUNK: u32 = 1 << 20;
const DEFAULT_CHUNK: u32 = 128;
const EXTENDED: u32 = 0xFF_FFFF;

/// What a message is (§5.4, §6.1, §7.1).
pub(crate) mod kind {
    pub(crate) const CHUNK_SIZE: u8 = 1;
    pub(crate) const ABORT: u8 = 2;
    pub(crate) const WINDOW: u8 = 5;
    pub(crate) const BANDWIDTH: u8 = 6;
    pub(crate) const AUDIO: u8 = 8;
    pub(crate) const VIDEO: u8 = 9;
    pub(crate) const ACKNOWLEDGED: u8 = 3;
    pub(crate) const COMMAND: u8 = 20;
}

/// A whole message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: u8,
    pub(crate) stream: u32,
    /// Milliseconds of the publisher's clock, which wraps.
    pub(crate) time: u32,
    pub(crate) body: Vec<u8>,
}

#[derive(Debug, Default)]
struct Stream {
    time: u32,
    delta: u32,
    is_extended: bool,
    length: u32,
    kind: u8,
    owner: u32,
    body: Vec<u8>,
}

/// Puts messages together.
#[derive(Debug)]
pub(crate) struct Reader {
    chunk: u32,
    streams: HashMap<u32, Stream>,
    buffer: Vec<u8>,
    read: usize,
}

impl Reader {
    pub(crate) fn new() -> Self {
        Self {
            chunk: DEFAULT_CHUNK,
            streams: HashMap::new(),
            buffer: Vec::new(),
            read: 0,
        }
    }

    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.read);
        self.read = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next message that is whole. Takes a change of the chunk size and an abort itself.
    pub(crate) fn next(&mut self) -> Result<Option<Message>, Violation> {
        loop {
            let Some((used, stream)) = self.piece()? else {
                return Ok(None);
            };
            self.read += used;
            let Some(message) = self.finish(stream) else {
                continue;
            };
            let number = message
                .body
                .first_chunk()
                .map(|bytes| u32::from_be_bytes(*bytes));
            match (message.kind, number) {
                (kind::CHUNK_SIZE, Some(size)) => self.set_chunk(size)?,
                (kind::ABORT, Some(stream)) => {
                    if let Some(stream) = self.streams.get_mut(&stream) {
                        stream.body = Vec::new();
                    }
                }
                (kind::CHUNK_SIZE | kind::ABORT, None) => return Err(Violation::BadCommand),
                _ => return Ok(Some(message)),
            }
        }
    }

    fn set_chunk(&mut self, size: u32) -> Result<(), Violation> {
        if !(1..=LARGEST_CHUNK).contains(&size) {
            return Err(Violation::ChunkSize(size));
        }
        self.chunk = size;
        Ok(())
    }

    fn finish(&mut self, stream: u32) -> Option<Message> {
        let stream = self.streams.get_mut(&stream)?;
        if stream.body.len() < stream.length as usize {
            return None;
        }
        Some(Message {
            kind: stream.kind,
            stream: stream.owner,
            time: stream.time,
            body: std::mem::take(&mut stream.body),
        })
    }

    /// One chunk: how many bytes it has with its headers, and whose it is. None: more must come.
    fn piece(&mut self) -> Result<Option<(usize, u32)>, Violation> {
        let mut cursor = Cursor(&self.buffer[self.read..]);
        let whole = cursor.0.len();
        let Some((format, id)) = cursor.basic() else {
            return Ok(None);
        };
        let known = self.streams.get(&id);
        if known.is_none() && format != 0 {
            return Err(Violation::NoEarlierHeader);
        }
        if known.is_none() && self.streams.len() >= MOST_STREAMS {
            return Err(Violation::TooManyStreams);
        }
        let begins = known.is_none_or(|stream| stream.body.is_empty());
        let before = known.map_or(Header::default(), Header::of);
        let Some(header) = cursor.header(format, begins, before) else {
            return Ok(None);
        };
        let held = known.map_or(0, |stream| stream.body.len());
        // A header in mid-message describes the rest of it: publishers only ever repeat it there.
        if !begins && header.length != before.length {
            return Err(Violation::NoEarlierHeader);
        }
        check_length(&header)?;
        let left = (header.length as usize).saturating_sub(held);
        let take = left.min(self.chunk as usize);
        let Some(piece) = cursor.0.get(..take) else {
            return Ok(None);
        };
        let unfinished: usize = self.streams.values().map(|stream| stream.body.len()).sum();
        if unfinished + take > MOST_UNFINISHED {
            return Err(Violation::TooMuchUnfinished);
        }
        let used = whole - cursor.0.len() + take;
        let stream = self.streams.entry(id).or_default();
        header.put(stream);
        stream.body.extend_from_slice(piece);
        Ok(Some((used, id)))
    }
}

fn check_length(header: &Header) -> Result<(), Violation> {
    let longest = match header.kind {
        kind::AUDIO | kind::VIDEO => LONGEST_MEDIA,
        _ => LONGEST_OTHER,
    };
    if header.length > longest {
        return Err(Violation::TooLong(header.length));
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, Default)]
struct Header {
    time: u32,
    delta: u32,
    is_extended: bool,
    length: u32,
    kind: u8,
    owner: u32,
}

impl Header {
    fn of(stream: &Stream) -> Self {
        Self {
            time: stream.time,
            delta: stream.delta,
            is_extended: stream.is_extended,
            length: stream.length,
            kind: stream.kind,
            owner: stream.owner,
        }
    }

    fn put(self, stream: &mut Stream) {
        stream.time = self.time;
        stream.delta = self.delta;
        stream.is_extended = self.is_extended;
        stream.length = self.length;
        stream.kind = self.kind;
        stream.owner = self.owner;
    }
}

struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn u24(&mut self) -> Option<u32> {
        let [a, b, c] = self.bytes()?;
        Some(u32::from_be_bytes([0, a, b, c]))
    }

    /// §5.3.1.1.
    fn basic(&mut self) -> Option<(u8, u32)> {
        let [first] = self.bytes()?;
        let id = match first & 0x3F {
            0 => {
                let [low] = self.bytes()?;
                64 + u32::from(low)
            }
            1 => 64 + u32::from(u16::from_le_bytes(self.bytes()?)),
            id => u32::from(id),
        };
        Some((first >> 6, id))
    }

    /// §5.3.1.2. `begins`: this chunk is a message's first.
    fn header(&mut self, format: u8, begins: bool, before: Header) -> Option<Header> {
        let mut header = before;
        let mut field = 0;
        if format < 3 {
            field = self.u24()?;
            header.is_extended = field == EXTENDED;
        }
        if format < 2 {
            header.length = self.u24()?;
            [header.kind] = self.bytes()?;
        }
        if format == 0 {
            header.owner = u32::from_le_bytes(self.bytes()?);
        }
        if header.is_extended {
            // Chunks without a time of their own repeat it, too (§5.3.1.3).
            field = u32::from_be_bytes(self.bytes()?);
        }
        match format {
            0 => {
                header.time = field;
                // What follows without a time of its own comes as much later (§5.3.1.2.4).
                header.delta = field;
            }
            1 | 2 => {
                header.delta = field;
                header.time = header.time.wrapping_add(field);
            }
            _ if begins => header.time = header.time.wrapping_add(header.delta),
            _ => {}
        }
        Some(header)
    }
}

/// One message of ours, in chunks of the default size.
pub(crate) fn write(out: &mut Vec<u8>, id: u8, kind: u8, stream: u32, body: &[u8]) {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
    out.push(id);
    out.extend([0; 3]);
    out.extend_from_slice(&length[1..]);
    out.push(kind);
    out.extend(stream.to_le_bytes());
    for (place, piece) in body.chunks(DEFAULT_CHUNK as usize).enumerate() {
        if place > 0 {
            out.push(0xC0 | id);
        }
        out.extend_from_slice(piece);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8], step: usize) -> Result<Vec<Message>, Violation> {
        let mut reader = Reader::new();
        let mut found = Vec::new();
        for piece in bytes.chunks(step.max(1)) {
            reader.feed(piece);
            while let Some(message) = reader.next()? {
                found.push(message);
            }
        }
        Ok(found)
    }

    fn start(id: u8, time: u32, length: u32, kind: u8) -> Vec<u8> {
        let mut out = vec![id];
        out.extend_from_slice(&time.min(EXTENDED).to_be_bytes()[1..]);
        out.extend_from_slice(&length.to_be_bytes()[1..]);
        out.push(kind);
        out.extend([1, 0, 0, 0]);
        if time >= EXTENDED {
            out.extend(time.to_be_bytes());
        }
        out
    }

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = Vec::new();
        let body: Vec<u8> = (0..=255).cycle().take(1000).collect();
        write(&mut bytes, 3, kind::COMMAND, 1, &body);
        write(&mut bytes, 4, kind::AUDIO, 1, b"x");
        for step in [1, 100, 5000] {
            let found = all(&bytes, step).expect("messages");
            assert_eq!(found.len(), 2);
            assert_eq!((found[0].kind, &found[0].body), (kind::COMMAND, &body));
            assert_eq!(found[1].body, b"x");
        }
    }

    #[test]
    fn messages_of_several_streams_interleave() {
        let mut bytes = start(6, 40, 200, kind::VIDEO);
        bytes.extend([1; 128]);
        bytes.extend(start(4, 40, 3, kind::AUDIO));
        bytes.extend([2; 3]);
        bytes.push(0xC6);
        bytes.extend([1; 72]);
        // The same length and kind again, 40 ms later; then one more as much later.
        bytes.extend([0x84, 0, 0, 23, 2, 2, 2, 0xC4, 2, 2, 2]);
        let found = all(&bytes, 50).expect("messages");
        let shape: Vec<_> = found
            .iter()
            .map(|m| (m.kind, m.time, m.body.len()))
            .collect();
        assert_eq!(shape, [(8, 40, 3), (9, 40, 200), (8, 63, 3), (8, 86, 3)]);
    }

    #[test]
    fn times_beyond_24_bits_are_repeated_in_every_chunk() {
        let mut bytes = start(6, 0x0100_0000, 130, kind::VIDEO);
        bytes.extend([1; 128]);
        bytes.push(0xC6);
        bytes.extend(0x0100_0000_u32.to_be_bytes());
        bytes.extend([1; 2]);
        let found = all(&bytes, 9).expect("messages");
        assert_eq!((found[0].time, found[0].body.len()), (0x0100_0000, 130));
    }

    #[test]
    fn limits_hold() {
        assert_eq!(
            all(&start(3, 0, 65_537, kind::COMMAND), 99),
            Err(Violation::TooLong(65_537))
        );
        assert_eq!(
            all(&start(3, 0, 0xFF_FFFF, kind::VIDEO), 99),
            Err(Violation::TooLong(0xFF_FFFF))
        );
        assert_eq!(all(&[0xC3], 1), Err(Violation::NoEarlierHeader));
        let many: Vec<u8> = (3..=3 + 32)
            .flat_map(|id| {
                let mut chunk = start(id, 0, 1, kind::AUDIO);
                chunk.push(0);
                chunk
            })
            .collect();
        assert_eq!(all(&many, 7), Err(Violation::TooManyStreams));
        for size in [0, 0x7FFF_FFFF, LARGEST_CHUNK + 1] {
            let mut bytes = start(2, 0, 4, kind::CHUNK_SIZE);
            bytes.extend(size.to_be_bytes());
            assert_eq!(all(&bytes, 99), Err(Violation::ChunkSize(size)));
        }
        let mut hoard = start(2, 0, 4, kind::CHUNK_SIZE);
        hoard.extend(LARGEST_CHUNK.to_be_bytes());
        for id in 3..20 {
            hoard.extend(start(id, 0, LONGEST_MEDIA, kind::VIDEO));
            hoard.resize(hoard.len() + LARGEST_CHUNK as usize, 0);
        }
        assert_eq!(all(&hoard, 1 << 16), Err(Violation::TooMuchUnfinished));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(
            bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400),
            step in 1..50_usize,
        ) {
            let _ = all(&bytes, step);
        }

        #[test]
        fn it_does_not_matter_how_bytes_arrive(
            body in proptest::collection::vec(proptest::num::u8::ANY, 1..2000),
            step in 1..300_usize,
        ) {
            let mut bytes = Vec::new();
            write(&mut bytes, 5, kind::VIDEO, 1, &body);
            let found = all(&bytes, step).expect("a message");
            proptest::prop_assert_eq!(&found[0].body, &body);
        }
    }
}
