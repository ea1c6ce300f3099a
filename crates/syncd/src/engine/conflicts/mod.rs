//! Conflicts on record: written down before the plan that settles them is carried out, followed while their copies
//! live, closed when they end (design M12).
//!
//! What a conflict *is* the merge decides; here is only what the journal says of it. Never here: a file or row
//! touched. The user's choice between two versions is in `keep`, what is shown of it in `list`.

mod keep;
mod list;

use planner::content::ContentHash;
use planner::id::NodeId;
use planner::merge::Conflict as Found;
use planner::name::LocalName;
use planner::naming;
use planner::path::RelPath;
use planner::policy::ConflictPolicy;
use planner::rule::Rule;
use planner::tree::{LocalContents, LocalKind, RemoteNode, SyncedFile, SyncedNode, SyncedTree};
use state::{
    Change, Conflict, ConflictEnd, ConflictId, ConflictOutcome, ConflictVersion, Journal, JournalError,
};

pub(crate) use keep::{Choice, KeepError, Kept, Wish, keep, open_at};
pub(super) use list::open_paths;
pub(crate) use list::{ConflictItem, list, open_count};

use super::decide::Decision;
use super::open::{Halt, Session};

/// A policy in the word of the configuration.
const fn word(policy: ConflictPolicy) -> &'static str {
    match policy {
        ConflictPolicy::KeepBoth => "keep-both",
        ConflictPolicy::PreferLocal => "prefer-local",
        ConflictPolicy::PreferRemote => "prefer-remote",
        ConflictPolicy::PreferNewer => "prefer-newer",
    }
}

/// Copies that the user chose to keep, where they are now: the merge counts them no more.
pub(super) fn kept_copies(
    journal: &Journal,
    synced: &SyncedTree,
) -> Result<std::collections::BTreeSet<RelPath>, JournalError> {
    let kept = journal.kept_copies()?.into_iter().filter_map(|(_, conflict)| {
        let now = conflict.copy_node.and_then(|node| synced.path(node));
        now.or_else(|| RelPath::parse(conflict.copy.as_deref()?))
    });
    Ok(kept.collect())
}

/// Writes down every conflict that a plan settles, before it is carried out: one that is cut off is known all the same.
pub(super) fn record(session: &mut Session, decision: &Decision) -> Result<(), Halt> {
    let found = &decision.merged.conflicts;
    let changes = found
        .iter()
        .map(|found| Change::NewConflict(met(session, decision, found)));
    let changes: Vec<_> = changes.collect();
    if changes.is_empty() {
        return Ok(());
    }
    session.record(changes)
}

/// A conflict as it is met.
fn met(session: &Session, decision: &Decision, found: &Found) -> Conflict {
    let here = decision
        .scan
        .tree
        .nodes
        .get(found.local)
        .and_then(|entry| entry.file());
    let there = decision
        .remote
        .tree
        .nodes
        .get(found.remote)
        .and_then(|row| row.file());
    Conflict {
        path: found.path.to_string(),
        copy: found.copy.as_ref().map(ToString::to_string),
        policy: word(session.policy.conflict).to_owned(),
        reason: found.because.to_string(),
        at: session.now(),
        node: None,
        copy_node: None,
        local: ConflictVersion {
            size: here.map(|file| file.size),
            hash: here.and_then(|file| file.hash),
        },
        local_mtime_ns: here.map(|file| file.stamp.mtime_ns),
        remote: ConflictVersion {
            size: there.map(|file| file.size),
            hash: there.and_then(|file| file.hash),
        },
        remote_file: found.remote.file(),
        end: None,
    }
}

/// The conflict of a file of ours that gives way in the account to one that another device sent under the same name.
pub(super) fn gave_way(
    session: &Session,
    ours: &SyncedNode,
    copy: &LocalName,
    theirs: &RemoteNode,
    bytes: ContentHash,
) -> Option<Change> {
    let path = session.synced.path(ours.id)?;
    let (parent, _) = path.split()?;
    let copy = parent.join(copy);
    let (here, there) = (ours.file()?, theirs.file()?);
    Some(Change::NewConflict(Conflict {
        path: path.to_string(),
        copy: Some(copy.to_string()),
        policy: word(session.policy.conflict).to_owned(),
        reason: Rule::ConflictKeepBoth.to_string(),
        at: session.now(),
        node: None,
        copy_node: None,
        local: version(here),
        local_mtime_ns: here.stamp.map(|stamp| stamp.mtime_ns),
        remote: ConflictVersion {
            size: Some(there.size),
            hash: Some(bytes),
        },
        remote_file: theirs.file_id(),
        end: None,
    }))
}

