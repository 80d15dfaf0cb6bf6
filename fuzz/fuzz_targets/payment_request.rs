//! Payment requests that somebody pastes: read or refused, never a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use satreel::payments::wallet::requested_sat;

fuzz_target!(|text: &str| {
    let _ = requested_sat(text);
});
