//! What server and transcoder share: the names and the contents of the files of a title.
//!
//! Pure: no I/O, no clock. The transcoder writes what this crate renders; the server parses what
//! it serves by the same definitions, so the two can never disagree about a file's meaning.
//!
//! - [`naming`][]: the files of a title folder, as an enum
//! - [`title`][]: `title.json`
//! - [`captions`][]: SRT, WebVTT and ASS in, WebVTT segments out
//! - [`job`][]: `jobs/<id>.json`, and what can be asked of a job
//! - [`live`][]: a broadcast's journal, its window and its playlists while it runs
//! - [`playlist`][]: multivariant and media playlists (RFC 8216)

pub mod captions;
pub mod job;
pub mod live;
pub mod naming;
pub mod playlist;
pub mod title;