/// The conflict of an entry that an interrupted step had set aside, and whose place was taken when it came back.
pub(super) fn kept_beside(session: &Session, copy: &RelPath) -> Option<Change> {
    let (parent, name) = copy.split()?;
    let plain = LocalName::new(naming::is_conflict_copy(&name)?.plain)?;
    Some(Change::NewConflict(Conflict {
        path: parent.join(&plain).to_string(),
        copy: Some(copy.to_string()),
        policy: word(session.policy.conflict).to_owned(),
        reason: "a step was interrupted, and its place was taken meanwhile".to_owned(),
        at: session.now(),
        node: None,
        copy_node: None,
        local: ConflictVersion::default(),
        local_mtime_ns: None,
        remote: ConflictVersion::default(),
        remote_file: None,
        end: None,
    }))
}

fn version(file: &SyncedFile) -> ConflictVersion {
    ConflictVersion {
        size: Some(file.size),
        hash: file.hash,
    }
}

/// After a plan: what the open conflicts came to, as far as the records show.
pub(super) fn follow_up(session: &mut Session, decision: &Decision) -> Result<(), Halt> {
    let open = session.journal.open_conflicts();
    let open = open.map_err(|error| session.broken(&error))?;
    let now = session.now();
    let open = open
        .into_iter()
        .filter(|(_, conflict)| decision.speaks_of(&conflict.path));
    let changes = open.filter_map(|(id, conflict)| {
        let next = followed(&session.synced, decision, now, conflict.clone());
        (next != conflict).then_some(Change::Conflict(id, next))
    });
    let changes: Vec<_> = changes.collect();
    if changes.is_empty() {
        return Ok(());
    }
    session.record(changes)
}

/// An open conflict, with what became known, where its files are now, and its end if it has come.
fn followed(synced: &SyncedTree, decision: &Decision, now: i64, conflict: Conflict) -> Conflict {
    let planned = decision.merged.conflicts.iter().any(|found| {
        let copy = found.copy.as_ref().map(RelPath::as_str);
        found.path.as_str() == conflict.path && copy == conflict.copy.as_deref()
    });
    let conflict = located(synced, conflict);
    let outcome = match &conflict.copy {
        None => chosen(synced, &conflict).or((!planned).then_some(ConflictOutcome::ByHand)),
        Some(copy) => {
            let there = match conflict.copy_node {
                Some(node) => synced.get(node).is_some_and(is_copy),
                None => planned || may_be_there(decision, copy),
            };
            (!there).then_some(ConflictOutcome::ByHand)
        }
    };
    let by = (outcome != Some(ConflictOutcome::ByHand)).then(|| conflict.policy.clone());
    let end = outcome.map(|outcome| ConflictEnd { at: now, outcome, by });
    Conflict { end, ..conflict }
}

fn is_copy(node: &SyncedNode) -> bool {
    naming::is_conflict_copy(&node.local_name).is_some()
}

/// The conflict with its nodes, where they are now and what is known of them.
fn located(synced: &SyncedTree, mut conflict: Conflict) -> Conflict {
    let ours =
        |file: &SyncedFile, version: &ConflictVersion| version.size.is_none_or(|size| size == file.size);
    conflict.node = conflict.node.or_else(|| {
        let node = node_at(synced, &conflict.path)?;
        let theirs = node.file()?.remote;
        (conflict.remote_file.is_none_or(|file| file == theirs)).then_some(node.id)
    });
    if let Some((node, path)) = conflict
        .node
        .and_then(|id| Some((synced.get(id)?, synced.path(id)?)))
    {
        conflict.path = path.to_string();
        if let Some(file) = node
            .file()
            .filter(|file| Some(file.remote) == conflict.remote_file)
            && ours(file, &conflict.remote)
        {
            conflict.remote.size = Some(file.size);
            conflict.remote.hash = conflict.remote.hash.or(file.hash);
        }
    }
    let Some(copy) = conflict.copy.clone() else {
        return conflict;
    };
    conflict.copy_node = conflict
        .copy_node
        .or_else(|| node_at(synced, &copy).map(|node| node.id));
    if let Some((node, path)) = conflict
        .copy_node
        .and_then(|id| Some((synced.get(id)?, synced.path(id)?)))
        && is_copy(node)
    {
        conflict.copy = Some(path.to_string());
        if let Some(file) = node.file().filter(|file| ours(file, &conflict.local)) {
            conflict.local.size = Some(file.size);
            conflict.local.hash = conflict.local.hash.or(file.hash);
        }
    }
    conflict
}

/// What a policy chose, once the chosen version is the agreed one.
fn chosen(synced: &SyncedTree, conflict: &Conflict) -> Option<ConflictOutcome> {
    let file = node_at(synced, &conflict.path)?.file()?;
    let is = |version: &ConflictVersion| {
        let known = version.hash.zip(file.hash);
        version.size == Some(file.size) && known.is_none_or(|(chosen, agreed)| chosen == agreed)
    };
    let theirs = Some(file.remote) == conflict.remote_file;
    if conflict.reason == Rule::ConflictPreferLocal.to_string() {
        (is(&conflict.local) && !theirs).then_some(ConflictOutcome::Local)
    } else {
        (is(&conflict.remote) && theirs).then_some(ConflictOutcome::Remote)
    }
}

