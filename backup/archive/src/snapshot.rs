//! A database while it is written to: SQLite's own copy, at one moment, without gaps.

use std::{io, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use rusqlite::{Connection, Error as Sqlite, ErrorCode, OpenFlags};
use tempfile::NamedTempFile;

use crate::{Error, Result};

/// A writer may hold the file for a moment.
const BUSY: Duration = Duration::from_secs(10);

/// A copy of the database in `scratch`, gone with the value. `VACUUM INTO` writes the same bytes for
/// the same content, whatever pages it lay on. None: there is no database.
pub(crate) fn take(path: &Path, scratch: &Path) -> Result<Option<NamedTempFile>> {
    match path.try_exists() {
        Ok(true) => {}
        Ok(false) => return Ok(None),
        Err(error) => return Err(Error::file(path, "reading")(error)),
    }
    let copy = tempfile::Builder::new()
        .prefix(".snapshot-")
        .permissions(std::fs::Permissions::from_mode(0o600))
        .tempfile_in(scratch)
        .map_err(Error::file(scratch, "making a file"))?;
    let into = copy.path().to_str().ok_or_else(|| {
        Error::file(copy.path(), "naming it")(io::Error::from(io::ErrorKind::InvalidFilename))
    })?;
    let source = |source| Error::Database {
        path: path.to_owned(),
        source,
    };
    let connection = connect(path).map_err(source)?;
    connection
        .execute("VACUUM INTO ?1", [into])
        .map_err(source)?;
    drop(connection);
    check(copy.path()).map_err(source)?;
    Ok(Some(copy))
}

/// Whether a database is whole.
pub(crate) fn check(path: &Path) -> std::result::Result<(), Sqlite> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    let found: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if found == "ok" {
        Ok(())
    } else {
        let damaged = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
        Err(Sqlite::SqliteFailure(damaged, Some(found)))
    }
}

/// Reading only. Whoever may not write beside the file can't make the shared index that a WAL wants;
/// where nobody has the file open there is none, and none is needed.
fn connect(path: &Path) -> std::result::Result<Connection, Sqlite> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    match connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())) {
        Ok(()) => Ok(connection),
        Err(error)
            if error.sqlite_error_code() == Some(ErrorCode::CannotOpen) && !has_wal(path) =>
        {
            let address = format!("file:{}?immutable=1", escaped(path));
            Connection::open_with_flags(address, flags | OpenFlags::SQLITE_OPEN_URI)
        }
        Err(error) => Err(error),
    }
}

fn has_wal(path: &Path) -> bool {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    Path::new(&wal).metadata().is_ok_and(|wal| wal.len() > 0)
}

/// As a path in a `file:` address.
fn escaped(path: &Path) -> String {
    let text = path.to_string_lossy();
    text.replace('%', "%25")
        .replace('?', "%3f")
        .replace('#', "%23")
}
