//! Rings: folders that the two sides moved into each other (M11).
//!
//! Each side's own tree has no ring, so a ring always mixes places of both. Taking the account's place for all its
//! members breaks it, and every machine sees those places alike.

use alloc::vec;
use alloc::vec::Vec;

use crate::merge::Context;
use crate::merge::item::{Items, Ix};
use crate::merge::location::there;
use crate::merge::verdict::{Fate, Verdict};
use crate::rule::Rule;

/// The members of all rings that following `parent` runs into.
pub(crate) fn rings(count: usize, parent: impl Fn(Ix) -> Option<Ix>) -> Vec<Ix> {
    /// Not gone through yet; on the path of this walk; done.
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Mark {
        New,
        Walk,
        Done,
    }
    let mut marks = vec![Mark::New; count];
    let mut members = Vec::new();
    for start in (1..count).filter_map(|at| u32::try_from(at).ok()) {
        let (mut path, mut next) = (Vec::new(), Some(Ix(start)));
        while let Some(ix) = next.filter(|ix| *ix != Ix::ROOT) {
            let Some(mark) = marks.get_mut(ix.place()) else {
                break;
            };
            match *mark {
                Mark::Done => break,
                Mark::Walk => {
                    let from = path.iter().position(|on_path| *on_path == ix);
                    members.extend(path.iter().skip(from.unwrap_or(path.len())).copied());
                    break;
                }
                Mark::New => *mark = Mark::Walk,
            }
            path.push(ix);
            next = parent(ix);
        }
        for ix in path {
            if let Some(mark) = marks.get_mut(ix.place()) {
                *mark = Mark::Done;
            }
        }
    }
    members
}

/// Gives all members of a ring that the account has their places there. Each round fixes at least one for good.
pub(crate) fn break_rings(cx: &Context<'_>, items: &Items<'_>, verdicts: &mut [Verdict]) {
    loop {
        let members = rings(items.len(), |ix| {
            let verdict = verdicts.get(ix.place())?;
            let lives = matches!(verdict.fate, Fate::Live | Fate::Folder { .. });
            verdict.place.as_ref().filter(|_| lives).map(|place| place.parent)
        });
        let mut changed = false;
        for ix in members {
            let item = items.get(ix);
            let Some(verdict) = verdicts.get_mut(ix.place()).filter(|_| item.is_there()) else {
                continue;
            };
            match (there(cx, item, Rule::Cycle), &verdict.place) {
                (Ok(place), Some(old)) if place.parent != old.parent => {
                    verdict.place = Some(place);
                    changed = true;
                }
                (Ok(_), _) => {}
                (Err(note), _) => {
                    *verdict = Verdict::leave(Some(note));
                    changed = true;
                }
            }
        }
        if !changed {
            return;
        }
    }
}
