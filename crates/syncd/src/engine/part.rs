//! A pass about a part of the pair: what changed, with what its decisions depend on. What one change costs then does not
//! grow with the pair.
//!
//! Where the pass before left everything at rest but for places that it named, and everything that changed since was heard of
//! or listed, these are the places. A process that begins compares its journal with both sides, and only what differs is put
//! into the vocabulary and merged. Whatever else comes up (something is missing in the account, a folder that the plan needs
//! was not listed now) is decided about the whole. While it lasts, the session's merge base is that of the part.

#[cfg(any(test, feature = "sim"))]
pub(super) mod proof;

use std::collections::BTreeSet;
use std::sync::Arc;

use planner::id::{FolderId, NodeId, RemoteId};
use planner::name::LocalName;
use planner::part::{Part, Whole, part, unlike};
use planner::path::RelPath;
use planner::transition::{Action, JournalStep, RemoteStep};
use planner::tree::{Standing, SyncedNode, SyncedTree};

use super::calm::Calm;
use super::decide::Decision;
use super::observe::{self, Listed, Looked};
use super::open::{Halt, Session};
use super::pass;
use super::see::Trees;
use super::sight;
use crate::local::scan::Scan;

/// A part may have so many nodes, those of all sides together, however small the pair is; of a larger one, a third.
const NODES: usize = 3_000;

/// The trees of a part, and what is needed to go on with the whole.
pub(super) struct Parted {
    /// Of the part.
    pub(super) trees: Trees,
    /// What was listed just now.
    pub(super) listed: BTreeSet<Option<FolderId>>,
    /// The whole scan.
    pub(super) scan: Scan,
    /// The folders of which everything is in the part.
    pub(super) open: BTreeSet<RelPath>,
    /// What is not in the part was compared just now.
    pub(super) compared: bool,
}

/// Where the part is looked for.
pub(super) enum Around<'a> {
    /// Places that the pass before did not leave at rest, and what was looked at since.
    Changes(&'a Calm, &'a sight::Looked),
    /// All that is not as the journal has it.
    Differences,
}

/// What one look at both sides brought, the account not yet in the planner's words.
pub(super) struct Look {
    pub(super) scan: Scan,
    pub(super) listed: Listed,
    pub(super) kept: sight::Kept,
}

/// Takes a part out, outside of which all is at rest. Gives the look back where only the whole can be decided about.
pub(super) fn take(
    session: &mut Session,
    look: Look,
    around: &Around<'_>,
) -> Result<Result<Parted, Look>, Halt> {
    let (part, open) = match cut(session, &look, around) {
        Ok(cut) => cut,
        Err(why) => {
            tracing::debug!(pair = session.pair.name, why, "everything is decided about");
            return Ok(Err(look));
        }
    };
    let Look {
        scan,
        listed: (listings, listed),
        mut kept,
    } = look;
    tracing::debug!(
        records = part.synced.len(),
        of = session.synced.len(),
        "a part is decided about"
    );
    let whole = std::mem::replace(&mut session.synced, Arc::new(part.synced));
    session.aside = Some(whole);
    let cut = scan.of(part.local);
    let compared = matches!(around, Around::Differences);
    let seen = Looked::of_a_part(listings, listed.clone(), part.remote.nodes, compared);
    let remote = observe::translate(session, seen, kept.ignore())?;
    Ok(Ok(Parted {
        trees: (cut, remote, kept),
        listed,
        scan,
        open,
        compared,
    }))
}

