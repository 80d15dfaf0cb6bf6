//! Small files that a command replaces while a server reads them: the signing keys, the deny list.
//!
//! Owns how such a file is replaced in one step, how two commands take turns, and how a running
//! server notices. Does not own what stands in them.

use std::{
    fs::{self, File, Metadata, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
    path::Path,
    time::Duration,
};

use tokio_util::sync::CancellationToken;

/// How often a running server looks whether a file was replaced.
pub const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Held by the one command that may change a folder's files.
#[derive(Debug)]
pub struct Turn {
    /// The lock ends with it.
    _lock: File,
}

/// Waits until no other command changes the files beside `path`, and keeps them out.
pub fn take_turn(path: &Path) -> io::Result<Turn> {
    let folder = File::open(folder_of(path))?;
    folder.lock()?;
    Ok(Turn { _lock: folder })
}

/// None: there is no such file.
pub fn read(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        text => text.map(Some),
    }
}

/// Puts `text` in the place of the file, whole or not at all, readable by its owner only.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    fs::create_dir_all(folder_of(path))?;
    put(path, text.as_bytes(), 0o600)
}

/// The same for a file that others read too: whoever could read it still can.
pub fn replace_shared(path: &Path, text: &str) -> io::Result<()> {
    let mode = fs::metadata(path)?.permissions().mode() & 0o777;
    put(path, text.as_bytes(), mode)
}

/// The same for a file that is handed to the transcoder, whose group reads it.
pub fn hand_over(path: &Path, bytes: &[u8]) -> io::Result<()> {
    put(path, bytes, 0o640)
}

fn put(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let folder = folder_of(path);
    let temporary = path.with_extension("tmp");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    // Not by the mode of opening, which the process's mask narrows.
    file.set_permissions(Permissions::from_mode(mode))?;
    keep_owner(&file, path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    File::open(folder)?.sync_all()
}

/// A command that root runs must not take the file away from the user whom the server runs as.
fn keep_owner(file: &File, path: &Path) -> io::Result<()> {
    let before = fs::metadata(path).or_else(|_| fs::metadata(folder_of(path)))?;
    let made = file.metadata()?;
    // Only root may give files away; everybody else's file is their own already, or stays theirs.
    if made.uid() == 0 && before.uid() != 0 {
        fchown(file, Some(before.uid()), Some(before.gid()))?;
    }
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) | None => Path::new("."),
    }
}

/// Tells one version of a file from another. A replaced file is another one, whatever its time.
fn version(metadata: &Metadata) -> (u64, u64, i64, i64) {
    let (seconds, nanoseconds) = (metadata.mtime(), metadata.mtime_nsec());
    (metadata.ino(), metadata.len(), seconds, nanoseconds)
}

/// Calls `take_in` at once, since the file may have changed since it was read, and after every
/// change until `shutdown`.
pub async fn follow(path: &Path, shutdown: CancellationToken, take_in: impl FnMut()) {
    follow_every(LOOK_EVERY, path, shutdown, take_in).await;
}

async fn follow_every(
    interval: Duration,
    path: &Path,
    shutdown: CancellationToken,
    mut take_in: impl FnMut(),
) {
    let look = || fs::metadata(path).ok().as_ref().map(version);
    let mut known = look();
    take_in();
    let pause = || tokio::time::sleep(interval);
    while shutdown.run_until_cancelled(pause()).await.is_some() {
        let now = look();
        if now != known {
            known = now;
            take_in();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_private() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/file.json");
        for text in ["one", "two, longer", ""] {
            replace(&path, text).expect("written");
            assert_eq!(fs::read_to_string(&path).expect("read"), text);
        }
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let left = fs::read_dir(folder.path().join("deep")).expect("a folder");
        assert_eq!(left.count(), 1, "nothing temporary stays");
    }

    #[test]
    fn commands_take_turns() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("count");
        fs::write(&path, "0").expect("written");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..25 {
                        let _turn = take_turn(&path).expect("a turn");
                        let text = fs::read_to_string(&path).expect("read");
                        let count: u32 = text.parse().expect("a number");
                        replace(&path, &(count + 1).to_string()).expect("written");
                    }
                });
            }
        });
        assert_eq!(fs::read_to_string(&path).expect("read"), "100");
    }

    #[tokio::test]
    async fn a_replaced_file_is_noticed_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("file");
        replace(&path, "one").expect("written");
        let (shutdown, mut seen) = (CancellationToken::new(), Vec::new());
        let interval = Duration::from_millis(1);
        follow_every(interval, &path, shutdown.clone(), || {
            let text = fs::read_to_string(&path).expect("read");
            match text.as_str() {
                // The same length and perhaps the same time: another file all the same.
                "one" => replace(&path, "two").expect("written"),
                _ => shutdown.cancel(),
            }
            seen.push(text);
        })
        .await;
        assert_eq!(seen, ["one", "two"]);
    }
}
