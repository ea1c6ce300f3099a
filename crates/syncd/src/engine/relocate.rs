//! `relocate`: the user moved, or copied, a pair's folder to another place on this machine.
//!
//! A folder that was moved is the same folder: nothing is to be done but to know it. One that was copied has other inodes:
//! each record is carried over to the file that has its bytes. What is not there, or has other bytes, loses its record
//! and meets the account anew. Never here: an incomplete copy that counts as deletions or edits, a file changed.

use std::path::Path;

use planner::content::Stamp;
use planner::hold::Side;
use planner::id::NodeId;
use planner::path::RelPath;
use planner::tree::{LocalNode, SyncedFile, SyncedKind, SyncedNode, SyncedTree};
use state::{Change, HistoryEntry, Journal, JournalError};

use super::hashes::{Hashes, hashes};
use super::memo;
use super::open::{Halt, check_marker, find_marker};
use super::whereabouts::{Place, whereabouts};
use crate::config::{Config, PairConfig};
use crate::local::ignore::Ignore;
use crate::local::scan::{self, Scan, ScanOptions};
use crate::local::{LocalError, Root, hash};
use crate::report::{Kind, Report};

/// What a relocation came to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Relocated {
    /// It is the very folder that was synced last, under another path.
    pub(crate) same_folder: bool,
    /// Records carried over to a copy.
    pub(crate) carried: u64,
    /// Files that were read to compare.
    pub(crate) read: u64,
    /// Paths on record that the copy does not have, or not with these bytes.
    pub(crate) anew: Vec<String>,
    /// A folder with this pair's marker is still at the configured place.
    pub(crate) old_is_there: bool,
}

/// Makes the journal know `new` as the pair's folder.
pub(crate) fn relocate(
    config: &Config,
    pair: &PairConfig,
    new: &Path,
    by: &str,
) -> Result<Relocated, Report> {
    let dir = config.pair_dir(&pair.name);
    let told = |error: &JournalError| Report::from_journal_command(error, &pair.name).at(pair.name.as_str());
    // A journal is not made here.
    let known = Journal::read(&dir).map_err(|error| told(&error))?;
    if known.is_none_or(|journal| journal.meta().root_id.is_none()) {
        return Err(Report::never_synced(&pair.name));
    }
    let mut journal = Journal::open(&dir).map_err(|error| told(&error))?;
    journal.hear(super::clock::now());
    let root = Root::open(new).map_err(|error| Report::from_root(new, &error))?;
    ours(&root, &journal, new)?;
    let mut done = Relocated {
        same_folder: memo::is_noted_place(&journal, root.identity()).map_err(|error| told(&error))?,
        old_is_there: old_is_there(pair, &root, &journal),
        ..Relocated::default()
    };
    let mut changes = vec![Change::History(entry(pair, new, by))];
    if !done.same_folder {
        let synced = journal.synced().map_err(|error| told(&error))?;
        let known = hashes(&journal, &synced).map_err(|error| told(&error))?;
        let carried = carry(&synced, &known, pair, &root, &mut done).map_err(|error| match error {
            Failed::Disk(error) => Report::from_root(new, &error),
            Failed::Unread(path) => unread(new, &path),
        })?;
        changes.extend(carried);
    }
    let meets_anew = !done.anew.is_empty();
    let recorded = journal
        .commit(&changes)
        .and_then(|()| memo::note_place(&mut journal, &root))
        .and_then(|()| {
            if meets_anew {
                memo::begin_rebuild(&mut journal)
            } else {
                Ok(())
            }
        })
        .and_then(|()| memo::forget_stop(&mut journal));
    recorded.map_err(|error| told(&error))?;
    Ok(done)
}

/// The folder must bear this pair's marker, of this generation.
fn ours(root: &Root, journal: &Journal, new: &Path) -> Result<(), Report> {
    let found = find_marker(root, false);
    let checked = found.and_then(|found| check_marker(found.as_ref(), journal.meta()).map_err(Halt::Stop));
    let cause = match checked {
        Ok(()) => return Ok(()),
        Err(Halt::Stop(stop)) => stop.to_string(),
        Err(Halt::Error(report)) => return Err(*report),
    };
    let next = "name the folder that was moved; .syncd/root-id must have come along with it";
    Err(
        Report::new(Kind::LocalFolder, "it is not this pair's folder", cause, next)
            .at(new.display().to_string())
            .data("Nothing was changed."),
    )
}

/// Whether the configured place is another folder, with the same marker: the user has two of them now.
fn old_is_there(pair: &PairConfig, new: &Root, journal: &Journal) -> bool {
    let Ok(old) = Root::open(&pair.local) else {
        return false;
    };
    let marker = find_marker(&old, false).ok().flatten();
    let same = marker.is_some_and(|marker| Some(marker.root_id) == journal.meta().root_id);
    same && old.identity() != new.identity()
}

fn unread(new: &Path, path: &str) -> Report {
    let next = "make it readable, then run this again";
    Report::new(
        Kind::LocalFolder,
        "it cannot be told whether everything is there",
        "a folder in it cannot be read",
        next,
    )
    .at(new.join(path).display().to_string())
    .data("Nothing was changed.")
}

