//! The real program on the stand-in of BTCPay Server, whose invoices a real LND makes and another
//! one pays.

mod rig;
mod webhooks;

use btcpay_standin::{Key, Standin, book::Status, hooks::Faults};
use serde_json::{Value, json};

use crate::site::{Program, data_folder, satreel, wait_until};
use rig::{
    Cinema, KEY, Order, PRICE, SECRET, STORE, options, pay, restarted, section, standin, wait_ready,
};

#[test]
fn a_sale_by_webhook_and_its_recovery() {
    let cinema = Cinema::open();
    let order = cinema.order();
    assert_eq!(order.order["amount_sat"], PRICE);
    let address = order.order["onchain"].as_str().expect("an address");
    let both = order.order["pay_uri"].as_str().expect("a URI");
    assert!(both.starts_with(&format!(
        "bitcoin:{address}?amount=0.00000100&lightning=lnbcrt"
    )));
    let state = cinema.status(&order);
    assert_eq!(
        (&state["state"], &state["received_sat"]),
        (&json!("open"), &json!(0))
    );
    assert_eq!(cinema.token(&order).slug(), "unpaid");

    let preimage = pay(&order.order);
    cinema.wait_sales(1);
    let token = cinema.owns(&order);
    assert_eq!(cinema.status(&order)["state"], "settled");
    // Another event or the poll may have been quicker.
    let told = || {
        let attempts = cinema.standin.attempts();
        let settled = attempts.iter().find(|one| one.kind == "InvoiceSettled");
        settled.and_then(|one| one.status) == Some(200)
    };
    wait_until("the webhook is taken", told);

    // The wallet's history is enough, also when our data folder was another one.
    let receipt = json!({"payment_request": order.order["payment_request"], "preimage": preimage});
    let recovered = cinema.server.client.post("/api/tokens/recover", &receipt);
    assert_eq!(recovered.status, 200, "{}", recovered.text());
    assert_eq!(recovered.json()["subject"], token["subject"]);
    cinema.end();
}

#[test]
fn a_lost_webhook_delays_and_loses_nothing() {
    let cinema = Cinema::open();
    cinema.faults(Faults {
        drop: true,
        ..Faults::default()
    });
    let (one, two) = (cinema.order(), cinema.order());
    pay(&one.order);
    // Nobody asks for this one's token: the poll alone records it.
    pay(&two.order);
    cinema.wait_sales(2);
    assert!(cinema.standin.attempts().is_empty(), "no webhook came");
    cinema.owns(&one);
    cinema.end();
}

#[test]
fn part_late_over_marked_and_invalid_payments() {
    let cinema = Cinema::open();
    let shown = |order: &Order| {
        let state = cinema.status(order);
        (
            state["state"].as_str().expect("a state").to_owned(),
            state["received_sat"].clone(),
        )
    };
    let part = cinema.order();
    cinema.onchain(&part, 60, true);
    assert_eq!(shown(&part), ("underpaid".into(), json!(60)));
    let unpaid = cinema.token(&part);
    assert_eq!((unpaid.status, unpaid.slug()), (402, "unpaid".into()));
    assert_eq!(
        (&unpaid.json()["received_sat"], &unpaid.json()["amount_sat"]),
        (&json!(60), &json!(100))
    );
    cinema.onchain(&part, 40, false);
    assert_eq!(shown(&part), ("confirming".into(), json!(100)));
    assert_eq!(cinema.token(&part).json()["state"], "confirming");
    assert!(cinema.sales().is_empty());
    cinema.confirm(&part);
    cinema.owns(&part);
    cinema.wait_sales(1);

    let over = cinema.order();
    cinema.onchain(&over, 150, true);
    cinema.owns(&over);
    cinema.wait_sales(2);
    assert_eq!(cinema.sales()[1]["received_sat"], 150);

    let spent = cinema.order();
    cinema.onchain(&spent, 100, false);
    assert_eq!(shown(&spent), ("confirming".into(), json!(100)));
    cinema
        .standin
        .double_spend(&spent.invoice)
        .expect("spent elsewhere");
    assert_eq!(shown(&spent), ("open".into(), json!(0)));

    let marked = cinema.order();
    cinema.mark(&marked, Status::Settled);
    cinema.owns(&marked);
    cinema.wait_sales(3);
    let sales = cinema.sales();
    let by_hand: Vec<_> = sales.iter().filter(|sale| sale["marked"] == true).collect();
    assert_eq!((by_hand.len(), &by_hand[0]["received_sat"]), (1, &json!(0)));

    let invalid = cinema.order();
    cinema.onchain(&invalid, 100, false);
    cinema.mark(&invalid, Status::Invalid);
    assert_eq!(
        (cinema.token(&invalid).status, shown(&invalid).0),
        (410, "expired".into())
    );

    let (late, partly, never) = (cinema.order(), cinema.order(), cinema.order());
    cinema.onchain(&partly, 60, true);
    cinema.advance(901);
    assert_eq!(cinema.token(&never).slug(), "expired");
    assert_eq!(shown(&partly), ("underpaid".into(), json!(60)));
    assert_eq!(cinema.token(&partly).json()["received_sat"], 60);
    assert_eq!(cinema.token(&late).slug(), "expired");
    cinema.onchain(&late, 100, false);
    assert_eq!(
        shown(&late),
        ("confirming".into(), json!(100)),
        "BTCPay calls it paid already"
    );
    assert_eq!(cinema.token(&late).status, 402);
    cinema.confirm(&late);
    cinema.owns(&late);
    cinema.wait_sales(4);
    cinema.end();
}

