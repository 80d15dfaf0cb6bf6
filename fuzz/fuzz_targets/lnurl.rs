//! What wallets send to a Lightning address: amounts stay within the limits, comments are text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use satreel::{core::money::Msats, web::lnurl};

fuzz_target!(|input: (&str, &str)| {
    let (amount, words) = input;
    let sat = |sat: u64| Msats::new(sat * 1000).expect("an amount");
    if let Some(amount) = lnurl::read_amount(Some(amount), sat(10)..=sat(5000)) {
        assert!((10_000..=5_000_000).contains(&amount.get()));
    }
    if let Some(text) = lnurl::read_comment(words) {
        assert!(text.chars().count() <= 280);
        assert!(!text.contains(|letter: char| letter.is_control() && letter != '\n'));
    }
});
