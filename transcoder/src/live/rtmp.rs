//! RTMP as far as a publisher needs it (Adobe RTMP 1.0), without a socket: bytes in, messages and
//! answers out.
//!
//! Written here rather than taken from `rml_rtmp`, because every limit lies inside the parser: how
//! long a message may be, how many chunk streams and how many bytes of half-read messages a
//! stranger may hold, how deep AMF may nest; and because messages of several chunk streams may
//! interleave. Safe Rust; no input panics.

pub(crate) mod amf;
pub(crate) mod chunk;
pub(crate) mod handshake;
pub(crate) mod session;

/// Why a connection is closed. Its words go to the log, not to strangers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Violation {
    #[error("it does not speak RTMP")]
    NotRtmp,
    #[error("it begins a message with what only an earlier one can explain")]
    NoEarlierHeader,
    #[error("it uses more than {} chunk streams", chunk::MOST_STREAMS)]
    TooManyStreams,
    #[error("its message of {0} bytes is longer than its kind may be")]
    TooLong(u32),
    #[error("it keeps too many bytes of unfinished messages")]
    TooMuchUnfinished,
    #[error("it asks for chunks of {0} bytes")]
    ChunkSize(u32),
    #[error("its command cannot be read")]
    BadCommand,
    #[error("it sends too much before it publishes")]
    TooTalkative,
}
