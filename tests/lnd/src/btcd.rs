//! The chain: one btcd on regtest, mining to the buyer's address.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
use base64::prelude::{BASE64_STANDARD, Engine};
use satreel_lnd::certificate;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::launch::{Running, free_port};

#[derive(Debug)]
pub(crate) struct Btcd {
    folder: PathBuf,
    rpc: u16,
    running: Running,
}

impl Btcd {
    pub(crate) async fn start(programs: &Path, folder: &Path, pays: Option<&str>) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("empty.conf"), "")?;
        write_certificate(folder)?;
        let rpc = free_port()?;
        let in_folder = |name: &str| folder.join(name).display().to_string();
        let mut arguments = vec![
            "--regtest".into(),
            format!("--configfile={}", in_folder("empty.conf")),
            format!("--datadir={}", in_folder("data")),
            format!("--logdir={}", in_folder("logs")),
            "--rpcuser=u".into(),
            "--rpcpass=p".into(),
            format!("--rpccert={}", in_folder("rpc.cert")),
            format!("--rpckey={}", in_folder("rpc.key")),
            format!("--rpclisten=127.0.0.1:{rpc}"),
            format!("--listen=127.0.0.1:{}", free_port()?),
            "--txindex".into(),
            "--nobanning".into(),
            "--nostalldetect".into(),
            "--trickleinterval=100ms".into(),
            "--rpcmaxwebsockets=50".into(),
        ];
        if let Some(address) = pays {
            arguments.push(format!("--miningaddr={address}"));
        }
        let running = Running::start(
            &programs.join("btcd"),
            &arguments,
            &folder.join("output.log"),
        )?;
        let mut btcd = Self {
            folder: folder.to_owned(),
            rpc,
            running,
        };
        btcd.wait().await?;
        Ok(btcd)
    }

    /// What an LND needs to use this chain.
    pub(crate) fn arguments(&self) -> Vec<String> {
        vec![
            "--bitcoin.regtest".into(),
            "--bitcoin.node=btcd".into(),
            format!("--btcd.rpchost=127.0.0.1:{}", self.rpc),
            "--btcd.rpcuser=u".into(),
            "--btcd.rpcpass=p".into(),
            format!("--btcd.rpccert={}", self.folder.join("rpc.cert").display()),
        ]
    }

    pub(crate) async fn mine(&self, blocks: u32) -> Result<()> {
        self.ask("generate", &[json!([blocks])]).await.map(drop)
    }

    pub(crate) async fn height(&self) -> Result<u32> {
        let mut answers = self.ask("getblockcount", &[json!([])]).await?;
        Ok(serde_json::from_value(answers.remove(0))?)
    }

    /// Every block after the first, oldest first.
    pub(crate) async fn blocks(&self) -> Result<Vec<Value>> {
        let heights: Vec<Value> = (1..=self.height().await?).map(|h| json!([h])).collect();
        let hashes = self.ask("getblockhash", &heights).await?;
        let hashes: Vec<Value> = hashes.iter().map(|hash| json!([hash, 0])).collect();
        self.ask("getblock", &hashes).await
    }

    pub(crate) async fn replay(&self, blocks: &[Value]) -> Result<()> {
        let blocks: Vec<Value> = blocks.iter().map(|block| json!([block])).collect();
        self.ask("submitblock", &blocks).await.map(drop)
    }

    pub(crate) async fn stop(&mut self) -> Result<()> {
        self.running.stop().await
    }

    async fn wait(&mut self) -> Result<()> {
        let patience = Instant::now() + Duration::from_secs(30);
        while let Err(error) = self.height().await {
            if self.running.has_ended() || Instant::now() > patience {
                bail!("btcd does not start: {error:#}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// One call for each of `parameters`, in one request; the results in the same order.
    async fn ask(&self, method: &str, parameters: &[Value]) -> Result<Vec<Value>> {
        let calls = parameters.iter().enumerate().map(|(id, parameters)| {
            json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": parameters })
        });
        let body = serde_json::to_vec(&calls.collect::<Vec<_>>())?;
        let answer = self.post(&body).await?;
        let answers: Vec<Answer> = serde_json::from_slice(&answer).with_context(|| {
            let start = &answer[..answer.len().min(200)];
            format!("{method}: {}", String::from_utf8_lossy(start))
        })?;
        if answers.len() != parameters.len() {
            bail!("{method}: {} answers", answers.len());
        }
        let result = |answer: Answer| match answer.error {
            None => Ok(answer.result),
            Some(error) => Err(anyhow!("{method}: {error}")),
        };
        answers.into_iter().map(result).collect()
    }

    async fn post(&self, body: &[u8]) -> Result<Vec<u8>> {
        let certificate = std::fs::read(self.folder.join("rpc.cert"))?;
        let certificate = certificate::parse(&certificate).context("btcd's certificate")?;
        let connector = TlsConnector::from(Arc::new(certificate::trusting(certificate)?));
        let tcp = TcpStream::connect(("127.0.0.1", self.rpc)).await?;
        let mut stream = connector.connect("localhost".try_into()?, tcp).await?;
        let head = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            BASE64_STANDARD.encode("u:p"),
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
        let head = end.context("btcd's answer is cut")?;
        Ok(answer.split_off(head + 4))
    }
}

/// btcd's own would be on a curve that few libraries read.
fn write_certificate(folder: &Path) -> Result<()> {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names)?;
    std::fs::write(folder.join("rpc.cert"), made.cert.pem())?;
    std::fs::write(folder.join("rpc.key"), made.signing_key.serialize_pem())?;
    Ok(())
}

/// One call's answer.
#[derive(Debug, Deserialize)]
struct Answer {
    result: Value,
    error: Option<Value>,
}
