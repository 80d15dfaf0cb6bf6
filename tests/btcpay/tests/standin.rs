//! The stand-in does what the suites rely on: it refuses what is not as published, delivers
//! webhooks as BTCPay does, and keeps what BTCPay keeps.

#![allow(clippy::expect_used, reason = "a test may stop where it stands")]

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Result;
use async_trait::async_trait;
use btcpay_standin::{Key, Options, Standin, book::Status, hooks::Faults, node::Node};
use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use parking_lot::Mutex;
use serde_json::{Value, json};

const STORE: &str = "Store";

/// Invoices that are none, and nobody pays.
#[derive(Debug)]
struct NoNode;

#[async_trait]
impl Node for NoNode {
    async fn invoice(&self, msat: u64, memo: &str, _: u64) -> Result<String> {
        Ok(format!("{memo} {msat}"))
    }

    async fn paid(&self, _: &str) -> Result<Option<u64>> {
        Ok(None)
    }

    async fn cancel(&self, _: &str) -> Result<()> {
        Ok(())
    }

    async fn address(&self) -> Result<Option<String>> {
        Ok(Some("bcrt1qaddress".into()))
    }
}

async fn standin(options: Options) -> Standin {
    Standin::start(options, Arc::new(NoNode))
        .await
        .expect("started")
}

fn options() -> Options {
    Options::new(STORE, vec![Key::narrow("key", STORE)])
}

