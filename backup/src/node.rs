//! What the guardian needs of a node, and LND as one.

use std::{collections::BTreeSet, fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;
use satreel_config::BackupNode;
use satreel_lnd::{
    Error, Options, Result,
    backup::{Compared, compare},
    call,
    proto::lnrpc::{
        ChanBackupExportRequest, ChanBackupSnapshot, ChannelBackupSubscription, ChannelPoint,
        MultiChanBackup,
    },
};
use tokio::sync::watch;

/// A node with hundreds of channels packs them in a second or two.
const LIMIT: Duration = Duration::from_secs(30);

/// The channels of a backup, as `txid:output`.
pub type Channels = BTreeSet<String>;

/// All channels of a node at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// What a restore wants, in LND's own encryption. It is another text at every look, since a new
    /// nonce goes into each.
    pub backup: Vec<u8>,
    /// The channels that the node says are in it.
    pub channels: Channels,
}

/// A node, as far as its backups go.
#[async_trait]
pub trait Node: Send + Sync + Debug {
    /// The backup of all channels as they are now.
    async fn export(&self) -> Result<Snapshot>;

    /// Opens a backup with the node's own key and says which channels are in it.
    async fn verify(&self, backup: &[u8]) -> Result<Channels>;

    /// Puts each new backup into `newest`, until the stream breaks.
    async fn follow(&self, newest: &watch::Sender<Option<Snapshot>>) -> Error;

    /// What the macaroon lacks and has too much. None: it can't be told.
    fn macaroon(&self) -> Result<Option<Compared>>;
}

/// LND, by the three calls that its backup macaroon permits.
#[derive(Debug, Clone)]
pub struct Lnd(satreel_lnd::Node);

impl Lnd {
    /// Reads nothing and reaches nothing yet.
    pub fn new(config: &BackupNode) -> Result<Self> {
        let macaroon = config.macaroon.clone();
        satreel_lnd::Node::new(Options {
            address: config.address.as_str().to_owned(),
            certificate: config.certificate.clone(),
            macaroon: Arc::new(move || macaroon.read_bytes().map_err(std::io::Error::other)),
        })
        .map(Self)
    }
}

#[async_trait]
impl Node for Lnd {
    async fn export(&self) -> Result<Snapshot> {
        let mut lightning = self.0.lightning();
        let asked = lightning.export_all_channel_backups(ChanBackupExportRequest {});
        let answer = call("ExportAllChannelBackups", LIMIT, asked).await;
        snapshot(self.sorted(answer)?)
    }

    async fn verify(&self, backup: &[u8]) -> Result<Channels> {
        let mut lightning = self.0.lightning();
        let asked = lightning.verify_chan_backup(ChanBackupSnapshot {
            multi_chan_backup: Some(MultiChanBackup {
                chan_points: Vec::new(),
                multi_chan_backup: backup.to_vec(),
            }),
        });
        let answer = call("VerifyChanBackup", LIMIT, asked).await;
        Ok(self.sorted(answer)?.chan_points.into_iter().collect())
    }

    async fn follow(&self, newest: &watch::Sender<Option<Snapshot>>) -> Error {
        match self.listen(newest).await {
            Ok(()) => Error::Lost("LND ended the stream of backups".to_owned()),
            Err(error) => error,
        }
    }

    fn macaroon(&self) -> Result<Option<Compared>> {
        Ok(self.0.permissions()?.as_ref().map(compare))
    }
}

impl Lnd {
    async fn listen(&self, newest: &watch::Sender<Option<Snapshot>>) -> Result<()> {
        let name = "SubscribeChannelBackups";
        let fault = |status| Error::of(name, &status);
        let mut lightning = self.0.lightning();
        // No limit: LND answers with the first change, be that in a year. A connection that is dead
        // shows by its pings.
        let asked = lightning.subscribe_channel_backups(ChannelBackupSubscription {});
        let answer = asked.await.map_err(fault);
        let mut stream = self.sorted(answer)?.into_inner();
        while let Some(change) = stream.message().await.map_err(fault)? {
            newest.send_replace(Some(snapshot(change)?));
        }
        Ok(())
    }

    /// A macaroon that was refused may have been replaced since it was read.
    fn sorted<T>(&self, answer: Result<T>) -> Result<T> {
        if let Err(Error::BadMacaroon(_) | Error::MissingPermission(_) | Error::MacaroonFile(_)) =
            &answer
        {
            self.0.forget_macaroon();
        }
        answer
    }
}

fn snapshot(answer: ChanBackupSnapshot) -> Result<Snapshot> {
    let multi = answer.multi_chan_backup.unwrap_or_default();
    if multi.multi_chan_backup.is_empty() {
        // Even a node without channels has one, of 45 bytes.
        return Err(Error::Lost("LND sent no backup".to_owned()));
    }
    Ok(Snapshot {
        backup: multi.multi_chan_backup,
        channels: multi.chan_points.iter().map(written).collect(),
    })
}

/// Permissions in a sentence.
pub fn list(permissions: &[satreel_lnd::macaroon::Permission]) -> String {
    let texts: Vec<_> = permissions.iter().map(ToString::to_string).collect();
    texts.join(", ")
}

/// As people and LND's own texts have it: the transaction's bytes in reverse.
fn written(point: &ChannelPoint) -> String {
    let mut id = point.funding_txid_bytes.clone();
    id.reverse();
    format!("{}:{}", hex::encode(id), point.output_index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_named_as_lnd_names_it() {
        let point = ChannelPoint {
            funding_txid_bytes: (0..32).collect(),
            output_index: 7,
        };
        assert_eq!(
            written(&point),
            "1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100:7"
        );
        assert!(snapshot(ChanBackupSnapshot::default()).is_err());
    }
}
