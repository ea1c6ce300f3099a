//! The things a merge is about: each synced node with what both sides show of it, then everything new, new entries of
//! both sides already paired by path. Nothing is decided here.
//!
//! Items are numbered parents before children *as synced*, new ones after all synced ones; the root of the pair is item
//! 0. What must never happen here: an entry or a row in two items, or an absence in the account without a word on how it
//! is known.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use crate::id::{FolderId, LocalKey, NodeId, RemoteId};
use crate::identify::{Found, Identified};
use crate::merge::Trees;
use crate::name::LocalName;
use crate::naming;
use crate::policy::Policy;
use crate::tree::{Gone, LocalKind, LocalNode, Node, RemoteKind, RemoteNode, Standing, SyncedNode};

/// An item's number within one merge.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Ix(pub(crate) u32);

impl Ix {
    /// The root of the pair.
    pub(crate) const ROOT: Self = Self(0);

    /// As a place in a list.
    pub(crate) fn place(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// What the disk shows of an item.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Here<'a> {
    /// This entry.
    Present(&'a LocalNode),
    /// Nothing; there never was.
    Absent,
    /// Nothing any more.
    Gone,
    /// Nobody can say.
    Hidden,
    /// A hash decides.
    Undecided,
    /// It is ignored at its place now.
    Detached,
    /// It was moved to an ignored place.
    ToIgnored,
}

/// What the account shows of an item.
#[derive(Clone, Copy, Debug)]
pub(crate) enum There<'a> {
    /// This row.
    Present(&'a RemoteNode),
    /// Nothing yet; it was published, so it is as synced.
    Published,
    /// Nothing; there never was.
    Absent,
    /// Nothing any more, and how that is known.
    Gone(Gone),
    /// No row and no proof.
    Unproved,
    /// The folder it is in could not be listed.
    Unreadable,
    /// It is ignored at its place now.
    Detached,
    /// It was moved to an ignored place.
    ToIgnored,
}

/// One thing.
#[derive(Clone, Debug)]
pub(crate) struct Item<'a> {
    /// Its last agreement.
    pub(crate) synced: Option<&'a SyncedNode>,
    /// Whether it is a folder.
    pub(crate) folder: bool,
    /// On this disk.
    pub(crate) local: Here<'a>,
    /// In the account.
    pub(crate) remote: There<'a>,
    /// The folder it was in when last agreed; for new items the one they were found in.
    pub(crate) base_parent: Ix,
    /// The folder its entry is in.
    pub(crate) local_parent: Ix,
    /// The folder its row is in.
    pub(crate) remote_parent: Ix,
    /// Its row took the place of one that went in this way: a replacement (A4, recipe 2).
    pub(crate) replaces: Option<Gone>,
    /// A hash decides what it is; nothing is done to it before.
    pub(crate) waiting: bool,
}

impl<'a> Item<'a> {
    const fn new(folder: bool, parent: Ix) -> Self {
        Self {
            synced: None,
            folder,
            local: Here::Absent,
            remote: There::Absent,
            base_parent: parent,
            local_parent: parent,
            remote_parent: parent,
            replaces: None,
            waiting: false,
        }
    }

    /// Its entry, if there is one to act on.
    pub(crate) const fn entry(&self) -> Option<&'a LocalNode> {
        match self.local {
            Here::Present(entry) => Some(entry),
            Here::Absent | Here::Gone | Here::Hidden | Here::Undecided | Here::Detached | Here::ToIgnored => {
                None
            }
        }
    }

    /// Its row, if there is one to act on.
    pub(crate) const fn row(&self) -> Option<&'a RemoteNode> {
        match self.remote {
            There::Present(row) => Some(row),
            There::Published
            | There::Absent
            | There::Gone(_)
            | There::Unproved
            | There::Unreadable
            | There::Detached
            | There::ToIgnored => None,
        }
    }

    /// Its id in the account: the row's, or the synced one as long as that may still be there.
    pub(crate) fn remote_id(&self) -> Option<RemoteId> {
        match self.remote {
            There::Present(row) => Some(row.id),
            There::Published | There::Unproved | There::Unreadable => self.synced.map(SyncedNode::remote),
            There::Absent | There::Gone(_) | There::Detached | There::ToIgnored => None,
        }
    }

    /// Whether it is in the account for all we know, and may be acted on.
    pub(crate) const fn is_there(&self) -> bool {
        matches!(self.remote, There::Present(_) | There::Published)
    }
}

