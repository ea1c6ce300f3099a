//! Names within each folder of the target: no two things of one name on this disk, no new repeats in the account
//! (M12, M13, N2).
//!
//! What is in its place already keeps its name. What arrives in the account under a taken name takes the conflict name,
//! on both sides: it is this machine's. What arrives here under a taken name gets a derived one, here only. Folders in
//! which nothing arrives are passed over.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use crate::hold::{Reason, Side, Unnameable};
use crate::id::{LocalKey, RemoteId};
use crate::merge::conflict::{Taken, free_name, free_repeat, undecorated};
use crate::merge::item::{Here, Item, Items, Ix, There};
use crate::merge::keep::{Fates, Forced};
use crate::merge::location::plain_of;
use crate::merge::reach::{is_here, is_there};
use crate::merge::verdict::{Copying, Fate, Note, Place, Verdict};
use crate::merge::{Content, Context};
use crate::name::{LocalName, RemoteName};
use crate::naming::{self, fold_key};
use crate::policy::Direction;
use crate::rule::Rule;

/// A place as it turned out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Name {
    /// Here.
    pub(crate) local: LocalName,
    /// There.
    pub(crate) remote: RemoteName,
    /// Why, if not for the reason the place was chosen.
    pub(crate) rule: Option<Rule>,
}

/// A conflict copy: this machine's version, beside what took its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Copy {
    /// What it is a copy of.
    pub(crate) of: Ix,
    /// The entry.
    pub(crate) key: LocalKey,
    /// Its name here.
    pub(crate) local: LocalName,
    /// Its name there; `None`: it stays here.
    pub(crate) remote: Option<RemoteName>,
}

/// A whole item that had to give way to another: it took the conflict name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Yielded {
    /// Which.
    pub(crate) item: Ix,
    /// The name it would have had.
    pub(crate) contested: LocalName,
    /// Who has it.
    pub(crate) winner: RemoteId,
    /// Why.
    pub(crate) rule: Rule,
}

/// All names that differ from what the places say.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Other names.
    pub(crate) changed: BTreeMap<Ix, Name>,
    /// Conflict copies.
    pub(crate) copies: Vec<Copy>,
    /// Items that gave way.
    pub(crate) yielded: Vec<Yielded>,
    /// Items for which there is no name.
    pub(crate) forced: Forced,
}

/// Names everything.
pub(crate) fn name_all(cx: &Context<'_>, items: &Items<'_>, verdicts: &[Verdict], fates: &Fates) -> Names {
    let mut groups: Vec<Vec<Ix>> = vec![Vec::new(); items.len()];
    for (ix, _) in items.iter().filter(|(ix, _)| fates.get(*ix) == Fate::Live) {
        let place = verdicts
            .get(ix.place())
            .and_then(|verdict| verdict.place.as_ref());
        if let Some(group) = place.and_then(|place| groups.get_mut(place.parent.place())) {
            group.push(ix);
        }
    }
    let mut names = Names::default();
    for (at, group) in groups.iter().enumerate() {
        let members: Vec<Member<'_, '_>> = group
            .iter()
            .filter_map(|ix| {
                let verdict = verdicts.get(ix.place())?;
                let (item, place) = (items.get(*ix), verdict.place.as_ref()?);
                Some(Member {
                    ix: *ix,
                    item,
                    place,
                    verdict,
                    here: is_here(item, place),
                    there: is_there(items, item, place),
                })
            })
            .collect();
        if let Ok(folder) = u32::try_from(at)
            && !members.iter().all(Member::is_quiet)
        {
            let mut folder = Folder {
                cx,
                items,
                fates,
                folder: Ix(folder),
                taken: Taken::default(),
                holders: BTreeMap::new(),
            };
            folder.occupy(&members);
            folder.assign(&members, &mut names);
        }
    }
    names
}

/// Something that will be in the folder.
struct Member<'a, 'b> {
    ix: Ix,
    item: &'b Item<'a>,
    place: &'b Place,
    verdict: &'b Verdict,
    /// It is there already, by this name.
    here: bool,
    there: bool,
}

impl Member<'_, '_> {
    fn is_quiet(&self) -> bool {
        let derived = self.place.local_name.as_str().contains(" (id ");
        self.here && self.there && self.verdict.bytes.copy.is_none() && !derived
    }

