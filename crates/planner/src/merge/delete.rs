//! What one side no longer has in the pair: deletions, moves out of it, and what beats them (property 3; M14, M15,
//! M17, M18, S2, S5, A5).
//!
//! Here is where data could be lost. Nothing is removed on a side unless the other side is *known* not to have it any
//! more and this side holds exactly what was agreed. Whatever cannot be judged is left alone.

use alloc::vec;
use alloc::vec::Vec;

use crate::hold::{Reason, Side};
use crate::merge::content::{self, touch_refused, upload_refused};
use crate::merge::item::{Here, Item, Items, There};
use crate::merge::location::{Moved, here, moved, there};
use crate::merge::verdict::{Bytes, Fate, Lone, Note, Verdict};
use crate::merge::{Compare, Content, Context};
use crate::policy::{Direction, Policy};
use crate::rule::Rule;
use crate::tree::{Gone, LocalNode};

/// Items whose folder was deleted on one side and moved on the other: a move of a folder is a move of all that is in
/// it, so what is still in it lives on with it.
#[derive(Debug)]
pub(crate) struct Revived(Vec<bool>);

impl Revived {
    /// Goes down the synced tree.
    pub(crate) fn new(items: &Items<'_>, policy: &Policy) -> Self {
        let mut revived = vec![false; items.len()];
        for (ix, item) in items.iter() {
            let above = items.get(item.base_parent);
            let by_folder = |dead: fn(&Item<'_>) -> bool, mover: Moved| {
                dead(item)
                    && dead(above)
                    && (revived.get(item.base_parent.place()) == Some(&true) || moved(above, policy) == mover)
            };
            let lives = (by_folder(gone_here, Moved::There) && item.remote_parent == item.base_parent)
                || (by_folder(gone_there, Moved::Here) && item.local_parent == item.base_parent);
            if let Some(slot) = revived.get_mut(ix.place()) {
                *slot = lives;
            }
        }
        Self(revived)
    }

    /// Whether this item lives on with its folder.
    pub(crate) fn has(&self, ix: crate::merge::item::Ix) -> bool {
        self.0.get(ix.place()) == Some(&true)
    }
}

/// Whether this disk no longer has it in the pair.
pub(crate) const fn gone_here(item: &Item<'_>) -> bool {
    matches!(item.local, Here::Gone | Here::ToIgnored)
}

/// Whether the account no longer has it in the pair, by somebody's will.
pub(crate) const fn gone_there(item: &Item<'_>) -> bool {
    matches!(
        item.remote,
        There::Gone(Gone::Deleted | Gone::LeftPair) | There::ToIgnored
    )
}

/// Removed from the pair here; the account still has it.
pub(crate) fn deleted_here(cx: &Context<'_>, item: &Item<'_>, revived: bool) -> Verdict {
    let rule = if matches!(item.local, Here::ToIgnored) {
        Rule::MovedToIgnored
    } else {
        Rule::DeletedHere
    };
    let edited = match item.synced.and_then(|node| node.file()) {
        Some(base) => content::there(base, item) == content::There::Changed,
        None => false,
    };
    // A folder made anew there is something new, not what was deleted here.
    let anew_there = item.folder && item.replaces.is_some();
    let changed = edited || anew_there || revived || moved(item, cx.policy) == Moved::There;
    match cx.policy.direction {
        Direction::Upload if changed => return Verdict::leave(Some(Note::drift(Side::Local))),
        Direction::Download if !changed => return missing_on_written(cx, item, Side::Remote),
        Direction::Both | Direction::Upload | Direction::Download => {}
    }
    if changed {
        return match there(cx, item, Rule::ChangeBeatsDeletionHere) {
            Ok(place) => Verdict::live(
                place,
                anew(item, Content::FromRemote, Rule::ChangeBeatsDeletionHere),
            ),
            Err(note) => Verdict::leave(Some(note)),
        };
    }
    if item.folder {
        return lone(cx, item, Side::Remote, Lone::Removed(rule));
    }
    Verdict::bare(Fate::Remove(Side::Remote, rule))
}