async fn ask(
    standin: &Standin,
    method: Method,
    path: &str,
    key: &str,
    body: Option<Value>,
) -> (StatusCode, Value) {
    let url = format!("{}{path}", standin.url());
    let mut request = http::Request::builder().method(method).uri(url);
    if !key.is_empty() {
        request = request.header("authorization", format!("token {key}"));
    }
    let bytes = body.map_or_else(Bytes::new, |body| {
        Bytes::from(serde_json::to_vec(&body).expect("JSON"))
    });
    let request = request
        .header("content-type", "application/json")
        .body(Full::new(bytes));
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = client
        .request(request.expect("a request"))
        .await
        .expect("an answer");
    let status = answer.status();
    let body = answer
        .into_body()
        .collect()
        .await
        .expect("a body")
        .to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

async fn invoice(standin: &Standin) -> String {
    let body = json!({"amount": "0.00000100", "currency": "BTC", "metadata": {"orderId": "o"}});
    let (status, made) = ask(
        standin,
        Method::POST,
        "/api/v1/stores/Store/invoices",
        "key",
        Some(body),
    )
    .await;
    assert_eq!(status, 200, "{made}");
    made["id"].as_str().expect("an id").to_owned()
}

async fn until(what: &str, fact: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !fact() {
        assert!(Instant::now() < deadline, "waited too long: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Answers each webhook with the next of these, then with the last for ever.
async fn receiver(answers: &[u16]) -> (SocketAddr, Arc<Mutex<Vec<Bytes>>>) {
    let (answers, bodies) = (answers.to_vec(), Arc::<Mutex<Vec<Bytes>>>::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    let seen = bodies.clone();
    let router = axum::Router::new().fallback(move |body: Bytes| async move {
        let mut seen = seen.lock();
        let status = answers.get(seen.len()).or(answers.last()).copied();
        seen.push(body);
        StatusCode::from_u16(status.unwrap_or(200)).expect("a status")
    });
    tokio::spawn(axum::serve(listener, router).into_future());
    (address, bodies)
}

#[tokio::test]
async fn what_is_not_published_is_refused_and_kept() {
    let standin = standin(options()).await;
    let list = "/api/v1/stores/Store/invoices";
    let body = || Some(json!({"amount": "0.1", "currency": "BTC", "price": 1}));
    for (method, path, body) in [
        (Method::GET, "/api/v1/stores/Store/invoices/I", None),
        (Method::GET, "/api/v1/stores/Store/invoices?page=2", None),
        (
            Method::GET,
            "/api/v1/stores/Store/invoices?status=new",
            None,
        ),
        (Method::POST, list, body()),
        (Method::POST, list, None),
        (Method::DELETE, "/api/v1/invoices/I", None),
    ] {
        let before = standin.violations().len();
        let (status, _) = ask(&standin, method.clone(), path, "key", body).await;
        assert_eq!(status, 400, "{method} {path}");
        assert_eq!(standin.violations().len(), before + 1, "{method} {path}");
    }
    let before = standin.violations().len();
    for (path, key, expected) in [
        (list, "", 401),
        (list, "another", 401),
        ("/api/v1/stores/Store/webhooks", "key", 403),
        ("/api/v1/stores/Another/invoices", "key", 404),
        ("/api/v1/invoices/I", "key", 404),
        ("/api/v1/health", "", 200),
        ("/api/v1/api-keys/current", "key", 200),
        (list, "key", 200),
    ] {
        let (status, _) = ask(&standin, Method::GET, path, key, None).await;
        assert_eq!(status, expected, "{path} with \"{key}\"");
    }
    assert_eq!(
        standin.violations().len(),
        before,
        "none of these is against the book"
    );
    standin.kill();
}

#[tokio::test]
async fn webhooks_come_in_order_and_only_failures_are_tried_again() {
    for (answer, times) in [(503, 2), (429, 2), (408, 2), (401, 1), (404, 1), (302, 1)] {
        let standin = standin(Options {
            hurry: 1000,
            ..options()
        })
        .await;
        let (address, bodies) = receiver(&[answer, 200]).await;
        standin
            .install_hook(&format!("http://{address}/"), "secret")
            .expect("installed");
        let id = invoice(&standin).await;
        standin.mark(&id, Status::Settled).expect("marked");
        until("both events", || bodies.lock().len() == times + 1).await;
        until("all attempts", || standin.attempts().len() == times + 1).await;
        let kinds: Vec<_> = standin.attempts().into_iter().map(|one| one.kind).collect();
        let created = kinds
            .iter()
            .filter(|kind| *kind == "InvoiceCreated")
            .count();
        assert_eq!(created, times, "{answer}");
        assert_eq!(
            kinds.last().map(String::as_str),
            Some("InvoiceSettled"),
            "behind the first"
        );
        let bodies = bodies.lock();
        assert!(bodies[0].starts_with(b"{\n  \""), "indented");
        let (first, last): (Value, Value) = (
            serde_json::from_slice(&bodies[0]).expect("JSON"),
            serde_json::from_slice(&bodies[times - 1]).expect("JSON"),
        );
        assert_eq!(first["originalDeliveryId"], last["originalDeliveryId"]);
        assert_eq!(
            (&first["isRedelivery"], &last["isRedelivery"]),
            (&json!(false), &json!(times > 1))
        );
        assert_eq!(standin.violations(), [] as [String; 0]);
        standin.kill();
    }
}

#[tokio::test]
async fn a_restart_keeps_invoices_and_loses_the_queue() {
    let folder = tempfile::tempdir().expect("a folder");
    let kept = Options {
        file: Some(folder.path().join("state.json")),
        hurry: 1,
        ..options()
    };
    let first = standin(kept.clone()).await;
    let (address, bodies) = receiver(&[503]).await;
    first
        .install_hook(&format!("http://{address}/"), "secret")
        .expect("installed");
    let id = invoice(&first).await;
    first.mark(&id, Status::Settled).expect("marked");
    until("the first try", || bodies.lock().len() == 1).await;
    first.kill();
    assert!(first.mark(&id, Status::Invalid).is_err(), "it is dead");

    let second = standin(kept).await;
    assert_eq!(second.invoice(&id).expect("kept").status, Status::Settled);
    assert_eq!(second.hooks().len(), 1);
    second.set_faults(Faults {
        compact: true,
        ..Faults::default()
    });
    invoice(&second).await;
    until("news of another", || bodies.lock().len() == 2).await;
    let news: Value = serde_json::from_slice(&bodies.lock()[1]).expect("JSON");
    assert_eq!(news["type"], "InvoiceCreated");
    assert_ne!(news["invoiceId"], json!(id), "what waited is gone");
    second.kill();
}

#[tokio::test]
async fn tests_in_other_processes_drive_it_over_http() {
    let standin = standin(options()).await;
    let id = invoice(&standin).await;
    let control = |method: Method, path: String, body: Option<Value>| {
        let url = format!("http://{}{path}", standin.control);
        async move {
            let body = body.map_or_else(String::new, |body| body.to_string());
            let request = http::Request::builder().method(method).uri(url);
            let request = request
                .header("content-type", "application/json")
                .body(Full::new(Bytes::from(body)));
            let client = Client::builder(TokioExecutor::new()).build_http();
            client
                .request(request.expect("a request"))
                .await
                .expect("an answer")
                .status()
        }
    };
    let pay = Some(json!({"sat": 100, "confirmed": false}));
    assert_eq!(
        control(Method::POST, format!("/invoices/{id}/onchain"), pay).await,
        204
    );
    assert_eq!(
        standin.invoice(&id).expect("one").status,
        Status::Processing
    );
    assert_eq!(
        control(Method::POST, format!("/invoices/{id}/confirm"), None).await,
        204
    );
    assert_eq!(standin.invoice(&id).expect("one").status, Status::Settled);
    assert_eq!(
        control(Method::POST, "/invoices/none/confirm".into(), None).await,
        400
    );
    let faults = Some(json!({"drop": true}));
    assert_eq!(control(Method::PUT, "/faults".into(), faults).await, 200);
    assert!(standin.faults().drop);
    assert_eq!(control(Method::GET, "/violations".into(), None).await, 200);
    standin.kill();
}
