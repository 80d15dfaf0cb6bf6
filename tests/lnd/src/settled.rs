//! When the shop itself said that an invoice settled: what other ways of hearing are measured by.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use satreel_lnd::{
    Node,
    proto::lnrpc::{InvoiceSubscription, invoice::InvoiceState},
};
use tokio::sync::watch;

const AGAIN: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(5);

type Times = Arc<HashMap<String, SystemTime>>;

/// Listens to the shop's own stream as long as it lives.
#[derive(Debug)]
pub struct Settled {
    times: watch::Receiver<Times>,
}

impl Settled {
    pub fn follow(shop: &Node) -> Self {
        let node = shop.clone();
        let (tell, times) = watch::channel(Times::default());
        tokio::spawn(async move {
            while !tell.is_closed() {
                listen(&node, &tell).await;
                tokio::time::sleep(AGAIN).await;
            }
        });
        Self { times }
    }

    /// Milliseconds since 1970 at which the shop told of it; None if it has not within 5 s.
    pub async fn told(&self, bolt11: &str) -> Option<f64> {
        let mut times = self.times.clone();
        let known = times.wait_for(|times| times.contains_key(bolt11));
        let known = tokio::time::timeout(LONGEST, known).await.ok()?.ok()?;
        let since = known.get(bolt11)?.duration_since(SystemTime::UNIX_EPOCH);
        Some(since.ok()?.as_secs_f64() * 1000.0)
    }
}

/// Until the stream ends, as it does when the node goes down.
async fn listen(node: &Node, tell: &watch::Sender<Times>) {
    let mut lightning = node.lightning();
    let from_now = InvoiceSubscription::default();
    let Ok(stream) = lightning.subscribe_invoices(from_now).await else {
        return;
    };
    let mut stream = stream.into_inner();
    while let Ok(Some(invoice)) = stream.message().await {
        if invoice.state() == InvoiceState::Settled {
            let now = SystemTime::now();
            tell.send_modify(|times| {
                Arc::make_mut(times).insert(invoice.payment_request, now);
            });
        }
    }
}
