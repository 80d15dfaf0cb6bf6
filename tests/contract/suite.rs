//! What every payment backend must do, whatever stands behind it.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};
use lightning_invoice::Bolt11Invoice;
use satreel::{
    core::{
        ids::{InvoiceRef, PaymentHash},
        money::Msats,
        time::Timestamp,
    },
    payments::{Cursor, Error, Health, Invoice, InvoiceBackend, InvoiceState, NewInvoice},
};

/// Somebody with money, and with time.
#[async_trait]
pub(crate) trait Payer: Send + Sync {
    /// Pays; `amount` is another amount than asked. Returns once the payment went through.
    async fn pay(&self, payment_request: &str, amount: Option<Msats>) -> Result<()>;

    /// Lets time go by for the backend: simulated where it can be, else waited for.
    async fn let_pass(&self, time: Duration);
}

/// A backend and a payer that reaches it. Others may use it at the same time: a real node is
/// shared by all clauses, so lists and streams may hold strange invoices.
pub(crate) struct Bench {
    pub(crate) backend: Arc<dyn InvoiceBackend>,
    pub(crate) payer: Box<dyn Payer>,
    /// Whether it can withdraw an invoice. One that can't lets it run out.
    pub(crate) cancels: bool,
}

/// One test a clause, for the backend that `$bench` makes.
macro_rules! contract {
    ($bench:path) => {
        $crate::suite::contract!(
            $bench,
            [
                an_invoice_is_what_was_asked_for,
                nobody_knows_a_strange_invoice,
                a_payment_settles_once_and_for_all,
                more_than_asked_is_received_in_full,
                the_stream_replays_and_goes_on,
                the_list_is_complete_and_in_order,
                what_is_withdrawn_cannot_be_paid,
                what_ran_out_cannot_be_paid,
                a_backend_that_works_says_so
            ]
        );
    };
    ($bench:path, [$($clause:ident),*]) => {
        $(
            #[tokio::test]
            async fn $clause() -> anyhow::Result<()> {
                $crate::suite::$clause($bench().await?).await
            }
        )*
    };
}
pub(crate) use contract;

fn sats(sats: u64) -> Result<Msats> {
    Ok(Msats::new(sats * 1000)?)
}

impl Bench {
    async fn invoice(&self, amount: u64, memo: &str) -> Result<Invoice> {
        self.invoice_for(amount, memo, 600).await
    }

    async fn invoice_for(&self, amount: u64, memo: &str, expires_in_s: u32) -> Result<Invoice> {
        let amount = sats(amount)?;
        let memo = memo.to_owned();
        let new = NewInvoice {
            amount,
            memo,
            description_hash: None,
            expires_in_s,
        };
        Ok(self.backend.create(new).await?)
    }

    async fn look_up(&self, invoice: &Invoice) -> Result<Invoice> {
        let found = self.backend.look_up(&invoice.reference).await?;
        found.context("the backend forgot its invoice")
    }

    /// Returns once the backend's own clock has taken the invoice out of sale.
    async fn until_it_ran_out(&self, invoice: &Invoice) -> Result<()> {
        for _ in 0..30 {
            match self.look_up(invoice).await?.state {
                InvoiceState::Open { .. } => self.payer.let_pass(Duration::from_secs(1)).await,
                _ => return Ok(()),
            }
        }
        bail!("{} never runs out", invoice.reference)
    }

    /// Settlements of `ours` from the stream, as many as there are `ours`.
    async fn settled(&self, after: Cursor, ours: &[&Invoice]) -> Result<Vec<Invoice>> {
        let mut stream = self.backend.settlements(after).await?;
        let mut found = Vec::new();
        while found.len() < ours.len() {
            found.push(next_of(&mut stream, ours).await?);
        }
        Ok(found)
    }
}

/// The stream's next settlement of one of `ours`.
async fn next_of(
    stream: &mut BoxStream<'static, satreel::payments::Result<Invoice>>,
    ours: &[&Invoice],
) -> Result<Invoice> {
    loop {
        let next = stream.next().await.context("the stream ended")??;
        if ours.iter().any(|ours| ours.reference == next.reference) {
            return Ok(next);
        }
    }
}