/// All items of a merge.
#[derive(Debug)]
pub(crate) struct Items<'a> {
    list: Vec<Item<'a>>,
    root: Item<'a>,
    by_local: BTreeMap<LocalKey, Ix>,
    by_remote: BTreeMap<RemoteId, Ix>,
    by_node: BTreeMap<NodeId, Ix>,
}

impl<'a> Items<'a> {
    /// The item; the root for a number that is none.
    pub(crate) fn get(&self, ix: Ix) -> &Item<'a> {
        self.list.get(ix.place()).unwrap_or(&self.root)
    }

    /// All but the root, in order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (Ix, &Item<'a>)> {
        let numbered = self.list.iter().enumerate().skip(1);
        numbered.filter_map(|(at, item)| Some((Ix(u32::try_from(at).ok()?), item)))
    }

    /// How many there are, with the root.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// The item of an entry; `None` if it is ignored.
    pub(crate) fn of_entry(&self, key: LocalKey) -> Option<Ix> {
        self.by_local.get(&key).copied()
    }

    /// The item of a row; `None` if it is ignored.
    pub(crate) fn of_row(&self, id: RemoteId) -> Option<Ix> {
        self.by_remote.get(&id).copied()
    }

    /// The item of a synced node.
    pub(crate) fn of_node(&self, id: NodeId) -> Option<Ix> {
        self.by_node.get(&id).copied()
    }

    /// The folder on disk, as children are looked up; `None`: there is none.
    pub(crate) fn local_folder(&self, ix: Ix) -> Option<Option<LocalKey>> {
        if ix == Ix::ROOT {
            return Some(None);
        }
        let entry = self.get(ix).entry()?;
        entry.is_folder().then_some(Some(entry.key))
    }

    /// The living folder in the account; `None`: there is none.
    pub(crate) fn remote_home(&self, ix: Ix) -> Option<Option<RemoteId>> {
        if ix == Ix::ROOT {
            return Some(None);
        }
        let item = self.get(ix);
        item.remote_id().filter(|_| item.folder).map(Some)
    }

    /// The folder in the account, as children are looked up; `None`: there is none. One that is gone may still hold
    /// live rows, which came after its death (S4).
    pub(crate) fn remote_folder(&self, ix: Ix) -> Option<Option<RemoteId>> {
        if ix == Ix::ROOT {
            return Some(None);
        }
        let item = self.get(ix);
        let id = item.remote_id().or_else(|| item.synced.map(SyncedNode::remote))?;
        item.folder.then_some(Some(id))
    }
}

/// Puts the three trees side by side.
pub(crate) fn gather<'a>(trees: Trees<'a>, known: &Identified, policy: &Policy) -> Items<'a> {
    // No fewer than these, and mostly no more.
    let least = (trees.synced.len())
        .max(trees.local.nodes.len())
        .max(trees.remote.nodes.len());
    let mut gather = Gather {
        trees,
        known,
        policy,
        rows: Rows::new(trees),
        items: Items {
            list: Vec::with_capacity(least.saturating_add(1)),
            root: Item::new(true, Ix::ROOT),
            by_local: BTreeMap::new(),
            by_remote: BTreeMap::new(),
            by_node: BTreeMap::new(),
        },
    };
    gather.items.list.push(Item::new(true, Ix::ROOT));
    for id in &known.order {
        if let Some(node) = trees.synced.get(*id) {
            gather.add_synced(node);
        }
    }
    // The list grows while it is gone through: what is in new folders comes up in turn.
    let mut at = 0;
    while let Some(item) = gather.items.list.get(at) {
        if item.folder
            && let Ok(number) = u32::try_from(at)
        {
            gather.add_new(Ix(number));
        }
        at += 1;
    }
    gather.find_parents();
    gather.items
}

