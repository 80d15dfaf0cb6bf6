//! One LND: its process and its files.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use satreel_lnd::{
    Options, call,
    proto::lnrpc::{
        BakeMacaroonRequest, ChanBackupSnapshot, GenSeedRequest, GetInfoRequest, GetInfoResponse,
        GetStateRequest, InitWalletRequest, MacaroonPermission, MultiChanBackup,
        UnlockWalletRequest, WalletState,
    },
};
use zeroize::Zeroizing;

use crate::launch::{Running, free_port};

pub(crate) const LIMIT: Duration = Duration::from_secs(20);
/// A cold start on a busy machine.
const START: Duration = Duration::from_secs(90);
const PASSWORD: &[u8] = b"of a test";

/// A node of the pair. Its address and files stay the same when it is stopped and started.
#[derive(Debug)]
pub struct Node {
    program: PathBuf,
    folder: PathBuf,
    arguments: Vec<String>,
    rpc: u16,
    p2p: u16,
    process: Mutex<Process>,
}

#[derive(Debug, Default)]
struct Process {
    running: Option<Running>,
    frozen: bool,
}

impl Node {
    /// Not started yet.
    pub(crate) fn new(programs: &Path, folder: &Path, chain: &[String]) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let (rpc, p2p) = (free_port()?, free_port()?);
        let mut arguments = chain.to_vec();
        arguments.extend([
            format!("--lnddir={}", folder.display()),
            format!("--rpclisten=127.0.0.1:{rpc}"),
            format!("--listen=127.0.0.1:{p2p}"),
        ]);
        arguments.extend(
            [
                "--norest",
                "--nobootstrap",
                "--bitcoin.defaultchanconfs=1",
                "--trickledelay=50",
                "--gossip.sub-batch-delay=5ms",
                "--db.batch-commit-interval=10ms",
                "--caches.rpc-graph-cache-duration=100ms",
                "--logging.console.disable",
            ]
            .map(String::from),
        );
        Ok(Self {
            program: programs.join("lnd"),
            folder: folder.to_owned(),
            arguments,
            rpc,
            p2p,
            process: Mutex::default(),
        })
    }

    /// `https://127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("https://127.0.0.1:{}", self.rpc)
    }

    /// Where other nodes connect to.
    pub fn peer_address(&self) -> String {
        format!("127.0.0.1:{}", self.p2p)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn certificate(&self) -> PathBuf {
        self.folder.join("tls.cert")
    }

    pub fn admin_macaroon(&self) -> PathBuf {
        self.folder
            .join("data/chain/bitcoin/regtest/admin.macaroon")
    }

    /// The process while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process().running.as_ref().map(Running::pid)
    }

    /// A fresh connection with every right. Made for each use: a connection belongs to the
    /// runtime that it was made in, and tests have one each.
    pub fn connect(&self) -> Result<satreel_lnd::Node> {
        let macaroon = self.admin_macaroon();
        Ok(satreel_lnd::Node::new(Options {
            address: self.address(),
            certificate: self.certificate(),
            macaroon: Arc::new(move || std::fs::read(&macaroon).map(Zeroizing::new)),
        })?)
    }

    pub async fn info(&self) -> Result<GetInfoResponse> {
        let mut lightning = self.connect()?.lightning();
        Ok(call("GetInfo", LIMIT, lightning.get_info(GetInfoRequest {})).await?)
    }

    /// A macaroon that permits just this, as (entity, action).
    pub async fn bake(&self, permissions: &[(&str, &str)]) -> Result<Vec<u8>> {
        let permissions = permissions
            .iter()
            .map(|(entity, action)| MacaroonPermission {
                entity: (*entity).to_owned(),
                action: (*action).to_owned(),
            });
        let request = BakeMacaroonRequest {
            permissions: permissions.collect(),
        };
        let mut lightning = self.connect()?.lightning();
        let baked = call("BakeMacaroon", LIMIT, lightning.bake_macaroon(request)).await?;
        Ok(hex::decode(baked.macaroon)?)
    }

    /// Starts it and waits until it serves and knows the chain's tip.
    pub async fn start(&self) -> Result<()> {
        self.launch(&["--noseedbackup"])?;
        self.wait_for(WalletState::ServerActive).await?;
        self.wait_synced().await
    }

    /// Starts it on a chain that has no recent block: it answers and waits for one.
    pub(crate) async fn start_unsynced(&self) -> Result<()> {
        self.launch(&["--noseedbackup"])?;
        self.wait_for(WalletState::RpcActive).await
    }

    /// Starts it without the wallet that the pair's own nodes have at once: first there is none,
    /// later it is locked.
    pub async fn start_closed(&self) -> Result<()> {
        self.launch(&[])?;
        self.wait("answering", async || {
            let now = self.state().await?;
            Ok(matches!(
                now,
                WalletState::NonExisting | WalletState::Locked
            ))
        })
        .await
    }

    /// The seed's words come back.
    pub async fn create_wallet(&self) -> Result<Vec<String>> {
        let mut unlocker = self.connect()?.unlocker();
        let asked = unlocker.gen_seed(GenSeedRequest {});
        let seed = call("GenSeed", LIMIT, asked).await?.cipher_seed_mnemonic;
        self.init_wallet(InitWalletRequest {
            wallet_password: PASSWORD.to_vec(),
            cipher_seed_mnemonic: seed.clone(),
            ..InitWalletRequest::default()
        })
        .await?;
        Ok(seed)
    }

    /// The wallet of a node that is gone: from its seed, and from its channel backup.
    pub async fn restore_wallet(&self, seed: &[String], backup: Vec<u8>) -> Result<()> {
        self.init_wallet(InitWalletRequest {
            wallet_password: PASSWORD.to_vec(),
            cipher_seed_mnemonic: seed.to_vec(),
            recovery_window: 100,
            channel_backups: Some(ChanBackupSnapshot {
                multi_chan_backup: Some(MultiChanBackup {
                    chan_points: Vec::new(),
                    multi_chan_backup: backup,
                }),
            }),
        })
        .await
    }

    async fn init_wallet(&self, request: InitWalletRequest) -> Result<()> {
        let mut unlocker = self.connect()?.unlocker();
        call("InitWallet", LIMIT, unlocker.init_wallet(request)).await?;
        self.wait_for(WalletState::ServerActive).await
    }

    pub async fn unlock(&self) -> Result<()> {
        let request = UnlockWalletRequest {
            wallet_password: PASSWORD.to_vec(),
        };
        let mut unlocker = self.connect()?.unlocker();
        call("UnlockWallet", LIMIT, unlocker.unlock_wallet(request)).await?;
        self.wait_for(WalletState::ServerActive).await
    }

    /// Ends it in good order and waits for that.
    pub async fn stop(&self) -> Result<()> {
        self.thaw()?;
        let running = self.process().running.take();
        match running {
            Some(mut running) => running.stop().await,
            None => Ok(()),
        }
    }

    pub fn kill9(&self) -> Result<()> {
        let mut process = self.process();
        process.frozen = false;
        match process.running.take() {
            Some(mut running) => running.kill9(),
            None => Ok(()),
        }
    }

    /// It keeps its connections and says nothing any more.
    pub fn freeze(&self) -> Result<()> {
        self.set_frozen(true)
    }

    pub fn thaw(&self) -> Result<()> {
        self.set_frozen(false)
    }

    pub(crate) fn answers(&self) -> bool {
        let process = self.process();
        process.running.is_some() && !process.frozen
    }

    pub(crate) async fn wait_height(&self, height: u32) -> Result<()> {
        self.wait("reaching the chain's tip", async || {
            Ok(self.info().await?.block_height >= height)
        })
        .await
    }

    async fn wait_synced(&self) -> Result<()> {
        self.wait("syncing", async || Ok(self.info().await?.synced_to_chain))
            .await
    }

    async fn wait_for(&self, wanted: WalletState) -> Result<()> {
        self.wait(wanted.as_str_name(), async || {
            Ok(self.state().await? == wanted)
        })
        .await
    }

    async fn state(&self) -> Result<WalletState> {
        let mut state = self.connect()?.state();
        let now = call("GetState", LIMIT, state.get_state(GetStateRequest {})).await?;
        Ok(now.state())
    }

    async fn wait(&self, what: &str, done: impl AsyncFn() -> Result<bool>) -> Result<()> {
        let patience = Instant::now() + START;
        loop {
            let now = done().await;
            if matches!(now, Ok(true)) {
                return Ok(());
            }
            let ended = self
                .process()
                .running
                .as_mut()
                .is_none_or(Running::has_ended);
            if ended || Instant::now() > patience {
                let reason = now.err().map(|e| format!(": {e:#}")).unwrap_or_default();
                bail!(
                    "LND in {} {}, {what}{reason}",
                    self.folder.display(),
                    if ended { "has ended" } else { "takes too long" }
                );
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn launch(&self, more: &[&str]) -> Result<()> {
        let mut process = self.process();
        if process.running.is_some() {
            bail!("LND in {} is running", self.folder.display());
        }
        let mut arguments = self.arguments.clone();
        arguments.extend(more.iter().map(ToString::to_string));
        let log = self.folder.join("output.log");
        let running = Running::start(&self.program, &arguments, &log)?;
        process.running = Some(running);
        Ok(())
    }

    fn set_frozen(&self, frozen: bool) -> Result<()> {
        let mut process = self.process();
        if process.frozen != frozen {
            let running = process
                .running
                .as_ref()
                .context("the node is not running")?;
            running.signal(if frozen { "STOP" } else { "CONT" })?;
            process.frozen = frozen;
        }
        Ok(())
    }

    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
