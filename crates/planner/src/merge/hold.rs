//! What is left alone because it cannot be seen, and how everything that is not in sync is reported.
//!
//! Could-not-see is never gone: such an item keeps its last known state on both sides, and its record.

use alloc::format;
use alloc::vec::Vec;

use crate::hold::{Hold, Odd, Reason, Side};
use crate::merge::Context;
use crate::merge::content;
use crate::merge::create::unreadable_folder;
use crate::merge::item::{Here, Item, Items, Ix, There};
use crate::merge::location::{Moved, moved};
use crate::merge::verdict::{Note, Verdict};
use crate::name::{LocalName, RemoteName};
use crate::naming;
use crate::path::RelPath;
use crate::policy::Policy;
use crate::rule::Rule;
use crate::tree::{LocalContents, LocalKind};

/// A synced item that a side could not show: left alone.
pub(crate) fn unseen(cx: &Context<'_>, item: &Item<'_>) -> Verdict {
    let note = match item.remote {
        There::Unproved => Some(Note::unproved(Reason::AbsenceUnproved)),
        // An unreadable folder is reported where something is waiting for it.
        There::Unreadable if changed_here(item, cx.policy) => Some(Note::unlisted(Side::Local)),
        There::Unreadable
        | There::Present(_)
        | There::Published
        | There::Absent
        | There::Gone(_)
        | There::Detached
        | There::ToIgnored => None,
    };
    Verdict::leave(note.or_else(|| folder_note(item)))
}

fn changed_here(item: &Item<'_>, policy: &Policy) -> bool {
    match (item.local, item.synced.and_then(|node| node.file())) {
        (Here::Gone | Here::ToIgnored, _) => true,
        (Here::Present(entry), Some(base)) => {
            let same = |file| {
                matches!(
                    content::here(base, file),
                    content::Here::Same | content::Here::Touched
                )
            };
            moved(item, policy) == Moved::Here || !entry.file().is_some_and(same)
        }
        (Here::Present(_), None) => moved(item, policy) == Moved::Here,
        (Here::Absent | Here::Hidden | Here::Undecided | Here::Detached, _) => false,
    }
}

/// What is said of a folder that both sides have.
pub(crate) fn folder_note(item: &Item<'_>) -> Option<Note> {
    match item.entry().map(|entry| &entry.kind) {
        Some(LocalKind::Folder(LocalContents::Hidden)) => Some(unreadable_folder()),
        Some(LocalKind::Folder(LocalContents::Read { .. }) | LocalKind::File(_) | LocalKind::Other(_))
        | None => None,
    }
}

/// Whether the record of a folder is to be brought up to date.
pub(crate) fn folder_record(item: &Item<'_>) -> Rule {
    let same = match (item.synced, item.entry()) {
        (Some(base), Some(entry)) => base.identity == entry.identity && item.replaces.is_none(),
        (None, _) | (_, None) => true,
    };
    if same { Rule::Unchanged } else { Rule::Refreshed }
}

/// What the disk holds that is no item: names that are not UTF-8, and a root that could not be read.
pub(crate) fn unnamed(cx: &Context<'_>) -> Vec<Hold> {
    let mut held = Vec::new();
    let mut report = |path: Option<RelPath>, note: Note| {
        held.push(Hold {
            path: path.unwrap_or_default(),
            side: note.side,
            kind: note.kind,
            reason: note.reason,
        });
    };
    if cx.trees.local.root_hidden {
        report(None, unreadable_folder());
    }
    for entry in cx.trees.local.nodes.iter().filter(|entry| !entry.ignored) {
        let path = || cx.trees.local.nodes.path(entry.key);
        match entry.kind {
            LocalKind::Folder(LocalContents::Read { others }) if others > 0 => {
                report(path(), Note::skipped(Side::Local, Reason::Odd(Odd::NotUtf8)));
            }
            LocalKind::Folder(_) | LocalKind::File(_) | LocalKind::Other(_) => {}
        }
    }
    held
}

/// Where an item is, for people: on this disk, else where it was, else where the account has it.
pub(crate) fn path_of(cx: &Context<'_>, items: &Items<'_>, ix: Ix) -> RelPath {
    let mut tail: Vec<LocalName> = Vec::new();
    let mut next = ix;
    // Bounded: rows of a torn tree could lead in a ring.
    for _ in 0..=items.len() {
        if next == Ix::ROOT {
            break;
        }
        let item = items.get(next);
        let known = match (item.entry(), item.synced) {
            (Some(entry), _) => cx.trees.local.nodes.path(entry.key),
            (None, Some(node)) => cx.trees.synced.path(node.id),
            (None, None) => None,
        };
        if let Some(path) = known {
            return tail.iter().rev().fold(path, |path, name| path.join(name));
        }
        if let Some(row) = item.row() {
            tail.extend(shown(&row.name, row.id.get(), cx.policy));
        }
        next = item.remote_parent;
    }
    tail.iter()
        .rev()
        .fold(RelPath::root(), |path, name| path.join(name))
}

/// A name that can be shown, also if the disk could not hold it.
fn shown(name: &RemoteName, id: u64, policy: &Policy) -> Option<LocalName> {
    naming::to_local(name, &policy.disk, policy.unstorable)
        .ok()
        .or_else(|| LocalName::new(name.as_str()))
        .or_else(|| LocalName::new(format!("id {id}")))
}
