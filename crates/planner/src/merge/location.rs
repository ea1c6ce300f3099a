//! Where an item belongs: the merge of places, apart from contents (M10, M11, M14; names N1, N2, N4).
//!
//! A place is a folder and a name, and moves as one. A synced item keeps its pair of names as long as no side renamed
//! it, so what the two sides make of a name is never taken for a rename.

use crate::hold::{Reason, Side, Unnameable};
use crate::id::{FileId, FolderId, RemoteId};
use crate::merge::Context;
use crate::merge::item::{Item, Ix};
use crate::merge::verdict::{Note, Place};
use crate::name::{LocalName, RemoteName};
use crate::naming;
use crate::policy::{Direction, Policy};
use crate::rule::Rule;
use crate::tree::{LocalNode, RemoteNode, SyncedNode};

/// Where the two sides have a synced item, compared with the last agreement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Moved {
    /// Where it was.
    No,
    /// Moved here.
    Here,
    /// Moved there.
    There,
    /// Moved on both sides, to one place.
    Alike,
    /// Moved on both sides, to two places.
    Apart,
}

/// Which sides moved it. A side that does not show it did not.
pub(crate) fn moved(item: &Item<'_>, policy: &Policy) -> Moved {
    let Some(base) = item.synced else {
        return Moved::No;
    };
    let here = item.entry().filter(|entry| {
        item.local_parent != item.base_parent
            || (entry.name != base.local_name && !is_derived(base, item, entry, policy))
    });
    let there = item
        .row()
        .filter(|row| item.remote_parent != item.base_parent || row.name != base.remote_name);
    match (here, there) {
        (None, None) => Moved::No,
        (Some(_), None) => Moved::Here,
        (None, Some(_)) => Moved::There,
        (Some(entry), Some(row)) => {
            let alike = item.local_parent == item.remote_parent
                && ((entry.name == base.local_name && row.name == base.remote_name)
                    || local_name(&row.name, item.remote_parent, policy)
                        .is_ok_and(|name| name == entry.name));
            if alike { Moved::Alike } else { Moved::Apart }
        }
    }
}

/// The place of an item that both sides have, and whether the other side would have to be written against the
/// direction for it (M17).
///
/// # Errors
/// A side cannot hold the name; the note says which.
pub(crate) fn merge_places(cx: &Context<'_>, item: &Item<'_>) -> Result<Place, Note> {
    match (moved(item, cx.policy), cx.policy.direction) {
        (Moved::No, _) => unmoved(cx, item),
        (Moved::Here, _) => here(cx, item, Rule::MovedHere),
        (Moved::There, _) => there(cx, item, Rule::MovedThere),
        (Moved::Alike, _) => {
            let place = there(cx, item, Rule::SameOnBoth)?;
            Ok(match item.entry() {
                Some(entry) => Place {
                    local_name: entry.name.clone(),
                    ..place
                },
                None => place,
            })
        }
        // The remote place wins: all machines see that one, so all come to the same (M11).
        (Moved::Apart, Direction::Both | Direction::Download) => there(cx, item, Rule::MovedBoth),
        (Moved::Apart, Direction::Upload) => here(cx, item, Rule::OneWay),
    }
}

fn unmoved(cx: &Context<'_>, item: &Item<'_>) -> Result<Place, Note> {
    let Some(base) = item.synced else {
        return new_pair(cx, item);
    };
    // A derived name that came to the disk but not to the record (H24) is taken as it is.
    let (local_name, rule) = match item.entry() {
        Some(entry) if entry.name != base.local_name => (entry.name.clone(), Rule::Refreshed),
        Some(_) | None => (base.local_name.clone(), Rule::Unchanged),
    };
    Ok(Place {
        parent: item.base_parent,
        local_name,
        remote_name: base.remote_name.clone(),
        rule,
    })
}

fn new_pair(cx: &Context<'_>, item: &Item<'_>) -> Result<Place, Note> {
    let place = there(cx, item, Rule::SameOnBoth)?;
    Ok(match item.entry() {
        Some(entry) => Place {
            local_name: entry.name.clone(),
            ..place
        },
        None => place,
    })
}

