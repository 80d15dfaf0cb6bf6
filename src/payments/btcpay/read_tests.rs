//! What BTCPay's states mean for the sale, as a table.

use serde_json::{Value, json};

use super::*;

/// Wallet of the payments below: regtest, hash of 32 times 7.
fn bolt11() -> (String, PaymentHash) {
    use bitcoin::{
        hashes::{Hash, sha256},
        secp256k1::{Secp256k1, SecretKey},
    };
    use lightning_invoice::{Currency, InvoiceBuilder, PaymentSecret};
    let secret = SecretKey::from_slice(&[3; 32]).expect("a key");
    let invoice = InvoiceBuilder::new(Currency::Regtest)
        .description("Paid to Cinema (Order ID: code)".into())
        .payment_hash(sha256::Hash::from_byte_array([7; 32]))
        .payment_secret(PaymentSecret([1; 32]))
        .duration_since_epoch(std::time::Duration::from_secs(1000))
        .min_final_cltv_expiry_delta(18)
        .amount_milli_satoshis(100_000)
        .build_signed(|digest| Secp256k1::new().sign_ecdsa_recoverable(digest, &secret))
        .expect("an invoice");
    (invoice.to_string(), PaymentHash::from_bytes([7; 32]))
}

fn payment(at: u64, value: &str, status: &str) -> Value {
    json!({"id": format!("p{at}"), "receivedDate": at, "value": value, "fee": "0.0", "status": status, "destination": "bcrt1q"})
}

fn data(status: &str, additional: &str) -> Value {
    json!({
        "id": "Inv1", "storeId": "Store1", "amount": "0.00000100", "currency": "BTC",
        "createdTime": 1000, "expirationTime": 1900, "monitoringExpiration": 88300,
        "status": status, "additionalStatus": additional, "metadata": {"orderId": "code"},
    })
}

fn methods(payments: &[Value]) -> Vec<Method> {
    let methods = json!([
        {"paymentMethodId": "BTC-CHAIN", "destination": "bcrt1qaddress", "payments": payments},
        {"paymentMethodId": "BTC-LN", "destination": bolt11().0, "payments": []},
    ]);
    serde_json::from_value(methods).expect("methods")
}

fn read(data: Value, methods: &[Method]) -> Option<Invoice> {
    let data: InvoiceData = serde_json::from_value(data).expect("an invoice");
    invoice(&data, methods).expect("readable")
}

fn msats(sats: u64) -> Msats {
    Msats::new(sats * 1000).expect("an amount")
}

fn settled(sats: u64, at: u64, marked: bool) -> InvoiceState {
    InvoiceState::Settled(Settled {
        received: msats(sats),
        at: Timestamp::from_unix(at),
        cursor: Cursor(at),
        marked,
    })
}

#[test]
fn states_with_their_additions() {
    let open = |sats| InvoiceState::Open {
        received: msats(sats),
    };
    let confirming = |sats| InvoiceState::Confirming {
        received: msats(sats),
    };
    let expired = |sats| InvoiceState::Expired {
        received: msats(sats),
    };
    let none: &[Value] = &[];
    let full = |status| [payment(1500, "0.00000100", status)];
    let late = |status| [payment(2500, "0.00000100", status)];
    let part = [payment(1500, "0.00000060", "Settled")];
    let two = [
        payment(1600, "0.00000040", "Settled"),
        payment(1500, "0.00000060", "Settled"),
    ];
    let over = [payment(1500, "0.00000150", "Settled")];
    let again = [
        payment(1500, "0.00000100", "Settled"),
        payment(1700, "0.00000100", "Settled"),
    ];
    let replaced = [
        payment(1500, "0.00000100", "Invalid"),
        payment(1600, "0.00000100", "Settled"),
    ];
    for (status, additional, payments, expected) in [
        ("New", "None", none, open(0)),
        ("New", "PaidPartial", &part, open(60)),
        ("Processing", "None", &full("Processing"), confirming(100)),
        ("Processing", "PaidOver", &over, confirming(150)),
        (
            "Settled",
            "None",
            &full("Settled"),
            settled(100, 1500, false),
        ),
        ("Settled", "None", &two, settled(100, 1600, false)),
        ("Settled", "PaidOver", &over, settled(150, 1500, false)),
        ("Settled", "PaidOver", &again, settled(200, 1500, false)),
        ("Settled", "None", &replaced, settled(100, 1600, false)),
        (
            "Settled",
            "SomethingNew",
            &full("Settled"),
            settled(100, 1500, false),
        ),
        ("Settled", "Marked", none, settled(0, 1900, true)),
        ("Settled", "Marked", &part, settled(60, 1500, true)),
        ("Expired", "None", none, expired(0)),
        ("Expired", "PaidPartial", &part, expired(60)),
        (
            "Expired",
            "PaidLate",
            &late("Settled"),
            settled(100, 2500, false),
        ),
        ("Expired", "PaidLate", &late("Processing"), confirming(100)),
        ("Expired", "PaidLate", &late("Invalid"), confirming(0)),
        (
            "Invalid",
            "None",
            &full("Processing"),
            InvoiceState::Canceled,
        ),
        ("Invalid", "Marked", none, InvoiceState::Canceled),
    ] {
        let found = read(data(status, additional), &methods(payments)).expect("ours");
        assert_eq!(found.state, expected, "{status} {additional}");
    }
}

#[test]
fn an_invoice_is_read_whole() {
    let (request, hash) = bolt11();
    let found = read(data("New", "None"), &methods(&[])).expect("ours");
    let expected = Invoice {
        reference: InvoiceRef::btcpay("Inv1").expect("an id"),
        payment_request: request,
        payment_hash: hash,
        memo: "code".into(),
        amount: msats(100),
        created_at: Timestamp::from_unix(1000),
        expires_at: Timestamp::from_unix(1900),
        onchain: Some("bcrt1qaddress".into()),
        state: InvoiceState::Open {
            received: Msats::ZERO,
        },
    };
    assert_eq!(found, expected);
}

#[test]
fn what_we_never_made_is_no_invoice_of_ours() {
    for (key, value) in [("currency", json!("EUR")), ("amount", Value::Null)] {
        let mut theirs = data("Settled", "None");
        theirs[key] = value;
        assert_eq!(read(theirs, &methods(&[])), None, "{key}");
    }
}

#[test]
fn money_on_chain_counts_when_lightning_has_gone() {
    let mut methods = methods(&[payment(1500, "0.00000100", "Settled")]);
    methods.retain(|method| method.payment_method_id == ONCHAIN);
    assert!(!has_lightning(&methods));
    let found = read(data("Settled", "None"), &methods).expect("ours");
    assert_eq!(found.state, settled(100, 1500, false));
    assert_eq!(found.payment_request, "");
}

#[test]
fn the_bolt11_that_was_paid_is_found_behind_the_one_that_is_shown() {
    let (request, hash) = bolt11();
    let mut methods = methods(&[payment(1500, "0.00000060", "Settled")]);
    methods[0].payments[0].destination = Some(request.to_uppercase());
    methods[1].destination = Some("lnbcrt1another".into());
    let data: InvoiceData = serde_json::from_value(data("Settled", "None")).expect("an invoice");
    let found = invoice(&data, &methods).expect("readable").expect("ours");
    let shown = with_hash(found.clone(), &methods, hash).expect("by its hash");
    assert_eq!(shown.payment_request, request);
    assert_eq!(
        with_hash(found, &methods, PaymentHash::from_bytes([8; 32])),
        None
    );
}
