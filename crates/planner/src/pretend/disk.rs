//! The disk of one machine. Inodes are never reused, renaming changes `ctime`, and there is a parking place and a trash.

use std::collections::BTreeMap;

use super::{Bytes, hash_of, size_of};
use crate::content::{ContentHash, Stamp};
use crate::id::{LocalIdentity, LocalKey};
use crate::name::LocalName;
use crate::naming::{fold_key, is_ours};
use crate::path::RelPath;
use crate::policy::DiskTraits;
use crate::tree::{LocalContents, LocalFile, LocalKind, LocalNode, LocalTree};

/// What the disk calls an entry.
pub(crate) type Inode = u32;

/// What an entry is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Folder,
    File(Bytes),
}

/// One entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Node {
    pub(crate) parent: Option<Inode>,
    pub(crate) name: LocalName,
    pub(crate) kind: Kind,
    pub(crate) stamp: Stamp,
    pub(crate) ignored: bool,
}

/// See the head of this file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    pub(crate) nodes: BTreeMap<Inode, Node>,
    /// Entries set aside, with where they were.
    pub(crate) parked: BTreeMap<u32, (Inode, Option<Inode>, LocalName)>,
    pub(crate) trash: Vec<Bytes>,
    /// Hashes taken, each valid for the stamps it was taken at.
    pub(crate) hashed: BTreeMap<Inode, (Stamp, ContentHash)>,
    pub(crate) traits: DiskTraits,
    /// Which bytes were last renamed away from a name.
    pub(crate) vacated: BTreeMap<(Option<Inode>, LocalName), Bytes>,
    next: Inode,
    clock: i64,
}

impl Disk {
    /// An empty disk of such traits.
    pub(crate) fn with(traits: DiskTraits) -> Self {
        Self {
            traits,
            ..Self::default()
        }
    }

    /// The next moment.
    fn tick(&mut self) -> i64 {
        self.clock += 1_000_000_000;
        self.clock
    }

    /// Makes an entry.
    pub(crate) fn create(
        &mut self,
        parent: Option<Inode>,
        name: &LocalName,
        kind: Kind,
    ) -> Result<Inode, String> {
        self.free(parent, name)?;
        let now = self.tick();
        self.next += 1;
        let stamp = Stamp {
            mtime_ns: now,
            ctime_ns: now,
        };
        let node = Node {
            parent,
            name: name.clone(),
            kind,
            stamp,
            ignored: false,
        };
        self.nodes.insert(self.next, node);
        Ok(self.next)
    }

    /// An entry that was made before the tale begins.
    pub(crate) fn put(&mut self, inode: Inode, node: Node) {
        self.next = self.next.max(inode);
        self.clock = self.clock.max(node.stamp.ctime_ns);
        self.nodes.insert(inode, node);
    }

    /// Renames or moves an entry.
    pub(crate) fn rename(
        &mut self,
        inode: Inode,
        parent: Option<Inode>,
        name: &LocalName,
    ) -> Result<(), String> {
        self.free(parent, name)?;
        if std::iter::successors(parent, |at| self.nodes.get(at)?.parent).any(|above| above == inode) {
            return Err(format!("{name} would be moved into itself"));
        }
        let now = self.tick();
        let node = self.nodes.get_mut(&inode).ok_or("nothing to rename")?;
        if let Kind::File(bytes) = node.kind {
            self.vacated.insert((node.parent, node.name.clone()), bytes);
        }
        node.parent = parent;
        node.name = name.clone();
        node.stamp.ctime_ns = now;
        self.hashed.remove(&inode);
        Ok(())
    }

    /// New bytes for a file.
    pub(crate) fn write(&mut self, inode: Inode, bytes: Bytes) {
        let now = self.tick();
        if let Some(node) = self.nodes.get_mut(&inode) {
            node.kind = Kind::File(bytes);
            node.stamp = Stamp {
                mtime_ns: now,
                ctime_ns: now,
            };
        }
    }

    /// New times for a file, old bytes.
    pub(crate) fn touch(&mut self, inode: Inode) {
        let now = self.tick();
        if let Some(node) = self.nodes.get_mut(&inode) {
            node.stamp = Stamp {
                mtime_ns: now,
                ctime_ns: now,
            };
        }
    }

    /// Takes an entry without children away.
    pub(crate) fn unlink(&mut self, inode: Inode) -> Result<Node, String> {
        if self.children(Some(inode)).next().is_some() {
            return Err("the folder is not empty".to_owned());
        }
        self.nodes
            .remove(&inode)
            .ok_or_else(|| "nothing to remove".to_owned())
    }

    /// Takes an entry with all below it away, as a user does; answers how many files went.
    pub(crate) fn remove_all(&mut self, inode: Inode) -> Vec<Bytes> {
        let mut gone = Vec::new();
        let inside: Vec<Inode> = self.children(Some(inode)).collect();
        for child in inside {
            gone.extend(self.remove_all(child));
        }
        if let Some(Node {
            kind: Kind::File(bytes),
            ..
        }) = self.nodes.remove(&inode)
        {
            gone.push(bytes);
        }
        gone
    }

    /// Sets an entry aside.
    pub(crate) fn park(&mut self, inode: Inode, slot: u32) -> Result<(), String> {
        let node = self.nodes.get_mut(&inode).ok_or("nothing to park")?;
        let was = (inode, node.parent, node.name.clone());
        if let Kind::File(bytes) = node.kind {
            self.vacated.insert((node.parent, node.name.clone()), bytes);
        }
        node.parent = Some(Inode::MAX);
        match self.parked.insert(slot, was) {
            None => Ok(()),
            Some(_) => Err(format!("slot {slot} is taken")),
        }
    }

