//! The newest listings as the planner asks for them: rows of one folder, or one row, wherever it was seen last.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use planner::id::{FolderId, RemoteId};
use planner::part::Rows;
use planner::tree::RemoteNode;

use super::listings::Listings;

impl Listings {
    /// The rows as the newest listing of each folder shows them.
    pub(crate) fn rows_by_folder(&self) -> RowsByFolder<'_> {
        RowsByFolder {
            listings: self,
            folders: RefCell::default(),
        }
    }
}

/// The rows of a listing by id.
type Shown = BTreeMap<RemoteId, RemoteNode>;

/// The rows of the newest listings, folder by folder, as they are asked for.
#[derive(Debug)]
pub(crate) struct RowsByFolder<'a> {
    listings: &'a Listings,
    folders: RefCell<BTreeMap<Option<FolderId>, Rc<Shown>>>,
}

impl RowsByFolder<'_> {
    fn shown(&self, folder: Option<FolderId>) -> Rc<Shown> {
        let mut folders = self.folders.borrow_mut();
        let shown = folders.entry(folder).or_insert_with(|| {
            let nodes = self.at_home(folder).map(|node| (node.id, node));
            Rc::new(nodes.collect())
        });
        Rc::clone(shown)
    }

    fn at_home(&self, folder: Option<FolderId>) -> impl Iterator<Item = RemoteNode> {
        let nodes = self.listings.walk().nodes_in(folder).into_iter();
        nodes.filter(move |node| self.listings.is_at_home(node.id, folder))
    }
}

impl Rows for RowsByFolder<'_> {
    fn inside(&self, folder: Option<FolderId>) -> Vec<RemoteNode> {
        // Kept only where single rows are asked for: whoever goes through all folders does so once.
        match self.folders.borrow().get(&folder) {
            Some(shown) => shown.values().cloned().collect(),
            None => self.at_home(folder).collect(),
        }
    }

    fn row(&self, id: RemoteId) -> Option<RemoteNode> {
        let home = self.listings.homes().get(id)?;
        self.shown(home).get(&id).cloned()
    }

    fn row_in(&self, folder: Option<FolderId>, id: RemoteId) -> Option<RemoteNode> {
        self.shown(folder).get(&id).cloned()
    }
}
