//! A cinema that is paid by the stand-in, on nodes that all tests here share.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

use btcpay_standin::{Key, Options, Standin, book::Status, hooks::Faults, lnd::Lnd};
use lnd_pair::Pair;
use satreel::payments::btcpay::webhook::sign;
use satreel_config::SecretString;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::site::{Answer, Client, FILM, Program, data_folder, satreel, wait_until};

pub(super) const STORE: &str = "CinemaStore";
pub(super) const KEY: &str = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";
pub(super) const SECRET: &str = "ssssssssssssssssssssssssssssssss";
pub(super) const PRICE: u64 = 100;

/// One pair for all tests here.
pub(super) struct Nodes {
    pub(super) runtime: Runtime,
    pub(super) pair: Pair,
    _folder: TempDir,
}

pub(super) fn nodes() -> &'static Nodes {
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

pub(super) fn pay(order: &Value) -> String {
    let bolt11 = order["payment_request"].as_str().expect("a BOLT11");
    let nodes = nodes();
    let paid = nodes.runtime.block_on(nodes.pair.pay(bolt11, None));
    paid.expect("paid")
}

/// A site, its store, and what is under test between them.
pub(super) struct Cinema {
    pub(super) standin: Standin,
    pub(super) server: Program,
    pub(super) data: TempDir,
}

pub(super) fn standin(options: Options) -> Standin {
    let _inside = nodes().runtime.enter();
    let node = Lnd::of(nodes().pair.shop()).expect("a node");
    let started = nodes()
        .runtime
        .block_on(Standin::start(options, Arc::new(node)));
    started.expect("a stand-in")
}

pub(super) fn options(data: &Path, key: Key) -> Options {
    let mut options = Options::new(STORE, vec![key]);
    options.file = Some(data.join("standin.json"));
    options
}

/// What the configuration says of it.
pub(super) fn section(data: &Path, standin: &Standin) -> String {
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
    pub(super) fn open() -> Self {
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

    pub(super) fn install_hook(&self) {
        let url = format!("{}/webhooks/btcpay", self.server.client.url());
        let _inside = nodes().runtime.enter();
        self.standin.install_hook(&url, SECRET).expect("installed");
    }

    pub(super) fn faults(&self, faults: Faults) {
        self.standin.set_faults(faults);
    }

    pub(super) fn order(&self) -> Order {
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

    pub(super) fn onchain(&self, order: &Order, sat: u64, confirmed: bool) {
        let paid = self.standin.pay_onchain(&order.invoice, sat, confirmed);
        nodes().runtime.block_on(paid).expect("paid");
    }

    pub(super) fn confirm(&self, order: &Order) {
        self.standin.confirm(&order.invoice).expect("confirmed");
    }

    pub(super) fn mark(&self, order: &Order, status: Status) {
        self.standin.mark(&order.invoice, status).expect("marked");
    }

    pub(super) fn advance(&self, seconds: u64) {
        let moved = nodes().runtime.block_on(self.standin.advance(seconds));
        moved.expect("moved");
    }

    pub(super) fn status(&self, order: &Order) -> Value {
        let name = order.order["order"].as_str().expect("a name");
        self.server
            .client
            .get(&format!("/api/orders/{name}"))
            .json()
    }

    pub(super) fn token(&self, order: &Order) -> Answer {
        let ticket = json!({"ticket": order.order["ticket"]});
        self.server.client.post("/api/tokens", &ticket)
    }

    pub(super) fn owns(&self, order: &Order) -> Value {
        let token = self.token(order);
        assert_eq!(token.status, 200, "{}", token.text());
        token.json()
    }

    pub(super) fn sales(&self) -> Vec<Value> {
        let data = self.data.path().to_string_lossy();
        let (code, sales, said) = satreel(&["sales", "--json", "--data", &data]);
        assert_eq!(code, 0, "{said}");
        let sales: Value = serde_json::from_str(&sales).expect("JSON");
        sales["sales"].as_array().expect("sales").clone()
    }

    pub(super) fn wait_sales(&self, count: usize) {
        wait_until("the sale is recorded", || self.sales().len() >= count);
        assert_eq!(self.sales().len(), count);
    }

    /// Delivers a webhook by hand.
    pub(super) fn deliver(&self, body: &str, signature: &str) -> Answer {
        let headers = [
            ("content-type", "application/json"),
            ("btcpay-sig", signature),
        ];
        let client = &self.server.client;
        client.send("POST", "/webhooks/btcpay", &headers, body.as_bytes())
    }

    pub(super) fn deliver_signed(&self, body: &str) -> Answer {
        let signature = sign(&SecretString::new(SECRET.into()), body.as_bytes());
        self.deliver(body, &signature)
    }

    /// Nothing that BTCPay publishes was broken, and the log gives nothing away.
    pub(super) fn end(self) {
        self.standin.kill();
        assert_eq!(self.standin.violations(), [] as [String; 0]);
        let (code, log) = self.server.terminate();
        assert_eq!(code, Some(0), "{log}");
        for (what, secret) in [("API key", KEY), ("webhook secret", SECRET)] {
            assert!(!log.contains(secret), "the log shows the {what}");
        }
    }
}

pub(super) struct Order {
    pub(super) order: Value,
    pub(super) invoice: String,
}

pub(super) fn wait_ready(client: &Client) {
    wait_until("the till is open", || client.get("/readyz").status == 200);
}

pub(super) fn event(invoice: &str) -> String {
    json!({"type": "InvoiceSettled", "storeId": STORE, "invoiceId": invoice}).to_string()
}

/// On the address that it had, as soon as that is free.
pub(super) fn restarted(options: &Options) -> Standin {
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
