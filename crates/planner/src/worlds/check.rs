//! The properties of design §2, for one triple of trees. What must happen is said from the triple alone, never from what
//! the merge said of it; where the rules of who is who (M1–M5) leave room, nothing is demanded.

use std::collections::{BTreeMap, BTreeSet};

use super::forest::{Seen, Spot};
use super::world::{Newer, World, bytes_of};
use crate::id::{LocalKey, NodeId, RemoteId};
use crate::laws::{adoption, count, decided_in_part, differing, renumbered};
use crate::merge::{Compare, Now, Scope, Trees, merge};
use crate::part::Seeds;
use crate::path::RelPath;
use crate::policy::ConflictPolicy;
use crate::pretend::{Account, Bytes, Decision, Machine, Rng, Trouble};
use crate::render;
use crate::transition::{Action, LocalStep, RemoteStep, transition};
use crate::tree::SyncedNode;

/// What one world needed.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Tally {
    /// Somebody's choice of a version mattered, so that the other policies were lived as well.
    pub(super) contested: bool,
}

/// One machine and one account, before and after.
struct Life<'a> {
    world: &'a World,
    policy: ConflictPolicy,
    before: Account,
    decision: Decision,
    machine: Machine,
    account: Account,
}

/// How much is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Care {
    /// The plan is made once.
    Less,
    /// It is made of the same trees in other ways as well.
    All,
}

/// All that must hold of a world, under every policy.
pub(super) fn check(world: &World, care: Care) -> Result<Tally, String> {
    let life = Life::live(world, ConflictPolicy::KeepBoth, Newer::HereFirst)?;
    life.check_all()?;
    // No hash of a row is known unless it was asked for, and without it no policy is ever asked.
    let met = life
        .decision
        .asked
        .iter()
        .any(|ask| matches!(ask, Compare::Remote(_)));
    let contested = met && life.differs(ConflictPolicy::PreferLocal);
    if care == Care::All {
        life.check_numbering()?;
        life.check_part()?;
        life.check_what_differs()?;
        life.check_adoption()?;
        for policy in [
            ConflictPolicy::PreferLocal,
            ConflictPolicy::PreferRemote,
            ConflictPolicy::PreferNewer,
        ] {
            if life.differs(policy) != contested {
                return Err(format!(
                    "{policy:?} is {contested:?} asked\n{}",
                    life.decision.text()
                ));
            }
        }
    }
    if contested {
        for (policy, newer) in [
            (ConflictPolicy::PreferLocal, Newer::HereFirst),
            (ConflictPolicy::PreferRemote, Newer::HereFirst),
            (ConflictPolicy::PreferNewer, Newer::HereFirst),
            (ConflictPolicy::PreferNewer, Newer::ThereFirst),
        ] {
            Life::live(world, policy, newer)?.check_all()?;
        }
    }
    Ok(Tally { contested })
}

impl<'a> Life<'a> {
    /// Decides, acts, and decides once more: nothing may be left.
    fn live(world: &'a World, policy: ConflictPolicy, newer: Newer) -> Result<Self, String> {
        let (mut machine, before) = world.begin(policy, newer);
        let mut account = before.clone();
        let decision = machine.decide(&account);
        let told = |why: String| format!("{policy:?} {newer:?}: {why}\n{}", decision.text());
        let rng = &mut Rng::new(world.number);
        machine
            .act(&mut account, &decision, rng, Trouble::Never)
            .map_err(told)?;
        let next = machine.decide(&account);
        if !next.plan.steps.is_empty() || !next.asked.is_empty() || !next.merged.held.is_empty() {
            let left = (&next.asked, &next.merged.held);
            return Err(told(format!("not the end: {left:?}\n{}", next.text())));
        }
        machine.check_agreement(&account, &[]).map_err(told)?;
        Ok(Self {
            world,
            policy,
            before,
            decision,
            machine,
            account,
        })
    }

    fn check_all(&self) -> Result<(), String> {
        let checks = [
            self.check_nothing_lost(),
            self.check_deletions(),
            self.check_work(),
            self.check_one_side(),
        ];
        let failed = checks.into_iter().find_map(Result::err);
        match failed {
            None => Ok(()),
            Some(why) => Err(format!("{:?}: {why}\n{}", self.policy, self.decision.text())),
        }
    }

