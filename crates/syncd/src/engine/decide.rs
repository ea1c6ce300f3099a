//! From what was seen to a plan: merge, fetch the bytes that must be compared, merge again (design §2).
//!
//! Nothing is written to either side here; downloads go to the staging area only. What could not be compared stays
//! undecided, and is named.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::stream::{self, StreamExt};
use planner::content::{ContentHash, Stamp};
use planner::id::{FileId, FolderId, LocalKey, RemoteId};
use planner::merge::{Compare, Merged, Now, Scope, Trees, merge};
use planner::path::RelPath;
use planner::transition::{Action, Plan, RemoteParent, RemoteStep, transition};
use planner::tree::{LocalFile, LocalKind, LocalNode, RemoteKind, RemoteNode};

use state::RemoteVersion;

use super::fetch::{self, Fetched};
use super::observe::RemoteSeen;
use super::open::{Halt, Mode, Session};
use super::restless::Copies;
use crate::local::scan::Scan;
use crate::local::{LocalError, hash};
use crate::remote::apply::Failure;

/// Merges before undecided nodes are left alone: each resolves what the one before asked for, and nothing asks more
/// than three times about one node (identity, local bytes, remote bytes).
const ROUNDS: usize = 6;

/// Files hashed or fetched at once while comparing.
const AT_ONCE: usize = 4;

/// A plan and all that it was made from.
#[derive(Debug)]
pub(crate) struct Decision {
    /// The disk, with every hash that was taken.
    pub(crate) scan: Scan,
    /// The account, with every hash that was taken.
    pub(crate) remote: RemoteSeen,
    /// What both sides must become.
    pub(crate) merged: Merged,
    /// How.
    pub(crate) plan: Plan,
    /// Versions that lie in the staging area already.
    pub(crate) fetched: BTreeMap<FileId, Fetched>,
    /// Stamps of files hashed in this pass that may be trusted (design S12).
    pub(crate) trusted: BTreeMap<LocalKey, Stamp>,
    /// What could not be compared, with the reason.
    pub(crate) uncompared: Vec<(Compare, Failure)>,
    /// Local paths of which an earlier upload may still arrive: nothing is sent for them.
    pub(crate) waiting: BTreeSet<RelPath>,
    /// Copies of files that never hold still, which are sent in their place.
    pub(crate) copies: Copies,
    /// Of a part: the folders of which everything was decided about.
    pub(crate) open: Option<BTreeSet<RelPath>>,
}

impl Decision {
    /// Folders of the account into which the plan puts something, or in which it names something anew.
    pub(super) fn puts_into(&self) -> BTreeSet<Option<FolderId>> {
        let place = |parent: &RemoteParent| match parent {
            RemoteParent::Root => Some(None),
            RemoteParent::Existing(id) => Some(Some(*id)),
            RemoteParent::Made(_) => None,
        };
        let home = |id: RemoteId| {
            let row = self.remote.tree.nodes.get(id)?;
            Some(row.parent)
        };
        let steps = self.plan.steps.iter().filter_map(|step| match &step.action {
            Action::Remote(remote) => Some(remote),
            Action::Local(_) | Action::Journal(_) => None,
        });
        steps
            .filter_map(|step| match step {
                RemoteStep::CreateFolder { parent, .. }
                | RemoteStep::Upload { parent, .. }
                | RemoteStep::Replace { parent, .. }
                | RemoteStep::EditFile {
                    parent: Some(parent), ..
                }
                | RemoteStep::EditFolder {
                    parent: Some(parent), ..
                } => place(parent),
                RemoteStep::EditFile { id, parent: None, .. } => home(RemoteId::File(*id)),
                RemoteStep::EditFolder { id, parent: None, .. } => home(RemoteId::Folder(*id)),
                RemoteStep::TrashFile { .. } | RemoteStep::TrashFolder { .. } => None,
            })
            .collect()
    }

    /// Whether a path was decided about.
    pub(super) fn speaks_of(&self, path: &str) -> bool {
        self.open.as_ref().is_none_or(|open| {
            let folder = RelPath::parse(path).and_then(|path| path.split());
            folder.is_some_and(|(folder, _)| open.contains(&folder))
        })
    }

    /// What a copy holds its file held for a moment: no stamp of the file stands for those bytes.
    pub(super) fn trust_no_copies(&mut self) {
        self.trusted.retain(|key, _| self.copies.of(*key).is_none());
    }
}

/// Decides. In [`Mode::Look`] nothing is fetched: what would have to be compared is in `merged.compare`.
pub(crate) async fn decide(
    session: &mut Session,
    scan: Scan,
    remote: RemoteSeen,
    mode: Mode,
) -> Result<Decision, Halt> {
    let mut decision = Decision {
        trusted: trusted(&scan),
        scan,
        remote,
        merged: Merged::default(),
        plan: Plan::default(),
        fetched: BTreeMap::new(),
        uncompared: Vec::new(),
        waiting: BTreeSet::new(),
        copies: Copies::default(),
        open: None,
    };
    let mut given_up = BTreeSet::new();
    for _ in 0..ROUNDS {
        let trees = Trees {
            synced: &session.synced,
            local: &decision.scan.tree,
            remote: &decision.remote.tree,
        };
        decision.merged = merge(trees, &Scope::Everything, &session.policy, Now(session.now()));
        let asked: Vec<Compare> = decision
            .merged
            .compare
            .iter()
            .copied()
            .filter(|compare| !given_up.contains(compare))
            .filter(|compare| mode == Mode::Write || matches!(compare, Compare::Local(_)))
            .collect();
        if asked.is_empty() {
            break;
        }
        session.sink.phase(&session.pair.name, "comparing");
        compare(session, &mut decision, &mut given_up, asked).await?;
    }
    let trees = Trees {
        synced: &session.synced,
        local: &decision.scan.tree,
        remote: &decision.remote.tree,
    };
    decision.plan = transition(trees, &decision.merged, &session.policy);
    Ok(decision)
}

