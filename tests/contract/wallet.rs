//! The built-in wallet: pays itself, and time is simulated.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use satreel::{
    clock::SimulatedClock,
    core::{money::Msats, time::Timestamp},
    payments::{InvoiceBackend, wallet::Wallet},
};
use tempfile::TempDir;

use crate::suite::{Bench, Payer, contract};

struct Demo {
    wallet: Arc<Wallet>,
    clock: Arc<SimulatedClock>,
    _folder: TempDir,
}

#[async_trait]
impl Payer for Demo {
    async fn pay(&self, payment_request: &str, amount: Option<Msats>) -> anyhow::Result<()> {
        self.wallet.pay(payment_request, amount).await?;
        Ok(())
    }

    async fn let_pass(&self, time: Duration) {
        self.clock.advance(time.as_secs());
    }
}

async fn bench() -> anyhow::Result<Bench> {
    let folder = tempfile::tempdir()?;
    let clock = Arc::new(SimulatedClock::at(Timestamp::from_unix(1_800_000_000)));
    let path = folder.path().join("wallet.db");
    let wallet = Arc::new(Wallet::open(&path, Arc::clone(&clock) as _).await?);
    let backend: Arc<dyn InvoiceBackend> = Arc::clone(&wallet) as _;
    let payer = Demo {
        wallet,
        clock,
        _folder: folder,
    };
    Ok(Bench {
        backend,
        payer: Box::new(payer),
        cancels: true,
    })
}

contract!(bench);
