//! Seeing both sides: a walk of the account with every absence asked about, and a scan of the disk (design §3).
//!
//! What must never happen here: an absence that counts without evidence, a row believed before its folder is, a file
//! taken as unchanged by stamps that were too young. Gives the two observed trees to [`decide`](super::decide).

use std::collections::{BTreeMap, BTreeSet};

use planner::content::ContentHash;
use planner::id::{FileId, FolderId, NodeId, RemoteId};
use planner::naming;
use planner::path::RelPath;
use planner::tree::{Gone, RemoteKind, RemoteNode, RemoteTree, Standing, SyncedNode, SyncedTree, Tree};
use state::{Change, Looks, RemoteVersion};

use super::open::{Halt, Session};
use super::{absent, discarded, words};
use crate::local::ignore::Ignore;
use crate::remote::account::{Account, Life};
use crate::remote::confirm::{self, Confirmed, confirm};
use crate::remote::listings::{Listings, Wanted};
use crate::remote::walk::Walk;
use crate::report::Report;

/// Listings spent on looking for files that were put into dead folders (design S4).
const STRANDED_LISTINGS: usize = 1_000;

/// What the account shows.
#[derive(Clone, Debug)]
pub(crate) struct RemoteSeen {
    /// The tree for the merge.
    pub(crate) tree: RemoteTree,
    /// Synced rows that answer "not found", of which two or more were lost within an hour (design S2).
    pub(crate) lost: BTreeSet<RemoteId>,
    /// All of them, however long ago they were lost: each waits for the user.
    pub(crate) unknown: BTreeSet<RemoteId>,
    /// Local paths of rows, as they are or would be.
    pub(crate) paths: BTreeMap<RemoteId, RelPath>,
    /// Interims of this journal that lie about in the account.
    pub(crate) interims: Vec<(FileId, String)>,
    /// Paths of files that are not sent again: each upload was trashed at once (design A5).
    pub(crate) held: Vec<String>,
    /// The smallest folders of rings (design A7).
    pub(crate) rings: BTreeSet<FolderId>,
    /// Folders of which nothing is known now, by path, each with why.
    pub(crate) unlisted: Vec<(String, String)>,
    /// Paths of rows that were kept from the merge: they may be our own unanswered uploads.
    pub(crate) set_aside: BTreeSet<RelPath>,
    /// Folders that were listed in this pass; what is known of the others is older.
    pub(crate) listed: BTreeSet<Option<FolderId>>,
}

/// What a look at the account brought, before it is put into the vocabulary.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    /// The newest listings, for the next look; none if there is no folder there yet.
    pub(crate) listings: Option<Listings>,
    /// Which folders were listed now.
    pub(crate) listed: BTreeSet<Option<FolderId>>,
    live: Tree<RemoteNode>,
    confirmed: Confirmed,
    /// Folders that could not be listed, or of which nothing tells whether they live, each with why.
    unlisted: BTreeMap<FolderId, String>,
    /// It is a part, and no row of the whole that has no record is outside of it.
    compared: bool,
}

impl RemoteSeen {
    /// Live rows, of which nothing else is known yet.
    pub(super) fn of(live: Tree<RemoteNode>) -> Self {
        Self {
            tree: RemoteTree {
                nodes: live,
                gone: BTreeMap::new(),
                root_unreadable: false,
            },
            lost: BTreeSet::new(),
            unknown: BTreeSet::new(),
            paths: BTreeMap::new(),
            interims: Vec::new(),
            held: Vec::new(),
            rings: BTreeSet::new(),
            unlisted: Vec::new(),
            set_aside: BTreeSet::new(),
            listed: BTreeSet::new(),
        }
    }
}

impl Looked {
    /// A part in which nothing is missing; `compared`: no row that has no record is outside of it.
    pub(super) fn of_a_part(
        listings: Listings,
        listed: BTreeSet<Option<FolderId>>,
        live: Tree<RemoteNode>,
        compared: bool,
    ) -> Self {
        Self {
            listings: Some(listings),
            listed,
            live,
            compared,
            ..Self::default()
        }
    }
}

