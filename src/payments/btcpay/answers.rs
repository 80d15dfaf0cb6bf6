//! What BTCPay's Greenfield API answers, as far as we use it. Versions differ: what is unknown is
//! passed over, and only what is used is required.

use serde::Deserialize;

/// An invoice. Payment methods come along when they were asked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct InvoiceData {
    pub(super) id: String,
    pub(super) store_id: String,
    /// None: a top-up, which has no price and is not ours.
    pub(super) amount: Option<String>,
    pub(super) currency: String,
    pub(super) created_time: u64,
    pub(super) expiration_time: u64,
    /// Until when BTCPay looks for late payments.
    pub(super) monitoring_expiration: u64,
    pub(super) status: Status,
    #[serde(default)]
    pub(super) additional_status: Additional,
    #[serde(default)]
    pub(super) metadata: serde_json::Value,
    pub(super) payment_methods: Option<Vec<Method>>,
}

impl InvoiceData {
    pub(super) fn order_id(&self) -> &str {
        self.metadata["orderId"].as_str().unwrap_or_default()
    }

    /// The money is there, or was said to be: worth reading in full. A late payment may still wait
    /// for its confirmation.
    pub(super) fn is_paid(&self) -> bool {
        match self.status {
            Status::Settled => true,
            Status::Expired => self.additional_status == Additional::PaidLate,
            Status::New | Status::Processing | Status::Invalid => false,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Status {
    New,
    Processing,
    Expired,
    Invalid,
    Settled,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(super) enum Additional {
    PaidLate,
    PaidPartial,
    Marked,
    Invalid,
    PaidOver,
    /// Also a word of a later version.
    #[default]
    #[serde(other)]
    None,
}

/// One way to pay an invoice, and what came by it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Method {
    pub(super) payment_method_id: String,
    /// The BOLT11, or the address.
    pub(super) destination: Option<String>,
    #[serde(default)]
    pub(super) payments: Vec<Payment>,
}

pub(super) const LIGHTNING: &str = "BTC-LN";
pub(super) const ONCHAIN: &str = "BTC-CHAIN";

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Payment {
    pub(super) received_date: u64,
    pub(super) value: String,
    pub(super) status: PaymentStatus,
    pub(super) destination: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum PaymentStatus {
    /// Double-spent, or replaced.
    Invalid,
    Processing,
    Settled,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct HealthData {
    pub(super) synchronized: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct ApiKeyData {
    pub(super) permissions: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct WebhookData {
    pub(super) id: String,
    pub(super) url: String,
}
