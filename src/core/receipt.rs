//! The wallet's history as the receipt: a paid BOLT11 and its preimage.
//!
//! A preimage is known to every hop that forwarded the payment; the BOLT11 with its payment
//! secret is not. Asking for both proves the payer (BOLT 11; the preimage alone would not).

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::ids::{InvalidId, PaymentHash};

/// 32 bytes whose SHA-256 is a payment hash. Proof of payment, so never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Preimage([u8; 32]);

impl Preimage {
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn hash(&self) -> PaymentHash {
        PaymentHash::from_bytes(Sha256::digest(self.0).into())
    }

    /// Whether this preimage belongs to the payment.
    pub fn proves(&self, payment: PaymentHash) -> bool {
        // SECURITY: constant time; the hash is public, but habits are cheaper than exceptions.
        bool::from(self.hash().as_bytes().ct_eq(payment.as_bytes()))
    }

    /// The hex text that wallets show. For the payer only.
    pub fn reveal(&self) -> String {
        hex::encode(self.0)
    }
}

impl std::fmt::Debug for Preimage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Preimage(hidden)")
    }
}

impl std::str::FromStr for Preimage {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|_| InvalidId("a payment's proof (preimage): 64 hex digits"))?;
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_preimage_proves() {
        let preimage = Preimage::from_bytes([3; 32]);
        assert!(preimage.proves(preimage.hash()));
        assert!(!Preimage::from_bytes([4; 32]).proves(preimage.hash()));
        assert_eq!(format!("{preimage:?}"), "Preimage(hidden)");
        assert_eq!(preimage.reveal().parse::<Preimage>(), Ok(preimage));
    }
}
