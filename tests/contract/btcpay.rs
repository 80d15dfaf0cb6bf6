//! BTCPay Server: the stand-in of `tests/btcpay`, once with the built-in wallet as its node and once
//! with a real LND.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use async_trait::async_trait;
use btcpay_standin::{Key, Options, Standin, lnd::Lnd, node::Node};
use satreel::{
    clock::{Clock, SimulatedClock, SystemClock},
    core::{
        ids::{InvoiceRef, PaymentHash},
        money::Msats,
    },
    payments::{
        InvoiceBackend, NewInvoice,
        btcpay::{Btcpay, Pace},
        wallet::Wallet,
    },
};
use tempfile::TempDir;

use crate::{
    lnd::{Buyer, shared},
    suite::{Bench, Payer, contract},
};

const STORE: &str = "Cinema";
const KEY: &str = "an-api-key-of-the-stand-in";

/// Quick, so that nobody waits for the poll.
const PACE: Pace = Pace {
    soon: Duration::from_millis(20),
    young: Duration::from_mins(3),
    later: Duration::from_millis(40),
};

/// The built-in wallet as the node behind the store.
struct WalletNode(Arc<Wallet>);

#[async_trait]
impl Node for WalletNode {
    async fn invoice(&self, msat: u64, memo: &str, expires_in_s: u64) -> anyhow::Result<String> {
        let new = NewInvoice {
            amount: Msats::new(msat)?,
            memo: memo.to_owned(),
            description_hash: None,
            expires_in_s: expires_in_s.try_into()?,
        };
        Ok(self.0.create(new).await?.payment_request)
    }

    async fn paid(&self, bolt11: &str) -> anyhow::Result<Option<u64>> {
        let found = self.0.look_up(&reference(bolt11)?).await?;
        let settled = found.context("an invoice")?.settled();
        Ok(settled.map(|settled| settled.received.get()))
    }

    async fn cancel(&self, bolt11: &str) -> anyhow::Result<()> {
        Ok(self.0.cancel(&reference(bolt11)?).await?)
    }

    async fn address(&self) -> anyhow::Result<Option<String>> {
        Ok(Some(
            "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080".to_owned(),
        ))
    }
}

fn reference(bolt11: &str) -> anyhow::Result<InvoiceRef> {
    let parsed: lightning_invoice::Bolt11Invoice =
        bolt11.parse().map_err(|error| anyhow::anyhow!("{error}"))?;
    let hash: [u8; 32] = *parsed.payment_hash().as_ref();
    Ok(InvoiceRef::Hash(PaymentHash::from_bytes(hash)))
}

/// Whoever pays, and the stand-in, whose clock can be put forward.
struct Shop {
    standin: Standin,
    payer: Box<dyn Payer>,
    _folder: TempDir,
}

#[async_trait]
impl Payer for Shop {
    async fn pay(&self, payment_request: &str, amount: Option<Msats>) -> anyhow::Result<()> {
        self.payer.pay(payment_request, amount).await?;
        // Seen now, and not only when the clock has moved on.
        self.standin.advance(0).await
    }

    async fn let_pass(&self, time: Duration) {
        let moved = self.standin.advance(time.as_secs()).await;
        assert!(moved.is_ok(), "{moved:?}");
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.standin.kill();
        let violations = self.standin.violations();
        let clean = violations.is_empty() || std::thread::panicking();
        assert!(clean, "{violations:#?}");
    }
}

/// Pays the wallet's invoices.
struct OwnWallet(Arc<Wallet>);

#[async_trait]
impl Payer for OwnWallet {
    async fn pay(&self, payment_request: &str, amount: Option<Msats>) -> anyhow::Result<()> {
        self.0.pay(payment_request, amount).await?;
        Ok(())
    }

    async fn let_pass(&self, _: Duration) {}
}

/// What a configuration says of the stand-in.
fn config(standin: &Standin, folder: &TempDir) -> anyhow::Result<satreel_config::Btcpay> {
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text)?;
        anyhow::Ok(satreel_config::Secret::File(path))
    };
    Ok(satreel_config::Btcpay {
        url: standin.url().parse()?,
        store: STORE.to_owned(),
        api_key: put("key", KEY)?,
        webhook_secret: put("secret", "a secret")?,
    })
}

async fn on(node: Arc<dyn Node>, payer: Box<dyn Payer>, folder: TempDir) -> anyhow::Result<Bench> {
    let options = Options::new(STORE, vec![Key::narrow(KEY, STORE)]);
    let standin = Standin::start(options, node).await?;
    let backend = Btcpay::open(&config(&standin, &folder)?)?.at_pace(PACE);
    let payer = Shop {
        standin,
        payer,
        _folder: folder,
    };
    Ok(Bench {
        backend: Arc::new(backend),
        payer: Box::new(payer),
        cancels: false,
    })
}

mod on_wallet {
    use super::*;

    async fn bench() -> anyhow::Result<Bench> {
        let folder = tempfile::tempdir()?;
        let clock = Arc::new(SimulatedClock::at(SystemClock.now()));
        let path = folder.path().join("wallet.db");
        let wallet = Arc::new(Wallet::open(&path, clock).await?);
        let payer = Box::new(OwnWallet(wallet.clone()));
        on(Arc::new(WalletNode(wallet)), payer, folder).await
    }

    contract!(bench);
}

mod on_lnd {
    use super::*;

    async fn bench() -> anyhow::Result<Bench> {
        let pair = &shared().await?.pair;
        let payer = Box::new(Buyer(pair));
        on(Arc::new(Lnd::of(pair.shop())?), payer, tempfile::tempdir()?).await
    }

    contract!(bench);
}
