//! Columns to values and back.

use std::str::FromStr;

use rusqlite::{Error, Row, types::Type};

use crate::core::{
    money::{Msats, Sats},
    time::Timestamp,
};

/// SQLite's integers are signed; times and amounts stay far below the limit.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let value: i64 = row.get(column)?;
    u64::try_from(value).map_err(|_| Error::IntegralValueOutOfRange(column, value))
}

pub(super) fn timestamp(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    unsigned(row, column).map(Timestamp::from_unix)
}

pub(super) fn sats(row: &Row<'_>, column: usize) -> rusqlite::Result<Sats> {
    Sats::new(unsigned(row, column)?).map_err(|error| wrong(column, error))
}

pub(super) fn msats(row: &Row<'_>, column: usize) -> rusqlite::Result<Msats> {
    Msats::new(unsigned(row, column)?).map_err(|error| wrong(column, error))
}

pub(super) fn parsed<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text = row.get_ref(column)?.as_str()?;
    text.parse().map_err(|error| wrong(column, error))
}

pub(super) fn maybe_parsed<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    match row.get_ref(column)?.as_str_or_null()? {
        None => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|error| wrong(column, error)),
    }
}

pub(super) fn wrong(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}
