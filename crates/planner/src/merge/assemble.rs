//! The decisions as values: target nodes, removals, conflicts, holds. Decides nothing itself.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::hold::{Hold, Side};
use crate::id::{RemoteId, TargetKey};
use crate::merge::hold::{path_of, unnamed};
use crate::merge::item::{Item, Items, Ix};
use crate::merge::keep::{Fates, Forced, target_parent};
use crate::merge::names::{Copy, Names};
use crate::merge::verdict::{Fate, Note, Verdict};
use crate::merge::{Conflict, Content, Context, Merged, Removal, TargetNode};
use crate::path::RelPath;
use crate::rule::Rule;
use crate::tree::LocalNode;

/// Puts the result together.
pub(crate) fn assemble(
    cx: &Context<'_>,
    items: &Items<'_>,
    verdicts: &[Verdict],
    fates: &Fates,
    names: Names,
    forced: &Forced,
) -> Merged {
    let mut work = Assembly {
        cx,
        items,
        verdicts,
        fates,
        names,
        merged: Merged::default(),
    };
    for (ix, item) in items.iter() {
        match fates.get(ix) {
            Fate::Live => work.live(ix, item),
            Fate::Leave => work.leave(ix, item),
            Fate::Remove(side, because) => work.remove(item, Some(side), because),
            Fate::Forget(because) => work.remove(item, None, because),
            Fate::Omit(_) | Fate::Folder { .. } => {}
        }
    }
    work.merged.target.pack();
    work.copies();
    work.conflicts();
    work.holds(forced);
    work.merged.compare = cx.compare.iter().copied().collect();
    work.merged
}

struct Assembly<'a, 'b> {
    cx: &'b Context<'a>,
    items: &'b Items<'a>,
    verdicts: &'b [Verdict],
    fates: &'b Fates,
    names: Names,
    merged: Merged,
}

impl Assembly<'_, '_> {
    fn key_of(&self, ix: Ix) -> Option<TargetKey> {
        (ix != Ix::ROOT && self.fates.is_in_target(ix)).then_some(TargetKey(ix.0))
    }

    fn parent_of(&self, ix: Ix) -> Option<TargetKey> {
        self.key_of(target_parent(self.items, self.verdicts, self.fates, ix))
    }

    fn live(&mut self, ix: Ix, item: &Item<'_>) {
        let Some((verdict, place)) = self
            .verdicts
            .get(ix.place())
            .and_then(|verdict| Some((verdict, verdict.place.as_ref()?)))
        else {
            return;
        };
        let name = self.names.changed.get(&ix);
        let copied = verdict.bytes.copy.is_some();
        self.merged.target.insert(TargetNode {
            key: TargetKey(ix.0),
            parent: self.parent_of(ix),
            synced: item.synced.map(|node| node.id),
            local: item.entry().filter(|_| !copied).map(|entry| entry.key),
            remote: item.remote_id(),
            local_name: Some(name.map_or(&place.local_name, |name| &name.local).clone()),
            remote_name: Some(name.map_or(&place.remote_name, |name| &name.remote).clone()),
            content: verdict.bytes.content,
            place_rule: name.and_then(|name| name.rule).unwrap_or(place.rule),
            content_rule: verdict.bytes.rule,
        });
    }

    fn leave(&mut self, ix: Ix, item: &Item<'_>) {
        self.merged.target.insert(TargetNode {
            key: TargetKey(ix.0),
            parent: self.parent_of(ix),
            synced: item.synced.map(|node| node.id),
            local: item.entry().map(|entry| entry.key),
            remote: item.remote_id(),
            local_name: None,
            remote_name: None,
            content: if item.folder {
                Content::Folder
            } else {
                Content::Settled
            },
            place_rule: Rule::Unchanged,
            content_rule: Rule::Unchanged,
        });
    }

    fn remove(&mut self, item: &Item<'_>, side: Option<Side>, because: Rule) {
        self.merged.removed.push(Removal {
            synced: item.synced.map(|node| node.id),
            local: item
                .entry()
                .filter(|_| side == Some(Side::Local))
                .map(|entry| entry.key),
            remote: item.remote_id().filter(|_| side == Some(Side::Remote)),
            because,
        });
    }

