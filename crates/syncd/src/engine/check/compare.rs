//! Both sides against the records, node by node. Pure: everything that had to be read was read before.
//!
//! Never here: a difference made of something that nobody could look at. That is a problem, and named as one.

use std::collections::{BTreeMap, BTreeSet};

use planner::content::ContentHash;
use planner::id::{FileId, LocalKey, NodeId, RemoteId};
use planner::path::RelPath;
use planner::tree::{
    Gone, LocalContents, LocalKind, LocalNode, RemoteKind, RemoteNode, Standing, SyncedFile, SyncedNode,
    SyncedTree,
};
use serde::Serialize;

use crate::engine::observe::RemoteSeen;
use crate::engine::whereabouts::{Place, whereabouts};
use crate::engine::words;
use crate::local::scan::Scan;
use crate::summary::Item;

/// What of the two sides is compared.
pub(super) struct Sides<'a> {
    /// The records.
    pub(super) synced: &'a SyncedTree,
    /// This disk, with the hash of every recorded file that could be read.
    pub(super) disk: &'a Scan,
    /// The account.
    pub(super) account: &'a RemoteSeen,
    /// Hashes of what was downloaded; empty where nothing was.
    pub(super) downloaded: &'a BTreeMap<FileId, ContentHash>,
    /// Local paths that the last pass skipped, with the reason.
    pub(super) skipped: &'a BTreeMap<String, String>,
}

/// One thing that is not as it is on record.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub(crate) struct Difference {
    /// The path on record; of what is not on record, where it is.
    pub(crate) path: String,
    /// `local` or `remote`.
    pub(crate) side: &'static str,
    /// `missing`, `size`, `bytes`, `version`, `place` or `unrecorded`.
    pub(crate) kind: &'static str,
    /// More about it, without a full stop.
    pub(crate) detail: String,
}

/// What a comparison found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Findings {
    /// What differs, by path.
    pub(crate) differences: Vec<Difference>,
    /// What could not be looked at.
    pub(crate) problems: Vec<Item>,
    /// What is never synced, or is not any more.
    pub(crate) skipped: Vec<Item>,
}

impl Findings {
    fn differ(&mut self, path: &str, side: &'static str, kind: &'static str, detail: impl Into<String>) {
        self.differences.push(Difference {
            path: path.to_owned(),
            side,
            kind,
            detail: detail.into(),
        });
    }

    pub(super) fn problem(&mut self, path: impl Into<String>, reason: impl Into<String>) {
        self.problems.push(item(path, reason));
    }
}

const HERE: &str = "local";
const THERE: &str = "remote";

fn item(path: impl Into<String>, reason: impl Into<String>) -> Item {
    Item {
        path: path.into(),
        reason: reason.into(),
    }
}

/// Compares.
pub(super) fn compare(sides: &Sides<'_>) -> Findings {
    let mut findings = Findings::default();
    let mut known = BTreeSet::new();
    for (id, place) in whereabouts(sides.synced, &sides.disk.tree) {
        let Some(node) = sides.synced.get(id) else {
            continue;
        };
        known.extend(place.entry());
        let path = recorded_path(sides.synced, id);
        let entry = place.entry().and_then(|key| sides.disk.tree.nodes.get(key));
        here(sides, (node, place), entry, &path, &mut findings);
        let hash_here = entry.and_then(LocalNode::file).and_then(|file| file.hash);
        there(sides, node, hash_here, &path, &mut findings);
    }
    new_here(sides, &known, &mut findings);
    new_there(sides, &mut findings);
    unread(sides, &mut findings);
    findings.differences.sort();
    for items in [&mut findings.problems, &mut findings.skipped] {
        items.sort_by(|a, b| (&a.path, &a.reason).cmp(&(&b.path, &b.reason)));
        items.dedup();
    }
    findings
}

fn recorded_path(synced: &SyncedTree, id: NodeId) -> String {
    synced.path(id).map_or_else(String::new, |path| path.to_string())
}

