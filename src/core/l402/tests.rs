use proptest::prelude::*;

use super::*;
use crate::core::{
    access::Access,
    ids::VideoId,
    keyring::tests::{key, keyring},
    offer::Tier,
    order::tests::any_order,
    receipt::Preimage,
    ticket::{Settlement, mint as mint_access},
    time::Timestamp,
};

const PREIMAGE: [u8; 32] = [9; 32];
const PAID_AT: Timestamp = Timestamp::from_unix(1_800_000_000);

fn order(tier: Tier) -> Order {
    Order {
        title: VideoId::from_bytes([1; 8]),
        tier,
        created_at: Timestamp::from_unix(1_799_990_000),
    }
}

fn rent() -> Order {
    order(Tier::new(TierKind::Rent, 100, Some(24)).expect("a rent"))
}

fn macaroon(order: &Order, keys: &Keyring) -> Macaroon {
    let hash = Preimage::from_bytes(PREIMAGE).hash();
    let code = order.encode([0; 3], keys);
    let reference = InvoiceRef::Hash(hash);
    mint(
        keys,
        [5; NONCE],
        "films.example",
        (&code, order),
        (&reference, hash),
    )
}

fn header(macaroon: &Macaroon) -> String {
    format!("L402 {}:{}", macaroon.encode(), hex::encode(PREIMAGE))
}

fn open(header: &str, keys: &Keyring) -> Result<Claim, Error> {
    Authorization::parse(header)
        .expect("our scheme")?
        .open(keys)
}

fn with(caveats: &[&str]) -> Result<Claim, Error> {
    let narrowed = caveats
        .iter()
        .fold(macaroon(&rent(), &keyring(1)), |macaroon, caveat| {
            macaroon.with_caveat(caveat)
        });
    open(&header(&narrowed), &keyring(1))
}

fn access(order: &Order) -> Access {
    let settlement = Settlement {
        received: order.tier.price().to_msats(),
        at: PAID_AT,
        marked: false,
    };
    mint_access(&order.encode([0; 3], &keyring(1)), order, settlement).expect("paid")
}

proptest! {
    #[test]
    fn what_was_bought_is_what_it_claims(order in any_order()) {
        let claim = open(&header(&macaroon(&order, &keyring(1))), &keyring(1)).expect("ours");
        let hash = Preimage::from_bytes(PREIMAGE).hash();
        prop_assert_eq!(claim.payment_hash, hash);
        prop_assert_eq!(&claim.invoice, &InvoiceRef::Hash(hash));
        prop_assert_eq!(claim.order.open(&keyring(1)), Ok(order));
        prop_assert_eq!(claim.check(order.title, order.tier.kind()), Ok(()));
        // Minted caveats repeat what the order says and take nothing away.
        let bought = access(&order);
        prop_assert_eq!(claim.narrow(bought, PAID_AT), bought);
    }

    #[test]
    fn other_titles_stay_shut(order in any_order(), other: [u8; 8]) {
        let other = VideoId::from_bytes(other);
        prop_assume!(other != order.title);
        let claim = open(&header(&macaroon(&order, &keyring(1))), &keyring(1)).expect("ours");
        let refused = claim.check(other, order.tier.kind()).is_err() || access(&order)
            .check(other, |_| true, 0, PAID_AT)
            .is_err();
        prop_assert_eq!(refused, order.tier.kind() != TierKind::Pass);
    }

    #[test]
    fn caveats_only_ever_narrow(hours in proptest::collection::vec(0..100_000_u32, 0..6)) {
        let caveats: Vec<_> = hours.iter().map(|hours| format!("hours={hours}")).collect();
        let caveats: Vec<_> = caveats.iter().map(String::as_str).collect();
        let claim = with(&caveats).expect("ours");
        let fewest = hours.iter().copied().chain([24]).min().expect("one");
        prop_assert_eq!(claim.narrow(access(&rent()), PAID_AT).term.end(), Some(PAID_AT.plus_hours(fewest)));
    }

    #[test]
    fn a_changed_letter_is_refused(at in 0..200_usize, to in "[A-Za-z0-9+/]") {
        let text = header(&macaroon(&rent(), &keyring(1)));
        let at = 5 + at;
        let mut changed = text.clone();
        changed.replace_range(at..=at, &to);
        prop_assume!(changed != text);
        // The place name at the start is a hint and not signed.
        if let Ok(claim) = open(&changed, &keyring(1)) {
            prop_assert_eq!(claim, open(&text, &keyring(1)).expect("ours"));
        }
    }

    #[test]
    fn no_header_panics_and_no_stranger_gets_in(text in "(L402|LSAT|l402|Bearer)? ?.{0,300}") {
        if let Some(Ok(authorization)) = Authorization::parse(&text) {
            prop_assert!(authorization.open(&keyring(1)).is_err());
        }
    }
}

