//! The stand-in as a whole: its state, its tasks, and what a test does to it.

use std::{
    fmt,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    api,
    book::{self, Event, Invoice, Payment, PaymentStatus, Status},
    control,
    hooks::{Attempt, Faults, Hook, Post, Queue},
    node::Node,
    openapi::Published,
};

/// How often the node is asked whether an open invoice was paid.
const TICK: Duration = Duration::from_millis(50);

/// An API key of the store's owner.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Key {
    pub secret: String,
    /// As BTCPay writes them, `btcpay.store.canviewinvoices` or with `:store`.
    pub permissions: Vec<String>,
}

impl Key {
    /// What Satreel needs, for this store only.
    pub fn narrow(secret: &str, store: &str) -> Self {
        let needed = [
            "btcpay.store.cancreateinvoice",
            "btcpay.store.canviewinvoices",
        ];
        Self {
            secret: secret.to_owned(),
            permissions: needed.map(|one| format!("{one}:{store}")).into(),
        }
    }

    /// The same, and what installs the webhook.
    pub fn for_connecting(secret: &str, store: &str) -> Self {
        let mut key = Self::narrow(secret, store);
        key.permissions
            .push(format!("btcpay.store.webhooks.canmodifywebhooks:{store}"));
        key
    }
}

/// How to start one.
#[derive(Debug, Clone)]
pub struct Options {
    pub store: String,
    pub keys: Vec<Key>,
    /// Where the API listens; port 0 takes a free one.
    pub listen: SocketAddr,
    pub control: SocketAddr,
    /// Kept here, invoices survive a restart.
    pub file: Option<PathBuf>,
    /// Waits between a webhook's attempts are divided by this.
    pub hurry: u32,
}

impl Options {
    pub fn new(store: &str, keys: Vec<Key>) -> Self {
        let free = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            store: store.to_owned(),
            keys,
            listen: free,
            control: free,
            file: None,
            hurry: 100,
        }
    }
}

/// What survives a restart.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// Oldest first.
    pub(crate) invoices: Vec<Invoice>,
    hooks: Vec<Hook>,
    /// Seconds that the clock was put forward.
    ahead: u64,
}

pub(crate) struct State {
    pub(crate) options: Options,
    pub(crate) published: Published,
    pub(crate) node: Arc<dyn Node>,
    pub(crate) kept: Mutex<Kept>,
    ahead: AtomicU64,
    pub(crate) queues: Mutex<Vec<Arc<Queue>>>,
    post: Post,
    pub(crate) violations: Mutex<Vec<String>>,
    pub(crate) requests: AtomicU64,
}

/// A running stand-in. Dropping it ends it as kill -9 would.
#[derive(Clone)]
pub struct Standin {
    pub(crate) state: Arc<State>,
    pub address: SocketAddr,
    pub control: SocketAddr,
}

