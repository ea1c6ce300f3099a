//! The root of a pair: its directory handle, and the only way from a [`RelPath`] to something open.
//!
//! Nothing here follows a link below the root, and nothing that acts on the user's files gets a place in our own area
//! (design D4, N5). The handle stays with the folder it was opened on: whether the configured path still leads to that
//! folder is asked with [`Root::check`].

use std::collections::BTreeSet;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use planner::id::LocalIdentity;
use planner::name::LocalName;
use planner::naming::is_ours;
use planner::path::RelPath;
use planner::policy::DiskTraits;

use super::error::LocalError;
use super::probe::Knows;
use super::sys::{self, Errno, Kind, Meta, Renames, Resolve};

/// Our own folder in the root of every pair (design N5).
pub(crate) const AREA: &str = ".syncd";

/// A folder of our own area.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Area {
    /// Downloads on their way.
    Staging,
    /// The user's entries while they change places.
    Parked,
    /// What was removed.
    Trash,
}

impl Area {
    /// Its name below [`AREA`].
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Staging => "staging",
            Self::Parked => "parked",
            Self::Trash => "trash",
        }
    }
}

/// Whether the disk may be written to find out what it does to names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Probe {
    /// Yes: in our own area.
    Write,
    /// No: a dry run, or a folder that is never written. What cannot be asked is taken to be as usual.
    ReadOnly,
}

/// The root of a pair, open. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Root(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    fd: OwnedFd,
    identity: LocalIdentity,
    resolve: Resolve,
    renames: Renames,
    probed: OnceLock<Probed>,
    /// Folders of other pairs: device and inode.
    others: BTreeSet<(u64, u64)>,
}

/// What was found out by writing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probed {
    /// For the planner.
    pub(super) traits: DiskTraits,
    /// A name made is listed byte for byte as it was asked for.
    pub(super) exact: bool,
}

impl Root {
    /// Opens the folder. [`LocalError::Missing`] and [`LocalError::NotAFolder`] stop the pair.
    pub(crate) fn open(path: &Path) -> Result<Self, LocalError> {
        Self::open_beside(path, &[])
    }

    /// The same where those are the folders of other pairs, as far as they exist: wherever below this one they show,
    /// by a bind mount too, they are not entered, whether or not they were synced before (design S14, history H41).
    pub(crate) fn open_beside(path: &Path, others: &[&Path]) -> Result<Self, LocalError> {
        let fd = open_folder_at(path)?;
        let resolve = sys::resolve_of(fd.as_fd());
        let others = others.iter().filter_map(|other| {
            let fd = open_folder_at(other).ok()?;
            let identity = sys::look_fd(fd.as_fd()).ok()?.identity;
            Some((identity.device, identity.inode))
        });
        Self::with(path, fd, resolve, Renames::Flags, others.collect())
    }

    fn with(
        path: &Path,
        fd: OwnedFd,
        resolve: Resolve,
        renames: Renames,
        others: BTreeSet<(u64, u64)>,
    ) -> Result<Self, LocalError> {
        let meta = sys::look_fd(fd.as_fd())
            .map_err(|cause| LocalError::at(path.display(), "looking at the folder", cause))?;
        let identity = meta.identity;
        Ok(Self(Arc::new(Inner {
            path: path.to_path_buf(),
            fd,
            identity,
            resolve,
            renames,
            probed: OnceLock::new(),
            others,
        })))
    }

    /// The root as kernels and file systems see it that lack `openat2` and the flags of `renameat2`.
    #[cfg(test)]
    pub(super) fn open_plain(path: &Path) -> Result<Self, LocalError> {
        Self::with(
            path,
            open_folder_at(path)?,
            Resolve::Walk,
            Renames::Plain,
            BTreeSet::new(),
        )
    }

    /// The path it was opened by.
    pub(crate) fn path(&self) -> &Path {
        &self.0.path
    }

    /// What the folder is, for the journal.
    pub(crate) fn identity(&self) -> LocalIdentity {
        self.0.identity
    }

