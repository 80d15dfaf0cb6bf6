//! Two versions of a live playlist as a site may serve them: read, made whole, judged.

#![no_main]

use libfuzzer_sys::fuzz_target;
use satreel_transcoder::outside;

fuzz_target!(|texts: (&str, &str)| {
    let (before, after) = texts;
    let before = format!("#EXTM3U\n{before}");
    let after = format!("#EXTM3U\n{after}");
    let _ = outside::live_playlists(&before, &after);
});
