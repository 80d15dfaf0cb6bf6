//! Reading an archive. What comes from a destination is anybody's bytes until all of it is checked:
//! nothing is written before.

use std::{
    fmt,
    io::{self, Read},
};

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};
use tar::{Archive as Tar, EntryType};

use crate::{
    Error, MAX_CONTENTS, MAX_FILES, Result,
    make::{LIST, Line, List, VERSION, mode},
    member::Member,
};

/// The list's own size: some 150 bytes a file.
const MAX_LIST: u64 = 16 << 20;
/// A tar is filled up with zeros.
const MAX_REST: u64 = 64 << 10;
/// What a tar adds to a file.
const OVERHEAD: u64 = 1024;

/// What was in an archive, whole and checked.
pub struct Contents {
    /// In the order in which they are restored.
    pub(crate) files: Vec<File>,
    /// As [`crate::Archive::digest`].
    pub digest: String,
}

pub(crate) struct File {
    pub(crate) member: Member,
    pub(crate) mode: u32,
    pub(crate) bytes: Vec<u8>,
}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.files.iter().map(|file| file.member.to_string()))
            .finish()
    }
}

impl Contents {
    /// How many titles' data.
    pub fn titles(&self) -> usize {
        self.count(|member| matches!(member, Member::Title(_)))
    }

    /// How many channels.
    pub fn channels(&self) -> usize {
        self.count(|member| matches!(member, Member::Channel(_)))
    }

    /// Whether the sales record is among it.
    pub fn has_sales(&self) -> bool {
        self.count(|member| *member == Member::Ledger) == 1
    }

    fn count(&self, which: impl Fn(&Member) -> bool) -> usize {
        self.files.iter().filter(|file| which(&file.member)).count()
    }
}

impl fmt::Display for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sales = if self.has_sales() {
            "the sales record"
        } else {
            "no sales record"
        };
        let (titles, channels) = (self.titles(), self.channels());
        write!(
            f,
            "signing keys, {titles} titles' data, {channels} channels, {sales}"
        )
    }
}

/// Reads all of an archive and checks it: every file is one of a site's, no larger than such a file is, listed
/// once with its size and hash, and nothing is missing.
pub fn open(archive: &[u8]) -> Result<Contents> {
    // However well it is compressed, no more than this is ever unpacked.
    let limit = MAX_CONTENTS + MAX_LIST + OVERHEAD * (MAX_FILES as u64 + 1);
    let mut tar = Tar::new(GzDecoder::new(archive).take(limit));
    let (mut files, mut lines, mut list, mut contents) = (Vec::new(), Vec::new(), None, 0_u64);
    // SECURITY: raw, since the reader's own conveniences (long names, links, sparse files) are what an
    // archive attacks with. Such an entry is of another type, and refused.
    for entry in tar.entries().map_err(Error::damaged)?.raw(true) {
        let mut entry = entry.map_err(Error::damaged)?;
        if list.is_some() {
            return Err(Error::damaged("something follows its list"));
        }
        if entry.header().entry_type() != EntryType::Regular {
            return Err(Error::damaged("something in it is no plain file"));
        }
        let path = entry.path_bytes().into_owned();
        let path = String::from_utf8(path).map_err(Error::damaged)?;
        let size = entry.header().size().map_err(Error::damaged)?;
        if path == LIST {
            list = Some(read(&mut entry, size, MAX_LIST)?);
            continue;
        }
        let member: Member = path.parse().map_err(Error::damaged)?;
        contents = contents.saturating_add(size);
        if files.len() == MAX_FILES || contents > MAX_CONTENTS {
            return Err(Error::damaged("there is more in it than a site has"));
        }
        let bytes = read(&mut entry, size, member.most())?;
        if !member.is_plausible(&bytes) {
            return Err(Error::Damaged(format!("{member} is not what it should be")));
        }
        lines.push(Line {
            path,
            bytes: size,
            sha256: hex::encode(Sha256::digest(&bytes)),
        });
        let mode = mode(&member, entry.header().mode().map_err(Error::damaged)?);
        files.push(File {
            member,
            mode,
            bytes,
        });
    }
    // The compression's own sum stands behind the tar's end.
    let rest = io::copy(&mut tar.into_inner().take(MAX_REST + 1), &mut io::sink());
    if rest.map_err(Error::damaged)? > MAX_REST {
        return Err(Error::damaged("something follows its end"));
    }
    let list = list.ok_or_else(|| Error::damaged("its end is missing"))?;
    compare(&list, &lines)?;
    files.sort_by(|a, b| a.member.cmp(&b.member));
    if files
        .windows(2)
        .any(|pair| pair[0].member == pair[1].member)
    {
        return Err(Error::damaged("a file is in it twice"));
    }
    if files.first().is_none_or(|file| file.member != Member::Keys) {
        return Err(Error::damaged("there are no signing keys in it"));
    }
    Ok(Contents {
        files,
        digest: hex::encode(Sha256::digest(&list)),
    })
}

fn compare(list: &[u8], found: &[Line]) -> Result<()> {
    /// What every version's list has.
    #[derive(serde::Deserialize)]
    struct Version {
        version: u32,
    }
    let Version { version } = serde_json::from_slice(list).map_err(Error::damaged)?;
    if version > VERSION {
        return Err(Error::Newer { found: version });
    }
    let list: List = serde_json::from_slice(list).map_err(Error::damaged)?;
    if list.files == found {
        Ok(())
    } else {
        Err(Error::damaged("what is in it is not what its list says"))
    }
}

/// Exactly `size` bytes, if that many may be.
fn read(entry: &mut impl Read, size: u64, most: u64) -> Result<Vec<u8>> {
    if size > most {
        return Err(Error::damaged("a file in it is larger than such a file is"));
    }
    // Grows with what is there, not with what is said.
    let mut bytes = Vec::new();
    entry
        .take(size)
        .read_to_end(&mut bytes)
        .map_err(Error::damaged)?;
    if bytes.len() as u64 == size {
        Ok(bytes)
    } else {
        Err(Error::damaged(io::Error::from(
            io::ErrorKind::UnexpectedEof,
        )))
    }
}