/// The place that the disk has an item at.
///
/// # Errors
/// The account cannot hold the name.
pub(crate) fn here(cx: &Context<'_>, item: &Item<'_>, rule: Rule) -> Result<Place, Note> {
    let Some(entry) = item.entry() else {
        return unmoved(cx, item);
    };
    let kept = item
        .synced
        .filter(|base| entry.name == base.local_name || is_derived(base, item, entry, cx.policy));
    let remote_name = match kept {
        Some(base) => base.remote_name.clone(),
        None => remote_name(&entry.name, item.local_parent, cx.policy)
            .map_err(|why| unnameable(Side::Local, why))?,
    };
    Ok(Place {
        parent: item.local_parent,
        local_name: entry.name.clone(),
        remote_name,
        rule,
    })
}

/// The place that the account has an item at.
///
/// # Errors
/// The disk cannot hold the name.
pub(crate) fn there(cx: &Context<'_>, item: &Item<'_>, rule: Rule) -> Result<Place, Note> {
    let Some(row) = item.row() else {
        return unmoved(cx, item);
    };
    let kept = item.synced.filter(|base| row.name == base.remote_name);
    let local_name = match kept {
        // In another folder a derived name may have no reason (N2); if it has, it is derived again.
        Some(base) if item.remote_parent != item.base_parent => {
            plain_of(&base.local_name, &row.name, base.remote(), cx.policy)
                .unwrap_or_else(|| base.local_name.clone())
        }
        Some(base) => base.local_name.clone(),
        None => local_name(&row.name, item.remote_parent, cx.policy)
            .map_err(|why| unnameable(Side::Remote, why))?,
    };
    Ok(Place {
        parent: item.remote_parent,
        local_name,
        remote_name: row.name.clone(),
        rule,
    })
}

/// Names of our own are nobody's; anything else that cannot cross waits for the user.
fn unnameable(side: Side, why: Unnameable) -> Note {
    let reason = Reason::Unnameable(why);
    match why {
        Unnameable::Reserved => Note::skipped(side, reason),
        Unnameable::TooLong | Unnameable::Unstorable => Note::held(side, reason),
    }
}

fn local_name(name: &RemoteName, parent: Ix, policy: &Policy) -> Result<LocalName, Unnameable> {
    if naming::is_ours(name.as_str(), parent == Ix::ROOT) {
        return Err(Unnameable::Reserved);
    }
    naming::to_local(name, &policy.disk, policy.unstorable)
}

/// The name in the account for a name of this disk.
///
/// # Errors
/// As [`naming::to_remote`].
pub(crate) fn remote_name(name: &LocalName, parent: Ix, policy: &Policy) -> Result<RemoteName, Unnameable> {
    if naming::is_ours(name.as_str(), parent == Ix::ROOT) {
        return Err(Unnameable::Reserved);
    }
    naming::to_remote(name, &policy.server, policy.unstorable)
}

/// Whether the entry bears a name derived from the node's remote name (N2): that is never a user's rename.
fn is_derived(base: &SyncedNode, item: &Item<'_>, entry: &LocalNode, policy: &Policy) -> bool {
    let row: Option<&RemoteNode> = item.row();
    let name = row.map_or(&base.remote_name, |row| &row.name);
    entry.name.as_str().contains(" (id ") && plain_of(&entry.name, name, base.remote(), policy).is_some()
}

/// The plain local name, if `name` is one derived from it by an id: this node's, or one it had before it was replaced.
pub(crate) fn plain_of(
    name: &LocalName,
    remote_name: &RemoteName,
    id: RemoteId,
    policy: &Policy,
) -> Option<LocalName> {
    let (_, rest) = name.as_str().rsplit_once(" (id ")?;
    let number = rest.split_once(')')?.0.parse().ok()?;
    let id = match id {
        RemoteId::Folder(_) => RemoteId::Folder(FolderId::new(number)?),
        RemoteId::File(_) => RemoteId::File(FileId::new(number)?),
    };
    let plain = naming::to_local(remote_name, &policy.disk, policy.unstorable).ok()?;
    naming::is_repeat_of(name, &plain, id, &policy.disk).then_some(plain)
}
