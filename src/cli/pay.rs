//! `satreel pay BOLT11`: pays with the built-in wallet of a running demo.

use anyhow::{Context, Result, bail};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde::Deserialize;
use serde_json::json;

use super::{Failure, print, serve::runtime, site::Which};
use crate::app::address_file;

/// No answer of the wallet is longer.
const MAX_ANSWER: usize = 64 << 10;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The payment request
    #[arg(value_name = "BOLT11")]
    payment_request: String,
    /// Pay this many sat instead of what is asked (at least that, at most twice)
    #[arg(long, value_name = "SAT")]
    sat: Option<u64>,
    #[command(flatten)]
    site: Which,
    /// As JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Deserialize)]
struct Paid {
    preimage: String,
    amount_sat: u64,
}

#[derive(Debug, Deserialize)]
struct Refused {
    detail: String,
}

pub fn run(args: &Args) -> Result<(), Failure> {
    let data = args.site.load()?.site.data;
    let paid = runtime()?.block_on(pay(args, &data))?;
    if args.json {
        print(json!({"preimage": paid.preimage, "amount_sat": paid.amount_sat}));
    } else {
        print(format_args!(
            "paid {} sat, preimage {}",
            paid.amount_sat, paid.preimage
        ));
    }
    Ok(())
}

async fn pay(args: &Args, data: &std::path::Path) -> Result<Paid> {
    let file = address_file(data);
    let address = std::fs::read_to_string(&file)
        .with_context(|| format!("no server has run on this data folder ({})", file.display()))?;
    let body = json!({"payment_request": args.payment_request, "amount_sat": args.sat});
    let request = http::Request::post(format!("http://{}/wallet/pay", address.trim()))
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(Full::<bytes::Bytes>::from(body.to_string()))?;
    let answer = Client::builder(TokioExecutor::new())
        .build_http()
        .request(request)
        .await
        .with_context(|| {
            format!(
                "the server at {} does not answer: is it running?",
                address.trim()
            )
        })?;
    let status = answer.status();
    let bytes = Limited::new(answer.into_body(), MAX_ANSWER)
        .collect()
        .await
        .map_err(anyhow::Error::from_boxed)?
        .to_bytes();
    if status.is_success() {
        return serde_json::from_slice(&bytes).context("the wallet's answer");
    }
    match serde_json::from_slice::<Refused>(&bytes) {
        Ok(refused) => bail!("{}", refused.detail),
        Err(_) => bail!("the wallet refused ({status})"),
    }
}
