//! The laws of the transition alone: any disk, any account, any target, any order of steps, any failures.
//!
//! The three arrangements of one set of nodes have nothing to do with each other, so that swaps, chains, inversions and
//! folders moved below their own children are the rule here and not the exception.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Action, LocalStep, Plan, RemoteStep, StepId, transition};
use crate::id::{FolderId, LocalKey, NodeId, RemoteId, TargetKey};
use crate::merge::{Content, Merged, Removal, Target, TargetNode, Trees};
use crate::name::{LocalName, RemoteName};
use crate::naming::fold_key;
use crate::policy::{DiskTraits, Policy};
use crate::pretend::{Account, Bytes, Disk, Inode, Kind, Pass, Rng, cases, hash_of, size_of};
use crate::rule::Rule;
use crate::tree::{LocalTree, Node, RemoteTree, Standing, SyncedFile, SyncedKind, SyncedNode, SyncedTree};

const NAMES: [&str; 6] = ["a", "b", "c", "A", "d.txt", "B.txt"];

/// One thing that is somewhere, or is to be.
#[derive(Clone, Debug)]
struct Thing {
    folder: bool,
    here: Option<Inode>,
    there: Option<RemoteId>,
    /// Where it is to be: the index of its folder, and its name; `None`: it goes.
    wanted: Option<(Option<usize>, &'static str)>,
    content: Content,
    bytes: Bytes,
    synced: Option<NodeId>,
}

/// A disk, an account and what they must become.
#[derive(Clone, Debug)]
struct World {
    disk: Disk,
    account: Account,
    synced: SyncedTree,
    next_node: u64,
    things: Vec<Thing>,
    policy: Policy,
    /// Entries that nobody names, and the folders they are to stay in.
    kept: Vec<(Inode, Option<Inode>)>,
}

/// Puts each of `present` into a folder that comes before it in a random order.
fn arrange(
    rng: &mut Rng,
    things: &[Thing],
    present: &[usize],
    traits: &DiskTraits,
) -> Vec<(usize, Option<usize>, &'static str)> {
    let mut order = present.to_vec();
    rng.shuffle(&mut order);
    let mut placed = Vec::new();
    let mut folders: Vec<Option<usize>> = vec![None];
    let mut taken = BTreeSet::new();
    for index in order {
        let place = (0..40).find_map(|_| {
            let folder = *rng.pick(&folders)?;
            let name = *rng.pick(&NAMES)?;
            taken
                .insert((folder, fold_key(name, traits)))
                .then_some((folder, name))
        });
        let Some((folder, name)) = place else { continue };
        if things[index].folder {
            folders.push(Some(index));
        }
        placed.push((index, folder, name));
    }
    placed
}

fn world(seed: u64) -> World {
    let rng = &mut Rng::new(seed);
    let count = 1 + rng.below(12);
    let traits = DiskTraits {
        folds_case: rng.one_in(4),
        ..DiskTraits::default()
    };
    let mut world = World {
        disk: Disk::with(traits),
        account: Account::default(),
        synced: SyncedTree::default(),
        next_node: 0,
        things: Vec::new(),
        policy: Policy {
            disk: traits,
            ..Policy::default()
        },
        kept: Vec::new(),
    };
    for index in 0..count {
        world.things.push(Thing {
            folder: rng.one_in(2),
            here: None,
            there: None,
            wanted: None,
            content: Content::Settled,
            bytes: 10 + index as u64,
            synced: None,
        });
    }
    let sample = |rng: &mut Rng| (0..count).filter(|_| !rng.one_in(5)).collect::<Vec<_>>();
    let here = sample(rng);
    for (index, folder, name) in arrange(rng, &world.things, &here, &traits) {
        let folder = folder.and_then(|folder: usize| world.things[folder].here);
        let kind = if world.things[index].folder {
            Kind::Folder
        } else {
            Kind::File(world.things[index].bytes)
        };
        let name = LocalName::new(name).unwrap();
        world.things[index].here = Some(world.disk.create(folder, &name, kind).unwrap());
    }
    let there = sample(rng);
    let exact = DiskTraits::default();
    for (index, folder, name) in arrange(rng, &world.things, &there, &exact) {
        let folder = folder
            .and_then(|folder: usize| world.things[folder].there)
            .and_then(RemoteId::folder);
        let bytes = (!world.things[index].folder).then_some(world.things[index].bytes);
        world.things[index].there = Some(world.account.create(folder, &RemoteName::new(name), bytes));
    }
    record_some(&mut world, rng);
    let live: Vec<usize> = (0..count)
        .filter(|index| world.things[*index].here.is_some() || world.things[*index].there.is_some())
        .collect();
    let kept: Vec<usize> = live.into_iter().filter(|_| !rng.one_in(4)).collect();
    for (index, folder, name) in arrange(rng, &world.things, &kept, &traits) {
        world.things[index].wanted = Some((folder, name));
    }
    scatter(&mut world, rng);
    for thing in &mut world.things {
        thing.content = match (thing.folder, thing.here, thing.there) {
            (true, ..) => Content::Folder,
            (false, Some(_), None) => Content::FromLocal,
            (false, None, _) => Content::FromRemote,
            (false, Some(_), Some(_)) => *rng
                .pick(&[Content::Settled, Content::FromLocal, Content::FromRemote])
                .unwrap(),
        };
    }
    world
}

/// Gives records to some of what is on both sides: as it was arranged once, which is neither how one side has it now nor
/// how it is to be.
fn record_some(world: &mut World, rng: &mut Rng) {
    let both = |index: &usize| world.things[*index].here.is_some() && world.things[*index].there.is_some();
    let once: Vec<usize> = (0..world.things.len())
        .filter(both)
        .filter(|_| !rng.one_in(4))
        .collect();
    for (index, folder, name) in arrange(rng, &world.things, &once, &world.policy.disk) {
        world.next_node += 1;
        let id = NodeId(world.next_node);
        let thing = &world.things[index];
        let record = SyncedNode {
            id,
            parent: folder.and_then(|folder: usize| world.things[folder].synced),
            remote_name: RemoteName::new(name),
            local_name: LocalName::new(name).unwrap(),
            identity: thing.here.map(Disk::identity),
            standing: Standing::Agreed,
            kind: match thing.there.unwrap() {
                RemoteId::Folder(id) => SyncedKind::Folder(id),
                RemoteId::File(remote) => SyncedKind::File(SyncedFile {
                    remote,
                    short_url: None,
                    size: size_of(thing.bytes),
                    hash: Some(hash_of(thing.bytes)),
                    stamp: None,
                }),
            },
        };
        world.synced.insert(record);
        world.things[index].synced = Some(id);
    }
}

/// Puts things in between that no merge names: ignored rows anywhere, and entries in folders that stay.
fn scatter(world: &mut World, rng: &mut Rng) {
    for at in 0..world.things.len() {
        let Thing {
            folder: true,
            here,
            there,
            wanted,
            ..
        } = world.things[at].clone()
        else {
            continue;
        };
        if let Some(id) = there.filter(|_| rng.one_in(3)).and_then(RemoteId::folder) {
            let row = world
                .account
                .create(Some(id), &RemoteName::new("ignored"), Some(1));
            world.account.rows.get_mut(&row).unwrap().ignored = true;
        }
        if here.is_some() && wanted.is_some() && rng.one_in(3) {
            let name = LocalName::new("kept").unwrap();
            world
                .kept
                .push((world.disk.create(here, &name, Kind::File(1)).unwrap(), here));
        }
    }
}

impl World {
    /// The decision: made anew from what is true now, as a merge would.
    fn merged(&self) -> Merged {
        let mut target = Target::default();
        let mut removed = Vec::new();
        for (index, thing) in self.things.iter().enumerate() {
            let key = |index: usize| TargetKey(u32::try_from(index).unwrap());
            match thing.wanted {
                Some((folder, name)) => {
                    target.insert(TargetNode {
                        key: key(index),
                        parent: folder.map(key),
                        synced: thing.synced,
                        local: thing.here.map(LocalKey),
                        remote: thing.there,
                        local_name: LocalName::new(name),
                        remote_name: Some(RemoteName::new(name)),
                        content: thing.content,
                        place_rule: Rule::MovedThere,
                        content_rule: match (thing.content, thing.synced) {
                            // The bytes of the record under another row: sent by a pass that came no further.
                            (Content::Settled, Some(id)) if self.is_elsewhere(id, thing) => Rule::Refreshed,
                            (Content::Settled, Some(_)) => Rule::Unchanged,
                            (Content::Settled, None) => Rule::Adopted,
                            (Content::Folder | Content::FromLocal | Content::FromRemote, _) => {
                                Rule::EditedThere
                            }
                        },
                    });
                }
                None if thing.here.is_some() || thing.there.is_some() || thing.synced.is_some() => {
                    removed.push(Removal {
                        synced: thing.synced,
                        local: thing.here.map(LocalKey),
                        remote: thing.there,
                        because: Rule::DeletedThere,
                    });
                }
                None => {}
            }
        }
        Merged {
            target,
            removed,
            ..Merged::default()
        }
    }

