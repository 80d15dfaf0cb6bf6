use std::{
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::{StreamExt, stream::BoxStream};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    clock::{Clock, SimulatedClock},
    core::{
        ids::{PaymentHash, VideoId},
        keyring::tests::keyring,
        money::Msats,
        offer::{Tier, TierKind},
        time::Timestamp,
    },
    ledger::PendingTip,
    metrics::Seen,
    payments::{self, Error, Health, InvoiceState, NewInvoice, Settled, wallet::Wallet},
};

const START: Timestamp = Timestamp::from_unix(1_800_000_000);
const PRICE: u64 = 100;

struct Till {
    folder: TempDir,
    clock: Arc<SimulatedClock>,
    keys: Arc<Keys>,
    wallet: Arc<Wallet>,
}

async fn wallet(folder: &Path, clock: &Arc<SimulatedClock>) -> Arc<Wallet> {
    let clock: Arc<SimulatedClock> = Arc::clone(clock);
    let wallet = Wallet::open(&folder.join("wallet.db"), clock).await;
    Arc::new(wallet.expect("a wallet"))
}

impl Till {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(SimulatedClock::at(START));
        Self {
            wallet: wallet(folder.path(), &clock).await,
            keys: Arc::new(Keys::new(keyring(1))),
            clock,
            folder,
        }
    }

    async fn ledger(&self, name: &str) -> Ledger {
        Ledger::open(&self.folder.path().join(name))
            .await
            .expect("a ledger")
    }

    async fn settlement(&self) -> Settlement {
        self.settlement_of(Arc::clone(&self.wallet) as _).await
    }

    async fn settlement_of(&self, backend: Arc<dyn InvoiceBackend>) -> Settlement {
        let ledger = self.ledger("ledger.db").await;
        let keys = Arc::clone(&self.keys);
        let clock = Arc::clone(&self.clock) as _;
        let mut settlement = Settlement::new(backend, ledger, keys, Arc::default(), clock);
        // Quick, for tests that fail on purpose.
        settlement.backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(2));
        settlement
    }

    async fn invoice(&self, memo: String) -> Invoice {
        let amount = Sats::new(PRICE).expect("an amount").to_msats();
        let new = NewInvoice {
            amount,
            memo,
            description_hash: None,
            expires_in_s: 900,
        };
        self.wallet.create(new).await.expect("an invoice")
    }

    /// An order's invoice, unpaid.
    async fn ordered(&self, number: u8) -> Invoice {
        let tier = Tier::new(TierKind::Rent, PRICE, Some(24)).expect("a tier");
        let title = VideoId::from_bytes([7; 8]);
        let order = Order {
            title,
            tier,
            created_at: self.clock.now(),
        };
        let code = order.encode([0, 0, number], &self.keys.current());
        self.invoice(code.to_string()).await
    }

    async fn pay(&self, invoice: &Invoice) -> Invoice {
        self.wallet
            .pay(&invoice.payment_request, None)
            .await
            .expect("paid");
        let found = self
            .wallet
            .look_up(&invoice.reference)
            .await
            .expect("asked");
        found.expect("an invoice")
    }

    async fn sold(&self, number: u8) -> Invoice {
        let invoice = self.ordered(number).await;
        self.pay(&invoice).await
    }
}

async fn recorded(settlement: &Settlement) -> Vec<InvoiceRef> {
    let sales = settlement
        .ledger
        .sales(Timestamp::default())
        .await
        .expect("read");
    sales.into_iter().map(|sale| sale.reference).collect()
}

/// Follows until everything up to `cursor` is recorded.
async fn follow_until(settlement: Settlement, cursor: u64) -> Arc<Settlement> {
    let settlement = Arc::new(settlement);
    let (following, stop) = follow(&settlement);
    let mut taken = settlement.taken();
    let done = taken.wait_for(|taken| taken.cursor >= Cursor(cursor));
    // The timeout only ends a failing test.
    let done = tokio::time::timeout(Duration::from_secs(20), done).await;
    assert!(done.is_ok_and(|done| done.is_ok_and(|taken| taken.reconciled)));
    stop.cancel();
    following.await.expect("an orderly end");
    settlement
}

