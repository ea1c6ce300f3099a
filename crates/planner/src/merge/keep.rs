//! What becomes of folders that only one side has, out of what is in them (property 3; M15).
//!
//! From the bottom up. A folder lives if something in it lives; it is left alone while something in it waits; it stays
//! on its side, unsynced, if only unsyncable things are in it; else it goes, or, being new, is made on the other side.
//! Never does a folder go while anything in it stays.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use crate::hold::{Reason, Side};
use crate::id::{LocalKey, RemoteId};
use crate::merge::create::unreadable_folder;
use crate::merge::hold::folder_note;
use crate::merge::item::{Item, Items, Ix};
use crate::merge::verdict::{Fate, Lone, Note, Verdict, Wait};
use crate::merge::{Context, Now};
use crate::naming;
use crate::tree::{LocalContents, LocalKind, RemoteKind, RemoteNode};

/// How long a foreign interim file keeps its folder (M15).
const INTERIM_KEEPS_FOLDER_SECONDS: i64 = 7 * 24 * 60 * 60;

/// Items that a later stage found must be left alone, each with what is to be said about it.
pub(crate) type Forced = BTreeMap<Ix, Option<Note>>;

/// The fates of all items, and notes that came up on the way.
#[derive(Debug)]
pub(crate) struct Fates {
    list: Vec<Fate>,
    /// Reported besides the verdicts' own notes.
    pub(crate) notes: BTreeMap<Ix, Note>,
}

impl Fates {
    /// The fate; the root lives.
    pub(crate) fn get(&self, ix: Ix) -> Fate {
        self.list.get(ix.place()).copied().unwrap_or(Fate::Live)
    }

    /// Whether it is in the target.
    pub(crate) fn is_in_target(&self, ix: Ix) -> bool {
        matches!(self.get(ix), Fate::Live | Fate::Leave)
    }

    fn set(&mut self, ix: Ix, fate: Fate) {
        if let Some(slot) = self.list.get_mut(ix.place()) {
            *slot = fate;
        }
    }
}

/// The fate of an item that must be left alone.
pub(crate) fn left_alone(item: &Item<'_>) -> Fate {
    let pair = item.entry().is_some() && item.row().is_some();
    if item.synced.is_some() || pair {
        Fate::Leave
    } else {
        Fate::Omit(Wait::Soon)
    }
}

/// Settles all fates.
pub(crate) fn resolve(cx: &Context<'_>, items: &Items<'_>, verdicts: &[Verdict], forced: &Forced) -> Fates {
    let mut list: Vec<Fate> = verdicts.iter().map(|verdict| verdict.fate).collect();
    for ix in forced.keys() {
        if let Some(slot) = list.get_mut(ix.place()) {
            *slot = left_alone(items.get(*ix));
        }
    }
    let mut work = Keeping {
        cx,
        items,
        verdicts,
        lives_in: vec![false; list.len()],
        waits_in: vec![false; list.len()],
        fates: Fates {
            list,
            notes: BTreeMap::new(),
        },
    };
    for (ix, _) in items.iter() {
        work.mark_above(ix);
    }
    // Parents come before children, synced or new; a lone folder that is synced never lies in a new one.
    for (ix, item) in items.iter().rev() {
        work.resolve_one(ix, item);
    }
    work.fates
}

/// What is in a folder, on the one side that has it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Inside {
    Nothing,
    /// Things that never cross.
    Stays,
    /// Something whose turn has not come.
    Waits,
    /// Nobody could look.
    Shut,
}

struct Keeping<'a, 'b> {
    cx: &'b Context<'a>,
    items: &'b Items<'a>,
    verdicts: &'b [Verdict],
    /// Folders in which something lives.
    lives_in: Vec<bool>,
    /// Folders whose synced children are left alone.
    waits_in: Vec<bool>,
    fates: Fates,
}

impl Keeping<'_, '_> {
    fn place_of(&self, ix: Ix) -> Option<Ix> {
        Some(self.verdicts.get(ix.place())?.place.as_ref()?.parent)
    }

    /// Tells the folder of a decided item about it.
    fn mark_above(&mut self, ix: Ix) {
        let (list, above) = match self.fates.get(ix) {
            Fate::Live => (&mut self.lives_in, self.verdicts.get(ix.place())),
            Fate::Leave => {
                let above = self.items.get(ix).base_parent;
                if let Some(slot) = self.waits_in.get_mut(above.place()) {
                    *slot = true;
                }
                return;
            }
            Fate::Omit(_) | Fate::Remove(..) | Fate::Forget(_) | Fate::Folder { .. } => return,
        };
        let above = above.and_then(|verdict| verdict.place.as_ref());
        if let Some(slot) = above.and_then(|place| list.get_mut(place.parent.place())) {
            *slot = true;
        }
    }

