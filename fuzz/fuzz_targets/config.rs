//! The configuration: any text is a configuration or a list of faults, each in words.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match satreel_config::parse(text, Path::new("/etc/satreel")) {
        Ok(config) => assert!(config.wallet_exposure().is_none()),
        Err(faults) => assert!(!faults.to_string().is_empty()),
    }
});