    /// Brings an entry back.
    pub(crate) fn unpark(
        &mut self,
        slot: u32,
        parent: Option<Inode>,
        name: &LocalName,
    ) -> Result<Inode, String> {
        let inode = self.parked.get(&slot).ok_or("nothing is parked there")?.0;
        self.rename(inode, parent, name)?;
        self.parked.remove(&slot);
        Ok(inode)
    }

    /// What a start does with entries that a killed pass left parked: back to where they were, if that is free.
    pub(crate) fn recover(&mut self) {
        let parked: Vec<_> = std::mem::take(&mut self.parked).into_values().collect();
        for (inode, parent, name) in parked.into_iter().rev() {
            let home = parent.filter(|parent| *parent != Inode::MAX && self.nodes.contains_key(parent));
            let mut wanted = name.clone();
            let mut attempt = 1;
            while self.rename(inode, home, &wanted).is_err() {
                attempt += 1;
                wanted = LocalName::new(format!("{name} ({attempt})")).unwrap();
            }
        }
    }

    /// What is in a folder.
    pub(crate) fn children(&self, parent: Option<Inode>) -> impl Iterator<Item = Inode> {
        self.nodes
            .iter()
            .filter(move |(_, node)| node.parent == parent)
            .map(|(inode, _)| *inode)
    }

    /// The entry at a path.
    pub(crate) fn at(&self, path: &RelPath) -> Option<Option<Inode>> {
        path.components().try_fold(None, |folder, part| {
            let name = LocalName::new(part)?;
            self.find(folder, &name).map(Some)
        })
    }

    /// The entry of this name in a folder, as this disk compares names.
    pub(crate) fn find(&self, parent: Option<Inode>, name: &LocalName) -> Option<Inode> {
        let key = fold_key(name.as_str(), &self.traits);
        self.children(parent)
            .find(|inode| fold_key(self.nodes[inode].name.as_str(), &self.traits) == key)
    }

    fn free(&self, parent: Option<Inode>, name: &LocalName) -> Result<(), String> {
        if let Some(parent) = parent
            && self
                .nodes
                .get(&parent)
                .is_none_or(|node| node.kind != Kind::Folder)
        {
            return Err(format!("no folder for {name}"));
        }
        match self.find(parent, name) {
            None => Ok(()),
            Some(_) => Err(format!("something is at {name}")),
        }
    }

    /// The path of an entry; `None` while it is parked.
    pub(crate) fn path(&self, inode: Inode) -> Option<RelPath> {
        let node = self.nodes.get(&inode)?;
        let folder = match node.parent {
            None => RelPath::root(),
            Some(parent) => self.path(parent)?,
        };
        Some(folder.join(&node.name))
    }

    /// What the file system says an entry is.
    pub(crate) fn identity(inode: Inode) -> LocalIdentity {
        LocalIdentity {
            device: 1,
            inode: u64::from(inode),
            birth_ns: Some(i64::from(inode)),
        }
    }

    /// What a scan sees.
    pub(crate) fn scan(&self) -> LocalTree {
        let mut tree = LocalTree::default();
        for (inode, node) in &self.nodes {
            if node.parent == Some(Inode::MAX) {
                continue;
            }
            let kind = match node.kind {
                Kind::Folder => LocalKind::Folder(LocalContents::Read { others: 0 }),
                Kind::File(bytes) => LocalKind::File(LocalFile {
                    size: size_of(bytes),
                    stamp: node.stamp,
                    hash: self
                        .hashed
                        .get(inode)
                        .filter(|(stamp, _)| *stamp == node.stamp)
                        .map(|(_, hash)| *hash),
                    busy: false,
                    unreadable: false,
                }),
            };
            tree.nodes.insert(LocalNode {
                key: LocalKey(*inode),
                parent: node.parent.map(LocalKey),
                name: node.name.clone(),
                identity: Some(Self::identity(*inode)),
                ignored: node.ignored || is_ours(node.name.as_str(), node.parent.is_none()),
                kind,
            });
        }
        tree
    }

    /// Hashes a file, as a merge asked.
    pub(crate) fn hash(&mut self, key: LocalKey) {
        if let Some(Node {
            kind: Kind::File(bytes),
            stamp,
            ..
        }) = self.nodes.get(&key.0)
        {
            self.hashed.insert(key.0, (*stamp, hash_of(*bytes)));
        }
    }

    /// The disk in words.
    pub(crate) fn text(&self) -> String {
        let line = |(inode, node): (&Inode, &Node)| {
            let path = self.path(*inode);
            format!(
                "  {inode} {} {:?} {}\n",
                path.unwrap_or_default(),
                node.kind,
                node.stamp.ctime_ns / 1_000_000_000
            )
        };
        self.nodes.iter().map(line).collect()
    }

    /// All bytes that live here.
    pub(crate) fn contents(&self) -> Vec<Bytes> {
        let mut all: Vec<Bytes> = self
            .nodes
            .values()
            .filter_map(|node| match node.kind {
                Kind::File(bytes) => Some(bytes),
                Kind::Folder => None,
            })
            .collect();
        all.sort_unstable();
        all
    }
}
