//! What cannot be carried out now: into folders that cannot be read or are left alone themselves, and moves that would
//! close a ring on one side (S1, S10, M11, M14).
//!
//! Such items are left alone, from the top down. Nothing new is ever put where nobody could look.

use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;

use crate::hold::{Reason, Side};
use crate::merge::Context;
use crate::merge::create::unreadable_folder;
use crate::merge::cycle::rings;
use crate::merge::item::{Here, Item, Items, Ix, There};
use crate::merge::keep::{Fates, Forced, target_parent};
use crate::merge::verdict::{Fate, Note, Place, Verdict};
use crate::tree::{LocalContents, LocalKind, Node, RemoteKind};

/// Whether a folder takes new things, on each side; if not, whether that is to be reported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Open {
    local: Door,
    remote: Door,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Door {
    Open,
    Unreadable,
    /// It is not there, or left alone; that is reported where it is decided.
    Shut,
}

/// The living items that must be left alone.
pub(crate) fn blocked(cx: &Context<'_>, items: &Items<'_>, verdicts: &[Verdict], fates: &Fates) -> Forced {
    let mut forced = Forced::new();
    let mut children: Vec<Vec<Ix>> = vec![Vec::new(); items.len()];
    let mut reached = vec![false; items.len()];
    for (ix, _) in items.iter().filter(|(ix, _)| fates.is_in_target(*ix)) {
        let parent = target_parent(items, verdicts, fates, ix);
        if let Some(list) = children.get_mut(parent.place()) {
            list.push(ix);
        }
    }
    let root = Open {
        local: readable(!cx.trees.local.root_hidden),
        remote: readable(!cx.trees.remote.root_unreadable),
    };
    let mut queue = VecDeque::from([(Ix::ROOT, root)]);
    while let Some((folder, open)) = queue.pop_front() {
        for ix in children.get(folder.place()).into_iter().flatten() {
            if let Some(slot) = reached.get_mut(ix.place()) {
                *slot = true;
            }
            let item = items.get(*ix);
            let place = verdicts
                .get(ix.place())
                .and_then(|verdict| verdict.place.as_ref());
            let mut alive = fates.get(*ix) == Fate::Live;
            if let Some(place) = place.filter(|_| alive)
                && let Err(note) = admitted(items, item, place, open)
            {
                forced.insert(*ix, note);
                alive = false;
            }
            if item.folder {
                queue.push_back((*ix, doors(item, alive)));
            }
        }
    }
    for (ix, _) in items.iter() {
        if fates.get(ix) == Fate::Live && reached.get(ix.place()) != Some(&true) {
            forced.entry(ix).or_insert(None);
        }
    }
    forbid_rings(items, verdicts, fates, &mut forced);
    forced
}

const fn readable(yes: bool) -> Door {
    if yes { Door::Open } else { Door::Unreadable }
}

fn admitted(items: &Items<'_>, item: &Item<'_>, place: &Place, open: Open) -> Result<(), Option<Note>> {
    let arrives_there = !is_there(items, item, place);
    let arrives_here = !is_here(item, place);
    match (open.remote, open.local) {
        (Door::Unreadable, _) if arrives_there => Err(Some(Note::unlisted(if item.entry().is_some() {
            Side::Local
        } else {
            Side::Remote
        }))),
        (_, Door::Unreadable) if arrives_here => Err(Some(unreadable_folder())),
        (Door::Shut, _) if arrives_there => Err(None),
        // What is here stays where it is, apart from the account's: nobody would look for that.
        (_, Door::Shut) if arrives_here && item.entry().is_some() => {
            Err(Some(Note::held(Side::Local, Reason::FolderShut)))
        }
        (_, Door::Shut) if arrives_here => Err(None),
        _ => Ok(()),
    }
}

/// Whether its entry is at this place already.
pub(crate) fn is_here(item: &Item<'_>, place: &Place) -> bool {
    let entry = item.entry();
    entry.is_some_and(|entry| item.local_parent == place.parent && entry.name == place.local_name)
}

/// Whether the account has it at this place already.
pub(crate) fn is_there(items: &Items<'_>, item: &Item<'_>, place: &Place) -> bool {
    let home = items.remote_home(place.parent);
    match (item.remote, item.synced) {
        (There::Present(row), _) => home == Some(row.parent()) && row.name == place.remote_name,
        (There::Published, Some(base)) => {
            item.base_parent == place.parent && base.remote_name == place.remote_name
        }
        _ => false,
    }
}

/// What a folder takes. One that lives takes things on a side where it is still to be made.
fn doors(item: &Item<'_>, alive: bool) -> Open {
    let missing = if alive { Door::Open } else { Door::Shut };
    let local = match item.local {
        Here::Present(entry) => match entry.kind {
            LocalKind::Folder(LocalContents::Read { .. }) => Door::Open,
            LocalKind::Folder(LocalContents::Hidden) => Door::Unreadable,
            LocalKind::File(_) | LocalKind::Other(_) => Door::Shut,
        },
        Here::Absent | Here::Gone | Here::ToIgnored => missing,
        Here::Hidden | Here::Undecided | Here::Detached => Door::Shut,
    };
    let remote = match item.remote {
        There::Present(row) => readable(row.kind != RemoteKind::Folder { readable: false }),
        There::Published => Door::Open,
        There::Absent | There::Gone(_) | There::ToIgnored => missing,
        There::Unreadable => Door::Unreadable,
        There::Unproved | There::Detached => Door::Shut,
    };
    Open { local, remote }
}

/// On each side, what lives goes to its new folder and all else stays in its old one; together these must
/// close no ring there.
fn forbid_rings(items: &Items<'_>, verdicts: &[Verdict], fates: &Fates, forced: &mut Forced) {
    let lives = |ix: Ix| fates.get(ix) == Fate::Live;
    let parent = |ix: Ix, stays: Option<Ix>| match stays.filter(|_| !lives(ix)) {
        Some(parent) => Some(parent),
        None => fates
            .is_in_target(ix)
            .then(|| target_parent(items, verdicts, fates, ix)),
    };
    let local = |ix: Ix| {
        let item = items.get(ix);
        parent(ix, item.entry().map(|_| item.local_parent))
    };
    let remote = |ix: Ix| {
        let item = items.get(ix);
        parent(ix, item.row().map(|_| item.remote_parent))
    };
    let both = rings(items.len(), local)
        .into_iter()
        .chain(rings(items.len(), remote));
    for ix in both.filter(|ix| lives(*ix)) {
        forced.entry(ix).or_insert(None);
    }
}
