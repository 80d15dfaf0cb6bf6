//! The real program on the stand-in of BTCPay Server, whose invoices a real LND makes and another
//! one pays.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

use btcpay_standin::{Key, Options, Standin, book::Status, hooks::Faults, lnd::Lnd};
use lnd_pair::Pair;
use rusqlite::Connection;
use satreel::payments::btcpay::webhook::sign;
use satreel_config::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::site::{Answer, Client, FILM, Program, data_folder, satreel, wait_until};

const STORE: &str = "CinemaStore";
const KEY: &str = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";
const SECRET: &str = "ssssssssssssssssssssssssssssssss";
const PRICE: u64 = 100;

/// One pair for all tests here.
struct Nodes {
    runtime: Runtime,
    pair: Pair,
    _folder: TempDir,
}

fn nodes() -> &'static Nodes {
    static NODES: OnceLock<Nodes> = OnceLock::new();
    NODES.get_or_init(|| {
        let runtime = Runtime::new().expect("a runtime");
        let folder = tempfile::tempdir().expect("a folder");
        let pair = runtime
            .block_on(Pair::start(folder.path()))
            .expect("a pair");
        Nodes {
            runtime,
            pair,
            _folder: folder,
        }
    })
}

fn pay(order: &Value) -> String {
    let bolt11 = order["payment_request"].as_str().expect("a BOLT11");
    let nodes = nodes();
    let paid = nodes.runtime.block_on(nodes.pair.pay(bolt11, None));
    paid.expect("paid")
}

/// A site, its store, and what is under test between them.
struct Cinema {
    standin: Standin,
    server: Program,
    data: TempDir,
}

fn standin(options: Options) -> Standin {
    let _inside = nodes().runtime.enter();
    let node = Lnd::of(nodes().pair.shop()).expect("a node");
    let started = nodes()
        .runtime
        .block_on(Standin::start(options, Arc::new(node)));
    started.expect("a stand-in")
}

fn options(data: &Path, key: Key) -> Options {
    let mut options = Options::new(STORE, vec![key]);
    options.file = Some(data.join("standin.json"));
    options
}

/// What the configuration says of it.
fn section(data: &Path, standin: &Standin) -> String {
    for (name, text) in [("btcpay.key", KEY), ("btcpay.secret", SECRET)] {
        std::fs::write(data.join(name), text).expect("written");
    }
    format!(
        "backend = \"btcpay\"\n[payments.btcpay]\nurl = \"{}\"\nstore = \"{STORE}\"\n\
         api_key = {{ file = \"btcpay.key\" }}\nwebhook_secret = {{ file = \"btcpay.secret\" }}\n",
        standin.url()
    )
}

impl Cinema {
    fn open() -> Self {
        let data = data_folder();
        let standin = standin(options(data.path(), Key::narrow(KEY, STORE)));
        let server = Program::serve_paid_by(data.path(), &section(data.path(), &standin));
        let cinema = Self {
            standin,
            server,
            data,
        };
        cinema.install_hook();
        wait_ready(&cinema.server.client);
        cinema
    }

    fn install_hook(&self) {
        let url = format!("{}/webhooks/btcpay", self.server.client.url());
        let _inside = nodes().runtime.enter();
        self.standin.install_hook(&url, SECRET).expect("installed");
    }

    fn faults(&self, faults: Faults) {
        self.standin.set_faults(faults);
    }

    fn order(&self) -> Order {
        let client = &self.server.client;
        let order = client.post("/api/orders", &json!({"title": FILM, "tier": "rent"}));
        assert_eq!(order.status, 201, "{}", order.text());
        let order = order.json();
        let made = self.standin.invoices().pop().expect("an invoice");
        assert_eq!(made.bolt11.as_deref(), order["payment_request"].as_str());
        Order {
            order,
            invoice: made.id,
        }
    }

    fn onchain(&self, order: &Order, sat: u64, confirmed: bool) {
        let paid = self.standin.pay_onchain(&order.invoice, sat, confirmed);
        nodes().runtime.block_on(paid).expect("paid");
    }

    fn confirm(&self, order: &Order) {
        self.standin.confirm(&order.invoice).expect("confirmed");
    }

    fn mark(&self, order: &Order, status: Status) {
        self.standin.mark(&order.invoice, status).expect("marked");
    }

    fn advance(&self, seconds: u64) {
        let moved = nodes().runtime.block_on(self.standin.advance(seconds));
        moved.expect("moved");
    }

    fn status(&self, order: &Order) -> Value {
        let name = order.order["order"].as_str().expect("a name");
        self.server
            .client
            .get(&format!("/api/orders/{name}"))
            .json()
    }

    fn token(&self, order: &Order) -> Answer {
        let ticket = json!({"ticket": order.order["ticket"]});
        self.server.client.post("/api/tokens", &ticket)
    }

    fn owns(&self, order: &Order) -> Value {
        let token = self.token(order);
        assert_eq!(token.status, 200, "{}", token.text());
        token.json()
    }

    fn sales(&self) -> Vec<Value> {
        let data = self.data.path().to_string_lossy();
        let (code, sales, said) = satreel(&["sales", "--json", "--data", &data]);
        assert_eq!(code, 0, "{said}");
        let sales: Value = serde_json::from_str(&sales).expect("JSON");
        sales["sales"].as_array().expect("sales").clone()
    }

    fn wait_sales(&self, count: usize) {
        wait_until("the sale is recorded", || self.sales().len() >= count);
        assert_eq!(self.sales().len(), count);
    }

    /// Delivers a webhook by hand.
    fn deliver(&self, body: &str, signature: &str) -> Answer {
        let headers = [
            ("content-type", "application/json"),
            ("btcpay-sig", signature),
        ];
        let client = &self.server.client;
        client.send("POST", "/webhooks/btcpay", &headers, body.as_bytes())
    }

    fn deliver_signed(&self, body: &str) -> Answer {
        let signature = sign(&SecretString::new(SECRET.into()), body.as_bytes());
        self.deliver(body, &signature)
    }

    /// Nothing that BTCPay publishes was broken, and the log gives nothing away.
    fn end(self) {
        self.standin.kill();
        assert_eq!(self.standin.violations(), [] as [String; 0]);
        let (code, log) = self.server.terminate();
        assert_eq!(code, Some(0), "{log}");
        for (what, secret) in [("API key", KEY), ("webhook secret", SECRET)] {
            assert!(!log.contains(secret), "the log shows the {what}");
        }
    }
}

struct Order {
    order: Value,
    invoice: String,
}

fn wait_ready(client: &Client) {
    wait_until("the till is open", || client.get("/readyz").status == 200);
}

fn event(invoice: &str) -> String {
    json!({"type": "InvoiceSettled", "storeId": STORE, "invoiceId": invoice}).to_string()
}

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
    let attempts = cinema.standin.attempts();
    let settled = attempts.iter().find(|one| one.kind == "InvoiceSettled");
    assert_eq!(
        settled.and_then(|one| one.status),
        Some(200),
        "{attempts:?}"
    );

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

/// On the address that it had, as soon as that is free.
fn restarted(options: &Options) -> Standin {
    let _inside = nodes().runtime.enter();
    let mut started = None;
    wait_until("the address is free", || {
        let node = Lnd::of(nodes().pair.shop()).expect("a node");
        let start = Standin::start(options.clone(), Arc::new(node));
        started = nodes().runtime.block_on(start).ok();
        started.is_some()
    });
    started.expect("a stand-in")
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
    assert!(
        checks["checks"]
            .as_array()
            .is_some_and(|checks| checks.len() == 5),
        "{checks}"
    );
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