    /// Whether the record names another row than the thing has now.
    fn is_elsewhere(&self, record: NodeId, thing: &Thing) -> bool {
        let record = self.synced.get(record);
        record.is_some_and(|record| Some(record.remote()) != thing.there)
    }

    fn trees(&self) -> (LocalTree, RemoteTree) {
        let mut disk = self.disk.clone();
        for inode in self.disk.nodes.keys() {
            disk.hash(LocalKey(*inode));
        }
        (disk.scan(), self.account.walk(&self.synced, &BTreeSet::new()))
    }

    /// Runs the plan for what is true now, each step failing once in `failing`, and believes only what was recorded.
    fn pass(&mut self, rng: &mut Rng, failing: Option<usize>) -> Result<Plan, String> {
        let (local, remote) = self.trees();
        let merged = self.merged();
        let synced = self.synced.clone();
        let trees = Trees {
            synced: &synced,
            local: &local,
            remote: &remote,
        };
        let plan = transition(trees, &merged, &self.policy);
        check_edges(&plan)?;
        let limit = if failing.is_some_and(|n| rng.one_in(n)) {
            rng.below(plan.steps.len() + 1)
        } else {
            usize::MAX
        };
        let mut failed = Ok(());
        let mut pass = Pass::new(
            &mut self.disk,
            &mut self.account,
            &mut self.synced,
            &mut self.next_node,
            &local,
            &remote,
            &merged,
        );
        let mut other = rng.clone();
        pass.run_all(
            &plan,
            rng,
            limit,
            |_| failing.is_some_and(|n| other.one_in(n)),
            |step, result, pass| {
                if failed.is_ok()
                    && let Err(why) = result
                {
                    failed = Err(format!("{why:?} at {step:?}"));
                }
                if failed.is_ok() && step.settles.place && result.is_ok() {
                    failed = is_where_recorded(pass, step.node.unwrap());
                }
                let astray = |record: &&SyncedNode| pass.synced.path(record.id).is_none();
                if let Some(record) = pass.synced.iter().find(astray) {
                    failed = Err(format!("{record:?} hangs nowhere after {step:?}"));
                }
            },
        );
        let found: Vec<_> = (0..self.things.len())
            .map(|index| {
                let thing = &self.things[index];
                if thing.wanted.is_none() {
                    return (thing.here, thing.there, thing.synced);
                }
                let key = TargetKey(u32::try_from(index).unwrap());
                let (here, there) = pass.whereabouts(key);
                (here, there, pass.record_of(key))
            })
            .collect();
        self.disk.recover();
        failed?;
        self.follow(&found);
        Ok(plan)
    }

