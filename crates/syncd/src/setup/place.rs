//! Files and folders that `syncd init` makes: each whole or not at all, private, and all of them or none.
//!
//! What was there stays unless the caller was told to replace it; what was made is taken back if a later part fails.
#![expect(
    clippy::disallowed_methods,
    reason = "writes the user's configuration and credentials, and takes its own files back"
)]

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

/// What was made so far; taken back when dropped, unless it is kept.
#[derive(Debug, Default)]
pub(crate) struct Made {
    undo: Vec<Undo>,
}

/// How one thing is taken back.
#[derive(Debug)]
enum Undo {
    RemoveFolder(PathBuf),
    RemoveFile(PathBuf),
    /// The old file, under the name it has meanwhile.
    PutBack {
        old: PathBuf,
        path: PathBuf,
    },
}

impl Made {
    /// Makes a folder with those above it; what is there already is left as it is.
    pub(crate) fn folder(&mut self, path: &Path, mode: u32) -> io::Result<()> {
        let missing: Vec<&Path> = path
            .ancestors()
            .take_while(|path| path.symlink_metadata().is_err())
            .collect();
        for folder in missing.into_iter().rev() {
            DirBuilder::new().mode(mode).create(folder)?;
            self.undo.push(Undo::RemoveFolder(folder.to_owned()));
        }
        Ok(())
    }

    /// Writes a private file (0600) whole; one that is there is an error, unless `replace`.
    pub(crate) fn file(&mut self, path: &Path, text: &str, replace: bool) -> io::Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let beside = |end: &str| path.with_file_name(format!(".{name}.{}.{end}", std::process::id()));
        let new = beside("new");
        let written = write(&new, text).and_then(|()| {
            if replace && path.symlink_metadata().is_ok() {
                let old = beside("old");
                std::fs::rename(path, &old)?;
                self.undo.push(Undo::PutBack {
                    old,
                    path: path.to_owned(),
                });
            }
            into_place(&new, path)?;
            self.undo.push(Undo::RemoveFile(path.to_owned()));
            Ok(())
        });
        if written.is_err() {
            let _ = std::fs::remove_file(&new);
        }
        written
    }

    /// Everything is there: nothing is taken back any more.
    pub(crate) fn keep(mut self) {
        for undo in std::mem::take(&mut self.undo) {
            if let Undo::PutBack { old, .. } = undo {
                let _ = std::fs::remove_file(old);
            }
        }
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // As far as it goes: the first trouble is what the user is told.
        for undo in std::mem::take(&mut self.undo).into_iter().rev() {
            let _ = match undo {
                Undo::RemoveFolder(path) => std::fs::remove_dir(path),
                Undo::RemoveFile(path) => std::fs::remove_file(path),
                Undo::PutBack { old, path } => std::fs::rename(old, path),
            };
        }
    }
}

fn write(new: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Never over something. A file system without the flag gets a second name instead, which is as strict.
fn into_place(new: &Path, path: &Path) -> io::Result<()> {
    match renameat_with(CWD, new, CWD, path, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS) => {
            std::fs::hard_link(new, path)?;
            std::fs::remove_file(new)
        }
        done => done.map_err(io::Error::from),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn what_is_kept_is_private_and_what_is_not_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a/b/c.toml");
        let make = |made: &mut Made| {
            made.folder(file.parent().unwrap(), 0o700).unwrap();
            made.file(&file, "one", false).unwrap();
        };
        let mut made = Made::default();
        make(&mut made);
        drop(made);
        assert!(!dir.path().join("a").exists());
        let mut made = Made::default();
        make(&mut made);
        made.keep();
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(file.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn nothing_is_replaced_unless_asked_and_then_put_back_if_the_rest_fails() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.toml");
        std::fs::write(&file, "mine").unwrap();
        let read = || std::fs::read_to_string(&file).unwrap();
        let mut made = Made::default();
        let error = made.file(&file, "new", false).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(read(), "mine");
        made.file(&file, "new", true).unwrap();
        assert_eq!(read(), "new");
        drop(made);
        assert_eq!(read(), "mine");
        let mut made = Made::default();
        made.file(&file, "new", true).unwrap();
        made.keep();
        assert_eq!(read(), "new");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
