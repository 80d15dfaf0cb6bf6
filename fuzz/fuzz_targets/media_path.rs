//! Media URLs and file names: what parses has one spelling, and no way out of its folder.

#![no_main]

use libfuzzer_sys::fuzz_target;
use satreel::media::path::{MediaPath, PREFIX};
use satreel_hls::naming::{MediaFile, VideoId};

fuzz_target!(|text: &str| {
    if let Ok(file) = text.parse::<MediaFile>() {
        assert_eq!(file.to_string(), text);
        assert!(!text.contains(['/', '\\', '\0', '%']) && !text.starts_with('.'));
    }
    if let Ok(id) = text.parse::<VideoId>() {
        assert_eq!(id.to_string(), text);
    }
    if let Some(path) = MediaPath::parse(text) {
        let MediaPath { grant, title, file } = path;
        assert_eq!(format!("{PREFIX}{grant}/{title}/{file}"), text);
    }
    // The first byte is no slash by chance very often: once more with a good beginning.
    let _ = MediaPath::parse(&format!("{PREFIX}g/{text}"));
});