    /// Whether a folder is that of another pair.
    pub(super) fn is_of_another_pair(&self, identity: LocalIdentity) -> bool {
        self.0.others.contains(&(identity.device, identity.inode))
    }

    /// Whether the path still leads to this folder; an unmounted disk or a restored backup fails here.
    pub(crate) fn check(&self) -> Result<(), LocalError> {
        let again = open_folder_at(&self.0.path)?;
        let meta =
            sys::look_fd(again.as_fd()).map_err(|cause| self.failed("looking at the folder", cause))?;
        if meta.identity == self.0.identity {
            Ok(())
        } else {
            Err(LocalError::Missing(self.0.path.clone()))
        }
    }

    /// Bytes that are free to us.
    pub(crate) fn free_bytes(&self) -> Result<u64, LocalError> {
        let (free, _) = sys::space(self.fd()).map_err(|cause| self.failed("asking for free space", cause))?;
        Ok(free)
    }

    /// What this disk does to names. Found out once, by writing in our own area if that is allowed.
    pub(crate) fn traits(&self, probe: Probe) -> Result<DiskTraits, LocalError> {
        if let Some(probed) = self.0.probed.get() {
            return Ok(probed.traits);
        }
        let (_, name_max) = sys::space(self.fd()).map_err(|cause| self.failed("asking for limits", cause))?;
        let usual = DiskTraits {
            name_max,
            ..DiskTraits::default()
        };
        match probe {
            Probe::ReadOnly => Ok(usual),
            Probe::Write => {
                let probed = super::probe::probe(self, usual)?;
                Ok(self.0.probed.get_or_init(|| probed).traits)
            }
        }
    }

    /// Which renames this file system knows; asked by trying them in our own area.
    ///
    /// # Errors
    /// Our own area cannot be written.
    pub(crate) fn knows_renames(&self) -> Result<Knows, LocalError> {
        super::probe::renames(self)
    }

    /// Which renames are used.
    pub(super) fn renames(&self) -> Renames {
        self.0.renames
    }

    /// Whether names are known to be kept byte for byte.
    pub(super) fn keeps_names(&self) -> bool {
        self.0.probed.get().is_some_and(|probed| probed.exact)
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.0.fd.as_fd()
    }

    fn failed(&self, doing: &'static str, cause: Errno) -> LocalError {
        LocalError::at(self.0.path.display(), doing, cause)
    }

    /// Opens a folder below the root.
    pub(super) fn folder(&self, path: &RelPath) -> Result<OwnedFd, Errno> {
        sys::open_folder(self.fd(), path.as_str(), self.0.resolve)
    }

    /// Opens a file below the root for reading.
    pub(super) fn file(&self, path: &RelPath) -> Result<OwnedFd, Errno> {
        sys::open_file(self.fd(), path.as_str(), self.0.resolve)
    }

    /// Looks at an entry below the root.
    pub(super) fn look(&self, path: &RelPath) -> Result<Meta, Errno> {
        sys::look_beneath(self.fd(), path.as_str(), self.0.resolve)
    }

    /// What the entry at a path is; `None` if nothing is there.
    pub(crate) fn identity_at(&self, path: &RelPath) -> Result<Option<LocalIdentity>, LocalError> {
        match self.look(path) {
            Ok(meta) => Ok(Some(meta.identity)),
            Err(Errno::NOENT) => Ok(None),
            Err(cause) => Err(LocalError::at(path, "looking at it", cause)),
        }
    }

    /// The place of an entry, its folder open. For reading and for our own area; see [`user_spot`](Self::user_spot).
    pub(super) fn spot(&self, path: &RelPath) -> Result<Spot, LocalError> {
        let Some((parent, name)) = path.split() else {
            return Err(LocalError::Denied {
                path: path.to_string(),
                cause: Errno::PERM,
            });
        };
        let folder = self
            .folder(&parent)
            .map_err(|cause| LocalError::at(path, "opening its folder", cause))?;
        Ok(Spot {
            folder,
            name,
            path: path.clone(),
            renames: self.0.renames,
        })
    }

