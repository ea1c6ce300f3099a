//! What must hold when a simulated world is at rest.

use std::collections::{BTreeMap, BTreeSet};

use planner::name::RemoteName;
use planner::naming;
use planner::policy::{DiskTraits, Unstorable};

use super::ledger::{Content, bytes_of, content_of};
use super::world::World;

/// Paths with bytes; folders end in `/`.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// The pair's folder in the account. Of files with one path only the last is here; see [`World`]'s users.
pub(crate) fn account(world: &World) -> Files {
    let below = |path: &str| world.base.inside(path).map(str::to_owned);
    let files = world.account.live().into_iter();
    let mut found: Files = files
        .filter_map(|(path, _, bytes)| Some((below(&path)?, bytes)))
        .collect();
    let folders = world.account.live_folders().into_iter();
    found.extend(folders.filter_map(|(path, _)| Some((format!("{}/", below(&path)?), Vec::new()))));
    found
}

/// How names begin under which files are sent (design A3). They are swept within a day, and asked for then.
const INTERIM: &str = "syncd-up-";

/// All live files of the account with their bytes, repeated names and all, without interims.
fn account_bytes(world: &World) -> Vec<(String, Vec<u8>)> {
    let live = world.account.live().into_iter();
    live.filter(|(path, ..)| !path.contains(INTERIM))
        .filter_map(|(path, _, bytes)| Some((world.base.inside(&path)?.to_owned(), bytes)))
        .collect()
}

/// The files of every place: the machines', then the account's.
fn places(world: &World) -> Vec<Vec<(String, Vec<u8>)>> {
    let disks = (0..world.machines()).map(|machine| {
        let files = world.disk.files(machine).into_iter();
        files.filter(|(path, _)| !path.ends_with('/')).collect()
    });
    disks.chain([account_bytes(world)]).collect()
}

/// The contents that users wrote.
pub(crate) fn contents(files: &Files) -> impl Iterator<Item = Content> {
    files.values().filter_map(|bytes| content_of(bytes))
}

/// In one line.
pub(crate) fn shown(files: &Files) -> String {
    one_line(files.iter().map(|(path, bytes)| (path.as_str(), &**bytes)))
}

/// The account in one line, repeated names and all.
pub(crate) fn shown_account(world: &World) -> String {
    let (files, folders) = (account_bytes(world), account(world));
    let folders = folders.keys().filter(|path| path.ends_with('/'));
    let files = files.iter().map(|(path, bytes)| (path.as_str(), &**bytes));
    one_line(files.chain(folders.map(|path| (path.as_str(), &[] as &[u8]))))
}