    /// Finds the things again after a pass, as a merge would: by record, and what was not recorded by path and bytes.
    fn follow(&mut self, found: &[(Option<Inode>, Option<RemoteId>, Option<NodeId>)]) {
        for (thing, (here, there, synced)) in self.things.iter_mut().zip(found) {
            thing.synced = synced.filter(|id| self.synced.get(*id).is_some());
            thing.there = there.filter(|id| self.account.live(*id).is_some());
            thing.here = here.filter(|inode| self.disk.nodes.contains_key(inode));
            thing.content = match (thing.folder, thing.here, thing.there) {
                (true, ..) => Content::Folder,
                (false, Some(_), Some(_)) => Content::Settled,
                (false, Some(_), None) => Content::FromLocal,
                (false, None, _) => Content::FromRemote,
            };
        }
    }
}

/// Every step comes after all that it names.
fn check_edges(plan: &Plan) -> Result<(), String> {
    for (step, number) in plan.steps.iter().zip(0..) {
        if step.id != StepId(number) || step.after.iter().any(|before| *before >= step.id) {
            return Err(format!("out of order: {step:?}"));
        }
    }
    Ok(())
}

/// What a place settlement claims is true at that very moment.
fn is_where_recorded(pass: &Pass<'_>, key: TargetKey) -> Result<(), String> {
    let node = pass.merged.target.get(key).unwrap();
    let (inode, row) = pass.whereabouts(key);
    let (Some(inode), Some(row)) = (inode, row) else {
        return Err(format!("{key:?} is on one side only"));
    };
    let entry = &pass.disk.nodes[&inode];
    let live = &pass.account.rows[&row];
    let (folder, shelf) = match node.parent {
        None => (None, None),
        Some(parent) => {
            let (folder, shelf) = pass.whereabouts(parent);
            (Some(folder.unwrap()), Some(shelf.unwrap()))
        }
    };
    let here = entry.parent == folder && Some(&entry.name) == node.local_name.as_ref();
    let there =
        live.parent == shelf.and_then(RemoteId::folder) && Some(&live.name) == node.remote_name.as_ref();
    if here && there {
        Ok(())
    } else {
        Err(format!("{key:?} is recorded where it is not"))
    }
}

/// Both sides are what was wanted, and the records say so.
fn check_reached(world: &World) -> Result<(), String> {
    let place = |index: Option<usize>| index.map(|index| &world.things[index]);
    for thing in &world.things {
        let Some((folder, name)) = thing.wanted else {
            if thing.here.is_some() || thing.there.is_some() {
                return Err(format!("{thing:?} should be gone"));
            }
            continue;
        };
        let (Some(inode), Some(row)) = (thing.here, thing.there) else {
            return Err(format!("{thing:?} is on one side only"));
        };
        let entry = &world.disk.nodes[&inode];
        if entry.name.as_str() != name || entry.parent != place(folder).map(|folder| folder.here.unwrap()) {
            return Err(format!("{thing:?} is at {:?}", world.disk.path(inode)));
        }
        let live = world.account.live(row).ok_or("a dead row")?;
        let shelf: Option<FolderId> = place(folder).map(|folder| folder.there.unwrap().folder().unwrap());
        if live.name.as_str() != name || live.parent != shelf {
            return Err(format!("{thing:?} is at {live:?}"));
        }
        let record = world
            .synced
            .iter()
            .find(|node| node.remote() == row)
            .ok_or("no record")?;
        let parent = folder.map(|folder| world.things[folder].synced.unwrap());
        if record.local_name.as_str() != name || record.parent != parent {
            return Err(format!("{thing:?} is recorded as {record:?}"));
        }
    }
    for (inode, folder) in &world.kept {
        if world.disk.nodes.get(inode).map(|node| node.parent) != Some(*folder) {
            return Err(format!("{inode} was not to be touched"));
        }
    }
    let wanted = world.things.iter().filter(|thing| thing.wanted.is_some()).count();
    if world.synced.len() != wanted {
        return Err(format!("{} records for {wanted} nodes", world.synced.len()));
    }
    Ok(())
}

/// One call per node and side; two only where names change places on the disk; nothing trashed one by one that a folder
/// takes along.
fn check_least_work(world: &World, plan: &Plan) -> Result<(), String> {
    let mut calls: BTreeMap<(bool, TargetKey), u32> = BTreeMap::new();
    let mut parked = BTreeSet::new();
    for step in &plan.steps {
        let (Some(node), false) = (step.node, matches!(step.action, Action::Journal(_))) else {
            continue;
        };
        match &step.action {
            Action::Local(LocalStep::Park { .. }) => {
                if !parked.insert(node) {
                    return Err(format!("{node:?} is parked twice"));
                }
            }
            // New bytes and a new place are two things on the disk.
            Action::Local(LocalStep::Replace { .. }) => {}
            Action::Local(_) => *calls.entry((false, node)).or_default() += 1,
            Action::Remote(_) => *calls.entry((true, node)).or_default() += 1,
            Action::Journal(_) => {}
        }
    }
    if let Some(twice) = calls.iter().find(|(_, count)| **count > 1) {
        return Err(format!("two calls for {twice:?}"));
    }
    let trashed: BTreeSet<RemoteId> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Remote(RemoteStep::TrashFolder { id }) => Some(RemoteId::Folder(*id)),
            Action::Local(_) | Action::Remote(_) | Action::Journal(_) => None,
        })
        .collect();
    for step in &plan.steps {
        let id = match &step.action {
            Action::Remote(RemoteStep::TrashFile { id }) => RemoteId::File(*id),
            Action::Remote(RemoteStep::TrashFolder { id }) => RemoteId::Folder(*id),
            Action::Local(_) | Action::Remote(_) | Action::Journal(_) => continue,
        };
        let parent = world.account.rows[&id].parent.map(RemoteId::Folder);
        if parent.is_some_and(|parent| trashed.contains(&parent)) {
            return Err(format!("{id:?} goes with its folder"));
        }
    }
    Ok(())
}