fn follow(settlement: &Arc<Settlement>) -> (tokio::task::JoinHandle<()>, CancellationToken) {
    let stop = CancellationToken::new();
    let (settlement, until) = (Arc::clone(settlement), stop.clone());
    let following = tokio::spawn(async move { settlement.follow(until).await });
    (following, stop)
}

#[tokio::test]
async fn a_sale_is_recorded_once() {
    let till = Till::new().await;
    let settlement = till.settlement().await;
    let open = till.ordered(1).await;
    assert_eq!(
        settlement.settle(&open).await.expect("settled"),
        Outcome::NotSettled
    );
    let paid = till.pay(&open).await;
    till.clock.advance(7);
    assert_eq!(
        settlement.settle(&paid).await.expect("settled"),
        Outcome::Recorded
    );
    till.clock.advance(60);
    assert_eq!(
        settlement.settle(&paid).await.expect("settled"),
        Outcome::Replayed
    );

    let sales = settlement.ledger.sales(START).await.expect("read");
    assert_eq!(sales.len(), 1);
    let page = settlement.metrics.render(Seen {
        up: true,
        inbound: None,
        dearest: None,
        reconciled: true,
    });
    for line in ["_sum 7", "_count 1", "_bucket{le=\"5\"} 0"] {
        let line = format!("satreel_settlement_delay_seconds{line}\n");
        assert!(page.contains(&line), "{line} in {page}");
    }
    assert_eq!(
        (sales[0].tier, sales[0].hours, sales[0].settled_at),
        (TierKind::Rent, Some(24), START)
    );
    assert_eq!(
        sales[0].sold,
        crate::ledger::Sold::Title(VideoId::from_bytes([7; 8]))
    );
}

#[tokio::test]
async fn what_is_not_ours_or_too_little_is_not_recorded() {
    let till = Till::new().await;
    let settlement = till.settlement().await;
    let theirs = till.invoice("two coffees".to_owned()).await;
    let theirs = till.pay(&theirs).await;
    assert_eq!(
        settlement.settle(&theirs).await.expect("settled"),
        Outcome::Foreign
    );

    let mut short = till.sold(1).await;
    let received = Msats::new(PRICE * 1000 - 1).expect("an amount");
    short.state = InvoiceState::Settled(Settled {
        received,
        at: START,
        cursor: Cursor(1),
        marked: false,
    });
    let (received, price) = (Sats::new(99).expect("99"), Sats::new(PRICE).expect("100"));
    let outcome = settlement.settle(&short).await.expect("settled");
    assert_eq!(outcome, Outcome::Underpaid { received, price });

    let marked = Settled {
        received: Msats::ZERO,
        at: START,
        cursor: Cursor(1),
        marked: true,
    };
    let mut by_hand = till.sold(3).await;
    by_hand.state = InvoiceState::Settled(marked);
    let apart = till.ledger("marked.db").await;
    let trusting = Settlement {
        ledger: apart,
        ..till.settlement().await
    };
    let outcome = trusting.settle(&by_hand).await.expect("settled");
    assert_eq!(outcome, Outcome::Recorded, "the operator's own word");

    let other_keys = Arc::new(Keys::new(keyring(9)));
    let stranger = Settlement {
        keys: other_keys,
        ..till.settlement().await
    };
    let sold = till.sold(2).await;
    assert_eq!(
        stranger.settle(&sold).await.expect("settled"),
        Outcome::Foreign
    );
    assert!(recorded(&settlement).await.is_empty());
}

