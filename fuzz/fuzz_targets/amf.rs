//! A publisher's commands: what is read can be written and read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use satreel_transcoder::outside;

fuzz_target!(|bytes: &[u8]| {
    if let Some(written) = outside::amf(bytes) {
        assert_eq!(outside::amf(&written), Some(written));
    }
});
