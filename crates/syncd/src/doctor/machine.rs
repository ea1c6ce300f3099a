//! This machine: watches of the kernel, space, and what the file systems of the pairs do.
#![expect(
    clippy::disallowed_methods,
    reason = "reads limits of the kernel and the attributes of the pairs' folders"
)]

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::statvfs;
use walkdir::WalkDir;

use super::Finding;
use crate::config::{Config, PairConfig};
use crate::local::Root;
use crate::local::root::Probe;
use crate::text::{count, size};

/// Folders are counted so far; more than any kernel allows by default.
const FOLDERS_MAX: u64 = 2_000_000;
/// Entries whose times are looked at.
const TIMES_MAX: usize = 200;
/// A journal needs some room to grow, bytes.
const STATE_FREE_MIN: u64 = 64 << 20;

/// Watches: one a folder.
pub(crate) fn watches(config: &Config) -> Finding {
    let limit = std::fs::read_to_string("/proc/sys/fs/inotify/max_user_watches");
    let limit = limit.ok().and_then(|text| text.trim().parse().ok());
    let folders = config
        .pairs
        .iter()
        .map(|pair| folders(&pair.local))
        .fold(0, u64::saturating_add);
    watched(limit, folders)
}

fn folders(root: &Path) -> u64 {
    let all = WalkDir::new(root)
        .follow_links(false)
        .into_iter()
        .filter_map(Result::ok);
    let mut number = 0u64;
    for _ in all.filter(|entry| entry.file_type().is_dir()) {
        number = number.saturating_add(1);
        if number >= FOLDERS_MAX {
            break;
        }
    }
    number
}

/// Other programs watch too: a tenth is left to them.
fn watched(limit: Option<u64>, folders: u64) -> Finding {
    let Some(limit) = limit else {
        return Finding::unknown("inotify", "the kernel does not tell its limit of watches");
    };
    let seen = format!(
        "{} to watch, {limit} watches allowed",
        count(folders, "folder", "folders")
    );
    if folders <= limit.saturating_sub(limit / 10) {
        return Finding::fine("inotify", seen);
    }
    let wanted = folders.saturating_mul(2);
    Finding::todo(
        "inotify",
        seen,
        format!("sysctl fs.inotify.max_user_watches={wanted}; until then folders are looked at by time"),
    )
}

/// Space for downloads and for the journals.
pub(crate) fn space(config: &Config) -> Vec<Finding> {
    let free = |path: &Path| {
        let there = path.ancestors().find(|path| path.exists())?;
        let seen = statvfs(there).ok()?;
        Some(seen.f_bavail.saturating_mul(seen.f_frsize))
    };
    let state = enough("the state directory", free(&config.state_dir), STATE_FREE_MIN);
    let pairs = config
        .pairs
        .iter()
        .map(|pair| enough("the folder", free(&pair.local), pair.min_free).about(&pair.name));
    std::iter::once(state).chain(pairs).collect()
}

fn enough(what: &str, free: Option<u64>, wanted: u64) -> Finding {
    match free {
        None => Finding::unknown(
            "space",
            format!("the disk of {what} does not tell its free space"),
        ),
        Some(free) if free >= wanted => Finding::fine("space", format!("{} free for {what}", size(free))),
        Some(free) => Finding::todo(
            "space",
            format!("{} free for {what}, {} wanted", size(free), size(wanted)),
            "free space; downloads wait until then",
        ),
    }
}

/// What the disk does to names and times. With [`Probe::Write`] names are tried in `.syncd`.
pub(crate) fn disk(pair: &PairConfig, probe: Probe) -> Finding {
    let seen = Root::open(&pair.local).and_then(|root| {
        let renames = match probe {
            Probe::Write => Some(root.knows_renames()?),
            Probe::ReadOnly => None,
        };
        Ok((root.traits(probe)?, renames))
    });
    let (traits, renames) = match seen {
        Ok(seen) => seen,
        Err(error) => return Finding::unknown("disk", error.to_string()).about(&pair.name),
    };
    let mut says = vec![match renames {
        None => "names are taken to be kept as they are (--probe tries)".to_owned(),
        Some(renames) => {
            let word = |is: bool, yes: &str, no: &str| if is { yes.to_owned() } else { no.to_owned() };
            [
                word(traits.folds_case, "case is folded", "case counts"),
                word(
                    traits.folds_normalisation,
                    "accents are folded",
                    "accents are kept",
                ),
                word(traits.dos_names, "DOS names only", "any name"),
                word(
                    renames.no_replace,
                    "a rename can be told to overwrite nothing",
                    "a file that is renamed has both names for a moment: this file system cannot be told to overwrite nothing",
                ),
                word(
                    renames.exchange,
                    "files are replaced in one step",
                    "a file that is replaced is away for a moment: this file system cannot exchange two names",
                ),
            ]
            .join(", ")
        }
    }];
    says.push(format!("names up to {}", traits.name_max));
    says.push(if fine_times(&pair.local) {
        "times below a second".to_owned()
    } else {
        "times of whole seconds as far as seen: files just changed are read twice".to_owned()
    });
    Finding::fine("disk", says.join("; ")).about(&pair.name)
}

/// Whether any change time has a fraction.
fn fine_times(root: &Path) -> bool {
    let all = WalkDir::new(root)
        .follow_links(false)
        .into_iter()
        .filter_map(Result::ok);
    let mut metas = all.take(TIMES_MAX).filter_map(|entry| entry.metadata().ok());
    metas.any(|meta| meta.ctime_nsec() != 0)
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_tenth_of_the_watches_is_left_to_others() {
        assert_eq!(watched(Some(100), 90).state, State::Fine);
        let found = watched(Some(100), 91);
        assert_eq!(found.state, State::Todo);
        assert!(found.next.unwrap().contains("max_user_watches=182"));
        assert_eq!(watched(None, 1).state, State::Unknown);
    }

    #[test]
    fn space_is_compared_with_what_the_pair_wants() {
        assert_eq!(enough("x", Some(10), 10).state, State::Fine);
        assert_eq!(enough("x", Some(9), 10).state, State::Todo);
        assert_eq!(enough("x", None, 10).state, State::Unknown);
    }
}