/// Whether a copy that is not synced may be where it was put: seen on either side, or in a folder that was not read.
fn may_be_there(decision: &Decision, copy: &str) -> bool {
    let Some(path) = RelPath::parse(copy) else {
        return false;
    };
    let nodes = &decision.scan.tree.nodes;
    let mut folder = None;
    for part in path.components() {
        match nodes.children(folder).find(|entry| entry.name.as_str() == part) {
            Some(entry) => match &entry.kind {
                LocalKind::Folder(LocalContents::Hidden) => return true,
                LocalKind::Folder(LocalContents::Read { .. }) => folder = Some(entry.key),
                LocalKind::File(_) | LocalKind::Other(_) => return entry_is(decision, entry.key, &path),
            },
            None => return decision.remote.paths.values().any(|other| *other == path),
        }
    }
    true
}

fn entry_is(decision: &Decision, key: planner::id::LocalKey, path: &RelPath) -> bool {
    decision.scan.tree.nodes.path(key).as_ref() == Some(path)
}

/// The synced node at a path.
pub(super) fn node_at<'a>(synced: &'a SyncedTree, path: &str) -> Option<&'a SyncedNode> {
    let mut found: Option<&SyncedNode> = None;
    for part in RelPath::parse(path)?.components() {
        let above: Option<NodeId> = found.map(|node| node.id);
        found = Some(
            synced
                .children(above)
                .find(|node| node.local_name.as_str() == part)?,
        );
    }
    found
}

/// A conflict that can be shown or settled, with its place in the journal if it has one.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Known {
    id: Option<ConflictId>,
    conflict: Conflict,
    /// The machine that kept the copy, and the copy's modification time, as they stand in its name.
    named: Option<(String, String)>,
}

/// Conflicts of the journal, and copies of other machines or of before there were records, which only their names tell.
fn known(journal: &Journal, synced: &SyncedTree, closed: bool) -> Result<Vec<Known>, JournalError> {
    let records = if closed {
        journal.conflicts()?
    } else {
        journal.open_conflicts()?
    };
    let kept = kept_copies(journal, synced)?;
    let mut all: Vec<Known> = records
        .into_iter()
        .map(|(id, conflict)| {
            let conflict = if conflict.is_open() {
                located(synced, conflict)
            } else {
                conflict
            };
            let name = conflict
                .copy
                .as_deref()
                .and_then(RelPath::parse)
                .and_then(|copy| copy.split());
            let said = name.and_then(|(_, name)| naming::is_conflict_copy(&name));
            Known {
                id: Some(id),
                named: said.map(|said| (said.device, said.when)),
                conflict,
            }
        })
        .collect();
    let told = |copy: &RelPath, all: &[Known]| {
        let is =
            |known: &Known| known.conflict.is_open() && known.conflict.copy.as_deref() == Some(copy.as_str());
        kept.contains(copy) || all.iter().any(is)
    };
    for node in synced.iter() {
        let by_name = by_name(synced, node).filter(|(copy, _)| !told(copy, &all));
        all.extend(by_name.map(|(_, known)| known));
    }
    all.sort_by(|a, b| {
        let key = |known: &Known| (known.conflict.path.clone(), known.conflict.copy.clone(), known.id);
        key(a).cmp(&key(b))
    });
    Ok(all)
}

/// A synced file that bears the name of a conflict copy: all that is known without a record.
fn by_name(synced: &SyncedTree, node: &SyncedNode) -> Option<(RelPath, Known)> {
    let file = node.file()?;
    let said = naming::is_conflict_copy(&node.local_name)?;
    let copy = synced.path(node.id)?;
    let (folder, _) = copy.split()?;
    let plain = LocalName::new(said.plain.as_str());
    let path = plain
        .map_or_else(RelPath::root, |name| folder.join(&name))
        .to_string();
    let original = node_at(synced, &path);
    let theirs = original.and_then(SyncedNode::file);
    let conflict = Conflict {
        policy: String::new(),
        reason: String::new(),
        at: 0,
        node: original.map(|node| node.id),
        copy_node: Some(node.id),
        local: version(file),
        local_mtime_ns: file.stamp.map(|stamp| stamp.mtime_ns),
        remote: theirs.map(version).unwrap_or_default(),
        remote_file: theirs.map(|file| file.remote),
        path,
        copy: Some(copy.to_string()),
        end: None,
    };
    let known = Known {
        id: None,
        conflict,
        named: Some((said.device, said.when)),
    };
    Some((copy, known))
}
