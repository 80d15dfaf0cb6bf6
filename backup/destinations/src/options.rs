//! What a destination is opened with.

use std::path::PathBuf;

use satreel_config::{HttpUrl, Secret};

use crate::{Destination, Result, folder::Folder, s3::S3, sftp::Sftp};

/// Which place, as the configuration says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Options {
    /// A folder on another disk. It carries [`crate::MARKER`], so that the empty folder under a disk that is
    /// not mounted is not taken for the disk.
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// A folder on an SFTP server. It has to exist already.
    Sftp {
        /// Its name or address.
        host: String,
        /// 22 as a rule.
        port: u16,
        /// As whom.
        user: String,
        /// The folder, absolute or below the user's own.
        path: String,
        /// The private key, in OpenSSH's format and without a passphrase: Ed25519 or ECDSA.
        key: Secret,
        /// The host's public key, as one line of `ssh-keyscan HOST` or of the host's own
        /// `/etc/ssh/ssh_host_ed25519_key.pub`. Nobody else is believed.
        host_key: String,
    },
    /// A bucket of an S3-compatible store, addressed by path. It has to exist already.
    S3 {
        /// `https://`, or `http://` on this machine.
        endpoint: HttpUrl,
        /// Part of every signature; stores that know none take `us-east-1`.
        region: String,
        /// The bucket.
        bucket: String,
        /// The folder in the bucket, or nothing. Copies keep to it.
        prefix: String,
        /// The key's id.
        access_key: Secret,
        /// What requests are signed with; never sent.
        secret_key: Secret,
    },
}

/// Makes the place out of its options. Reaches nothing yet, and reads no secret: both happen with
/// every call, so that a key that was replaced is used.
pub fn open(options: &Options) -> Result<Box<dyn Destination>> {
    Ok(match options {
        Options::Folder { path } => Box::new(Folder::new(path.clone())),
        Options::Sftp { .. } => Box::new(Sftp::new(options)?),
        Options::S3 { .. } => Box::new(S3::new(options)?),
    })
}

/// Makes a place ready for copies, once, when an operator says that it is the right one: the folder,
/// and on a disk of our own its marker. Done again it changes nothing.
pub async fn prepare(options: &Options) -> Result<()> {
    match options {
        Options::Folder { path } => Folder::new(path.clone()).prepare().await,
        Options::Sftp { .. } => Sftp::new(options)?.prepare().await,
        // A bucket has owners, regions and rules that only its operator knows: it is made there.
        Options::S3 { .. } => S3::new(options)?.list().await.map(|_| ()),
    }
}
