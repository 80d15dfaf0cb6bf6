//! Segments as `verify` reads them: whatever lies in a title's folder, no panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use satreel_transcoder::outside;

fuzz_target!(|bytes: &[u8]| {
    let (init, fragment) = outside::reads_mp4(bytes);
    // What is too short to hold a box is neither.
    assert!(bytes.len() >= 8 || !(init || fragment));
});
