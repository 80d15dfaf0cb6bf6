//! Credentials from strangers: none of these bytes was signed by us, so nothing may open.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use satreel::core::{
    access::Access,
    grant::{Grant, Session},
    handle::Handle,
    ids::PaymentHash,
    keyring::{Key, KeyId, Keyring},
    order::{OrderCode, Subject},
    receipt::Preimage,
    studio::{Door, Entry, EntryId},
    ticket::Ticket,
    time::Timestamp,
};

static KEYRING: LazyLock<Keyring> = LazyLock::new(|| {
    let key = |byte| Key::from_secret(&[byte; 32]);
    Keyring::new(key(1), vec![key(2)], vec![key(3)])
});

fuzz_target!(|text: &str| {
    let keyring = &*KEYRING;
    let now = Timestamp::from_unix(1_800_000_000);
    assert!(Access::open(text, keyring).is_err());
    assert!(Grant::open(text, keyring).is_err());
    assert!(Handle::open(text, keyring).is_err());
    assert!(Ticket::open(text, keyring, now).is_err());
    for door in Door::ALL {
        assert!(Entry::open(text, door, keyring).is_err());
    }
    if let Ok(code) = text.parse::<OrderCode>() {
        assert_eq!(code.to_string().parse(), Ok(code));
        assert!(code.open(keyring).is_err());
    }
    let _ = text.parse::<KeyId>();
    let _ = text.parse::<Session>();
    let _ = text.parse::<EntryId>();
    let _ = text.parse::<Subject>();
    let _ = text.parse::<PaymentHash>();
    let _ = text.parse::<Preimage>();
});