fn cut(
    session: &Session,
    look: &Look,
    around: &Around<'_>,
) -> Result<(Part, BTreeSet<RelPath>), &'static str> {
    let (listings, _) = &look.listed;
    if session.pair.server_copy {
        return Err("what the account has already is looked for everywhere");
    }
    if !listings.is_whole() {
        return Err("not all of the account is known");
    }
    let rows = listings.rows_by_folder();
    let whole = Whole {
        synced: &session.synced,
        local: &look.scan.tree,
        holder: &|identity| look.scan.holder(identity),
        remote: &rows,
    };
    let seeds = match around {
        Around::Changes(calm, looked) => {
            let mut seeds = calm.open().ok_or("too much was not at rest")?.clone();
            let paths = || looked.paths.iter().chain(looked.all());
            seeds.local.extend(paths().cloned());
            // Of a folder that was looked at anew, all may be another.
            let as_they_are = looked.moved();
            let others = paths().filter(|path| !as_they_are.contains_key(path));
            seeds.below.extend(look.scan.folders_among(others));
            seeds.moved.clone_from(as_they_are);
            seeds.remote.extend(listings.stirred());
            seeds
        }
        Around::Differences if listings.show_each_once() => {
            unlike(whole).ok_or("the folder cannot be looked into")?
        }
        Around::Differences => return Err("something moved in the account meanwhile"),
    };
    let at_most = session.synced.len().max(NODES);
    let part = part(whole, &seeds, at_most);
    let mut part = part.ok_or("too much changed, or what changed cannot be told from the rest")?;
    // What is missing is asked about, and what comes of that is decided about the whole; so is another file under the id of
    // ours (history H03).
    let shown = |node: &SyncedNode| {
        let row = part.remote.nodes.get(node.remote());
        node.standing == Standing::Agreed && row.is_some_and(|row| !observe::is_another(node, row))
    };
    if !part.synced.iter().all(shown) {
        return Err("something is missing in the account");
    }
    let open = std::mem::take(&mut part.open);
    Ok((part, open))
}

/// The whole is the session's again.
pub(super) fn end(session: &mut Session) {
    if let Some(whole) = session.aside.take() {
        session.synced = whole;
    }
}

/// Where a plan does something here: nothing else can be other than at rest after it. What it wrote to in the account the
/// listings know.
pub(super) struct Stirred {
    paths: BTreeSet<RelPath>,
    /// What is forgotten, by the records of its folders: those may be somewhere else by then.
    forgotten: Vec<(Option<NodeId>, LocalName)>,
}

impl Stirred {
    /// All of it, as it is called after the plan.
    pub(super) fn paths(self, synced: &SyncedTree) -> BTreeSet<RelPath> {
        let mut paths = self.paths;
        for (folder, name) in self.forgotten {
            let folder = match folder {
                None => Some(RelPath::root()),
                Some(id) => synced.path(id),
            };
            paths.extend(folder.map(|folder| folder.join(&name)));
        }
        paths
    }
}

/// Where a plan is going to do something. `None`: that cannot be told.
pub(super) fn stirred(synced: &SyncedTree, decision: &Decision) -> Option<Stirred> {
    let mut paths = pass::touched(&decision.plan);
    let mut forgotten = Vec::new();
    for step in &decision.plan.steps {
        if let Some(key) = step.node {
            paths.insert(decision.merged.target.path(key)?);
        }
        for id in &step.forgets {
            let node = synced.get(*id)?;
            paths.insert(synced.path(*id)?);
            forgotten.push((node.parent, node.local_name.clone()));
        }
        let row = match &step.action {
            Action::Remote(remote) => match remote {
                RemoteStep::CreateFolder { .. } => None,
                RemoteStep::Upload { from, .. } | RemoteStep::Replace { from, .. } => {
                    paths.insert(from.clone());
                    None
                }
                RemoteStep::EditFile { id, .. } | RemoteStep::TrashFile { id } => Some(RemoteId::File(*id)),
                RemoteStep::EditFolder { id, .. } | RemoteStep::TrashFolder { id } => {
                    Some(RemoteId::Folder(*id))
                }
            },
            Action::Local(_) | Action::Journal(JournalStep::Agree | JournalStep::Forget) => None,
        };
        if let Some(row) = row {
            paths.insert(decision.remote.paths.get(&row)?.clone());
        }
    }
    Some(Stirred { paths, forgotten })
}
