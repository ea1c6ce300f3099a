//! What people do on the site.

use std::collections::BTreeMap;

use super::account::SimAccount;
use super::base::Base;
use super::disk::NAMES;
use super::ledger::{Content, Ledger, bytes_of, content_of};
use super::rng::Rng;

/// Somebody does something in the pair's folder of the account.
pub(crate) fn disturb(account: &SimAccount, base: Base, ledger: &mut Ledger, rng: &mut Rng) {
    let below = |path: &str| base.inside(path).is_some();
    let live: Vec<(String, u64, Vec<u8>)> = account
        .live()
        .into_iter()
        .filter(|(path, ..)| below(path) && !path.contains("syncd-up-"))
        .collect();
    let folders: Vec<(String, u64)> = account.live_folders();
    let top = folders.iter().find(|(path, _)| path == base.path());
    let root = top.map(|(_, id)| *id);
    if root.is_none() && base != Base::Top {
        return;
    }
    let inside: Vec<&(String, u64)> = folders.iter().filter(|(path, _)| below(path)).collect();
    let folder = match rng.pick(&inside) {
        Some((_, id)) if !rng.one_in(3) => Some(*id),
        Some(_) | None => root,
    };
    let name = rng.pick(&NAMES).copied().unwrap_or("a");
    let at = folders
        .iter()
        .find(|(_, id)| Some(*id) == folder)
        .map_or(base.path(), |(path, _)| path);
    let taken = |path: &str| {
        live.iter().any(|(other, ..)| other == path) || folders.iter().any(|(other, _)| other == path)
    };
    let free = !taken(&format!("{at}/{name}"));
    let file = rng.pick(&live).cloned();
    let some = rng.pick(&inside).map(|(path, id)| (path.clone(), *id));
    let deed = rng.below(12);
    ledger.say(|| {
        let on = file.as_ref().map_or("", |(path, ..)| path.as_str());
        let in_folder = some.as_ref().map_or("", |(path, _)| path.as_str());
        format!("web {deed}: name {at}/{name}, file {on}, folder {in_folder}")
    });
    match (deed, file, some) {
        (0 | 1, ..) if free => drop(account.put(folder, name, bytes_of(ledger.write(rng)))),
        (2, ..) if free => drop(account.mkdir(folder, name)),
        (3 | 4, Some((_, id, old)), _) => {
            let new = bytes_of(ledger.write_unlike());
            if account.edit_file(id, new) == Some(id) {
                // Under the same id: no trash has the old bytes.
                ledger.burn(content_of(&old));
            } else {
                ledger.trash(content_of(&old));
            }
        }
        (5, Some((_, id, old)), _) if free => {
            ledger.carry(&old);
            account.move_file(id, folder);
            account.rename_file(id, name);
        }
        (6, _, Some((path, id))) if free && !at.starts_with(&path) => {
            for bytes in bytes_inside(&live, &path) {
                ledger.carry(bytes);
            }
            account.move_folder(id, folder);
            account.rename_folder(id, name);
        }
        (7, Some((_, id, old)), _) => {
            ledger.trash(content_of(&old));
            account.trash_file(id);
        }
        (8, _, Some((path, id))) => {
            ledger.trash(inside_of(&live, &path));
            account.trash_folder(id);
        }
        (9.., ..) => with_trash(account, ledger, rng, folder),
        _ => {}
    }
}

/// Somebody looks into the trash, or signs in elsewhere.
fn with_trash(account: &SimAccount, ledger: &mut Ledger, rng: &mut Rng, folder: Option<u64>) {
    match rng.below(3) {
        0 => {
            // Only what a user would know again: no half of a file, nothing of ours.
            let mut trash = account.trash();
            let ours = |id| {
                account
                    .name_of(id)
                    .is_some_and(|name| name.starts_with("syncd-up-"))
            };
            trash.retain(|(id, bytes)| content_of(bytes).is_some() && !ours(*id));
            if let Some((id, bytes)) = rng.pick(&trash).cloned() {
                ledger.copied.extend(content_of(&bytes));
                account.restore_file(id, folder);
            }
        }
        1 => {
            let trashed = account.trashed_folders();
            if let Some(id) = rng.pick(&trashed).copied() {
                // What was in it may have been put back by a machine meanwhile.
                let before = contents_of(account);
                account.restore_folder(id, folder);
                let again = contents_of(account).into_iter();
                let more =
                    again.filter(|(content, times)| before.get(content).is_none_or(|before| before < times));
                ledger.copied.extend(more.map(|(content, _)| content));
            }
        }
        2 if rng.one_in(4) => {
            let trash = account.trash();
            ledger.purge(trash.iter().filter_map(|(_, bytes)| content_of(bytes)));
            account.empty_trash();
        }
        _ => account.end_sessions(),
    }
}

/// All live contents, and how often each is there.
fn contents_of(account: &SimAccount) -> BTreeMap<Content, usize> {
    let mut found = BTreeMap::new();
    for content in account.live().iter().filter_map(|(.., bytes)| content_of(bytes)) {
        *found.entry(content).or_default() += 1;
    }
    found
}

fn inside_of<'a>(
    live: &'a [(String, u64, Vec<u8>)],
    folder: &str,
) -> impl Iterator<Item = Content> + use<'a> {
    bytes_inside(live, folder).filter_map(content_of)
}

fn bytes_inside<'a>(
    live: &'a [(String, u64, Vec<u8>)],
    folder: &str,
) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let folder = format!("{folder}/");
    live.iter()
        .filter(move |(path, ..)| path.starts_with(&folder))
        .map(|(_, _, bytes)| &**bytes)
}
