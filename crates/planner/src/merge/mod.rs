//! What both sides must become: [`merge`] and the values it takes and gives.
//!
//! [`merge`] is the order of the rules; each family of rules is a file. Pure and total: no clock, no failure; what cannot
//! be decided is held back with a reason. The order: who is who, each item by itself, rings, then folders from the
//! bottom up, what cannot be carried out, and names; the last three again until nothing changes, because what is left
//! alone keeps its folder and its name.

mod assemble;
#[cfg(test)]
mod cases;
mod conflict;
mod content;
mod create;
mod cycle;
mod delete;
mod hold;
mod item;
mod keep;
#[cfg(test)]
mod laws;
mod location;
mod names;
mod oneway;
mod reach;
#[cfg(test)]
mod render;
mod scope;
mod verdict;

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use self::assemble::assemble;
use self::conflict::OpenCopies;
use self::content::merge_bytes;
use self::create::{KnownNames, created};
use self::cycle::break_rings;
use self::delete::{Revived, deleted_here, deleted_there, gone_here};
use self::item::{Here, Item, Items, There, gather};
use self::keep::{Forced, resolve};
use self::location::merge_places;
use self::names::name_all;
use self::verdict::{Bytes, Fate, Note, Verdict};
use crate::content::Stamp;
use crate::hold::{Hold, Reason, Side};
use crate::id::{FileId, LocalKey, NodeId, RemoteId, TargetKey};
use crate::identify::identify;
use crate::name::{LocalName, RemoteName};
use crate::path::RelPath;
use crate::policy::Policy;
use crate::rule::Rule;
use crate::tree::{LocalTree, Node, RemoteTree, SyncedTree, Tree};

/// The three trees, in the order in which they are always named.
#[derive(Clone, Copy, Debug)]
pub struct Trees<'a> {
    /// What both sides last agreed on.
    pub synced: &'a SyncedTree,
    /// What the disk shows.
    pub local: &'a LocalTree,
    /// What the account shows.
    pub remote: &'a RemoteTree,
}

/// The present, in seconds since 1970. Used for nothing but the age of foreign interim files (design M15).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Now(pub i64);

/// What a merge is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scope {
    /// All nodes.
    Everything,
    /// The closure of these (design §2, property 6): the result is the full merge restricted to it.
    Closure {
        /// Synced nodes of which something changed on a side.
        synced: BTreeSet<NodeId>,
        /// Local entries that are new or changed.
        local: BTreeSet<LocalKey>,
        /// Remote rows that are new or changed.
        remote: BTreeSet<RemoteId>,
    },
}

/// What the merge decided.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Merged {
    /// What both sides must become.
    pub target: Target,
    /// Nodes that leave the pair or both sides.
    pub removed: Vec<Removal>,
    /// What was in conflict and how it ends.
    pub conflicts: Vec<Conflict>,
    /// What is not in sync, and why.
    pub held: Vec<Hold>,
    /// Bytes that must be known before these nodes can be decided; until then they are left alone.
    pub compare: Vec<Compare>,
}

/// The agreed future: one node per thing that lives on in the pair.
pub type Target = Tree<TargetNode>;

/// One node of the future.
///
/// **A side is acted on only where its name is given.** Per side, (id, name) mean:
///
/// | id | name | meaning |
/// |---|---|---|
/// | some | some | this entry lives on: it is moved to `parent` under this name, if it is not there already |
/// | none | some | nothing of it is there yet: it is created at `parent` under this name |
/// | some | none | this entry is left exactly as and where it is (held, unproved, drift); its children may still be acted on |
/// | none | none | it is not on this side, or hidden there; nothing is created |
///
/// With a name on both sides the place is agreed once the steps are done; with a name missing the journal keeps what it
/// has of this node (none, if `synced` is none). `remote` may be an id that no listing shows: a *published* node; its
/// place and version in the account are then the synced ones. Never is an id given twice, and no two nodes have
/// names that are one on this disk in one folder. Two nodes may have one `remote_name` in one folder only if the account
/// has it so already.
///
/// What is in neither the target nor [`Merged::removed`] is left as it is: ignored entries, held new ones. A folder is
/// only ever in `removed` with a side's id if all that is in it on that side is removed or moved out as well, old
/// foreign interims excepted (M15).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TargetNode {
    /// Its number within this merge.
    pub key: TargetKey,
    /// The folder it will be in; `None`: the root of the pair.
    pub parent: Option<TargetKey>,
    /// The synced node it continues, if any.
    pub synced: Option<NodeId>,
    /// The disk's entry it continues, if any.
    pub local: Option<LocalKey>,
    /// The account's row it continues, if any. For a file replaced in the account this is the *new* row.
    pub remote: Option<RemoteId>,
    /// Its name here; `None` if it is not to be on this disk (held, one-way, detached on this side).
    pub local_name: Option<LocalName>,
    /// Its name there; `None` if it is not to be in the account.
    pub remote_name: Option<RemoteName>,
    /// File or folder, and where a file's bytes come from.
    pub content: Content,
    /// The rule that chose its place.
    pub place_rule: Rule,
    /// The rule that chose its bytes.
    pub content_rule: Rule,
}