    /// Whether another policy decides otherwise about the same trees.
    fn differs(&self, conflict: ConflictPolicy) -> bool {
        let policy = crate::policy::Policy {
            conflict,
            ..self.machine.policy.clone()
        };
        merge(self.decision.trees(), &Scope::Everything, &policy, Now(0)) != self.decision.merged
    }

    /// The fifth property: another numbering of the scan gives the same plan.
    fn check_numbering(&self) -> Result<(), String> {
        let local = renumbered(&self.decision.local, &mut Rng::new(!self.world.number));
        let trees = Trees {
            local: &local,
            ..self.decision.trees()
        };
        self.same_plan(trees, &Scope::Everything, "with other numbers")
    }

    /// The sixth: a merge of what changed is the whole one.
    fn check_part(&self) -> Result<(), String> {
        let scope = self.world.changed();
        self.same_plan(self.decision.trees(), &scope, "of what changed")?;
        let seeds = seeds(&scope, &self.decision);
        let (text, _) = decided_in_part(&self.decision, &seeds, &self.machine.policy)?;
        let whole = self.decision.text();
        if text == whole {
            return Ok(());
        }
        Err(format!("a part by itself:\n{text}\nelse:\n{whole}"))
    }

    /// The same where nobody tells what changed.
    fn check_what_differs(&self) -> Result<(), String> {
        let seeds = differing(&self.decision)?;
        let (text, _) = decided_in_part(&self.decision, &seeds, &self.machine.policy)?;
        let whole = self.decision.text();
        if text == whole {
            return Ok(());
        }
        Err(format!("what differs by itself:\n{text}\nelse:\n{whole}"))
    }

    /// What is put on record first, part by part, is what all would be.
    fn check_adoption(&self) -> Result<(), String> {
        adoption::holds(&self.decision, &self.machine.policy, 2).map(drop)
    }

    fn same_plan(&self, trees: Trees<'_>, scope: &Scope, what: &str) -> Result<(), String> {
        let policy = &self.machine.policy;
        let merged = merge(trees, scope, policy, Now(0));
        let plan = transition(trees, &merged, policy);
        let (text, whole) = (render::text(trees, &merged, &plan), self.decision.text());
        if text == whole {
            return Ok(());
        }
        Err(format!("{what}:\n{text}\nelse:\n{whole}"))
    }

    /// The first: every content is somewhere, and where nobody removed it, on both sides.
    fn check_nothing_lost(&self) -> Result<(), String> {
        let triple = &self.world.triple;
        let shown = |side: &[Seen]| -> BTreeSet<Bytes> {
            side.iter().filter_map(|node| bytes_of(node.spot.what)).collect()
        };
        let (here, there) = (self.machine.disk.contents(), self.account.contents());
        // In the trash by itself or with its folder.
        let trashed = self
            .before
            .rows
            .iter()
            .filter(|(id, _)| self.before.live(**id).is_some() && self.account.live(**id).is_none());
        let mut anywhere: BTreeSet<Bytes> = trashed.filter_map(|(_, row)| row.bytes).collect();
        anywhere.extend(here.iter().chain(&there).chain(&self.machine.disk.trash));
        if let Some(bytes) = shown(&triple.here)
            .union(&shown(&triple.there))
            .find(|bytes| !anywhere.contains(bytes))
        {
            return Err(format!("{bytes} is nowhere"));
        }
        let mut wanted = BTreeSet::new();
        if matches!(
            self.policy,
            ConflictPolicy::KeepBoth | ConflictPolicy::PreferLocal
        ) {
            wanted.extend(
                self.world
                    .fresh(&triple.here)
                    .difference(&self.world.removed(&triple.there)),
            );
        }
        if matches!(
            self.policy,
            ConflictPolicy::KeepBoth | ConflictPolicy::PreferRemote
        ) {
            wanted.extend(
                self.world
                    .fresh(&triple.there)
                    .difference(&self.world.removed(&triple.here)),
            );
        }
        let (removed, also) = (
            self.world.removed(&triple.here),
            self.world.removed(&triple.there),
        );
        wanted.extend(
            self.world
                .agreed()
                .difference(&removed)
                .filter(|bytes| !also.contains(bytes)),
        );
        match wanted
            .iter()
            .find(|bytes| !here.contains(bytes) || !there.contains(bytes))
        {
            Some(bytes) => Err(format!("{bytes} is not on both sides")),
            None => Ok(()),
        }
    }

