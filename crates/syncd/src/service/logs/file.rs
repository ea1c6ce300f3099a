//! The log file: lines are appended, and a file that is full is turned over: `syncd.log`, `syncd.log.1` (the newest of the
//! old ones), `syncd.log.2`. A file that cannot be written is told once, and tried again with each line.
#![expect(clippy::disallowed_methods, reason = "writes the log file")]

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// A file is full with so many bytes: enough for weeks at `info`, and an editor still opens it.
const FULL: u64 = 10 << 20;

/// Most old files that a configuration can have asked for (`log.keep`): so many are looked for.
const KEEP_MAX: u32 = 1000;

/// How a line fared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Written {
    /// It is in the file.
    Fine,
    /// It is in the file, and the one before it is not.
    Again,
    /// It is not, and the one before it was; why, with the file's name.
    Failed(String),
    /// It is not, as the one before it.
    StillFailed,
}

/// A log file.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    keep: u32,
    full: u64,
    open: Option<(File, u64)>,
    troubled: bool,
}

impl LogFile {
    /// The file at this path and so many old ones. Nothing is done before the first line.
    pub(super) const fn new(path: PathBuf, keep: u32) -> Self {
        Self {
            path,
            keep,
            full: FULL,
            open: None,
            troubled: false,
        }
    }

    /// The last line is not in it.
    pub(super) const fn is_troubled(&self) -> bool {
        self.troubled
    }

    /// Appends a line, break included.
    pub(super) fn write(&mut self, line: &[u8]) -> Written {
        let before = self.troubled;
        let appended = self.append(line);
        self.troubled = appended.is_err();
        match (appended, before) {
            (Ok(()), false) => Written::Fine,
            (Ok(()), true) => Written::Again,
            (Err(error), false) => {
                let path = self.path.display();
                Written::Failed(format!("the log file {path} cannot be written: {error}"))
            }
            (Err(_), true) => Written::StillFailed,
        }
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let (file, size) = match self.open.take() {
            Some(open) => open,
            None => open(&self.path)?,
        };
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        let (mut file, size) = if size > 0 && size.saturating_add(length) > self.full {
            drop(file);
            self.turn_over()?;
            open(&self.path)?
        } else {
            (file, size)
        };
        // A file with an error is opened anew with the next line.
        file.write_all(line)?;
        self.open = Some((file, size.saturating_add(length)));
        Ok(())
    }

    /// Makes room: every file gets the next number, and those beyond the last go.
    fn turn_over(&self) -> io::Result<()> {
        let mut beyond = self.keep.max(1);
        while beyond <= KEEP_MAX && std::fs::remove_file(self.old(beyond)).is_ok() {
            beyond += 1;
        }
        for number in (1..self.keep).rev() {
            absent_is_fine(std::fs::rename(self.old(number), self.old(number + 1)))?;
        }
        absent_is_fine(if self.keep == 0 {
            std::fs::remove_file(&self.path)
        } else {
            std::fs::rename(&self.path, self.old(1))
        })
    }

    fn old(&self, number: u32) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(format!(".{number}"));
        name.into()
    }
}

fn absent_is_fine(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The file, and its size so far. It and missing folders above it are made for this user alone.
fn open(path: &Path) -> io::Result<(File, u64)> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    // Not waiting: a pipe in its place would hold everything up.
    let nonblock = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(nonblock)
        .open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    Ok((file, meta.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(home: &Path, keep: u32) -> LogFile {
        LogFile {
            full: 10,
            ..LogFile::new(home.join("logs/s.log"), keep)
        }
    }

    fn names(home: &Path) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(home.join("logs"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn read(home: &Path, name: &str) -> String {
        std::fs::read_to_string(home.join("logs").join(name)).unwrap()
    }

    #[test]
    fn a_full_file_is_turned_over_and_only_so_many_old_ones_stay() {
        let home = tempfile::tempdir().unwrap();
        let mut log = file(home.path(), 2);
        for number in 0..9 {
            assert_eq!(log.write(format!("{number}567\n").as_bytes()), Written::Fine);
        }
        assert_eq!(names(home.path()), ["s.log", "s.log.1", "s.log.2"]);
        assert_eq!(read(home.path(), "s.log"), "8567\n");
        assert_eq!(read(home.path(), "s.log.1"), "6567\n7567\n");
        assert_eq!(read(home.path(), "s.log.2"), "4567\n5567\n");
        // A later run appends, counts what is there, and keeps less if that is asked for.
        let mut log = file(home.path(), 1);
        log.write(b"9567\n");
        log.write(b"0567\n");
        assert_eq!(names(home.path()), ["s.log", "s.log.1"]);
        assert_eq!(read(home.path(), "s.log.1"), "8567\n9567\n");
        let mut log = file(home.path(), 0);
        log.write(b"a line that is longer than a file\n");
        assert_eq!(names(home.path()), ["s.log"]);
        assert_eq!(read(home.path(), "s.log"), "a line that is longer than a file\n");
    }

    #[test]
    fn a_file_is_for_its_user_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        file(home.path(), 1).write(b"a\n");
        let mode = |path: &str| {
            let meta = std::fs::metadata(home.path().join(path)).unwrap();
            meta.permissions().mode() & 0o777
        };
        assert_eq!((mode("logs"), mode("logs/s.log")), (0o700, 0o600));
    }

    #[test]
    fn what_cannot_be_written_is_told_once_and_tried_again() {
        let home = tempfile::tempdir().unwrap();
        let place = home.path().join("logs");
        std::fs::write(&place, "a file where the folder should be").unwrap();
        let mut log = file(home.path(), 1);
        let Written::Failed(why) = log.write(b"a\n") else {
            panic!("written into nothing");
        };
        assert!(why.contains("logs/s.log cannot be written"), "{why}");
        assert!(log.is_troubled());
        assert_eq!(log.write(b"b\n"), Written::StillFailed);
        std::fs::remove_file(&place).unwrap();
        assert_eq!(log.write(b"c\n"), Written::Again);
        assert_eq!(log.write(b"d\n"), Written::Fine);
        assert_eq!(read(home.path(), "s.log"), "c\nd\n");
    }

    #[test]
    fn a_pipe_or_a_folder_in_its_place_does_not_hold_anybody_up() {
        let home = tempfile::tempdir().unwrap();
        let mut log = file(home.path(), 1);
        std::fs::create_dir_all(home.path().join("logs/s.log")).unwrap();
        assert!(matches!(log.write(b"a\n"), Written::Failed(_)));
        std::fs::remove_dir(home.path().join("logs/s.log")).unwrap();
        rustix::fs::mkfifoat(
            rustix::fs::CWD,
            home.path().join("logs/s.log"),
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        )
        .unwrap();
        assert_eq!(log.write(b"b\n"), Written::StillFailed);
    }
}
