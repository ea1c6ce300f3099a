//! Seeing the disk: scans, until whatever is missing in the last one was missed by one before it (design S11).
//!
//! A walk of a folder is not atomic: what is moved from a place it has not reached into one that it has passed shows
//! nowhere. So one scan never makes anything gone (history H28). Never here: an absence that only one scan saw and that
//! counts all the same.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use planner::id::{LocalKey, NodeId};
use planner::path::RelPath;
use planner::tree::{LocalContents, LocalKind, LocalNode, SyncedNode, SyncedTree};

use super::conflicts;
use super::hands::joined;
use super::hashes::{self, Hashes, Known, Pointer};
use super::open::{Halt, Session};
use super::recall::Heard;
use crate::local::LocalError;
use crate::local::ignore::Ignore;
use crate::local::scan::{self, Part, Paths, Scan, ScanOptions};
use crate::report::Report;

/// Scans in one look. What still vanishes while the last one runs waits for the next pass.
const SCANS: usize = 4;

/// What is said of a folder whose entries vanish from look to look.
const VANISHING: &str = "entries of it disappear while it is looked at";

/// What the disk showed, kept from pass to pass while everything that changes is heard.
pub(crate) struct Disk {
    scan: Scan,
    ignore: Ignore,
    known: Hashes,
    /// What is looked at again whether or not anything is heard of it: what is known of it may be less than what is true.
    unsure: BTreeSet<RelPath>,
    /// Folders were read in the look before, and one that moved meanwhile may have been read by halves.
    fresh: bool,
    /// Paths at which the pass before did something: that is heard of as well.
    ours: BTreeSet<RelPath>,
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Disk")
            .field("entries", &self.scan.tree.nodes.len())
            .field("unsure", &self.unsure.len())
            .finish_non_exhaustive()
    }
}

impl Disk {
    /// Whether all of it is known to be as it was, but for what is heard of.
    pub(super) fn is_sure(&self) -> bool {
        self.unsure.is_empty() && self.ours.is_empty()
    }

    /// After a pass: the scan that it was made from, with what it learned of files. `touched`: paths at which it did something;
    /// `copied`: files of which it read a copy instead.
    pub(super) fn after(
        scan: Scan,
        kept: Kept,
        learned: Learned<'_>,
        touched: BTreeSet<RelPath>,
        copied: impl Fn(LocalKey) -> bool,
    ) -> Self {
        let all: Vec<LocalKey> = scan.tree.nodes.iter().map(|node| node.key).collect();
        Self::left(scan, &all, kept, learned, touched, copied)
    }

    /// After a pass about a part of it, whose scan this is: all else is as sure as it was (`Sureness::AsBefore`; what was not
    /// sure before is in the part), or as its scan shows.
    pub(super) fn after_part(
        (mut scan, else_sure): (Scan, Sureness),
        part: &Scan,
        kept: Kept,
        learned: Learned<'_>,
        touched: BTreeSet<RelPath>,
        copied: impl Fn(LocalKey) -> bool,
    ) -> Self {
        scan.take_back(part);
        let decided = match else_sure {
            Sureness::AsBefore => &part.tree,
            Sureness::AsSeen => &scan.tree,
        };
        let keys: Vec<LocalKey> = decided.nodes.iter().map(|node| node.key).collect();
        Self::left(scan, &keys, kept, learned, touched, copied)
    }

    /// What a pass leaves that decided about these entries.
    fn left(
        mut scan: Scan,
        decided: &[LocalKey],
        kept: Kept,
        learned: Learned<'_>,
        touched: BTreeSet<RelPath>,
        copied: impl Fn(LocalKey) -> bool,
    ) -> Self {
        let Kept {
            ignore,
            mut known,
            fresh,
        } = kept;
        known.learn(learned.since);
        let recorded = known.with(learned.synced);
        // What the pass read of files whose bytes were not known need not be looked up again.
        scan.fill_in(decided.iter().copied(), &recorded);
        let nodes = decided.iter().filter_map(|key| scan.tree.nodes.get(*key));
        let unsure = nodes.filter(|node| copied(node.key) || is_unsure(&scan, recorded, node));
        let unsure = unsure.filter_map(|node| scan.path(node.key));
        let unsure = unsure.chain(touched.iter().cloned()).collect();
        Self {
            scan,
            ignore,
            known,
            fresh,
            unsure,
            ours: touched,
        }
    }

