//! What every payment backend must do, whatever stands behind it.

use std::{collections::HashSet, sync::Arc, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use async_trait::async_trait;
use futures_util::StreamExt;
use lightning_invoice::Bolt11Invoice;
use satreel::{
    core::{
        ids::{InvoiceRef, PaymentHash},
        money::Msats,
        time::Timestamp,
    },
    payments::{Cursor, Error, Health, Invoice, InvoiceBackend, InvoiceState, NewInvoice, Settled},
};

/// Somebody with money, and with time.
#[async_trait]
pub(crate) trait Payer: Send + Sync {
    /// Pays; `amount` is another amount than asked. Returns once the payment went through.
    async fn pay(&self, payment_request: &str, amount: Option<Msats>) -> Result<()>;

    /// Lets time go by for the backend: simulated where it can be, else waited for.
    async fn let_pass(&self, time: Duration);
}

/// A fresh backend and a payer that reaches it.
pub(crate) struct Bench {
    pub(crate) backend: Arc<dyn InvoiceBackend>,
    pub(crate) payer: Box<dyn Payer>,
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
            expires_in_s,
        };
        Ok(self.backend.create(new).await?)
    }

    async fn look_up(&self, invoice: &Invoice) -> Result<Invoice> {
        let found = self.backend.look_up(&invoice.reference).await?;
        found.context("the backend forgot its invoice")
    }

    /// Reads `count` settlements of the stream.
    async fn settled(&self, after: Cursor, count: usize) -> Result<Vec<Settled>> {
        let stream = self.backend.settlements(after).await?;
        let items: Vec<_> = stream.take(count).collect().await;
        Ok(items.into_iter().collect::<Result<_, _>>()?)
    }
}

pub(crate) async fn an_invoice_is_what_was_asked_for(bench: Bench) -> Result<()> {
    let memo = "Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFyYmF6Zm9vYmFy";
    let made = bench.invoice_for(1234, memo, 700).await?;
    ensure!(made.memo == memo && made.amount == sats(1234)?);
    ensure!(
        made.state
            == InvoiceState::Open {
                received: Msats::ZERO
            }
    );
    ensure!(made.expires_at == made.created_at.plus_seconds(700));

    let parsed: Bolt11Invoice = made
        .payment_request
        .parse()
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    ensure!(parsed.amount_milli_satoshis() == Some(1_234_000));
    ensure!(parsed.description().to_string() == memo);
    let hash: &[u8; 32] = parsed.payment_hash().as_ref();
    ensure!(hash == made.payment_hash.as_bytes());
    ensure!(parsed.expiry_time().as_secs() == 700);

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
    let InvoiceState::Settled { received, at } = found.state else {
        bail!("paid, yet {:?}", found.state);
    };
    ensure!(received == made.amount && at >= made.created_at);
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
    let state = bench.look_up(&made).await?.state;
    ensure!(matches!(state, InvoiceState::Settled { received, .. } if received == sats(150)?));

    let made = bench.invoice(100, "stingy").await?;
    ensure!(
        bench
            .payer
            .pay(&made.payment_request, Some(sats(60)?))
            .await
            .is_err()
    );
    let state = bench.look_up(&made).await?.state;
    ensure!(!matches!(state, InvoiceState::Settled { .. }), "{state:?}");
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
    }
    let replayed = bench.settled(Cursor(0), 2).await?;
    ensure!(replayed[0].invoice == bench.look_up(order[0]).await?);
    ensure!(replayed[1].invoice == bench.look_up(order[1]).await?);
    ensure!(replayed[0].cursor < replayed[1].cursor);

    let mut live = bench.backend.settlements(replayed[0].cursor).await?;
    let next = live.next().await.context("the stream ended")??;
    ensure!(next == replayed[1], "from its cursor on, and no earlier");
    let waiting = tokio::spawn(async move { live.next().await });
    bench.payer.pay(&invoices[0].payment_request, None).await?;
    let next = waiting.await?.context("the stream ended")??;
    ensure!(next.invoice == bench.look_up(&invoices[0]).await?);
    ensure!(next.cursor > replayed[1].cursor);
    ensure!(next.invoice.reference != unpaid.reference);
    Ok(())
}

pub(crate) async fn the_list_is_complete_and_in_order(bench: Bench) -> Result<()> {
    let mut made = Vec::new();
    for number in 0..7 {
        made.push(bench.invoice(10 + number, "list").await?.reference);
    }
    let first = bench.look_up_ref(&made[0]).await?;
    let mut listed = Vec::new();
    while let Some(count) = bench.page(&mut listed, 3, Timestamp::default()).await? {
        ensure!(count <= 3);
    }
    let references: Vec<_> = listed
        .iter()
        .map(|invoice| invoice.reference.clone())
        .collect();
    ensure!(references == made, "all, oldest first, each once");
    ensure!(references.iter().collect::<HashSet<_>>().len() == 7);

    bench.payer.let_pass(Duration::from_secs(2)).await;
    let later = bench.invoice(50, "later").await?;
    let listed = bench.backend.list_since(later.created_at, 0, 10).await?;
    ensure!(listed == [later], "only what was made since");
    ensure!(first.created_at < listed[0].created_at);
    Ok(())
}

impl Bench {
    async fn look_up_ref(&self, reference: &InvoiceRef) -> Result<Invoice> {
        self.backend.look_up(reference).await?.context("forgotten")
    }

    /// The next page, or None after the last.
    async fn page(
        &self,
        listed: &mut Vec<Invoice>,
        size: u32,
        since: Timestamp,
    ) -> Result<Option<usize>> {
        let page = self
            .backend
            .list_since(since, listed.len() as u64, size)
            .await?;
        let count = page.len();
        listed.extend(page);
        Ok((count > 0).then_some(count))
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
    ensure!(bench.look_up(&made).await?.state == InvoiceState::Canceled);
    ensure!(bench.payer.pay(&made.payment_request, None).await.is_err());
    ensure!(bench.look_up(&made).await?.state == InvoiceState::Canceled);

    let paid = bench.invoice(100, "paid").await?;
    bench.payer.pay(&paid.payment_request, None).await?;
    let refused = bench.backend.cancel(&paid.reference).await;
    ensure!(matches!(refused, Err(Error::WrongState(_))), "{refused:?}");
    ensure!(matches!(
        bench.look_up(&paid).await?.state,
        InvoiceState::Settled { .. }
    ));
    Ok(())
}

pub(crate) async fn what_ran_out_cannot_be_paid(bench: Bench) -> Result<()> {
    let made = bench.invoice_for(100, "brief", 2).await?;
    bench.payer.let_pass(Duration::from_secs(3)).await;
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
    ensure!(bench.backend.health().await == Health::Ready);
    Ok(())
}
