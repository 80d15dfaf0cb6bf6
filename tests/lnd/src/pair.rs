//! The pair: chain, shop and buyer, ready to pay.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use lightning_invoice::Bolt11Invoice;
use satreel_lnd::{
    call,
    proto::{
        lnrpc::{
            ConnectPeerRequest, Invoice, LightningAddress, ListChannelsRequest, Payment,
            SendCoinsRequest, payment::PaymentStatus,
        },
        routerrpc::SendPaymentRequest,
    },
};

use crate::{
    btcd::Btcd,
    node::{LIMIT, Node},
    programs, state,
};

/// What Satreel's macaroon needs, as (entity, action).
pub const NARROW: [(&str, &str); 4] = [
    ("invoices", "read"),
    ("invoices", "write"),
    ("info", "read"),
    ("uri", "/lnrpc.Lightning/ChannelBalance"),
];

/// Two nodes with a channel from the buyer to the shop. All processes end with it.
#[derive(Debug)]
pub struct Pair {
    programs: PathBuf,
    folder: PathBuf,
    btcd: Btcd,
    shop: Node,
    buyer: Node,
}

impl Pair {
    /// Starts everything under `folder` and returns once a payment has passed.
    pub async fn start(folder: impl Into<PathBuf>) -> Result<Self> {
        let folder = folder.into();
        let programs = programs::folder()?;
        let state = state::prepared(&programs).await?;
        for part in ["shop", "buyer"] {
            state::copy(&state.join(part), &folder.join(part))?;
        }
        let btcd = state::chain(&programs, &state, &folder.join("btcd")).await?;
        let node = |name| Node::new(&programs, &folder.join(name), &btcd.arguments());
        let (shop, buyer) = (node("shop")?, node("buyer")?);
        tokio::try_join!(shop.start(), buyer.start())?;
        let pair = Self {
            programs,
            folder,
            btcd,
            shop,
            buyer,
        };
        pair.rejoin().await?;
        Ok(pair)
    }

    /// The node that sells.
    pub fn shop(&self) -> &Node {
        &self.shop
    }

    /// The node that pays.
    pub fn buyer(&self) -> &Node {
        &self.buyer
    }

    /// The buyer pays. `amount_msat`: more than the invoice asks for, or for one that names no
    /// amount. The preimage comes back, as hex.
    pub async fn pay(&self, bolt11: &str, amount_msat: Option<u64>) -> Result<String> {
        let paid = self.try_pay(bolt11, amount_msat).await?;
        if paid.status() != PaymentStatus::Succeeded {
            bail!(
                "the payment failed: {}",
                paid.failure_reason().as_str_name()
            );
        }
        Ok(paid.payment_preimage)
    }

    /// From the buyer's money on chain; the transaction's id.
    pub async fn send(&self, address: &str, sat: u64) -> Result<String> {
        let request = SendCoinsRequest {
            addr: address.to_owned(),
            amount: i64::try_from(sat)?,
            sat_per_vbyte: 2,
        };
        let mut lightning = self.buyer.connect()?.lightning();
        Ok(call("SendCoins", LIMIT, lightning.send_coins(request))
            .await?
            .txid)
    }

    /// Mines blocks and waits until the running nodes have seen them.
    pub async fn mine(&self, blocks: u32) -> Result<()> {
        self.btcd.mine(blocks).await?;
        let height = self.btcd.height().await?;
        for node in [&self.shop, &self.buyer] {
            if node.answers() {
                node.wait_height(height).await?;
            }
        }
        Ok(())
    }

    /// After a node was started again: joins the two and returns once a payment has passed.
    pub async fn rejoin(&self) -> Result<()> {
        connect(&self.buyer, &self.shop).await?;
        wait_channel(&self.buyer, &self.shop).await?;
        let invoice = self.tiny_invoice().await?;
        // A channel that is active may still refuse for a moment.
        until("a first payment", async || {
            let paid = self.try_pay(&invoice, None).await?;
            Ok(paid.status() == PaymentStatus::Succeeded)
        })
        .await
    }

    /// A node of its own that has no wallet yet, running.
    pub async fn bare(&self, name: &str) -> Result<Node> {
        let folder = self.folder.join(name);
        let node = Node::new(&self.programs, &folder, &self.btcd.arguments())?;
        node.start_closed().await?;
        Ok(node)
    }

    /// A node of its own that has no channel and never had one.
    pub async fn lone(&self, name: &str) -> Result<Node> {
        let folder = self.folder.join(name);
        let node = Node::new(&self.programs, &folder, &self.btcd.arguments())?;
        node.start().await?;
        Ok(node)
    }

    /// Opens a channel from the buyer to `node` that the network does not hear of.
    pub async fn open_private(&self, node: &Node, sat: u32) -> Result<()> {
        self.open(node, sat, 0).await?;
        wait_channel(node, node).await
    }

