//! What a watcher of a simulated disk hears: the topmost paths that are not as they were when it was asked last, and names
//! that came and went meanwhile. Sometimes it has lost something and says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use planner::path::RelPath;

use super::tree::{Body, Ino, Tree};
use super::{Disk, here};
use crate::engine::{Heard, Hearing};
use crate::sim::rng::Rng;

/// One of so many answers is that events were lost.
const LOSSES: usize = 12;

/// What tells two versions of an entry apart.
#[derive(Clone, PartialEq, Eq)]
struct Mark {
    ino: Ino,
    ctime: i64,
    /// A folder's own facts do not matter.
    bytes: Option<Vec<u8>>,
}

type Marks = BTreeMap<String, Mark>;

/// The watcher of one machine's folder.
pub(crate) struct Ear {
    machine: usize,
    inner: Mutex<Inner>,
}

struct Inner {
    /// How everything was when it was asked last.
    marks: Option<Marks>,
    /// So many names had been given or taken by then.
    stirred: usize,
    rng: Rng,
}

impl Ear {
    /// It has heard nothing yet.
    pub(crate) fn new(machine: usize, seed: u64) -> Self {
        Self {
            machine,
            inner: Mutex::new(Inner {
                marks: None,
                stirred: 0,
                rng: Rng::new(seed),
            }),
        }
    }

    fn listen(&self) -> Heard {
        let lost = Heard {
            everything: true,
            ..Heard::default()
        };
        let Some(disk) = here() else { return lost };
        let now = disk.marks(self.machine);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let before = inner.marks.replace(now.clone());
        let stirred = disk.stirred(self.machine, &now, &mut inner.stirred);
        let Some(before) = before.filter(|_| !inner.rng.one_in(LOSSES)) else {
            return lost;
        };
        let mut changed = topmost(&before, &now);
        changed.extend(stirred);
        // Folders that are new at their place are watched from now on.
        let is_folder = |path: &&RelPath| now.get(path.as_str()).is_some_and(|mark| mark.bytes.is_none());
        let anew = changed.iter().filter(is_folder).cloned().collect();
        // Of some nobody saw whether their writers are through.
        let closed = if inner.rng.one_in(4) {
            BTreeSet::new()
        } else {
            changed.clone()
        };
        Heard {
            changed,
            closed,
            anew,
            everything: false,
        }
    }
}

impl Hearing for Ear {
    fn heard(&self, _surely: bool) -> BoxFuture<'_, Heard> {
        std::future::ready(self.listen()).boxed()
    }
}

/// What differs, without what lies in folders that are others or at other places.
fn topmost(before: &Marks, now: &Marks) -> BTreeSet<RelPath> {
    let paths: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let mut tops: BTreeSet<&str> = BTreeSet::new();
    let mut changed = BTreeSet::new();
    for path in paths {
        let is_below = path
            .match_indices('/')
            .any(|(at, _)| path.get(..at).is_some_and(|above| tops.contains(above)));
        if is_below || before.get(path) == now.get(path) {
            continue;
        }
        tops.insert(path);
        changed.extend(RelPath::parse(path));
    }
    changed
}

impl Disk {
    fn marks(&self, machine: usize) -> Marks {
        let mut marks = Marks::new();
        if let Some(root) = self.root_of(machine) {
            mark(&self.tree.borrow(), root, "", &mut marks);
        }
        marks
    }

    /// Where names were given or taken since there were so many of them, in folders that are there now.
    fn stirred(&self, machine: usize, now: &Marks, count: &mut usize) -> Vec<RelPath> {
        let tree = self.tree.borrow();
        let news = tree.stirred_since(*count);
        *count = count.saturating_add(news.len());
        let folders = now.iter().filter(|(_, mark)| mark.bytes.is_none());
        let mut places: BTreeMap<Ino, String> =
            folders.map(|(at, mark)| (mark.ino, format!("{at}/"))).collect();
        places.extend(self.root_of(machine).map(|root| (root, String::new())));
        let area = |at: &str, name: &[u8]| at.is_empty() && name == super::users::AREA;
        news.iter()
            .filter_map(|(folder, name)| Some((places.get(folder)?, name)))
            .filter(|(at, name)| !area(at, name))
            .filter_map(|(at, name)| RelPath::parse(&format!("{at}{}", String::from_utf8_lossy(name))))
            .collect()
    }
}

fn mark(tree: &Tree, folder: Ino, at: &str, marks: &mut Marks) {
    let Ok(entries) = tree.entries(folder) else { return };
    for (name, ino) in entries {
        if at.is_empty() && name == super::users::AREA {
            continue;
        }
        let path = format!("{at}{}", String::from_utf8_lossy(name));
        let Ok(inode) = tree.get(*ino) else { continue };
        let (ctime, bytes) = match &inode.body {
            Body::Folder(_) => (0, None),
            Body::File(bytes) => (inode.ctime, Some(bytes.clone())),
            Body::Link => (inode.ctime, Some(Vec::new())),
        };
        if bytes.is_none() {
            mark(tree, *ino, &format!("{path}/"), marks);
        }
        let ino = *ino;
        marks.insert(path, Mark { ino, ctime, bytes });
    }
}
