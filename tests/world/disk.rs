//! The disk of a machine as a test sees and changes it: plain `std::fs`, nothing of syncd's.
//!
//! Contents are compared by size and MD5, which the server knows of every file too; contents of tests are made from
//! seeds, nobody forges them.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use md5::{Digest as _, Md5};

/// A content: size and MD5.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Content {
    /// Bytes.
    pub(crate) size: u64,
    /// MD5 of them.
    pub(crate) md5: [u8; 16],
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.md5;
        write!(f, "{} B {a:02x}{b:02x}{c:02x}{d:02x}", self.size)
    }
}

/// What a path is.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Entry {
    /// A folder.
    Folder,
    /// A file.
    File(Content),
    /// Something that is never synced.
    Other(&'static str),
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder => f.write_str("folder"),
            Self::File(content) => content.fmt(f),
            Self::Other(kind) => f.write_str(kind),
        }
    }
}

/// Everything below a folder, by path.
pub(crate) type Tree = BTreeMap<String, Entry>;

/// The content of bytes.
pub(crate) fn content_of(bytes: &[u8]) -> Content {
    Content {
        size: u64::try_from(bytes.len()).unwrap(),
        md5: Md5::digest(bytes).into(),
    }
}

/// The content of a file, read in pieces.
pub(crate) fn content_at(path: &Path) -> Content {
    read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn read(path: &Path) -> io::Result<Content> {
    let mut file = File::open(path)?;
    let mut md5 = Md5::new();
    let (mut size, mut buffer) = (0, vec![0; 1 << 20]);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(Content {
                size,
                md5: md5.finalize().into(),
            });
        }
        md5.update(&buffer[..read]);
        size += u64::try_from(read).unwrap();
    }
}

/// What lies below a folder, without syncd's own corner in it.
pub(crate) fn tree(root: &Path) -> Tree {
    look(root).unwrap_or_else(|error| panic!("{}: {error}", root.display()))
}

/// The same of a folder in which something may vanish meanwhile.
pub(crate) fn look(root: &Path) -> io::Result<Tree> {
    let mut tree = Tree::new();
    if root.is_dir() {
        walk(root, "", &mut tree, ".syncd")?;
    }
    Ok(tree)
}

/// What lies below a folder, all of it.
pub(crate) fn everything(root: &Path) -> Tree {
    let mut tree = Tree::new();
    if root.is_dir() {
        walk(root, "", &mut tree, "").unwrap_or_else(|error| panic!("{}: {error}", root.display()));
    }
    tree
}

fn walk(folder: &Path, prefix: &str, tree: &mut Tree, without: &str) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if path == without {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(&entry.path(), &format!("{path}/"), tree, without)?;
            tree.insert(path, Entry::Folder);
        } else if kind.is_file() {
            tree.insert(path, Entry::File(read(&entry.path())?));
        } else {
            tree.insert(
                path,
                Entry::Other(if kind.is_symlink() { "link" } else { "special" }),
            );
        }
    }
    Ok(())
}

/// Writes a file, with the folders it needs, as an editor does that saves in place.
pub(crate) fn write(root: &Path, path: &str, bytes: &[u8]) {
    let file = root.join(path);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, bytes).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}

/// Removes a file, or a folder with all that is in it.
pub(crate) fn remove(root: &Path, path: &str) {
    let target = root.join(path);
    if target.is_dir() {
        fs::remove_dir_all(&target)
    } else {
        fs::remove_file(&target)
    }
    .unwrap_or_else(|error| panic!("{}: {error}", target.display()));
}

/// Renames or moves.
pub(crate) fn rename(root: &Path, from: &str, to: &str) {
    let target = root.join(to);
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    fs::rename(root.join(from), &target).unwrap_or_else(|error| panic!("{from} to {to}: {error}"));
}
