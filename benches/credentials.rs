//! What the gate pays for a decision: an access token or a playback grant, from text to verdict.
//! Prints JSON in nanoseconds, the median of the rounds.

#![allow(clippy::expect_used, reason = "a measurement may stop where it stands")]

use std::{hint::black_box, time::Instant};

use satreel::core::{
    access::{Access, Scope, Term},
    grant::{Extent, Grant, Session},
    ids::VideoId,
    keyring::{Key, Keyring},
    offer::TierKind,
    order::Subject,
    time::Timestamp,
};

const ROUNDS: usize = 41;
const CHECKS: usize = 8192;
/// Different credentials in turn, as different viewers' are.
const VIEWERS: u8 = 64;
const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
const END: Timestamp = Timestamp::from_unix(1_800_000_600);

fn main() {
    let key = |byte| Key::from_secret(&[byte; 32]);
    let keyring = Keyring::new(key(1), vec![key(2)], Vec::new());
    let title = VideoId::from_bytes([7; 8]);
    let tokens: Vec<String> = (0..VIEWERS)
        .map(|viewer| {
            let access = Access {
                scope: Scope::Title(title),
                tier: TierKind::Rent,
                term: Term::Until(END),
                subject: Subject::from_bytes([viewer; 8]),
            };
            access.seal(&keyring)
        })
        .collect();
    let grants: Vec<String> = (0..VIEWERS)
        .map(|viewer| {
            let grant = Grant {
                title,
                expires_at: END,
                subject: Subject::from_bytes([viewer; 8]),
                session: Session::from_bytes([viewer; 8]),
                extent: Extent::Film,
            };
            grant.seal(&keyring)
        })
        .collect();

    let token = median(&tokens, |text| {
        let access = Access::open(text, &keyring).expect("a token");
        access.check(title, |_| false, 0, NOW).expect("still good");
    });
    let grant = median(&grants, |text| {
        let grant = Grant::open(text, &keyring).expect("a grant");
        grant.check(title, NOW).expect("still good");
        grant.check_segment(3).expect("the whole film");
    });
    println!("{{\"access_token_ns\": {token}, \"grant_ns\": {grant}}}");
}

/// Nanoseconds of one check. The median leaves out rounds that another program interrupted.
fn median(texts: &[String], check: impl Fn(&str)) -> u128 {
    let mut rounds: Vec<u128> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            for text in texts.iter().cycle().take(CHECKS) {
                check(black_box(text));
            }
            start.elapsed().as_nanos() / CHECKS as u128
        })
        .collect();
    rounds.sort_unstable();
    rounds[ROUNDS / 2]
}