#[test]
fn both_are_killed_while_the_money_moves() {
    let mut cinema = Cinema::open();
    let (one, two) = (cinema.order(), cinema.order());
    // The queue is BTCPay's memory: what it would have told is gone with it.
    let mut again = options(cinema.data.path(), Key::narrow(KEY, STORE));
    again.listen = cinema.standin.address;
    cinema.standin.kill();
    pay(&one.order);
    cinema.server.kill();
    pay(&two.order);

    cinema.standin = restarted(&again);
    let section = section(cinema.data.path(), &cinema.standin);
    cinema.server = Program::serve_paid_by(cinema.data.path(), &section);
    wait_ready(&cinema.server.client);
    cinema.wait_sales(2);
    let tokens = [cinema.owns(&one), cinema.owns(&two)];

    // The record is lost altogether, and comes back.
    cinema.server.kill();
    for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
        let _ = std::fs::remove_file(cinema.data.path().join(name));
    }
    cinema.server = Program::serve_paid_by(cinema.data.path(), &section);
    wait_ready(&cinema.server.client);
    cinema.wait_sales(2);
    assert_eq!([cinema.owns(&one), cinema.owns(&two)], tokens);
    cinema.end();
}

#[test]
fn connect_installs_the_webhook_and_doctor_looks() {
    let data = data_folder();
    let start = |key| standin(options(data.path(), key));
    let write = |standin: &Standin| {
        let path = data.path().join("site.toml");
        let text = format!(
            "[site]\nurl = \"http://127.0.0.1:8420\"\ndata = \"{}\"\n[payments]\n{}",
            data.path().display(),
            section(data.path(), standin)
        );
        std::fs::write(&path, text).expect("written");
        path.to_string_lossy().into_owned()
    };

    let standin = start(Key::for_connecting(KEY, STORE));
    let config = write(&standin);
    for word in ["installed", "renewed"] {
        let (code, out, said) = satreel(&["btcpay", "connect", "--config", &config]);
        assert_eq!(code, 0, "{said}");
        assert!(
            out.contains(word) && out.contains("once the webhook is there"),
            "{out}"
        );
        assert!(!out.contains(SECRET) && !said.contains(SECRET));
    }
    let hooks = standin.hooks();
    assert_eq!((hooks.len(), hooks[0].secret.as_str()), (1, SECRET));
    assert_eq!(hooks[0].url, "http://127.0.0.1:8420/webhooks/btcpay");
    assert!(hooks[0].wants("InvoicePaidAfterExpiration") && !hooks[0].wants("InvoiceCreated"));
    let (code, out, _) = satreel(&["doctor", "--config", &config, "--json"]);
    assert_eq!(code, 0, "{out}");
    let checks: Value = serde_json::from_str(&out).expect("JSON");
    let checks = checks["checks"].as_array().expect("checks");
    let names: Vec<_> = checks
        .iter()
        .filter_map(|check| check["name"].as_str())
        .collect();
    let till = ["webhook secret", "BTCPay Server", "API key"];
    let machine = [
        "disk",
        "memory for broadcasts",
        "inotify",
        "clock",
        "codecs",
        "landlock",
        "seccomp",
    ];
    assert_eq!(names, [&till[..], &machine].concat());
    assert_eq!(standin.violations(), [] as [String; 0]);
    standin.kill();

    let standin = start(Key::narrow(KEY, STORE));
    standin.set_faults(Faults {
        no_lightning: true,
        ..Faults::default()
    });
    let config = write(&standin);
    let (code, out, _) = satreel(&["btcpay", "connect", "--config", &config, "--json"]);
    assert_eq!(code, 1, "{out}");
    let found: Value = serde_json::from_str(&out).expect("JSON");
    let bad = |name: &str| {
        let findings = found["findings"].as_array().expect("findings");
        findings
            .iter()
            .any(|one| one["name"] == name && one["good"] == false)
    };
    assert!(
        bad("Lightning") && bad("webhook") && !bad("API key"),
        "{found}"
    );
    standin.kill();

    let standin = start(Key {
        secret: KEY.into(),
        permissions: vec![],
    });
    let config = write(&standin);
    let (code, out, _) = satreel(&["btcpay", "connect", "--config", &config]);
    assert!(
        code == 1 && out.contains("btcpay.store.cancreateinvoice:CinemaStore"),
        "{out}"
    );
    let (code, out, _) = satreel(&["doctor", "--config", &config]);
    assert!(code == 1 && out.contains("red"), "{out}");
    standin.kill();
}
