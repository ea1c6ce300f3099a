//! Hashes worth keeping over a restart: of versions in the account whose bytes were fetched, and of files on the disk
//! that are not synced yet (a synced file's hash is in its node).
//!
//! A hash is given back for exactly the version it was made of, never for one that merely looks like it. All can be made again,
//! at the price of requests and reading, so these writes may be lost in a power cut.

use std::collections::{BTreeMap, BTreeSet};

use planner::content::{ContentHash, Stamp};
use planner::id::{FileId, ShortUrl};
use rusqlite::{OptionalExtension as _, Row};

use crate::error::JournalError;
use crate::journal::{Durability, Journal};
use crate::row::{Digest, Num, file_id, hash, num, short_url};

/// A file's version in the account (design §1).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RemoteVersion {
    /// Its id.
    pub file: FileId,
    /// Bytes.
    pub size: u64,
    /// The server's second name of it.
    pub short_url: Option<ShortUrl>,
}

/// A file's version on this disk (design S12).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LocalVersion {
    /// `st_dev`.
    pub device: u64,
    /// `st_ino`.
    pub inode: u64,
    /// Bytes.
    pub size: u64,
    /// Its times; too young ones must not be put here.
    pub stamp: Stamp,
}

impl Journal {
    /// BLAKE3 of all versions in the account whose bytes were fetched.
    ///
    /// # Errors
    /// `Damaged`, `Sql`.
    pub fn remote_hashes(&self) -> Result<BTreeMap<RemoteVersion, ContentHash>, JournalError> {
        self.ask("reading remote hashes", |conn| {
            conn.prepare_cached("SELECT * FROM remote_hash")?
                .query_map([], decode_remote_hash)?
                .collect()
        })
    }

    /// BLAKE3 of exactly this version in the account, if its bytes were fetched.
    ///
    /// # Errors
    /// `Damaged`, `Sql`.
    pub fn remote_hash(&self, version: &RemoteVersion) -> Result<Option<ContentHash>, JournalError> {
        self.ask("reading a remote hash", |conn| {
            conn.prepare_cached(
                "SELECT hash FROM remote_hash WHERE file_id = ?1 AND size = ?2 AND short_url IS ?3",
            )?
            .query_row(remote_columns(version), |row| hash(row, 0))
            .optional()
        })
    }