#[tokio::test]
async fn a_tip_is_recorded_and_wakes_after() {
    let till = Till::new().await;
    let settlement = till.settlement().await;
    let invoice = till.invoice("Tip".to_owned()).await;
    let amount = Sats::new(PRICE).expect("an amount");
    let note = PendingTip {
        reference: invoice.reference.clone(),
        title: None,
        channel: None,
        amount,
        message: "More!".to_owned(),
        at: START,
    };
    settlement.ledger.note_tip(note).await.expect("noted");
    let mut waiter = settlement.subscribe(&invoice.reference);
    let paid = till.pay(&invoice).await;
    assert_eq!(
        settlement.settle(&paid).await.expect("settled"),
        Outcome::Recorded
    );
    waiter.changed().await;
    assert_eq!(
        settlement.settle(&paid).await.expect("settled"),
        Outcome::Replayed
    );
    assert_eq!(
        settlement.ledger.tips_total(None).await.expect("read"),
        amount
    );
}

#[tokio::test]
async fn waiters_hear_of_their_own_invoice_and_leave_nothing_behind() {
    let till = Till::new().await;
    let settlement = till.settlement().await;
    let (one, two) = (till.sold(1).await, till.sold(2).await);
    let mut first = settlement.subscribe(&one.reference);
    let mut second = settlement.subscribe(&one.reference);
    let mut other = settlement.subscribe(&two.reference);
    assert_eq!(settlement.waiters.count(), 2);
    settlement.settle(&one).await.expect("settled");
    first.changed().await;
    second.changed().await;
    let silent = futures_util::FutureExt::now_or_never(other.changed());
    assert!(silent.is_none());
    drop(first);
    assert_eq!(settlement.waiters.count(), 2);
    drop((second, other));
    assert_eq!(settlement.waiters.count(), 0);
}

#[tokio::test]
async fn following_makes_up_for_what_was_missed_and_goes_on() {
    let till = Till::new().await;
    let missed = till.sold(1).await;
    let settlement = Arc::new(till.settlement().await);
    let live = till.ordered(2).await;
    let mut waiter = settlement.subscribe(&live.reference);
    let (following, stop) = follow(&settlement);
    let mut taken = settlement.taken();
    taken
        .wait_for(|taken| taken.cursor == Cursor(1))
        .await
        .expect("taken");
    till.pay(&live).await;
    waiter.changed().await;
    taken
        .wait_for(|taken| taken.cursor == Cursor(2))
        .await
        .expect("taken");
    assert_eq!(
        recorded(&settlement).await,
        [missed.reference, live.reference]
    );
    stop.cancel();
    following.await.expect("an orderly end");
}

#[tokio::test]
async fn a_deleted_ledger_fills_again() {
    let till = Till::new().await;
    let sold = [till.sold(1).await, till.sold(2).await].map(|invoice| invoice.reference);
    drop(follow_until(till.settlement().await, 2).await);
    let fresh = Settlement {
        ledger: till.ledger("another.db").await,
        ..till.settlement().await
    };
    let fresh = follow_until(fresh, 2).await;
    assert_eq!(recorded(&fresh).await, sold);
}

#[tokio::test]
async fn another_backend_begins_from_its_own_start() {
    let till = Till::new().await;
    for number in 0..3 {
        till.sold(number).await;
    }
    drop(follow_until(till.settlement().await, 3).await);

    let folder = tempfile::tempdir().expect("a folder");
    let wallet = wallet(folder.path(), &till.clock).await;
    let moved = Till {
        wallet,
        folder: till.folder,
        clock: till.clock,
        keys: till.keys,
    };
    let sold = moved.sold(9).await;
    let settlement = follow_until(moved.settlement().await, 1).await;
    let recorded = recorded(&settlement).await;
    assert_eq!(
        (recorded.len(), recorded.contains(&sold.reference)),
        (4, true)
    );
}

/// Fails at every step in turn before it works.
#[derive(Debug)]
struct Flaky {
    wallet: Arc<Wallet>,
    faults: AtomicU32,
}

