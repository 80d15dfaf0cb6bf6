//! An archive of a site, while its server goes on.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use satreel_hls::{live::channel::ChannelName, naming::VideoId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, MAX_ARCHIVE, MAX_CONTENTS, MAX_FILES, Result, Site, member::Member, snapshot};

/// The last file of every archive.
pub(crate) const LIST: &str = "archive.json";
/// Of what [`List`] says and of the layout.
pub(crate) const VERSION: u32 = 1;
/// Posters are most of a site's bytes, and pictures don't compress: beyond this they are left out.
const MAX_POSTERS: u64 = 32 << 20;

/// An archive, and what it says of itself.
#[derive(Clone)]
pub struct Archive {
    /// The archive. SECURITY: signing keys in the clear.
    pub bytes: Vec<u8>,
    /// The same for the same contents, in hex.
    pub digest: String,
    /// How many files are in it.
    pub files: usize,
    /// How many posters were left out, since pictures make it too large.
    pub posters_left_out: usize,
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            bytes,
            digest,
            files,
            posters_left_out,
        } = self;
        f.debug_struct("Archive")
            .field("bytes", &bytes.len())
            .field("digest", digest)
            .field("files", files)
            .field("posters_left_out", posters_left_out)
            .finish()
    }
}

/// What an archive holds, as its last file says it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct List {
    pub(crate) version: u32,
    pub(crate) files: Vec<Line>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Line {
    pub(crate) path: String,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

/// Reads the site and makes an archive of it. What appears or goes meanwhile is in it or is not; a file
/// that is there is whole, since all of them are replaced by renaming.
pub fn make(site: &Site) -> Result<Archive> {
    let mut writer = Writer::new();
    let keys = writer.copy(&Member::Keys, &site.keys)?;
    if !keys {
        return Err(Error::NoKeys {
            path: site.keys.clone(),
        });
    }
    if let Some(config) = &site.config {
        writer.copy(&Member::Config, config)?;
    }
    for (member, name) in [(Member::Ledger, "ledger.db"), (Member::Wallet, "wallet.db")] {
        if let Some(snapshot) = snapshot::take(&site.data.join(name), &site.scratch)? {
            writer.copy(&member, snapshot.path())?;
        }
    }
    for member in [Member::Denied, Member::Studio] {
        writer.copy_from(&member, site)?;
    }
    let channel = |file: &str| file.strip_suffix(".json")?.parse::<ChannelName>().ok();
    for name in names(&site.data.join("channels"), channel)? {
        writer.copy_from(&Member::Channel(name), site)?;
    }
    for name in names(&site.data.join("channels/outages"), channel)? {
        writer.copy_from(&Member::Outages(name), site)?;
    }
    let titles = names(&site.data.join("titles"), |folder| {
        folder.parse::<VideoId>().ok()
    })?;
    for id in &titles {
        writer.copy_from(&Member::Title(*id), site)?;
    }
    let (mut of_posters, mut left_out) = (0, 0);
    for id in titles {
        let poster = Member::Poster(id);
        let bytes = fs::metadata(site.data.join(poster.path())).map_or(0, |poster| poster.len());
        if of_posters + bytes > MAX_POSTERS || bytes > poster.most() {
            left_out += 1;
        } else if writer.copy_from(&poster, site)? {
            of_posters += bytes;
        }
    }
    writer.finish(left_out)
}

/// Those names in a folder that mean something, in order. A folder that is not there has none.
fn names<T: Ord>(folder: &Path, read: impl Fn(&str) -> Option<T>) -> Result<Vec<T>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(Error::file(folder, "listing"))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.map_err(Error::file(folder, "listing"))?.file_name();
        found.extend(name.to_str().and_then(&read));
    }
    found.sort();
    Ok(found)
}

/// A tar that grows, compressed, in memory.
struct Writer {
    tar: tar::Builder<GzEncoder<Vec<u8>>>,
    list: List,
    contents: u64,
}

impl Writer {
    fn new() -> Self {
        let zip = GzEncoder::new(Vec::new(), Compression::default());
        let list = List {
            version: VERSION,
            files: Vec::new(),
        };
        Self {
            tar: tar::Builder::new(zip),
            list,
            contents: 0,
        }
    }

    fn copy_from(&mut self, member: &Member, site: &Site) -> Result<bool> {
        let path = site.data.join(member.path());
        self.copy(member, &path)
    }

    /// False: there is no such file.
    fn copy(&mut self, member: &Member, path: &Path) -> Result<bool> {
        let mut file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            file => file.map_err(Error::file(path, "reading"))?,
        };
        let found = file.metadata().map_err(Error::file(path, "reading"))?;
        if !found.is_file() {
            return Ok(false);
        }
        self.contents += found.len();
        if found.len() > member.most() || self.contents > MAX_CONTENTS {
            return Err(Error::TooMuch { what: "bytes" });
        }
        if self.list.files.len() == MAX_FILES {
            return Err(Error::TooMuch { what: "files" });
        }
        let mode = mode(member, found.permissions().mode());
        let mut hashed = Hashed {
            inner: (&mut file).take(found.len()),
            hash: Sha256::new(),
        };
        let header = header(found.len(), mode);
        append(&mut self.tar, header, &member.to_string(), &mut hashed)
            .map_err(Error::file(path, "reading"))?;
        let sha256 = hex::encode(hashed.hash.finalize());
        self.list.files.push(Line {
            path: member.to_string(),
            bytes: found.len(),
            sha256,
        });
        if self.tar.get_ref().get_ref().len() > MAX_ARCHIVE {
            return Err(Error::TooMuch { what: "bytes" });
        }
        Ok(true)
    }

    fn finish(mut self, posters_left_out: usize) -> Result<Archive> {
        let fault = |error: io::Error| Error::file(LIST, "writing")(error);
        let list = serde_json::to_vec(&self.list).map_err(|error| fault(error.into()))?;
        let header = header(list.len() as u64, 0o600);
        append(&mut self.tar, header, LIST, &mut list.as_slice()).map_err(fault)?;
        let bytes = self
            .tar
            .into_inner()
            .and_then(GzEncoder::finish)
            .map_err(fault)?;
        if bytes.len() > MAX_ARCHIVE {
            return Err(Error::TooMuch { what: "bytes" });
        }
        let digest = hex::encode(Sha256::digest(&list));
        Ok(Archive {
            bytes,
            digest,
            files: self.list.files.len(),
            posters_left_out,
        })
    }
}

/// Nothing that may be read by its owner alone becomes readable to others, and nothing writable.
pub(crate) fn mode(member: &Member, mode: u32) -> u32 {
    if member.is_secret() {
        0o600
    } else {
        mode & 0o644 | 0o600
    }
}

/// Neither time nor owner: the same files make the same bytes.
fn header(size: u64, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_size(size);
    header.set_mode(mode);
    header.set_mtime(0);
    header
}

/// A file that shrinks meanwhile is a fault: what follows would be shifted.
fn append<W: Write>(
    tar: &mut tar::Builder<W>,
    mut header: tar::Header,
    path: &str,
    bytes: &mut impl Read,
) -> io::Result<()> {
    let mut counted = Counted {
        inner: bytes,
        count: 0,
    };
    tar.append_data(&mut header, path, &mut counted)?;
    if header.size()? == counted.count {
        Ok(())
    } else {
        Err(io::Error::new(
            io::ErrorKind::UnexpectedEof,
            "it became shorter while it was read",
        ))
    }
}

struct Counted<R> {
    inner: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        self.count += count as u64;
        Ok(count)
    }
}

struct Hashed<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        self.hash.update(&into[..count]);
        Ok(count)
    }
}
