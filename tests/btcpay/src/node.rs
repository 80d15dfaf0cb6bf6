//! The Lightning node behind the store.

use anyhow::Result;
use async_trait::async_trait;

/// Makes invoices and knows whether they were paid.
#[async_trait]
pub trait Node: Send + Sync + 'static {
    async fn invoice(&self, msat: u64, memo: &str, expires_in_s: u64) -> Result<String>;

    /// What came, in msat; None: nothing yet.
    async fn paid(&self, bolt11: &str) -> Result<Option<u64>>;

    /// Nobody can pay it any more.
    async fn cancel(&self, bolt11: &str) -> Result<()>;

    /// An address of the store's wallet, if it takes bitcoin on chain.
    async fn address(&self) -> Result<Option<String>>;
}
