//! A real LND, and its neighbour who pays. Time is real.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use lnd_pair::{NARROW, Pair};
use satreel::{
    clock::SystemClock,
    core::money::Msats,
    payments::lnd::{Expected, Lnd},
};
use satreel_config::Network;
use satreel_lnd::{Node, Options};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use crate::suite::{Bench, Payer, contract};

/// One pair for all clauses.
pub(crate) struct Shared {
    pub(crate) pair: Pair,
    macaroon: Vec<u8>,
    _folder: TempDir,
}

pub(crate) async fn shared() -> anyhow::Result<&'static Shared> {
    static SHARED: OnceCell<Shared> = OnceCell::const_new();
    SHARED
        .get_or_try_init(async || {
            let folder = tempfile::tempdir()?;
            let pair = Pair::start(folder.path()).await?;
            // All that a clause needs goes by the narrow macaroon of the README.
            let macaroon = pair.shop().bake(&NARROW).await?;
            Ok(Shared {
                pair,
                macaroon,
                _folder: folder,
            })
        })
        .await
}

pub(crate) struct Buyer(pub(crate) &'static Pair);

#[async_trait]
impl Payer for Buyer {
    async fn pay(&self, payment_request: &str, amount: Option<Msats>) -> anyhow::Result<()> {
        self.0.pay(payment_request, amount.map(Msats::get)).await?;
        Ok(())
    }

    async fn let_pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }
}

async fn bench() -> anyhow::Result<Bench> {
    let shared = shared().await?;
    let shop = shared.pair.shop();
    let node = Node::new(Options {
        address: shop.address(),
        certificate: shop.certificate(),
        macaroon: Arc::new(|| Ok(Zeroizing::new(shared.macaroon.clone()))),
    })?;
    let expected = Expected {
        network: Some(Network::Regtest),
        dearest: None,
    };
    Ok(Bench {
        backend: Arc::new(Lnd::new(node, expected, Arc::new(SystemClock))),
        payer: Box::new(Buyer(&shared.pair)),
        cancels: true,
    })
}

contract!(bench);