    /// The place of an entry of the user's; refused in our own area, whoever asks (design N5).
    pub(super) fn user_spot(&self, path: &RelPath) -> Result<Spot, LocalError> {
        let ours = path
            .components()
            .enumerate()
            .any(|(depth, name)| is_ours(name, depth == 0));
        if ours {
            return Err(LocalError::Denied {
                path: path.to_string(),
                cause: Errno::PERM,
            });
        }
        self.spot(path)
    }

    /// A folder of our own area, made if it is not there.
    pub(super) fn area(&self, area: Area) -> Result<OwnedFd, LocalError> {
        let own = self.own()?;
        let path = format!("{AREA}/{}", area.name());
        sys::create_own_folder(own.as_fd(), area.name())
            .and_then(|()| sys::open_child(own.as_fd(), area.name()))
            .map_err(|cause| LocalError::at(path, "opening our own folder", cause))
    }

    /// Our own area itself, made if it is not there.
    pub(super) fn own(&self) -> Result<OwnedFd, LocalError> {
        sys::create_own_folder(self.fd(), AREA)
            .and_then(|()| sys::open_child(self.fd(), AREA))
            .map_err(|cause| LocalError::at(AREA, "opening our own folder", cause))
    }

    /// A place in our own area; its folder is made if it is not there.
    pub(super) fn area_spot(&self, area: Area, name: &LocalName) -> Result<Spot, LocalError> {
        let folder = self.area(area)?;
        Ok(Spot {
            folder,
            name: name.clone(),
            path: own_path(area, name),
            renames: self.0.renames,
        })
    }
}

fn open_folder_at(path: &Path) -> Result<OwnedFd, LocalError> {
    sys::open_root(path).map_err(|cause| match cause {
        Errno::NOENT => LocalError::Missing(path.to_path_buf()),
        Errno::NOTDIR => LocalError::NotAFolder(path.to_path_buf()),
        _ => LocalError::at(path.display(), "opening the folder", cause),
    })
}

/// The path of something in our own area.
pub(super) fn own_path(area: Area, name: &LocalName) -> RelPath {
    [AREA, area.name()]
        .into_iter()
        .filter_map(LocalName::new)
        .chain([name.clone()])
        .fold(RelPath::root(), |path, part| path.join(&part))
}

/// A name in an open folder: what is at it, if anything, can be looked at, moved and removed.
#[derive(Debug)]
pub(super) struct Spot {
    pub(super) folder: OwnedFd,
    pub(super) name: LocalName,
    pub(super) path: RelPath,
    pub(super) renames: Renames,
}

impl Spot {
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    pub(super) fn name(&self) -> &str {
        self.name.as_str()
    }

    /// That its folder is the one that was meant, where it is known which: between the scan and the step the user may have
    /// given that name to another. What is done in the open folder then goes where it was to go, wherever that is by now.
    pub(super) fn within(self, folder: Option<LocalIdentity>) -> Result<Self, LocalError> {
        let Some(folder) = folder else {
            return Ok(self);
        };
        let meta = sys::look_fd(self.fd()).map_err(self.failed("looking at its folder"))?;
        if meta.identity == folder {
            return Ok(self);
        }
        Err(LocalError::Changed {
            path: self.path.to_string(),
            what: "its folder is another one by now",
        })
    }

    /// Names the path in a failure.
    pub(super) fn failed(&self, doing: &'static str) -> impl FnOnce(Errno) -> LocalError {
        let path = self.path.to_string();
        move |cause| LocalError::at(path, doing, cause)
    }

    /// What is there; [`LocalError::Vanished`] if nothing is.
    pub(super) fn look(&self) -> Result<Meta, LocalError> {
        sys::look_at(self.fd(), self.name()).map_err(self.failed("looking at it"))
    }

    /// What is there, if anything.
    pub(super) fn look_if_there(&self) -> Result<Option<Meta>, LocalError> {
        match sys::look_at(self.fd(), self.name()) {
            Ok(meta) => Ok(Some(meta)),
            Err(Errno::NOENT) => Ok(None),
            Err(cause) => Err(self.failed("looking at it")(cause)),
        }
    }

