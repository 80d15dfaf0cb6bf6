//! AAC out of a stranger's transport stream: no panic, and nothing but the frame comes out.

#![no_main]

use libfuzzer_sys::fuzz_target;
use satreel_transcoder::outside;

fuzz_target!(|packet: &[u8]| {
    if let Some(left) = outside::adts(packet) {
        assert!([7, 9].contains(&(packet.len() - left)) && left > 0);
    }
});
