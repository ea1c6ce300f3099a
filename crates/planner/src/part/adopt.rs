//! What both sides hold alike and nobody has on record yet, folder by folder: a first sync of equal trees, whose size is not that
//! of one merge.
//!
//! Where everything on record is as agreed, nothing that is new is anything that was known under another name. So what is in
//! a folder meets what is in the folder of the same name over there, and what they [agree](crate::transition::Plan::agreements)
//! on is what a merge of everything would have them agree on. All else (what is on one side only, or differs) is left to that.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use super::unlike::{Alike, Place, alike};
use super::{Part, Whole};
use crate::id::NodeId;
use crate::path::RelPath;
use crate::tree::{LocalNode, SyncedNode};

/// Folders in which something is new, from the top down.
#[derive(Clone, Debug)]
pub struct Adoption {
    ahead: VecDeque<Place>,
    /// Those of the last part: what was put on record in them since is gone into next.
    met: VecDeque<Place>,
    /// Records from before the first part have ids up to this one.
    before: Option<NodeId>,
}

impl Adoption {
    /// Finds the folders on record in which something is new. `None`: something on record is not as agreed.
    ///
    /// Each tree is gone through once, as far as there are records.
    #[must_use]
    pub fn begin(whole: Whole<'_>) -> Option<Self> {
        if whole.local.root_hidden {
            return None;
        }
        let mut ahead = VecDeque::new();
        let mut queue = VecDeque::from([Place::root()]);
        while let Some(at) = queue.pop_front() {
            match alike(whole, at, |below| queue.push_back(below)) {
                Alike::Other => return None,
                Alike::New => ahead.push_back(at),
                Alike::Same => {}
            }
        }
        Some(Self {
            ahead,
            met: VecDeque::new(),
            before: whole.synced.iter().last().map(|node| node.id),
        })
    }

    /// The next folders, with some `at_most` nodes, those of all sides together; more where one folder has more. `None`: there
    /// are none left. `whole` has by now on record what was agreed on in the part before; nothing else in it is another.
    #[must_use]
    pub fn next(&mut self, whole: Whole<'_>, at_most: usize) -> Option<Part> {
        while let Some(place) = self.met.pop_front() {
            let below: Vec<_> = self.below(whole, place).collect();
            self.ahead.extend(below);
        }
        let (mut part, mut left) = (Part::default(), at_most);
        while let Some(place) = self.ahead.front().copied() {
            let rows = whole.remote.inside(place.row);
            let nodes = whole.local.nodes.children(place.entry).count()
                + whole.synced.children(place.record).count()
                + rows.len();
            match left.checked_sub(nodes) {
                Some(rest) => left = rest,
                None if !self.met.is_empty() => break,
                None => left = 0,
            }
            self.ahead.pop_front();
            self.met.push_back(place);
            for row in rows {
                part.remote.nodes.insert(row);
            }
            add(&mut part, whole, place);
        }
        (!self.met.is_empty()).then_some(part)
    }

    /// Folders in one that were put on record since, as places.
    fn below<'a>(&'a self, whole: Whole<'a>, at: Place) -> impl Iterator<Item = Place> + 'a {
        let entries = whole.local.nodes.children(at.entry);
        let mut entries: BTreeMap<&str, &LocalNode> =
            entries.map(|entry| (entry.name.as_str(), entry)).collect();
        let inside = whole.synced.children(at.record);
        let new = inside.filter(|node| Some(node.id) > self.before);
        new.filter_map(move |node: &SyncedNode| {
            let row = node.remote().folder()?;
            let entry = entries.remove(node.local_name.as_str())?;
            Some(Place {
                record: Some(node.id),
                entry: entry.is_folder().then_some(Some(entry.key))?,
                row: Some(row),
            })
        })
    }
}

/// A folder with what is in it, here and on record, and the folders above it.
fn add(part: &mut Part, whole: Whole<'_>, at: Place) {
    if let Some(node) = at.record.and_then(|id| whole.synced.get(id)) {
        for node in whole.synced.ancestors(node.id).chain([node]) {
            part.synced.insert(node.clone());
            // At rest: its row is where its record says.
            let above = node
                .parent
                .and_then(|above| whole.synced.get(above)?.remote().folder());
            if let Some(row) = whole.remote.row_in(above, node.remote()) {
                part.remote.nodes.insert(row);
            }
        }
    }
    for node in whole.synced.children(at.record) {
        part.synced.insert(node.clone());
    }
    let entry = at.entry.and_then(|key| whole.local.nodes.get(key));
    let above = entry
        .into_iter()
        .flat_map(|entry| whole.local.nodes.ancestors(entry.key));
    for entry in above.chain(entry).chain(whole.local.nodes.children(at.entry)) {
        part.local.nodes.insert(entry.clone());
    }
    part.open.extend(match at.record {
        Some(id) => whole.synced.path(id),
        None => Some(RelPath::root()),
    });
}
