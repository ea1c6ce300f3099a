//! One machine: its disk, its journal, and a whole pass over a shared account, as an engine makes it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Account, Disk, Pass, Rng};
use crate::hold::{Hold, Reason};
use crate::id::{FileId, RemoteId};
use crate::merge::{Compare, Merged, Now, Scope, Trees, merge};
use crate::policy::Policy;
use crate::render;
use crate::transition::{Plan, transition};
use crate::tree::{LocalTree, RemoteTree, Standing, SyncedNode, SyncedTree};

/// How often bytes may be asked for before one decision. One question opens the next at most a few times.
const ASKS: usize = 6;

/// What a pass decided, and from what.
pub(crate) struct Decision {
    pub(crate) synced: SyncedTree,
    pub(crate) local: LocalTree,
    pub(crate) remote: RemoteTree,
    pub(crate) merged: Merged,
    pub(crate) plan: Plan,
    /// Everything that had to be hashed or fetched.
    pub(crate) asked: BTreeSet<Compare>,
}

impl Decision {
    pub(crate) fn trees(&self) -> Trees<'_> {
        Trees {
            synced: &self.synced,
            local: &self.local,
            remote: &self.remote,
        }
    }

    pub(crate) fn text(&self) -> String {
        render::text(self.trees(), &self.merged, &self.plan)
    }
}

/// What goes wrong in a pass.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trouble {
    /// Nothing; a step that cannot be done is an error of the plan.
    Never,
    /// Nothing is made to fail, but others change the account meanwhile.
    Others,
    /// One step in four fails, and one pass in three is cut off.
    Often,
}

/// See the head of this file.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub(crate) disk: Disk,
    pub(crate) synced: SyncedTree,
    pub(crate) policy: Policy,
    next_node: u64,
    /// Versions whose bytes this machine has seen.
    seen: BTreeSet<(FileId, u32)>,
    /// Looks at rows that have no record.
    looks: BTreeMap<FileId, u8>,
}

