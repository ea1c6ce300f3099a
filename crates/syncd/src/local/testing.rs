//! What the tests of this room share: a disk to play with, and users who do things on it at the wrong moment.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::PathBuf;
use std::time::Duration;

use planner::content::{ContentHash, Stamp};
use planner::id::LocalIdentity;
use planner::path::RelPath;
use planner::tree::{LocalFile, LocalNode};

use super::ignore::Ignore;
use super::root::Root;
use super::scan::{self, KnownHashes, Scan, ScanOptions};

/// A time at which all files made by a test are old.
pub(super) const LATER_NS: i64 = 4_000_000_000_123_456_789;

/// A root in a folder of its own.
pub(super) struct Disk {
    pub(super) dir: tempfile::TempDir,
    pub(super) root: Root,
}

pub(super) fn path(text: &str) -> RelPath {
    RelPath::parse(text).unwrap()
}

/// Nothing is known.
pub(super) struct Nothing;

impl KnownHashes for Nothing {
    fn hash(&self, _: Option<&LocalIdentity>, _: u64, _: Stamp) -> Option<ContentHash> {
        None
    }
}

impl Disk {
    pub(super) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        Self { dir, root }
    }

    /// The same disk as a system without `openat2` and rename flags sees it.
    pub(super) fn plain() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open_plain(dir.path()).unwrap();
        Self { dir, root }
    }

    /// One with everything, one without.
    pub(super) fn both() -> [Self; 2] {
        [Self::new(), Self::plain()]
    }

    /// This disk by both ways of resolving.
    pub(super) fn roots(&self) -> [Root; 2] {
        [
            Root::open(self.dir.path()).unwrap(),
            Root::open_plain(self.dir.path()).unwrap(),
        ]
    }

    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        self.write_bytes(name, text.as_bytes());
    }

    pub(super) fn write_bytes(&self, name: &str, bytes: &[u8]) {
        let at = self.at(name);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        fs::write(at, bytes).unwrap();
    }

    /// An edit that hides itself as well as a program can.
    pub(super) fn write_keeping_mtime(&self, name: &str, text: &str) {
        let before = fs::metadata(self.at(name)).unwrap().modified().unwrap();
        // A tick of the kernel's clock, so that the change time cannot be the same by chance.
        let ctime = fs::metadata(self.at(name)).unwrap().ctime_nsec();
        while fs::metadata(self.at(name)).unwrap().ctime_nsec() == ctime {
            fs::write(self.at(name), text).unwrap();
        }
        fs::File::options()
            .write(true)
            .open(self.at(name))
            .unwrap()
            .set_modified(before)
            .unwrap();
    }

    /// Saved as editors do: a new file under the old name.
    pub(super) fn save_by_rename(&self, name: &str, text: &str) {
        self.write(".saving", text);
        fs::rename(self.at(".saving"), self.at(name)).unwrap();
    }

    pub(super) fn folder(&self, name: &str) {
        fs::create_dir_all(self.at(name)).unwrap();
    }

    pub(super) fn link(&self, to: &str, name: &str) {
        symlink(to, self.at(name)).unwrap();
    }

    pub(super) fn replace_by_link(&self, name: &str, to: &str) {
        fs::rename(self.at(name), self.at("moved away")).unwrap();
        symlink(self.at(to), self.at(name)).unwrap();
    }

    pub(super) fn replace_by_pipe(&self, name: &str) {
        fs::remove_file(self.at(name)).unwrap();
        self.pipe(name);
    }

    pub(super) fn pipe(&self, name: &str) {
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(
            rustix::fs::CWD,
            self.at(name),
            rustix::fs::FileType::Fifo,
            mode,
            0,
        )
        .unwrap();
    }

    pub(super) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap()
    }

    pub(super) fn exists(&self, name: &str) -> bool {
        fs::symlink_metadata(self.at(name)).is_ok()
    }

    /// All files with their texts, as `path=text`, our own area without its empty folders included.
    pub(super) fn files(&self) -> Vec<String> {
        let mut all: Vec<String> = walkdir::WalkDir::new(self.dir.path())
            .into_iter()
            .map(|entry| entry.unwrap())
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| {
                let name = entry.path().strip_prefix(self.dir.path()).unwrap();
                format!("{}={}", name.display(), fs::read_to_string(entry.path()).unwrap())
            })
            .collect();
        all.sort();
        all
    }

    /// A scan long after everything was written.
    pub(super) fn scan(&self) -> Scan {
        self.scan_at(LATER_NS)
    }

    pub(super) fn scan_at(&self, now_ns: i64) -> Scan {
        let mut ignore = Ignore::new(&[], &[]).unwrap();
        let options = ScanOptions {
            quiet: Duration::from_secs(1),
            now_ns,
        };
        scan::scan(&self.root, &mut ignore, &Nothing, options).unwrap()
    }

    pub(super) fn seen(&self, name: &str) -> LocalNode {
        let scan = self.scan();
        scan.at(&path(name)).unwrap().clone()
    }

    pub(super) fn seen_file(&self, name: &str) -> LocalFile {
        self.seen(name).file().unwrap().clone()
    }
}

/// Set in a child of this test binary: it is to do the test's work itself.
const CHILD: &str = "SYNCD_TEST_CHILD";
/// A user who owns nothing and may do nothing special.
const NOBODY: u32 = 65_534;

/// Runs the test `name` again in a child that is not root, where permissions mean something, and `work` in there.
pub(super) fn as_nobody(name: &str, work: impl FnOnce()) {
    use std::os::unix::process::CommandExt as _;
    if !rustix::process::geteuid().is_root() {
        return work();
    }
    // The binary may lie where only root gets to; nobody runs a copy, in a folder of nobody's own.
    let dir = tempfile::tempdir().unwrap();
    let binary = dir.path().join("test");
    // Copied by another process: a descriptor of ours, open for writing, would pass to whatever child another test starts
    // just then, and the copy could not be executed meanwhile ("text file busy").
    let copied = std::process::Command::new("cp")
        .arg(std::env::current_exe().unwrap())
        .arg(&binary)
        .status()
        .unwrap();
    assert!(copied.success());
    std::os::unix::fs::chown(dir.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    let mut child = std::process::Command::new(&binary);
    child
        .uid(NOBODY)
        .gid(NOBODY)
        .env("TMPDIR", dir.path())
        .current_dir(dir.path());
    passed(child, name);
}

/// Runs the test `name` again in a child with mounts of its own, and `work` in there with a way to mount.
pub(super) fn in_own_mounts(name: &str, work: impl FnOnce(&dyn Fn(&[&str], &std::path::Path))) {
    if std::env::var_os(CHILD).is_some() {
        return work(&|how, at| {
            let status = std::process::Command::new("mount")
                .args(how)
                .arg(at)
                .status()
                .unwrap();
            assert!(status.success(), "mount {how:?} {}", at.display());
        });
    }
    let mut child = std::process::Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        child.args(["--user", "--map-root-user"]);
    }
    child.arg("--mount").arg(std::env::current_exe().unwrap());
    passed(child, name);
}

fn passed(mut child: std::process::Command, name: &str) {
    let out = child
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let told = [out.stdout, out.stderr]
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .concat();
    assert!(out.status.success() && told.contains("1 passed"), "{told}");
}
