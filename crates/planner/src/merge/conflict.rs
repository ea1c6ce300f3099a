//! Conflict copies: what they are called and how many may be open (M12, M13).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;

use crate::id::LocalKey;
use crate::merge::Context;
use crate::merge::item::{Item, Items, Ix};
use crate::merge::location::plain_of;
use crate::merge::verdict::Place;
use crate::name::{LocalName, RemoteName};
use crate::naming::{self, Shape};

/// Open copies of one path by one device, more than which would bury the user (M12).
const OPEN_COPIES_MAX: usize = 3;

/// How many copies of each name this device has open in each folder; counted when first asked for.
#[derive(Debug, Default)]
pub(crate) struct OpenCopies(BTreeMap<Ix, BTreeMap<String, usize>>);

impl OpenCopies {
    /// Whether another copy of what will be at `place` would be too many.
    pub(crate) fn is_full(
        &mut self,
        cx: &Context<'_>,
        items: &Items<'_>,
        item: &Item<'_>,
        place: &Place,
    ) -> bool {
        let device = naming::device_label(&cx.policy.device);
        let counts = self.0.entry(place.parent).or_insert_with(|| {
            let mut counts = BTreeMap::new();
            let folder = items.local_folder(place.parent);
            for entry in folder
                .into_iter()
                .flat_map(|key| cx.trees.local.nodes.children(key))
            {
                let Some(copy) = naming::is_conflict_copy(&entry.name).filter(|copy| copy.device == device)
                else {
                    continue;
                };
                let path = cx.trees.local.nodes.path(entry.key);
                if !path.is_some_and(|path| cx.policy.kept_copies.contains(&path)) {
                    *counts.entry(copy.plain).or_default() += 1;
                }
            }
            counts
        });
        if counts.is_empty() {
            return false;
        }
        // As a copy would show it: a long stem is shortened.
        let contested = undecorated(cx, item, place);
        let copy = naming::conflict(&contested, 0, &device, 1, Shape::File, &cx.policy.disk);
        let plain = naming::is_conflict_copy(&copy).map(|copy| copy.plain);
        let open = plain.and_then(|plain| counts.get(&plain).copied());
        open.unwrap_or(0) >= OPEN_COPIES_MAX
    }
}

/// The name that copies are made of. A derived name stays on this disk (N2), so its mark is taken off first.
pub(crate) fn undecorated(cx: &Context<'_>, item: &Item<'_>, place: &Place) -> LocalName {
    let id = item
        .remote_id()
        .filter(|_| place.local_name.as_str().contains(" (id "));
    let plain = id.and_then(|id| plain_of(&place.local_name, &place.remote_name, id, cx.policy));
    plain.unwrap_or_else(|| place.local_name.clone())
}

/// The names that are taken in one folder of the target.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// Here, as the disk compares them.
    pub(crate) local: BTreeSet<String>,
    /// There, exactly.
    pub(crate) remote: BTreeSet<RemoteName>,
}

/// The first free conflict name for the entry `key` at a contested name, and its name in the account.
pub(crate) fn free_name(
    cx: &Context<'_>,
    contested: &LocalName,
    key: LocalKey,
    parent: Ix,
    taken: &Taken,
) -> Option<(LocalName, RemoteName)> {
    let entry = cx.trees.local.nodes.get(key)?;
    let shape = if entry.is_folder() {
        Shape::Folder
    } else {
        Shape::File
    };
    let when = newest_within(cx, key);
    // Each attempt is another name, so one more than there are taken is always free.
    let attempts = u32::try_from(taken.local.len() + taken.remote.len())
        .ok()?
        .checked_add(2)?;
    (1..=attempts).find_map(|attempt| {
        let name = naming::conflict(
            contested,
            when,
            &cx.policy.device,
            attempt,
            shape,
            &cx.policy.disk,
        );
        let remote = super::location::remote_name(&name, parent, cx.policy).ok()?;
        let free = !taken
            .local
            .contains(&naming::fold_key(name.as_str(), &cx.policy.disk))
            && !taken.remote.contains(&remote);
        free.then_some((name, remote))
    })
}

/// A file's own modification time; a folder's is not known, so it is that of the newest file in it.
fn newest_within(cx: &Context<'_>, key: LocalKey) -> i64 {
    let nodes = &cx.trees.local.nodes;
    let mut newest = None;
    let mut stack = alloc::vec![key];
    while let Some(key) = stack.pop() {
        if let Some(file) = nodes.get(key).and_then(|entry| entry.file()) {
            newest = newest.max(Some(file.stamp.mtime_ns));
        }
        stack.extend(nodes.children(Some(key)).map(|entry| entry.key));
    }
    newest.unwrap_or(0)
}

/// The name that a derived local name is made of, and the id in it: plain name, then repeats of it.
pub(crate) fn free_repeat(
    cx: &Context<'_>,
    item: &Item<'_>,
    plain: &LocalName,
    taken: &Taken,
) -> Option<LocalName> {
    let id = item.remote_id()?;
    let disk = &cx.policy.disk;
    let mut name = plain.clone();
    for _ in 0..=taken.local.len() {
        name = naming::repeated(&name, id, disk);
        if !taken.local.contains(&naming::fold_key(name.as_str(), disk)) {
            return Some(name);
        }
    }
    None
}