impl Machine {
    /// A machine that never synced.
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            disk: Disk::with(policy.disk),
            synced: SyncedTree::default(),
            policy,
            next_node: 0,
            seen: BTreeSet::new(),
            looks: BTreeMap::new(),
        }
    }

    /// A machine whose disk and whose records are these.
    pub(crate) fn with(policy: Policy, disk: Disk, synced: SyncedTree) -> Self {
        let next_node = synced.iter().map(|node| node.id.0).max().unwrap_or(0);
        Self {
            disk,
            synced,
            next_node,
            ..Self::new(policy)
        }
    }

    /// A scan and a walk. What a walk shows is no longer only published.
    fn observe(&mut self, account: &Account) -> (LocalTree, RemoteTree) {
        let mut remote = account.walk(&self.synced, &self.seen);
        let shown: Vec<_> = (self.synced.iter())
            .filter(|node| node.standing == Standing::Published && remote.nodes.contains(node.remote()))
            .cloned()
            .collect();
        for mut node in shown {
            node.standing = Standing::Agreed;
            self.synced.insert(node);
        }
        let held: BTreeSet<RemoteId> = self.synced.iter().map(|node| node.remote()).collect();
        let new: Vec<_> = remote
            .nodes
            .iter()
            .filter(|row| !held.contains(&row.id))
            .cloned()
            .collect();
        for mut row in new {
            if let (Some(id), crate::tree::RemoteKind::File(file)) = (row.id.file(), &mut row.kind) {
                let looks = self.looks.entry(id).or_default();
                *looks = looks.saturating_add(1);
                file.looks = *looks;
                remote.nodes.insert(row);
            }
        }
        (self.disk.scan(), remote)
    }

    /// Looks and decides; fetches and hashes what the merge asks for.
    pub(crate) fn decide(&mut self, account: &Account) -> Decision {
        let (mut local, mut remote) = self.observe(account);
        let mut asked = BTreeSet::new();
        for _ in 0..ASKS {
            let trees = Trees {
                synced: &self.synced,
                local: &local,
                remote: &remote,
            };
            let merged = merge(trees, &Scope::Everything, &self.policy, Now(0));
            let fresh: Vec<Compare> = merged
                .compare
                .iter()
                .filter(|ask| asked.insert(**ask))
                .copied()
                .collect();
            for ask in &fresh {
                match ask {
                    Compare::Local(key) => self.disk.hash(*key),
                    Compare::Remote(id) => {
                        let row = account.rows.get(&RemoteId::File(*id));
                        self.seen.extend(row.map(|row| (*id, row.version)));
                    }
                }
            }
            if fresh.is_empty() {
                let plan = transition(trees, &merged, &self.policy);
                return Decision {
                    synced: self.synced.clone(),
                    local,
                    remote,
                    merged,
                    plan,
                    asked,
                };
            }
            local = self.disk.scan();
            // Hashes only: it is still the same look.
            let looks: BTreeMap<RemoteId, u8> = (remote.nodes.iter())
                .filter_map(|row| Some((row.id, row.file()?.looks)))
                .collect();
            remote = account.walk(&self.synced, &self.seen);
            let rows: Vec<_> = remote.nodes.iter().cloned().collect();
            for mut row in rows {
                if let crate::tree::RemoteKind::File(file) = &mut row.kind {
                    file.looks = looks[&row.id];
                    remote.nodes.insert(row);
                }
            }
        }
        panic!("the merge asks without end: {asked:?}");
    }

    /// Carries a decision out. Answers how many steps were done.
    pub(crate) fn act(
        &mut self,
        account: &mut Account,
        decision: &Decision,
        rng: &mut Rng,
        trouble: Trouble,
    ) -> Result<usize, String> {
        let plan = &decision.plan;
        let mut choice = rng.clone();
        let cut = matches!(trouble, Trouble::Often) && choice.one_in(3);
        let limit = if cut {
            choice.below(plan.steps.len() + 1)
        } else {
            usize::MAX
        };
        let mut pass = Pass::new(
            &mut self.disk,
            account,
            &mut self.synced,
            &mut self.next_node,
            &decision.local,
            &decision.remote,
            &decision.merged,
        );
        let mut failed = Ok(());
        let done = pass.run_all(
            plan,
            rng,
            limit,
            |_| matches!(trouble, Trouble::Often) && choice.one_in(4),
            |step, result, _| {
                if let (Trouble::Never, Err(why)) = (trouble, result) {
                    failed = Err(format!("{why:?} at {step:?}"));
                }
            },
        );
        let seen = std::mem::take(&mut pass.seen);
        self.seen.extend(seen);
        self.disk.recover();
        self.check_records_hang_together()?;
        failed.map(|()| done)
    }

    /// The records in words.
    pub(crate) fn records(&self) -> String {
        let line = |node: &SyncedNode| {
            let path = self.synced.path(node.id);
            format!(
                "  {path:?} {:?} {} {:?} {:?}\n",
                node.identity.map(|identity| identity.inode),
                node.remote_name,
                node.remote(),
                node.standing
            )
        };
        self.synced.iter().map(line).collect()
    }

    /// However far a pass came, each record leads up to the root: what is in a ring would never be looked for again.
    fn check_records_hang_together(&self) -> Result<(), String> {
        match self
            .synced
            .iter()
            .find(|node| self.synced.path(node.id).is_none())
        {
            Some(node) => Err(format!("{node:?} hangs nowhere")),
            None => Ok(()),
        }
    }

    /// Every record is true, of the disk and of the account, and nothing is without one but what is held.
    pub(crate) fn check_agreement(&self, account: &Account, held: &[Hold]) -> Result<(), String> {
        for node in self.synced.iter() {
            // One that was emptied here keeps its version there (design M18).
            let path = self.synced.path(node.id);
            if held
                .iter()
                .any(|hold| hold.reason == Reason::Empty && Some(&hold.path) == path.as_ref())
            {
                continue;
            }
            let row = account
                .live(node.remote())
                .ok_or_else(|| format!("{node:?} has no row"))?;
            let parent = node
                .parent
                .map(|parent| self.synced.get(parent).map(|node| node.remote()));
            if parent != row.parent.map(|id| Some(RemoteId::Folder(id))) || row.name != node.remote_name {
                return Err(format!("{node:?} is not where the account has it: {row:?}"));
            }
            let inode = node
                .identity
                .map(|identity| u32::try_from(identity.inode).unwrap());
            let entry = inode.and_then(|inode| self.disk.nodes.get(&inode));
            let entry = entry.ok_or_else(|| format!("{node:?} has no entry"))?;
            let above = node.parent.and_then(|parent| self.synced.get(parent)?.identity);
            if above.map(|above| above.inode) != entry.parent.map(u64::from) || entry.name != node.local_name
            {
                return Err(format!("{node:?} is not where the disk has it: {entry:?}"));
            }
            let bytes = match entry.kind {
                super::Kind::File(bytes) => Some(bytes),
                super::Kind::Folder => None,
            };
            let recorded = node.file().and_then(|file| file.hash);
            let known = recorded.or_else(|| bytes.filter(|bytes| *bytes == 0).map(super::hash_of));
            if bytes != row.bytes || known != bytes.map(super::hash_of) {
                return Err(format!("{node:?} has {bytes:?} here and {:?} there", row.bytes));
            }
        }
        let live = account.live_rows();
        let most = self.synced.len() + held.len();
        if live > most || self.disk.nodes.len() > most {
            return Err(format!(
                "{live} rows, {} entries, {} records",
                self.disk.nodes.len(),
                self.synced.len()
            ));
        }
        Ok(())
    }
}
