//! What an interrupted or failed step left on the disk, put right before the disk is looked at (design D1).
//!
//! Never here: a staging file dropped that an open intent speaks of, or a scan of a disk on which something of the
//! user's is still set aside. If it cannot be put right, the pass ends and says so.

use planner::content::ContentHash;
use planner::id::{FileId, LocalIdentity, NodeId, RemoteId, ShortUrl};
use planner::name::{LocalName, RemoteName};
use planner::path::RelPath;
use planner::tree::{Standing, SyncedFile, SyncedKind, SyncedNode, SyncedTree};
use state::{Change, IntentBody};

use super::hands::joined;
use super::intents::{self, parse_hash};
use super::open::{Halt, Session};
use crate::local::apply;
use crate::local::hash;
use crate::local::recover::{self, Keeping, PlaceIntent, Recovered};
use crate::local::root::Probe;
use crate::local::staging::Staging;
use crate::local::trash::TrashPlace;
use crate::local::{LocalError, Root};
use crate::report::Report;

/// Settles every open intent about the disk, then drops downloads that no intent speaks of.
pub(crate) async fn disk(session: &mut Session) -> Result<(), Halt> {
    let open = session
        .journal
        .open_intents()
        .map_err(|error| session.broken(&error))?;
    let (root, policy) = (session.root.clone(), session.policy.clone());
    let day = TrashPlace::on(super::clock::today());
    let mut sent = open.clone();
    let bodies: Vec<_> = open.into_iter().map(|intent| (intent.id, intent.body)).collect();
    let renames: Vec<Rename> = bodies
        .iter()
        .filter_map(|(_, body)| Rename::of(session, body))
        .collect();
    let mut placings = Vec::new();
    for (_, body) in &bodies {
        placings.extend(Placing::of(session, body));
    }
    let job = move || {
        let how = Keeping {
            device: &policy.device,
            disk: &policy.disk,
            trash: day,
        };
        let mut settled = Vec::new();
        for (id, body) in bodies {
            if let Some(found) = settle(&root, &body, how)? {
                settled.push((id, found));
            }
        }
        let left = recover::leftovers(&root, how)?;
        for name in Staging::list(&root)? {
            Staging::remove(&root, &name)?;
        }
        let mut done = Vec::new();
        for rename in renames {
            if rename.is_done(&root) {
                done.push(rename);
            }
        }
        let placed: Vec<SyncedNode> = placings
            .into_iter()
            .filter_map(|placing| placing.record_if_done(&root))
            .collect();
        Ok((settled, left, done, placed))
    };
    let (settled, left, done, placed) = joined(crate::blocking::run(job).await)
        .map_err(|error| Halt::Error(Box::new(Report::from_root(&session.pair.local, &error))))?;
    if !(settled.is_empty() && left.is_empty() && done.is_empty() && placed.is_empty()) {
        // What was put right is not in the newest scan.
        session.disk = None;
    }
    let mut changes = Vec::new();
    for rename in &done {
        for intent in &mut sent {
            if intents::follow(intent, &rename.from, &rename.to) {
                changes.push(Change::UpdateIntent(intent.id, intent.body.clone()));
            }
        }
    }
    let records = done.into_iter().filter_map(|rename| rename.record);
    changes.extend(records.chain(placed).map(Change::Put));
    for (id, found) in settled {
        tell(session, &found, &mut changes);
        changes.push(Change::ClearIntent(id));
    }
    tell(session, &left, &mut changes);
    session.record(changes)
}

/// Puts right what an ended run left on this disk, without asking the account: before a pair ends.
pub(super) fn put_right(root: &Root, open: &[IntentBody], device: &str) -> Result<(), LocalError> {
    let disk = root.traits(Probe::Write)?;
    let how = Keeping {
        device,
        disk: &disk,
        trash: TrashPlace::on(super::clock::today()),
    };
    for body in open {
        if let Some(found) = settle(root, body, how)? {
            say(&found);
        }
    }
    say(&recover::leftovers(root, how)?);
    for name in Staging::list(root)? {
        Staging::remove(root, &name)?;
    }
    Ok(())
}

