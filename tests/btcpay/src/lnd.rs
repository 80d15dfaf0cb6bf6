//! A real LND behind the store.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, Result, anyhow};
use async_trait::async_trait;
use lightning_invoice::Bolt11Invoice;
use satreel_lnd::{
    Options, call,
    proto::{
        invoicesrpc::CancelInvoiceMsg,
        lnrpc::{Invoice, NewAddressRequest, PaymentHash, invoice::InvoiceState},
    },
};
use zeroize::Zeroizing;

use crate::node::Node;

const LIMIT: Duration = Duration::from_secs(20);

/// Its macaroon may do everything, as BTCPay's own does.
#[derive(Debug)]
pub struct Lnd(satreel_lnd::Node);

impl Lnd {
    /// Connected when first used, in the runtime that uses it.
    pub fn new(address: String, certificate: PathBuf, macaroon: PathBuf) -> Result<Self> {
        Ok(Self(satreel_lnd::Node::new(Options {
            address,
            certificate,
            macaroon: Arc::new(move || std::fs::read(&macaroon).map(Zeroizing::new)),
        })?))
    }

    /// The shop of the pair.
    pub fn of(node: &lnd_pair::Node) -> Result<Self> {
        Self::new(node.address(), node.certificate(), node.admin_macaroon())
    }
}

fn hash(bolt11: &str) -> Result<Vec<u8>> {
    let invoice: Bolt11Invoice = bolt11.parse().map_err(|error| anyhow!("{error}"))?;
    let hash: &[u8; 32] = invoice.payment_hash().as_ref();
    Ok(hash.to_vec())
}

#[async_trait]
impl Node for Lnd {
    async fn invoice(&self, msat: u64, memo: &str, expires_in_s: u64) -> Result<String> {
        let request = Invoice {
            memo: memo.to_owned(),
            value_msat: i64::try_from(msat)?,
            expiry: i64::try_from(expires_in_s)?,
            ..Invoice::default()
        };
        let mut lightning = self.0.lightning();
        let made = call("AddInvoice", LIMIT, lightning.add_invoice(request)).await?;
        Ok(made.payment_request)
    }

    async fn paid(&self, bolt11: &str) -> Result<Option<u64>> {
        let request = PaymentHash {
            r_hash: hash(bolt11)?,
        };
        let mut lightning = self.0.lightning();
        let found = call("LookupInvoice", LIMIT, lightning.lookup_invoice(request)).await?;
        if found.state() != InvoiceState::Settled {
            return Ok(None);
        }
        Ok(Some(found.amt_paid_msat.try_into().context("an amount")?))
    }

    async fn cancel(&self, bolt11: &str) -> Result<()> {
        let request = CancelInvoiceMsg {
            payment_hash: hash(bolt11)?,
        };
        let mut invoices = self.0.invoices();
        call("CancelInvoice", LIMIT, invoices.cancel_invoice(request)).await?;
        Ok(())
    }

    async fn address(&self) -> Result<Option<String>> {
        let request = NewAddressRequest::default();
        let mut lightning = self.0.lightning();
        let made = call("NewAddress", LIMIT, lightning.new_address(request)).await?;
        Ok(Some(made.address))
    }
}
