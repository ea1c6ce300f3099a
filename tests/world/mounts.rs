//! Mounts for one test alone: the test runs again in a child with a mount namespace of its own, so that disks can be
//! full or read-only there. What the child mounts is gone with it; nobody else ever sees it.

use std::path::Path;
use std::process::Command;

/// Set in a child of this test binary: it is to do the test's work itself.
const CHILD: &str = "SYNCD_TEST_CHILD";

/// Runs the test of that full name again in a child with mounts of its own, and `work` in there.
pub(crate) fn in_own_mounts(name: &str, work: impl FnOnce()) {
    if std::env::var_os(CHILD).is_some() {
        return work();
    }
    let mut child = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        child.args(["--user", "--map-root-user"]);
    }
    let out = child
        .arg("--mount")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let told = [out.stdout, out.stderr]
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .concat();
    assert!(out.status.success() && told.contains("1 passed"), "{told}");
}

/// `mount HOW AT`.
#[track_caller]
pub(crate) fn mount(how: &[&str], at: &Path) {
    let status = Command::new("mount").args(how).arg(at).status().unwrap();
    assert!(status.success(), "mount {how:?} {}", at.display());
}

/// Mounts an empty disk of so many bytes.
#[track_caller]
pub(crate) fn mount_disk(at: &Path, bytes: u64) {
    mount(
        &["-t", "tmpfs", "-o", &format!("size={bytes},mode=755"), "none"],
        at,
    );
}

/// Gives that disk another size.
#[track_caller]
pub(crate) fn resize_disk(at: &Path, bytes: u64) {
    mount(&["-o", &format!("remount,size={bytes}")], at);
}