/// Where the bytes of a target node come from.
///
/// *From a side* replaces the other side's file if the node has an id there, else creates it; that side's id is always
/// given, and the bytes are those it shows now. Replacing a file in the account also gives it name and place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content {
    /// It is a folder. Its record takes over the id and the identity that the two sides show: a folder made anew under
    /// its old name is the same folder.
    Folder,
    /// No bytes move. With [`content_rule`](TargetNode::content_rule) `Adopted`, `AdoptedBySize`, `SameOnBoth` or
    /// `Refreshed` both sides hold the same (`AdoptedBySize`: unverified), and the record takes over what both sides
    /// show: ids, size, stamps, and the hash as far as a side's is known (`Refreshed`: else the recorded one stays). With `Unchanged` the record of the bytes is
    /// right or cannot be judged now, with `EmptiedHere` and `OneWay` the sides differ and stay so: in all three the
    /// record of the bytes stays as it is.
    Settled,
    /// The disk's are right and the account must get them.
    FromLocal,
    /// The account's are right and the disk must get them.
    FromRemote,
}

impl Node for TargetNode {
    type Key = TargetKey;

    fn key(&self) -> TargetKey {
        self.key
    }

    fn parent(&self) -> Option<TargetKey> {
        self.parent
    }

    fn label(&self) -> &str {
        match (&self.local_name, &self.remote_name) {
            (Some(name), _) => name.as_str(),
            (None, Some(name)) => name.as_str(),
            (None, None) => "",
        }
    }
}

/// A node that does not live on, or no longer in the pair. A removed folder's synced children have removals of their
/// own, unless they live elsewhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Removal {
    /// The synced node to forget, if there was one.
    pub synced: Option<NodeId>,
    /// The disk's entry to remove; `None`: nothing here, or what is here stays.
    pub local: Option<LocalKey>,
    /// The account's row to remove; `None`: nothing there, or what is there stays.
    pub remote: Option<RemoteId>,
    /// Why.
    pub because: Rule,
}

/// Two versions that nobody may choose between without a rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conflict {
    /// The contested path.
    pub path: RelPath,
    /// Where the other version is kept, under keep-both.
    pub copy: Option<RelPath>,
    /// The synced node, if there is one.
    pub synced: Option<NodeId>,
    /// The disk's version.
    pub local: LocalKey,
    /// Its times.
    pub local_stamp: Option<Stamp>,
    /// The account's version.
    pub remote: RemoteId,
    /// How it ends.
    pub because: Rule,
}

/// Bytes to look at before a decision (design §2: `compare`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Compare {
    /// Hash this file of the disk.
    Local(LocalKey),
    /// Fetch this file of the account to the staging area and hash it.
    Remote(FileId),
}

/// What every rule may look at, and the hashes that rules ask for.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    trees: Trees<'a>,
    policy: &'a Policy,
    now: Now,
    known_names: KnownNames<'a>,
    compare: BTreeSet<Compare>,
}

