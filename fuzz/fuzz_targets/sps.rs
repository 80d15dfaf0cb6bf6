//! H.264 parameter sets of publishers: a size within bounds, or none.

#![no_main]

use libfuzzer_sys::fuzz_target;
use satreel_transcoder::outside;

fuzz_target!(|bytes: &[u8]| {
    if let Some((width, height)) = outside::picture_size(bytes) {
        assert!((1..=4096).contains(&width) && (1..=2304).contains(&height));
    }
    // A whole one around it.
    let mut record = b"\x01\x64\0\x0D\xFF\xE1".to_vec();
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    record.extend(length.to_be_bytes());
    record.extend_from_slice(bytes);
    let _ = outside::picture_size(&record);
});