impl fmt::Debug for Standin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Standin")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Standin {
    pub async fn start(options: Options, node: Arc<dyn Node>) -> Result<Self> {
        let kept = match &options.file {
            Some(file) if file.exists() => serde_json::from_slice(&std::fs::read(file)?)?,
            _ => Kept::default(),
        };
        let listener = TcpListener::bind(options.listen)
            .await
            .context("listening")?;
        let control_listener = TcpListener::bind(options.control)
            .await
            .context("listening")?;
        let stop = CancellationToken::new();
        let post = Post {
            faults: Arc::default(),
            attempts: Arc::default(),
            hurry: options.hurry.max(1),
            stop: stop.clone(),
        };
        let queues = kept
            .hooks
            .iter()
            .map(|hook| Queue::start(hook.clone(), post.clone()));
        let state = Arc::new(State {
            published: Published::read()?,
            node,
            queues: Mutex::new(queues.collect()),
            ahead: AtomicU64::new(kept.ahead),
            kept: Mutex::new(kept),
            post,
            violations: Mutex::default(),
            requests: AtomicU64::new(0),
            options,
        });
        let standin = Self {
            address: listener.local_addr()?,
            control: control_listener.local_addr()?,
            state,
        };
        let apis = [
            (listener, api::router(standin.clone())),
            (control_listener, control::router(standin.clone())),
        ];
        for (listener, router) in apis {
            let serving = axum::serve(listener, router);
            // Idle connections are closed too: nobody goes on talking to the dead.
            let serving = serving.with_graceful_shutdown(stop.clone().cancelled_owned());
            tokio::spawn(serving.into_future());
        }
        tokio::spawn({
            let standin = standin.clone();
            async move { stop.run_until_cancelled(standin.watch()).await }
        });
        Ok(standin)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends at once: what waits in the queues is gone, what is in the file stays.
    pub fn kill(&self) {
        self.state.post.stop.cancel();
    }

    pub fn now(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.as_secs()) + self.state.ahead.load(Ordering::SeqCst)
    }

    /// Puts the clock forward; what runs out by it runs out now.
    pub async fn advance(&self, seconds: u64) -> Result<()> {
        let ahead = self.state.ahead.fetch_add(seconds, Ordering::SeqCst) + seconds;
        self.state.kept.lock().ahead = ahead;
        self.look_at_all().await
    }

    pub fn set_faults(&self, faults: Faults) {
        *self.state.post.faults.lock() = faults;
    }

    pub fn faults(&self) -> Faults {
        self.state.post.faults.lock().clone()
    }

    /// Everything that was not as published, requests and own answers.
    pub fn violations(&self) -> Vec<String> {
        self.state.violations.lock().clone()
    }

    pub fn attempts(&self) -> Vec<Attempt> {
        self.state.post.attempts.lock().clone()
    }

    /// How many calls of the API came.
    pub fn requests(&self) -> u64 {
        self.state.requests.load(Ordering::SeqCst)
    }

    pub fn hooks(&self) -> Vec<Hook> {
        self.state.kept.lock().hooks.clone()
    }

    /// All invoices, oldest first.
    pub fn invoices(&self) -> Vec<Invoice> {
        self.state.kept.lock().invoices.clone()
    }

    /// The webhooks' queues, as a restart loses them.
    pub fn lose_queues(&self) -> usize {
        self.state
            .queues
            .lock()
            .iter()
            .map(|queue| queue.lose())
            .sum()
    }

    /// The operator's own hand.
    pub fn mark(&self, id: &str, status: Status) -> Result<()> {
        self.change(id, |invoice, _| invoice.mark(status))
    }

    /// A transaction to the invoice's address.
    pub async fn pay_onchain(&self, id: &str, sat: u64, confirmed: bool) -> Result<()> {
        let invoice = self.invoice(id).context("no such invoice")?;
        let payment = Payment {
            id: format!("{}-0", random_id()),
            method: book::ONCHAIN.to_owned(),
            at: self.now(),
            msat: sat * 1000,
            status: if confirmed {
                PaymentStatus::Settled
            } else {
                PaymentStatus::Processing
            },
            destination: invoice.address.context("no address")?,
        };
        self.change(id, |invoice, _| invoice.receive(payment))?;
        self.renew_lightning(id).await
    }

    pub fn confirm(&self, id: &str) -> Result<()> {
        self.change(id, |invoice, _| invoice.confirm())
    }

    pub fn double_spend(&self, id: &str) -> Result<()> {
        self.change(id, |invoice, _| {
            invoice.double_spend();
            Vec::new()
        })
    }

    /// After a part payment the rest can be paid by Lightning too: by another BOLT11.
    async fn renew_lightning(&self, id: &str) -> Result<()> {
        let invoice = self.invoice(id).context("no such invoice")?;
        let due = invoice.msat.saturating_sub(invoice.came());
        let (Some(old), true) = (&invoice.bolt11, due > 0 && invoice.status == Status::New) else {
            return Ok(());
        };
        let expires_in = invoice.expires.saturating_sub(self.now()).max(1);
        let order = invoice.metadata["orderId"].as_str().unwrap_or_default();
        let fresh = self
            .state
            .node
            .invoice(due, &description(order), expires_in)
            .await?;
        self.state.node.cancel(old).await?;
        self.change(id, |invoice, _| {
            invoice.bolt11 = Some(fresh);
            Vec::new()
        })
    }

    pub fn invoice(&self, id: &str) -> Option<Invoice> {
        let kept = self.state.kept.lock();
        kept.invoices
            .iter()
            .find(|invoice| invoice.id == id)
            .cloned()
    }

    pub(crate) fn change(
        &self,
        id: &str,
        change: impl FnOnce(&mut Invoice, u64) -> Vec<Event>,
    ) -> Result<()> {
        let now = self.now();
        let mut kept = self.state.kept.lock();
        let Some(invoice) = kept.invoices.iter_mut().find(|invoice| invoice.id == id) else {
            bail!("no invoice {id}");
        };
        let mut events = change(invoice, now);
        events.extend(invoice.refresh(now));
        let metadata = invoice.metadata.clone();
        self.write(&kept)?;
        drop(kept);
        for event in events {
            self.tell(id, &metadata, &event);
        }
        Ok(())
    }

    pub(crate) fn add(&self, invoice: Invoice) -> Result<()> {
        let mut kept = self.state.kept.lock();
        let (id, metadata) = (invoice.id.clone(), invoice.metadata.clone());
        kept.invoices.push(invoice);
        self.write(&kept)?;
        drop(kept);
        let created = Event {
            kind: "InvoiceCreated",
            extra: json!({}),
        };
        self.tell(&id, &metadata, &created);
        Ok(())
    }

    /// Installs a webhook, or changes one.
    pub(crate) fn put_hook(&self, hook: Hook) -> Result<()> {
        let mut kept = self.state.kept.lock();
        let mut queues = self.state.queues.lock();
        if let Some(known) = kept.hooks.iter_mut().find(|known| known.id == hook.id) {
            *known = hook.clone();
            for queue in queues
                .iter()
                .filter(|queue| queue.hook.lock().id == hook.id)
            {
                *queue.hook.lock() = hook.clone();
            }
        } else {
            kept.hooks.push(hook.clone());
            queues.push(Queue::start(hook, self.state.post.clone()));
        }
        self.write(&kept)
    }

    /// As if its operator had installed it.
    pub fn install_hook(&self, url: &str, secret: &str) -> Result<()> {
        self.put_hook(Hook {
            id: random_id(),
            enabled: true,
            automatic_redelivery: true,
            url: url.to_owned(),
            everything: true,
            events: Vec::new(),
            secret: secret.to_owned(),
        })
    }

    fn tell(&self, id: &str, metadata: &Value, event: &Event) {
        let mut body = event.extra.clone();
        body["type"] = json!(event.kind);
        body["timestamp"] = json!(self.now());
        body["storeId"] = json!(self.state.options.store);
        body["invoiceId"] = json!(id);
        body["metadata"] = metadata.clone();
        if let Err(error) = self.state.published.event(event.kind, &body) {
            self.violate(format!("own webhook {}: {error:#}", event.kind));
        }
        for queue in self.state.queues.lock().iter() {
            if queue.hook.lock().wants(event.kind) {
                queue.push(event.kind, id, body.clone());
            }
        }
    }

    pub(crate) fn violate(&self, what: String) {
        self.state.violations.lock().push(what);
    }

    /// Temporary name, then in one step: a kill leaves one state or the other.
    fn write(&self, kept: &Kept) -> Result<()> {
        // Another one may have the file by now.
        if self.state.post.stop.is_cancelled() {
            bail!("killed");
        }
        let Some(file) = &self.state.options.file else {
            return Ok(());
        };
        let temporary = file.with_extension("new");
        std::fs::write(&temporary, serde_json::to_vec(kept)?)?;
        Ok(std::fs::rename(&temporary, file)?)
    }

    async fn watch(&self) {
        loop {
            // A node that is away is asked again.
            let _ = self.look_at_all().await;
            tokio::time::sleep(TICK).await;
        }
    }

    async fn look_at_all(&self) -> Result<()> {
        let open: Vec<_> = {
            let kept = self.state.kept.lock();
            let open = |invoice: &&Invoice| match invoice.status {
                Status::New | Status::Processing => true,
                Status::Expired | Status::Invalid | Status::Settled => false,
            };
            kept.invoices
                .iter()
                .filter(open)
                .map(|invoice| invoice.id.clone())
                .collect()
        };
        for id in open {
            self.look_at(&id).await?;
        }
        Ok(())
    }

    /// Asks the node, and draws the conclusions.
    pub(crate) async fn look_at(&self, id: &str) -> Result<()> {
        let Some(invoice) = self.invoice(id) else {
            return Ok(());
        };
        if invoice.status != Status::New {
            return self.change_if_needed(id, &invoice);
        }
        let Some(bolt11) = &invoice.bolt11 else {
            return self.change_if_needed(id, &invoice);
        };
        if let Some(msat) = self.state.node.paid(bolt11).await? {
            return self.change(id, |invoice, now| {
                if invoice
                    .payments
                    .iter()
                    .any(|one| one.destination == *bolt11)
                {
                    return Vec::new();
                }
                invoice.receive(Payment {
                    id: random_id(),
                    method: book::LIGHTNING.to_owned(),
                    at: now,
                    msat,
                    status: PaymentStatus::Settled,
                    destination: bolt11.clone(),
                })
            });
        }
        if self.now() >= invoice.expires {
            self.state.node.cancel(bolt11).await?;
        }
        self.change_if_needed(id, &invoice)
    }

    fn change_if_needed(&self, id: &str, invoice: &Invoice) -> Result<()> {
        let mut after = invoice.clone();
        after.refresh(self.now());
        if (after.status, after.additional) == (invoice.status, invoice.additional) {
            return Ok(());
        }
        self.change(id, |_, _| Vec::new())
    }
}

/// As the store's template writes it by default.
pub(crate) fn description(order: &str) -> String {
    format!("Paid to Cinema (Order ID: {order})")
}

/// 22 letters and digits.
pub(crate) fn random_id() -> String {
    const LETTERS: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    let mut bytes = [0_u8; 22];
    // Ids that repeat show at once.
    let _ = getrandom::fill(&mut bytes);
    let letter = |byte: u8| char::from(LETTERS[usize::from(byte) % LETTERS.len()]);
    bytes.into_iter().map(letter).collect()
}
