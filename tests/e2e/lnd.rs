//! The real program on a real LND, paid by another one.

use std::path::Path;

use lnd_pair::{NARROW, Pair};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::metrics::value;
use crate::site::{Answer, Client, FILM, Program, data_folder, satreel, wait_until, write_title};

const DEAR: &str = "3333333333333333";
/// What the log says of the channels, each time that it changes.
const SHORT: &str = "the channels can't bring the dearest tier";
const ENOUGH: &str = "the channels can bring the dearest tier again";

/// A site, its node, and somebody who pays.
struct House {
    data: TempDir,
    pair: Pair,
    payments: String,
    runtime: Runtime,
    _nodes: TempDir,
}

impl House {
    fn new() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let nodes = tempfile::tempdir().expect("a folder");
        let (data, pair) = (data_folder(), runtime.block_on(Pair::start(nodes.path())));
        let pair = pair.expect("a pair");
        let macaroon = runtime.block_on(pair.shop().bake(&NARROW)).expect("baked");
        let path = data.path().join("satreel.macaroon");
        std::fs::write(&path, macaroon).expect("written");
        let payments = format!(
            "backend = \"lnd\"\n[payments.lnd]\naddress = {:?}\ncertificate = \"{}\"\n\
             macaroon = {{ file = \"{}\" }}\nnetwork = \"regtest\"\n",
            pair.shop().address(),
            pair.shop().certificate().display(),
            path.display(),
        );
        Self {
            data,
            pair,
            payments,
            runtime,
            _nodes: nodes,
        }
    }

    fn serve(&self) -> Program {
        Program::serve_paid_by(self.data.path(), &self.payments)
    }

    fn start_node(&self) {
        let start = async {
            self.pair.shop().start().await?;
            self.pair.rejoin().await
        };
        self.runtime.block_on(start).expect("the node is back");
    }

    fn pay(&self, order: &Value) -> String {
        let bolt11 = order["payment_request"].as_str().expect("a BOLT11");
        let paid = self.runtime.block_on(self.pair.pay(bolt11, None));
        paid.expect("paid")
    }
}

fn order(client: &Client, title: &str) -> Answer {
    client.post("/api/orders", &json!({"title": title, "tier": "own"}))
}

fn ordered(client: &Client) -> Value {
    let order = order(client, FILM);
    assert_eq!(order.status, 201, "{}", order.text());
    order.json()
}

fn token(client: &Client, order: &Value) -> Answer {
    client.post("/api/tokens", &json!({"ticket": order["ticket"]}))
}

fn wait_ready(client: &Client) {
    wait_until("the till is open", || client.get("/readyz").status == 200);
}