pub(crate) async fn an_invoice_is_what_was_asked_for(bench: Bench) -> Result<()> {
    let memo = "Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFy";
    // Whole minutes: what every backend can count.
    let made = bench.invoice_for(1234, memo, 720).await?;
    ensure!(made.memo == memo && made.amount == sats(1234)?);
    ensure!(
        made.state
            == InvoiceState::Open {
                received: Msats::ZERO
            }
    );
    ensure!(made.expires_at == made.created_at.plus_seconds(720));

    let parsed: Bolt11Invoice = made
        .payment_request
        .parse()
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    ensure!(parsed.amount_milli_satoshis() == Some(1_234_000));
    // Among words of a store's own, where the backend adds them.
    let description = parsed.description().to_string();
    ensure!(description.contains(memo), "{description}");
    let hash: &[u8; 32] = parsed.payment_hash().as_ref();
    ensure!(hash == made.payment_hash.as_bytes());
    let lasts = parsed.expiry_time().as_secs();
    ensure!(
        (715..=720).contains(&lasts),
        "never longer than was said: {lasts}"
    );

    ensure!(bench.look_up(&made).await? == made);
    let second = bench.invoice(1234, memo).await?;
    ensure!(
        second.reference != made.reference,
        "every invoice is one of its own"
    );
    Ok(())
}

pub(crate) async fn nobody_knows_a_strange_invoice(bench: Bench) -> Result<()> {
    let strange = InvoiceRef::Hash(PaymentHash::from_bytes([9; 32]));
    ensure!(bench.backend.look_up(&strange).await?.is_none());
    ensure!(
        bench
            .backend
            .look_up(&InvoiceRef::btcpay("Nowhere1")?)
            .await?
            .is_none()
    );
    ensure!(bench.backend.cancel(&strange).await.is_err());
    Ok(())
}

pub(crate) async fn a_payment_settles_once_and_for_all(bench: Bench) -> Result<()> {
    let made = bench.invoice(100, "once").await?;
    bench.payer.pay(&made.payment_request, None).await?;
    let found = bench.look_up(&made).await?;
    let Some(settled) = found.settled() else {
        bail!("paid, yet {:?}", found.state);
    };
    ensure!(settled.received == made.amount && settled.at >= made.created_at && !settled.marked);
    let shown = bench.backend.find(made.payment_hash, &made.memo).await?;
    ensure!(shown.as_ref() == Some(&found), "found by its BOLT11 too");
    ensure!(
        found
            == Invoice {
                state: found.state,
                ..made.clone()
            },
        "nothing else changed"
    );

    // Again, later, and after its expiry: whatever the payer is told, nothing moves.
    let _ = bench.payer.pay(&made.payment_request, None).await;
    bench.payer.let_pass(Duration::from_secs(2)).await;
    ensure!(bench.look_up(&made).await? == found);
    Ok(())
}

pub(crate) async fn more_than_asked_is_received_in_full(bench: Bench) -> Result<()> {
    let made = bench.invoice(100, "generous").await?;
    bench
        .payer
        .pay(&made.payment_request, Some(sats(150)?))
        .await?;
    let settled = bench.look_up(&made).await?.settled();
    ensure!(settled.context("settled")?.received == sats(150)?);

    let made = bench.invoice(100, "stingy").await?;
    ensure!(
        bench
            .payer
            .pay(&made.payment_request, Some(sats(60)?))
            .await
            .is_err()
    );
    let state = bench.look_up(&made).await?.state;
    ensure!(!matches!(state, InvoiceState::Settled(_)), "{state:?}");
    Ok(())
}

pub(crate) async fn the_stream_replays_and_goes_on(bench: Bench) -> Result<()> {
    let mut invoices = Vec::new();
    for number in 0..3 {
        invoices.push(bench.invoice(10 + number, "stream").await?);
    }
    let unpaid = bench.invoice(99, "never").await?;
    // Paid in another order than made: the stream's order is the payments'.
    let order = [&invoices[1], &invoices[2]];
    for invoice in order {
        bench.payer.pay(&invoice.payment_request, None).await?;
        // A cursor may count no finer than by the second.
        bench.payer.let_pass(Duration::from_secs(1)).await;
    }
    let replayed = bench.settled(Cursor(0), &order).await?;
    ensure!(replayed[0] == bench.look_up(order[0]).await?);
    ensure!(replayed[1] == bench.look_up(order[1]).await?);
    ensure!(cursor(&replayed[0])? < cursor(&replayed[1])?);

    let mut live = bench.backend.settlements(cursor(&replayed[0])?).await?;
    // Repetitions are allowed: what was seen is passed over.
    let rest = [&invoices[0], &invoices[2], &unpaid];
    let next = next_of(&mut live, &rest).await?;
    ensure!(next == replayed[1], "from its cursor on");
    let waiting = {
        let rest = [invoices[0].clone(), unpaid.clone()];
        tokio::spawn(async move {
            let rest: Vec<_> = rest.iter().collect();
            next_of(&mut live, &rest).await
        })
    };
    bench.payer.pay(&invoices[0].payment_request, None).await?;
    let next = waiting.await??;
    ensure!(next == bench.look_up(&invoices[0]).await?);
    ensure!(cursor(&next)? > cursor(&replayed[1])?);
    Ok(())
}

