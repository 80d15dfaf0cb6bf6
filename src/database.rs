//! One SQLite file, on a thread of its own.
//!
//! Owns opening (WAL, synchronous FULL, migrations by `user_version`) and the queue of work.
//! Queries belong to whoever owns the data. Async callers never wait on the disk themselves.

use std::{
    fmt, fs,
    io::{self, ErrorKind},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

/// Callers beyond this many wait their turn before they queue.
const QUEUE: usize = 256;
const BUSY: Duration = Duration::from_secs(5);

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// What the thread is asked for.
enum Wish {
    Work(Job),
    /// The end; answered once the file is closed.
    Close(oneshot::Sender<()>),
}

/// A handle; the thread ends with the last of them, or when one of them closes the file.
#[derive(Clone)]
pub struct Database {
    path: PathBuf,
    wishes: mpsc::Sender<Wish>,
}

/// What a database could not do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the file {} cannot be made", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{} does not work", path.display())]
    Sqlite {
        path: PathBuf,
        source: rusqlite::Error,
    },
    #[error("{} is of a later version ({found}, this program knows {known}): update the program", path.display())]
    Newer {
        path: PathBuf,
        found: usize,
        known: usize,
    },
    #[error("{} is damaged: {words}", path.display())]
    Damaged { path: PathBuf, words: String },
    #[error("{} is closed: its thread has ended", path.display())]
    Closed { path: PathBuf },
}

impl Error {
    /// The file's contents are at fault, not its surroundings.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Damaged { .. } => true,
            Self::Sqlite { source, .. } => matches!(
                source.sqlite_error_code(),
                Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase)
            ),
            Self::File { .. } | Self::Newer { .. } | Self::Closed { .. } => false,
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Database({})", self.path.display())
    }
}

impl Database {
    /// Opens or makes the file and brings it up to date: migration `n` leads to `user_version`
    /// n + 1. Only its owner may read it.
    pub async fn open(path: &Path, migrations: &'static [&'static str]) -> Result<Self, Error> {
        let (wishes, queue) = mpsc::channel(QUEUE);
        let (opened, outcome) = oneshot::channel();
        let file = path.to_owned();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        std::thread::Builder::new()
            .name(name.into_owned())
            .spawn(move || match connect(&file, migrations) {
                Ok(connection) => {
                    let _ = opened.send(Ok(()));
                    work(connection, queue);
                }
                Err(error) => {
                    let _ = opened.send(Err(error));
                }
            })
            .map_err(|source| Error::File {
                path: path.to_owned(),
                source,
            })?;
        let path = path.to_owned();
        match outcome.await {
            Ok(Ok(())) => Ok(Self { path, wishes }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(Error::Closed { path }),
        }
    }

    /// Runs `work` on the database's thread, after what was asked before. Once queued it runs to
    /// its end, even when the caller goes away.
    pub async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let (done, outcome) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let _ = done.send(work(connection));
        });
        let closed = || Error::Closed {
            path: self.path.clone(),
        };
        let wish = Wish::Work(job);
        self.wishes.send(wish).await.map_err(|_| closed())?;
        outcome
            .await
            .map_err(|_| closed())?
            .map_err(|source| self.fault(source))
    }

    /// Closes the file after what was asked before; later calls fail with [`Error::Closed`].
    ///
    /// Who goes on without it leaves the closing to the thread's own time. That matters where
    /// another may take the file's place: `SQLite` removes the write-ahead log *by name*.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.wishes.send(Wish::Close(done)).await.is_ok() {
            // An error here says that the thread has ended, which is as good.
            let _ = closed.await;
        }
    }

    fn fault(&self, source: rusqlite::Error) -> Error {
        Error::Sqlite {
            path: self.path.clone(),
            source,
        }
    }
}

fn work(mut connection: Connection, mut queue: mpsc::Receiver<Wish>) {
    while let Some(wish) = queue.blocking_recv() {
        match wish {
            Wish::Work(job) => job(&mut connection),
            Wish::Close(done) => {
                drop(connection);
                let _ = done.send(());
                return;
            }
        }
    }
}

