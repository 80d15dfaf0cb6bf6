//! The calls of one store: invoices made, read and listed. Answers as BTCPay gives them.

use std::collections::HashSet;

use reqwest::Method as Verb;
use serde_json::json;

use super::{
    amount::Btc,
    answers::{HealthData, InvoiceData, LIGHTNING, Method, ONCHAIN},
    client::Client,
};
use crate::{
    core::{money::Msats, time::Timestamp},
    payments::{Error, Result},
};

/// Invoices to a page of the list.
const PAGE: usize = 100;

#[derive(Debug, Clone)]
pub(super) struct Store {
    pub(super) client: Client,
    pub(super) id: String,
}

/// Which invoices a list shows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Query<'a> {
    pub(super) made_since: Option<Timestamp>,
    pub(super) statuses: &'a [&'static str],
    pub(super) order_id: Option<&'a str>,
    /// With their payments: more to read, and all that settling takes.
    pub(super) in_full: bool,
}

impl Store {
    pub(super) async fn create(
        &self,
        amount: Msats,
        memo: &str,
        minutes: u32,
    ) -> Result<InvoiceData> {
        let body = json!({
            "amount": Btc(amount).to_string(),
            "currency": "BTC",
            "metadata": { "orderId": memo },
            "checkout": {
                // Of these, those that the store has. Not its other coins: their amounts are not sat.
                "paymentMethods": [LIGHTNING, ONCHAIN],
                "expirationMinutes": minutes,
                "paymentTolerance": 0,
            },
        });
        let path = ["stores", self.id.as_str(), "invoices"];
        let made = self
            .client
            .send(Verb::POST, &path, &[], Some(&body))
            .await?;
        made.ok_or_else(no_store)
    }

    /// None: no such invoice, or one of another store.
    pub(super) async fn invoice(&self, id: &str) -> Result<Option<(InvoiceData, Vec<Method>)>> {
        let query = [("includePaymentMethods", "true")];
        let found: Option<InvoiceData> = self.client.get(&["invoices", id], &query).await?;
        // SECURITY: the key may see other stores too, whose prices are not ours.
        let Some(found) = found.filter(|found| found.store_id == self.id) else {
            return Ok(None);
        };
        self.with_methods(found).await.map(Some)
    }

    /// Older versions show one invoice without its payment methods.
    pub(super) async fn with_methods(
        &self,
        mut data: InvoiceData,
    ) -> Result<(InvoiceData, Vec<Method>)> {
        let methods = match data.payment_methods.take() {
            Some(methods) => methods,
            None => self.methods(&data.id).await?,
        };
        Ok((data, methods))
    }

    pub(super) async fn methods(&self, id: &str) -> Result<Vec<Method>> {
        let path = ["invoices", id, "payment-methods"];
        Ok(self.client.get(&path, &[]).await?.unwrap_or_default())
    }

    /// Newest first, as BTCPay lists them. What is made meanwhile moves the rest on, so that an
    /// invoice may come twice and is taken once.
    pub(super) async fn list(&self, query: Query<'_>) -> Result<Vec<InvoiceData>> {
        let mut found: Vec<InvoiceData> = Vec::new();
        let mut known = HashSet::new();
        let mut skip = 0;
        loop {
            let page = self.page(query, skip).await?;
            let count = page.len();
            found.extend(page.into_iter().filter(|one| known.insert(one.id.clone())));
            if count < PAGE {
                return Ok(found);
            }
            skip += count;
        }
    }

    async fn page(&self, query: Query<'_>, skip: usize) -> Result<Vec<InvoiceData>> {
        let (skip, take) = (skip.to_string(), PAGE.to_string());
        let since = query.made_since.map(|since| since.as_unix().to_string());
        let mut pairs = vec![("skip", skip.as_str()), ("take", take.as_str())];
        pairs.extend(since.as_deref().map(|since| ("startDate", since)));
        pairs.extend(query.order_id.map(|id| ("orderId", id)));
        pairs.extend(query.statuses.iter().map(|status| ("status", *status)));
        if query.in_full {
            pairs.push(("includePaymentMethods", "true"));
        }
        let path = ["stores", self.id.as_str(), "invoices"];
        self.client.get(&path, &pairs).await?.ok_or_else(no_store)
    }

    /// The newest invoice; the cheapest call that needs the key, the store and its permission.
    pub(super) async fn probe(&self) -> Result<()> {
        let path = ["stores", self.id.as_str(), "invoices"];
        let page: Option<Vec<InvoiceData>> = self.client.get(&path, &[("take", "1")]).await?;
        page.map(drop).ok_or_else(no_store)
    }

    pub(super) async fn synchronized(&self) -> Result<bool> {
        let health: Option<HealthData> = self.client.get(&["health"], &[]).await?;
        Ok(health.is_none_or(|health| health.synchronized))
    }
}

fn no_store() -> Error {
    Error::Refused(anyhow::anyhow!("BTCPay Server has no such store"))
}