/// The newest listings, and which of them were made now.
pub(crate) type Listed = (Listings, BTreeSet<Option<FolderId>>);

/// Lists what is wanted of the account, over what is known of the rest, and asks about everything that is missing.
pub(crate) async fn account(
    session: &Session,
    known: Option<Listings>,
    wanted: &Wanted,
) -> Result<Looked, Halt> {
    match list(session, known, wanted).await? {
        Some(listed) => confirmed(session, listed).await,
        None => Ok(Looked::default()),
    }
}

/// Lists what is wanted of the account, over what is known of the rest. `None`: there is no folder there yet.
pub(super) async fn list(
    session: &Session,
    known: Option<Listings>,
    wanted: &Wanted,
) -> Result<Option<Listed>, Halt> {
    if session.no_remote_root {
        return Ok(None);
    }
    super::root::prove(session).await?;
    listings(session, known, wanted).await.map(Some)
}

/// Asks about everything that is missing in what was listed.
pub(super) async fn confirmed(session: &Session, listed: Listed) -> Result<Looked, Halt> {
    let account = &session.account;
    let (mut listings, mut listed) = listed;
    let walk = listings.walk();
    let mut live = walk.nodes();
    for (folder, error) in walk.unreadable() {
        tracing::warn!(folder_id = folder.map(FolderId::get), %error, "a folder could not be listed: what is in it stays as it is");
    }
    let again = session.timing.look_again;
    let mut confirmed = confirm(account, walk, &live, &session.synced, again).await;
    let untold = doubts(session, walk, &live, &mut confirmed).await;
    if confirmed.wants_another_walk() {
        let (later, more) = self::listings(session, None, &Wanted::All).await?;
        listings = later;
        listed.extend(more);
        live = listings.walk().nodes();
        confirmed.after_later_walk(listings.walk(), &live, &session.synced);
        // What is still active in a dead folder came after its death and is kept (design S4): the merge moves it to
        // where its folder is made anew.
        let dead = &confirmed.dead_folders;
        for node in confirm::stranded(account, dead, &confirmed.gone, STRANDED_LISTINGS).await {
            confirmed.gone.remove(&node.id);
            live.insert(node);
        }
    }
    for node in std::mem::take(&mut confirmed.moved) {
        live.insert(node);
    }
    let reused = others_under_our_ids(&session.synced, &live);
    for id in &reused {
        live.remove(*id);
    }
    confirmed.lost.extend(reused);
    let unlisted = listings.walk().unreadable();
    let unlisted = unlisted.filter_map(|(folder, error)| Some((folder?, words::unlisted(error))));
    let untold = untold
        .into_iter()
        .map(|folder| (folder, words::UNTOLD.to_owned()));
    let mut unlisted: BTreeMap<FolderId, String> = unlisted.collect();
    unlisted.extend(untold);
    Ok(Looked {
        listings: Some(listings),
        listed,
        live,
        confirmed,
        unlisted,
        compared: false,
    })
}

/// Rows under the ids of synced files that are other files: their second name is another. A server that went back gives
/// ids out again (history H03): the synced row is lost, and what has its id now is neither an edit of it nor, until the
/// user has seen that, a file to be synced.
fn others_under_our_ids(synced: &SyncedTree, live: &Tree<RemoteNode>) -> Vec<RemoteId> {
    let files = synced.iter().filter(|node| node.file().is_some());
    let rows = files.filter_map(|node| live.get(node.remote()).filter(|row| is_another(node, row)));
    rows.map(|row| row.id).collect()
}