    /// After a look that found what the one before it had left, at these paths: all else is as sure as it was.
    pub(super) fn still(scan: Scan, kept: Kept, learned: Learned<'_>, looked: &Looked) -> Self {
        let Kept {
            ignore,
            mut known,
            fresh,
        } = kept;
        known.learn(learned.since);
        let recorded = known.with(learned.synced);
        let mut unsure = BTreeSet::new();
        let along = |path: &RelPath| looked.moved.contains_key(path);
        let all = looked.all.iter();
        let mut queue: Vec<_> = all
            .filter_map(|path| Some((scan.at(path)?, along(path))))
            .collect();
        while let Some((node, as_it_was)) = queue.pop() {
            if is_unsure(&scan, recorded, node) {
                unsure.extend(scan.path(node.key));
            }
            if !as_it_was {
                let inside = scan.tree.nodes.children(Some(node.key));
                queue.extend(inside.map(|node| (node, false)));
            }
        }
        Self {
            scan,
            ignore,
            known,
            fresh,
            unsure,
            ours: BTreeSet::new(),
        }
    }
}

/// What is on record after a pass.
pub(super) struct Learned<'a> {
    /// Files that came to be, or changed, in it.
    pub(super) since: Vec<Pointer>,
    /// Everything.
    pub(super) synced: &'a SyncedTree,
}

/// What tells of the entries outside a part whether they have to be looked at again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sureness {
    /// The passes before.
    AsBefore,
    /// The scan itself, which is of all of them.
    AsSeen,
}

/// Whether an entry has to be looked at again though nothing is heard of it.
fn is_unsure(scan: &Scan, known: Known<'_>, node: &LocalNode) -> bool {
    if node.ignored {
        return false;
    }
    // What could not be seen may be seen the next time, and nothing tells of that.
    if let LocalKind::Folder(LocalContents::Hidden) = node.kind {
        return true;
    }
    node.file().is_some_and(|file| {
        let known = file.hash.is_some() || file.size == 0 || known.is_unread(node);
        !known || file.busy || file.unreadable || scan.trusted(node.key) != Some(true)
    })
}

/// What a scan leaves for the next one.
pub(super) struct Kept {
    ignore: Ignore,
    known: Hashes,
    fresh: bool,
}

/// A scan, and what the next one needs.
pub(super) struct Sight {
    /// What was seen.
    pub(super) scan: Scan,
    ignore: Ignore,
    known: Hashes,
    /// Folders were read, and one that moved meanwhile may have been read by halves.
    fresh: bool,
    /// The paths of which something was heard, if not everything was looked at.
    pub(super) looked: Option<Looked>,
}

/// Paths of which something was heard.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// All of them.
    pub(super) paths: BTreeSet<RelPath>,
    /// Those at which we did something ourselves just before.
    ours: BTreeSet<RelPath>,
    /// Folders among them in which nothing was heard of before: all of what is in them was looked at.
    anew: BTreeSet<RelPath>,
    /// All that were looked at, heard of or not.
    all: BTreeSet<RelPath>,
    /// Folders that moved as they are, each by where it is, with where it was.
    moved: BTreeMap<RelPath, RelPath>,
}

impl Looked {
    /// What another look of the same pass showed. Answers whether that can still be told: folders that go on moving cannot.
    fn take_in(&mut self, looked: BTreeSet<RelPath>, moved: BTreeMap<RelPath, RelPath>) -> bool {
        let told = self.moved.is_empty() || moved.is_empty();
        self.all.extend(looked);
        self.moved.extend(moved);
        told
    }

    /// Folders that moved as they are, each by where it is, with where it was.
    pub(super) const fn moved(&self) -> &BTreeMap<RelPath, RelPath> {
        &self.moved
    }

    /// All paths that were looked at.
    pub(super) const fn all(&self) -> &BTreeSet<RelPath> {
        &self.all
    }
}

impl Sight {
    /// The scan, the paths of which something was heard if not everything was looked at, and what the next look needs.
    pub(super) fn split(self) -> (Scan, Option<Looked>, Kept) {
        let Self {
            scan,
            ignore,
            known,
            fresh,
            looked,
        } = self;
        let kept = Kept { ignore, known, fresh };
        (scan, looked, kept)
    }
}

impl Kept {
    pub(super) fn ignore(&mut self) -> &mut Ignore {
        &mut self.ignore
    }

    /// No other scan follows: where hashes are need not be known any more.
    pub(super) fn last(self) -> Self {
        Self {
            known: Hashes::default(),
            ..self
        }
    }
}

/// Sees the disk: what was heard to have changed, where all else is known, and everything otherwise.
pub(super) async fn see(session: &Session, before: Option<Disk>) -> Result<Sight, Halt> {
    let mut sight = looked(session, before).await?;
    if let (Some(hearing), true) = (&session.hearing, sight.fresh) {
        sight.fresh = !hearing.stays().await;
    }
    Ok(sight)
}

