use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::{
    clock::SimulatedClock,
    payments::{InvoiceState, Settled},
};

const START: Timestamp = Timestamp::from_unix(1_800_000_000);

struct Purse {
    folder: TempDir,
    clock: Arc<SimulatedClock>,
}

impl Purse {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            clock: Arc::new(SimulatedClock::at(START)),
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("wallet.db")
    }

    async fn open(&self) -> Wallet {
        let clock: Arc<SimulatedClock> = Arc::clone(&self.clock);
        Wallet::open(&self.path(), clock).await.expect("a wallet")
    }
}

fn sats(sats: u64) -> Msats {
    Msats::new(sats * 1000).expect("an amount")
}

async fn invoice(wallet: &Wallet, amount: u64) -> Invoice {
    let new = NewInvoice {
        amount: sats(amount),
        memo: "a memo".to_owned(),
        description_hash: None,
        expires_in_s: 900,
    };
    wallet.create(new).await.expect("an invoice")
}

async fn refusal(wallet: &Wallet, request: &str, amount: Option<Msats>) -> PayError {
    wallet.pay(request, amount).await.expect_err("a refusal")
}

#[tokio::test]
async fn paying_twice_moves_money_once() {
    let purse = Purse::new();
    let wallet = purse.open().await;
    let made = invoice(&wallet, 100).await;
    let first = wallet
        .pay(&made.payment_request, Some(sats(150)))
        .await
        .expect("paid");
    assert!(first.preimage.proves(made.payment_hash));
    assert_eq!(first.amount, sats(150));

    purse.clock.advance(10_000);
    let again = wallet
        .pay(&made.payment_request, None)
        .await
        .expect("paid before");
    assert_eq!(again, first);
    let found = wallet
        .look_up(&made.reference)
        .await
        .expect("asked")
        .expect("known");
    let settled = InvoiceState::Settled(Settled {
        received: sats(150),
        at: START,
        cursor: Cursor(1),
        marked: false,
    });
    assert_eq!(found.state, settled, "neither amount nor time moves");
    assert_eq!(wallet.history(10).await.expect("asked").len(), 1);
}

#[tokio::test]
async fn wrong_amounts_are_refused_with_words() {
    let wallet = Purse::new().open().await;
    let made = invoice(&wallet, 100).await;
    let request = &made.payment_request;
    let words = refusal(&wallet, request, Some(sats(99))).await.to_string();
    assert_eq!(
        words,
        "99\u{202f}sat is too little: the invoice asks for 100\u{202f}sat"
    );
    let error = refusal(&wallet, request, Some(sats(201))).await;
    assert!(matches!(error, PayError::TooMuch { .. }), "{error}");
    wallet
        .pay(request, Some(sats(200)))
        .await
        .expect("twice is allowed");
}

#[tokio::test]
async fn what_ran_out_or_was_withdrawn_stays_unpaid() {
    let purse = Purse::new();
    let wallet = purse.open().await;
    let made = invoice(&wallet, 100).await;
    purse.clock.advance(900);
    let error = refusal(&wallet, &made.payment_request, None).await;
    assert!(
        matches!(error, PayError::Expired(at) if at == made.expires_at),
        "{error}"
    );

    let made = invoice(&wallet, 100).await;
    wallet.cancel(&made.reference).await.expect("withdrawn");
    let error = refusal(&wallet, &made.payment_request, None).await;
    assert!(matches!(error, PayError::Canceled), "{error}");
}

#[tokio::test]
async fn only_its_own_invoices_are_paid() {
    let (purse, other) = (Purse::new(), Purse::new());
    let (wallet, stranger) = (purse.open().await, other.open().await);
    let foreign = invoice(&stranger, 100).await;
    let error = refusal(&wallet, &foreign.payment_request, None).await;
    assert!(matches!(error, PayError::Foreign), "{error}");

    // The same payment hash under another node's signature.
    let made = invoice(&wallet, 100).await;
    let new = NewInvoice {
        amount: sats(1),
        memo: String::new(),
        description_hash: None,
        expires_in_s: 900,
    };
    let forged = stranger
        .key
        .invoice(&new, made.payment_hash, [0; 32], START)
        .expect("signed");
    let error = refusal(&wallet, &forged.payment_request, None).await;
    assert!(matches!(error, PayError::Foreign), "{error}");

    for text in ["", "lnbc1", "lightning:", "ä", &"l".repeat(10_000)] {
        let error = refusal(&wallet, text, None).await;
        assert!(matches!(error, PayError::Unreadable), "{text}: {error}");
    }
}

#[tokio::test]
async fn a_restart_loses_nothing() {
    let purse = Purse::new();
    let wallet = purse.open().await;
    let paid = invoice(&wallet, 100).await;
    let open = invoice(&wallet, 200).await;
    wallet.pay(&paid.payment_request, None).await.expect("paid");
    // As after kill -9: nothing is closed, the file is opened a second time.
    let reborn = purse.open().await;
    drop(wallet);

    let mut stream = reborn.settlements(Cursor(0)).await.expect("a stream");
    let first = stream.next().await.expect("an item").expect("a settlement");
    assert_eq!(
        (
            first.settled().map(|settled| settled.cursor),
            first.reference
        ),
        (Some(Cursor(1)), paid.reference)
    );
    assert_eq!(
        reborn.look_up(&open.reference).await.expect("asked"),
        Some(open.clone())
    );
    reborn.pay(&open.payment_request, None).await.expect("paid");
    let second = stream.next().await.expect("an item").expect("a settlement");
    assert_eq!(
        (
            second.settled().map(|settled| settled.cursor),
            second.reference
        ),
        (Some(Cursor(2)), open.reference)
    );

    let payee = |request: &str| {
        let invoice: lightning_invoice::Bolt11Invoice = request.parse().expect("BOLT11");
        invoice.recover_payee_pub_key()
    };
    let later = invoice(&reborn, 1).await;
    assert_eq!(
        payee(&later.payment_request),
        payee(&paid.payment_request),
        "one node for ever"
    );
}

#[tokio::test]
async fn unpaid_invoices_are_forgotten_in_the_end() {
    let purse = Purse::new();
    let wallet = purse.open().await;
    let unpaid = invoice(&wallet, 100).await;
    let paid = invoice(&wallet, 100).await;
    wallet.pay(&paid.payment_request, None).await.expect("paid");
    purse.clock.advance(91 * 24 * 3600);
    let later = purse.open().await;
    assert_eq!(later.look_up(&unpaid.reference).await.expect("asked"), None);
    assert!(
        later
            .look_up(&paid.reference)
            .await
            .expect("asked")
            .is_some()
    );
}

#[tokio::test]
async fn the_history_is_the_payers_newest_first() {
    let wallet = Purse::new().open().await;
    let mut requests = Vec::new();
    for amount in 1..=3 {
        let made = invoice(&wallet, amount).await;
        wallet.pay(&made.payment_request, None).await.expect("paid");
        requests.push(made.payment_request);
    }
    let history = wallet.history(2).await.expect("asked");
    let shown: Vec<_> = history
        .iter()
        .map(|payment| &payment.payment_request)
        .collect();
    assert_eq!(shown, [&requests[2], &requests[1]]);
    assert_eq!(history[0].amount, sats(3));
    let debug = format!("{wallet:?} {history:?}");
    assert!(!debug.contains(&history[0].preimage.reveal()));
}