    fn order(&self) -> (bool, Option<RemoteId>, Ix) {
        let id = self.item.remote_id();
        (self.item.synced.is_none(), id, self.ix)
    }
}

struct Folder<'a, 'b> {
    cx: &'b Context<'a>,
    items: &'b Items<'a>,
    fates: &'b Fates,
    folder: Ix,
    taken: Taken,
    /// Who has a name in the account.
    holders: BTreeMap<RemoteName, (RemoteId, bool)>,
}

impl Folder<'_, '_> {
    fn key(&self, name: &LocalName) -> alloc::string::String {
        fold_key(name.as_str(), &self.cx.policy.disk)
    }

    /// Takes the names of all that is in the folder and stays: members in their places, and what is left alone.
    fn occupy(&mut self, members: &[Member<'_, '_>]) {
        for member in members {
            if member.here {
                let key = self.key(&member.place.local_name);
                self.taken.local.insert(key);
            }
            if member.there {
                self.take_remote(&member.place.remote_name, member.item);
            }
        }
        if let Some(key) = self.items.local_folder(self.folder) {
            for entry in self.cx.trees.local.nodes.children(key) {
                if self.stays(self.items.of_entry(entry.key), Side::Local) {
                    let key = self.key(&entry.name);
                    self.taken.local.insert(key);
                }
            }
        }
        if let Some(id) = self.items.remote_home(self.folder) {
            for row in self.cx.trees.remote.nodes.children(id) {
                let ix = self.items.of_row(row.id);
                if self.stays(ix, Side::Remote) {
                    self.taken.remote.insert(row.name.clone());
                    self.holders
                        .entry(row.name.clone())
                        .or_insert((row.id, row.file().is_none()));
                }
            }
        }
        // What cannot be seen is taken to be where it was.
        let parent = self.items.get(self.folder).synced.map(|node| node.id);
        if self.folder != Ix::ROOT && parent.is_none() {
            return;
        }
        for node in self.cx.trees.synced.children(parent) {
            let Some(item) = self.items.of_node(node.id).map(|ix| self.items.get(ix)) else {
                continue;
            };
            if matches!(item.local, Here::Hidden | Here::Undecided) {
                let key = self.key(&node.local_name);
                self.taken.local.insert(key);
            }
            if matches!(item.remote, There::Unproved | There::Unreadable) {
                self.take_remote(&node.remote_name, item);
            }
        }
    }

    fn take_remote(&mut self, name: &RemoteName, item: &Item<'_>) {
        self.taken.remote.insert(name.clone());
        if let Some(id) = item.remote_id() {
            self.holders.entry(name.clone()).or_insert((id, item.folder));
        }
    }

    /// Whether what is in the folder now stays there although it is no member in its place.
    fn stays(&self, ix: Option<Ix>, side: Side) -> bool {
        let Some(ix) = ix else {
            return true;
        };
        match self.fates.get(ix) {
            Fate::Live => false,
            Fate::Remove(from, _) => from != side,
            Fate::Leave | Fate::Omit(_) | Fate::Forget(_) | Fate::Folder { .. } => true,
        }
    }

    fn assign(&mut self, members: &[Member<'_, '_>], names: &mut Names) {
        let mut order: Vec<&Member<'_, '_>> = members.iter().collect();
        order.sort_by_key(|member| member.order());
        for member in order.iter().filter(|member| !member.there) {
            if self.taken.remote.contains(&member.place.remote_name) {
                self.give_way(member, names);
            } else {
                self.take_remote(&member.place.remote_name, member.item);
            }
        }
        let arrives = |member: &&&Member<'_, '_>| !member.here && !member.is_settled(names);
        let arrivals: Vec<&&Member<'_, '_>> = order.iter().filter(arrives).collect();
        for member in arrivals {
            let key = self.key(&member.place.local_name);
            if self.taken.local.insert(key) {
                continue;
            }
            match free_repeat(self.cx, member.item, &member.place.local_name, &self.taken) {
                Some(local) => {
                    let key = self.key(&local);
                    self.taken.local.insert(key);
                    let remote = member.place.remote_name.clone();
                    let rule = Some(Rule::RepeatedName);
                    names.changed.insert(member.ix, Name { local, remote, rule });
                }
                None => self.give_way(member, names),
            }
        }
        for member in &order {
            self.end_repeat(member, names);
        }
        for member in &order {
            self.copy(member, names);
        }
    }