/// The rows that hang together from the root, or from a folder that is gone.
struct Rows<'a> {
    ignored: BTreeSet<RemoteId>,
    reached: BTreeSet<RemoteId>,
    /// Rows that are no synced node's, by folder and name, smallest id first.
    new: BTreeMap<(Option<RemoteId>, &'a str), BTreeSet<RemoteId>>,
}

impl<'a> Rows<'a> {
    fn new(trees: Trees<'a>) -> Self {
        let synced: BTreeSet<RemoteId> = trees.synced.iter().map(SyncedNode::remote).collect();
        let mut rows = Self {
            ignored: BTreeSet::new(),
            reached: BTreeSet::new(),
            new: BTreeMap::new(),
        };
        let nodes = &trees.remote.nodes;
        let mut queue: VecDeque<&RemoteNode> = nodes.children(None).collect();
        let dead = trees.remote.gone.keys().filter(|id| !nodes.contains(**id));
        queue.extend(dead.flat_map(|id| nodes.children(Some(*id))));
        while let Some(row) = queue.pop_front() {
            if !rows.reached.insert(row.id) {
                continue;
            }
            if row.ignored || row.parent().is_some_and(|above| rows.ignored.contains(&above)) {
                rows.ignored.insert(row.id);
            } else if !synced.contains(&row.id) {
                let named = rows.new.entry((row.parent(), row.name.as_str())).or_default();
                named.insert(row.id);
            }
            queue.extend(nodes.children(Some(row.id)));
        }
        rows
    }
}

struct Gather<'a, 'b> {
    trees: Trees<'a>,
    known: &'b Identified,
    policy: &'b Policy,
    rows: Rows<'a>,
    items: Items<'a>,
}

