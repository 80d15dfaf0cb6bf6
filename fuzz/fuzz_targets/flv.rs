//! A publisher's frames, through gate and segmenter: whatever comes when, what is listed fits, and the
//! journal says the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use satreel_transcoder::outside;

/// A sequence header that is not found by chance: H.264 of 320 × 180, and AAC.
const PICTURE: &[u8] = b"\x17\0\0\0\0\x01\x64\x00\x0D\xFF\xE1\x00\x1A\x67\x64\x00\x0D\xAC\xD9\x41\x41\
    \x9F\x9F\x01\x10\x00\x00\x03\x00\x10\x00\x00\x03\x03\xC0\xF1\x42\x99\x60\x01\x00\x06\x68\xEB\xE3\xCB\x22\
    \xC0\xFD\xF8\xF8\x00";
const SOUND: &[u8] = b"\xAF\0\x11\x90";
const KEYFRAME: &[u8] = b"\x17\x01\0\0\0\0\0\0\x02\x65\x09";
const FRAME: &[u8] = b"\x27\x01\0\0\x20\0\0\0\x02\x41\x09";

fuzz_target!(|tags: Vec<(u8, u16, Vec<u8>)>| {
    let mut now = 0_u32;
    let tags = tags.iter().map(|(kind, step, body)| {
        // Mostly forwards, sometimes anywhere.
        now = match kind >> 4 {
            15 => u32::from(*step) << 16,
            _ => now.wrapping_add(u32::from(*step) % 500),
        };
        match kind & 15 {
            0 | 1 => (true, now, PICTURE),
            2 => (false, now, SOUND),
            3..=5 => (true, now, KEYFRAME),
            6..=9 => (true, now, FRAME),
            10 | 11 => (false, now, &b"\xAF\x01x"[..]),
            12 | 13 => (false, now, &body[..]),
            _ => (true, now, &body[..]),
        }
    });
    if let Ok((window, replayed)) = outside::broadcast(tags) {
        assert_eq!(window, replayed);
    }
});