fn connect(path: &Path, migrations: &[&str]) -> Result<Connection, Error> {
    make_private(path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })?;
    let fault = |source| Error::Sqlite {
        path: path.to_owned(),
        source,
    };
    let mut connection = Connection::open(path).map_err(fault)?;
    configure(&connection).map_err(fault)?;
    check(&connection, path, fault)?;
    migrate(&mut connection, path, migrations, fault)?;
    Ok(connection)
}

/// SECURITY: made before SQLite would make it readable to all; WAL files take over the mode.
fn make_private(path: &Path) -> io::Result<()> {
    let made = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    match made {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    // Money: a commit is on the disk when it returns, whatever happens to the power.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)
}

fn check(
    connection: &Connection,
    path: &Path,
    fault: impl Fn(rusqlite::Error) -> Error,
) -> Result<(), Error> {
    let words: String = connection
        .query_row("PRAGMA quick_check(1)", (), |row| row.get(0))
        .map_err(fault)?;
    if words == "ok" {
        return Ok(());
    }
    Err(Error::Damaged {
        path: path.to_owned(),
        words,
    })
}

fn migrate(
    connection: &mut Connection,
    path: &Path,
    migrations: &[&str],
    fault: impl Fn(rusqlite::Error) -> Error + Copy,
) -> Result<(), Error> {
    // One transaction for the look and the work: two processes may start at once.
    let transaction = connection
        .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
        .map_err(fault)?;
    let version: i64 = transaction
        .query_row("PRAGMA user_version", (), |row| row.get(0))
        .map_err(fault)?;
    let found = usize::try_from(version).unwrap_or(usize::MAX);
    let Some(missing) = migrations.get(found..) else {
        return Err(Error::Newer {
            path: path.to_owned(),
            found,
            known: migrations.len(),
        });
    };
    for migration in missing {
        transaction.execute_batch(migration).map_err(fault)?;
    }
    let version = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    transaction
        .pragma_update(None, "user_version", version)
        .map_err(fault)?;
    transaction.commit().map_err(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &[&str] = &["CREATE TABLE a (x INTEGER) STRICT"];
    const TWO: &[&str] = &[ONE[0], "ALTER TABLE a ADD COLUMN y TEXT"];

    #[tokio::test]
    async fn migrations_run_once_and_never_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.db");
        let database = Database::open(&path, ONE).await.expect("made");
        let insert =
            |connection: &mut Connection| connection.execute("INSERT INTO a VALUES (1)", ());
        database.call(insert).await.expect("inserted");

        let newer = Database::open(&path, TWO)
            .await
            .expect("brought up to date");
        let count = |connection: &mut Connection| {
            connection.query_row("SELECT count(*) FROM a WHERE y IS NULL", (), |row| {
                row.get(0)
            })
        };
        assert_eq!(newer.call::<i64>(count).await.expect("counted"), 1);

        let error = Database::open(&path, ONE).await.expect_err("too new");
        assert!(
            matches!(
                error,
                Error::Newer {
                    found: 2,
                    known: 1,
                    ..
                }
            ),
            "{error}"
        );
        assert!(!error.is_damage());
    }

    #[tokio::test]
    async fn closed_means_that_nothing_touches_the_file_any_more() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.db");
        let log = folder.path().join("x.db-wal");
        let database = Database::open(&path, ONE).await.expect("made");
        assert!(log.exists(), "it is in use");
        let other = database.clone();
        database.close().await;
        assert!(!log.exists(), "all of it is in the file");
        let error = other.call(|_| Ok(())).await.expect_err("it is closed");
        assert!(matches!(error, Error::Closed { .. }), "{error}");
        other.close().await;
    }

    #[tokio::test]
    async fn the_file_is_its_owners_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.db");
        let _database = Database::open(&path, ONE).await.expect("made");
        for entry in fs::read_dir(folder.path()).expect("listed") {
            let mode = entry
                .expect("an entry")
                .metadata()
                .expect("read")
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[tokio::test]
    async fn damage_is_told_from_other_faults() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.db");
        fs::write(
            &path,
            "this is no database, and long enough to be looked at as one".repeat(100),
        )
        .expect("written");
        let error = Database::open(&path, ONE).await.expect_err("damaged");
        assert!(error.is_damage(), "{error}");
        let error = Database::open(&folder.path().join("no/x.db"), ONE)
            .await
            .expect_err("nowhere");
        assert!(!error.is_damage(), "{error}");
    }
}
