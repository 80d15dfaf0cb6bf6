//! The cinema, the nodes, and the faults that befall them.

use std::{collections::HashMap, fs, path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use btcpay_standin::hooks::Faults;
use lnd_pair::{NARROW, Pair};
use satreel_lnd::{
    call,
    proto::lnrpc::{ListInvoiceRequest, invoice::InvoiceState},
};
use tempfile::TempDir;

use crate::{chance::Chance, cinema::Cinema, store::Store};

/// What happens while somebody pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Nothing,
    CinemaKilled,
    CinemaStopped,
    CinemaFrozen,
    LedgerLost,
    NodeKilled,
    NodeFrozen,
    BothKilled,
    StoreKilled,
    StoreFailing,
}

/// How often each comes, out of 100. A node takes seconds to come back, hence seldom.
const LND: &[(u64, Fault)] = &[
    (20, Fault::Nothing),
    (32, Fault::CinemaKilled),
    (8, Fault::CinemaStopped),
    (10, Fault::CinemaFrozen),
    (12, Fault::LedgerLost),
    (5, Fault::NodeKilled),
    (10, Fault::NodeFrozen),
    (3, Fault::BothKilled),
];

const BTCPAY: &[(u64, Fault)] = &[
    (16, Fault::Nothing),
    (28, Fault::CinemaKilled),
    (6, Fault::CinemaStopped),
    (8, Fault::CinemaFrozen),
    (10, Fault::LedgerLost),
    (4, Fault::NodeKilled),
    (6, Fault::NodeFrozen),
    (14, Fault::StoreKilled),
    (8, Fault::StoreFailing),
];

/// What the node says about an invoice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Truth {
    pub settled: bool,
    pub received_msat: u64,
}

pub struct World {
    pub cinema: Cinema,
    pub pair: Pair,
    /// BTCPay Server's stand-in, when it stands between.
    store: Option<Store>,
    /// Texts that stand in no log: last letters of each.
    pub secrets: Vec<String>,
    _folder: TempDir,
}

/// One visitor does here what many do.
const LIMITS: &str = "[limits]\norders_per_minute = 100000\ntokens_per_minute = 100000\n\
    recoveries_per_hour = 100000\n";

impl World {
    pub async fn lnd() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let pair = Pair::start(folder.path().join("nodes")).await?;
        let macaroon = pair.shop().bake(&NARROW).await?;
        let file: PathBuf = folder.path().join("satreel.macaroon");
        fs::write(&file, &macaroon)?;
        let payments = format!(
            "[payments]\nbackend = \"lnd\"\n[payments.lnd]\naddress = \"{}\"\n\
             certificate = \"{}\"\nmacaroon = {{ file = \"{}\" }}\nnetwork = \"regtest\"\n",
            pair.shop().address(),
            pair.shop().certificate().display(),
            file.display(),
        );
        let cinema = Cinema::open(&format!("{payments}{LIMITS}")).await?;
        Ok(Self {
            cinema,
            pair,
            store: None,
            secrets: vec![hex::encode(&macaroon)],
            _folder: folder,
        })
    }

    pub async fn btcpay() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let pair = Pair::start(folder.path().join("nodes")).await?;
        let store = Store::open(folder.path(), pair.shop()).await?;
        let cinema = Cinema::open(&format!("{}{LIMITS}", store.payments())).await?;
        store.call(&cinema.address().context("it serves")?)?;
        Ok(Self {
            cinema,
            pair,
            secrets: Store::secrets(),
            store: Some(store),
            _folder: folder,
        })
    }

    /// What the stand-in found fault with, in requests or in its own answers.
    pub fn violations(&self) -> Vec<String> {
        self.store
            .as_ref()
            .map(Store::violations)
            .unwrap_or_default()
    }

    /// What comes next; webhooks go astray in their own ways meanwhile.
    pub fn fault(&self, chance: &mut Chance) -> Fault {
        let Some(store) = &self.store else {
            return chance.weighted(LND);
        };
        store.set_faults(Faults {
            duplicate: chance.percent(25),
            reorder: chance.percent(25),
            drop: chance.percent(25),
            misspelt: chance.percent(20),
            compact: chance.percent(20),
            unknown_fields: chance.percent(20),
            delay_ms: if chance.percent(30) {
                chance.number(400)
            } else {
                0
            },
            ..Faults::default()
        });
        chance.weighted(BTCPAY)
    }

    /// Lets it happen, after a while, and makes it good again, after another while.
    pub async fn befall(&self, fault: Fault, [before, between]: [Duration; 2]) -> Result<()> {
        tokio::time::sleep(before).await;
        match fault {
            Fault::Nothing => {}
            Fault::CinemaKilled => self.cinema.kill9().await?,
            Fault::CinemaStopped => self.cinema.terminate().await?,
            Fault::CinemaFrozen => self.cinema.freeze(between).await?,
            Fault::LedgerLost => self.cinema.lose_ledger().await?,
            Fault::NodeKilled => self.pair.shop().kill9()?,
            Fault::NodeFrozen => self.pair.shop().freeze()?,
            Fault::BothKilled => {
                self.pair.shop().kill9()?;
                self.cinema.kill9().await?;
            }
            Fault::StoreKilled => self.store()?.kill9(),
            Fault::StoreFailing => self.store()?.fail(true),
        }
        tokio::time::sleep(between).await;
        match fault {
            Fault::Nothing => {}
            Fault::StoreKilled => self.store()?.start().await?,
            Fault::StoreFailing => self.store()?.fail(false),
            Fault::CinemaKilled
            | Fault::CinemaStopped
            | Fault::CinemaFrozen
            | Fault::LedgerLost => {
                self.cinema.start().await?;
            }
            Fault::NodeFrozen => self.pair.shop().thaw()?,
            Fault::NodeKilled => self.node_back().await?,
            Fault::BothKilled => {
                // The cinema opens though its node is away.
                self.cinema.start().await?;
                self.node_back().await?;
            }
        }
        Ok(())
    }

    fn store(&self) -> Result<&Store> {
        self.store.as_ref().context("a store")
    }

    async fn node_back(&self) -> Result<()> {
        self.pair.shop().start().await?;
        self.pair.rejoin().await
    }

    /// What the node says about all invoices, by payment hash; None while a payment is on its way.
    pub async fn truth(&self) -> Result<Option<HashMap<String, Truth>>> {
        let mut lightning = self.pair.shop().connect()?.lightning();
        let request = ListInvoiceRequest {
            num_max_invoices: 100_000,
            ..ListInvoiceRequest::default()
        };
        let limit = Duration::from_secs(30);
        let list = call("ListInvoices", limit, lightning.list_invoices(request)).await?;
        let mut truth = HashMap::new();
        for invoice in list.invoices {
            let settled = match invoice.state() {
                InvoiceState::Settled => true,
                InvoiceState::Accepted => return Ok(None),
                InvoiceState::Open | InvoiceState::Canceled => false,
            };
            let received_msat = u64::try_from(invoice.amt_paid_msat).context("an amount")?;
            let about = Truth {
                settled,
                received_msat,
            };
            truth.insert(hex::encode(invoice.r_hash), about);
        }
        Ok(Some(truth))
    }
}