async fn looked(session: &Session, before: Option<Disk>) -> Result<Sight, Halt> {
    // What happened while folders were read is known before what was read is gone by.
    let fresh = before.as_ref().is_some_and(|disk| disk.fresh);
    let heard = heard(session, fresh).await;
    let heard = if fresh { heard.reading() } else { heard };
    if let Some(mut disk) = before.filter(|_| !heard.everything) {
        let looked = Looked {
            paths: heard.changed.clone(),
            ours: std::mem::take(&mut disk.ours),
            anew: heard.anew.clone(),
            ..Looked::default()
        };
        let mut first = heard.clone();
        first.changed.append(&mut disk.unsure);
        if let Some(sight) = parts(session, disk, first, looked).await? {
            return Ok(sight);
        }
    }
    sure(session, &heard.closed).await
}

async fn heard(session: &Session, surely: bool) -> Heard {
    match &session.hearing {
        Some(hearing) => hearing.heard(surely).await,
        None => Heard {
            everything: true,
            ..Heard::default()
        },
    }
}

/// Looks at some paths, until whatever vanished in the last look had vanished in one before it. `None`: only a scan of
/// everything can tell.
async fn parts(
    session: &Session,
    before: Disk,
    mut heard: Heard,
    mut looked: Looked,
) -> Result<Option<Sight>, Halt> {
    let Disk {
        mut scan,
        mut ignore,
        mut known,
        ..
    } = before;
    let mut fresh = false;
    for number in 1..=SCANS {
        let (root, options, disk) = (session.root.clone(), options(session), session.policy.disk);
        let synced = Arc::clone(&session.synced);
        let done = crate::blocking::run(move || {
            let paths = Paths {
                changed: &heard.changed,
                closed: &heard.closed,
                anew: &heard.anew,
                moved: &heard.moved,
                disk: &disk,
            };
            let part = scan::part(&root, &mut ignore, &known.with(&synced), options, (scan, paths))?;
            Ok((part, ignore, known))
        });
        let (part, rules, hashes) = told(session, joined(done.await))?;
        (ignore, known) = (rules, hashes);
        let vanished = match part {
            Part::Seen {
                scan: seen,
                vanished,
                looked: more,
                moved,
                read,
            } => {
                scan = *seen;
                fresh |= read;
                if !looked.take_in(more, moved) {
                    return Ok(None);
                }
                vanished
            }
            Part::Unsure(why) => {
                tracing::debug!(pair = session.pair.name, why, "everything is scanned");
                return Ok(None);
            }
        };
        if vanished.is_empty() {
            break;
        }
        if number == SCANS {
            return Ok(None);
        }
        // Before an absence counts, everything that happened by then is known.
        heard = self::heard(session, true).await;
        if heard.everything {
            return Ok(None);
        }
        heard = if fresh { heard.reading() } else { heard };
        heard.changed.extend(vanished);
        looked.paths.extend(heard.changed.iter().cloned());
        looked.anew.extend(heard.anew.iter().cloned());
    }
    Ok(Some(Sight {
        scan,
        ignore,
        known,
        fresh,
        looked: Some(looked),
    }))
}

impl Heard {
    /// What is heard of while folders are being read: those that moved are looked at as a whole.
    fn reading(mut self) -> Self {
        self.anew.append(&mut self.moved);
        self
    }
}

/// A scan of everything; with the rules and hashes of the one before it, if this is not the first.
async fn all(
    session: &Session,
    before: Option<(Ignore, Hashes)>,
    closed: &BTreeSet<RelPath>,
) -> Result<Sight, Halt> {
    let (mut ignore, known) = match before {
        Some(before) => before,
        None => {
            let rules = Ignore::new(&session.pair.exclude, &session.pair.include);
            (told(session, rules)?, hashes::known_hashes(session)?)
        }
    };
    let (root, options, closed) = (session.root.clone(), options(session), closed.clone());
    let synced = Arc::clone(&session.synced);
    let done = crate::blocking::run(move || {
        tracing::debug!("the folder is looked at");
        let scan = scan::scan_with(&root, &mut ignore, &known.with(&synced), options, &closed)?;
        tracing::debug!(entries = scan.tree.nodes.len(), "the folder was looked at");
        Ok(Sight {
            scan,
            ignore,
            known,
            fresh: true,
            looked: None,
        })
    });
    told(session, joined(done.await))
}

fn options(session: &Session) -> ScanOptions {
    ScanOptions {
        quiet: session.timing.quiet_period,
        now_ns: super::clock::now_ns(),
    }
}

/// The result of a look, in the user's words where there is none.
fn told<T>(session: &Session, result: Result<T, LocalError>) -> Result<T, Halt> {
    result.map_err(|error| Halt::Error(Box::new(Report::from_root(&session.pair.local, &error))))
}