/// Removed from the pair in the account, or lost by it; this disk still has it.
pub(crate) fn deleted_there(
    cx: &mut Context<'_>,
    item: &Item<'_>,
    entry: &LocalNode,
    revived: bool,
) -> Verdict {
    let (rule, lost) = match item.remote {
        There::Gone(Gone::Expired) => (Rule::Expired, true),
        There::Gone(Gone::LostApproved) => (Rule::LostApproved, true),
        There::Gone(Gone::DiedYoung) => (Rule::DiedYoung, true),
        There::Gone(Gone::LeftPair) => (Rule::LeftPair, false),
        There::ToIgnored => (Rule::MovedToIgnored, false),
        There::Gone(Gone::Deleted)
        | There::Present(_)
        | There::Published
        | There::Absent
        | There::Unproved
        | There::Unreadable
        | There::Detached => (Rule::DeletedThere, false),
    };
    let kept = if lost {
        rule
    } else {
        Rule::ChangeBeatsDeletionThere
    };
    let stays = lost || revived || moved(item, cx.policy) == Moved::Here;
    if item.folder {
        return folder_deleted_there(cx, item, rule, stays.then_some(kept));
    }
    let Some((base, file)) = item.synced.and_then(|node| Some((node.file()?, entry.file()?))) else {
        return Verdict::leave(None);
    };
    match content::here(base, file) {
        content::Here::Shut => Verdict::leave(touch_refused(file)),
        content::Here::Unknown if !lost => {
            cx.compare.insert(Compare::Local(entry.key));
            Verdict::leave(None)
        }
        // There are no bytes here that could be lost, and none that could be stored there.
        content::Here::Emptied => forget(rule, Note::skipped(Side::Local, Reason::Empty)),
        content::Here::Same | content::Here::Touched if !stays => {
            if cx.policy.direction == Direction::Upload {
                return missing_on_written(cx, item, Side::Local);
            }
            match touch_refused(file) {
                Some(note) => Verdict::leave(Some(note)),
                None => Verdict::bare(Fate::Remove(Side::Local, rule)),
            }
        }
        content::Here::Same | content::Here::Touched | content::Here::Changed | content::Here::Unknown => {
            if cx.policy.direction == Direction::Download {
                return Verdict::leave(Some(Note::drift(Side::Remote)));
            }
            match (upload_refused(file, cx.policy), here(cx, item, kept)) {
                (Some(note), _) if touch_refused(file).is_some() => Verdict::leave(Some(note)),
                (Some(note), _) => forget(rule, note),
                (None, Ok(place)) => Verdict::live(place, Bytes::of(Content::FromLocal, kept)),
                (None, Err(note)) => Verdict::leave(Some(note)),
            }
        }
    }
}

fn folder_deleted_there(cx: &Context<'_>, item: &Item<'_>, rule: Rule, kept: Option<Rule>) -> Verdict {
    match (kept, cx.policy.direction) {
        (Some(_), Direction::Download) => Verdict::leave(Some(Note::drift(Side::Remote))),
        (Some(kept), Direction::Both | Direction::Upload) => match here(cx, item, kept) {
            Ok(place) => Verdict::live(place, Bytes::folder(kept)),
            Err(note) => Verdict::leave(Some(note)),
        },
        (None, Direction::Upload) => missing_on_written(cx, item, Side::Local),
        (None, Direction::Both | Direction::Download) => lone(cx, item, Side::Local, Lone::Removed(rule)),
    }
}

/// What was deleted on the written side only is drift too: nothing is done about it (M17).
fn missing_on_written(cx: &Context<'_>, item: &Item<'_>, there_still: Side) -> Verdict {
    if item.folder {
        return lone(cx, item, there_still, Lone::Drift);
    }
    Verdict::leave(Some(Note::drift(there_still)))
}

/// A folder that only one side has: what is in it decides.
fn lone(cx: &Context<'_>, item: &Item<'_>, side: Side, why: Lone) -> Verdict {
    let place = match side {
        Side::Local => here(cx, item, Rule::KeptForChildren),
        Side::Remote => there(cx, item, Rule::KeptForChildren),
    };
    match place {
        Ok(place) => Verdict {
            fate: Fate::Folder { side, why },
            ..Verdict::live(place, Bytes::folder(Rule::KeptForChildren))
        },
        Err(note) => Verdict::leave(Some(note)),
    }
}

const fn anew(item: &Item<'_>, content: Content, rule: Rule) -> Bytes {
    if item.folder {
        Bytes::folder(rule)
    } else {
        Bytes::of(content, rule)
    }
}

fn forget(rule: Rule, note: Note) -> Verdict {
    Verdict {
        note: Some(note),
        ..Verdict::bare(Fate::Forget(rule))
    }
}
