//! Finding out what a disk does to names, by making some in our own area and reading them back (design N1, N2, N4).
//!
//! Only the root's own file system is asked; the scan enters no other. A folder below that folds names on its own (ext4
//! `+F`) is not noticed here: there a name that is taken in another spelling is refused as occupied.

use std::os::fd::{AsFd, BorrowedFd};

use planner::policy::DiskTraits;

use super::error::LocalError;
use super::root::{Probed, Root};
use super::sys::{self, Errno};

/// Where the names are made.
const FOLDER: &str = "probe";
/// A name with a composed letter, and spellings that a folding disk takes for it.
const COMPOSED: &str = "prob\u{e9}";
const DECOMPOSED: &str = "probe\u{301}";
const CAPITAL: &str = "PROB\u{e9}";
/// Names that DOS and its heirs refuse or change.
const DOS: [&str; 3] = ["a:?*", "a.", "a\u{1}"];
/// Two files that are to change places.
const TWO: [&str; 2] = ["one", "other"];

/// Asks the disk. The folder of the names is removed again.
pub(super) fn probe(root: &Root, usual: DiskTraits) -> Result<Probed, LocalError> {
    within(root, "trying names", |folder| ask(folder, usual))
}

/// Which renames the file system knows (design D2). For each that it lacks there is a detour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Knows {
    /// Two files can change places in one step. Without it a file that is replaced is away for a moment.
    pub(crate) exchange: bool,
    /// A rename can be told to overwrite nothing. Without it a file has two names for a moment.
    pub(crate) no_replace: bool,
}

/// Tries both flags of a rename.
pub(super) fn renames(root: &Root) -> Result<Knows, LocalError> {
    within(root, "trying renames", |folder| {
        for name in TWO {
            sys::create_file(folder, name)?;
        }
        let [one, other] = TWO;
        Ok(Knows {
            exchange: sys::exchange((folder, one), (folder, other), root.renames())?,
            no_replace: sys::spares((folder, one), (folder, other))?,
        })
    })
}

/// Does something in a folder of our own area, which is removed again.
fn within<T>(
    root: &Root,
    doing: &'static str,
    ask: impl FnOnce(BorrowedFd<'_>) -> Result<T, Errno>,
) -> Result<T, LocalError> {
    let own = root.own()?;
    let failed = |doing| move |cause| LocalError::at(format!("{}/{FOLDER}", super::root::AREA), doing, cause);
    sys::create_own_folder(own.as_fd(), FOLDER).map_err(failed("creating it"))?;
    let folder = sys::open_child(own.as_fd(), FOLDER).map_err(failed("opening it"))?;
    clear(folder.as_fd()).map_err(failed("clearing it"))?;
    let probed = ask(folder.as_fd()).map_err(failed(doing));
    clear(folder.as_fd()).map_err(failed("clearing it"))?;
    sys::remove_folder(own.as_fd(), FOLDER).map_err(failed("removing it"))?;
    probed
}

fn ask(folder: BorrowedFd<'_>, usual: DiskTraits) -> Result<Probed, Errno> {
    let mut made = vec![COMPOSED];
    sys::create_file(folder, COMPOSED)?;
    let folds_case = is_there(folder, CAPITAL)?;
    let folds_normalisation = is_there(folder, DECOMPOSED)?;
    let mut refused = false;
    for name in DOS {
        match sys::create_file(folder, name) {
            Ok(_) => made.push(name),
            Err(Errno::INVAL | Errno::ILSEQ | Errno::NOENT | Errno::ACCESS | Errno::PERM | Errno::EXIST) => {
                refused = true;
            }
            Err(cause) => return Err(cause),
        }
    }
    let listed: Vec<Vec<u8>> = sys::names(folder)?.into_iter().map(|(name, _)| name).collect();
    let kept = |name: &str| listed.iter().any(|entry| entry == name.as_bytes());
    let dos_names = refused || !made.iter().skip(1).all(|name| kept(name));
    Ok(Probed {
        traits: DiskTraits {
            folds_case,
            folds_normalisation,
            dos_names,
            ..usual
        },
        exact: !dos_names && kept(COMPOSED),
    })
}

fn is_there(folder: BorrowedFd<'_>, name: &str) -> Result<bool, Errno> {
    match sys::look_at(folder, name) {
        Ok(_) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(cause) => Err(cause),
    }
}

/// Removes what a probe made, also one that was killed.
fn clear(folder: BorrowedFd<'_>) -> Result<(), Errno> {
    for (name, _) in sys::names(folder)? {
        // All names made here are UTF-8; anything else is not ours, and the folder then stays.
        if let Ok(name) = str::from_utf8(&name) {
            sys::remove_file(folder, name)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::root::Probe;
    use super::super::testing::Disk;

    #[test]
    fn a_common_disk_keeps_names_as_they_are() {
        let disk = Disk::new();
        let traits = disk.root.traits(Probe::Write).unwrap();
        assert_eq!(traits, planner::policy::DiskTraits::default());
        assert!(disk.root.keeps_names());
        let knows = disk.root.knows_renames().unwrap();
        assert!(knows.exchange && knows.no_replace);
        assert!(!disk.exists(".syncd/probe"), "nothing of the probe stays");
    }

    #[test]
    fn a_dry_run_asks_without_writing() {
        let disk = Disk::new();
        let traits = disk.root.traits(Probe::ReadOnly).unwrap();
        assert_eq!(traits.name_max, 255);
        assert!(!disk.exists(".syncd"));
        assert!(
            !disk.root.keeps_names(),
            "so names are read back after every step"
        );
    }
}
