//! What the disk shows of one folder: system calls and nothing else, so that they can be made beside what becomes of them.

use std::os::fd::{AsFd, OwnedFd};

use planner::id::{LocalIdentity, LocalKey};
use planner::path::RelPath;

use crate::local::ignore::FILE_NAME;
use crate::local::marker;
use crate::local::root::{AREA, Root};
use crate::local::sys::{self, Errno, Meta};

/// Why the folder of another pair is not entered.
pub(super) const NESTED: &str = "it is the root of another pair";

/// Why a folder is hidden that was not the same both times.
pub(super) const CHANGED: &str = "it changed during the scan";

/// A folder that is to be entered.
#[derive(Debug)]
pub(super) struct Ahead {
    /// Its entry; `None`: the root.
    pub(super) key: Option<LocalKey>,
    pub(super) path: RelPath,
    /// What its own folder showed it to be.
    pub(super) identity: LocalIdentity,
}

/// What an entry is, or why that cannot be told.
type Looked = Result<Meta, Errno>;

/// What is in a folder.
#[derive(Debug)]
pub(super) struct Inside {
    /// By name, each as it is now; none where the name is not text.
    pub(super) entries: Vec<(Vec<u8>, Option<Looked>)>,
    /// The folder, if there is a rule file in it.
    pub(super) rules: Option<OwnedFd>,
}

/// What became of a look into a folder.
#[derive(Debug)]
pub(super) enum Shown {
    Inside(Inside),
    Hidden(String),
    /// As if it had never been in the listing.
    Gone,
}

/// Opens a folder beneath the root's handle, lists it, and looks at its entries in its own handle.
pub(super) fn into(root: &Root, folder: &Ahead) -> Shown {
    let open = match root.folder(&folder.path) {
        Ok(open) => open,
        Err(Errno::NOENT) if folder.key.is_some() => return Shown::Gone,
        Err(cause) => return Shown::Hidden(cause.to_string()),
    };
    let looked = sys::look_fd(open.as_fd());
    if !looked.is_ok_and(|again| again.identity == folder.identity) {
        return Shown::Hidden(String::from(CHANGED));
    }
    let mut names = match sys::names(open.as_fd()) {
        Ok(names) => names,
        Err(cause) => return Shown::Hidden(cause.to_string()),
    };
    names.sort_unstable();
    // A disk that folds case has them by any spelling.
    let has = |name: &str| {
        let mut all = names.iter();
        all.any(|(there, _)| there.eq_ignore_ascii_case(name.as_bytes()))
    };
    // Nested roots (S14): by their marker.
    if folder.key.is_some() && has(AREA) {
        match sys::look_at(open.as_fd(), &format!("{AREA}/{}", marker::NAME)) {
            Err(Errno::NOENT | Errno::NOTDIR) => {}
            Ok(_) => return Shown::Hidden(String::from(NESTED)),
            Err(cause) => return Shown::Hidden(cause.to_string()),
        }
    }
    let has_rules = has(FILE_NAME);
    let entries = names.into_iter().map(|(name, _)| {
        let text = std::str::from_utf8(&name).ok();
        let meta = text.map(|text| sys::look_at(open.as_fd(), text));
        (name, meta)
    });
    Shown::Inside(Inside {
        entries: entries.collect(),
        rules: has_rules.then_some(open),
    })
}