#[test]
fn repeated_caveats_must_all_hold() {
    let title = VideoId::from_bytes([1; 8]);
    let same = format!("title={title}");
    assert_eq!(
        with(&[&same, "tier=rent"])
            .expect("ours")
            .check(title, TierKind::Rent),
        Ok(())
    );
    let other = with(&["title=0202020202020202"]).expect("ours");
    assert_eq!(
        other.check(title, TierKind::Rent),
        Err(Insufficient::WrongTitle)
    );
    let second = VideoId::from_bytes([2; 8]);
    assert_eq!(
        other.check(second, TierKind::Rent),
        Err(Insufficient::WrongTitle)
    );
    let own = with(&["tier=own"]).expect("ours");
    assert_eq!(
        own.check(title, TierKind::Rent),
        Err(Insufficient::WrongTier)
    );
}

#[test]
fn what_narrows_in_a_way_that_cannot_be_read_is_refused() {
    let zeros = "00".repeat(32);
    for (caveat, error) in [
        ("hours=soon", Error::Caveat("hours")),
        ("hours=-1", Error::Caveat("hours")),
        ("hours", Error::Caveat("hours")),
        (" Hours = 1 h", Error::Caveat("hours")),
        ("title=all", Error::Caveat("title")),
        ("tier=gift", Error::Caveat("tier")),
        (&format!("invoice={zeros}"), Error::Caveat("invoice")),
        ("order=x", Error::Caveat("order")),
        ("satreel-devices=1", Error::UnknownCaveat),
        ("Satreel-Devices", Error::UnknownCaveat),
    ] {
        assert_eq!(with(&[caveat]).expect_err(caveat), error, "{caveat}");
    }
    let hour = with(&[" Hours = 1 "]).expect("ours");
    assert_eq!(
        hour.narrow(access(&rent()), PAID_AT).term.end(),
        Some(PAID_AT.plus_hours(1))
    );
    // Others' names are others' business.
    assert!(with(&["services=films:0", "films_valid_until=1", "=", ""]).is_ok());
}

#[test]
fn both_names_and_company_are_taken() {
    let keys = keyring(1);
    let ours = macaroon(&rent(), &keys);
    let foreign = macaroon(&rent(), &keyring(2));
    let proof = hex::encode(PREIMAGE);
    let claim = open(&header(&ours), &keys).expect("ours");
    for text in [
        format!("LSAT {}:{proof}", ours.encode()),
        format!(
            "  l402   {}:{}",
            ours.encode().trim_end_matches('='),
            proof.to_uppercase()
        ),
        format!("L402 {},{}:{proof}", foreign.encode(), ours.encode()),
        format!("L402 {}, {}:{proof}", ours.encode(), foreign.encode()),
    ] {
        assert_eq!(open(&text, &keys).as_ref(), Ok(&claim), "{text}");
    }
    assert!(Authorization::parse("Basic dXNlcjpwYXNz").is_none());
    assert!(Authorization::parse("L402").is_none());
}

#[test]
fn malformed_and_forged_are_told_apart() {
    let keys = keyring(1);
    let ours = macaroon(&rent(), &keys).encode();
    let proof = hex::encode(PREIMAGE);
    let five = [ours.as_str(); 5].join(",");
    for (text, error) in [
        (format!("L402 {ours}"), Error::Header),
        (format!("L402 {ours}:"), Error::Header),
        (format!("L402 {ours}:{}", &proof[1..]), Error::Header),
        (format!("L402 {five}:{proof}"), Error::Header),
        (
            format!("L402 :{proof}"),
            Error::Macaroon(macaroon::Error::Malformed),
        ),
        (
            format!("L402 ????:{proof}"),
            Error::Macaroon(macaroon::Error::NotBase64),
        ),
        (
            format!("L402 {ours}:{}", "00".repeat(32)),
            Error::WrongPreimage,
        ),
        (header(&macaroon(&rent(), &keyring(2))), Error::Forged),
        (
            header(&Macaroon::mint(&[0; 32], "", b"short")),
            Error::Forged,
        ),
    ] {
        assert_eq!(open(&text, &keys).expect_err(&text), error, "{text}");
    }
}

#[test]
fn rotation_keeps_authorizations_and_retirement_ends_them() {
    let text = header(&macaroon(&rent(), &keyring(1)));
    let rotated = Keyring::new(key(2), vec![key(1)], Vec::new());
    assert!(open(&text, &rotated).is_ok());
    let retired = Keyring::new(key(2), Vec::new(), vec![key(1)]);
    assert_eq!(open(&text, &retired), Err(Error::RetiredKey));
}

#[test]
fn nothing_shows_in_debug() {
    let text = header(&macaroon(&rent(), &keyring(1)));
    let shown = format!("{:?}", Authorization::parse(&text));
    assert!(
        !shown.contains(&hex::encode(PREIMAGE)) && !shown.contains(&text[5..40]),
        "{shown}"
    );
}