/// What one comparison brought.
enum Known {
    Local(LocalKey, Result<hash::Hashed, LocalError>),
    Remote(FileId, Result<Fetched, Failure>),
}

async fn compare(
    session: &mut Session,
    decision: &mut Decision,
    given_up: &mut BTreeSet<Compare>,
    asked: Vec<Compare>,
) -> Result<(), Halt> {
    let jobs: Vec<_> = asked
        .into_iter()
        .filter_map(|compare| job(session, decision, compare))
        .collect();
    let mut answers = stream::iter(jobs).buffer_unordered(AT_ONCE);
    while let Some(known) = answers.next().await {
        match known {
            Known::Local(key, result) => learn_local(decision, given_up, key, result),
            Known::Remote(file, Ok(fetched)) => {
                let version = RemoteVersion {
                    file,
                    size: fetched.staged.size,
                    short_url: fetched.short_url.clone(),
                };
                session
                    .journal
                    .put_remote_hash(&version, fetched.staged.hash)
                    .map_err(|error| session.broken(&error))?;
                learn_remote(decision, file, fetched);
            }
            Known::Remote(_, Err(Failure::Fatal(error))) => return Err(session.fatal(&error)),
            Known::Remote(file, Err(failure)) => {
                given_up.insert(Compare::Remote(file));
                decision.uncompared.push((Compare::Remote(file), failure));
            }
        }
        if session.stop.is_cancelled() {
            break;
        }
    }
    Ok(())
}

type Job = futures_util::future::BoxFuture<'static, Known>;

fn job(session: &Session, decision: &Decision, compare: Compare) -> Option<Job> {
    match compare {
        Compare::Local(key) => {
            let seen = decision.scan.tree.nodes.get(key)?.file()?.clone();
            let path = decision.scan.tree.nodes.path(key)?;
            let root = session.root.clone();
            Some(Box::pin(async move {
                let taken = crate::blocking::run(move || hash::hash_file(&root, &path, &seen)).await;
                Known::Local(key, super::hands::joined(taken))
            }))
        }
        Compare::Remote(file) => {
            let row = decision
                .remote
                .tree
                .nodes
                .get(RemoteId::File(file))?
                .file()?
                .clone();
            let wanted = fetch::Wanted {
                file,
                size: row.size,
                short_url: row.short_url,
                hash: None,
                min_free: session.pair.min_free,
            };
            let (root, account) = (session.root.clone(), Arc::clone(&session.account));
            let sink = Arc::clone(&session.sink);
            Some(Box::pin(async move {
                Known::Remote(file, fetch::fetch(&account, &root, &wanted, sink.as_ref()).await)
            }))
        }
    }
}

fn learn_local(
    decision: &mut Decision,
    given_up: &mut BTreeSet<Compare>,
    key: LocalKey,
    result: Result<hash::Hashed, LocalError>,
) {
    let Some(node) = decision.scan.tree.nodes.get(key).cloned() else {
        return;
    };
    let Some(file) = node.file().cloned() else { return };
    let file = match result {
        Ok(hashed) => LocalFile {
            hash: Some(hashed.hash),
            size: hashed.size,
            stamp: hashed.stamp,
            ..file
        },
        // It changes while it is looked at: the next pass decides.
        Err(LocalError::Changed { .. } | LocalError::Vanished { .. }) => LocalFile { busy: true, ..file },
        Err(_) => LocalFile {
            unreadable: true,
            ..file
        },
    };
    if file.busy || file.unreadable {
        given_up.insert(Compare::Local(key));
    }
    decision.scan.tree.nodes.insert(LocalNode {
        kind: LocalKind::File(file),
        ..node
    });
}

fn learn_remote(decision: &mut Decision, file: FileId, fetched: Fetched) {
    let hash: ContentHash = fetched.staged.hash;
    if let Some(node) = decision.remote.tree.nodes.get(RemoteId::File(file)).cloned()
        && let RemoteKind::File(row) = &node.kind
    {
        let mut row = row.clone();
        row.hash = Some(hash);
        decision.remote.tree.nodes.insert(RemoteNode {
            kind: RemoteKind::File(row),
            ..node
        });
    }
    decision.fetched.insert(file, fetched);
}

/// Stamps that were old enough when they were taken (design S12).
fn trusted(scan: &Scan) -> BTreeMap<LocalKey, Stamp> {
    scan.tree
        .nodes
        .iter()
        .filter(|node| scan.trusted(node.key) == Some(true))
        .filter_map(|node| Some((node.key, node.file()?.stamp)))
        .collect()
}
