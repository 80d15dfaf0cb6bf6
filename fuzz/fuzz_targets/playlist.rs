//! Media playlists: what parses renders to something that parses to the same, and a cut one never
//! grows.

#![no_main]

use libfuzzer_sys::fuzz_target;
use satreel_hls::playlist::parse_media;

fuzz_target!(|text: &str| {
    let Ok(playlist) = parse_media(text) else {
        return;
    };
    let again = parse_media(&playlist.to_string()).expect("what was rendered parses");
    assert_eq!(again, playlist);
    for preview_s in [0, 1, 60, u32::MAX] {
        let Some((last, end_us)) = playlist.preview_end(preview_s) else {
            continue;
        };
        assert!(
            end_us <= u64::from(preview_s) * 1_000_000,
            "a preview reaches beyond its end"
        );
        let cut = playlist.truncated(last);
        assert_eq!(cut.duration_us(), end_us);
        assert!(parse_media(&cut.to_string()).is_ok());
    }
});
