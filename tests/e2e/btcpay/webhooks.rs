//! Webhooks as BTCPay Server sends them, and as others would.

use btcpay_standin::hooks::Faults;
use rusqlite::Connection;
use serde_json::json;

use super::rig::{Cinema, event, pay};
use crate::site::{FILM, wait_until};

#[test]
fn every_way_a_webhook_can_come() {
    let cinema = Cinema::open();
    let twice = Faults {
        duplicate: true,
        reorder: true,
        ..Faults::default()
    };
    let odd = Faults {
        misspelt: true,
        compact: true,
        unknown_fields: true,
        delay_ms: 50,
        ..Faults::default()
    };
    for (count, faults) in [(1, twice), (2, odd)] {
        cinema.faults(faults);
        let order = cinema.order();
        pay(&order.order);
        cinema.wait_sales(count);
        let arrived = || {
            let attempts = cinema.standin.attempts();
            let ours = attempts.iter().filter(|one| one.invoice == order.invoice);
            ours.filter(|one| one.kind == "InvoiceSettled").count() >= 3 - count
        };
        wait_until("its webhooks came", arrived);
        cinema.owns(&order);
    }
    let attempts = cinema.standin.attempts();
    assert!(
        attempts.iter().all(|one| one.status == Some(200)),
        "{attempts:?}"
    );
    cinema.wait_sales(2);
    cinema.end();
}

#[test]
fn only_what_is_signed_is_read() {
    let cinema = Cinema::open();
    cinema.faults(Faults {
        wrong_signature: true,
        ..Faults::default()
    });
    let order = cinema.order();
    let body = event(&order.invoice);
    for signature in ["", "sha256=", "sha256=00", &"0".repeat(71)] {
        let refused = cinema.deliver(&body, signature);
        assert_eq!(
            (refused.status, refused.slug()),
            (401, "bad-signature".into())
        );
    }
    for (body, what) in [
        (body, "ours, unpaid"),
        (event("UnknownInvoice"), "unknown"),
        (
            r#"{"storeId":"Another","invoiceId":"I"}"#.into(),
            "another store's",
        ),
        (r#"{"storeId":"CinemaStore"}"#.into(), "without an invoice"),
        ("not JSON".into(), "not JSON"),
    ] {
        assert_eq!(cinema.deliver_signed(&body).status, 200, "{what}");
    }
    let long = format!("{{\"x\":\"{}\"}}", "x".repeat(40_000));
    assert_eq!(cinema.deliver_signed(&long).status, 413);

    pay(&order.order);
    let refused = || {
        let attempts = cinema.standin.attempts();
        attempts
            .iter()
            .any(|one| one.kind == "InvoiceSettled" && one.status == Some(401))
    };
    wait_until("refused, and not tried again", refused);
    // A wrong secret is a fault of the configuration, and still nobody who paid waits long.
    cinema.wait_sales(1);
    cinema.end();
}

#[test]
fn what_cannot_be_recorded_is_asked_for_again() {
    let cinema = Cinema::open();
    let order = cinema.order();
    let disk = Connection::open(cinema.data.path().join("ledger.db")).expect("opened");
    disk.execute_batch(
        "CREATE TRIGGER full BEFORE INSERT ON sales BEGIN SELECT RAISE(ABORT, 'disk full'); END",
    )
    .expect("full");
    pay(&order.order);
    let refused = || {
        let attempts = cinema.standin.attempts();
        // The first event of the payment already: everything behind it waits.
        attempts.iter().any(|one| one.status == Some(503))
    };
    wait_until("not recorded", refused);
    cinema.owns(&order);
    disk.execute_batch("DROP TRIGGER full").expect("room");
    cinema.wait_sales(1);

    cinema.faults(Faults {
        failing: true,
        ..Faults::default()
    });
    assert_eq!(
        cinema.deliver_signed(&event(&order.invoice)).slug(),
        "node-away"
    );
    let closed = cinema
        .server
        .client
        .post("/api/orders", &json!({"title": FILM, "tier": "rent"}));
    assert_eq!((closed.status, closed.slug()), (503, "node-away".into()));
    assert_eq!(cinema.server.client.get("/readyz").status, 503);
    cinema.faults(Faults {
        no_lightning: true,
        ..Faults::default()
    });
    let closed = cinema
        .server
        .client
        .post("/api/orders", &json!({"title": FILM, "tier": "rent"}));
    assert_eq!((closed.status, closed.slug()), (503, "node-away".into()));
    // The answer is here before its line in the log.
    let said = || {
        let log = cinema.server.log.lock().expect("the log");
        log.contains("without Lightning")
    };
    wait_until("said in the log", said);
    cinema.end();
}