    /// Keeps the hash of a version in the account, in place of that of an earlier one of the same id.
    ///
    /// # Errors
    /// As [`Journal::commit`].
    pub fn put_remote_hash(
        &mut self,
        version: &RemoteVersion,
        hash: ContentHash,
    ) -> Result<(), JournalError> {
        self.write(Durability::Relaxed, "keeping a remote hash", |tx| {
            let (id, size, url) = remote_columns(version);
            tx.prepare_cached(
                "INSERT OR REPLACE INTO remote_hash (file_id, size, short_url, hash) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((id, size, url, Digest(hash)))
            .map(|_| ())
        })
    }

    /// Drops the hashes of files other than these.
    ///
    /// # Errors
    /// As [`Journal::commit`].
    pub fn prune_remote_hashes(&mut self, keep: &BTreeSet<FileId>) -> Result<(), JournalError> {
        let stale: Vec<_> = self
            .remote_hashes()?
            .into_keys()
            .map(|version| version.file)
            .filter(|id| !keep.contains(id))
            .collect();
        if stale.is_empty() {
            return Ok(());
        }
        self.write(Durability::Relaxed, "dropping remote hashes", |tx| {
            let mut delete = tx.prepare_cached("DELETE FROM remote_hash WHERE file_id = ?1")?;
            for id in &stale {
                delete.execute([Num(id.get())])?;
            }
            Ok(())
        })
    }

    /// BLAKE3 of exactly this version on the disk, if it was hashed.
    ///
    /// # Errors
    /// `Damaged`, `Sql`.
    pub fn local_hash(&self, version: &LocalVersion) -> Result<Option<ContentHash>, JournalError> {
        self.ask("reading a local hash", |conn| {
            conn.prepare_cached(
                "SELECT hash FROM local_hash WHERE device = ?1 AND inode = ?2 AND size = ?3 AND mtime_ns = ?4
                    AND ctime_ns = ?5",
            )?
            .query_row(local_columns(version), |row| hash(row, 0))
            .optional()
        })
    }

    /// All versions on the disk that were hashed.
    ///
    /// # Errors
    /// `Damaged`, `Sql`.
    pub fn local_hashes(&self) -> Result<BTreeMap<LocalVersion, ContentHash>, JournalError> {
        self.ask("reading local hashes", |conn| {
            conn.prepare_cached("SELECT * FROM local_hash")?
                .query_map([], decode_local_hash)?
                .collect()
        })
    }

    /// Keeps hashes of versions on the disk, each in place of an earlier one of the same file.
    ///
    /// # Errors
    /// As [`Journal::commit`].
    pub fn put_local_hashes(&mut self, hashes: &[(LocalVersion, ContentHash)]) -> Result<(), JournalError> {
        if hashes.is_empty() {
            return Ok(());
        }
        self.write(Durability::Relaxed, "keeping local hashes", |tx| {
            let mut insert = tx.prepare_cached(
                "INSERT OR REPLACE INTO local_hash (device, inode, size, mtime_ns, ctime_ns, hash)
                    VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?;
            for (version, hash) in hashes {
                let (device, inode, size, mtime_ns, ctime_ns) = local_columns(version);
                insert.execute((device, inode, size, mtime_ns, ctime_ns, Digest(*hash)))?;
            }
            Ok(())
        })
    }

    /// Drops the hashes of files other than these (device and inode).
    ///
    /// # Errors
    /// As [`Journal::commit`].
    pub fn prune_local_hashes(&mut self, keep: &BTreeSet<(u64, u64)>) -> Result<(), JournalError> {
        let stale: Vec<_> = self
            .local_hashes()?
            .into_keys()
            .filter(|version| !keep.contains(&(version.device, version.inode)))
            .collect();
        if stale.is_empty() {
            return Ok(());
        }
        self.write(Durability::Relaxed, "dropping local hashes", |tx| {
            let mut delete = tx.prepare_cached("DELETE FROM local_hash WHERE device = ?1 AND inode = ?2")?;
            for version in &stale {
                delete.execute((Num(version.device), Num(version.inode)))?;
            }
            Ok(())
        })
    }
}

fn remote_columns(version: &RemoteVersion) -> (Num, Num, Option<&str>) {
    let url = version.short_url.as_ref().map(|url| &*url.0);
    (Num(version.file.get()), Num(version.size), url)
}

fn decode_remote_hash(row: &Row<'_>) -> rusqlite::Result<(RemoteVersion, ContentHash)> {
    let version = RemoteVersion {
        file: file_id(row, "file_id")?,
        size: num(row, "size")?,
        short_url: short_url(row, "short_url")?,
    };
    Ok((version, hash(row, "hash")?))
}

const fn local_columns(version: &LocalVersion) -> (Num, Num, Num, i64, i64) {
    (
        Num(version.device),
        Num(version.inode),
        Num(version.size),
        version.stamp.mtime_ns,
        version.stamp.ctime_ns,
    )
}

fn decode_local_hash(row: &Row<'_>) -> rusqlite::Result<(LocalVersion, ContentHash)> {
    let version = LocalVersion {
        device: num(row, "device")?,
        inode: num(row, "inode")?,
        size: num(row, "size")?,
        stamp: Stamp {
            mtime_ns: row.get("mtime_ns")?,
            ctime_ns: row.get("ctime_ns")?,
        },
    };
    Ok((version, hash(row, "hash")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Home;

    const HASH: ContentHash = ContentHash([1; 32]);
    const OTHER: ContentHash = ContentHash([2; 32]);

    fn remote(file: u64, size: u64, url: Option<&str>) -> RemoteVersion {
        RemoteVersion {
            file: FileId::new(file).unwrap(),
            size,
            short_url: url.map(|url| ShortUrl(url.into())),
        }
    }

    fn local(inode: u64, size: u64, mtime_ns: i64, ctime_ns: i64) -> LocalVersion {
        LocalVersion {
            device: u64::MAX,
            inode,
            size,
            stamp: Stamp { mtime_ns, ctime_ns },
        }
    }

    #[test]
    fn a_remote_hash_is_given_for_exactly_its_version() {
        let home = Home::new();
        home.open_once(|journal| {
            journal.put_remote_hash(&remote(1, 10, Some("u")), HASH).unwrap();
            journal.put_remote_hash(&remote(2, 10, None), OTHER).unwrap();
        });
        let mut journal = home.open();
        assert_eq!(
            journal.remote_hash(&remote(1, 10, Some("u"))).unwrap(),
            Some(HASH)
        );
        assert_eq!(journal.remote_hash(&remote(2, 10, None)).unwrap(), Some(OTHER));
        for close in [
            remote(1, 11, Some("u")),
            remote(1, 10, Some("v")),
            remote(1, 10, None),
            remote(3, 10, Some("u")),
            remote(2, 10, Some("")),
        ] {
            assert_eq!(journal.remote_hash(&close).unwrap(), None, "{close:?}");
        }
        journal.put_remote_hash(&remote(1, 11, Some("u")), OTHER).unwrap();
        assert_eq!(journal.remote_hash(&remote(1, 10, Some("u"))).unwrap(), None);
        journal
            .prune_remote_hashes(&BTreeSet::from([remote(1, 0, None).file]))
            .unwrap();
        let left = BTreeMap::from([(remote(1, 11, Some("u")), OTHER)]);
        assert_eq!(journal.remote_hashes().unwrap(), left);
    }

    #[test]
    fn a_local_hash_is_given_for_exactly_its_version() {
        let home = Home::new();
        let known = local(1, 10, 5, 6);
        home.open_once(|journal| {
            journal
                .put_local_hashes(&[(known, HASH), (local(u64::MAX, 10, 5, 6), OTHER)])
                .unwrap();
        });
        let mut journal = home.open();
        assert_eq!(journal.local_hash(&known).unwrap(), Some(HASH));
        let device = LocalVersion { device: 0, ..known };
        for close in [
            device,
            local(2, 10, 5, 6),
            local(1, 9, 5, 6),
            local(1, 10, 4, 6),
            local(1, 10, 5, 7),
        ] {
            assert_eq!(journal.local_hash(&close).unwrap(), None, "{close:?}");
        }
        journal.put_local_hashes(&[(local(1, 10, 5, 7), OTHER)]).unwrap();
        assert_eq!(journal.local_hash(&known).unwrap(), None);
        journal
            .prune_local_hashes(&BTreeSet::from([(u64::MAX, u64::MAX)]))
            .unwrap();
        let left = BTreeMap::from([(local(u64::MAX, 10, 5, 6), OTHER)]);
        assert_eq!(journal.local_hashes().unwrap(), left);
    }
}
