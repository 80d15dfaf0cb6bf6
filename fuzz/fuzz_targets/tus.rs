//! Headers of uploads: what is read is bounded, and no name is ever a path.

#![no_main]

use std::{ffi::OsStr, path::Path};

use libfuzzer_sys::fuzz_target;
use satreel::studio::uploads::tus;

fuzz_target!(|text: &str| {
    if let Ok(bytes) = tus::bytes("Upload-Offset", text) {
        assert_eq!(text.trim_start_matches('0'), bytes.to_string().trim_start_matches('0'));
    }
    let _ = tus::checksum(text);
    let given = tus::metadata(text).ok().and_then(|metadata| metadata.file_name);
    for given in [given.as_deref(), Some(text), None] {
        let name = tus::file_name(given);
        assert!(!name.is_empty() && name.len() < 200 && !name.starts_with('.'));
        assert_eq!(Path::new(&name).file_name(), Some(OsStr::new(&name)));
    }
});
