//! The laws of the merge, over random worlds: total, deterministic, losing nothing, and soon done (design §2).

mod apply;
mod world;

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use self::apply::{apply, is_quiet};
use self::world::{Op, World};
use crate::cases::cases_or;
use crate::id::{LocalKey, NodeId, RemoteId};
use crate::merge::{Content, Merged, Scope, merge};
use crate::name::LocalName;
use crate::rule::Rule;
use crate::tree::build::case;
use crate::tree::{LocalContents, LocalKind, LocalNode, RemoteKind, RemoteNode};

/// Rounds in which every world comes to rest: compare, act, end what the acts left over.
const ROUNDS_MAX: usize = 8;

fn ops(count: usize) -> impl Strategy<Value = Vec<Op>> {
    vec((any::<u8>(), any::<u8>(), any::<u8>()), 0..count)
}

fn worlds() -> impl Strategy<Value = World> {
    (any::<u16>(), ops(10), ops(7), ops(7)).prop_map(|(policy, grown, here, there)| {
        let mut world = World::new(policy);
        grown.into_iter().for_each(|op| world.grow(op));
        here.into_iter().for_each(|op| world.disturb_here(op));
        there.into_iter().for_each(|op| world.disturb_there(op));
        world
    })
}

/// No id twice, every parent in the target, an id for every source of bytes.
fn check_shape(merged: &Merged) {
    let (mut nodes, mut keys, mut ids) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut once = |node: Option<NodeId>, key: Option<LocalKey>, id: Option<RemoteId>| {
        assert!(node.is_none_or(|node| nodes.insert(node)), "{node:?} twice");
        assert!(key.is_none_or(|key| keys.insert(key)), "{key:?} twice");
        assert!(id.is_none_or(|id| ids.insert(id)), "{id:?} twice");
    };
    for node in merged.target.iter() {
        once(node.synced, node.local, node.remote);
        let above = node
            .parent
            .map(|above| merged.target.get(above).expect("a parent in the target"));
        assert!(
            above.is_none_or(|above| above.content == Content::Folder),
            "{node:?}"
        );
        let mut top = node.parent;
        for above in merged.target.ancestors(node.key) {
            top = above.parent;
        }
        assert_eq!(top, None, "a ring");
        match node.content {
            Content::FromLocal => assert!(node.local.is_some() && node.remote_name.is_some(), "{node:?}"),
            Content::FromRemote => assert!(node.remote.is_some() && node.local_name.is_some(), "{node:?}"),
            Content::Settled => assert!(node.local_name.is_none() || node.local.is_some(), "{node:?}"),
            Content::Folder => {}
        }
    }
    for removal in &merged.removed {
        once(removal.synced, removal.local, removal.remote);
    }
}

/// At rest and with nothing held, each side has just what the other has.
fn check_rest(world: &World, merged: &Merged) {
    // Nothing is said of a folder of the account that cannot be read and that nothing is waiting for.
    let shut = |row: &RemoteNode| row.kind == RemoteKind::Folder { readable: false };
    let remote = &world.case.remote;
    if !merged.held.is_empty() || remote.root_unreadable || remote.nodes.iter().any(shut) {
        return;
    }
    let keys: BTreeSet<LocalKey> = merged.target.iter().filter_map(|node| node.local).collect();
    let ids: BTreeSet<RemoteId> = merged.target.iter().filter_map(|node| node.remote).collect();
    let (local, remote) = (&world.case.local.nodes, &world.case.remote.nodes);
    // These worlds flag one side at a time, as rules never do; what was moved across such a border is left alone.
    if local.iter().any(|entry| entry.ignored) || remote.iter().any(|row| row.ignored) {
        return;
    }
    for node in merged.target.iter() {
        assert!(
            node.synced.is_some() && node.local.is_some() && node.remote.is_some(),
            "{node:?}"
        );
    }
    for entry in local.iter() {
        assert!(keys.contains(&entry.key), "{entry:?} is forgotten");
    }
    for row in remote.iter() {
        assert!(ids.contains(&row.id), "{row:?} is forgotten");
    }
}

fn settle(mut world: World) -> Result<World, TestCaseError> {
    for _ in 0..ROUNDS_MAX {
        let merged = world.case.merged();
        check_shape(&merged);
        prop_assert_eq!(&merged, &world.case.merged());
        if is_quiet(&world, &merged) {
            check_rest(&world, &merged);
            return Ok(world);
        }
        world = apply(&world, &merged);
    }
    let merged = world.case.merged();
    Err(TestCaseError::fail(format!(
        "not at rest: {}\n{world:?}",
        world.case.render(&merged)
    )))
}

