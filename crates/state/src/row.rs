//! Newtypes to columns and back. The only place that knows how a value of the vocabulary is stored.
//!
//! Reading checks: what no writer of ours could have stored is an error that ends as `Damaged`, never a default.

use std::fmt;

use planner::content::{ContentHash, Stamp};
use planner::hold::Side;
use planner::id::{FileId, FolderId, LocalIdentity, NodeId, RemoteId, ShortUrl};
use planner::name::{LocalName, RemoteName};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Type, ValueRef};
use rusqlite::{Row, RowIndex};

/// An unsigned number, stored bit for bit in SQLite's signed one: inode and device numbers use all 64 bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Num(pub(crate) u64);

impl ToSql for Num {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.cast_signed().into())
    }
}

impl FromSql for Num {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        i64::column_result(value).map(|number| Self(number.cast_unsigned()))
    }
}

/// A BLAKE3 as a blob of 32 bytes.
pub(crate) struct Digest(pub(crate) ContentHash);

impl ToSql for Digest {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Blob(&self.0.0)))
    }
}

impl FromSql for Digest {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        <[u8; 32]>::column_result(value).map(|bytes| Self(ContentHash(bytes)))
    }
}

/// A side as its word.
pub(crate) struct SideWord(pub(crate) Side);

impl ToSql for SideWord {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Side::Local => "local",
            Side::Remote => "remote",
        }
        .into())
    }
}

impl FromSql for SideWord {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "local" => Ok(Self(Side::Local)),
            "remote" => Ok(Self(Side::Remote)),
            other => Err(impossible(format!("side {other:?}"))),
        }
    }
}

/// What was found in a column and can be nothing we wrote.
#[derive(Debug)]
struct Impossible(String);

impl fmt::Display for Impossible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "impossible value: {}", self.0)
    }
}

impl std::error::Error for Impossible {}

/// The error for a value that no writer of ours could have stored.
pub(crate) fn impossible(what: impl Into<String>) -> FromSqlError {
    FromSqlError::other(Impossible(what.into()))
}

/// The same where a column was read already and its value turned out impossible.
pub(crate) fn bad(what: impl Into<String>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Null, Box::new(Impossible(what.into())))
}

/// An unsigned number.
pub(crate) fn num(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<u64> {
    row.get::<_, Num>(column).map(|Num(number)| number)
}

/// An unsigned number or NULL.
pub(crate) fn num_opt(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<Option<u64>> {
    Ok(row.get::<_, Option<Num>>(column)?.map(|Num(number)| number))
}

/// A hash.
pub(crate) fn hash(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<ContentHash> {
    row.get::<_, Digest>(column).map(|Digest(hash)| hash)
}

/// A hash or NULL.
pub(crate) fn hash_opt(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<Option<ContentHash>> {
    Ok(row.get::<_, Option<Digest>>(column)?.map(|Digest(hash)| hash))
}

/// A side.
pub(crate) fn side(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<Side> {
    row.get::<_, SideWord>(column).map(|SideWord(side)| side)
}

/// A file id; 0 is none.
pub(crate) fn file_id(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<FileId> {
    FileId::new(num(row, column)?).ok_or_else(|| bad("file id 0"))
}

/// A folder id; 0 is none.
pub(crate) fn folder_id(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<FolderId> {
    FolderId::new(num(row, column)?).ok_or_else(|| bad("folder id 0"))
}

/// A file's or folder's id, from the column that says which and the number.
pub(crate) fn remote_id(row: &Row<'_>, is_file: &str, id: &str) -> rusqlite::Result<RemoteId> {
    if row.get::<_, bool>(is_file)? {
        file_id(row, id).map(RemoteId::File)
    } else {
        folder_id(row, id).map(RemoteId::Folder)
    }
}

/// The columns of [`remote_id`].
pub(crate) const fn remote_columns(id: RemoteId) -> (bool, Num) {
    (id.file().is_some(), Num(id.get()))
}

/// A node id or NULL.
pub(crate) fn node_id_opt(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<Option<NodeId>> {
    Ok(num_opt(row, column)?.map(NodeId))
}

/// A node id.
pub(crate) fn node_id(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<NodeId> {
    num(row, column).map(NodeId)
}

/// A short URL or NULL.
pub(crate) fn short_url(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<Option<ShortUrl>> {
    Ok(row.get::<_, Option<Box<str>>>(column)?.map(ShortUrl))
}

/// A name in the account.
pub(crate) fn remote_name(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<RemoteName> {
    Ok(RemoteName::new(row.get_ref(column)?.as_str()?))
}

/// A name on the disk, checked again.
pub(crate) fn local_name(row: &Row<'_>, column: impl RowIndex) -> rusqlite::Result<LocalName> {
    let text = row.get_ref(column)?.as_str()?;
    LocalName::new(text).ok_or_else(|| bad("a local name no disk could hold"))
}

/// An identity, or none, from its columns: device, inode, birth.
pub(crate) fn identity(
    row: &Row<'_>,
    [device, inode, birth_ns]: [impl RowIndex; 3],
) -> rusqlite::Result<Option<LocalIdentity>> {
    let birth_ns: Option<i64> = row.get(birth_ns)?;
    let (device, inode) = (num_opt(row, device)?, num_opt(row, inode)?);
    Ok(device.zip(inode).map(|(device, inode)| LocalIdentity {
        device,
        inode,
        birth_ns,
    }))
}

/// Times, or none, from their two columns: of the content, of the file.
pub(crate) fn stamp(
    row: &Row<'_>,
    [mtime_ns, ctime_ns]: [impl RowIndex; 2],
) -> rusqlite::Result<Option<Stamp>> {
    let (mtime_ns, ctime_ns): (Option<i64>, Option<i64>) = (row.get(mtime_ns)?, row.get(ctime_ns)?);
    Ok(mtime_ns
        .zip(ctime_ns)
        .map(|(mtime_ns, ctime_ns)| Stamp { mtime_ns, ctime_ns }))
}