    fn resolve_one(&mut self, ix: Ix, item: &Item<'_>) {
        let lives = self.lives_in.get(ix.place()) == Some(&true);
        let waits = self.waits_in.get(ix.place()) == Some(&true);
        let (side, why) = match self.fates.get(ix) {
            Fate::Folder { side, why } => (side, why),
            // Its record must outlive the records of what is left alone in it.
            Fate::Forget(_) | Fate::Remove(..) if item.folder && waits => {
                self.fates.set(ix, Fate::Leave);
                self.fates.notes.extend(folder_note(item).map(|note| (ix, note)));
                self.mark_above(ix);
                return;
            }
            Fate::Live | Fate::Leave | Fate::Omit(_) | Fate::Remove(..) | Fate::Forget(_) => return,
        };
        let waiting = if waits { Inside::Waits } else { Inside::Nothing };
        let inside = self.inside(ix, side).max(waiting);
        let only_unsyncable = Note::skipped(side, Reason::OnlyUnsyncable);
        let (fate, note) = match (why, inside) {
            _ if lives => (Fate::Live, None),
            (Lone::New, Inside::Nothing) => (Fate::Live, None),
            (Lone::New, Inside::Waits | Inside::Shut) => (Fate::Omit(Wait::Soon), None),
            (Lone::New, Inside::Stays) => (Fate::Omit(Wait::Never), Some(only_unsyncable)),
            (Lone::Removed(_), Inside::Waits) => (Fate::Leave, None),
            (Lone::Removed(_), Inside::Shut) => (Fate::Leave, Some(unread(side))),
            (Lone::Removed(rule), Inside::Stays) => (Fate::Forget(rule), Some(only_unsyncable)),
            (Lone::Removed(rule), Inside::Nothing) => (Fate::Remove(side, rule), None),
            (Lone::Drift, _) => (Fate::Leave, Some(Note::drift(side))),
        };
        self.fates.set(ix, fate);
        self.fates.notes.extend(note.map(|note| (ix, note)));
        self.mark_above(ix);
    }

    fn inside(&self, ix: Ix, side: Side) -> Inside {
        match side {
            Side::Local => match self.items.get(ix).entry() {
                Some(entry) => match entry.kind {
                    LocalKind::Folder(LocalContents::Read { others }) => {
                        let unnamed = if others > 0 {
                            Inside::Stays
                        } else {
                            Inside::Nothing
                        };
                        self.inside_here(ix, entry.key).max(unnamed)
                    }
                    LocalKind::Folder(LocalContents::Hidden) | LocalKind::File(_) | LocalKind::Other(_) => {
                        Inside::Shut
                    }
                },
                None => Inside::Shut,
            },
            Side::Remote => {
                let item = self.items.get(ix);
                let readable = !matches!(
                    item.row().map(|row| &row.kind),
                    Some(RemoteKind::Folder { readable: false })
                );
                match item.remote_id().filter(|_| readable) {
                    Some(id) => self.inside_there(ix, id),
                    None => Inside::Shut,
                }
            }
        }
    }

    fn inside_here(&self, folder: Ix, key: LocalKey) -> Inside {
        let entries = self.cx.trees.local.nodes.children(Some(key));
        let each = entries.map(|entry| match self.items.of_entry(entry.key) {
            None => Inside::Stays,
            Some(ix) => self.as_inside(folder, ix),
        });
        each.max().unwrap_or(Inside::Nothing)
    }

    fn inside_there(&self, folder: Ix, id: RemoteId) -> Inside {
        let rows = self.cx.trees.remote.nodes.children(Some(id));
        let each = rows.map(|row| match self.items.of_row(row.id) {
            None if is_old_interim(row, self.cx.now) => Inside::Nothing,
            None => Inside::Stays,
            Some(ix) => self.as_inside(folder, ix),
        });
        each.max().unwrap_or(Inside::Nothing)
    }

    fn as_inside(&self, folder: Ix, ix: Ix) -> Inside {
        match self.fates.get(ix) {
            Fate::Live if self.place_of(ix) == Some(folder) => Inside::Waits,
            Fate::Live | Fate::Remove(..) => Inside::Nothing,
            Fate::Leave | Fate::Omit(Wait::Soon) | Fate::Folder { .. } => Inside::Waits,
            Fate::Omit(Wait::Never) | Fate::Forget(_) => Inside::Stays,
        }
    }
}

/// Why a folder cannot go: what is in it cannot be seen.
fn unread(side: Side) -> Note {
    match side {
        Side::Local => unreadable_folder(),
        Side::Remote => Note::unlisted(Side::Remote),
    }
}

/// Left behind by a machine that is long gone; it keeps no folder.
fn is_old_interim(row: &RemoteNode, now: Now) -> bool {
    let appeared = row.file().and_then(|file| file.appeared);
    naming::is_interim_like(row.name.as_str())
        && appeared.is_some_and(|(_, first)| now.0.saturating_sub(first) > INTERIM_KEEPS_FOLDER_SECONDS)
}

/// Where an item is in the target.
pub(crate) fn target_parent(items: &Items<'_>, verdicts: &[Verdict], fates: &Fates, ix: Ix) -> Ix {
    let item = items.get(ix);
    match (
        fates.get(ix),
        verdicts
            .get(ix.place())
            .and_then(|verdict| verdict.place.as_ref()),
    ) {
        (Fate::Live, Some(place)) => place.parent,
        _ => item.base_parent,
    }
}