impl<'a> Gather<'a, '_> {
    fn push(&mut self, item: Item<'a>) {
        let Ok(number) = u32::try_from(self.items.list.len()) else {
            return;
        };
        let ix = Ix(number);
        if let Here::Present(entry) = item.local {
            self.items.by_local.insert(entry.key, ix);
        }
        if let There::Present(row) = item.remote {
            self.items.by_remote.insert(row.id, ix);
        }
        if let Some(node) = item.synced {
            self.items.by_node.insert(node.id, ix);
        }
        self.items.list.push(item);
    }

    fn add_synced(&mut self, node: &'a SyncedNode) {
        let parent = match node.parent {
            Some(above) => self.items.by_node.get(&above).copied().unwrap_or(Ix::ROOT),
            None => Ix::ROOT,
        };
        let mut item = Item::new(node.file().is_none(), parent);
        item.synced = Some(node);
        item.local = match self.known.found.get(&node.id) {
            Some(Found::Entry(key)) => match self.trees.local.nodes.get(*key) {
                Some(entry) => Here::Present(entry),
                None => Here::Hidden,
            },
            Some(Found::Gone) => Here::Gone,
            Some(Found::Hidden) | None => Here::Hidden,
            Some(Found::Undecided) => Here::Undecided,
            Some(Found::Detached) => Here::Detached,
            Some(Found::ToIgnored) => Here::ToIgnored,
        };
        (item.remote, item.replaces) = self.remote_of(node, parent);
        self.push(item);
    }

    fn remote_of(&self, node: &SyncedNode, parent: Ix) -> (There<'a>, Option<Gone>) {
        let id = node.remote();
        if self.items.by_remote.contains_key(&id) {
            return (There::Unproved, None);
        }
        let above = self.items.get(parent).remote;
        if let Some(row) = self
            .trees
            .remote
            .nodes
            .get(id)
            .filter(|_| self.rows.reached.contains(&id))
        {
            let folder = self.items.remote_folder(parent);
            let unmoved = folder == Some(row.parent()) && row.name == node.remote_name;
            let there = if !self.rows.ignored.contains(&id) {
                There::Present(row)
            } else if matches!(above, There::Detached) || (unmoved && !matches!(above, There::ToIgnored)) {
                There::Detached
            } else {
                There::ToIgnored
            };
            return (there, None);
        }
        // What is in a folder that a rule covers now is covered as well, however it went.
        let gone = self.trees.remote.gone.get(&id);
        if let Some(gone) = gone.filter(|_| !matches!(above, There::Detached)) {
            return match self.replacement(node, parent) {
                Some(row) => (There::Present(row), Some(*gone)),
                None => (There::Gone(*gone), None),
            };
        }
        let there = match above {
            There::Detached => There::Detached,
            // Not seen elsewhere, it went along; but a listing that failed tells nothing.
            There::ToIgnored if !self.is_readable(node.parent) => There::Unreadable,
            There::ToIgnored => There::ToIgnored,
            There::Unreadable => There::Unreadable,
            There::Present(row) if row.kind == (RemoteKind::Folder { readable: false }) => There::Unreadable,
            There::Absent if self.trees.remote.root_unreadable => There::Unreadable,
            There::Present(_) | There::Published | There::Absent => match node.standing {
                Standing::Published => There::Published,
                Standing::Agreed => There::Unproved,
            },
            // Published or not: its folder is not where it was, so a look must tell.
            There::Gone(_) | There::Unproved => There::Unproved,
        };
        (there, None)
    }

    fn is_readable(&self, folder: Option<NodeId>) -> bool {
        let id = folder
            .and_then(|folder| self.trees.synced.get(folder))
            .map(SyncedNode::remote);
        let row = id.and_then(|id| self.trees.remote.nodes.get(id));
        row.is_none_or(|row| row.kind != RemoteKind::Folder { readable: false })
    }

    /// The new row that has exactly the name and place of a node that is gone (A4). Of several the smallest id; the
    /// others are repeats.
    fn replacement(&self, node: &SyncedNode, parent: Ix) -> Option<&'a RemoteNode> {
        let folder = self.items.remote_folder(parent)?;
        let same_kind = |id: &&RemoteId| id.file().is_some() == node.file().is_some();
        let named = self.rows.new.get(&(folder, node.remote_name.as_str()))?;
        let free = |id: &&RemoteId| same_kind(id) && !self.items.by_remote.contains_key(id);
        self.trees.remote.nodes.get(*named.iter().find(free)?)
    }

    /// What is new in one folder. New entries and rows of one path and kind are one item (M12, M13).
    fn add_new(&mut self, folder: Ix) {
        let entries: Vec<&'a LocalNode> = match self.items.local_folder(folder) {
            Some(key) => self
                .trees
                .local
                .nodes
                .children(key)
                .filter(|entry| {
                    !self.known.owner.contains_key(&entry.key) && !self.known.ignored.contains(&entry.key)
                })
                .collect(),
            None => Vec::new(),
        };
        // A folder that was replaced may still hold rows that came after its death (S4).
        let item = self.items.get(folder);
        let dead = item
            .synced
            .filter(|_| item.replaces.is_some())
            .map(|node| Some(node.remote()));
        let places = self.items.remote_folder(folder).into_iter().chain(dead);
        let rows: Vec<&'a RemoteNode> = places
            .flat_map(|id| self.trees.remote.nodes.children(id))
            .filter(|row| {
                !self.items.by_remote.contains_key(&row.id)
                    && (self.rows.new.get(&(row.parent(), row.name.as_str())))
                        .is_some_and(|named| named.contains(&row.id))
            })
            .collect();
        let pairs = if entries.is_empty() || rows.is_empty() {
            BTreeMap::new()
        } else {
            pair_up(&entries, &rows, self.policy)
        };
        let paired: BTreeSet<LocalKey> = pairs.values().map(|entry| entry.key).collect();
        for row in rows {
            let mut item = Item::new(row.file().is_none(), folder);
            item.remote = There::Present(row);
            if let Some(entry) = pairs.get(&row.id) {
                item.local = Here::Present(entry);
                item.waiting = self.known.waiting.contains(&entry.key);
            }
            self.push(item);
        }
        for entry in entries.iter().filter(|entry| !paired.contains(&entry.key)) {
            let mut item = Item::new(entry.is_folder(), folder);
            item.local = Here::Present(entry);
            item.waiting = self.known.waiting.contains(&entry.key);
            self.push(item);
        }
    }

    /// Where entries and rows lie now, as items.
    fn find_parents(&mut self) {
        let Items {
            list,
            by_local,
            by_remote,
            by_node,
            ..
        } = &mut self.items;
        let dead: BTreeMap<FolderId, Ix> = by_node
            .iter()
            .filter_map(|(id, ix)| Some((self.trees.synced.get(*id)?.remote().folder()?, *ix)))
            .collect();
        for item in list.iter_mut().skip(1).filter(|item| item.synced.is_some()) {
            item.local_parent = match item.entry().map(|entry| entry.parent) {
                Some(Some(parent)) => by_local.get(&parent).copied().unwrap_or(item.base_parent),
                Some(None) => Ix::ROOT,
                None => item.base_parent,
            };
            item.remote_parent = match item.remote {
                There::Present(row) => match row.parent {
                    Some(parent) => {
                        let alive = by_remote.get(&RemoteId::Folder(parent)).copied();
                        let known = alive.or_else(|| dead.get(&parent).copied());
                        known.unwrap_or(item.base_parent)
                    }
                    None => Ix::ROOT,
                },
                There::Published
                | There::Absent
                | There::Gone(_)
                | There::Unproved
                | There::Unreadable
                | There::Detached
                | There::ToIgnored => item.base_parent,
            };
        }
    }
}

