//! Test notation: trees written as trees (style §3).
//!
//! One node a line: its path, two blanks, then what is known of it. Folders end in `/`; folders above a node need not
//! be written. A path means the same ids in all three trees unless a line says otherwise, and one text always has one
//! hash and one stamp, so what is not said to differ does not differ. What the account lacks is unproved unless
//! [`Case::gone`] says how it went.
//!
//! Words. All: `'text'`, `size N`, `unhashed`. Synced: `file N`, `folder N`, `inode N`, `there 'NAME'`, `url U`,
//! `published`, `unverified`, `young` (no stamp). Local: `inode N`, `noid`, `nobirth`, `mtime N` (seconds), `ignored`,
//! `hidden`, `others N`, `busy`, `unreadable`, `symlink`, `pipe`. Remote: `file N`, `folder N`, `url U`, `name 'NAME'`,
//! `ignored`, `unreadable`, `fetched` (hash known), `looks N`, `appeared N M`.

use std::collections::BTreeMap;

use crate::content::{ContentHash, Stamp};
use crate::hold::Odd;
use crate::id::{FileId, FolderId, LocalIdentity, LocalKey, NodeId, RemoteId, ShortUrl};
use crate::merge::{Merged, Now, Scope, Trees, merge};
use crate::name::{LocalName, RemoteName};
use crate::policy::Policy;
use crate::tree::{
    Gone, LocalContents, LocalFile, LocalKind, LocalNode, LocalTree, RemoteFile, RemoteKind, RemoteNode,
    RemoteTree, Standing, SyncedFile, SyncedKind, SyncedNode, SyncedTree,
};

/// Three trees, a policy and a time: all that a merge takes.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) synced: SyncedTree,
    pub(crate) local: LocalTree,
    pub(crate) remote: RemoteTree,
    pub(crate) policy: Policy,
    pub(crate) now: Now,
    /// Numbers of paths, for ids that no line gives.
    numbers: BTreeMap<String, u64>,
    synced_at: BTreeMap<String, NodeId>,
    local_at: BTreeMap<String, LocalKey>,
    remote_at: BTreeMap<String, RemoteId>,
}

/// An empty case: nothing anywhere, default policy, device `D`.
pub(crate) fn case() -> Case {
    Case {
        synced: SyncedTree::default(),
        local: LocalTree::default(),
        remote: RemoteTree::default(),
        policy: Policy {
            device: "D".into(),
            ..Policy::default()
        },
        now: Now(1_795_443_303),
        numbers: BTreeMap::new(),
        synced_at: BTreeMap::new(),
        local_at: BTreeMap::new(),
        remote_at: BTreeMap::new(),
    }
}

/// The hash of a text: no real BLAKE3, but as different as the texts are.
pub(crate) fn hash_of(text: &str) -> ContentHash {
    let mut bytes = [0_u8; 32];
    let mut state = 0xcbf2_9ce4_8422_2325_u64;
    for byte in text.bytes() {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    for chunk in bytes.chunks_mut(8) {
        state = state.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23) ^ 0x5851;
        chunk.copy_from_slice(&state.to_le_bytes());
    }
    ContentHash(bytes)
}

/// The times of a file that holds this text and was not touched since it was written.
pub(crate) fn stamp_of(text: &str) -> Stamp {
    let ContentHash([a, b, c, ..]) = hash_of(text);
    let seconds = 1_790_000_000 + i64::from(a) * 65_536 + i64::from(b) * 256 + i64::from(c);
    Stamp {
        mtime_ns: seconds * 1_000_000_000,
        ctime_ns: seconds * 1_000_000_000,
    }
}

pub(crate) fn file_id(number: u64) -> FileId {
    FileId::new(number).unwrap()
}

pub(crate) fn folder_id(number: u64) -> FolderId {
    FolderId::new(number).unwrap()
}

/// One line, taken apart.
struct Line {
    path: String,
    folder: bool,
    words: Vec<String>,
}

impl Line {
    fn parse(text: &str) -> Self {
        let text = text.trim();
        let (path, rest) = text.split_once("  ").unwrap_or((text, ""));
        let mut words = Vec::new();
        let mut rest = rest.trim();
        while !rest.is_empty() {
            let (word, after) = match rest.strip_prefix('\'') {
                Some(quoted) => {
                    let (inner, after) = quoted.split_once('\'').expect("a closing quote");
                    (format!("'{inner}"), after)
                }
                None => {
                    let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
                    (word.to_owned(), after)
                }
            };
            words.push(word);
            assert!(!path.contains('\''), "two blanks end a path: {text:?}");
            rest = after.trim_start();
        }
        Self {
            path: path.trim_end_matches('/').to_owned(),
            folder: path.ends_with('/'),
            words,
        }
    }