/// A rename of ours that may have been made without being recorded.
struct Rename {
    from: RelPath,
    to: RelPath,
    /// The record that it leads to; `None`: there was none before either.
    record: Option<SyncedNode>,
    /// Device and inode of what has no record.
    entry: Option<(u64, u64)>,
}

impl Rename {
    fn of(session: &Session, body: &IntentBody) -> Option<Self> {
        if let IntentBody::Shift {
            from,
            to,
            device,
            inode,
        } = body
        {
            return Some(Self {
                from: RelPath::parse(from)?,
                to: RelPath::parse(to)?,
                record: None,
                entry: Some((*device, *inode)),
            });
        }
        let IntentBody::Rename {
            node,
            parent,
            remote_name,
            from,
            to,
        } = body
        else {
            return None;
        };
        let (from, to) = (RelPath::parse(from)?, RelPath::parse(to)?);
        let base = session.synced.get(NodeId(*node))?;
        let parent = parent.map(NodeId);
        if parent.is_some_and(|parent| !session.synced.contains(parent)) {
            return None;
        }
        let record = SyncedNode {
            parent,
            local_name: to.split()?.1,
            remote_name: RemoteName::new(remote_name.as_str()),
            ..base.clone()
        };
        Some(Self {
            from,
            to,
            record: Some(record),
            entry: None,
        })
    }

    /// Whether the very entry is at its new place, and, of one on record, nothing at its old one.
    fn is_done(&self, root: &Root) -> bool {
        let Some(there) = root.identity_at(&self.to).ok().flatten() else {
            return false;
        };
        match &self.record {
            Some(record) => record.identity == Some(there) && root.identity_at(&self.from) == Ok(None),
            None => self.entry == Some((there.device, there.inode)),
        }
    }
}

/// A download that may lie in its place without being recorded. Unrecorded it would be the user's: an edit of the version
/// before, or a new file beside the account's. Both come into the account a second time if that shows something else at
/// the path by then.
struct Placing {
    path: RelPath,
    /// The record that it leads to.
    record: SyncedNode,
    hash: ContentHash,
    /// Who else is on record at the path, by what it was on the disk: something that went, and whose own new place was not
    /// on record yet.
    others: Vec<Option<LocalIdentity>>,
}

impl Placing {
    fn of(session: &mut Session, body: &IntentBody) -> Option<Self> {
        let IntentBody::Place {
            path,
            file,
            size,
            hash,
            node,
            short_url,
            remote_name,
            ..
        } = body
        else {
            return None;
        };
        let hash = parse_hash(hash.as_deref()?)?;
        let kind = SyncedKind::File(SyncedFile {
            remote: FileId::new(*file)?,
            short_url: short_url.as_deref().map(|url| ShortUrl(url.into())),
            size: *size,
            hash: Some(hash),
            stamp: None,
        });
        let path = RelPath::parse(path)?;
        let mut others = Vec::new();
        let record = match node {
            Some(node) => {
                let base = session.synced.get(NodeId(*node))?;
                base.file()?;
                SyncedNode { kind, ..base.clone() }
            }
            None => {
                let (above, local_name) = path.split()?;
                let parent = folder_at(&session.synced, &above)?;
                let beside = session.synced.children(parent);
                let same = beside.filter(|node| node.local_name == local_name);
                others.extend(same.map(|node| node.identity));
                let id = RemoteId::File(FileId::new(*file)?);
                let known = session.synced.iter().any(|node| node.remote() == id);
                if known {
                    return None;
                }
                SyncedNode {
                    id: session.journal.new_node_id(),
                    parent,
                    remote_name: RemoteName::new(remote_name.as_deref()?),
                    local_name,
                    identity: None,
                    standing: Standing::Agreed,
                    kind,
                }
            }
        };
        Some(Self {
            path,
            record,
            hash,
            others,
        })
    }

