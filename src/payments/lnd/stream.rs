//! Settlements as they happen.
//!
//! LND replays what settled after an index, but nothing for index 0; and it answers a subscription
//! only with the first invoice, so nobody learns when it has begun to listen. From the beginning
//! the list comes first; while nothing has settled at all, the list is asked again for as long as
//! a subscription could be on its way.

use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream::BoxStream};
use satreel_lnd::{
    Node, Response, Status, Streaming,
    proto::lnrpc::{Invoice as LndInvoice, InvoiceSubscription, invoice::InvoiceState as LndState},
};
use tokio::sync::{Notify, mpsc};
use tokio_stream::wrappers::ReceiverStream;

use super::{away, invoice, list};
use crate::{
    clock::Clock,
    core::time::Timestamp,
    payments::{Cursor, Error, Invoice, Result},
};

/// Settlements on their way to the ledger.
const AHEAD: usize = 500;
/// When the list is asked again while nothing has settled: after these waits.
const AGAIN: [Duration; 5] = [
    Duration::from_millis(100),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
];

const CALL: &str = "SubscribeInvoices";

/// `paid` is told of every settlement: it changes what the channels can bring.
pub(super) fn settlements(
    node: Node,
    clock: Arc<dyn Clock>,
    after: Cursor,
    paid: Arc<Notify>,
) -> BoxStream<'static, Result<Invoice>> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let following = Following {
        node,
        clock,
        sender,
        paid,
    };
    tokio::spawn(async move {
        let gone = following.sender.clone();
        // Whoever listened may have gone while LND is silent.
        tokio::select! {
            () = gone.closed() => {}
            () = following.run(after) => {}
        }
    });
    ReceiverStream::new(receiver).boxed()
}

struct Following {
    node: Node,
    clock: Arc<dyn Clock>,
    sender: mpsc::Sender<Result<Invoice>>,
    paid: Arc<Notify>,
}

type Subscription = std::result::Result<Response<Streaming<LndInvoice>>, Status>;

impl Following {
    async fn run(self, after: Cursor) {
        let Err(error) = self.follow(after).await else {
            return;
        };
        let _ = self.sender.send(Err(error)).await;
    }

    /// Ends well only when nobody listens any more.
    async fn follow(&self, after: Cursor) -> Result<()> {
        let mut after = after;
        if after == Cursor(0) {
            after = self.send_listed().await?;
        }
        if after == Cursor(0) {
            let mut lightning = self.node.lightning();
            let mut begun = pin!(lightning.subscribe_invoices(from(after)));
            match self.first_settlement(begun.as_mut()).await? {
                First::Listed(cursor) => after = cursor,
                First::Begun(stream) => return self.relay(*stream).await,
            }
        }
        let mut lightning = self.node.lightning();
        let begun = lightning.subscribe_invoices(from(after)).await;
        self.relay(begun.map_err(|status| refused(&status))?.into_inner())
            .await
    }

    async fn relay(&self, mut stream: Streaming<LndInvoice>) -> Result<()> {
        while let Some(shown) = stream.message().await.map_err(|status| refused(&status))? {
            if shown.state() != LndState::Settled {
                continue;
            }
            self.paid.notify_one();
            let Some(invoice) = invoice::read(shown, self.clock.now()) else {
                continue;
            };
            if self.sender.send(Ok(invoice)).await.is_err() {
                return Ok(());
            }
        }
        Err(Error::Away(anyhow::anyhow!("LND ended the subscription")))
    }

    /// Sends all that has settled, oldest settlement first; answers the last one's cursor.
    async fn send_listed(&self) -> Result<Cursor> {
        let all = list::since(self.node.clone(), self.clock.clone(), Timestamp::default());
        let settled = all.try_filter_map(async |invoice| {
            Ok(invoice.settled().map(|settled| (settled.cursor, invoice)))
        });
        let mut settled: Vec<_> = settled.try_collect().await?;
        settled.sort_by_key(|(cursor, _)| *cursor);
        let last = settled.last().map(|(cursor, _)| *cursor);
        for (_, invoice) in settled {
            if self.sender.send(Ok(invoice)).await.is_err() {
                break;
            }
        }
        Ok(last.unwrap_or_default())
    }

    /// Waits with a subscription whose begin can't be seen.
    async fn first_settlement(
        &self,
        mut begun: std::pin::Pin<&mut impl Future<Output = Subscription>>,
    ) -> Result<First> {
        for wait in AGAIN {
            let early = tokio::time::timeout(wait, begun.as_mut()).await;
            let last = self.send_listed().await?;
            if last > Cursor(0) {
                return Ok(First::Listed(last));
            }
            if let Ok(begun) = early {
                return begun.map(First::begun).map_err(|status| refused(&status));
            }
        }
        // LND has answered many calls since: by now it listens, and tells of the first.
        begun
            .await
            .map(First::begun)
            .map_err(|status| refused(&status))
    }
}

/// What came first to a node where nothing had settled.
enum First {
    /// The list had settlements; they have been sent up to this one.
    Listed(Cursor),
    Begun(Box<Streaming<LndInvoice>>),
}

impl First {
    fn begun(response: Response<Streaming<LndInvoice>>) -> Self {
        Self::Begun(Box::new(response.into_inner()))
    }
}

fn from(after: Cursor) -> InvoiceSubscription {
    InvoiceSubscription {
        add_index: 0,
        settle_index: after.0,
    }
}

fn refused(status: &Status) -> Error {
    away(satreel_lnd::Error::of(CALL, status))
}