fn sales(data: &Path) -> usize {
    let data = data.to_string_lossy();
    let (code, sales, said) = satreel(&["sales", "--json", "--data", &data]);
    assert_eq!(code, 0, "{said}");
    let sales: Value = serde_json::from_str(&sales).expect("JSON");
    sales["sales"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_sale_survives_node_and_server() {
    let house = House::new();
    let price = |sat: u64| {
        let tiers = json!([{"tier": "own", "sat": sat}]);
        let title = json!({"name": "Dear", "tiers": tiers});
        write_title(house.data.path(), DEAR, &title);
    };
    price(6_000_000);

    // The site opens before its node does.
    house.pair.shop().kill9().expect("killed");
    let server = house.serve();
    let client = &server.client;
    wait_until("the fault is told", || {
        let ready = client.get("/readyz");
        ready.status == 503 && ready.text().contains("cannot reach LND")
    });
    let refused = order(client, FILM);
    assert_eq!((refused.status, refused.slug()), (503, "node-away".into()));
    assert_eq!(client.get(&format!("/w/{FILM}")).status, 200);
    assert_eq!(client.get("/wallet").status, 404, "no play money here");

    house.start_node();
    wait_ready(client);
    let first = ordered(client);
    assert_eq!(token(client, &first).slug(), "unpaid");
    let preimage = house.pay(&first);
    let owned = token(client, &first);
    assert_eq!(owned.status, 200, "{}", owned.text());
    let refused = order(client, DEAR);
    assert_eq!(
        (refused.status, refused.slug()),
        (503, "cannot-receive".into())
    );
    // Said loudly: one line in the log, and two figures to compare.
    let inbound = value(&server.metrics, "satreel_inbound_sat").expect("a figure");
    assert!((1_000_000..5_000_000).contains(&inbound), "{inbound}");
    let dearest = || value(&server.metrics, "satreel_dearest_tier_sat");
    assert_eq!(dearest(), Some(6_000_000));
    let log = || server.log.lock().expect("the log").clone();
    wait_until("it is said", || log().matches(SHORT).count() == 1);
    price(3000);
    wait_until("all can be sold", || log().contains(ENOUGH));
    assert!(dearest() < Some(inbound));
    price(6_000_000);
    wait_until("it is said again", || log().matches(SHORT).count() == 2);
    assert_eq!(log().matches(ENOUGH).count(), 1);

    // Paid while the server is gone.
    let second = ordered(client);
    let log = server.kill();
    house.pay(&second);
    let server = house.serve();
    wait_ready(&server.client);
    wait_until("both are recorded", || sales(house.data.path()) == 2);
    assert_eq!(token(&server.client, &second).status, 200);
    assert_eq!(token(&server.client, &first).json(), owned.json());

    // The node is killed under the server; the payment comes when it is back.
    let third = ordered(&server.client);
    house.pair.shop().kill9().expect("killed");
    let refused = token(&server.client, &third);
    assert_eq!((refused.status, refused.slug()), (503, "node-away".into()));
    house.start_node();
    house.pay(&third);
    wait_until("the third is recorded", || sales(house.data.path()) == 3);
    assert_eq!(token(&server.client, &third).status, 200);

    let (code, more) = server.terminate();
    assert_eq!(code, Some(0));
    let macaroon = std::fs::read(house.data.path().join("satreel.macaroon")).expect("read");
    let hidden = [
        ("macaroon", hex::encode(macaroon)),
        ("preimage", preimage),
        ("ticket", third["ticket"].as_str().expect("text").to_owned()),
    ];
    for (what, secret) in hidden {
        assert!(!log.contains(&secret), "the log shows the {what}");
        assert!(!more.contains(&secret), "the log shows the {what}");
    }
}

/// Behind one name, sharing keys and node, each with a disk of its own.
#[test]
fn two_servers_mint_the_same_token() {
    let house = House::new();
    let here = house.serve();
    let elsewhere = data_folder();
    std::fs::copy(
        house.data.path().join("keys.json"),
        elsewhere.path().join("keys.json"),
    )
    .expect("the keys are shared");
    let there = Program::serve_paid_by(elsewhere.path(), &house.payments);
    wait_ready(&here.client);
    wait_ready(&there.client);

    // Ordered here; paid; shown there first.
    let order = ordered(&here.client);
    let asked = there.client.get(&format!(
        "/api/orders/{}",
        order["order"].as_str().expect("text")
    ));
    assert_eq!(asked.json()["state"], "open", "either answers for it");
    let preimage = house.pay(&order);
    let minted = token(&there.client, &order);
    assert_eq!(minted.status, 200, "{}", minted.text());
    assert_eq!(token(&here.client, &order).json(), minted.json());
    let receipt = json!({"payment_request": order["payment_request"], "preimage": preimage});
    for server in [&here, &there] {
        let restored = server.client.post("/api/tokens/recover", &receipt);
        assert_eq!(restored.json()["token"], minted.json()["token"]);
        let token = minted.json()["token"].clone();
        let grant = server.client.grant(&json!({"title": FILM}), token.as_str());
        assert_eq!(grant.status, 200, "{}", grant.text());
        // A grant of either opens the film at both.
        let url = grant.json()["master_url"].clone();
        for other in [&here, &there] {
            assert_eq!(other.client.get(url.as_str().expect("text")).status, 200);
        }
    }
    // Each keeps a whole record, once.
    wait_until("both have recorded it", || {
        sales(house.data.path()) == 1 && sales(elsewhere.path()) == 1
    });
    // And one of them is enough.
    drop(here);
    assert_eq!(token(&there.client, &order).json(), minted.json());
}