fn here(
    sides: &Sides<'_>,
    (node, place): (&SyncedNode, Place),
    entry: Option<&LocalNode>,
    path: &str,
    findings: &mut Findings,
) {
    match place {
        // What cannot be seen is named once, with its folder.
        Place::Hidden => return,
        Place::Ignored => {
            return findings
                .skipped
                .push(item(path, "a rule ignores it now: it is not synced any more"));
        }
        Place::Missing => return findings.differ(path, HERE, "missing", "it is not on this disk"),
        Place::There(_) => {}
        Place::Elsewhere(key) => {
            let to = sides.disk.path(key).map(|path| path.to_string());
            let detail = format!("it is {} now", to.unwrap_or_default());
            findings.differ(path, HERE, "place", detail);
        }
    }
    let Some((entry, base)) = entry.and_then(|entry| Some((entry, node.file()?))) else {
        return;
    };
    let Some(file) = entry.file() else { return };
    match file.hash {
        _ if file.size != base.size => findings.differ(path, HERE, "size", sizes(base.size, file.size)),
        Some(hash) if base.hash.is_some_and(|agreed| agreed != hash) => {
            findings.differ(
                path,
                HERE,
                "bytes",
                "the size is the one on record, the bytes are not",
            );
        }
        None if base.size > 0 => findings.problem(path, unreadable(sides, entry)),
        Some(_) | None => {}
    }
}

fn unreadable(sides: &Sides<'_>, entry: &LocalNode) -> String {
    let why = sides.disk.troubles.get(&entry.key);
    why.map_or_else(
        || "it changes while it is read".to_owned(),
        |why| format!("cannot be read: {why}"),
    )
}

fn sizes(recorded: u64, found: u64) -> String {
    format!("{recorded} bytes are on record, it has {found}")
}

/// `here`: the bytes that this disk has; what an unverified record stands for.
fn there(
    sides: &Sides<'_>,
    node: &SyncedNode,
    here: Option<ContentHash>,
    path: &str,
    findings: &mut Findings,
) {
    let account = &sides.account.tree;
    let Some(row) = account.nodes.get(node.remote()) else {
        return absent(sides, node, path, findings);
    };
    if row.ignored {
        return findings
            .skipped
            .push(item(path, "a rule ignores it now: it is not synced any more"));
    }
    let folder = match node.parent {
        None => Some(None),
        Some(parent) => sides.synced.get(parent).map(|parent| parent.remote().folder()),
    };
    if folder != Some(row.parent) || row.name != node.remote_name {
        let at = sides.account.paths.get(&row.id);
        let at = at.map_or_else(|| row.name.to_string(), ToString::to_string);
        findings.differ(path, THERE, "place", format!("it is {at} there now"));
    }
    let (Some(base), Some(file)) = (node.file(), row.file()) else {
        return;
    };
    if file.size != base.size {
        return findings.differ(path, THERE, "size", sizes(base.size, file.size));
    }
    let downloaded = sides.downloaded.get(&base.remote);
    let agreed = base.hash.or(here);
    match (downloaded, agreed) {
        (Some(hash), Some(agreed)) if *hash != agreed => {
            findings.differ(
                path,
                THERE,
                "bytes",
                "the size is the one on record, the bytes are not",
            );
        }
        (None, _) if other_version(base, file.short_url.as_ref()) => {
            let detail = "it was stored anew with the same size; --download compares its bytes";
            findings.differ(path, THERE, "version", detail);
        }
        (Some(_) | None, _) => {}
    }
}

fn other_version(base: &SyncedFile, shown: Option<&planner::id::ShortUrl>) -> bool {
    base.short_url.is_some() && shown.is_some() && shown != base.short_url.as_ref()
}

fn absent(sides: &Sides<'_>, node: &SyncedNode, path: &str, findings: &mut Findings) {
    let (id, seen) = (node.remote(), sides.account);
    if node.standing == Standing::Published && !seen.tree.gone.contains_key(&id) {
        return findings.problem(
            path,
            "it was sent, and no listing of the account has shown it yet",
        );
    }
    let detail = match seen.tree.gone.get(&id) {
        Some(Gone::LeftPair) => "it was moved out of the pair's folder",
        Some(Gone::Expired) => "the account let it expire",
        Some(Gone::Deleted | Gone::LostApproved | Gone::DiedYoung) => "it was deleted there",
        None if seen.unknown.contains(&id) => "the server does not know it any more",
        None if is_shut(sides, node) => return,
        None => "it is not listed, and nothing proves that it was deleted",
    };
    findings.differ(path, THERE, "missing", detail);
}

