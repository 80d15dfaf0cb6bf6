//! H.264 out of a stranger's film: no panic, and never much more out than went in.

#![no_main]

use libfuzzer_sys::fuzz_target;
use satreel_transcoder::outside;

fuzz_target!(|parts: (&[u8], &[u8])| {
    let (extra, packet) = parts;
    if let Some(length) = outside::h264(extra, packet) {
        // A start code has three bytes at least, a length four.
        assert!(length <= packet.len() * 4 + 4);
    }
});