    fn folder(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            folder: true,
            words: Vec::new(),
        }
    }

    fn split(&self) -> (Option<&str>, &str) {
        match self.path.rsplit_once('/') {
            Some((parent, name)) => (Some(parent), name),
            None => (None, &self.path),
        }
    }

    fn has(&self, word: &str) -> bool {
        self.words.iter().any(|known| known == word)
    }

    fn after(&self, word: &str) -> Option<&str> {
        let at = self.words.iter().position(|known| known == word)?;
        self.words.get(at + 1).map(String::as_str)
    }

    fn number(&self, word: &str) -> Option<u64> {
        self.after(word).map(|text| text.parse().expect("a number"))
    }

    fn quoted(&self, word: &str) -> Option<&str> {
        self.after(word)
            .map(|text| text.strip_prefix('\'').expect("a quoted name"))
    }

    /// The file's text: the quoted word that belongs to no other.
    fn text(&self) -> &str {
        let mut before = "";
        for word in &self.words {
            if let Some(text) = word.strip_prefix('\'')
                && !matches!(before, "there" | "name")
            {
                return text;
            }
            before = word;
        }
        "text"
    }

    fn size(&self) -> u64 {
        self.number("size").unwrap_or(self.text().len() as u64)
    }
}

impl Case {
    /// Adds lines to the last agreement.
    pub(crate) fn synced(mut self, lines: &str) -> Self {
        for line in lines.lines().filter(|line| !line.trim().is_empty()) {
            self.add_synced(&Line::parse(line));
        }
        self
    }

    /// Adds lines to what the disk shows.
    pub(crate) fn local(mut self, lines: &str) -> Self {
        for line in lines.lines().filter(|line| !line.trim().is_empty()) {
            self.add_local(&Line::parse(line));
        }
        self
    }

    /// Adds lines to what the account shows.
    pub(crate) fn remote(mut self, lines: &str) -> Self {
        for line in lines.lines().filter(|line| !line.trim().is_empty()) {
            self.add_remote(&Line::parse(line));
        }
        self
    }

    /// Adds lines to all three.
    pub(crate) fn all(self, lines: &str) -> Self {
        self.synced(lines).local(lines).remote(lines)
    }

    /// Says how something that was synced is gone: `file 7`, `folder 3`, or the path of a synced node.
    pub(crate) fn gone(mut self, what: &str, how: Gone) -> Self {
        let id = match what.split_once(' ') {
            Some(("file", number)) => RemoteId::File(file_id(number.parse().unwrap())),
            Some(("folder", number)) => RemoteId::Folder(folder_id(number.parse().unwrap())),
            _ => {
                let node = self.synced_at[what.trim_end_matches('/')];
                self.synced.get(node).unwrap().remote()
            }
        };
        self.remote.gone.insert(id, how);
        self
    }

    /// Takes a row out again, so that what is in it has no living folder.
    pub(crate) fn without_row(mut self, what: &str) -> Self {
        let id = match what.split_once(' ') {
            Some(("file", number)) => RemoteId::File(file_id(number.parse().unwrap())),
            Some(("folder", number)) => RemoteId::Folder(folder_id(number.parse().unwrap())),
            _ => panic!("file or folder: {what:?}"),
        };
        self.remote.nodes.remove(id);
        self
    }

    /// The disk's root could not be read in full.
    pub(crate) fn hidden_root(mut self) -> Self {
        self.local.root_hidden = true;
        self
    }

    /// The account's root could not be listed.
    pub(crate) fn unreadable_root(mut self) -> Self {
        self.remote.root_unreadable = true;
        self
    }

    /// Changes the policy.
    pub(crate) fn policy(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(&mut self.policy);
        self
    }