fn cursor(invoice: &Invoice) -> Result<Cursor> {
    Ok(invoice.settled().context("a settled invoice")?.cursor)
}

pub(crate) async fn the_list_is_complete_and_in_order(bench: Bench) -> Result<()> {
    let mut made = Vec::new();
    for number in 0..7 {
        made.push(bench.invoice(10 + number, "list").await?.reference);
    }
    let first = bench.look_up_ref(&made[0]).await?;
    let listed = bench.listed(Timestamp::default()).await?;
    let of_ours = |listed: &[Invoice]| -> Vec<InvoiceRef> {
        let all = listed.iter().map(|invoice| invoice.reference.clone());
        all.filter(|reference| made.contains(reference)).collect()
    };
    ensure!(of_ours(&listed) == made, "all, oldest first, each once");

    bench.payer.let_pass(Duration::from_secs(2)).await;
    let later = bench.invoice(50, "later").await?;
    let listed = bench.listed(later.created_at).await?;
    ensure!(listed.contains(&later), "what was made since");
    ensure!(of_ours(&listed).is_empty(), "and no more");
    ensure!(first.created_at < later.created_at);
    Ok(())
}

impl Bench {
    async fn look_up_ref(&self, reference: &InvoiceRef) -> Result<Invoice> {
        self.backend.look_up(reference).await?.context("forgotten")
    }

    async fn listed(&self, since: Timestamp) -> Result<Vec<Invoice>> {
        Ok(self.backend.list_since(since).await?.try_collect().await?)
    }
}

pub(crate) async fn what_is_withdrawn_cannot_be_paid(bench: Bench) -> Result<()> {
    let made = bench.invoice(100, "withdrawn").await?;
    bench.backend.cancel(&made.reference).await?;
    bench
        .backend
        .cancel(&made.reference)
        .await
        .context("twice is no fault")?;
    if bench.cancels {
        ensure!(bench.look_up(&made).await?.state == InvoiceState::Canceled);
        ensure!(bench.payer.pay(&made.payment_request, None).await.is_err());
        ensure!(bench.look_up(&made).await?.state == InvoiceState::Canceled);
    } else {
        ensure!(bench.look_up(&made).await? == made, "it runs out by itself");
    }

    let paid = bench.invoice(100, "paid").await?;
    bench.payer.pay(&paid.payment_request, None).await?;
    let refused = bench.backend.cancel(&paid.reference).await;
    ensure!(matches!(refused, Err(Error::WrongState(_))), "{refused:?}");
    ensure!(bench.look_up(&paid).await?.settled().is_some());
    Ok(())
}

pub(crate) async fn what_ran_out_cannot_be_paid(bench: Bench) -> Result<()> {
    let made = bench.invoice_for(100, "brief", 2).await?;
    // As long as the backend made it, which may count in minutes.
    let lasts = made.expires_at.seconds_since(made.created_at);
    bench.payer.let_pass(Duration::from_secs(lasts)).await;
    bench.until_it_ran_out(&made).await?;
    ensure!(bench.payer.pay(&made.payment_request, None).await.is_err());
    let state = bench.look_up(&made).await?.state;
    ensure!(
        state
            == InvoiceState::Expired {
                received: Msats::ZERO
            },
        "{state:?}"
    );
    Ok(())
}

pub(crate) async fn a_backend_that_works_says_so(bench: Bench) -> Result<()> {
    let health = bench.backend.health().await;
    ensure!(matches!(health, Health::Ready { .. }), "{health:?}");
    Ok(())
}