fn one_line<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let shown = files.map(|(path, bytes)| {
        if path.ends_with('/') {
            path.to_owned()
        } else {
            format!("{path}={}", String::from_utf8_lossy(bytes))
        }
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// All of it.
pub(crate) fn all(world: &World) -> Result<(), String> {
    agree(world)?;
    kept(world)?;
    once(world)
}

/// A path without the marks of repeated names (design N3): `a (id 7).txt` is `a.txt`. What the account holds escaped (N1) is as the
/// disk has it.
fn plain(path: &str) -> String {
    let here = |name: &str| {
        // After the slash that a folder ends in.
        if name.is_empty() {
            return String::new();
        }
        let local = naming::to_local(&RemoteName::new(name), &DiskTraits::default(), Unstorable::Escape);
        local.map_or_else(|_| name.to_owned(), |local| local.to_string())
    };
    let mut plain = if path.contains('⟦') {
        path.split('/').map(here).collect::<Vec<_>>().join("/")
    } else {
        path.to_owned()
    };
    while let Some(start) = plain.find(" (id ") {
        let Some(end) = plain.get(start..).and_then(|rest| rest.find(')')) else {
            break;
        };
        plain.replace_range(start..=start.saturating_add(end), "");
    }
    plain
}

/// Files with how often they are there, by plain path and bytes.
type Counted = BTreeMap<(String, Vec<u8>), usize>;

fn counted<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> Counted {
    let mut counted = Counted::new();
    for (path, bytes) in files.filter(|(path, bytes)| !bytes.is_empty() && !path.ends_with('/')) {
        *counted.entry((plain(path), bytes.to_vec())).or_default() += 1;
    }
    counted
}

/// Both sides hold the same files. What the account cannot hold (empty files, links) stays where it is, and with it the
/// folders that hold nothing else.
fn agree(world: &World) -> Result<(), String> {
    let live = account_bytes(world);
    let there = counted(live.iter().map(|(path, bytes)| (path.as_str(), &**bytes)));
    let folders: BTreeSet<String> = account(world).keys().map(|path| plain(path)).collect();
    for machine in 0..world.machines() {
        let files = world.disk.files(machine);
        // What is held waits for its user.
        let free = files.iter().filter(|(path, _)| !world.is_held(machine, path));
        let here = counted(free.map(|(path, bytes)| (path.as_str(), &**bytes)));
        let odd: Vec<String> = world.disk.odd(machine).iter().map(|path| plain(path)).collect();
        // What is emptied here, or a link now, stays there as it was (design M18), and so does what is below it.
        let hidden = |path: &str| {
            let below = |odd: &String| {
                path.strip_prefix(odd.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            odd.iter().any(below)
        };
        let ours: BTreeSet<String> = files.keys().map(|path| plain(path)).collect();
        let is_folder = |path: &&String| path.ends_with('/');
        // What is in a folder that is not here is not missed by itself.
        let absent = |path: &str| {
            let above = path.trim_end_matches('/').match_indices('/');
            let mut above = above.filter_map(|(end, _)| path.get(..=end));
            above.any(|folder| !ours.contains(folder))
        };
        // One of two that differ by their marks may be odd here by now.
        let mut seen = here.iter().filter(|((path, _), _)| !hidden(path));
        let differs = seen.find(|(file, count)| there.get(*file) != Some(count));
        let differs = differs.or_else(|| {
            let missing = there
                .iter()
                .filter(|((path, _), _)| !hidden(path) && !absent(path));
            let mut missing = missing.filter(|(file, count)| here.get(*file) != Some(count));
            // What was renamed there and is odd here by now has another name there.
            missing.nth(odd.len())
        });
        if let Some(((path, bytes), _)) = differs {
            let bytes = String::from_utf8_lossy(bytes);
            return Err(format!(
                "machine {machine} and the account differ at {path} = {bytes}"
            ));
        }
        if let Some(path) = files.keys().filter(is_folder).find(|path| {
            let told = world.is_held(machine, path) || odd.iter().any(|odd| odd.starts_with(&plain(path)));
            !told && !folders.contains(&plain(path))
        }) {
            return Err(format!("the folder {path} is on machine {machine} alone"));
        }
        // One that is odd here by now was renamed there, or made there for it: nothing that is in it there is here.
        let mut missing = folders
            .iter()
            .filter(is_folder)
            .filter(|path| !ours.contains(*path) && !hidden(path) && !absent(path));
        if let Some(path) = missing.nth(odd.len()) {
            return Err(format!("the folder {path} is not on machine {machine}"));
        }
    }
    Ok(())
}

/// Nothing is lost: what nobody destroyed is live everywhere, and what was not destroyed on a disk is at least in a trash.
fn kept(world: &World) -> Result<(), String> {
    let live: Vec<BTreeSet<Content>> = places(world)
        .iter()
        .map(|files| files.iter().filter_map(|(_, bytes)| content_of(bytes)).collect())
        .collect();
    let ledger = world.ledger.borrow();
    let held: BTreeSet<Content> = (0..world.machines())
        .flat_map(|machine| {
            let files = world.disk.files(machine).into_iter();
            files
                .filter_map(move |(path, bytes)| world.is_held(machine, &path).then(|| content_of(&bytes))?)
        })
        .collect();
    // Changed between a look and the delete that followed: in the account's trash, where `somewhere` asks for it.
    let raced = world.account.raced();
    let raced: BTreeSet<Content> = raced.iter().filter_map(|bytes| content_of(bytes)).collect();
    let promised = ledger.required().filter(|content| !raced.contains(content));
    for content in promised.filter(|content| !held.contains(content)) {
        // Where something odd has a file's place, that may be missing.
        let missing = |(at, place): (usize, &BTreeSet<Content>)| {
            !place.contains(&content) && (at >= world.machines() || world.disk.odd(at).is_empty())
        };
        if let Some(at) = live.iter().enumerate().position(missing) {
            let all = live.len();
            return Err(format!("content {content} is lost in place {at} of {all}"));
        }
    }
    let mut somewhere: BTreeSet<Content> = live.into_iter().flatten().collect();
    somewhere.extend((0..world.machines()).flat_map(|machine| {
        let own = world.disk.own(machine);
        contents(&own).collect::<Vec<_>>()
    }));
    let account = world.account.trash().into_iter().chain(world.account.hidden());
    somewhere.extend(account.filter_map(|(_, bytes)| content_of(&bytes)));
    match ledger.kept().find(|content| !somewhere.contains(content)) {
        Some(content) => Err(format!("content {content} is in no trash either")),
        None => Ok(()),
    }
}

/// What was written once and never moved is there once, and nothing is there that nobody wrote.
fn once(world: &World) -> Result<(), String> {
    let ledger = world.ledger.borrow();
    for files in places(world) {
        let mut seen = BTreeSet::new();
        for (path, bytes) in files.iter().filter(|(_, bytes)| !bytes.is_empty()) {
            let Some(content) = content_of(bytes) else {
                // Half of an upload, of which the answer was lost, and whose file was written anew before anybody looked:
                // nothing proves any more that it was ours. The same if it has another name since.
                let mut burnt = ledger.burnt.union(&ledger.copied);
                if burnt.any(|content| bytes_of(*content).starts_with(bytes)) || ledger.halves.contains(bytes)
                {
                    continue;
                }
                let bytes = String::from_utf8_lossy(bytes);
                return Err(format!("{path} holds what nobody wrote: {bytes}"));
            };
            if !seen.insert(content) && !ledger.copied.contains(&content) {
                return Err(format!("content {content} is there twice, at {path} too"));
            }
        }
    }
    Ok(())
}

/// What is within reach of people before a pass: on the machine's disk, and in the account.
pub(crate) fn in_reach(world: &World, machine: usize) -> [BTreeSet<Content>; 2] {
    let here = contents(&world.disk.files(machine)).collect();
    // What is on its way under a name of ours is nobody's yet: it goes if what it was to replace is another by now.
    let is_ours = |id: u64| {
        let name = world.account.name_of(id);
        name.is_some_and(|name| planner::naming::parse_interim(&name).is_some())
    };
    let there = active(world).into_iter().filter(|(id, _)| !is_ours(*id));
    [here, there.filter_map(|(_, bytes)| content_of(&bytes)).collect()]
}

/// All active files of the account, in reach or not: id, bytes.
fn active(world: &World) -> Vec<(u64, Vec<u8>)> {
    let live = world.account.live().into_iter().map(|(_, id, bytes)| (id, bytes));
    live.chain(world.account.hidden()).collect()
}

/// A pass takes nothing away that nobody destroyed, not even until the next one brings it back from the other side; and what was
/// destroyed elsewhere goes from a disk by way of that disk's own trash. `before` is what [`in_reach`] told.
pub(crate) fn stayed(world: &World, machine: usize, before: &[BTreeSet<Content>; 2]) -> Result<(), String> {
    let [mut here, _] = in_reach(world, machine);
    let there = active(world)
        .into_iter()
        .filter_map(|(_, bytes)| content_of(&bytes));
    let there: BTreeSet<Content> = there.collect();
    let own = world.disk.own(machine).into_iter();
    let (trash, under_way): (Files, Files) = own.partition(|(path, _)| path.starts_with("trash/"));
    here.extend(contents(&under_way));
    let trash: BTreeSet<Content> = contents(&trash).collect();
    let raced = world.account.raced();
    let raced: BTreeSet<Content> = raced.iter().filter_map(|bytes| content_of(bytes)).collect();
    let ledger = world.ledger.borrow();
    let asked = |content: &Content| !ledger.burnt.contains(content) && !ledger.copied.contains(content);
    let excused = |content: &Content| ledger.destroyed.contains(content) || raced.contains(content);
    let [had_here, had_there] = before;
    for content in had_here.difference(&here).filter(|content| asked(content)) {
        if !(excused(content) && trash.contains(content)) {
            return Err(format!("a pass took content {content} from machine {machine}"));
        }
    }
    match had_there
        .difference(&there)
        .find(|content| asked(content) && !excused(content))
    {
        Some(content) => Err(format!("a pass took content {content} from the account")),
        None => Ok(()),
    }
}

/// Whatever a pass leaves among the user's files, each is as somebody wrote it, all of it: no half of a download, nothing
/// torn. Excused is half of an upload that the account itself stored and showed as a file of that size: who was not the
/// one who sent it cannot know.
pub(crate) fn whole(world: &World, machine: usize) -> Result<(), String> {
    let ledger = world.ledger.borrow();
    let files = world.disk.files(machine);
    let torn = files.iter().find(|(path, bytes)| {
        let written = content_of(bytes).is_some_and(|content| ledger.written.contains(&content));
        // Empty files are users': the account holds none.
        !path.ends_with('/') && !bytes.is_empty() && !written && !world.account.is_half(bytes)
    });
    match torn {
        Some((path, bytes)) => {
            let bytes = String::from_utf8_lossy(bytes);
            Err(format!(
                "a pass left {path} on machine {machine}, which nobody wrote: {bytes}"
            ))
        }
        None => Ok(()),
    }
}

/// No interim is left in the account, nothing is on its way on a disk.
pub(crate) fn no_leftovers(world: &World) -> Result<(), String> {
    let there = account(world);
    if let Some(path) = there.keys().find(|path| path.contains(INTERIM)) {
        return Err(format!("an interim file is left in the account: {path}"));
    }
    for machine in 0..world.machines() {
        let own = world.disk.own(machine);
        let left = own.keys().find(|path| {
            (path.starts_with("staging/") || path.starts_with("parked/")) && !path.ends_with('/')
        });
        if let Some(path) = left {
            return Err(format!("machine {machine} left {path} in its own area"));
        }
    }
    Ok(())
}
