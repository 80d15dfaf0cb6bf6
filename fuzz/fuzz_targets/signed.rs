//! A signed grant that was changed: whatever the change, it is refused, or it is the same grant.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use satreel::core::{
    grant::{Extent, Grant, Session},
    ids::VideoId,
    keyring::{Key, Keyring},
    order::Subject,
    time::Timestamp,
};

static KEYRING: LazyLock<Keyring> =
    LazyLock::new(|| Keyring::new(Key::from_secret(&[1; 32]), Vec::new(), Vec::new()));

fuzz_target!(|input: (u64, u64, u32, bool, u8, u8)| {
    let (title, expires, last_segment, whole_timeline, at, letter) = input;
    let grant = Grant {
        title: VideoId::from_bytes(title.to_be_bytes()),
        expires_at: Timestamp::from_unix(expires),
        subject: Subject::NOBODY,
        session: Session::from_bytes(title.to_le_bytes()),
        extent: Extent::Preview {
            last_segment: last_segment.min(u32::MAX - 1),
            whole_timeline,
        },
    };
    let mut text = grant.seal(&KEYRING).into_bytes();
    assert_eq!(
        Grant::open(std::str::from_utf8(&text).expect("base64url"), &KEYRING),
        Ok(grant)
    );
    let at = usize::from(at) % text.len();
    let before = text[at];
    text[at] = letter;
    if letter != before
        && let Ok(text) = std::str::from_utf8(&text)
    {
        assert!(Grant::open(text, &KEYRING).is_err());
    }
});