    /// The third: what is gone on one side and left alone on the other goes there too; a change beats it.
    fn check_deletions(&self) -> Result<(), String> {
        for at in 0..self.world.triple.base.len() {
            let inode = self.world.base_inodes[at];
            let id = self.world.base_rows[at];
            let lives_here = self.machine.disk.nodes.contains_key(&inode);
            let lives_there = self.account.live(id).is_some();
            match self.world.deletion(at) {
                Some(Deletion::Here { changed: false }) if lives_there => {
                    return Err(format!("{id:?} was deleted here and lives on"));
                }
                Some(Deletion::Here { changed: true })
                    if !lives_there && self.is_kept(&self.world.triple.here) =>
                {
                    return Err(format!("{id:?} was changed there and is gone"));
                }
                Some(Deletion::There { changed: false }) if lives_here => {
                    return Err(format!("{inode} was deleted there and lives on"));
                }
                Some(Deletion::There { changed: true })
                    if !lives_here && self.is_kept(&self.world.triple.there) =>
                {
                    return Err(format!("{inode} was changed here and is gone"));
                }
                Some(Deletion::Here { .. } | Deletion::There { .. }) | None => {}
            }
        }
        Ok(())
    }

    /// Whether no policy can put something new of the other side in the place of what lives.
    fn is_kept(&self, other: &[Seen]) -> bool {
        self.policy == ConflictPolicy::KeepBoth || other.iter().all(|node| node.was.is_some())
    }

    /// The fourth: no node is touched twice on a side, and no bytes move that both sides hold.
    fn check_work(&self) -> Result<(), String> {
        let triple = &self.world.triple;
        let mut places = BTreeMap::new();
        let mut bytes = BTreeMap::new();
        for step in &self.decision.plan.steps {
            let counted = match &step.action {
                Action::Local(LocalStep::Move { .. } | LocalStep::Unpark { .. }) => &mut places,
                Action::Local(LocalStep::Place { .. } | LocalStep::Replace { .. }) => &mut bytes,
                Action::Remote(RemoteStep::EditFile { .. } | RemoteStep::EditFolder { .. }) => &mut places,
                Action::Remote(RemoteStep::Upload { .. } | RemoteStep::Replace { .. }) => &mut bytes,
                Action::Local(_) | Action::Remote(_) | Action::Journal(_) => continue,
            };
            let times: &mut u32 = counted
                .entry((step.node, matches!(step.action, Action::Local(_))))
                .or_default();
            *times += 1;
            if *times > 1 {
                return Err(format!("once too often: {step:?}"));
            }
        }
        for ask in &self.decision.asked {
            let Compare::Remote(id) = ask else { continue };
            let known = self
                .world
                .base_rows
                .iter()
                .position(|row| *row == RemoteId::File(*id));
            let seen = known.and_then(|at| Some((find(&triple.there, at)?, triple.base[at])));
            if seen.is_some_and(|(seen, base)| seen.spot.what == base.what) {
                return Err(format!("{id} is fetched though it is known"));
            }
        }
        if triple.here.iter().any(|node| node.was.is_none()) {
            return Ok(());
        }
        for (node, _) in bytes.keys() {
            let target = node.and_then(|key| self.decision.merged.target.get(key));
            let at = |key: LocalKey| self.world.base_inodes.iter().position(|inode| *inode == key.0);
            let Some(at) = target.and_then(|target| at(target.local?)) else {
                continue;
            };
            let same =
                |side: &[Seen]| find(side, at).is_some_and(|seen| seen.spot.what == triple.base[at].what);
            if same(&triple.here) && same(&triple.there) {
                return Err(format!("bytes of {target:?} move though both sides have them"));
            }
        }
        Ok(())
    }

    /// What changed on one side only comes to the other: the side is left alone, and a move is one call.
    fn check_one_side(&self) -> Result<(), String> {
        let triple = &self.world.triple;
        let (here, there) = (
            self.world.is_as_agreed(&triple.here),
            self.world.is_as_agreed(&triple.there),
        );
        if !here && !there {
            return Ok(());
        }
        let (disk, account, bytes) = count(&self.decision);
        let still = (!here || account == 0) && (!there || disk == 0);
        if !still || !self.decision.merged.conflicts.is_empty() {
            return Err(format!(
                "{disk} steps here, {account} there, of one side's changes"
            ));
        }
        let changed = if here { &triple.there } else { &triple.here };
        let Some(moves) = self.world.moves(changed) else {
            return Ok(());
        };
        let parks = self.decision.plan.steps.iter();
        let parks = parks
            .filter(|step| matches!(step.action, Action::Local(LocalStep::Park { .. })))
            .count();
        if disk + account - parks != moves || bytes != 0 {
            return Err(format!(
                "{moves} moves are {disk} and {account} steps, {bytes} with bytes"
            ));
        }
        Ok(())
    }
}

