//! Two of one name in one folder of the account, one of them ours: made by two devices at once, or by an upload of ours
//! that arrived after we had sent it again (design A1, A4, A6).
//!
//! Never here: anything touched that this journal did not make, a live copy given up before its bytes were compared, or
//! two folders of one name that a user made poured together (history H19). What is not ours is the merge's (N2, N3).

use std::collections::{BTreeMap, BTreeSet};

use planner::content::ContentHash;
use planner::id::{FileId, FolderId, RemoteId};
use planner::name::RemoteName;
use planner::naming::{self, Shape};
use planner::policy::Direction;
use planner::tree::{LocalNode, RemoteNode, Standing, SyncedFile, SyncedKind, SyncedNode};
use state::{Change, Intent, IntentBody, RemoteVersion};

use super::observe::RemoteSeen;
use super::open::{Halt, Session};
use super::{conflicts, resolve};
use crate::local::scan::Scan;
use crate::remote::apply::{
    Failure, FolderAsKnown, Replacement, edit_file, edit_folder, trash_file_as_known, trash_folder,
};
use crate::remote::rows;

/// How long a folder of ours may be a twin of somebody else's (design A6), in seconds.
const A_DAY: i64 = 24 * 60 * 60;

/// Names tried for a file that gives way.
const ATTEMPTS: u32 = 100;

/// Rows by folder and exact name.
type Rooms<'a> = BTreeMap<(Option<FolderId>, &'a RemoteName), Vec<&'a RemoteNode>>;

/// What this journal made lately.
#[derive(Debug, Default)]
struct Ours {
    files: BTreeSet<FileId>,
    folders: BTreeSet<FolderId>,
}

/// Settles what can be settled without the merge. Answers whether the account is another now.
pub(crate) async fn settle(session: &mut Session, scan: &Scan, seen: &RemoteSeen) -> Result<bool, Halt> {
    if session.policy.direction == Direction::Download {
        return Ok(false);
    }
    if late_arrivals(session, seen).await? {
        // What was seen is not what is there any more: of two equal copies each would be cleared away for the other.
        return Ok(true);
    }
    let rooms = twins(seen);
    if rooms.is_empty() {
        return Ok(false);
    }
    let ours = ours(session)?;
    let mut changed = false;
    for rows in rooms.into_values() {
        let (folders, files): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.id.folder().is_some());
        if files.len() > 1 {
            changed |= files_of_one_name(session, scan, seen, &ours, &files).await?;
        }
        if folders.len() > 1 {
            changed |= folders_of_one_name(session, seen, &ours, &folders).await?;
        }
    }
    Ok(changed)
}

/// Rows that share folder and name with another, smallest id first.
fn twins(seen: &RemoteSeen) -> Rooms<'_> {
    let mut rooms = Rooms::new();
    for row in seen.tree.nodes.iter().filter(|row| !row.ignored) {
        rooms.entry((row.parent, &row.name)).or_default().push(row);
    }
    rooms.retain(|_, rows| rows.len() > 1);
    for rows in rooms.values_mut() {
        rows.sort_by_key(|row| row.id);
    }
    rooms
}

fn ours(session: &Session) -> Result<Ours, Halt> {
    let sweep = i64::try_from(session.timing.sweep_after.as_secs()).unwrap_or(i64::MAX);
    let since = session.now().saturating_sub(sweep.max(A_DAY));
    let recent = session
        .journal
        .recent_intents(since)
        .map_err(|error| session.broken(&error))?;
    let mut ours = Ours::default();
    for intent in recent {
        ours.files.extend(intent.body.made_file().and_then(FileId::new));
        ours.folders
            .extend(intent.body.made_folder().and_then(FolderId::new));
    }
    Ok(ours)
}