impl Flaky {
    fn fault(&self, at: u32) -> payments::Result<()> {
        let now = self.faults.load(Ordering::SeqCst);
        if now != at {
            return Ok(());
        }
        self.faults.store(at + 1, Ordering::SeqCst);
        Err(Error::Away(anyhow::anyhow!("fault {at}")))
    }
}

#[async_trait]
impl InvoiceBackend for Flaky {
    async fn create(&self, new: NewInvoice) -> payments::Result<Invoice> {
        self.wallet.create(new).await
    }

    async fn look_up(&self, reference: &InvoiceRef) -> payments::Result<Option<Invoice>> {
        self.wallet.look_up(reference).await
    }

    async fn settlements(
        &self,
        after: Cursor,
    ) -> payments::Result<BoxStream<'static, payments::Result<Invoice>>> {
        self.fault(1)?;
        let stream = self.wallet.settlements(after).await?;
        if self.fault(2).is_err() {
            // One settlement, then silence ends it; then one and an error.
            return Ok(stream.take(1).boxed());
        }
        match self.fault(3) {
            Ok(()) => Ok(stream),
            Err(error) => Ok(stream
                .take(1)
                .chain(futures_util::stream::once(async { Err(error) }))
                .boxed()),
        }
    }

    async fn list_since(
        &self,
        since: Timestamp,
    ) -> payments::Result<BoxStream<'static, payments::Result<Invoice>>> {
        self.fault(0)?;
        // A list that shows nothing: the stream has to bring it all.
        let list = self.wallet.list_since(since).await?;
        Ok(list.take(0).boxed())
    }

    async fn find(&self, hash: PaymentHash, memo: &str) -> payments::Result<Option<Invoice>> {
        self.wallet.find(hash, memo).await
    }

    async fn cancel(&self, reference: &InvoiceRef) -> payments::Result<()> {
        self.wallet.cancel(reference).await
    }

    async fn health(&self) -> Health {
        self.wallet.health().await
    }
}

#[tokio::test]
async fn faults_of_the_backend_lose_nothing() {
    let till = Till::new().await;
    let sold = [till.sold(1).await, till.sold(2).await, till.sold(3).await];
    let flaky = Arc::new(Flaky {
        wallet: Arc::clone(&till.wallet),
        faults: AtomicU32::new(0),
    });
    let settlement = till.settlement_of(Arc::clone(&flaky) as _).await;
    let settlement = follow_until(settlement, 3).await;
    assert_eq!(
        recorded(&settlement).await,
        sold.map(|invoice| invoice.reference)
    );
    assert_eq!(
        flaky.faults.load(Ordering::SeqCst),
        4,
        "every fault came up"
    );
}

#[tokio::test]
async fn the_cursor_waits_for_the_record() {
    let till = Till::new().await;
    let sold = till.sold(1).await;
    let settlement = Arc::new(till.settlement().await);
    let disk = Connection::open(till.folder.path().join("ledger.db")).expect("opened");
    disk.execute_batch(
        "CREATE TRIGGER full BEFORE INSERT ON sales BEGIN SELECT RAISE(ABORT, 'disk full'); END",
    )
    .expect("full");
    let error = settlement.settle(&sold).await.expect_err("not recorded");
    assert!(matches!(error, ledger::Error::Database(_)), "{error}");

    let mut waiter = settlement.subscribe(&sold.reference);
    let (following, stop) = follow(&settlement);
    // The viewer hears of it all the same, and again with every new attempt.
    waiter.changed().await;
    waiter.changed().await;
    assert_eq!(settlement.ledger.progress().await.expect("read"), None);

    disk.execute_batch("DROP TRIGGER full").expect("room");
    let mut taken = settlement.taken();
    taken
        .wait_for(|taken| taken.cursor == Cursor(1))
        .await
        .expect("taken");
    assert_eq!(recorded(&settlement).await, [sold.reference]);
    stop.cancel();
    following.await.expect("an orderly end");
}
