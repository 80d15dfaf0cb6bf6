//! `film.toml`: within the limits of a title, or faults that name the file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use satreel_config::Sidecar;

fuzz_target!(|text: &str| {
    match Sidecar::parse("film.toml", text) {
        Ok(read) => {
            assert!(
                read.name
                    .is_none_or(|name| !name.trim().is_empty() && name.chars().count() <= 200)
            );
            assert!(read.tags.len() <= 32);
            assert!(!read.free || read.rent.is_none() && read.own.is_none());
            assert!(read.rent != Some(0) && read.own != Some(0));
        }
        Err(faults) => assert!(faults.to_string().starts_with("film.toml")),
    }
});
