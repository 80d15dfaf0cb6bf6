//! Amounts as BTCPay writes them: bitcoin as decimal text. Whole numbers in between, never floats.

use std::fmt;

use crate::core::money::Msats;

/// A thousandth of a satoshi is the 11th decimal place of a bitcoin.
const PLACES: usize = 11;

/// No amount of bitcoin that there can be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no amount of bitcoin")]
pub struct InvalidAmount(String);

/// What lies below a thousandth of a satoshi is dropped: nobody received it.
pub fn parse(text: &str) -> Result<Msats, InvalidAmount> {
    let invalid = || InvalidAmount(text.chars().take(40).collect());
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(part) {
        return Err(invalid());
    }
    let part = &part[..part.len().min(PLACES)];
    let msats = format!("{whole}{part:0<PLACES$}")
        .parse()
        .map_err(|_| invalid())?;
    Msats::new(msats).map_err(|_| invalid())
}

/// As BTCPay wants it.
#[derive(Debug, Clone, Copy)]
pub struct Btc(pub Msats);

impl fmt::Display for Btc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sats = self.0.to_sats_floor().get();
        write!(f, "{}.{:08}", sats / 100_000_000, sats % 100_000_000)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_becomes_whole_numbers() {
        for (text, msats) in [
            ("0", 0),
            ("0.0", 0),
            ("0.00000100", 100_000),
            ("0.00000100000", 100_000),
            ("0.00000060001", 60_001),
            ("0.000000600019", 60_001),
            ("1", 100_000_000_000),
            ("20999999.97690000", 2_099_999_997_690_000_000),
        ] {
            let expected = Msats::new(msats).expect("an amount");
            assert_eq!(parse(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in [
            "",
            ".",
            ".5",
            "-0.1",
            "+1",
            "1e3",
            "1,5",
            "0x1",
            " 1",
            "1.5.5",
            "NaN",
            "22000000",
            "99999999999999999999999",
            "１",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(sats in 0..=2_100_000_000_000_000_u64) {
            let amount = Msats::new(sats * 1000).expect("an amount");
            prop_assert_eq!(parse(&Btc(amount).to_string()), Ok(amount));
        }

        #[test]
        fn no_text_panics(text in ".{0,60}") {
            let _ = parse(&text);
        }
    }
}