fn show(seed: u64, why: &str) -> TestCaseError {
    let world = world(seed);
    let (local, remote) = world.trees();
    let merged = world.merged();
    let plan = transition(
        Trees {
            synced: &world.synced,
            local: &local,
            remote: &remote,
        },
        &merged,
        &world.policy,
    );
    let mut text = format!("seed {seed}: {why}\n");
    for node in local.nodes.iter() {
        text += &format!("local {:?} {}\n", node.key(), local.nodes.path(node.key).unwrap());
    }
    for node in remote.nodes.iter() {
        text += &format!("remote {:?} {}\n", node.id, remote.nodes.path(node.id).unwrap());
    }
    for node in merged.target.iter() {
        let path = merged.target.path(node.key).unwrap();
        text += &format!(
            "target {:?} {path} {:?} {:?} {:?}\n",
            node.key, node.local, node.remote, node.content
        );
    }
    for removal in &merged.removed {
        text += &format!("removed {removal:?}\n");
    }
    for step in &plan.steps {
        text += &format!(
            "{:?} {:?} {:?} {:?} after {:?}\n",
            step.id, step.node, step.action, step.settles, step.after
        );
    }
    TestCaseError::fail(text)
}

fn gets_there_whatever_fails(seed: u64) -> Result<(), TestCaseError> {
    let mut it = world(seed);
    let rng = &mut Rng::new(seed ^ 2);
    for _ in 0..3 {
        it.pass(rng, Some(4)).map_err(|why| show(seed, &why))?;
    }
    it.pass(rng, None).map_err(|why| show(seed, &why))?;
    check_reached(&it).map_err(|why| show(seed, &why))?;
    let rest = it.pass(rng, None).map_err(|why| show(seed, &why))?;
    prop_assert!(
        rest.steps.is_empty(),
        "seed {seed}: a second plan has {:#?}",
        rest.steps
    );
    Ok(())
}