/// Where all that is, and was.
fn seeds(scope: &Scope, decision: &Decision) -> Seeds {
    let Scope::Closure {
        synced,
        local,
        remote,
    } = scope
    else {
        return Seeds::default();
    };
    let base = &decision.synced;
    let mut seeds = Seeds::default();
    seeds.local.extend(synced.iter().filter_map(|id| base.path(*id)));
    seeds
        .local
        .extend(local.iter().filter_map(|key| decision.local.nodes.path(*key)));
    let homes = synced.iter().filter_map(|id| {
        let above = base.get(*id)?.parent;
        Some(above.and_then(|above| base.get(above)?.remote().folder()))
    });
    seeds.remote.extend(homes);
    let rows = remote.iter().filter_map(|id| decision.remote.nodes.get(*id));
    seeds.remote.extend(rows.map(|row| row.parent));
    seeds.moved = moved(decision);
    seeds
}

/// Folders that are in another folder here, or have another name, than on record: where they are, and were.
fn moved(decision: &Decision) -> BTreeMap<RelPath, RelPath> {
    let (base, here) = (&decision.synced, &decision.local.nodes);
    let identity_here = |key: Option<LocalKey>| here.get(key?)?.identity;
    let identity_then = |id: Option<NodeId>| base.get(id?)?.identity;
    let pairs = here.iter().filter_map(|entry| {
        let known = |node: &&SyncedNode| node.identity.is_some() && node.identity == entry.identity;
        let node = base.iter().find(known).filter(|_| entry.is_folder())?;
        let same_folder = identity_here(entry.parent) == identity_then(node.parent)
            && entry.parent.is_none() == node.parent.is_none();
        let elsewhere = entry.name != node.local_name || !same_folder;
        elsewhere.then(|| Some((here.path(entry.key)?, base.path(node.id)?)))?
    });
    pairs.collect()
}

/// An agreed node that is gone on one side for certain, and whether the other side changed it or left it alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Deletion {
    Here { changed: bool },
    There { changed: bool },
}

/// What a side shows of an agreed node.
fn find(side: &[Seen], at: usize) -> Option<&Seen> {
    side.iter().find(|node| node.was == Some(at))
}

impl World {
    fn base_of(&self, node: &Seen) -> Option<Spot> {
        node.was.map(|was| self.triple.base[was])
    }

    /// Edited, renamed or moved.
    fn is_changed(&self, side: &[Seen], node: &Seen) -> bool {
        self.base_of(node)
            .is_none_or(|base| base.what != node.spot.what || !self.is_in_place(side, node, base))
    }

    /// Whether the node was deleted on one side. Not said where something else may be taken for it: what has come to its
    /// name (M3, A4, M13), or, here, to its content (M4); nor where what changed may itself be taken for something else.
    fn deletion(&self, at: usize) -> Option<Deletion> {
        let triple = &self.triple;
        if self.may_be_another(&triple.here, at) || self.may_be_another(&triple.there, at) {
            return None;
        }
        match (find(&triple.here, at), find(&triple.there, at)) {
            (None, Some(_)) if self.has_copy(at) => None,
            (None, Some(seen)) => self
                .treated(&triple.there, seen)
                .map(|changed| Deletion::Here { changed }),
            (Some(seen), None) => self
                .treated(&triple.here, seen)
                .map(|changed| Deletion::There { changed }),
            (Some(_), Some(_)) | (None, None) => None,
        }
    }

    /// Whether a node was itself changed; `None` if only what is above or in it was, or if it is not sure: it may be taken for
    /// what was at its name, and another folder for the one it was in.
    fn treated(&self, side: &[Seen], node: &Seen) -> Option<bool> {
        if !self.is_changed(side, node) {
            return self.is_left_alone(side, node).then_some(false);
        }
        let base = self.base_of(node)?;
        let takes = |(at, spot): (usize, &Spot)| {
            let away = find(side, at).is_none_or(|seen| self.is_changed(side, seen));
            let alike = spot.name == node.spot.name && spot.what.is_folder() == node.spot.what.is_folder();
            node.was != Some(at) && away && alike
        };
        let followed = base
            .parent
            .is_some_and(|parent| self.may_be_another(side, parent));
        let taken = self.triple.base.iter().enumerate().any(takes);
        (!followed && !taken).then_some(true)
    }

