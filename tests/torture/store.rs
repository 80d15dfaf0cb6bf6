//! BTCPay Server's stand-in beside the cinema: its invoices are the shop's, and survive its end; its
//! queue of webhooks does not.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Result;
use btcpay_standin::{Key, Options, Standin, hooks::Faults, lnd::Lnd};
use lnd_pair::Node;

const STORE: &str = "TortureStore";
const API_KEY: &str = "the-api-key-of-the-torture-store";
const WEBHOOK_SECRET: &str = "the-webhook-secret-of-the-torture-store";

pub struct Store {
    node: Arc<Lnd>,
    options: Options,
    running: Mutex<Standin>,
    /// Those of the stand-ins that were killed.
    violations: Mutex<Vec<String>>,
    folder: PathBuf,
}

impl Store {
    pub async fn open(folder: &Path, shop: &Node) -> Result<Self> {
        let node = Arc::new(Lnd::of(shop)?);
        let mut options = Options::new(STORE, vec![Key::narrow(API_KEY, STORE)]);
        options.file = Some(folder.join("store.json"));
        let running = Standin::start(options.clone(), node.clone()).await?;
        // Started again it is found where it was.
        options.listen = running.address;
        options.control = running.control;
        fs::write(folder.join("api-key"), API_KEY)?;
        fs::write(folder.join("webhook-secret"), WEBHOOK_SECRET)?;
        Ok(Self {
            node,
            options,
            running: Mutex::new(running),
            violations: Mutex::default(),
            folder: folder.to_owned(),
        })
    }

    fn running(&self) -> Standin {
        let running = self.running.lock();
        running.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The tables of the cinema's configuration.
    pub fn payments(&self) -> String {
        let folder = self.folder.display();
        format!(
            "[payments]\nbackend = \"btcpay\"\n[payments.btcpay]\nurl = \"{}\"\n\
             store = \"{STORE}\"\napi_key = {{ file = \"{folder}/api-key\" }}\n\
             webhook_secret = {{ file = \"{folder}/webhook-secret\" }}\n",
            self.running().url()
        )
    }

    pub fn secrets() -> Vec<String> {
        [API_KEY, WEBHOOK_SECRET].map(str::to_owned).to_vec()
    }

    /// Where webhooks go from now on.
    pub fn call(&self, cinema: &str) -> Result<()> {
        let url = format!("http://{cinema}/webhooks/btcpay");
        self.running().install_hook(&url, WEBHOOK_SECRET)
    }

    pub fn set_faults(&self, faults: Faults) {
        self.running().set_faults(faults);
    }

    /// Every call is answered with 500.
    pub fn fail(&self, failing: bool) {
        let running = self.running();
        running.set_faults(Faults {
            failing,
            ..running.faults()
        });
    }

    pub fn kill9(&self) {
        let running = self.running();
        running.kill();
        let violations = self.violations.lock();
        violations
            .unwrap_or_else(PoisonError::into_inner)
            .extend(running.violations());
    }

    pub async fn start(&self) -> Result<()> {
        let standin = Standin::start(self.options.clone(), self.node.clone()).await?;
        let running = self.running.lock();
        *running.unwrap_or_else(PoisonError::into_inner) = standin;
        Ok(())
    }

    pub fn violations(&self) -> Vec<String> {
        let violations = self.violations.lock();
        let mut all = violations.unwrap_or_else(PoisonError::into_inner).clone();
        all.extend(self.running().violations());
        all
    }
}
