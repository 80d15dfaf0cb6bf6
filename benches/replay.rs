//! Taking in a whole shop's past at the first start: 100,000 settled invoices into an empty record,
//! and again with the record full. Prints JSON in milliseconds.
//!
//! The backend is a list in memory: what is measured is ours, from the invoice to the disk.

#![allow(clippy::expect_used, reason = "a measurement may stop where it stands")]

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use satreel::{
    clock::SystemClock,
    core::{
        ids::{InvoiceRef, PaymentHash, VideoId},
        keyring::{Key, Keyring},
        money::Msats,
        offer::{Tier, TierKind},
        order::Order,
        time::Timestamp,
    },
    keys::Keys,
    ledger::Ledger,
    payments::{
        Cursor, Error, Health, Invoice, InvoiceBackend, InvoiceState, NewInvoice, Result, Settled,
        settlement::Settlement,
    },
};
use tokio_util::sync::CancellationToken;

const INVOICES: u32 = 100_000;
const BEGUN: u64 = 1_700_000_000;

#[derive(Debug)]
struct Past(Arc<Vec<Invoice>>);

#[async_trait]
impl InvoiceBackend for Past {
    async fn create(&self, _: NewInvoice) -> Result<Invoice> {
        Err(Error::WrongState("past"))
    }

    async fn look_up(&self, reference: &InvoiceRef) -> Result<Option<Invoice>> {
        let found = self.0.iter().rev();
        Ok(found
            .into_iter()
            .find(|invoice| invoice.reference == *reference)
            .cloned())
    }

    async fn find(&self, hash: PaymentHash, _: &str) -> Result<Option<Invoice>> {
        self.look_up(&InvoiceRef::Hash(hash)).await
    }

    async fn settlements(&self, _: Cursor) -> Result<BoxStream<'static, Result<Invoice>>> {
        Ok(stream::pending().boxed())
    }

    async fn list_since(&self, since: Timestamp) -> Result<BoxStream<'static, Result<Invoice>>> {
        let past = Arc::clone(&self.0);
        let from = past.partition_point(|invoice| invoice.created_at < since);
        let listed = (from..past.len()).map(move |at| Ok(past[at].clone()));
        Ok(stream::iter(listed).boxed())
    }

    async fn cancel(&self, _: &InvoiceRef) -> Result<()> {
        Err(Error::WrongState("past"))
    }

    async fn health(&self) -> Health {
        Health::Ready { receivable: None }
    }
}

#[tokio::main]
async fn main() {
    let keyring = Keyring::new(Key::from_secret(&[1; 32]), Vec::new(), Vec::new());
    let past = Arc::new((0..INVOICES).map(|at| settled(at, &keyring)).collect());
    let keys = Arc::new(Keys::new(keyring));
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::open(&folder.path().join("ledger.db"))
        .await
        .expect("a record");

    let empty = take_in(Past(Arc::clone(&past)), &ledger, &keys).await;
    let recorded = ledger.sales(Timestamp::default()).await.expect("read");
    assert_eq!(recorded.len(), INVOICES as usize);
    let full = take_in(Past(past), &ledger, &keys).await;
    println!("{{\"invoices\": {INVOICES}, \"empty_ms\": {empty:.0}, \"full_ms\": {full:.0}}}");
}

/// Milliseconds until all that was missed is recorded.
async fn take_in(past: Past, ledger: &Ledger, keys: &Arc<Keys>) -> f64 {
    let settlement = Arc::new(Settlement::new(
        Arc::new(past),
        ledger.clone(),
        Arc::clone(keys),
        Arc::default(),
        Arc::new(SystemClock),
    ));
    let stop = CancellationToken::new();
    let begun = Instant::now();
    let following = tokio::spawn({
        let (settlement, stop) = (Arc::clone(&settlement), stop.clone());
        async move { settlement.follow(stop).await }
    });
    let mut taken = settlement.taken();
    taken
        .wait_for(|taken| taken.reconciled)
        .await
        .expect("taken in");
    let took = begun.elapsed();
    stop.cancel();
    following.await.expect("an orderly end");
    took.as_secs_f64() * 1000.0
}

fn settled(number: u32, keyring: &Keyring) -> Invoice {
    let mut hash = [0; 32];
    hash[..4].copy_from_slice(&number.to_be_bytes());
    let hash = PaymentHash::from_bytes(hash);
    // One sale a minute.
    let created_at = Timestamp::from_unix(BEGUN + u64::from(number) * 60);
    let order = Order {
        title: VideoId::from_bytes([7; 8]),
        tier: Tier::new(TierKind::Rent, 100, Some(24)).expect("a tier"),
        created_at,
    };
    let amount = Msats::new(100_000).expect("an amount");
    let [_, salt @ ..] = number.to_be_bytes();
    Invoice {
        reference: InvoiceRef::Hash(hash),
        // As long as a real one.
        payment_request: "l".repeat(280),
        payment_hash: hash,
        memo: order.encode(salt, keyring).to_string(),
        amount,
        created_at,
        expires_at: created_at.plus_seconds(900),
        onchain: None,
        state: InvoiceState::Settled(Settled {
            received: amount,
            at: created_at.plus_seconds(10),
            cursor: Cursor(u64::from(number) + 1),
            marked: false,
        }),
    }
}
