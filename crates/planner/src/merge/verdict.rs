//! What is decided about an item: its fate, its place, its bytes. Values only; each family of rules fills them in.

use crate::hold::{ItemKind, Reason, Side};
use crate::merge::Content;
use crate::merge::item::Ix;
use crate::name::{LocalName, RemoteName};
use crate::rule::Rule;

/// Whether and where an item lives on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// It lives on both sides.
    Live,
    /// Both sides and the record stay as they are.
    Leave,
    /// New, and not synced now; it stays on its side.
    Omit(Wait),
    /// It goes from this side and from the record.
    Remove(Side, Rule),
    /// Only the record goes.
    Forget(Rule),
    /// A folder on one side only: what is in it decides.
    Folder {
        /// Where it is.
        side: Side,
        /// What it is for.
        why: Lone,
    },
}

/// Whether what is omitted may be synced soon.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wait {
    /// A look, a hash or a quiet moment away.
    Soon,
    /// As it is, it can never be synced.
    Never,
}

/// Why a folder is on one side only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lone {
    /// It is new there.
    New,
    /// It was removed from the pair on the other side, by this rule.
    Removed(Rule),
    /// It is missing on the written side of a one-way pair.
    Drift,
}

/// The place of an item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    /// Its folder.
    pub(crate) parent: Ix,
    /// Its name here.
    pub(crate) local_name: LocalName,
    /// Its name there.
    pub(crate) remote_name: RemoteName,
    /// Why there.
    pub(crate) rule: Rule,
}

/// The bytes of an item.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bytes {
    /// Whence.
    pub(crate) content: Content,
    /// Why.
    pub(crate) rule: Rule,
    /// Whether this side's version is to be kept under a conflict name, and uploaded.
    pub(crate) copy: Option<Copying>,
}

/// What becomes of a conflict copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Copying {
    /// It is uploaded.
    Upload,
    /// The account cannot hold it; it stays here.
    HereOnly,
}

impl Bytes {
    /// No bytes move.
    pub(crate) const fn settled(rule: Rule) -> Self {
        Self::of(Content::Settled, rule)
    }

    /// A folder's.
    pub(crate) const fn folder(rule: Rule) -> Self {
        Self::of(Content::Folder, rule)
    }

    /// From where, and why; no copy.
    pub(crate) const fn of(content: Content, rule: Rule) -> Self {
        Self {
            content,
            rule,
            copy: None,
        }
    }
}

/// Everything decided about an item. `place` is there for all that may live on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Verdict {
    /// Its fate.
    pub(crate) fate: Fate,
    /// Its place, if it lives.
    pub(crate) place: Option<Place>,
    /// Its bytes, if it lives.
    pub(crate) bytes: Bytes,
    /// What is reported of it.
    pub(crate) note: Option<Note>,
}

/// What is reported of an item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Note {
    /// On which side it lies.
    pub(crate) side: Side,
    /// How it is counted.
    pub(crate) kind: ItemKind,
    /// Why.
    pub(crate) reason: Reason,
}

impl Note {
    /// An item that waits for a decision or a proof.
    pub(crate) const fn held(side: Side, reason: Reason) -> Self {
        Self {
            side,
            kind: ItemKind::Held,
            reason,
        }
    }

    /// An item that can never be synced as it is.
    pub(crate) const fn skipped(side: Side, reason: Reason) -> Self {
        Self {
            side,
            kind: ItemKind::Skipped,
            reason,
        }
    }

    /// An item for which one more look decides.
    pub(crate) const fn unproved(reason: Reason) -> Self {
        Self {
            side: Side::Remote,
            kind: ItemKind::Unproved,
            reason,
        }
    }

    /// An item whose folder in the account could not be listed: the next look may show it.
    pub(crate) const fn unlisted(side: Side) -> Self {
        Self {
            side,
            kind: ItemKind::Unproved,
            reason: Reason::FolderUnreadable,
        }
    }

    /// A difference on the side that is never written (M17).
    pub(crate) const fn drift(side: Side) -> Self {
        Self {
            side,
            kind: ItemKind::Drift,
            reason: Reason::OneWay,
        }
    }
}

impl Verdict {
    /// A fate that needs no place.
    pub(crate) const fn bare(fate: Fate) -> Self {
        Self {
            fate,
            place: None,
            bytes: Bytes::settled(Rule::Unchanged),
            note: None,
        }
    }

    /// It lives at this place with these bytes.
    pub(crate) const fn live(place: Place, bytes: Bytes) -> Self {
        Self {
            fate: Fate::Live,
            place: Some(place),
            bytes,
            note: None,
        }
    }

    /// It is left alone, for a reason or silently.
    pub(crate) fn leave(note: Option<Note>) -> Self {
        Self {
            note,
            ..Self::bare(Fate::Leave)
        }
    }

    /// The same, reported.
    pub(crate) fn with(self, note: Option<Note>) -> Self {
        Self { note, ..self }
    }
}
