//! The published vectors in `tests/vectors/`: whoever writes a second implementation tests it
//! against the same file. The layouts are described in each module of `src/core`.

#![allow(clippy::expect_used, reason = "a test may stop where it stands")]

use satreel::core::{
    access::{Access, Scope, Term},
    grant::{Extent, Grant, Session},
    handle::Handle,
    ids::{InvoiceRef, PaymentHash, VideoId},
    keyring::{Key, Keyring},
    l402,
    macaroon::Macaroon,
    money::{Msats, Sats},
    offer::{Tier, tier_named},
    order::Order,
    studio::{Door, Entry},
    tag::TagId,
    ticket::{Settlement, Ticket, mint},
    time::Timestamp,
    tip::Tip,
};
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors/credentials.json")).expect("the vectors are JSON")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("{key} is a text in {value}"))
}

fn number(value: &Value, key: &str) -> u64 {
    value[key]
        .as_u64()
        .unwrap_or_else(|| panic!("{key} is a number in {value}"))
}

fn id(value: &Value) -> VideoId {
    text(value, "title").parse().expect("an id")
}

fn at(value: &Value, key: &str) -> Timestamp {
    Timestamp::from_unix(number(value, key))
}

fn bytes<const N: usize>(value: &Value, key: &str) -> [u8; N] {
    let mut bytes = [0; N];
    hex::decode_to_slice(text(value, key), &mut bytes).expect("hex");
    bytes
}

fn keyring(all: &Value) -> Keyring {
    Keyring::new(
        Key::from_secret(&bytes(&all["key"], "secret_hex")),
        Vec::new(),
        Vec::new(),
    )
}

fn invoice(value: &Value) -> InvoiceRef {
    match value["btcpay_id"].as_str() {
        Some(id) => InvoiceRef::btcpay(id).expect("an id"),
        None => InvoiceRef::Hash(PaymentHash::from_bytes(bytes(value, "payment_hash_hex"))),
    }
}

fn order(value: &Value) -> Order {
    let kind = tier_named(text(value, "tier")).expect("a tier");
    let hours = value["hours"]
        .as_u64()
        .map(|hours| u32::try_from(hours).expect("hours"));
    let tier = match value["tag"].as_str() {
        Some(tag) => Tier::collection(TagId::of(tag), number(value, "sat"), hours),
        None => Tier::new(kind, number(value, "sat"), hours),
    };
    let tier = tier.expect("a tier");
    Order {
        title: id(value),
        tier,
        created_at: at(value, "created_at"),
    }
}

#[test]
fn the_key_id_is_derived_from_the_secret() {
    let all = vectors();
    assert_eq!(
        keyring(&all).signing().id().to_string(),
        text(&all["key"], "id")
    );
}

#[test]
fn orders_tickets_and_tokens_are_as_published() {
    let all = vectors();
    let keyring = keyring(&all);
    for vector in all["sales"].as_array().expect("sales") {
        let order = order(vector);
        let code = order.encode(bytes(vector, "salt_hex"), &keyring);
        assert_eq!(code.to_string(), text(vector, "order_code"));
        let opened = code.open(&keyring).expect("ours");
        assert_eq!((opened.tier, opened.page()), (order.tier, order.page()));
        assert_eq!(code.subject().to_string(), text(vector, "subject"));

        let ticket = Ticket {
            code,
            order,
            invoice: invoice(vector),
        };
        assert_eq!(ticket.seal(&keyring), text(vector, "ticket"));

        let settlement = Settlement {
            received: Msats::new(number(vector, "received_msat")).expect("an amount"),
            at: at(vector, "settled_at"),
            marked: false,
        };
        let access = mint(&code, &order, settlement).expect("paid");
        assert_eq!(access.scope.to_string(), text(vector, "scope"));
        assert_eq!(access.seal(&keyring), text(vector, "access_token"));
        assert_eq!(
            Access::open(text(vector, "access_token"), &keyring),
            Ok(access)
        );
        if let Some(older) = vector["older_access_token"].as_str() {
            let until = access.term.end().expect("a time");
            let before = Access::open(older, &keyring).expect("still good");
            assert_eq!(
                (before.scope, before.subject),
                (access.scope, access.subject)
            );
            assert_eq!(before.term, Term::Until(until));
        }
    }
}

#[test]
fn grants_and_handles_are_as_published() {
    let all = vectors();
    let keyring = keyring(&all);
    for vector in all["grants"].as_array().expect("grants") {
        let extent = match vector["last_segment"].as_u64() {
            None => Extent::Film,
            Some(last) => Extent::Preview {
                last_segment: u32::try_from(last).expect("a number"),
                whole_timeline: vector["whole_timeline"].as_bool().expect("a flag"),
            },
        };
        let grant = Grant {
            title: id(vector),
            expires_at: at(vector, "expires_at"),
            subject: text(vector, "subject").parse().expect("a subject"),
            session: Session::from_bytes(bytes(vector, "session")),
            extent,
        };
        assert_eq!(grant.seal(&keyring), text(vector, "grant"));
    }
    for vector in all["handles"].as_array().expect("handles") {
        let handle = Handle {
            invoice: invoice(vector),
            amount: Sats::new(number(vector, "amount_sat")).expect("an amount"),
            expires_at: at(vector, "expires_at"),
        };
        assert_eq!(handle.seal(&keyring), text(vector, "handle"));
    }
}