proptest! {
    #![proptest_config(cases_or(2_000))]

    #[test]
    fn every_world_comes_to_rest_and_nothing_is_lost(world in worlds()) {
        let texts = |world: &World| -> BTreeSet<String> {
            let here = world.case.local.nodes.iter().filter_map(|entry| world.here.get(&entry.key));
            let rows = world.case.remote.nodes.iter().filter_map(|row| world.there.get(&row.file_id()?));
            here.chain(rows).cloned().collect()
        };
        let before = texts(&world);
        let kept = world.case.policy.conflict == crate::policy::ConflictPolicy::KeepBoth
            && world.case.policy.direction == crate::policy::Direction::Both;
        let agreed: BTreeSet<_> = world.case.synced.iter().filter_map(|node| node.file()?.hash).collect();
        let unverified = world.case.synced.iter().any(|node| node.file().is_some_and(|file| file.hash.is_none()));
        let after = settle(world)?;
        // A text that no record holds is new: only a choice of the user's may end it.
        let lost = before.difference(&texts(&after)).find(|text| {
            !text.is_empty() && !agreed.contains(&crate::tree::build::hash_of(text))
        }).cloned();
        prop_assert!(!kept || unverified || lost.is_none(), "{:?} is lost", lost);
    }

    #[test]
    fn a_one_way_pair_never_writes_the_other_side(world in worlds(), upload: bool) {
        let mut world = world;
        world.case.policy.direction = if upload {
            crate::policy::Direction::Upload
        } else {
            crate::policy::Direction::Download
        };
        let merged = world.case.merged();
        let after = apply(&world, &merged);
        if upload {
            let entries = |world: &World| -> Vec<_> {
                let entries = world.case.local.nodes.iter();
                entries.map(|entry| (entry.key, entry.parent, entry.name.clone(), world.here.get(&entry.key).cloned())).collect()
            };
            prop_assert_eq!(entries(&world), entries(&after));
        } else {
            // What was published shows in the next walk whatever is done.
            let shown = |id: &RemoteId| {
                world.case.remote.nodes.contains(*id) || !world.case.synced.iter().any(|node| node.remote() == *id)
            };
            let rows = |world: &World| -> Vec<_> {
                let rows = world.case.remote.nodes.iter().filter(|row| shown(&row.id));
                rows.map(|row| (row.id, row.parent, row.name.clone())).collect()
            };
            prop_assert_eq!(rows(&world), rows(&after));
        }
    }

    #[test]
    fn a_part_is_the_whole_restricted_and_what_is_in_it_hangs_together(world in worlds(), pick: usize) {
        let whole = world.case.merged();
        let seed = world.case.synced.iter().nth(pick % world.case.synced.len().max(1)).map(|node| node.id);
        let scope = |synced| Scope::Closure { synced, local: BTreeSet::new(), remote: BTreeSet::new() };
        let part = merge(world.case.trees(), &scope(seed.into_iter().collect()), &world.case.policy, world.case.now);
        check_shape(&part);
        for node in part.target.iter() {
            prop_assert_eq!(whole.target.get(node.key), Some(node));
        }
        prop_assert!(part.removed.iter().all(|removal| whole.removed.contains(removal)));
        prop_assert!(part.held.iter().all(|hold| whole.held.contains(hold)));
        prop_assert!(part.compare.iter().all(|compare| whole.compare.contains(compare)));
        let found = part.target.iter().filter_map(|node| node.synced);
        let gone = part.removed.iter().filter_map(|removal| removal.synced);
        prop_assert!(seed.is_none_or(|seed| found.chain(gone).any(|id| id == seed)));
        // Carried out by itself it does no harm, and the rest is still wanted.
        let after = settle(apply(&world, &part))?;
        check_rest(&after, &after.case.merged());
        let nothing = merge(world.case.trees(), &scope(BTreeSet::new()), &world.case.policy, world.case.now);
        prop_assert!(nothing.target.is_empty() && nothing.removed.is_empty());
    }

    #[test]
    fn agreed_sides_want_nothing(policy: u16, grown in ops(12)) {
        let mut world = World::new(policy);
        grown.into_iter().for_each(|op| world.grow(op));
        let merged = merge(world.case.trees(), &Scope::Everything, &world.case.policy, world.case.now);
        prop_assert!(merged.removed.is_empty() && merged.conflicts.is_empty());
        for node in merged.target.iter() {
            let same = matches!(node.content_rule, Rule::Unchanged | Rule::Refreshed);
            prop_assert!(same && matches!(node.place_rule, Rule::Unchanged | Rule::RepeatEnded), "{:?}", node);
        }
    }
}

/// Nothing in a merge goes down a tree by calling itself: a deep one would end the process.
#[test]
fn a_tree_of_any_depth_is_merged() {
    const DEPTH: u32 = 20_000;
    let mut case = case();
    let mut above = None;
    for number in 0..DEPTH {
        case.local.nodes.insert(LocalNode {
            key: LocalKey(number),
            parent: above,
            name: LocalName::new("d").unwrap(),
            identity: None,
            ignored: false,
            kind: LocalKind::Folder(LocalContents::Read { others: 0 }),
        });
        above = Some(LocalKey(number));
    }
    let merged = case.merged();
    assert_eq!(merged.target.len(), usize::try_from(DEPTH).unwrap());
}
