//! Wishes and job files: what is taken names nothing outside, and survives being written again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use satreel_hls::job::{Change, JobFile, MAX_WISH_BYTES, Wish};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(wish) = Wish::parse(bytes) {
        assert!(bytes.len() as u64 <= MAX_WISH_BYTES);
        if let Change::Replace { file } = &wish.change {
            assert!(!file.contains('/') && !file.starts_with('.') && !file.is_empty());
        }
        let again = Wish::parse(wish.render().as_bytes()).expect("what was written is read");
        assert_eq!(again, wish);
    }
    if let Ok(job) = serde_json::from_slice::<JobFile>(bytes) {
        let text = serde_json::to_vec(&job).expect("it can be written");
        let again: JobFile = serde_json::from_slice(&text).expect("what was written is read");
        assert_eq!(again.id, job.id);
        assert_eq!(again.state, job.state);
    }
});