    /// The same, with `push_sat` of it on the node's side from the beginning.
    pub async fn open_pushing(&self, node: &Node, sat: u32, push_sat: u32) -> Result<()> {
        self.open(node, sat, push_sat).await?;
        wait_channel(node, node).await
    }

    async fn open(&self, node: &Node, sat: u32, push_sat: u32) -> Result<()> {
        connect(&self.buyer, node).await?;
        state::open_channel(&self.buyer, node, sat.into(), push_sat.into(), true).await?;
        self.mine(6).await
    }

    async fn tiny_invoice(&self) -> Result<String> {
        let request = Invoice {
            memo: "lnd-pair".into(),
            value_msat: 1000,
            expiry: 600,
            ..Invoice::default()
        };
        let mut lightning = self.shop.connect()?.lightning();
        let made = call("AddInvoice", LIMIT, lightning.add_invoice(request)).await?;
        Ok(made.payment_request)
    }

    async fn try_pay(&self, bolt11: &str, amount_msat: Option<u64>) -> Result<Payment> {
        let mut request = match amount_msat {
            None => SendPaymentRequest {
                payment_request: bolt11.to_owned(),
                ..SendPaymentRequest::default()
            },
            Some(amount) => with_amount(bolt11, amount)?,
        };
        request.timeout_seconds = 30;
        request.fee_limit_msat = 100_000;
        request.no_inflight_updates = true;
        let mut router = self.buyer.connect()?.router();
        let mut updates = router.send_payment_v2(request).await?.into_inner();
        while let Some(payment) = updates.message().await? {
            if matches!(
                payment.status(),
                PaymentStatus::Succeeded | PaymentStatus::Failed
            ) {
                return Ok(payment);
            }
        }
        bail!("no word about the payment")
    }
}

/// A payment of another amount than the invoice's: from its parts, since LND takes no amount
/// beside an invoice that names one.
fn with_amount(bolt11: &str, amount_msat: u64) -> Result<SendPaymentRequest> {
    let invoice: Bolt11Invoice = bolt11.parse().map_err(|e| anyhow!("not a BOLT11: {e}"))?;
    let payee = invoice.recover_payee_pub_key();
    let hash: &[u8] = invoice.payment_hash().as_ref();
    Ok(SendPaymentRequest {
        dest: payee.serialize().to_vec(),
        payment_hash: hash.to_vec(),
        payment_addr: invoice.payment_secret().0.to_vec(),
        final_cltv_delta: i32::try_from(invoice.min_final_cltv_expiry_delta())?,
        amt_msat: i64::try_from(amount_msat)?,
        ..SendPaymentRequest::default()
    })
}

pub(crate) async fn connect(from: &Node, to: &Node) -> Result<()> {
    let pubkey = to.info().await?.identity_pubkey;
    until("the nodes' connection", async || {
        let request = ConnectPeerRequest {
            addr: Some(LightningAddress {
                pubkey: pubkey.clone(),
                host: to.peer_address(),
            }),
        };
        let mut lightning = from.connect()?.lightning();
        match call("ConnectPeer", LIMIT, lightning.connect_peer(request)).await {
            Ok(_) => Ok(true),
            Err(error) if error.to_string().contains("already connected") => Ok(true),
            Err(error) => Err(error.into()),
        }
    })
    .await
}

/// Both ends see the channel as usable.
pub(crate) async fn wait_channel(one: &Node, other: &Node) -> Result<()> {
    for node in [one, other] {
        until("an active channel", async || {
            let mut lightning = node.connect()?.lightning();
            let request = ListChannelsRequest { active_only: true };
            let list = call("ListChannels", LIMIT, lightning.list_channels(request)).await?;
            Ok(!list.channels.is_empty())
        })
        .await?;
    }
    Ok(())
}

async fn until(what: &str, done: impl AsyncFn() -> Result<bool>) -> Result<()> {
    let patience = Instant::now() + Duration::from_mins(1);
    loop {
        let now = done().await;
        if matches!(now, Ok(true)) {
            return Ok(());
        }
        if Instant::now() > patience {
            return now
                .and(Err(anyhow!("it takes too long")))
                .context(what.to_owned());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// For scripts: everything they need to know, as JSON.
impl Pair {
    pub fn describe(&self, narrow: &Path) -> serde_json::Value {
        let node = |node: &Node| {
            serde_json::json!({
                "address": node.address(),
                "certificate": node.certificate(),
                "admin_macaroon": node.admin_macaroon(),
                "peer_address": node.peer_address(),
                "folder": node.folder(),
                "pid": node.pid(),
            })
        };
        let mut shop = node(&self.shop);
        shop["macaroon"] = serde_json::json!(narrow);
        serde_json::json!({
            "pid": std::process::id(),
            "shop": shop,
            "buyer": node(&self.buyer),
        })
    }
}
