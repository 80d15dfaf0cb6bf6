//! A publisher's bytes: no panic, no more media than bytes, few words in answer.

#![no_main]

use libfuzzer_sys::fuzz_target;
use satreel_transcoder::outside;

fuzz_target!(|parts: (u16, bool, &[u8])| {
    let (piece, shakes_hands, bytes) = parts;
    let mut all = Vec::new();
    if shakes_hands {
        // A handshake is not found by chance.
        all.push(3);
        all.resize(1 + 2 * 1536, 0);
    }
    all.extend_from_slice(bytes);
    if let Ok((media, answered)) = outside::rtmp(&all, usize::from(piece)) {
        assert!(media <= all.len());
        assert!(answered <= 2 * 1536 + 1 + 64 * all.len());
    }
});