/// Whether what has the id of a synced file now is another file.
pub(super) fn is_another(synced: &SyncedNode, row: &RemoteNode) -> bool {
    let agreed = synced.file().and_then(|base| base.short_url.as_ref());
    let shown = row.file().and_then(|row| row.short_url.as_ref());
    matches!((shown, agreed), (Some(shown), Some(agreed)) if shown != agreed)
}

/// The folders of the account that are the like of those in which these paths are, as far as they are on record; of a folder
/// itself too.
pub(super) fn folders_of(session: &Session, paths: &BTreeSet<RelPath>) -> BTreeSet<Option<FolderId>> {
    // By folder, as it is asked about: what is in it, by name.
    let mut names: BTreeMap<Option<NodeId>, BTreeMap<&str, &SyncedNode>> = BTreeMap::new();
    let mut found = BTreeSet::new();
    for path in paths {
        let (mut at, mut above): (Option<&SyncedNode>, Option<&SyncedNode>) = (None, None);
        for part in path.components() {
            above = at;
            let id = at.map(|node| node.id);
            let inside = names.entry(id).or_insert_with(|| {
                let folders = session.synced.children(id).filter(|node| node.file().is_none());
                folders.map(|node| (node.local_name.as_str(), node)).collect()
            });
            match inside.get(part) {
                Some(node) => at = Some(node),
                None => break,
            }
        }
        found.insert(above.and_then(|node| node.remote().folder()));
        found.insert(at.and_then(|node| node.remote().folder()));
    }
    found
}

/// The newest listings of everything, and which of them were made now.
async fn listings(session: &Session, known: Option<Listings>, wanted: &Wanted) -> Result<Listed, Halt> {
    let looked = match known {
        Some(mut known) => {
            let listed = known.refresh(&session.account, wanted).await;
            listed.map(|listed| (known, listed))
        }
        None => Listings::all(&session.account).await.map(|all| {
            let listed = all.folders();
            (all, listed)
        }),
    };
    tracing::debug!("the account was listed");
    looked.map_err(|error| {
        if words::is_unanswered(&error) {
            let report = Report::remote_root(&session.pair, &words::unlisted(&error));
            return Halt::Error(Box::new(report));
        }
        session.fatal(&error)
    })
}

/// Puts what was seen into the vocabulary, with local paths, rules of the user, hashes and looks.
pub(crate) fn translate(
    session: &mut Session,
    mut looked: Looked,
    ignore: &mut Ignore,
) -> Result<RemoteSeen, Halt> {
    // Whoever compared may have to prove it.
    let keep = session.hearing.is_some() || looked.compared;
    session.listings = looked.listings.take().filter(|_| keep);
    if let Some(listings) = &mut session.listings {
        listings.decided();
    }
    agree(session, &looked.live)?;
    discarded::settle(session, &mut looked.confirmed, &looked.live)?;
    let judged = absent::judge(session, &mut looked.confirmed)?;
    let mut seen = RemoteSeen {
        lost: judged.lost,
        unknown: judged.unknown,
        held: judged.held,
        rings: looked.confirmed.rings,
        listed: looked.listed,
        ..RemoteSeen::of(looked.live)
    };
    seen.tree.gone = looked.confirmed.gone;
    name(session, ignore, &mut seen);
    let known = |id: RemoteId| session.synced.iter().find(|node| node.remote() == id);
    let unlisted = looked.unlisted.into_iter();
    let unlisted = unlisted.filter_map(|(folder, why)| {
        let id = RemoteId::Folder(folder);
        let path = seen.paths.get(&id).cloned();
        let path = path.or_else(|| session.synced.path(known(id)?.id))?;
        Some((path.to_string(), why))
    });
    seen.unlisted = unlisted.collect();
    let among = session.aside.is_some() && !looked.compared;
    know(session, &mut seen.tree, &seen.listed, among)?;
    Ok(seen)
}