/// Whether a folder above it could not be listed; that is named once, with the folder.
fn is_shut(sides: &Sides<'_>, node: &SyncedNode) -> bool {
    let account = &sides.account.tree;
    sides
        .synced
        .ancestors(node.id)
        .filter_map(|above| account.nodes.get(above.remote()))
        .any(|row| matches!(row.kind, RemoteKind::Folder { readable: false }))
}

fn new_here(sides: &Sides<'_>, known: &BTreeSet<LocalKey>, findings: &mut Findings) {
    for odd in &sides.disk.oddities {
        let reason = words::odd_text(odd.odd);
        findings.skipped.push(item(odd.shown.as_str(), reason));
    }
    for entry in sides.disk.tree.nodes.iter() {
        if entry.ignored || known.contains(&entry.key) {
            continue;
        }
        let path = sides.disk.path(entry.key).map(|path| path.to_string());
        let path = path.unwrap_or_default();
        match &entry.kind {
            LocalKind::Other(odd) => findings.skipped.push(item(path, words::odd_text(*odd))),
            LocalKind::File(file) if file.size == 0 => {
                findings
                    .skipped
                    .push(item(path, "empty: the account stores no empty files"));
            }
            LocalKind::File(_) | LocalKind::Folder(_) => match sides.skipped.get(&path) {
                Some(reason) => findings.skipped.push(item(path, reason.as_str())),
                None => findings.differ(
                    &path,
                    HERE,
                    "unrecorded",
                    "it is on this disk only, or not on record yet",
                ),
            },
        }
    }
}

fn new_there(sides: &Sides<'_>, findings: &mut Findings) {
    let recorded: BTreeSet<RemoteId> = sides.synced.iter().map(SyncedNode::remote).collect();
    let new = |row: &&RemoteNode| !row.ignored && !recorded.contains(&row.id);
    for row in sides.account.tree.nodes.iter().filter(new) {
        let path = sides.account.paths.get(&row.id);
        let path = path.map_or_else(|| row.name.to_string(), ToString::to_string);
        findings.differ(
            &path,
            THERE,
            "unrecorded",
            "it is in the account only, or not on record yet",
        );
    }
}

/// Folders that could not be looked into.
fn unread(sides: &Sides<'_>, findings: &mut Findings) {
    let disk = sides.disk;
    if disk.tree.root_hidden {
        findings.problem("", "not everything in the folder could be read");
    }
    for entry in disk.tree.nodes.iter().filter(|entry| !entry.ignored) {
        if matches!(entry.kind, LocalKind::Folder(LocalContents::Hidden)) {
            let path = disk.path(entry.key).map(|path| path.to_string());
            findings.problem(path.unwrap_or_default(), unreadable(sides, entry));
        }
    }
    let account = sides.account;
    if account.tree.root_unreadable {
        findings.problem("", "the pair's folder in the account could not be listed");
    }
    for row in account.tree.nodes.iter().filter(|row| !row.ignored) {
        if matches!(row.kind, RemoteKind::Folder { readable: false }) {
            let path = account.paths.get(&row.id).map(RelPath::to_string);
            findings.problem(path.unwrap_or_default(), "the account could not list it");
        }
    }
}

#[cfg(test)]
mod tests {
    use planner::id::ShortUrl;
    use planner::name::RemoteName;
    use planner::tree::{RemoteFile, Tree};

    use super::*;
    use crate::engine::whereabouts::tests::{disk, entry, hash, record, records};

    fn row(id: u64, name: &str, size: u64) -> RemoteNode {
        RemoteNode {
            id: RemoteId::File(FileId::new(id).unwrap()),
            parent: None,
            name: RemoteName::new(name),
            ignored: false,
            kind: RemoteKind::File(RemoteFile {
                size,
                short_url: None,
                hash: None,
                looks: 1,
                appeared: None,
            }),
        }
    }