    /// The record, if the path holds the very bytes that were fetched. What the file is on this disk the next scan sees.
    fn record_if_done(self, root: &Root) -> Option<SyncedNode> {
        let identity = root.identity_at(&self.path).ok()?;
        // Of two records at one path only what they are on the disk says whose the entry is (M1).
        let is_told = |other: &Option<LocalIdentity>| identity.is_some() && *other != identity;
        if !self.others.iter().all(is_told) {
            return None;
        }
        let bytes = hash::hash_now(root, &self.path).ok()?;
        (bytes == self.hash).then_some(SyncedNode {
            identity,
            ..self.record
        })
    }
}

/// The record of the folder at a path on this disk; `None` within: the pair's root.
#[expect(clippy::option_option, reason = "no record, and the root, which has none")]
fn folder_at(synced: &SyncedTree, path: &RelPath) -> Option<Option<NodeId>> {
    let mut at = None;
    for name in path.components() {
        let mut inside = synced.children(at);
        at = Some(
            inside
                .find(|node| node.local_name.as_str() == name && node.file().is_none())?
                .id,
        );
    }
    Some(at)
}

/// Settles one intent; `None`: it is not about the disk.
fn settle(root: &Root, body: &IntentBody, how: Keeping<'_>) -> Result<Option<Vec<Recovered>>, LocalError> {
    match body {
        IntentBody::Upload { .. }
        | IntentBody::CreateFolder { .. }
        | IntentBody::Edit { .. }
        | IntentBody::Discard { .. } => Ok(None),
        // What it came to is looked at apart: it may lead to a record, and others follow it.
        IntentBody::Rename { .. } | IntentBody::Shift { .. } => Ok(Some(Vec::new())),
        IntentBody::MakeFolder { path } => {
            // Ours, made for something that comes from the account, and empty still: the next pass makes it again if it
            // is wanted then. What is in it, or another entry, is the user's.
            if let Some(path) = RelPath::parse(path) {
                match apply::remove_folder(root, &path) {
                    Err(error) if !error.is_stale() => return Err(error),
                    Ok(()) | Err(_) => {}
                }
            }
            Ok(Some(Vec::new()))
        }
        IntentBody::Place {
            path,
            staging,
            hash,
            over,
            ..
        } => {
            let parts = (
                RelPath::parse(path),
                LocalName::new(staging.as_str()),
                hash.as_deref().and_then(parse_hash),
            );
            let (Some(path), Some(staged), Some(download)) = parts else {
                return Ok(Some(Vec::new()));
            };
            let base = over.as_ref().and_then(|old| parse_hash(old.hash.as_deref()?));
            recover::place(
                root,
                &PlaceIntent {
                    staged,
                    path,
                    download,
                    base,
                },
                how,
            )
            .map(Some)
        }
        IntentBody::Park { from, slot, .. } => match (RelPath::parse(from), LocalName::new(slot.as_str())) {
            (Some(from), Some(slot)) => recover::park(root, &slot, &from, how).map(|found| Some(vec![found])),
            (None, _) | (_, None) => Ok(Some(Vec::new())),
        },
        IntentBody::Trash { path, .. } => match RelPath::parse(path) {
            Some(path) => recover::trash(root, &path, None, how).map(|found| Some(vec![found])),
            None => Ok(Some(Vec::new())),
        },
    }
}

/// Tells what was put right, and records what that left beside as a conflict.
fn tell(session: &Session, found: &[Recovered], changes: &mut Vec<Change>) {
    say(found);
    for found in found {
        if let Recovered::KeptBeside(path) = found {
            changes.extend(super::conflicts::kept_beside(session, path));
        }
    }
}

fn say(found: &[Recovered]) {
    for found in found {
        match found {
            Recovered::Nothing | Recovered::Dropped => {}
            Recovered::PutBack(path) | Recovered::Trashed(path) => {
                tracing::info!(%path, "an interrupted step was put right");
            }
            Recovered::KeptBeside(path) => {
                tracing::warn!(%path, "an interrupted step was put right; what was there is kept beside it");
            }
        }
    }
}
