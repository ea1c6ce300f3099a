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

    fn stays(&self) -> bool {
        let Some(disk) = here() else { return false };
        let now = disk.marks(self.machine);
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stirred = inner.stirred;
        let came_and_went = disk.stirred(self.machine, &now, &mut stirred);
        let is_folder = |path: &RelPath| now.get(path.as_str()).is_some_and(|mark| mark.bytes.is_none());
        let marks = inner.marks.as_ref();
        marks.is_some_and(|before| changes(before, &now).moved.is_empty())
            && !came_and_went.iter().any(is_folder)
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
        let Changed {
            mut paths,
            mut anew,
            mut moved,
        } = changes(&before, &now);
        // What came and went may be a folder that is back.
        let is_folder = |path: &RelPath| now.get(path.as_str()).is_some_and(|mark| mark.bytes.is_none());
        moved.extend(stirred.iter().filter(|path| is_folder(path)).cloned());
        paths.extend(stirred);
        // Some moves are heard of as a folder that went and another that came.
        moved.retain(|path| !anew.contains(path));
        anew.extend(moved.iter().filter(|_| inner.rng.one_in(6)).cloned());
        moved.retain(|path| !anew.contains(path));
        let changed = paths;
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
            moved,
            everything: false,
        }
    }
}

impl Hearing for Ear {
    fn heard(&self, _surely: bool) -> BoxFuture<'_, Heard> {
        std::future::ready(self.listen()).boxed()
    }

    fn stays(&self) -> BoxFuture<'_, bool> {
        std::future::ready(self.stays()).boxed()
    }
}

/// What is not as it was.
#[derive(Default)]
struct Changed {
    paths: BTreeSet<RelPath>,
    /// Folders that were nowhere before: they are watched from now on.
    anew: BTreeSet<RelPath>,
    /// Folders that were at other places.
    moved: BTreeSet<RelPath>,
}

/// What differs in each folder that was there before, wherever it was, by where it is now. Of what lies in folders that
/// are new or gone nothing is told.
fn changes(before: &Marks, now: &Marks) -> Changed {
    let mut changed = Changed::default();
    let folders = |marks: &Marks| -> BTreeMap<Ino, String> {
        let folders = marks.iter().filter(|(_, mark)| mark.bytes.is_none());
        folders.map(|(path, mark)| (mark.ino, path.clone())).collect()
    };
    let (then, here) = (folders(before), folders(now));
    let places = here
        .iter()
        .filter_map(|(ino, path)| Some((then.get(ino)?.as_str(), path.as_str())));
    for (was, is) in places.chain([("", "")]) {
        let (old, new) = (inside(before, was), inside(now, is));
        let names: BTreeSet<&str> = old.keys().chain(new.keys()).copied().collect();
        for name in names {
            let (old, new) = (old.get(name), new.get(name));
            if old == new {
                continue;
            }
            let path = if is.is_empty() {
                name.to_owned()
            } else {
                format!("{is}/{name}")
            };
            let Some(path) = RelPath::parse(&path) else {
                continue;
            };
            if let Some(mark) = new.filter(|mark| mark.bytes.is_none()) {
                let known = then.contains_key(&mark.ino);
                let set = if known {
                    &mut changed.moved
                } else {
                    &mut changed.anew
                };
                set.insert(path.clone());
            }
            changed.paths.insert(path);
        }
    }
    changed
}

/// What is directly in a folder.
fn inside<'a>(marks: &'a Marks, folder: &str) -> BTreeMap<&'a str, &'a Mark> {
    let inside = marks.iter().filter_map(|(path, mark)| {
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        (above == folder).then_some((name, mark))
    });
    inside.collect()
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
