//! Captions: what parses is clean, and renders to something that parses to the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use satreel_hls::captions::{ass_text, document, parse, segment};

fuzz_target!(|bytes: &[u8]| {
    let _ = ass_text(&String::from_utf8_lossy(bytes));
    let Ok(cues) = parse(bytes) else {
        return;
    };
    for cue in &cues {
        assert!(cue.start_us < cue.end_us);
        assert!(!cue.text.is_empty() && !cue.text.contains("-->") && !cue.text.contains("\n\n"));
    }
    let again = parse(document(&cues).as_bytes()).expect("what was rendered parses");
    assert_eq!(again.len(), cues.len());
    let _ = segment(&cues, 2_000_000, 4_000_000);
});