    fn copies(&mut self) {
        let mut next = u32::try_from(self.items.len()).unwrap_or(u32::MAX);
        for copy in &self.names.copies {
            let uploaded = copy.remote.is_some();
            let parent = target_parent(self.items, self.verdicts, self.fates, copy.of);
            self.merged.target.insert(TargetNode {
                key: TargetKey(next),
                parent: self.key_of(parent),
                synced: None,
                local: Some(copy.key),
                remote: None,
                local_name: Some(copy.local.clone()),
                remote_name: copy.remote.clone(),
                content: if uploaded {
                    Content::FromLocal
                } else {
                    Content::Settled
                },
                place_rule: Rule::ConflictKeepBoth,
                content_rule: Rule::ConflictKeepBoth,
            });
            next = next.saturating_add(1);
        }
    }

    fn conflicts(&mut self) {
        let copies: BTreeMap<Ix, &Copy> = self.names.copies.iter().map(|copy| (copy.of, copy)).collect();
        let mut found: Vec<Conflict> = Vec::new();
        for (ix, item) in self
            .items
            .iter()
            .filter(|(ix, _)| self.fates.get(*ix) == Fate::Live)
        {
            let rule = self.verdicts.get(ix.place()).map(|verdict| verdict.bytes.rule);
            let Some(
                because @ (Rule::ConflictKeepBoth | Rule::ConflictPreferLocal | Rule::ConflictPreferRemote),
            ) = rule
            else {
                continue;
            };
            let (Some(entry), Some(path)) = (item.entry(), self.merged.target.path(TargetKey(ix.0))) else {
                continue;
            };
            let copy = copies
                .get(&ix)
                .and_then(|copy| Some(path.split()?.0.join(&copy.local)));
            found.extend(conflict(item, entry, path, copy, item.remote_id(), because));
        }
        for yielded in &self.names.yielded {
            let item = self.items.get(yielded.item);
            let (Some(entry), Some(copy)) =
                (item.entry(), self.merged.target.path(TargetKey(yielded.item.0)))
            else {
                continue;
            };
            let path = copy.split().map(|(parent, _)| parent.join(&yielded.contested));
            let path = path.unwrap_or_default();
            found.extend(conflict(
                item,
                entry,
                path,
                Some(copy),
                Some(yielded.winner),
                yielded.rule,
            ));
        }
        found.sort_by(|a, b| (&a.path, a.local).cmp(&(&b.path, b.local)));
        self.merged.conflicts = found;
    }

    fn holds(&mut self, forced: &Forced) {
        let mut held = unnamed(self.cx);
        for (ix, item) in self.items.iter() {
            let own = self
                .verdicts
                .get(ix.place())
                .and_then(|verdict| verdict.note.as_ref());
            let note = match forced.get(&ix) {
                Some(note) => note.as_ref().or(own),
                None => self.fates.notes.get(&ix).or(own),
            };
            if let Some(note) = note.filter(|note| !self.is_told_above(item, note)) {
                held.push(Hold {
                    path: path_of(self.cx, self.items, ix),
                    side: note.side,
                    kind: note.kind,
                    reason: note.reason.clone(),
                });
            }
        }
        held.sort();
        held.dedup();
        self.merged.held = held;
    }

    /// Whether the folder says the same already: a lost or drifting folder is reported once.
    fn is_told_above(&self, item: &Item<'_>, note: &Note) -> bool {
        let above = self.verdicts.get(item.base_parent.place());
        let above = above.and_then(|verdict| verdict.note.as_ref());
        item.base_parent != Ix::ROOT && above == Some(note)
    }
}

fn conflict(
    item: &Item<'_>,
    entry: &LocalNode,
    path: RelPath,
    copy: Option<RelPath>,
    remote: Option<RemoteId>,
    because: Rule,
) -> Option<Conflict> {
    Some(Conflict {
        path,
        copy,
        synced: item.synced.map(|node| node.id),
        local: entry.key,
        local_stamp: entry.file().map(|file| file.stamp),
        remote: remote?,
        because,
    })
}
