//! Small worlds told by what happens: up to two nodes that a pass of the machine itself agreed on, everything that can
//! happen to each on each side, and something new on each side. All 234,375 of them with `SYNCD_EXHAUSTIVE=1`; a fixed
//! sample in a normal run.
//!
//! Besides the triples of trees, because here the records are the machine's own, each file has a content of its own, so
//! that none can stand for another that is lost, and there are three names.

use std::collections::BTreeSet;

use crate::id::RemoteId;
use crate::name::{LocalName, RemoteName};
use crate::policy::Policy;
use crate::pretend::{Account, Bytes, Disk, Inode, Kind, Machine, Rng, Trouble};

/// Without the variable, one world in so many is tried; a prime, so that no choice is left out.
const SAMPLE: usize = 97;

/// Choices out of one number, by turns.
struct Digits(usize);

impl Digits {
    fn next(&mut self, radix: usize) -> usize {
        let digit = self.0 % radix;
        self.0 /= radix;
        digit
    }
}

fn here(name: &str) -> LocalName {
    LocalName::new(name).unwrap()
}

fn there(name: &str) -> RemoteName {
    RemoteName::new(name)
}

/// One base node on both sides, once it is synced.
#[derive(Clone, Copy)]
struct Node {
    inode: Inode,
    row: RemoteId,
}

struct World {
    machine: Machine,
    account: Account,
    required: BTreeSet<Bytes>,
}

impl World {
    fn pass(&mut self, rng: &mut Rng) -> Result<usize, String> {
        let decision = self.machine.decide(&self.account);
        self.machine
            .act(&mut self.account, &decision, rng, Trouble::Never)
            .map_err(|why| format!("{why}\n{}", decision.text()))
    }

    fn disk(&mut self) -> &mut Disk {
        &mut self.machine.disk
    }

    fn kind(&mut self, folder: bool, bytes: Bytes) -> Kind {
        if folder {
            return Kind::Folder;
        }
        self.required.insert(bytes);
        Kind::File(bytes)
    }

    fn row_of(&self, inode: Inode) -> RemoteId {
        let mut records = self.machine.synced.iter();
        let record = records.find(|node| node.identity == Some(Disk::identity(inode)));
        record.unwrap().remote()
    }

    /// What happens to a node on the disk: nothing, deleted, renamed, moved into the other, edited.
    fn happen_here(&mut self, deed: usize, node: Node, other: Option<Node>, bytes: Bytes) {
        let inode = node.inode;
        let Some(was) = self.disk().nodes.get(&inode).cloned() else {
            return;
        };
        match deed {
            1 => {
                for gone in self.disk().remove_all(inode) {
                    self.required.remove(&gone);
                }
            }
            2 => drop(self.disk().rename(inode, was.parent, &here("c"))),
            3 => {
                if let Some(other) = other {
                    drop(self.disk().rename(inode, Some(other.inode), &was.name));
                }
            }
            4 => {
                if let Kind::File(old) = was.kind {
                    self.required.remove(&old);
                    self.required.insert(bytes);
                    self.disk().write(inode, bytes);
                }
            }
            _ => {}
        }
    }

    /// The same in the account.
    fn happen_there(&mut self, deed: usize, node: Node, other: Option<Node>, bytes: Bytes) {
        let id = node.row;
        let Some(was) = self.account.live(id).cloned() else {
            return;
        };
        match deed {
            1 => {
                let mut gone = id
                    .folder()
                    .map(|folder| self.account.below(folder))
                    .unwrap_or_default();
                gone.insert(id);
                for bytes in gone.iter().filter_map(|id| self.account.rows[id].bytes) {
                    self.required.remove(&bytes);
                }
                self.account.trash(id);
            }
            2 => drop(self.account.edit(id, Some(&there("c")), None)),
            3 => {
                if let Some(folder) = other.and_then(|other| other.row.folder()) {
                    drop(self.account.edit(id, None, Some(Some(folder))));
                }
            }
            4 => {
                if let Some(old) = was.bytes {
                    self.required.remove(&old);
                    self.required.insert(bytes);
                    let row = self.account.rows.get_mut(&id).unwrap();
                    row.bytes = Some(bytes);
                    row.version += 1;
                }
            }
            _ => {}
        }
    }

    /// One pass, after which nothing is left to do and nothing is lost.
    fn check(&mut self, rng: &mut Rng) -> Result<(), String> {
        self.pass(rng)?;
        let next = self.machine.decide(&self.account);
        if !next.plan.steps.is_empty() || !next.merged.held.is_empty() {
            return Err(format!("not the end: {}{:?}", next.text(), next.merged.held));
        }
        self.machine.check_agreement(&self.account, &[])?;
        let (disk, account) = (self.machine.disk.contents(), self.account.contents());
        match self
            .required
            .iter()
            .find(|bytes| !disk.contains(bytes) || !account.contains(bytes))
        {
            Some(bytes) => Err(format!("{bytes} is lost")),
            None => Ok(()),
        }
    }
}

fn try_world(number: usize) -> Result<(), String> {
    let rng = &mut Rng::new(number as u64);
    let choice = &mut Digits(number);
    let policy = Policy {
        device: "D".into(),
        ..Policy::default()
    };
    let mut world = World {
        machine: Machine::new(policy),
        account: Account::default(),
        required: BTreeSet::new(),
    };
    let mut inodes = Vec::new();
    let (first, second) = (choice.next(3), choice.next(5));
    if first > 0 {
        let kind = world.kind(first == 2, 1);
        inodes.push(world.disk().create(None, &here("a"), kind).unwrap());
    }
    if second > 0 {
        let kind = world.kind(second % 2 == 0, 2);
        let folder = inodes.first().copied().filter(|_| second > 2 && first == 2);
        inodes.push(world.disk().create(folder, &here("b"), kind).unwrap());
    }
    world.pass(rng)?;
    let nodes: Vec<Node> = inodes
        .iter()
        .map(|inode| Node {
            inode: *inode,
            row: world.row_of(*inode),
        })
        .collect();
    for at in 0..2 {
        let deeds = (choice.next(5), choice.next(5));
        let other = nodes.get(1 - at).copied();
        if let Some(node) = nodes.get(at).copied() {
            world.happen_here(deeds.0, node, other, 10 + at as Bytes);
            world.happen_there(deeds.1, node, other, 20 + at as Bytes);
        }
    }
    let names = ["a", "c"];
    let (new_here, new_there) = (choice.next(5), choice.next(5));
    if new_here > 0 && world.disk().find(None, &here(names[new_here % 2])).is_none() {
        let kind = world.kind(new_here > 2, 30);
        world
            .disk()
            .create(None, &here(names[new_here % 2]), kind)
            .unwrap();
    }
    let name = there(names[new_there % 2]);
    let taken = world
        .account
        .children(None)
        .iter()
        .any(|id| world.account.rows[id].name == name);
    if new_there > 0 && !taken {
        let bytes = (new_there <= 2).then_some(40);
        world.required.extend(bytes);
        world.account.create(None, &name, bytes);
    }
    world.check(rng)
}

#[test]
fn everything_that_can_happen_to_two_nodes_is_settled_in_one_pass_and_loses_nothing() {
    let all = 3 * 5 * 5_usize.pow(4) * 25;
    let step = if std::env::var_os("SYNCD_EXHAUSTIVE").is_some() {
        1
    } else {
        SAMPLE
    };
    for number in (0..all).step_by(step) {
        if let Err(why) = try_world(number) {
            panic!("world {number}: {why}");
        }
    }
}