/// Decides what both sides must become (design §2).
///
/// Total and deterministic: equal trees give equal results in equal order. `now` is for the age of foreign interim files
/// alone. What [`Merged`] asks to compare is left alone in it; with the hashes in the trees the next merge decides.
#[must_use]
pub fn merge(trees: Trees<'_>, scope: &Scope, policy: &Policy, now: Now) -> Merged {
    // Who is who: entries, rows and synced nodes become items.
    let known = identify(trees, policy);
    let items = gather(trees, &known, policy);
    let mut cx = Context {
        trees,
        policy,
        now,
        known_names: KnownNames::new(&items),
        compare: known.compare.clone(),
    };
    // Each item by itself, then the rings that the places of several make.
    let mut verdicts = decide_all(&mut cx, &items);
    break_rings(&cx, &items, &mut verdicts);
    // What is left alone grows until all fits together; each round adds to it, so there are at most as many as items.
    let mut forced = Forced::new();
    let (fates, names) = loop {
        let fates = resolve(&cx, &items, &verdicts, &forced);
        let blocked = reach::blocked(&cx, &items, &verdicts, &fates);
        if add(&mut forced, blocked) {
            continue;
        }
        let names = name_all(&cx, &items, &verdicts, &fates);
        if add(&mut forced, names.forced.clone()) {
            continue;
        }
        break (fates, names);
    };
    let merged = assemble(&cx, &items, &verdicts, &fates, names, &forced);
    scope::restrict(&cx, &items, merged, scope)
}

/// Adds what is new; whether there was any.
fn add(forced: &mut Forced, more: Forced) -> bool {
    let before = forced.len();
    for (ix, note) in more {
        forced.entry(ix).or_insert(note);
    }
    forced.len() > before
}

fn decide_all(cx: &mut Context<'_>, items: &Items<'_>) -> Vec<Verdict> {
    let revived = Revived::new(items, cx.policy);
    let mut copies = OpenCopies::default();
    let mut verdicts = Vec::with_capacity(items.len());
    verdicts.push(Verdict::bare(Fate::Live));
    for (ix, item) in items.iter() {
        let verdict = decide(cx, item, revived.has(ix));
        verdicts.push(limit_copies(cx, items, &mut copies, item, verdict));
    }
    verdicts
}

/// The rules for one item, in their order.
fn decide(cx: &mut Context<'_>, item: &Item<'_>, revived: bool) -> Verdict {
    match (item.local, item.remote) {
        _ if item.synced.is_none() => created(cx, item),
        // A rule that changed detaches: nothing is written on either side (M14).
        (Here::Detached, _) | (_, There::Detached) => Verdict::bare(Fate::Forget(Rule::Detached)),
        // What could not be seen, or not be told, is left alone (S1, S2, S10, S11).
        (Here::Hidden | Here::Undecided, _) | (_, There::Unproved | There::Unreadable) => {
            hold::unseen(cx, item)
        }
        (_, There::Present(_) | There::Published) if gone_here(item) => deleted_here(cx, item, revived),
        (Here::Present(entry), There::Gone(_) | There::ToIgnored) => deleted_there(cx, item, entry, revived),
        (Here::Present(_), There::Present(_) | There::Published) => both_have(cx, item),
        (Here::Gone | Here::ToIgnored | Here::Absent, _) | (Here::Present(_), There::Absent) => {
            Verdict::bare(Fate::Forget(Rule::DeletedBoth))
        }
    }
}

/// Both sides have it: place and bytes merge independently (M10).
fn both_have(cx: &mut Context<'_>, item: &Item<'_>) -> Verdict {
    let place = match merge_places(cx, item) {
        Ok(place) => place,
        Err(note) => return Verdict::leave(Some(note)),
    };
    let (bytes, note) = if item.folder {
        (Bytes::folder(hold::folder_record(item)), hold::folder_note(item))
    } else {
        merge_bytes(cx, item)
    };
    oneway::keep_drift(cx, item, Verdict::live(place, bytes).with(note))
}

/// More than three open copies of one path are never made (M12).
fn limit_copies(
    cx: &Context<'_>,
    items: &Items<'_>,
    copies: &mut OpenCopies,
    item: &Item<'_>,
    verdict: Verdict,
) -> Verdict {
    let full = match verdict.place.as_ref().filter(|_| verdict.bytes.copy.is_some()) {
        Some(place) => copies.is_full(cx, items, item, place),
        None => false,
    };
    if !full {
        return verdict;
    }
    let note = Some(Note::held(Side::Local, Reason::ThreeConflicts));
    if item.synced.is_none() {
        return Verdict::leave(note);
    }
    Verdict {
        bytes: Bytes::settled(Rule::Unchanged),
        note,
        ..verdict
    }
}