    /// The trees, to be merged.
    pub(crate) fn trees(&self) -> Trees<'_> {
        Trees {
            synced: &self.synced,
            local: &self.local,
            remote: &self.remote,
        }
    }

    /// The full merge.
    pub(crate) fn merged(&self) -> Merged {
        merge(self.trees(), &Scope::Everything, &self.policy, self.now)
    }

    fn number(&mut self, path: &str) -> u64 {
        let next = self.numbers.len() as u64 + 1;
        *self.numbers.entry(path.to_owned()).or_insert(next)
    }

    fn identity(&mut self, line: &Line) -> Option<LocalIdentity> {
        let inode = match line.number("inode") {
            Some(inode) => inode,
            None => 1000 + self.number(&line.path),
        };
        (!line.has("noid")).then(|| LocalIdentity {
            device: 1,
            inode,
            birth_ns: (!line.has("nobirth")).then_some(5),
        })
    }

    fn remote_id(&mut self, line: &Line) -> RemoteId {
        let auto = 100 + self.number(&line.path);
        if line.folder {
            RemoteId::Folder(folder_id(line.number("folder").unwrap_or(auto)))
        } else {
            RemoteId::File(file_id(line.number("file").unwrap_or(auto)))
        }
    }

    fn add_synced(&mut self, line: &Line) -> NodeId {
        let (parent, name) = line.split();
        let parent = parent.map(|path| match self.synced_at.get(path) {
            Some(id) => *id,
            None => self.add_synced(&Line::folder(path)),
        });
        let id = NodeId(self.synced.len() as u64 + 1);
        let kind = match self.remote_id(line) {
            RemoteId::Folder(id) => SyncedKind::Folder(id),
            RemoteId::File(file) => SyncedKind::File(SyncedFile {
                remote: file,
                short_url: Some(url_of(line, file)),
                size: line.size(),
                hash: (!line.has("unverified")).then(|| hash_of(line.text())),
                stamp: (!line.has("young")).then(|| stamp_of(line.text())),
            }),
        };
        let node = SyncedNode {
            id,
            parent,
            remote_name: RemoteName::new(line.quoted("there").unwrap_or(name)),
            local_name: LocalName::new(name).unwrap(),
            identity: self.identity(line),
            standing: if line.has("published") {
                Standing::Published
            } else {
                Standing::Agreed
            },
            kind,
        };
        self.synced_at.insert(line.path.clone(), id);
        self.synced.insert(node);
        id
    }

    fn add_local(&mut self, line: &Line) -> LocalKey {
        let (parent, name) = line.split();
        let parent = parent.map(|path| match self.local_at.get(path) {
            Some(key) => *key,
            None => self.add_local(&Line::folder(path)),
        });
        let key = LocalKey(u32::try_from(self.local.nodes.len()).unwrap() + 1);
        let mut stamp = stamp_of(line.text());
        if let Some(mtime) = line.number("mtime") {
            stamp.mtime_ns = i64::try_from(mtime).unwrap() * 1_000_000_000;
        }
        let kind = match () {
            () if line.has("symlink") => LocalKind::Other(Odd::Symlink),
            () if line.has("pipe") => LocalKind::Other(Odd::Pipe),
            () if line.folder && line.has("hidden") => LocalKind::Folder(LocalContents::Hidden),
            () if line.folder => LocalKind::Folder(LocalContents::Read {
                others: u32::try_from(line.number("others").unwrap_or(0)).unwrap(),
            }),
            () => LocalKind::File(LocalFile {
                size: line.size(),
                stamp,
                hash: (!line.has("unhashed")).then(|| hash_of(line.text())),
                busy: line.has("busy"),
                unreadable: line.has("unreadable"),
            }),
        };
        let node = LocalNode {
            key,
            parent,
            name: LocalName::new(name).unwrap(),
            identity: self.identity(line),
            ignored: line.has("ignored"),
            kind,
        };
        self.local_at.insert(line.path.clone(), key);
        self.local.nodes.insert(node);
        key
    }

    fn add_remote(&mut self, line: &Line) -> RemoteId {
        let (parent, name) = line.split();
        let parent = parent.map(|path| match self.remote_at.get(path) {
            Some(id) => *id,
            None => self.add_remote(&Line::folder(path)),
        });
        let id = self.remote_id(line);
        let kind = match id {
            RemoteId::Folder(_) => RemoteKind::Folder {
                readable: !line.has("unreadable"),
            },
            RemoteId::File(file) => RemoteKind::File(RemoteFile {
                size: line.size(),
                short_url: Some(url_of(line, file)),
                hash: line.has("fetched").then(|| hash_of(line.text())),
                looks: u8::try_from(line.number("looks").unwrap_or(1)).unwrap(),
                appeared: line.number("appeared").map(|first| {
                    let at = line.words.iter().position(|word| word == "appeared").unwrap();
                    let last = line.words[at + 2].parse().unwrap();
                    (i64::try_from(first).unwrap(), last)
                }),
            }),
        };
        let node = RemoteNode {
            id,
            parent: parent.and_then(RemoteId::folder),
            name: RemoteName::new(line.quoted("name").unwrap_or(name)),
            ignored: line.has("ignored"),
            kind,
        };
        // Twins have one path; the first keeps it for the lines of what is in it.
        self.remote_at.entry(line.path.clone()).or_insert(id);
        self.remote.nodes.insert(node);
        id
    }
}

fn url_of(line: &Line, file: FileId) -> ShortUrl {
    let url = line
        .after("url")
        .map_or_else(|| format!("u{file}"), str::to_owned);
    ShortUrl(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_means_the_same_ids_in_all_three_trees() {
        let case = case()
            .all("docs/a.txt  'one'")
            .synced("b (id 7).txt  file 7  there 'b.txt'  'two'")
            .local("b (id 7).txt  mtime 9  'two'")
            .remote("b.txt  file 7  'two'")
            .gone("b (id 7).txt", Gone::Deleted)
            .policy(|policy| policy.device = "E".into());
        let trees = case.trees();
        let folder = trees.synced.children(None).next().unwrap();
        let file = trees.synced.children(Some(folder.id)).next().unwrap();
        assert!(trees.remote.nodes.contains(file.remote()) && trees.remote.nodes.contains(folder.remote()));
        let local = trees
            .local
            .nodes
            .iter()
            .find(|node| node.name == file.local_name)
            .unwrap();
        assert_eq!((local.identity, case.now), (file.identity, Now(1_795_443_303)));
        assert_eq!(local.file().unwrap().hash, file.file().unwrap().hash);
        assert_eq!(trees.local.nodes.path(local.key).unwrap().as_str(), "docs/a.txt");
        assert_eq!(trees.remote.gone.len(), 1);
        assert_eq!(&*case.policy.device, "E");
        assert_ne!(hash_of("one"), hash_of("two"));
    }
}
