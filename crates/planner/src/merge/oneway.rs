//! One-way pairs (M17): the side that is never written is left exactly as it is.
//!
//! What it would have received is drift. Where both sides changed, the written side takes the other's state. Changes
//! that only the written side made stay there until the sides agree.

use crate::hold::Side;
use crate::merge::item::Item;
use crate::merge::location::{Moved, here, moved, there};
use crate::merge::verdict::{Note, Verdict};
use crate::merge::{Content, Context};
use crate::policy::Direction;
use crate::rule::Rule;

/// Corrects the verdict on an item that both sides have: a move made on the written side only is drift, unless new bytes
/// go there, which then take the place along.
pub(crate) fn keep_drift(cx: &Context<'_>, item: &Item<'_>, verdict: Verdict) -> Verdict {
    let (never_written, content) = match (cx.policy.direction, moved(item, cx.policy)) {
        (Direction::Upload, Moved::There) => (Side::Local, Content::FromLocal),
        (Direction::Download, Moved::Here) => (Side::Remote, Content::FromRemote),
        (Direction::Both | Direction::Upload | Direction::Download, _) => return verdict,
    };
    if verdict.bytes.content != content {
        return Verdict::leave(Some(Note::drift(never_written)));
    }
    let place = match never_written {
        Side::Local => here(cx, item, Rule::OneWay),
        Side::Remote => there(cx, item, Rule::OneWay),
    };
    match place {
        Ok(place) => Verdict {
            place: Some(place),
            ..verdict
        },
        Err(note) => Verdict::leave(Some(note)),
    }
}
