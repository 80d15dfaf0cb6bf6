//! Webhooks: signed, one queue each in memory, retried on silence and server errors only, one
//! failing delivery holding up the rest. And everything that can go wrong on the way.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::Full;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// After these many seconds a delivery that failed is tried again.
const RETRIES: [u64; 8] = [10, 60, 600, 600, 600, 600, 600, 600];
/// How long a delivery waits for another one to change places with.
const ALONE: Duration = Duration::from_millis(100);
/// Longer than that is silence.
const PATIENCE: Duration = Duration::from_secs(10);

/// A webhook as the store has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Hook {
    pub id: String,
    pub enabled: bool,
    pub automatic_redelivery: bool,
    pub url: String,
    pub everything: bool,
    pub events: Vec<String>,
    pub secret: String,
}

impl Hook {
    pub fn json(&self) -> Value {
        json!({
            "id": self.id, "enabled": self.enabled,
            "automaticRedelivery": self.automatic_redelivery, "url": self.url,
            "authorizedEvents": {"everything": self.everything, "specificEvents": self.events},
        })
    }

    pub fn wants(&self, kind: &str) -> bool {
        self.enabled && (self.everything || self.events.iter().any(|one| one == kind))
    }
}

/// What goes wrong, as long as it is switched on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools, reason = "a row of switches")]
pub struct Faults {
    /// Every delivery comes twice.
    pub duplicate: bool,
    /// Deliveries that wait together go out the other way round.
    pub reorder: bool,
    /// How long each delivery is on its way.
    pub delay_ms: u64,
    /// Lost on the way; nobody hears of it.
    pub drop: bool,
    /// `orignalDeliveryId`, as one version had it.
    pub misspelt: bool,
    /// One line instead of indented.
    pub compact: bool,
    pub unknown_fields: bool,
    pub wrong_signature: bool,
    /// Invoices come without Lightning.
    pub no_lightning: bool,
    /// Every call of the API is answered with 500.
    pub failing: bool,
}

/// One attempt.
#[derive(Debug, Clone, Serialize)]
pub struct Attempt {
    pub kind: String,
    pub invoice: String,
    /// None: no answer.
    pub status: Option<u16>,
}

#[derive(Debug, Clone)]
struct Delivery {
    kind: String,
    invoice: String,
    body: Value,
}

/// The queue of one webhook.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) hook: Mutex<Hook>,
    waiting: Mutex<VecDeque<Delivery>>,
    more: Notify,
    /// Grows when the queue is lost: what is under way is not tried again.
    generation: AtomicU64,
}

/// What the queues share.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) faults: Arc<Mutex<Faults>>,
    pub(crate) attempts: Arc<Mutex<Vec<Attempt>>>,
    /// A retry's waiting time is divided by this.
    pub(crate) hurry: u32,
    pub(crate) stop: CancellationToken,
}

impl Queue {
    pub(crate) fn start(hook: Hook, post: Post) -> Arc<Self> {
        let queue = Arc::new(Self {
            hook: Mutex::new(hook),
            waiting: Mutex::default(),
            more: Notify::new(),
            generation: AtomicU64::new(0),
        });
        tokio::spawn({
            let (queue, stop) = (queue.clone(), post.stop.clone());
            async move { stop.run_until_cancelled(queue.deliver(&post)).await }
        });
        queue
    }

    pub(crate) fn push(&self, kind: &str, invoice: &str, body: Value) {
        let delivery = Delivery {
            kind: kind.to_owned(),
            invoice: invoice.to_owned(),
            body,
        };
        self.waiting.lock().push_back(delivery);
        self.more.notify_one();
    }

    /// As a restart does.
    pub(crate) fn lose(&self) -> usize {
        self.generation.fetch_add(1, Ordering::SeqCst);
        let mut waiting = self.waiting.lock();
        let lost = waiting.len();
        waiting.clear();
        lost
    }

    async fn deliver(&self, post: &Post) {
        loop {
            let Some(delivery) = self.take(post).await else {
                self.more.notified().await;
                continue;
            };
            let faults = post.faults.lock().clone();
            tokio::time::sleep(Duration::from_millis(faults.delay_ms)).await;
            if faults.drop {
                continue;
            }
            let times = if faults.duplicate { 2 } else { 1 };
            for _ in 0..times {
                self.deliver_one(&delivery, post).await;
            }
        }
    }

    async fn has_two(&self) {
        while self.waiting.lock().len() < 2 {
            self.more.notified().await;
        }
    }

    async fn take(&self, post: &Post) -> Option<Delivery> {
        let reorder = post.faults.lock().reorder;
        if reorder && !self.waiting.lock().is_empty() {
            // There is an order to turn round once another has come. The last of all waits in vain.
            let _ = tokio::time::timeout(ALONE, self.has_two()).await;
        }
        let mut waiting = self.waiting.lock();
        if reorder {
            waiting.pop_back()
        } else {
            waiting.pop_front()
        }
    }

    /// With its retries: everything behind it waits.
    async fn deliver_one(&self, delivery: &Delivery, post: &Post) {
        let generation = self.generation.load(Ordering::SeqCst);
        let original = crate::standin::random_id();
        let mut waits = RETRIES.iter();
        let mut again = false;
        loop {
            let hook = self.hook.lock().clone();
            let status = attempt(&hook, delivery, &original, again, post).await;
            post.attempts.lock().push(Attempt {
                kind: delivery.kind.clone(),
                invoice: delivery.invoice.clone(),
                status,
            });
            let failed =
                status.is_none_or(|status| status >= 500 || status == 408 || status == 429);
            let (true, true, Some(wait)) = (failed, hook.automatic_redelivery, waits.next()) else {
                return;
            };
            tokio::time::sleep(Duration::from_secs(*wait) / post.hurry).await;
            if self.generation.load(Ordering::SeqCst) != generation {
                return;
            }
            again = true;
        }
    }
}

async fn attempt(
    hook: &Hook,
    delivery: &Delivery,
    original: &str,
    again: bool,
    post: &Post,
) -> Option<u16> {
    let faults = post.faults.lock().clone();
    let id = if again {
        crate::standin::random_id()
    } else {
        original.to_owned()
    };
    let mut body = delivery.body.clone();
    body["deliveryId"] = json!(id);
    body["webhookId"] = json!(hook.id);
    let name = if faults.misspelt {
        "orignalDeliveryId"
    } else {
        "originalDeliveryId"
    };
    body[name] = json!(original);
    body["isRedelivery"] = json!(again);
    if faults.unknown_fields {
        body["plugin"] = json!({"name": "later", "list": [1, null]});
    }
    let body = if faults.compact {
        serde_json::to_vec(&body)
    } else {
        serde_json::to_vec_pretty(&body)
    };
    let body = body.ok()?;
    let secret = if faults.wrong_signature {
        "another"
    } else {
        &hook.secret
    };
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(&body);
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    let request = http::Request::post(&hook.url)
        .header("content-type", "application/json; charset=utf-8")
        .header("BTCPay-Sig", signature)
        .body(Full::new(Bytes::from(body)))
        .ok()?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = tokio::time::timeout(PATIENCE, client.request(request)).await;
    Some(answer.ok()?.ok()?.status().as_u16())
}
