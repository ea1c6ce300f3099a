//! Seeing the disk: scans, until whatever is missing in the last one was missed by one before it (design S11).
//!
//! A walk of a folder is not atomic: what is moved from a place it has not reached into one that it has passed shows
//! nowhere. So one scan never makes anything gone (history H28). Never here: an absence that only one scan saw and that
//! counts all the same.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;

use planner::id::{LocalIdentity, LocalKey, NodeId};
use planner::tree::{LocalContents, LocalKind, LocalNode, SyncedTree};

use super::hands::joined;
use super::observe::{self, Hashes};
use super::open::{Halt, Session};
use crate::local::LocalError;
use crate::local::ignore::Ignore;
use crate::local::scan::{self, Scan, ScanOptions};
use crate::report::Report;

/// Scans in one look. What still vanishes while the last one runs waits for the next pass.
const SCANS: usize = 4;

/// What is said of a folder whose entries vanish from look to look.
const VANISHING: &str = "entries of it disappear while it is looked at";

/// A scan, and what the next one needs.
pub(super) struct Sight {
    /// What was seen.
    pub(super) scan: Scan,
    /// The user's rules, as they are on the disk.
    pub(super) ignore: Ignore,
    known: Hashes,
}

/// The first scan, running.
pub(super) fn look(
    session: &Session,
) -> Result<impl Future<Output = Result<Sight, LocalError>> + use<>, Halt> {
    let known = observe::known_hashes(session)?;
    let (exclude, include) = (session.pair.exclude.clone(), session.pair.include.clone());
    let (root, options) = (session.root.clone(), options(session));
    let disk = crate::blocking::run(move || {
        let mut ignore = Ignore::new(&exclude, &include)?;
        let scan = scan::scan(&root, &mut ignore, &known, options)?;
        Ok(Sight { scan, ignore, known })
    });
    Ok(async { joined(disk.await) })
}

fn options(session: &Session) -> ScanOptions {
    ScanOptions {
        quiet: session.timing.quiet_period,
        now_ns: super::clock::now_ns(),
    }
}

/// The result of a look, in the user's words where there is none.
pub(super) fn told<T>(session: &Session, result: Result<T, LocalError>) -> Result<T, Halt> {
    result.map_err(|error| Halt::Error(Box::new(Report::from_root(&session.pair.local, &error))))
}

/// Scans again while a synced node is missing that the scan before did not miss. What vanishes in the last one is hidden:
/// nothing in its folder is gone.
pub(super) async fn sure(session: &Session, first: Sight) -> Result<Sight, Halt> {
    let mut sight = first;
    let mut missed = BTreeSet::new();
    for number in 1..=SCANS {
        let missing = missing(&session.synced, &sight.scan);
        let fresh: Vec<_> = missing
            .iter()
            .filter(|(node, _)| !missed.contains(*node))
            .collect();
        if fresh.is_empty() {
            break;
        }
        if number == SCANS {
            let folders: BTreeSet<Option<LocalKey>> = fresh.into_iter().map(|(_, folder)| *folder).collect();
            hide(&mut sight.scan, &folders);
            break;
        }
        missed = missing.into_keys().collect();
        sight = again(session, sight).await?;
    }
    Ok(sight)
}

async fn again(session: &Session, sight: Sight) -> Result<Sight, Halt> {
    let (root, options) = (session.root.clone(), options(session));
    let Sight {
        mut ignore, known, ..
    } = sight;
    let done = crate::blocking::run(move || {
        let scan = scan::scan(&root, &mut ignore, &known, options)?;
        Ok(Sight { scan, ignore, known })
    });
    told(session, joined(done.await))
}

/// Waits until files that may still be being written are quiet, and looks at those again (design S13).
pub(super) async fn quiet(session: &Session, mut scan: Scan) -> Result<Scan, Halt> {
    if scan.young.is_empty() {
        return Ok(scan);
    }
    tokio::time::sleep(session.timing.quiet_period).await;
    let root = session.root.clone();
    let settled = crate::blocking::run(move || {
        scan::settle(&root, &mut scan)?;
        Ok(scan)
    });
    told(session, joined(settled.await))
}

/// The topmost synced nodes that a scan shows neither at their path nor, by their identity, anywhere else, each with the
/// folder in which it was looked for. What lies in a folder that could not be read is not missing, but hidden.
fn missing(synced: &SyncedTree, scan: &Scan) -> BTreeMap<NodeId, Option<LocalKey>> {
    let tree = &scan.tree;
    let mut names: BTreeMap<(Option<LocalKey>, &str), &LocalNode> = BTreeMap::new();
    let mut identities: BTreeMap<LocalIdentity, &LocalNode> = BTreeMap::new();
    for entry in tree.nodes.iter() {
        names.insert((entry.parent, entry.name.as_str()), entry);
        identities.extend(entry.identity.map(|identity| (identity, entry)));
    }
    let mut missing = BTreeMap::new();
    let mut queue: VecDeque<(Option<NodeId>, Option<LocalKey>)> = VecDeque::from([(None, None)]);
    while let Some((above, folder)) = queue.pop_front() {
        let read = match folder.and_then(|key| tree.nodes.get(key)) {
            None => !tree.root_hidden,
            Some(entry) => matches!(entry.kind, LocalKind::Folder(LocalContents::Read { .. })),
        };
        for node in synced.children(above) {
            let here = names.get(&(folder, node.local_name.as_str()));
            let found = here.or_else(|| identities.get(&node.identity?));
            match found {
                Some(entry) if node.file().is_none() => queue.push_back((Some(node.id), Some(entry.key))),
                Some(_) => {}
                None if read => {
                    missing.insert(node.id, folder);
                }
                None => {}
            }
        }
    }
    missing
}

/// Nothing in these folders is gone (design S10).
fn hide(scan: &mut Scan, folders: &BTreeSet<Option<LocalKey>>) {
    for folder in folders {
        let Some(key) = folder else {
            scan.tree.root_hidden = true;
            continue;
        };
        let Some(entry) = scan.tree.nodes.get(*key).filter(|entry| entry.is_folder()) else {
            continue;
        };
        let hidden = LocalNode {
            kind: LocalKind::Folder(LocalContents::Hidden),
            ..entry.clone()
        };
        scan.tree.nodes.insert(hidden);
        scan.troubles.entry(*key).or_insert_with(|| VANISHING.to_owned());
    }
}