/// Beside a file that we sent there is a smaller id of exactly its name that we never held: it came at the same time
/// (histories H12, H13). Equal bytes: ours goes, theirs is adopted. Else ours, the larger, takes the conflict name; the
/// merge does the rest.
async fn files_of_one_name(
    session: &mut Session,
    scan: &Scan,
    seen: &RemoteSeen,
    ours: &Ours,
    rows: &[&RemoteNode],
) -> Result<bool, Halt> {
    let mut changed = false;
    for row in rows {
        let Some(file) = row.file_id().filter(|file| ours.files.contains(file)) else {
            continue;
        };
        let Some(node) = record_of(session, row.id) else {
            continue;
        };
        if !is_as_recorded(row, &node) {
            // Somebody edited it there since: what is on record says nothing about its bytes any more.
            continue;
        }
        let Some(theirs) = older_twin(session, rows, file)? else {
            continue;
        };
        let bytes = bytes_of(session, theirs).await?;
        let equal = bytes.is_some() && node.file().and_then(|file| file.hash) == bytes;
        let done = match (bytes, record_of(session, theirs.id)) {
            (Some(bytes), None) if equal => adopt(session, &node, row, theirs, bytes).await?,
            (Some(bytes), None) => give_way(session, scan, seen, (&node, row), (theirs, bytes)).await?,
            // It came to us in another folder before it came here: as long as it is on this disk as well, one copy is
            // enough. The merge removes ours and gives it the name.
            (Some(_), Some(twin)) if equal && is_here(session, scan, &twin, &node) => {
                clear_copy(session, row).await?
            }
            (Some(_) | None, _) => false,
        };
        changed |= done;
    }
    Ok(changed)
}

/// Whether a row is the version that is on record.
fn is_as_recorded(row: &RemoteNode, node: &SyncedNode) -> bool {
    row.file().zip(node.file()).is_some_and(|(row, base)| {
        let same = base.short_url.is_none() || row.short_url == base.short_url;
        same && row.size == base.size
    })
}

fn record_of(session: &Session, id: RemoteId) -> Option<SyncedNode> {
    session.synced.iter().find(|node| node.remote() == id).cloned()
}

/// Whether a file is on this disk where its record says, with the bytes that its record says, and is not `other`: two that
/// traded their names have one place on record until both have followed in the account.
fn is_here(session: &Session, scan: &Scan, node: &SyncedNode, other: &SyncedNode) -> bool {
    let (Some(path), Some(base)) = (session.synced.path(node.id), node.file()) else {
        return false;
    };
    let mut entries = scan
        .tree
        .nodes
        .iter()
        .filter(|entry| entry.name == node.local_name);
    let is_other = |entry: &LocalNode| match (entry.identity, other.identity) {
        (Some(found), Some(other)) => found == other,
        (Some(_) | None, _) => session.synced.path(other.id).as_ref() == Some(&path),
    };
    entries.any(|entry| {
        let same = !is_other(entry)
            && entry.file().is_some_and(|file| {
                let known = Some(file.stamp) == base.stamp || (file.hash.is_some() && file.hash == base.hash);
                file.size == base.size && known
            });
        same && scan.tree.nodes.path(entry.key).as_ref() == Some(&path)
    })
}

async fn clear_copy(session: &Session, row: &RemoteNode) -> Result<bool, Halt> {
    let Some(file) = row.file_id() else {
        return Ok(false);
    };
    match trash_file_as_known(&session.account, file, as_known(row).as_ref()).await {
        Ok(()) => Ok(true),
        Err(failure) => give_up(session, failure, "a second copy could not be cleared away").map(|()| false),
    }
}