/// Pairs new entries and rows of one folder: a row with the entry that bears its derived name (H24), else with the one
/// of its plain name, smallest id first, else with the only one that the disk takes for the same (H40).
fn pair_up<'a>(
    entries: &[&'a LocalNode],
    rows: &[&'a RemoteNode],
    policy: &Policy,
) -> BTreeMap<RemoteId, &'a LocalNode> {
    let fits = |row: &RemoteNode, entry: &LocalNode| match entry.kind {
        LocalKind::File(_) => row.file().is_some(),
        LocalKind::Folder(_) => row.file().is_none(),
        LocalKind::Other(_) => false,
    };
    let mut free: BTreeMap<&str, &'a LocalNode> = entries
        .iter()
        .map(|entry| (entry.name.as_str(), *entry))
        .collect();
    let plain: Vec<(&RemoteNode, LocalName)> = rows
        .iter()
        .filter_map(|row| {
            let name = naming::to_local(&row.name, &policy.disk, policy.unstorable).ok()?;
            Some((*row, name))
        })
        .collect();
    let mut pairs = BTreeMap::new();
    let derived = free.keys().any(|name| name.contains(" (id "));
    for (row, name) in plain.iter().filter(|_| derived) {
        let name = naming::repeated(name, row.id, &policy.disk);
        if let Some(entry) = free.get(name.as_str()).copied().filter(|entry| fits(row, entry)) {
            free.remove(name.as_str());
            pairs.insert(row.id, entry);
        }
    }
    for (row, name) in &plain {
        if let Some(entry) = free.get(name.as_str()).copied()
            && fits(row, entry)
            && !pairs.contains_key(&row.id)
        {
            free.remove(name.as_str());
            pairs.insert(row.id, entry);
        }
    }
    if policy.disk.folds_case || policy.disk.folds_normalisation {
        pair_folded(&mut pairs, &free, &plain, policy, fits);
    }
    pairs
}

fn pair_folded<'a>(
    pairs: &mut BTreeMap<RemoteId, &'a LocalNode>,
    free: &BTreeMap<&str, &'a LocalNode>,
    plain: &[(&RemoteNode, LocalName)],
    policy: &Policy,
    fits: impl Fn(&RemoteNode, &LocalNode) -> bool,
) {
    let mut folded: BTreeMap<_, &'a LocalNode> = free
        .values()
        .map(|entry| (naming::fold_key(entry.name.as_str(), &policy.disk), *entry))
        .collect();
    for (row, name) in plain {
        let key = naming::fold_key(name.as_str(), &policy.disk);
        if let Some(entry) = folded.get(&key).copied()
            && fits(row, entry)
            && !pairs.contains_key(&row.id)
        {
            folded.remove(&key);
            pairs.insert(row.id, entry);
        }
    }
}
