//! A site's archive, as anybody may leave it at a destination: refused or read, never more. Compressed
//! bytes alone would be stuck at the sums, so the tar is what is made up.
#![no_main]

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = satreel_archive::open(bytes);
    let mut zip = GzEncoder::new(Vec::new(), Compression::none());
    zip.write_all(bytes).expect("in memory");
    let zipped = zip.finish().expect("in memory");
    if let Ok(contents) = satreel_archive::open(&zipped) {
        assert!(!contents.digest.is_empty());
    }
});