    /// This machine's item takes the conflict name on both sides.
    fn give_way(&mut self, member: &Member<'_, '_>, names: &mut Names) {
        let contested = &member.place.local_name;
        let free = member
            .item
            .entry()
            .filter(|_| self.cx.policy.direction == Direction::Both)
            .and_then(|entry| {
                let name = undecorated(self.cx, member.item, member.place);
                let found = free_name(self.cx, &name, entry.key, self.folder, &self.taken);
                // Its old name is free again.
                if member.here && found.is_some() {
                    let key = self.key(contested);
                    self.taken.local.remove(&key);
                }
                found
            });
        let Some((local, remote)) = free else {
            let note = match self.cx.policy.direction {
                Direction::Both => Note::held(Side::Local, Reason::Unnameable(Unnameable::TooLong)),
                Direction::Upload | Direction::Download => Note::drift(Side::Local),
            };
            names.forced.insert(member.ix, Some(note));
            return;
        };
        let key = self.key(&local);
        self.taken.local.insert(key);
        self.take_remote(&remote, member.item);
        let holder = self.holders.get(&member.place.remote_name).copied();
        let rule = match holder {
            Some((_, folder)) if folder != member.item.folder => Rule::FileAgainstFolder,
            Some(_) | None => Rule::ConflictKeepBoth,
        };
        if let Some((winner, _)) = holder {
            names.yielded.push(Yielded {
                item: member.ix,
                contested: contested.clone(),
                winner,
                rule,
            });
        }
        let rule = Some(rule);
        names.changed.insert(member.ix, Name { local, remote, rule });
    }

    /// A derived name goes when its plain one is free and nobody works on the file (N2).
    fn end_repeat(&mut self, member: &Member<'_, '_>, names: &mut Names) {
        let (Some(id), Some(entry)) = (member.item.remote_id(), member.item.entry()) else {
            return;
        };
        let at_rest = member.here
            && matches!(member.verdict.bytes.content, Content::Settled | Content::Folder)
            && entry.file().is_none_or(|file| !file.busy)
            && self.cx.policy.direction != Direction::Upload;
        if !at_rest || !entry.name.as_str().contains(" (id ") {
            return;
        }
        let remote = &member.place.remote_name;
        let Some(plain) = plain_of(&entry.name, remote, id, self.cx.policy) else {
            return;
        };
        if self.folder == Ix::ROOT && naming::is_ours(plain.as_str(), true) {
            return;
        }
        let key = self.key(&plain);
        if self.taken.local.insert(key) {
            let old = self.key(&entry.name);
            self.taken.local.remove(&old);
            let name = Name {
                local: plain,
                remote: remote.clone(),
                rule: Some(Rule::RepeatEnded),
            };
            names.changed.insert(member.ix, name);
        }
    }

    /// The conflict copy of a file of which both sides have a version (M12).
    fn copy(&mut self, member: &Member<'_, '_>, names: &mut Names) {
        let (Some(copying), Some(entry)) = (member.verdict.bytes.copy, member.item.entry()) else {
            return;
        };
        let name = undecorated(self.cx, member.item, member.place);
        let Some((local, remote)) = free_name(self.cx, &name, entry.key, self.folder, &self.taken) else {
            let note = Note::held(Side::Local, Reason::Unnameable(Unnameable::TooLong));
            names.forced.insert(member.ix, Some(note));
            return;
        };
        let key = self.key(&local);
        self.taken.local.insert(key);
        self.taken.remote.insert(remote.clone());
        names.copies.push(Copy {
            of: member.ix,
            key: entry.key,
            local,
            remote: match copying {
                Copying::Upload => Some(remote),
                Copying::HereOnly => None,
            },
        });
    }
}

impl Member<'_, '_> {
    /// Whether it got its names already.
    fn is_settled(&self, names: &Names) -> bool {
        names.changed.contains_key(&self.ix) || names.forced.contains_key(&self.ix)
    }
}
