//! A worker's words, and the first bytes of a stranger's file: read without a panic, and what is too
//! long is never taken.

#![no_main]

use libfuzzer_sys::fuzz_target;
use satreel_transcoder::outside;

fuzz_target!(|bytes: &[u8]| {
    if outside::takes_line(bytes) {
        assert!(bytes.len() <= outside::LONGEST_LINE);
        assert!(std::str::from_utf8(bytes).is_ok());
    }
    match outside::demuxer(bytes) {
        Ok(demuxer) => assert!(!demuxer.is_empty() && !bytes.is_empty()),
        Err(words) => assert!(words.contains(": ")),
    }
});