/// Live rows of a part in which nothing is missing, with local paths, rules of the user and hashes. No look at them counts.
pub(super) fn named(
    session: &Session,
    live: Tree<RemoteNode>,
    ignore: &mut Ignore,
) -> Result<RemoteSeen, Halt> {
    let mut seen = RemoteSeen::of(live);
    name(session, ignore, &mut seen);
    fill(session, &mut seen.tree, &BTreeMap::new())?;
    Ok(seen)
}

/// Folders that are asked for a living one.
const WITNESSES: usize = 5;

/// Synced folders that one probe called dead: a second one, later, decides (design S3). Nothing else is waited for; what
/// is not synced is doubted from run to run. Answers the folders about which nothing on this server can tell.
async fn doubts(
    session: &Session,
    walk: &Walk,
    live: &Tree<RemoteNode>,
    confirmed: &mut Confirmed,
) -> Vec<FolderId> {
    let account = &session.account;
    let apart = session.timing.confirm_after;
    let apart_s = i64::try_from(apart.as_secs()).unwrap_or(i64::MAX);
    let synced: BTreeMap<FolderId, NodeId> = session
        .synced
        .iter()
        .filter_map(|node| Some((node.remote().folder()?, node.id)))
        .collect();
    let mut waiting: BTreeSet<FolderId> = confirmed.doubted.clone();
    for (id, row) in &walk.doubtful {
        if !account.doubt(*id, row, session.now(), apart_s) {
            waiting.insert(*id);
        } else if synced.contains_key(id) {
            confirmed.gone.insert(RemoteId::Folder(*id), Gone::Deleted);
            confirmed.dead_folders.insert(*id);
        }
    }
    waiting.retain(|id| synced.contains_key(id));
    let living: Vec<FolderId> = account
        .root
        .into_iter()
        .chain(live.children(None).filter_map(|node| node.id.folder()))
        .take(WITNESSES)
        .collect();
    let mut above: BTreeSet<FolderId> = confirmed.hanging.values().copied().collect();
    if living.is_empty() {
        // Nothing would come of the wait.
        above.clear();
    }
    if waiting.is_empty() && above.is_empty() {
        return Vec::new();
    }
    session.sink.phase(&session.pair.name, "confirming deletions");
    tokio::time::sleep(apart).await;
    let mut untold = Vec::new();
    for (id, node) in waiting.into_iter().filter_map(|id| Some((id, *synced.get(&id)?))) {
        let life = probe_again(account, id, &living).await;
        if life == Life::Dead
            && let Some((_, row)) = walk.doubtful.iter().find(|(other, _)| *other == id)
        {
            account.doubt(id, row, session.now(), apart_s);
        }
        // No living folder was there to show that the probe works: the files that were in it know.
        let alone = life == Life::Unknown && !account.probe_works();
        let by_files = alone && confirm::all_dead_below(account, live, &session.synced, node).await;
        if life == Life::Dead || by_files {
            confirmed.gone.insert(RemoteId::Folder(id), Gone::Deleted);
            confirmed.dead_folders.insert(id);
        } else if alone {
            untold.push(id);
        }
    }
    let mut dead = BTreeSet::new();
    for id in above {
        if probe_again(account, id, &living).await == Life::Dead {
            dead.insert(id);
        }
    }
    let hanging = std::mem::take(&mut confirmed.hanging);
    for node in session.synced.iter() {
        if hanging
            .get(&node.remote())
            .is_some_and(|above| dead.contains(above))
        {
            confirmed.adrift(account, &session.synced, node).await;
        }
    }
    untold
}

/// The second probe of a folder, with one of these answering as alive just before it.
async fn probe_again(account: &Account, id: FolderId, living: &[FolderId]) -> Life {
    for other in living {
        match account.probe_again(id, *other).await {
            decided @ (Life::Dead | Life::Alive) => return decided,
            Life::Doubted | Life::Unknown => {}
        }
    }
    Life::Unknown
}