    fn seen(rows: Vec<RemoteNode>) -> RemoteSeen {
        let mut live = Tree::default();
        for row in rows {
            live.insert(row);
        }
        RemoteSeen::of(live)
    }

    fn scan(entries: Vec<LocalNode>) -> Scan {
        let mut scan = Scan::default();
        scan.tree = disk(entries);
        scan
    }

    fn words(synced: &SyncedTree, disk: &Scan, account: &RemoteSeen, there: &[(u64, u8)]) -> Vec<String> {
        let downloaded = there
            .iter()
            .map(|(id, byte)| (FileId::new(*id).unwrap(), hash(*byte)))
            .collect();
        let findings = compare(&Sides {
            synced,
            disk,
            account,
            downloaded: &downloaded,
            skipped: &BTreeMap::new(),
        });
        let line = |it: &Difference| format!("{} {} {}", it.path, it.side, it.kind);
        let mut lines: Vec<String> = findings.differences.iter().map(line).collect();
        lines.extend(findings.problems.iter().map(|it| format!("{} problem", it.path)));
        lines
    }

    #[test]
    fn equal_sides_have_no_difference() {
        let synced = records(vec![record(1, None, "a", Some(7))]);
        let disk = scan(vec![entry(0, 1, None, "a", Some(7))]);
        let account = seen(vec![row(1, "a", 3)]);
        assert_eq!(words(&synced, &disk, &account, &[(1, 7)]), [""; 0]);
    }

    #[test]
    fn each_kind_of_difference_is_told_with_its_side() {
        let named = |id, name| record(id, None, name, Some(7));
        let synced = records(vec![
            named(1, "bytes"),
            named(2, "gone"),
            named(3, "moved"),
            named(4, "size"),
        ]);
        let mut grown = entry(3, 4, None, "size", Some(7));
        if let LocalKind::File(file) = &mut grown.kind {
            file.size = 5;
        }
        let disk = scan(vec![
            entry(0, 1, None, "bytes", Some(8)),
            entry(1, 3, None, "moved here", Some(7)),
            entry(2, 9, None, "new", Some(1)),
            grown,
        ]);
        let account = seen(vec![
            row(1, "bytes", 3),
            row(3, "moved there", 3),
            row(4, "size", 6),
            row(5, "new", 1),
        ]);
        assert_eq!(
            words(&synced, &disk, &account, &[(1, 9), (3, 7)]),
            [
                "bytes local bytes",
                "bytes remote bytes",
                "gone local missing",
                "gone remote missing",
                "moved local place",
                "moved remote place",
                "new local unrecorded",
                "new remote unrecorded",
                "size local size",
                "size remote size",
            ]
        );
    }

    #[test]
    fn an_equal_size_under_another_version_is_told_unless_its_bytes_were_compared() {
        let mut node = record(1, None, "a", Some(7));
        if let planner::tree::SyncedKind::File(file) = &mut node.kind {
            file.short_url = Some(ShortUrl("old".into()));
        }
        let mut shown = row(1, "a", 3);
        if let RemoteKind::File(file) = &mut shown.kind {
            file.short_url = Some(ShortUrl("new".into()));
        }
        let (synced, account) = (records(vec![node]), seen(vec![shown]));
        let disk = scan(vec![entry(0, 1, None, "a", Some(7))]);
        assert_eq!(words(&synced, &disk, &account, &[]), ["a remote version"]);
        assert_eq!(words(&synced, &disk, &account, &[(1, 7)]), [""; 0]);
    }

    #[test]
    fn a_file_that_could_not_be_read_is_a_problem_and_no_difference() {
        let synced = records(vec![record(1, None, "a", Some(7))]);
        let mut shut = entry(0, 1, None, "a", Some(7));
        if let LocalKind::File(file) = &mut shut.kind {
            file.hash = None;
        }
        let account = seen(vec![row(1, "a", 3)]);
        assert_eq!(words(&synced, &scan(vec![shut]), &account, &[]), ["a problem"]);
    }
}
