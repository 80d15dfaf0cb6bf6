//! The prepared state: chain, wallets and channel, made once and copied for every pair. A start
//! from it takes a third of the time. btcd throws its own blocks away at every start on regtest,
//! so the blocks are kept beside it and given to it again.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use satreel_lnd::{
    call,
    proto::lnrpc::{NewAddressRequest, OpenChannelRequest, WalletBalanceRequest},
};
use serde_json::Value;

use crate::{
    btcd::Btcd,
    node::{LIMIT, Node},
    pair::{connect, wait_channel},
};

/// Counts up when what is prepared changes.
const VERSION: u32 = 1;
pub(crate) const CHANNEL_SAT: i64 = 5_000_000;
/// Segwit is active on btcd's regtest only after three windows of 144 blocks.
const BLOCKS: u32 = 450;

/// The folder with the prepared state, made now if there is none.
pub(crate) async fn prepared(programs: &Path) -> Result<PathBuf> {
    let place = programs.join(format!("state-{VERSION}"));
    if !place.is_dir() {
        let making = tempfile::Builder::new()
            .prefix("making-state.")
            .tempdir_in(programs)
            .with_context(|| programs.display().to_string())?;
        prepare(programs, making.path())
            .await
            .context("preparing the state of the nodes")?;
        let making = making.keep();
        if std::fs::rename(&making, &place).is_err() {
            // Somebody else was quicker.
            std::fs::remove_dir_all(&making)?;
        }
    }
    Ok(place)
}

/// A chain as it was prepared.
pub(crate) async fn chain(programs: &Path, state: &Path, folder: &Path) -> Result<Btcd> {
    let miner = std::fs::read_to_string(state.join("miner"))?;
    let btcd = Btcd::start(programs, folder, Some(&miner)).await?;
    let blocks: Vec<Value> = serde_json::from_slice(&std::fs::read(state.join("blocks.json"))?)?;
    btcd.replay(&blocks).await?;
    // LND starts only on a chain whose tip is recent.
    btcd.mine(1).await?;
    Ok(btcd)
}

/// Logs and programs' output stay behind.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            if entry.file_name() != "logs" {
                copy(&entry.path(), &target)?;
            }
        } else if entry.file_name() != "output.log" {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

async fn prepare(programs: &Path, folder: &Path) -> Result<()> {
    let mut btcd = Btcd::start(programs, &folder.join("btcd"), None).await?;
    let buyer = Node::new(programs, &folder.join("buyer"), &btcd.arguments())?;
    // LND wants a chain whose tip is recent, btcd an address to mine: so LND waits for its sync
    // while it is asked for the address.
    buyer.start_unsynced().await?;
    let address = address(&buyer).await?;
    std::fs::write(folder.join("miner"), &address)?;
    buyer.stop().await?;
    btcd.stop().await?;

    let mut btcd = Btcd::start(programs, &folder.join("btcd"), Some(&address)).await?;
    btcd.mine(BLOCKS).await?;
    let buyer = Node::new(programs, &folder.join("buyer"), &btcd.arguments())?;
    let shop = Node::new(programs, &folder.join("shop"), &btcd.arguments())?;
    tokio::try_join!(buyer.start(), shop.start())?;
    let money = async || Ok::<_, anyhow::Error>(confirmed(&buyer).await? > CHANNEL_SAT);
    let patience = Instant::now() + Duration::from_mins(1);
    while !money().await? {
        if Instant::now() > patience {
            bail!("the buyer has no money");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    connect(&buyer, &shop).await?;
    open_channel(&buyer, &shop, CHANNEL_SAT, 0, false).await?;
    btcd.mine(6).await?;
    wait_channel(&buyer, &shop).await?;
    tokio::try_join!(buyer.stop(), shop.stop())?;
    let blocks = serde_json::to_vec(&btcd.blocks().await?)?;
    std::fs::write(folder.join("blocks.json"), blocks)?;
    btcd.stop().await?;
    std::fs::remove_dir_all(folder.join("btcd"))?;
    Ok(())
}

async fn address(node: &Node) -> Result<String> {
    let mut lightning = node.connect()?.lightning();
    let answer = lightning.new_address(NewAddressRequest {});
    Ok(call("NewAddress", LIMIT, answer).await?.address)
}

async fn confirmed(node: &Node) -> Result<i64> {
    let mut lightning = node.connect()?.lightning();
    let answer = lightning.wallet_balance(WalletBalanceRequest {});
    Ok(call("WalletBalance", LIMIT, answer)
        .await?
        .confirmed_balance)
}

pub(crate) async fn open_channel(
    from: &Node,
    to: &Node,
    sat: i64,
    push_sat: i64,
    private: bool,
) -> Result<()> {
    let request = OpenChannelRequest {
        sat_per_vbyte: 2,
        node_pubkey: hex::decode(to.info().await?.identity_pubkey)?,
        local_funding_amount: sat,
        push_sat,
        private,
    };
    let mut lightning = from.connect()?.lightning();
    call(
        "OpenChannelSync",
        LIMIT,
        lightning.open_channel_sync(request),
    )
    .await?;
    Ok(())
}