/// Scans everything, and again while a synced node is missing that the scan before did not miss. What vanishes in the last
/// one is hidden: nothing in its folder is gone.
async fn sure(session: &Session, closed: &BTreeSet<RelPath>) -> Result<Sight, Halt> {
    let mut sight = all(session, None, closed).await?;
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
        sight = all(session, Some((sight.ignore, sight.known)), closed).await?;
    }
    Ok(sight)
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

/// Paths asked about one by one; more of them differ somewhere.
const ASKED: usize = 500;

/// Whether the disk is another than the record says at one of these paths, or below a folder in which nothing was heard of
/// before: somebody may have been in it by then, even in one that we made ourselves. What we did ourselves is heard of too.
pub(super) fn differs(session: &Session, scan: &Scan, looked: &Looked) -> bool {
    let Looked {
        paths, ours, anew, ..
    } = looked;
    let mut queue: Vec<RelPath> = paths.iter().take(ASKED.saturating_add(1)).cloned().collect();
    let mut asked = BTreeSet::new();
    while let Some(path) = queue.pop() {
        if asked.contains(&path) {
            continue;
        }
        if asked.len() >= ASKED || differs_at(session, scan, &path, ours.contains(&path)) {
            return true;
        }
        if anew.iter().any(|folder| folder.contains(&path)) {
            queue.extend(inside(session, scan, &path));
        }
        asked.insert(path);
    }
    false
}

/// What is in a folder, here or on record.
fn inside(session: &Session, scan: &Scan, path: &RelPath) -> Vec<RelPath> {
    let entry = scan.at(path).filter(|entry| entry.is_folder() && !entry.ignored);
    let entries = entry.into_iter().flat_map(|entry| {
        let entries = scan.tree.nodes.children(Some(entry.key));
        entries.map(|entry| path.join(&entry.name))
    });
    let node = conflicts::node_at(&session.synced, path.as_str());
    let nodes = node.into_iter().flat_map(|node| {
        let nodes = session.synced.children(Some(node.id));
        nodes.map(|node| path.join(&node.local_name))
    });
    entries.chain(nodes).collect()
}

fn differs_at(session: &Session, scan: &Scan, path: &RelPath, is_ours: bool) -> bool {
    let (tree, synced) = (&scan.tree.nodes, &session.synced);
    // Both begin at the root, which is there.
    let (mut here, mut there) = (Some(None), Some(None));
    let (mut entry, mut node) = (None, None);
    for part in path.components() {
        entry = here.and_then(|folder| tree.children(folder).find(|entry| entry.name.as_str() == part));
        node = there.and_then(|folder| {
            let mut inside = synced.children(folder);
            inside.find(|node| node.local_name.as_str() == part)
        });
        if entry.is_some_and(|entry: &LocalNode| entry.ignored) {
            return node.is_some();
        }
        here = entry.map(|entry| Some(entry.key));
        there = node.map(|node: &SyncedNode| Some(node.id));
    }
    match (entry, node) {
        (None, None) => false,
        (Some(entry), Some(node)) => {
            let file = match (entry.file(), node.file()) {
                (Some(file), Some(base)) => {
                    // What we put there a moment ago has no stamp on record yet. It is read again by the next poll anyway.
                    let stamp = base.stamp.map_or(is_ours, |stamp| stamp == file.stamp);
                    stamp && file.size == base.size
                }
                (None, None) => entry.is_folder(),
                (Some(_), None) | (None, Some(_)) => false,
            };
            !(file && entry.identity.is_some() && entry.identity == node.identity)
        }
        (Some(_), None) | (None, Some(_)) => true,
    }
}

/// The topmost synced nodes that a scan shows neither at their path nor, by their identity, anywhere else, each with the
/// folder in which it was looked for. What lies in a folder that could not be read is not missing, but hidden.
fn missing(synced: &SyncedTree, scan: &Scan) -> BTreeMap<NodeId, Option<LocalKey>> {
    let tree = &scan.tree;
    let mut missing = BTreeMap::new();
    let mut queue: VecDeque<(Option<NodeId>, Option<LocalKey>)> = VecDeque::from([(None, None)]);
    while let Some((above, folder)) = queue.pop_front() {
        let read = match folder.and_then(|key| tree.nodes.get(key)) {
            None => !tree.root_hidden,
            Some(entry) => matches!(entry.kind, LocalKind::Folder(LocalContents::Read { .. })),
        };
        let inside = tree.nodes.children(folder);
        let names: BTreeMap<&str, &LocalNode> = inside.map(|entry| (entry.name.as_str(), entry)).collect();
        for node in synced.children(above) {
            let here = names.get(node.local_name.as_str()).copied();
            let held = || tree.nodes.get(scan.holder(node.identity?)?);
            match here.or_else(held) {
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
