//! The socket in the file system, and who may come: made private, replaced where its owner is dead, removed at the end.
//!
//! Must never happen here: a socket taken away from a service that lives, anything but a socket removed.
#![expect(clippy::disallowed_methods, reason = "the socket's place in the file system")]

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use tokio::net::{UnixListener, UnixStream};

use crate::service::lock::try_lock;

/// A bound socket; its file is removed when this is dropped, if it is still the same.
#[derive(Debug)]
pub(super) struct Socket {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode of the file.
    own: (u64, u64),
}

impl Socket {
    /// Binds, within a runtime. The folder is made, for its owner only, where there is none.
    ///
    /// # Errors
    /// `AddrInUse`: somebody answers there, or is about to. `AlreadyExists`: something else has this name. The words name the
    /// path in each case.
    pub(super) fn bind(path: &Path) -> io::Result<Self> {
        let named = |error: io::Error| {
            let text = format!("the control socket {}: {error}", path.display());
            io::Error::new(error.kind(), text)
        };
        Self::bind_unnamed(path).map_err(named)
    }

    fn bind_unnamed(path: &Path) -> io::Result<Self> {
        let in_use = || io::Error::new(io::ErrorKind::AddrInUse, "another syncd answers there");
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        // Two that start at once must not take the place from each other between the look and the bind.
        let _turn = try_lock(&path.with_extension("lock"))?.ok_or_else(in_use)?;
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(there) if !there.file_type().is_socket() => {
                let text = "something that is no socket has this name";
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
            }
            Ok(_) if lives(path)? => return Err(in_use()),
            Ok(_) => fs::remove_file(path)?,
        }
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        let meta = fs::symlink_metadata(path)?;
        Ok(Self {
            listener,
            path: path.to_owned(),
            own: (meta.dev(), meta.ino()),
        })
    }

    /// The next one who comes.
    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        self.listener.accept().await.map(|(stream, _)| stream)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let same = fs::symlink_metadata(&self.path).is_ok_and(|meta| (meta.dev(), meta.ino()) == self.own);
        if same {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether somebody listens there. Does not wait: one whose queue is full lives.
fn lives(path: &Path) -> io::Result<bool> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    match connect(&socket, &SocketAddrUnix::new(path)?) {
        Ok(()) | Err(Errno::AGAIN) => Ok(true),
        Err(Errno::CONNREFUSED | Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The user at the other end, if that one may ask: this process's own, or root. `Err` has the user who may not, if known.
pub(super) fn admitted(stream: &UnixStream, own: u32) -> Result<u32, Option<u32>> {
    match stream.peer_cred() {
        Ok(peer) if peer.uid() == own || peer.uid() == 0 => Ok(peer.uid()),
        Ok(peer) => Err(Some(peer.uid())),
        Err(_) => Err(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modes(path: &Path) -> (u32, u32) {
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        (mode(path.parent().unwrap()), mode(path))
    }

    #[tokio::test]
    async fn the_socket_is_private_and_goes_with_its_owner() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("run/syncd/control.sock");
        let socket = Socket::bind(&path).unwrap();
        assert_eq!(modes(&path), (0o700, 0o600));
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("control.sock");
        // As a kill leaves it: the file is there, nobody listens.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let first = Socket::bind(&path).unwrap();
        let refused = Socket::bind(&path).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse);
        let text = refused.to_string();
        assert!(
            text.contains("control.sock") && text.contains("another syncd answers there"),
            "{text}"
        );
        assert!(path.exists(), "the live one's stays");
        drop(first);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_is_no_socket_is_left_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("control.sock");
        fs::write(&path, "precious").unwrap();
        assert_eq!(
            Socket::bind(&path).unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        let long = home.path().join("x".repeat(120));
        assert!(
            Socket::bind(&long).unwrap_err().to_string().contains("xxx"),
            "a path that is too long is named"
        );
    }

    #[tokio::test]
    async fn another_ones_socket_is_not_removed_at_the_end() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("control.sock");
        let first = Socket::bind(&path).unwrap();
        fs::remove_file(&path).unwrap();
        let second = Socket::bind(&path).unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);
    }

    #[tokio::test]
    async fn this_user_and_root_may_ask_and_nobody_else() {
        let own = rustix::process::getuid().as_raw();
        let (stream, _other) = UnixStream::pair().unwrap();
        assert_eq!(admitted(&stream, own), Ok(own));
        // Root comes to everybody, so only without it another user is refused.
        let other = admitted(&stream, own + 1);
        assert_eq!(other, if own == 0 { Ok(0) } else { Err(Some(own)) });
    }
}
