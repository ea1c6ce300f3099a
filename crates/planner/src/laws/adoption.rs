//! What is put on record folder by folder is what one merge of everything would put on record, and leaves all else as it was.

use super::*;
use crate::id::NodeId;
use crate::merge::TargetNode;
use crate::part::Adoption;
use crate::transition::{JournalStep, Step};
use crate::tree::{Standing, SyncedFile, SyncedKind, SyncedNode};

fn whole<'a>(now: &'a Decision, synced: &'a SyncedTree) -> Whole<'a> {
    Whole {
        synced,
        local: &now.local,
        holder: &|_| None,
        remote: &now.remote,
    }
}

/// The record that a step makes, as the engine does.
fn record(now: &Decision, node: &TargetNode, id: NodeId, parent: Option<NodeId>) -> SyncedNode {
    let entry = now.local.nodes.get(node.local.unwrap()).unwrap();
    let row = now.remote.nodes.get(node.remote.unwrap()).unwrap();
    let kind = match row.id {
        RemoteId::Folder(id) => SyncedKind::Folder(id),
        RemoteId::File(remote) => {
            let (seen, listed) = (entry.file().unwrap(), row.file().unwrap());
            assert_eq!(seen.size, listed.size);
            SyncedKind::File(SyncedFile {
                remote,
                short_url: listed.short_url.clone(),
                size: seen.size,
                hash: seen.hash.or(listed.hash),
                stamp: Some(seen.stamp),
            })
        }
    };
    SyncedNode {
        id,
        parent,
        remote_name: node.remote_name.clone().unwrap(),
        local_name: node.local_name.clone().unwrap(),
        identity: entry.identity,
        standing: Standing::Agreed,
        kind,
    }
}

/// All that is agreed on in parts of some `at_most` nodes, and how many parts there were. `None`: something on record is not as
/// agreed.
fn adopted(now: &Decision, policy: &Policy, at_most: usize) -> Option<(SyncedTree, usize)> {
    let mut synced = now.synced.clone();
    let mut adoption = Adoption::begin(whole(now, &synced))?;
    let mut next = synced.iter().last().map_or(0, |node| node.id.0);
    let mut parts = 0;
    while let Some(part) = adoption.next(whole(now, &synced), at_most) {
        parts += 1;
        assert!(parts < 1_000, "it goes on forever");
        let (_, merged, plan) = decided_alone(&part, policy);
        let mut records: BTreeMap<_, NodeId> = merged
            .target
            .iter()
            .filter_map(|node| Some((node.key, node.synced?)))
            .collect();
        for step in plan.agreements().steps {
            let node = merged.target.get(step.node.unwrap()).unwrap();
            let parent = node.parent.map(|parent| records[&parent]);
            next += 1;
            records.insert(node.key, NodeId(next));
            synced.insert(record(now, node, NodeId(next), parent));
        }
    }
    Some((synced, parts))
}

fn agrees(step: &Step) -> bool {
    step.action == Action::Journal(JournalStep::Agree)
}

/// What a plan puts on record, by entry and row.
fn agreed(merged: &crate::merge::Merged, plan: &Plan) -> BTreeSet<(Option<LocalKey>, Option<RemoteId>)> {
    let steps = plan.steps.iter().filter(|step| agrees(step));
    let nodes = steps.map(|step| merged.target.get(step.node.unwrap()).unwrap());
    nodes.map(|node| (node.local, node.remote)).collect()
}

/// All else that a plan does, without the numbers of its own.
fn done(plan: &Plan) -> Vec<String> {
    let steps = plan.steps.iter().filter(|step| !agrees(step));
    let mut lines: Vec<String> = steps
        .map(|step| {
            let text = format!("{:?} {:?}", step.action, step.because);
            let made = text
                .find("Made(")
                .map(|at| (at, at + text[at..].find(')').unwrap()));
            made.map_or(text.clone(), |(from, to)| {
                format!("{}{}", &text[..from], &text[to..])
            })
        })
        .collect();
    lines.sort();
    lines
}

/// Puts on record what is agreed on in parts, and decides about the rest. Answers how much that was, and in how many parts;
/// `None`: something on record is not as agreed.
pub(crate) fn holds(
    now: &Decision,
    policy: &Policy,
    at_most: usize,
) -> Result<Option<(usize, usize)>, String> {
    let Some((synced, parts)) = adopted(now, policy, at_most) else {
        return Ok(None);
    };
    let new: BTreeSet<_> = synced
        .iter()
        .filter(|node| !now.synced.contains(node.id))
        .map(|node| {
            let mut entries = now.local.nodes.iter();
            let entry = entries.find(|entry| entry.identity == node.identity);
            (entry.map(|entry| entry.key), Some(node.remote()))
        })
        .collect();
    let expected = agreed(&now.merged, &now.plan);
    if let Some(other) = new.difference(&expected).next() {
        return Err(format!("{other:?} is agreed on in a part only\n{}", now.text()));
    }
    let trees = Trees {
        synced: &synced,
        ..now.trees()
    };
    let merged = merge(trees, &Scope::Everything, policy, Now(0));
    let plan = transition(trees, &merged, policy);
    if done(&plan) != done(&now.plan) {
        return Err(format!(
            "afterwards:\n{}\nby itself:\n{}",
            render::text(trees, &merged, &plan),
            now.text()
        ));
    }
    Ok(Some((new.len(), parts)))
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn what_is_put_on_record_first_is_what_all_would_be(
        seed: u64,
        events in 0_usize..6,
        grown: bool,
        forgotten in 0_u8..3,
        at_most in 0_usize..12,
    ) {
        let world = if grown { World::grown(seed) } else { wide(seed) };
        let mut world = world.map_err(fail(seed))?;
        world.disturb(events, Side::Anywhere, Habit::Plain);
        // The journal is lost, or what came last is on no record yet.
        let keep = match forgotten {
            0 => 0,
            1 => world.machine.synced.len() / 2,
            _ => world.machine.synced.len(),
        };
        let known: Vec<NodeId> = world.machine.synced.iter().map(|node| node.id).collect();
        for id in known.iter().skip(keep) {
            world.machine.synced.remove(*id);
        }
        // No record is without that of its folder.
        for id in known {
            if world.machine.synced.path(id).is_none() {
                world.machine.synced.remove(id);
            }
        }
        let now = world.decide();
        holds(&now, &world.machine.policy, at_most).map_err(fail(seed))?;
    }
}

/// Much is agreed on that way, in several parts.
#[test]
fn equal_trees_are_put_on_record_part_by_part() {
    let mut parts = 0;
    for seed in 0..100 {
        let mut world = wide(seed).unwrap();
        let before = world.machine.synced.len();
        world.machine.synced = SyncedTree::default();
        let now = world.decide();
        let (new, of) = holds(&now, &world.machine.policy, 4).unwrap().unwrap();
        assert_eq!(new, before, "seed {seed}");
        parts += of;
    }
    assert!(parts > 200, "{parts}");
}
