//! The pair for scripts of any language: one JSON line says where everything is, then each line
//! on stdin is a command and is answered by a line. The end of stdin ends the nodes.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::Parser;
use lnd_pair::{NARROW, Node, Pair, Settled};
use satreel_lnd::{call, proto::lnrpc::Invoice};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, stdin, stdout};

const LIMIT: Duration = Duration::from_secs(30);

/// Two LND nodes with a channel, for tests.
#[derive(Debug, Parser)]
struct Arguments {
    /// Where the nodes live; a folder of its own that goes away, if not given.
    #[arg(long)]
    folder: Option<PathBuf>,
}

/// One line of stdin.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
struct Command {
    pay: Option<String>,
    amount_msat: Option<u64>,
    kill9: Option<Which>,
    stop: Option<Which>,
    start: Option<Which>,
    freeze: Option<Which>,
    thaw: Option<Which>,
    mine: Option<u32>,
    send: Option<String>,
    sat: Option<u64>,
    add_invoice: Option<u64>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Which {
    Shop,
    Buyer,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let scratch;
    let folder = if let Some(folder) = arguments.folder {
        folder
    } else {
        scratch = tempfile::tempdir()?;
        scratch.path().to_owned()
    };
    std::fs::create_dir_all(&folder)?;
    let folder = folder.canonicalize()?;
    let mut lines = BufReader::new(stdin()).lines();
    let pair = Pair::start(&folder).await?;
    let narrow = folder.join("satreel.macaroon");
    std::fs::write(&narrow, pair.shop().bake(&NARROW).await?)?;
    answer(&pair.describe(&narrow)).await?;
    // One connection that stays open, as a shop's own is.
    let shop = pair.shop().connect()?;
    let settled = Settled::follow(&shop);
    while let Some(line) = lines.next_line().await? {
        if line.trim().is_empty() {
            continue;
        }
        let done = match serde_json::from_str(&line).context("not a command") {
            Ok(command) => obey(&pair, &shop, &settled, command).await,
            Err(error) => Err(error),
        };
        answer(&done.unwrap_or_else(|error| json!({ "error": format!("{error:#}") }))).await?;
    }
    Ok(())
}

async fn obey(
    pair: &Pair,
    shop: &satreel_lnd::Node,
    settled: &Settled,
    command: Command,
) -> Result<Value> {
    let node = |which| match which {
        Which::Shop => pair.shop(),
        Which::Buyer => pair.buyer(),
    };
    if let Some(bolt11) = command.pay {
        let preimage = pair.pay(&bolt11, command.amount_msat).await?;
        let settled_ms = settled.told(&bolt11).await;
        return Ok(json!({ "preimage": preimage, "settled_ms": settled_ms }));
    }
    if let Some(sat) = command.add_invoice {
        let took = time_add_invoice(shop, sat).await?;
        return Ok(json!({ "took_ms": took.as_secs_f64() * 1000.0 }));
    }
    if let Some(address) = command.send {
        let sat = command.sat.context("\"sat\" is missing")?;
        return Ok(json!({ "txid": pair.send(&address, sat).await? }));
    }
    if let Some(blocks) = command.mine {
        pair.mine(blocks).await?;
    } else if let Some(which) = command.kill9 {
        node(which).kill9()?;
    } else if let Some(which) = command.stop {
        node(which).stop().await?;
    } else if let Some(which) = command.start {
        return restart(pair, node(which)).await;
    } else if let Some(which) = command.freeze {
        node(which).freeze()?;
    } else if let Some(which) = command.thaw {
        node(which).thaw()?;
    } else {
        bail!("no command in it");
    }
    Ok(json!({ "done": true }))
}

/// What the node itself takes to make an invoice as ours are.
async fn time_add_invoice(shop: &satreel_lnd::Node, sat: u64) -> Result<Duration> {
    let request = Invoice {
        // As long as an order code.
        memo: "0".repeat(44),
        value_msat: i64::try_from(sat)? * 1000,
        expiry: 600,
        ..Invoice::default()
    };
    let mut lightning = shop.lightning();
    let begun = Instant::now();
    call("AddInvoice", LIMIT, lightning.add_invoice(request)).await?;
    Ok(begun.elapsed())
}

/// Back in service means that payments pass again.
async fn restart(pair: &Pair, node: &Node) -> Result<Value> {
    node.start().await?;
    pair.rejoin().await?;
    Ok(json!({ "done": true, "pid": node.pid() }))
}

async fn answer(value: &Value) -> Result<()> {
    let mut out = stdout();
    out.write_all(format!("{value}\n").as_bytes()).await?;
    out.flush().await?;
    Ok(())
}