    /// Whether something new or moved here has the content of an agreed file.
    fn has_copy(&self, at: usize) -> bool {
        let what = self.triple.base[at].what;
        let mut here = self.triple.here.iter();
        !what.is_folder()
            && here.any(|node| node.spot.what == what && self.is_changed(&self.triple.here, node))
    }

    /// It, all above it and all in it is as agreed, as far as it is there.
    fn is_left_alone(&self, side: &[Seen], node: &Seen) -> bool {
        let above = |seen: &Seen| seen.spot.parent.map(|parent| side[parent]);
        let chain = |seen: Seen| std::iter::successors(Some(seen), above);
        let inside = side.iter().filter(|other| chain(**other).any(|at| at == *node));
        inside
            .chain(chain(*node).collect::<Vec<_>>().iter())
            .all(|seen| !self.is_changed(side, seen))
    }

    fn is_as_agreed(&self, side: &[Seen]) -> bool {
        side.len() == self.triple.base.len() && side.iter().all(|node| !self.is_changed(side, node))
    }

    /// How many agreed nodes a side moved, if it did nothing else.
    fn moves(&self, side: &[Seen]) -> Option<usize> {
        let same = |node: &Seen| self.base_of(node).is_some_and(|base| base.what == node.spot.what);
        if side.len() != self.triple.base.len() || !side.iter().all(same) {
            return None;
        }
        Some(side.iter().filter(|node| self.is_changed(side, node)).count())
    }

    fn agreed(&self) -> BTreeSet<Bytes> {
        self.triple
            .base
            .iter()
            .filter_map(|spot| bytes_of(spot.what))
            .collect()
    }

    /// Contents that came to this side since the agreement.
    fn fresh(&self, side: &[Seen]) -> BTreeSet<Bytes> {
        let fresh = side
            .iter()
            .filter(|node| self.base_of(node).is_none_or(|base| base.what != node.spot.what));
        fresh.filter_map(|node| bytes_of(node.spot.what)).collect()
    }

    /// Contents that a file of this side had when it was agreed on and has no more, also because another took its name.
    fn removed(&self, side: &[Seen]) -> BTreeSet<Bytes> {
        let gone = |(at, spot): &(usize, &Spot)| {
            find(side, *at).is_none_or(|node| node.spot.what != spot.what) || self.may_be_another(side, *at)
        };
        let base = self.triple.base.iter().enumerate();
        base.filter(gone)
            .filter_map(|(_, spot)| bytes_of(spot.what))
            .collect()
    }

    /// Whether something else of its kind has come to its name, so that it may go on as that (M3, A4, M13).
    fn may_be_another(&self, side: &[Seen], at: usize) -> bool {
        let spot = self.triple.base[at];
        side.iter().any(|node| {
            let came = node
                .was
                .is_none_or(|was| was != at && self.is_changed(side, node));
            came && node.spot.name == spot.name && node.spot.what.is_folder() == spot.what.is_folder()
        })
    }

    /// Everything that is not as it was agreed, as an engine hears of it.
    fn changed(&self) -> Scope {
        let triple = &self.triple;
        let changed =
            |side: &[Seen]| -> Vec<bool> { side.iter().map(|node| self.is_changed(side, node)).collect() };
        let (here, there) = (changed(&triple.here), changed(&triple.there));
        let is_same =
            |side: &[Seen], at: usize| find(side, at).is_some_and(|node| !self.is_changed(side, node));
        let local = self.inodes.iter().zip(here).filter(|(_, changed)| *changed);
        let remote = self.rows.iter().zip(there).filter(|(_, changed)| *changed);
        let synced =
            (0..triple.base.len()).filter(|at| !is_same(&triple.here, *at) || !is_same(&triple.there, *at));
        Scope::Closure {
            synced: synced.map(|at| self.record(at)).collect(),
            local: local.map(|(inode, _)| LocalKey(*inode)).collect(),
            remote: remote.map(|(id, _)| *id).collect(),
        }
    }
}
