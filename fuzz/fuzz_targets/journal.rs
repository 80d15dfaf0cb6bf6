//! A broadcast's journal, and what players ask: whatever it says, playlists can be rendered, and a file
//! that is listed has a name of ours.

#![no_main]

use libfuzzer_sys::fuzz_target;
use satreel_hls::live::{Ask, View, Window};
use satreel_hls::naming::MediaFile;

fuzz_target!(|parts: (&str, &str)| {
    let (journal, query) = parts;
    let begin = r#"{"begin":{"mode":"fast","part_us":200000,"target_s":4,"tracks":["v","a"]}}"#;
    for journal in [journal.to_owned(), format!("{begin}\n{journal}")] {
        let (window, read) = Window::replay(&journal);
        assert!(read <= journal.len());
        let _ = Window::whole(&journal);
        let Some(header) = window.header() else {
            continue;
        };
        for track in &header.tracks {
            let full = window.playlist(*track, View::Full).expect("a track");
            let delta = window.playlist(*track, View::Delta).expect("a track");
            // `SKIPPED-SEGMENTS` is all that is added.
            assert!(delta.len() <= full.len() + 64);
            for line in full.lines().filter(|line| !line.starts_with('#')) {
                assert!(line.parse::<MediaFile>().is_ok(), "{line}");
            }
            if let Ok(ask) = Ask::parse(query) {
                let _ = window.answer(*track, &ask);
            }
        }
    }
});