/// What was only published and is now shown where it belongs is agreed (design A5).
fn agree(session: &mut Session, live: &Tree<RemoteNode>) -> Result<(), Halt> {
    let shown: Vec<SyncedNode> = session
        .synced
        .iter()
        .filter(|node| node.standing == Standing::Published)
        .filter(|node| {
            live.get(node.remote())
                .is_some_and(|row| as_recorded(&session.synced, node, row))
        })
        .map(|node| SyncedNode {
            standing: Standing::Agreed,
            ..node.clone()
        })
        .collect();
    if shown.is_empty() {
        return Ok(());
    }
    let nodes: Vec<_> = shown.iter().map(|node| node.id).collect();
    absent::stayed(session, &nodes)?;
    session.record(shown.into_iter().map(Change::Put).collect())
}

/// Whether a row shows a node as it is recorded: place, name and size.
pub(crate) fn as_recorded(synced: &SyncedTree, node: &SyncedNode, row: &RemoteNode) -> bool {
    let parent = match node.parent {
        None => Some(None),
        Some(parent) => synced.get(parent).map(|parent| parent.remote().folder()),
    };
    let size = match (node.file(), row.file()) {
        (Some(file), Some(row)) => file.size == row.size,
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    parent == Some(row.parent) && row.name == node.remote_name && size
}

/// Gives every row its local path, as it is or would be, and marks what the user's rules or our own names exclude.
pub(super) fn name(session: &Session, ignore: &mut Ignore, seen: &mut RemoteSeen) {
    let known: BTreeMap<RemoteId, &SyncedNode> =
        session.synced.iter().map(|node| (node.remote(), node)).collect();
    let mut queue: Vec<(Option<RemoteId>, RelPath, bool)> = vec![(None, RelPath::root(), false)];
    // Dead folders may still hold live rows (design S4): they are where the folder was.
    let dead = seen.tree.gone.keys().filter(|id| id.folder().is_some());
    let dead = dead.filter(|id| !seen.tree.nodes.contains(**id));
    queue.extend(dead.filter_map(|id| Some((Some(*id), session.synced.path(known.get(id)?.id)?, false))));
    let mut marked = Vec::new();
    while let Some((folder, path, hidden)) = queue.pop() {
        for row in seen.tree.nodes.children(folder) {
            let ours = naming::is_ours(row.name.as_str(), folder.is_none());
            if let (Some(interim), Some(id)) = (naming::parse_interim(row.name.as_str()), row.file_id())
                && interim.journal == session.meta.journal_id
            {
                seen.interims.push((id, row.name.as_str().to_owned()));
            }
            let local = match known.get(&row.id) {
                Some(node) if node.remote_name == row.name => Some(node.local_name.clone()),
                Some(_) | None => {
                    naming::to_local(&row.name, &session.policy.disk, session.policy.unstorable).ok()
                }
            };
            let is_folder = matches!(row.kind, RemoteKind::Folder { .. });
            let path = local.map(|name| path.join(&name));
            let excluded = path
                .as_ref()
                .is_some_and(|path| ignore.ignored(path, is_folder).is_some());
            let ignored = hidden || ours || excluded;
            if ignored {
                marked.push(RemoteNode {
                    ignored: true,
                    ..row.clone()
                });
            }
            if let Some(path) = path {
                seen.paths.insert(row.id, path.clone());
                if is_folder {
                    queue.push((Some(row.id), path, ignored));
                }
            } else if is_folder {
                // No local name: what is in it has no path either, so no rule of the user can speak of it.
                queue.push((Some(row.id), RelPath::root(), ignored));
            }
        }
    }
    for row in marked {
        seen.tree.nodes.insert(row);
    }
}

/// Puts on record how old what is known of the account is.
pub(super) fn walked(session: &mut Session) -> Result<(), Halt> {
    let at = walked_at(session.listings.as_ref(), session.now());
    let walked = session.journal.set_walked(at);
    walked.map_err(|error| session.broken(&error))
}

/// When the oldest listing was made, in seconds since 1970.
fn walked_at(listings: Option<&Listings>, now: i64) -> i64 {
    let oldest = listings.map(Listings::oldest);
    let oldest = oldest.map_or(0, |age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
    now.saturating_sub(oldest)
}

/// Hashes of versions that were fetched: all of them, or of a part those that are asked for.
struct Hashes(Option<BTreeMap<RemoteVersion, ContentHash>>);

impl Hashes {
    fn of(session: &Session) -> Result<Self, Halt> {
        if session.aside.is_some() {
            return Ok(Self(None));
        }
        let all = session.journal.remote_hashes();
        all.map(|all| Self(Some(all)))
            .map_err(|error| session.broken(&error))
    }

    fn get(&self, session: &Session, version: &RemoteVersion) -> Result<Option<ContentHash>, Halt> {
        match &self.0 {
            Some(all) => Ok(all.get(version).copied()),
            None => session
                .journal
                .remote_hash(version)
                .map_err(|error| session.broken(&error)),
        }
    }
}

/// Adds what is known of files beyond their rows: hashes of versions seen before, and how often a row that is not
/// synced was looked at (design N3). `among`: there may be more of those than these.
fn know(
    session: &mut Session,
    tree: &mut RemoteTree,
    listed: &BTreeSet<Option<FolderId>>,
    among: bool,
) -> Result<(), Halt> {
    let synced: BTreeSet<FileId> = session
        .synced
        .iter()
        .filter_map(|node| node.remote().file())
        .collect();
    let fresh: Vec<(FileId, u64)> = tree
        .nodes
        .iter()
        // Foreign interims are never synced, but their age counts (design M15).
        .filter(|row| !row.ignored || naming::is_interim_like(row.name.as_str()))
        .filter_map(|row| Some((row.file_id()?, row.file()?.size)))
        .filter(|(id, _)| !synced.contains(id))
        .collect();
    let (now, apart) = (session.now(), session.timing.look_again);
    // A row of a folder that was not listed now was not looked at now (design §3).
    let is_fresh = |id: FileId| {
        let row = tree.nodes.get(RemoteId::File(id));
        row.is_some_and(|row| listed.contains(&row.parent))
    };
    let counted = if among {
        session.journal.count_looks_among(&fresh, is_fresh, now, apart)
    } else {
        session.journal.count_looks(&fresh, is_fresh, now, apart)
    };
    let looks = counted.map_err(|error| session.broken(&error))?;
    // Only now: what is new came after the walk before this one.
    session
        .journal
        .set_walked(walked_at(session.listings.as_ref(), now))
        .map_err(|error| session.broken(&error))?;
    fill(session, tree, &looks)
}

/// Adds hashes of versions seen before, and what was counted.
fn fill(session: &Session, tree: &mut RemoteTree, looks: &BTreeMap<FileId, Looks>) -> Result<(), Halt> {
    let synced: BTreeMap<FileId, &SyncedNode> = session
        .synced
        .iter()
        .filter_map(|node| Some((node.remote().file()?, node)))
        .collect();
    let hashes = Hashes::of(session)?;
    let mut filled = Vec::new();
    for row in tree.nodes.iter() {
        let (Some(id), Some(file)) = (row.file_id(), row.file()) else {
            continue;
        };
        let mut file = file.clone();
        file.hash = match synced.get(&id).and_then(|node| node.file()) {
            Some(base) if base.size == file.size && base.short_url == file.short_url => base.hash,
            Some(_) | None => {
                let version = RemoteVersion {
                    file: id,
                    size: file.size,
                    short_url: file.short_url.clone(),
                };
                hashes.get(session, &version)?
            }
        };
        if let Some(look) = looks.get(&id) {
            (file.looks, file.appeared) = *look;
        }
        filled.push(RemoteNode {
            kind: RemoteKind::File(file),
            ..row.clone()
        });
    }
    for row in filled {
        tree.nodes.insert(row);
    }
    Ok(())
}
