//! Which pair this journal belongs to: the facts that are compared before anything else is done (design §6).
//!
//! The journal's own id is made once, with the journal, and never changes.

use planner::id::FolderId;
use rusqlite::{Connection, Row, named_params};

use crate::error::JournalError;
use crate::journal::{Durability, Journal};
use crate::row::{Num, bad, num, num_opt};

/// What the journal says of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Meta {
    /// Random, made with the journal: the first part of interim names (design A3). [`Journal::set_meta`] never changes it.
    pub journal_id: u32,
    /// The API address it was made with; `None` until the first sign-in.
    pub api_url: Option<String>,
    /// The account's id, as the server says it.
    pub account: Option<String>,
    /// Where in the account the pair's root is.
    pub remote_root: Option<RemoteRoot>,
    /// The id in the local root's marker file: random, 128 bit in hex.
    pub root_id: Option<String>,
    /// Raised at each start that may write, first in the marker, then here (design §6).
    pub generation: u64,
    /// When both sides last agreed in full.
    pub agreed_at: Option<i64>,
}

/// Where in the account the pair's root is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RemoteRoot {
    /// The account's own root, which has no id.
    Top,
    /// A folder.
    Folder(FolderId),
}

impl RemoteRoot {
    /// As stored: no folder has the number 0.
    const fn column(self) -> Num {
        match self {
            Self::Top => Num(0),
            Self::Folder(id) => Num(id.get()),
        }
    }

    /// From what was stored.
    fn of(number: u64) -> Self {
        FolderId::new(number).map_or(Self::Top, Self::Folder)
    }
}

impl Journal {
    /// What the journal says of itself.
    #[must_use]
    pub const fn meta(&self) -> &Meta {
        &self.meta
    }

    /// Replaces what the journal says of itself, durably, except for its id.
    ///
    /// # Errors
    /// As [`Journal::commit`].
    pub fn set_meta(&mut self, meta: Meta) -> Result<(), JournalError> {
        let meta = Meta {
            journal_id: self.meta.journal_id,
            ..meta
        };
        self.write(Durability::Full, "recording the pair's facts", |tx| {
            tx.prepare_cached(
                "UPDATE meta SET api_url = :api_url, account = :account, remote_root = :remote_root,
                    root_id = :root_id, generation = :generation, agreed_at = :agreed_at",
            )?
            .execute(named_params! {
                ":api_url": meta.api_url,
                ":account": meta.account,
                ":remote_root": meta.remote_root.map(RemoteRoot::column),
                ":root_id": meta.root_id,
                ":generation": Num(meta.generation),
                ":agreed_at": meta.agreed_at,
            })
            .map(|_| ())
        })?;
        self.meta = meta;
        Ok(())
    }
}

/// Makes the one row of a new journal; one that has it keeps it.
pub(crate) fn create(conn: &Connection, journal_id: u32) -> rusqlite::Result<()> {
    conn.prepare_cached("INSERT OR IGNORE INTO meta (only_row, journal_id) VALUES (1, ?1)")?
        .execute([journal_id])
        .map(|_| ())
}

/// Reads the row, and the first node id that was never written.
pub(crate) fn load(conn: &Connection) -> rusqlite::Result<(Meta, u64)> {
    conn.prepare_cached("SELECT * FROM meta")?
        .query_row([], |row| Ok((decode(row)?, num(row, "next_node")?)))
}

fn decode(row: &Row<'_>) -> rusqlite::Result<Meta> {
    let journal_id: i64 = row.get("journal_id")?;
    Ok(Meta {
        journal_id: u32::try_from(journal_id).map_err(|_| bad(format!("journal id {journal_id}")))?,
        api_url: row.get("api_url")?,
        account: row.get("account")?,
        remote_root: num_opt(row, "remote_root")?.map(RemoteRoot::of),
        root_id: row.get("root_id")?,
        generation: num(row, "generation")?,
        agreed_at: row.get("agreed_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Home;

    #[test]
    fn the_facts_of_the_pair_come_back_but_its_own_id_is_never_changed() {
        let home = Home::new();
        let mut journal = home.open();
        let made = journal.meta().clone();
        assert_eq!(
            (made.generation, &made.api_url, made.remote_root),
            (0, &None, None)
        );
        for remote_root in [
            None,
            Some(RemoteRoot::Top),
            FolderId::new(u64::MAX).map(RemoteRoot::Folder),
        ] {
            let facts = Meta {
                journal_id: made.journal_id.wrapping_add(1),
                api_url: Some("https://example.org/api/v2/".into()),
                account: Some("17".into()),
                remote_root,
                root_id: Some("00ff".repeat(8)),
                generation: u64::MAX,
                agreed_at: Some(-1),
            };
            let kept = Meta {
                journal_id: made.journal_id,
                ..facts.clone()
            };
            journal.set_meta(facts).unwrap();
            assert_eq!(*journal.meta(), kept);
            drop(journal);
            journal = home.open();
            assert_eq!(*journal.meta(), kept);
        }
    }

    #[test]
    fn two_journals_have_two_ids() {
        let (one, other) = (Home::new(), Home::new());
        assert_ne!(one.open().meta().journal_id, other.open().meta().journal_id);
    }
}