/// Why a copy could not be compared.
#[derive(Debug)]
pub(super) enum Failed {
    /// The disk failed.
    Disk(LocalError),
    /// A recorded node lies where nobody can look.
    Unread(String),
}

impl From<LocalError> for Failed {
    fn from(error: LocalError) -> Self {
        Self::Disk(error)
    }
}

/// The records as they are of the copy. Reads whatever file is not known by its stamp.
pub(super) fn carry(
    synced: &SyncedTree,
    known: &Hashes,
    pair: &PairConfig,
    root: &Root,
    done: &mut Relocated,
) -> Result<Vec<Change>, Failed> {
    let mut ignore = Ignore::new(&pair.exclude, &pair.include)?;
    let options = ScanOptions {
        quiet: std::time::Duration::ZERO,
        now_ns: super::clock::now_ns(),
    };
    let scan = scan::scan(root, &mut ignore, &known.with(synced), options)?;
    let mut carried = Carry {
        root,
        scan: &scan,
        synced,
        dropped: std::collections::BTreeSet::new(),
        changes: Vec::new(),
        done,
    };
    for (id, place) in whereabouts(synced, &scan.tree) {
        carried.node(id, place)?;
    }
    Ok(carried.changes)
}

/// Records on their way to a copy.
struct Carry<'a> {
    root: &'a Root,
    scan: &'a Scan,
    synced: &'a SyncedTree,
    /// What is in a folder without a record has none either.
    dropped: std::collections::BTreeSet<NodeId>,
    changes: Vec<Change>,
    done: &'a mut Relocated,
}

impl Carry<'_> {
    fn node(&mut self, id: NodeId, place: Place) -> Result<(), Failed> {
        let Some(node) = self.synced.get(id) else {
            return Ok(());
        };
        let path = self.synced.path(id).unwrap_or_default();
        let homeless = node.parent.is_some_and(|parent| self.dropped.contains(&parent));
        let entry = place.entry().and_then(|key| self.scan.tree.nodes.get(key));
        let kept = match (place, entry) {
            (Place::Hidden, _) => return Err(Failed::Unread(path.to_string())),
            // A rule took it out of the pair: its record says nothing about this disk.
            (Place::Ignored, _) if !homeless => return Ok(()),
            (_, Some(entry)) if !homeless => self.carried(node, entry)?,
            _ => None,
        };
        match kept {
            Some(kept) if kept == *node => {}
            Some(kept) => {
                self.done.carried = self.done.carried.saturating_add(1);
                self.changes.push(Change::Put(kept));
            }
            None => {
                self.dropped.insert(id);
                self.changes.push(Change::Forget(id));
                self.done.anew.push(path.to_string());
            }
        }
        Ok(())
    }

    /// The record of this entry; `None` if it is not what is on record.
    fn carried(&mut self, node: &SyncedNode, entry: &LocalNode) -> Result<Option<SyncedNode>, Failed> {
        let moved = SyncedNode {
            identity: entry.identity,
            ..node.clone()
        };
        let (Some(base), Some(file)) = (node.file(), entry.file()) else {
            return Ok(Some(moved));
        };
        // The very file that is on record, edited or not: what the next pass makes of it is right.
        if entry.identity.is_some() && entry.identity == node.identity {
            return Ok(Some(node.clone()));
        }
        if file.size != base.size {
            return Ok(None);
        }
        let trusted = self.scan.trusted(entry.key) == Some(true);
        let stamp = trusted.then_some(file.stamp);
        let Some(agreed) = base.hash else {
            // An unverified record believes in sizes (`first_merge`), and knows a version by its times alone.
            return Ok(Some(with_stamp(moved, base, Some(file.stamp))));
        };
        let hash = match (file.hash, self.scan.path(entry.key)) {
            (Some(hash), _) => hash,
            (None, Some(path)) => match self.read(&path, file) {
                Ok(hash) => hash,
                Err(error) if error.is_stale() => return Ok(None),
                Err(error) => return Err(error.into()),
            },
            (None, None) => return Ok(None),
        };
        Ok((hash == agreed).then(|| with_stamp(moved, base, stamp)))
    }

    fn read(
        &mut self,
        path: &RelPath,
        file: &planner::tree::LocalFile,
    ) -> Result<planner::content::ContentHash, LocalError> {
        self.done.read = self.done.read.saturating_add(1);
        hash::hash_file(self.root, path, file).map(|hashed| hashed.hash)
    }
}

fn with_stamp(node: SyncedNode, base: &SyncedFile, stamp: Option<Stamp>) -> SyncedNode {
    SyncedNode {
        kind: SyncedKind::File(SyncedFile {
            stamp,
            ..base.clone()
        }),
        ..node
    }
}

fn entry(pair: &PairConfig, new: &Path, by: &str) -> HistoryEntry {
    HistoryEntry {
        at: super::clock::now(),
        pass: 0,
        side: Side::Local,
        action: "relocate".to_owned(),
        path: pair.local.display().to_string(),
        to: Some(new.display().to_string()),
        bytes: None,
        reason: "the folder was moved".to_owned(),
        allowed_by: Some(by.to_owned()),
        deleted_files: 0,
    }
}
