//! Thanks that buy nothing. A tip's invoice carries an order code like every other (the layout is
//! that of [`super::order`]), so that the payment itself says what it was, whatever became of our
//! record: tier 16, no hours, the amount for a price, and eight zeros for a title when the tip is
//! for the site.

use super::{
    ids::VideoId,
    keyring::Keyring,
    money::Sats,
    order::{Error, OrderCode, PLAIN, TIER_AT},
    time::Timestamp,
};

/// In the place of a tier's code; no tier has it.
pub(super) const TIER: u8 = 0x10;
const NO_TITLE: [u8; 8] = [0; 8];

/// What was meant when the invoice was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tip {
    /// None: for the site.
    pub title: Option<VideoId>,
    /// At most 4,294,967,295: what arrived is the payment backend's to say.
    pub amount: Sats,
    pub created_at: Timestamp,
}

impl Tip {
    /// `salt` as for an order.
    pub fn encode(&self, salt: [u8; 3], keyring: &Keyring) -> OrderCode {
        let title = self.title.map_or(NO_TITLE, |title| *title.as_bytes());
        let amount = u32::try_from(self.amount.get()).unwrap_or(u32::MAX);
        let created = u32::try_from(self.created_at.as_unix()).unwrap_or(u32::MAX);
        let mut plain = [0; PLAIN];
        plain[..TIER_AT].copy_from_slice(&title);
        plain[TIER_AT] = TIER;
        plain[11..15].copy_from_slice(&amount.to_be_bytes());
        plain[15..19].copy_from_slice(&created.to_be_bytes());
        plain[19..].copy_from_slice(&salt);
        OrderCode::encode(plain, keyring.signing())
    }

    /// The tip in a code; None: it is an order, or not ours.
    pub fn open(code: &OrderCode, keyring: &Keyring) -> Result<Option<Self>, Error> {
        let plain = code.decode(keyring)?;
        let [t0, t1, t2, t3, t4, t5, t6, t7, TIER, _, _, rest @ ..] = plain else {
            return Ok(None);
        };
        let [a0, a1, a2, a3, c0, c1, c2, c3, ..] = rest;
        let title = [t0, t1, t2, t3, t4, t5, t6, t7];
        let amount = u64::from(u32::from_be_bytes([a0, a1, a2, a3]));
        Ok(Some(Self {
            title: (title != NO_TITLE).then(|| VideoId::from_bytes(title)),
            amount: Sats::new(amount).map_err(|_| Error::Version)?,
            created_at: Timestamp::from_unix(u64::from(u32::from_be_bytes([c0, c1, c2, c3]))),
        }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{keyring::tests::keyring, order::tests::any_order};
    use super::*;

    proptest! {
        #[test]
        fn a_tip_survives_the_round_trip_and_is_no_order(
            title in proptest::option::of(1..u64::MAX),
            sat: u32,
            created: u32,
            salt: [u8; 3],
        ) {
            let tip = Tip {
                title: title.map(|title| VideoId::from_bytes(title.to_be_bytes())),
                amount: Sats::new(u64::from(sat)).expect("an amount"),
                created_at: Timestamp::from_unix(u64::from(created)),
            };
            let code = tip.encode(salt, &keyring(1));
            prop_assert_eq!(Tip::open(&code, &keyring(1)), Ok(Some(tip)));
            prop_assert_eq!(code.open(&keyring(1)), Err(Error::Tip));
            prop_assert_eq!(Tip::open(&code, &keyring(2)), Err(Error::Foreign));
        }

        #[test]
        fn an_order_is_no_tip(order in any_order()) {
            let code = order.encode([0; 3], &keyring(1));
            prop_assert_eq!(Tip::open(&code, &keyring(1)), Ok(None));
        }
    }
}