    /// Renames what is here to a place where nothing is, and makes that last. [`LocalError::Occupied`] if something is.
    pub(super) fn rename_new(&self, to: &Self, kind: Kind) -> Result<(), LocalError> {
        sys::rename_new((self.fd(), self.name()), (to.fd(), to.name()), kind, self.renames).map_err(
            |cause| {
                // Without an entry at the source it is the source that is gone.
                let at = if cause == Errno::NOENT {
                    &self.path
                } else {
                    &to.path
                };
                LocalError::at(at, "renaming", cause)
            },
        )?;
        self.sync()?;
        to.sync()
    }

    /// Lets two entries change places; `false` if this file system cannot.
    pub(super) fn exchange(&self, other: &Self) -> Result<bool, LocalError> {
        sys::exchange((self.fd(), self.name()), (other.fd(), other.name()), self.renames)
            .map_err(other.failed("exchanging"))
    }

    /// Makes what was done to names in this folder last.
    pub(super) fn sync(&self) -> Result<(), LocalError> {
        sys::sync(self.fd()).map_err(self.failed("syncing its folder"))
    }

    /// Removes a file of ours.
    pub(super) fn remove(&self) -> Result<(), LocalError> {
        match sys::remove_file(self.fd(), self.name()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(cause) => Err(self.failed("removing our own file")(cause)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Disk, in_own_mounts, path};
    use super::*;

    #[test]
    fn a_root_that_is_missing_or_a_file_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let missing = dir.path().join("no");
        assert_eq!(Root::open(&missing).err(), Some(LocalError::Missing(missing)));
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert_eq!(Root::open(&file).err(), Some(LocalError::NotAFolder(file)));
    }

    #[test]
    fn a_root_may_be_a_link_and_is_the_folder_it_leads_to() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("real")).unwrap();
        std::os::unix::fs::symlink("real", dir.path().join("link")).unwrap();
        let real = Root::open(&dir.path().join("real")).unwrap();
        let link = Root::open(&dir.path().join("link")).unwrap();
        assert_eq!(real.identity(), link.identity());
        assert!(real.free_bytes().unwrap() > 0);
    }

    #[test]
    fn h08_another_folder_at_the_roots_path_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("root");
        std::fs::create_dir(&at).unwrap();
        let root = Root::open(&at).unwrap();
        root.check().unwrap();
        std::fs::rename(&at, dir.path().join("old")).unwrap();
        assert!(matches!(root.check(), Err(LocalError::Missing(_))));
        std::fs::create_dir(&at).unwrap();
        assert!(matches!(root.check(), Err(LocalError::Missing(_))));
    }

    #[test]
    fn d4_nothing_below_a_link_is_opened_by_either_way() {
        let disk = Disk::new();
        disk.write("real/a", "x");
        disk.link("real", "link");
        disk.link("/", "top");
        disk.link("real/a", "file");
        for root in disk.roots() {
            assert!(root.file(&path("real/a")).is_ok());
            for name in ["link/a", "top/etc/hostname", "file", "top"] {
                let error = root.file(&path(name)).err();
                assert!(
                    matches!(error, Some(Errno::LOOP | Errno::NOTDIR)),
                    "{name}: {error:?}"
                );
            }
            for name in ["link", "top"] {
                assert!(root.folder(&path(name)).is_err(), "{name}");
            }
        }
    }

    #[test]
    fn a_root_may_be_a_mount_of_its_own() {
        in_own_mounts("local::root::tests::a_root_may_be_a_mount_of_its_own", |mount| {
            let dir = tempfile::tempdir().unwrap();
            mount(&["-t", "tmpfs", "none"], dir.path());
            std::fs::create_dir(dir.path().join("a")).unwrap();
            for root in [
                Root::open(dir.path()).unwrap(),
                Root::open_plain(dir.path()).unwrap(),
            ] {
                assert!(root.folder(&RelPath::root()).is_ok());
                assert!(root.folder(&path("a")).is_ok());
                assert!(root.look(&path("a")).is_ok());
            }
        });
    }
}