/// Sent anew and not recorded: the record names the old row, which is in the trash.
#[test]
fn what_was_sent_and_not_recorded_is_recorded_by_the_next_pass() {
    gets_there_whatever_fails(4_734_755_705_566_163_089).unwrap();
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn both_sides_become_the_target_in_any_order_of_steps(seed: u64) {
        let mut it = world(seed);
        let rng = &mut Rng::new(seed ^ 1);
        let before = it.clone();
        let plan = it.pass(rng, None).map_err(|why| show(seed, &why))?;
        check_least_work(&before, &plan).map_err(|why| show(seed, &why))?;
        check_reached(&it).map_err(|why| show(seed, &why))?;
        let rest = it.pass(rng, None).map_err(|why| show(seed, &why))?;
        prop_assert!(rest.steps.is_empty(), "seed {seed}: a second plan has {:#?}", rest.steps);
    }

    #[test]
    fn whatever_fails_the_next_passes_get_there(seed: u64) {
        gets_there_whatever_fails(seed)?;
    }

    #[test]
    fn the_same_trees_give_the_same_plan(seed: u64) {
        let it = world(seed);
        let (local, remote) = it.trees();
        let merged = it.merged();
        let trees = Trees { synced: &it.synced, local: &local, remote: &remote };
        prop_assert_eq!(transition(trees, &merged, &it.policy), transition(trees, &merged, &it.policy));
    }
}