#[test]
fn tips_are_as_published() {
    let all = vectors();
    let keyring = keyring(&all);
    for vector in all["tips"].as_array().expect("tips") {
        let tip = Tip {
            title: vector["title"].is_string().then(|| id(vector)),
            amount: Sats::new(number(vector, "sat")).expect("an amount"),
            created_at: at(vector, "created_at"),
        };
        let code = tip.encode(bytes(vector, "salt_hex"), &keyring);
        assert_eq!(code.to_string(), text(vector, "order_code"));
        assert_eq!(Tip::open(&code, &keyring), Ok(Some(tip)));
    }
}

#[test]
fn entries_to_the_studio_are_as_published() {
    let all = vectors();
    let keyring = keyring(&all);
    for vector in all["studio"].as_array().expect("entries") {
        let door = match text(vector, "door") {
            "link" => Door::Link,
            "session" => Door::Session,
            "key" => Door::Key,
            other => panic!("{other}"),
        };
        let entry = Entry {
            id: text(vector, "id").parse().expect("an id"),
            issued_at: at(vector, "issued_at"),
            expires_at: vector["expires_at"].as_u64().map(Timestamp::from_unix),
            epoch: number(vector, "epoch"),
        };
        let published = text(vector, "credential");
        assert_eq!(entry.seal(door, &keyring), published);
        for other in Door::ALL {
            let opened = Entry::open(published, other, &keyring);
            assert_eq!(opened.ok(), (other == door).then_some(entry));
        }
    }
}

fn macaroons() -> Value {
    serde_json::from_str(include_str!("vectors/macaroons.json")).expect("the vectors are JSON")
}

fn caveats(vector: &Value) -> Vec<&str> {
    let caveats = vector["caveats"].as_array().expect("caveats");
    caveats.iter().filter_map(Value::as_str).collect()
}

#[test]
fn macaroons_are_as_another_implementation_makes_them() {
    for vector in macaroons()["macaroons"].as_array().expect("macaroons") {
        let key = hex::decode(text(vector, "key_hex")).expect("hex");
        let identifier = hex::decode(text(vector, "identifier_hex")).expect("hex");
        let made = caveats(vector).into_iter().fold(
            Macaroon::mint(&key, text(vector, "location"), &identifier),
            Macaroon::with_caveat,
        );
        let theirs = Macaroon::decode(text(vector, "macaroon")).expect("a macaroon");
        assert_eq!(made.to_bytes(), theirs.to_bytes());
        assert!(theirs.is_signed_with(&key));
        let signature = hex::encode(&made.to_bytes()[made.to_bytes().len() - 32..]);
        assert_eq!(signature, text(vector, "signature_hex"));
    }
}

#[test]
fn l402_macaroons_are_as_published() {
    let all = macaroons();
    let keyring = keyring(&all);
    for vector in all["l402"].as_array().expect("macaroons") {
        let order = order(vector);
        let code = order.encode(bytes(vector, "salt_hex"), &keyring);
        let (nonce, reference) = (bytes(vector, "nonce_hex"), invoice(vector));
        let hash = PaymentHash::from_bytes(bytes(vector, "payment_hash_hex"));
        let made = l402::mint(
            &keyring,
            nonce,
            text(vector, "location"),
            (&code, &order),
            (&reference, hash),
        );
        let theirs = text(vector, "macaroon");
        assert_eq!(Macaroon::decode(theirs), Ok(made.clone()));
        let written: Vec<_> = caveats(vector);
        let ours: Vec<_> = made.caveats().map(String::from_utf8_lossy).collect();
        assert_eq!(ours, written);

        let header = format!("L402 {theirs}:{}", text(vector, "preimage_hex"));
        let read = l402::Authorization::parse(&header).expect("our scheme");
        let claim = read.expect("readable").open(&keyring).expect("ours");
        assert_eq!((claim.order, claim.invoice), (code, reference));
    }
}

#[test]
fn the_refused_are_refused_for_the_published_reason() {
    let all = vectors();
    let keyring = keyring(&all);
    for vector in all["refused"].as_array().expect("refused") {
        let error = Access::open(text(vector, "access_token"), &keyring).expect_err("refused");
        assert_eq!(format!("{error:?}"), text(vector, "reason"));
    }
    assert!(Scope::Site.covers(VideoId::from_bytes([0; 8]), |_| false));
}
