//! What is new: on one side, or on both at one path (M12, M13, M15, N3; M17 for one-way pairs).

use alloc::collections::BTreeSet;

use crate::hold::{Reason, Side};
use crate::id::RemoteId;
use crate::merge::content::{merge_bytes, touch_refused, upload_refused};
use crate::merge::item::{Item, Items, There};
use crate::merge::location::{here, there};
use crate::merge::verdict::{Bytes, Fate, Lone, Note, Verdict, Wait};
use crate::merge::{Content, Context};
use crate::policy::Direction;
use crate::rule::Rule;
use crate::tree::{LocalContents, LocalKind, LocalNode, Node, RemoteKind, RemoteNode};

/// Looks by others that a repeat waits for before it is believed to be meant (N3).
const LOOKS_BEFORE_REPEAT: u8 = 3;

/// The names that synced files have in the account now, by folder: what a new row may be a repeat of.
#[derive(Debug, Default)]
pub(crate) struct KnownNames<'a>(BTreeSet<(Option<RemoteId>, &'a str)>);

impl<'a> KnownNames<'a> {
    /// Collects them.
    pub(crate) fn new(items: &Items<'a>) -> Self {
        let names = items
            .iter()
            .filter(|(_, item)| !item.folder)
            .filter_map(|(_, item)| {
                let base = item.synced?;
                match item.remote {
                    There::Present(row) => Some((row.parent(), row.name.as_str())),
                    There::Published | There::Unproved | There::Unreadable => {
                        Some((items.remote_home(item.base_parent)?, base.remote_name.as_str()))
                    }
                    There::Absent | There::Gone(_) | There::Detached | There::ToIgnored => None,
                }
            });
        Self(names.collect())
    }
}

/// An item that no agreement knows.
pub(crate) fn created(cx: &mut Context<'_>, item: &Item<'_>) -> Verdict {
    match (item.entry(), item.row()) {
        // What it is, or which row it is, a hash decides first.
        (Some(entry), _) if item.waiting => {
            let note = entry.file().and_then(touch_refused);
            Verdict::bare(Fate::Omit(Wait::Soon)).with(note)
        }
        (Some(_), Some(_)) => created_on_both(cx, item),
        (Some(entry), None) => created_here(cx, item, entry),
        (None, Some(row)) => created_there(cx, item, row),
        (None, None) => Verdict::bare(Fate::Omit(Wait::Never)),
    }
}

fn created_here(cx: &Context<'_>, item: &Item<'_>, entry: &LocalNode) -> Verdict {
    if let LocalKind::Other(odd) = entry.kind {
        return omit(Wait::Never, Note::skipped(Side::Local, Reason::Odd(odd)));
    }
    if cx.policy.direction == Direction::Download {
        return omit(Wait::Never, Note::drift(Side::Remote));
    }
    let place = match here(cx, item, Rule::CreatedHere) {
        Ok(place) => place,
        Err(note) => return omit(Wait::Never, note),
    };
    match &entry.kind {
        LocalKind::File(file) => match upload_refused(file, cx.policy) {
            Some(note) if note.reason == Reason::Busy => omit(Wait::Soon, note),
            Some(note) => omit(Wait::Never, note),
            None => Verdict::live(place, Bytes::of(Content::FromLocal, Rule::CreatedHere)),
        },
        LocalKind::Folder(LocalContents::Hidden) => omit(Wait::Soon, unreadable_folder()),
        LocalKind::Folder(LocalContents::Read { .. }) => Verdict {
            fate: Fate::Folder {
                side: Side::Local,
                why: Lone::New,
            },
            ..Verdict::live(place, Bytes::folder(Rule::CreatedHere))
        },
        LocalKind::Other(odd) => omit(Wait::Never, Note::skipped(Side::Local, Reason::Odd(*odd))),
    }
}

/// What is said of a folder of this disk that could not be read.
pub(crate) fn unreadable_folder() -> Note {
    Note::held(
        Side::Local,
        Reason::Unreadable("the folder cannot be read".into()),
    )
}

fn created_there(cx: &Context<'_>, item: &Item<'_>, row: &RemoteNode) -> Verdict {
    if cx.policy.direction == Direction::Upload {
        return omit(Wait::Never, Note::drift(Side::Local));
    }
    let place = match there(cx, item, Rule::CreatedThere) {
        Ok(place) => place,
        Err(note) => return omit(Wait::Never, note),
    };
    match &row.kind {
        RemoteKind::File(file) => {
            let repeat = cx.known_names.0.contains(&(row.parent(), row.name.as_str()));
            if repeat && file.looks < LOOKS_BEFORE_REPEAT {
                return omit(Wait::Soon, Note::unproved(Reason::RepeatWaiting));
            }
            Verdict::live(place, Bytes::of(Content::FromRemote, Rule::CreatedThere))
        }
        RemoteKind::Folder { readable: false } => omit(Wait::Soon, Note::unlisted(Side::Remote)),
        RemoteKind::Folder { readable: true } => Verdict {
            fate: Fate::Folder {
                side: Side::Remote,
                why: Lone::New,
            },
            ..Verdict::live(place, Bytes::folder(Rule::CreatedThere))
        },
    }
}

fn created_on_both(cx: &mut Context<'_>, item: &Item<'_>) -> Verdict {
    let mut place = match there(cx, item, Rule::SameOnBoth) {
        Ok(place) => place,
        Err(note) => return omit(Wait::Never, note),
    };
    if let Some(entry) = item.entry() {
        place.local_name = entry.name.clone();
    }
    if item.folder {
        place.rule = Rule::FoldersMerge;
        return Verdict::live(place, Bytes::folder(Rule::FoldersMerge));
    }
    let (bytes, note) = merge_bytes(cx, item);
    // Without an agreement there is nothing to fall back to: both stay as they are until it is decided.
    let undecided = bytes.content == Content::Settled && matches!(bytes.rule, Rule::Unchanged | Rule::OneWay);
    if undecided {
        return Verdict::leave(note);
    }
    Verdict::live(place, bytes).with(note)
}

fn omit(wait: Wait, note: Note) -> Verdict {
    Verdict {
        note: Some(note),
        ..Verdict::bare(Fate::Omit(wait))
    }
}
