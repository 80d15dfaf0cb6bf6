//! Reading LND's list of invoices, page by page.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures_util::stream::{self, BoxStream, StreamExt};
use satreel_lnd::{
    Node, call,
    proto::lnrpc::{Invoice as LndInvoice, ListInvoiceRequest},
};

use super::{away, invoice};
use crate::{
    clock::Clock,
    core::time::Timestamp,
    payments::{Invoice, Result},
};

/// Invoices to a page: about a megabyte.
const PAGE: u64 = 1000;
/// LND goes through all it has to find a page's first invoice.
const LIMIT: Duration = Duration::from_mins(2);

/// Where a reading stands.
struct Reading {
    node: Node,
    clock: Arc<dyn Clock>,
    since: u64,
    /// The list goes on after this invoice; None: nothing is left.
    after: Option<u64>,
    page: VecDeque<LndInvoice>,
}

impl Reading {
    async fn turn_page(&mut self, after: u64) -> std::result::Result<(), satreel_lnd::Error> {
        let request = ListInvoiceRequest {
            index_offset: after,
            num_max_invoices: PAGE,
            creation_date_start: self.since,
            ..ListInvoiceRequest::default()
        };
        let mut lightning = self.node.lightning();
        let page = call("ListInvoices", LIMIT, lightning.list_invoices(request)).await?;
        let more = !page.invoices.is_empty() && page.last_index_offset > after;
        self.after = more.then_some(page.last_index_offset);
        self.page = page.invoices.into();
        Ok(())
    }

    async fn next(mut self) -> Option<(Result<Invoice>, Self)> {
        loop {
            while let Some(shown) = self.page.pop_front() {
                if let Some(invoice) = invoice::read(shown, self.clock.now()) {
                    return Some((Ok(invoice), self));
                }
            }
            let after = self.after?;
            if let Err(error) = self.turn_page(after).await {
                self.after = None;
                return Some((Err(away(error)), self));
            }
        }
    }
}

pub(super) fn since(
    node: Node,
    clock: Arc<dyn Clock>,
    since: Timestamp,
) -> BoxStream<'static, Result<Invoice>> {
    let reading = Reading {
        node,
        clock,
        since: since.as_unix(),
        after: Some(0),
        page: VecDeque::new(),
    };
    stream::unfold(reading, Reading::next).boxed()
}
