//! Amounts. Whole numbers only; arithmetic that could overflow is checked.

use std::fmt;

/// 21 million bitcoin.
const SUPPLY_SATS: u64 = 2_100_000_000_000_000;

/// Whole satoshi.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize)]
#[serde(transparent)]
pub struct Sats(u64);

/// Thousandths of a satoshi, as Lightning counts (BOLT 11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Msats(u64);

/// More than all bitcoin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is more than all bitcoin there will be")]
pub struct TooMuch(pub u64);

impl Sats {
    pub const ZERO: Self = Self(0);

    pub const fn new(sats: u64) -> Result<Self, TooMuch> {
        if sats > SUPPLY_SATS {
            Err(TooMuch(sats))
        } else {
            Ok(Self(sats))
        }
    }

    pub const fn get(self) -> u64 {
        self.0
    }

    /// Cannot overflow: the supply times 1,000 fits.
    pub const fn to_msats(self) -> Msats {
        Msats(self.0 * 1000)
    }

    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match Self::new(self.0 + other.0) {
            Ok(sum) => Some(sum),
            Err(_) => None,
        }
    }

    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(difference) => Some(Self(difference)),
            None => None,
        }
    }
}

impl Msats {
    pub const ZERO: Self = Self(0);

    pub const fn new(msats: u64) -> Result<Self, TooMuch> {
        if msats > SUPPLY_SATS * 1000 {
            Err(TooMuch(msats))
        } else {
            Ok(Self(msats))
        }
    }

    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whole satoshi, the rest dropped: what somebody surely received.
    pub const fn to_sats_floor(self) -> Sats {
        Sats(self.0 / 1000)
    }
}

impl fmt::Display for Sats {
    /// `3,000 sat`, with a thin no-break space before the unit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (position, digit) in digits.chars().enumerate() {
            if position > 0 && (digits.len() - position).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        f.write_str("\u{202f}sat")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_as_people_write_them() {
        for (sats, text) in [
            (0, "0\u{202f}sat"),
            (999, "999\u{202f}sat"),
            (3000, "3,000\u{202f}sat"),
            (1_234_567, "1,234,567\u{202f}sat"),
        ] {
            assert_eq!(Sats::new(sats).expect("an amount").to_string(), text);
        }
    }

    #[test]
    fn nothing_exceeds_the_supply() {
        assert_eq!(Sats::new(SUPPLY_SATS + 1), Err(TooMuch(SUPPLY_SATS + 1)));
        let all = Sats::new(SUPPLY_SATS).expect("the supply");
        assert_eq!(all.checked_add(Sats(1)), None);
        assert_eq!(Sats::ZERO.checked_sub(Sats(1)), None);
        assert_eq!(all.to_msats().to_sats_floor(), all);
        assert_eq!(Msats(1999).to_sats_floor(), Sats(1));
    }
}
