//! A site out of an archive, on an empty machine or around the films that are left.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
    path::{Path, PathBuf},
};

use crate::{Contents, Error, Result, member::Member, open, open::File as Found, snapshot};

/// The file that makes a title's media whole.
const MEDIA: &str = "master.m3u8";

/// Where a site is restored to.
#[derive(Debug, Clone)]
pub struct Target {
    /// The data folder; made if it is not there. Films that are in `titles/` stay as they are.
    pub data: PathBuf,
    /// Whether a site that is there already is replaced. Without it nothing is written over.
    pub replace: bool,
}

/// What is back, and what is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The keys, first of all.
    pub keys: PathBuf,
    /// The configuration, for `/etc/satreel`; a demo has none.
    pub config: Option<PathBuf>,
    /// Titles whose data is back.
    pub titles: usize,
    /// Of these, whose film is not there: `satreel-transcoder add` on the same source brings it back.
    pub without_film: Vec<String>,
    /// Files that were there already, and were left as they are.
    pub kept: Vec<PathBuf>,
    /// Channels that are back.
    pub channels: usize,
    /// Whether the sales record is back; without it the server records again what the payment backend lists.
    pub sales: bool,
    /// Whether the built-in wallet is back.
    pub wallet: bool,
}

/// Checks all of the archive, looks whether there is room for a site, and only then writes: keys first, every file under
/// another name until it is whole and on disk. Broken off, it goes on where it is called again with `replace`.
pub fn restore(archive: &[u8], target: &Target) -> Result<Summary> {
    let contents = open(archive)?;
    let kept = look(&contents, target)?;
    make_folder(&target.data, 0o750)?;
    for file in &contents.files {
        let path = target.data.join(file.member.path());
        if !kept.contains(&path) {
            put(&path, file, target)?;
        }
    }
    let has = |member| contents.files.iter().any(|file| file.member == member);
    Ok(Summary {
        keys: target.data.join(Member::Keys.path()),
        config: has(Member::Config).then(|| target.data.join(Member::Config.path())),
        titles: contents.titles(),
        without_film: without_film(&contents, target),
        kept,
        channels: contents.channels(),
        sales: has(Member::Ledger),
        wallet: has(Member::Wallet),
    })
}

/// What is there already. Data and posters beside films stay; anything else means that a site is there.
fn look(contents: &Contents, target: &Target) -> Result<Vec<PathBuf>> {
    let mut kept = Vec::new();
    if target.replace {
        return Ok(kept);
    }
    for file in &contents.files {
        let path = target.data.join(file.member.path());
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::file(path, "looking at it")(error)),
            Ok(_) => match file.member {
                Member::Title(_) | Member::Poster(_) => kept.push(path),
                Member::Keys
                | Member::Config
                | Member::Ledger
                | Member::Wallet
                | Member::Denied
                | Member::Studio
                | Member::Channel(_)
                | Member::Outages(_) => return Err(Error::Occupied { path }),
            },
        }
    }
    Ok(kept)
}

fn put(path: &Path, file: &Found, target: &Target) -> Result<()> {
    let folder = path.parent().unwrap_or(&target.data);
    // As the server and the transcoder make them: titles are read by both.
    make_folder(folder, 0o755)?;
    let unfinished = path.with_extension("restoring");
    let written = write(&unfinished, folder, file);
    if matches!(file.member, Member::Ledger | Member::Wallet) && written.is_ok() {
        snapshot::check(&unfinished).map_err(|source| Error::Database {
            path: path.to_owned(),
            source,
        })?;
        // Of another database, and fatal for this one.
        for end in ["db-wal", "db-shm"] {
            remove(&path.with_extension(end))?;
        }
    }
    written
        .and_then(|()| fs::rename(&unfinished, path))
        .and_then(|()| File::open(folder)?.sync_all())
        .map_err(Error::file(path, "writing"))
}

fn write(path: &Path, folder: &Path, found: &Found) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.set_permissions(Permissions::from_mode(found.mode))?;
    give(&file, folder)?;
    file.write_all(&found.bytes)?;
    file.sync_all()
}

/// What root restores belongs to whom the folder belongs to: the server, or the transcoder.
fn give(file: &File, folder: &Path) -> io::Result<()> {
    let owner = fs::metadata(folder)?;
    let made = file.metadata()?;
    if made.uid() == 0 && (owner.uid(), owner.gid()) != (0, 0) {
        fchown(file, Some(owner.uid()), Some(owner.gid()))?;
    }
    Ok(())
}

/// With those above it, each belonging to whom the one above belongs to.
fn make_folder(folder: &Path, mode: u32) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder
        .parent()
        .filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above {
        make_folder(above, mode)?;
    }
    fs::DirBuilder::new()
        .mode(mode)
        .create(folder)
        .and_then(|()| give(&File::open(folder)?, above.unwrap_or(Path::new("."))))
        .map_err(Error::file(folder, "making the folder"))
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::file(path, "removing")(error))
        }
        _ => Ok(()),
    }
}

fn without_film(contents: &Contents, target: &Target) -> Vec<String> {
    let ids = contents.files.iter().filter_map(|file| match file.member {
        Member::Title(id) => Some(id.to_string()),
        _ => None,
    });
    ids.filter(|id| !target.data.join("titles").join(id).join(MEDIA).exists())
        .collect()
}