/// The smallest row of the name that this journal did not hold a day ago, if it is older than ours. What it held longer
/// is an older version that came back (history H14).
fn older_twin<'a>(
    session: &Session,
    rows: &[&'a RemoteNode],
    ours: FileId,
) -> Result<Option<&'a RemoteNode>, Halt> {
    for row in rows {
        let Some(file) = row.file_id().filter(|file| *file < ours) else {
            continue;
        };
        let since = session
            .journal
            .held_since(file)
            .map_err(|error| session.broken(&error))?;
        let lately = session.now().saturating_sub(A_DAY);
        let met = since.is_some_and(|since| since >= lately) && record_of(session, row.id).is_some();
        if since.is_none() || met {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// The bytes of a row; `None`: they cannot be had now.
async fn bytes_of(session: &mut Session, row: &RemoteNode) -> Result<Option<ContentHash>, Halt> {
    let (Some(file), Some(version)) = (row.file_id(), row.file()) else {
        return Ok(None);
    };
    if version.hash.is_some() {
        return Ok(version.hash);
    }
    let short_url = version.short_url.as_ref().map_or("", |url| &*url.0);
    match resolve::bytes_of(session, file, version.size, short_url).await {
        Ok(fetched) => {
            let version = RemoteVersion {
                file,
                size: version.size,
                short_url: version.short_url.clone(),
            };
            let hash = fetched.staged.hash;
            session
                .journal
                .put_remote_hash(&version, hash)
                .map_err(|error| session.broken(&error))?;
            Ok(Some(hash))
        }
        Err(failure) => {
            give_up(session, failure, "a file of the same name could not be compared").map(|()| None)
        }
    }
}

/// A call that did not work: the next pass finds what is left to do.
fn give_up(session: &Session, failure: Failure, what: &'static str) -> Result<(), Halt> {
    match failure {
        Failure::Fatal(error) => Err(session.fatal(&error)),
        Failure::Stale(why)
        | Failure::Refused(why)
        | Failure::Unknown(why)
        | Failure::Later(why)
        | Failure::Held(why) => {
            tracing::info!(error = %why, "{what}");
            Ok(())
        }
    }
}

fn as_known(row: &RemoteNode) -> Option<Replacement> {
    let version = row.file()?;
    Some(Replacement {
        old: row.file_id()?,
        name: row.name.clone(),
        folder: row.parent,
        size: version.size,
        short_url: version.short_url.clone(),
    })
}

async fn adopt(
    session: &mut Session,
    node: &SyncedNode,
    ours: &RemoteNode,
    theirs: &RemoteNode,
    bytes: ContentHash,
) -> Result<bool, Halt> {
    let (Some(file), Some(twin), Some(version), Some(base)) =
        (ours.file_id(), theirs.file_id(), theirs.file(), node.file())
    else {
        return Ok(false);
    };
    let known = as_known(ours);
    if let Err(failure) = trash_file_as_known(&session.account, file, known.as_ref()).await {
        return give_up(session, failure, "a second copy could not be cleared away").map(|()| false);
    }
    let record = SyncedNode {
        standing: Standing::Agreed,
        kind: SyncedKind::File(SyncedFile {
            remote: twin,
            short_url: version.short_url.clone(),
            hash: Some(bytes),
            ..base.clone()
        }),
        ..node.clone()
    };
    session.record(vec![Change::Put(record)])?;
    tracing::info!(
        file_id = twin.get(),
        "two devices sent the same file at once: one copy stays"
    );
    Ok(true)
}

async fn give_way(
    session: &mut Session,
    scan: &Scan,
    seen: &RemoteSeen,
    (node, row): (&SyncedNode, &RemoteNode),
    (theirs, bytes): (&RemoteNode, ContentHash),
) -> Result<bool, Halt> {
    let (Some(file), Some(base)) = (row.file_id(), node.file()) else {
        return Ok(false);
    };
    // The version's own time: the record's, else that of the file that bears the name here.
    let here = scan
        .tree
        .nodes
        .iter()
        .filter(|entry| entry.name == node.local_name && entry.identity == node.identity)
        .find_map(|entry| entry.file());
    let when = base
        .stamp
        .or(here.map(|file| file.stamp))
        .map_or(0, |stamp| stamp.mtime_ns);
    let siblings: BTreeSet<&RemoteName> = seen
        .tree
        .nodes
        .children(row.parent.map(RemoteId::Folder))
        .map(|sibling| &sibling.name)
        .collect();
    let policy = &session.policy;
    let free = (1..=ATTEMPTS).find_map(|attempt| {
        let local = naming::conflict(
            &node.local_name,
            when,
            &policy.device,
            attempt,
            Shape::File,
            &policy.disk,
        );
        let name = naming::to_remote(&local, &policy.server, policy.unstorable).ok()?;
        (!siblings.contains(&name)).then_some((local, name))
    });
    let Some((local, name)) = free else {
        return Ok(false);
    };
    match edit_file(&session.account, file, Some(&name), None).await {
        Ok(_) => {
            let met = conflicts::gave_way(session, node, &local, theirs, bytes);
            session.record(met.into_iter().collect())?;
            Ok(true)
        }
        Err(failure) => {
            give_up(
                session,
                failure,
                "a file of a name that another device took could not give way",
            )?;
            Ok(false)
        }
    }
}

/// Two folders of one name, the larger made by us in the last day: what is ours moves over into the smaller, and ours
/// goes when two listings show it empty (design A6, history H18).
async fn folders_of_one_name(
    session: &mut Session,
    seen: &RemoteSeen,
    ours: &Ours,
    rows: &[&RemoteNode],
) -> Result<bool, Halt> {
    let ids: Vec<FolderId> = rows.iter().filter_map(|row| row.id.folder()).collect();
    let Some(stays) = ids.first().copied() else {
        return Ok(false);
    };
    let mut changed = false;
    for goes in ids.into_iter().skip(1).filter(|id| ours.folders.contains(id)) {
        changed |= pour(session, seen, ours, goes, stays).await?;
    }
    Ok(changed)
}

/// Pours the larger of two folders into the smaller, with the twins that are in them.
async fn pour(
    session: &mut Session,
    seen: &RemoteSeen,
    ours: &Ours,
    goes: FolderId,
    stays: FolderId,
) -> Result<bool, Halt> {
    let mut pairs = vec![(goes, stays)];
    let mut emptied = Vec::new();
    let mut changed = false;
    while let Some((from, to)) = pairs.pop() {
        match give_record(session, from, to)? {
            Given::Nothing => continue,
            // The plan was made from other records.
            Given::Record => changed = true,
            Given::Both => {}
        }
        emptied.push(from);
        let synced: BTreeSet<RemoteId> = session.synced.iter().map(SyncedNode::remote).collect();
        let nodes = &seen.tree.nodes;
        for row in nodes.children(Some(RemoteId::Folder(from))) {
            let twin = nodes
                .children(Some(RemoteId::Folder(to)))
                .filter(|other| other.name == row.name)
                .find_map(|other| other.id.folder());
            if let (Some(folder), Some(twin)) = (row.id.folder(), twin)
                && twin < folder
                && ours.folders.contains(&folder)
            {
                pairs.push((folder, twin));
                continue;
            }
            if synced.contains(&row.id) {
                changed |= move_over(session, row.id, to).await?;
            }
        }
    }
    // What is deepest first.
    for folder in emptied.into_iter().rev() {
        let row = seen.tree.nodes.get(RemoteId::Folder(folder));
        let known = FolderAsKnown {
            id: folder,
            place: row.map(|row| (row.name.clone(), row.parent)),
            contents: BTreeSet::new(),
            versions: BTreeMap::new(),
            ignored: BTreeSet::new(),
        };
        changed |= clear_away(session, &known).await?;
    }
    Ok(changed)
}

/// What became of the records of two twins.
enum Given {
    /// Neither has one.
    Nothing,
    /// The smaller one has that of the larger now.
    Record,
    /// The smaller one had one before.
    Both,
}

/// Gives the record of the larger twin to the smaller. The record first: whatever breaks off after this, the smaller one
/// is the folder, and what is still in the larger one is found there by the next pass.
fn give_record(session: &mut Session, from: FolderId, to: FolderId) -> Result<Given, Halt> {
    let larger = record_of(session, RemoteId::Folder(from));
    match (record_of(session, RemoteId::Folder(to)), larger) {
        (None, Some(node)) => {
            let record = SyncedNode {
                kind: SyncedKind::Folder(to),
                ..node
            };
            session.record(vec![Change::Put(record)])?;
            Ok(Given::Record)
        }
        // With two records they have names of their own here by now; what moves over brings them together again.
        (Some(_), _) => Ok(Given::Both),
        (None, None) => Ok(Given::Nothing),
    }
}

async fn move_over(session: &Session, id: RemoteId, to: FolderId) -> Result<bool, Halt> {
    let moved = match id {
        RemoteId::File(id) => edit_file(&session.account, id, None, Some(Some(to))).await,
        RemoteId::Folder(id) => edit_folder(&session.account, id, None, Some(Some(to))).await,
    };
    match moved {
        Ok(_) => Ok(true),
        Err(failure) => give_up(
            session,
            failure,
            "a child of a folder made twice could not move over",
        )
        .map(|()| false),
    }
}

/// Trashes a folder that two listings show empty.
async fn clear_away(session: &Session, known: &FolderAsKnown) -> Result<bool, Halt> {
    let raw = match rows::list(&session.account, Some(known.id)).await {
        Ok(raw) => raw,
        Err(error) => {
            give_up(
                session,
                Failure::of_safe_call(error),
                "a folder made twice could not be listed",
            )?;
            return Ok(false);
        }
    };
    if !raw.listed().files.is_empty() || !raw.listed().folders.is_empty() {
        return Ok(false);
    }
    tokio::time::sleep(session.timing.look_again).await;
    match trash_folder(&session.account, known).await {
        Ok(()) => Ok(true),
        Err(failure) => {
            give_up(session, failure, "a folder made twice could not be cleared away").map(|()| false)
        }
    }
}

/// Uploads of ours that nobody heard of, and that arrived after we had sent the file again: equal bytes, so the late one
/// goes (design A1).
async fn late_arrivals(session: &mut Session, seen: &RemoteSeen) -> Result<bool, Halt> {
    let unlanded = session
        .journal
        .unlanded_uploads()
        .map_err(|error| session.broken(&error))?;
    let mut changed = false;
    for intent in &unlanded {
        for row in late_rows(session, seen, intent) {
            let Some(agreed) = repeated_bytes(session, intent) else {
                continue;
            };
            if bytes_of(session, row).await? != Some(agreed) {
                continue;
            }
            let Some(file) = row.file_id() else { continue };
            match trash_file_as_known(&session.account, file, as_known(row).as_ref()).await {
                Ok(()) => changed = true,
                Err(failure) => give_up(session, failure, "a late upload could not be cleared away")?,
            }
        }
    }
    Ok(changed)
}

/// Unsynced rows that may be what an upload under its real name came to, late: in its folder, of its size, under its name
/// or as the server numbers it, and first seen after it left.
fn late_rows<'a>(session: &Session, seen: &'a RemoteSeen, intent: &Intent) -> Vec<&'a RemoteNode> {
    let IntentBody::Upload {
        fast: true,
        folder,
        wanted,
        size,
        ..
    } = &intent.body
    else {
        return Vec::new();
    };
    let parent = folder.and_then(FolderId::new).map(RemoteId::Folder);
    let plain = naming::plain(&RemoteName::new(wanted.as_str()));
    let fits = |row: &&RemoteNode| {
        let Some(version) = row.file().filter(|_| !row.ignored) else {
            return false;
        };
        let named = row.name.as_str() == wanted
            || plain
                .as_ref()
                .is_some_and(|plain| naming::numbered_like(row.name.as_str(), plain));
        let late = version
            .appeared
            .is_some_and(|(_, first)| first >= intent.begun_at);
        named && late && version.size == *size
    };
    let rows: Vec<&RemoteNode> = seen.tree.nodes.children(parent).filter(fits).collect();
    let held = |row: &&RemoteNode| {
        let held = row.file_id().map(|file| session.journal.ever_held(file));
        matches!(held, Some(Ok(false)))
    };
    rows.into_iter().filter(held).collect()
}

/// The bytes that the repeat of an upload brought into the account, if there was one.
fn repeated_bytes(session: &Session, intent: &Intent) -> Option<ContentHash> {
    let IntentBody::Upload { folder, wanted, .. } = &intent.body else {
        return None;
    };
    let parent = match folder.and_then(FolderId::new) {
        None => None,
        Some(folder) => Some(record_of(session, RemoteId::Folder(folder))?.id),
    };
    let mut children = session.synced.children(parent);
    let node = children.find(|node| node.remote_name.as_str() == wanted && node.file().is_some())?;
    node.file()?.hash
}
