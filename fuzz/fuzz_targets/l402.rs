//! L402 headers and macaroons from strangers: none is signed by us, so none opens; and one of ours
//! that was changed claims the same or nothing.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use satreel::core::{
    ids::{InvoiceRef, VideoId},
    keyring::{Key, Keyring},
    l402::{self, Authorization, Claim},
    macaroon::Macaroon,
    offer::{Tier, TierKind},
    order::Order,
    receipt::Preimage,
    time::Timestamp,
};

static KEYRING: LazyLock<Keyring> =
    LazyLock::new(|| Keyring::new(Key::from_secret(&[1; 32]), Vec::new(), Vec::new()));
static OURS: LazyLock<Macaroon> = LazyLock::new(ours);
const PREIMAGE: [u8; 32] = [9; 32];

fn ours() -> Macaroon {
    let hash = Preimage::from_bytes(PREIMAGE).hash();
    let order = Order {
        title: VideoId::from_bytes([1; 8]),
        tier: Tier::new(TierKind::Rent, 100, Some(24)).expect("a tier"),
        created_at: Timestamp::from_unix(1_800_000_000),
    };
    let code = order.encode([0; 3], &KEYRING);
    l402::mint(&KEYRING, [5; l402::NONCE], "films.example", (&code, &order), (&InvoiceRef::Hash(hash), hash))
}

fn claim(macaroon: &Macaroon) -> Option<Claim> {
    let header = format!("L402 {}:{}", macaroon.encode(), Preimage::from_bytes(PREIMAGE).reveal());
    Authorization::parse(&header)?.ok()?.open(&KEYRING).ok()
}

fuzz_target!(|input: (&[u8], u16, u8)| {
    let (bytes, at, value) = input;
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Some(Ok(authorization)) = Authorization::parse(text) {
            assert!(authorization.open(&KEYRING).is_err());
        }
        if let Ok(macaroon) = Macaroon::decode(text) {
            assert_eq!(Macaroon::decode(&macaroon.encode()).as_ref(), Ok(&macaroon));
        }
        // Whatever a bearer adds, the bare macaroon's film stays the only one.
        if let Some(narrowed) = claim(&OURS.clone().with_caveat(text)) {
            assert!(narrowed.check(VideoId::from_bytes([2; 8]), TierKind::Rent).is_err());
        }
    }
    let _ = Macaroon::from_bytes(bytes);
    let mut changed = OURS.to_bytes();
    let at = usize::from(at) % changed.len();
    changed[at] = value;
    if let Ok(changed) = Macaroon::from_bytes(&changed)
        && let Some(claim) = claim(&changed)
    {
        assert_eq!(Some(claim), self::claim(&OURS), "only the place's name may differ");
    }
});
