//! What a destination is opened with.

use std::path::PathBuf;

use satreel_config::Secret;

use crate::{Destination, Result, folder::Folder, sftp::Sftp};

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
}

/// Makes the place out of its options. Reaches nothing yet, and reads no secret: both happen with
/// every call, so that a key that was replaced is used.
pub fn open(options: &Options) -> Result<Box<dyn Destination>> {
    Ok(match options {
        Options::Folder { path } => Box::new(Folder::new(path.clone())),
        Options::Sftp { .. } => Box::new(Sftp::new(options)?),
    })
}

/// Makes a place ready for copies, once, when an operator says that it is the right one: the folder,
/// and on a disk of our own its marker. Done again it changes nothing.
pub async fn prepare(options: &Options) -> Result<()> {
    match options {
        Options::Folder { path } => Folder::new(path.clone()).prepare().await,
        Options::Sftp { .. } => Sftp::new(options)?.prepare().await,
    }
}
