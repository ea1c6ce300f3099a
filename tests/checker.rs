//! The oracles: are both sides the same, is every content still there, is nothing there twice?
//!
//! They judge two trees and what the test wrote; never what syncd says of itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::world::disk::{Content, Entry, Tree};

/// A name as this API holds it, turned back: `⟦HEX⟧` is that character (design N1).
pub(crate) fn unescape(name: &str) -> String {
    let mut out = String::new();
    let mut rest = name;
    while let Some(start) = rest.find('⟦') {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let inner = &from['⟦'.len_utf8()..];
        let escape = inner.split_once('⟧').and_then(|(hex, after)| {
            let upper = !hex.is_empty()
                && hex
                    .chars()
                    .all(|c| c.is_ascii_digit() || ('A'..='F').contains(&c));
            let code = u32::from_str_radix(hex, 16)
                .ok()
                .filter(|_| upper && hex.len() <= 6)?;
            Some((char::from_u32(code)?, after))
        });
        match escape {
            Some((character, after)) => {
                out.push(character);
                rest = after;
            }
            None => {
                out.push('⟦');
                rest = inner;
            }
        }
    }
    out + rest
}

/// The account's tree with names as a disk here has them.
pub(crate) fn as_local(remote: &Tree) -> Tree {
    remote
        .iter()
        .map(|(path, entry)| (unescape(path), entry.clone()))
        .collect()
}

/// What of a tree can be in an account at all: neither empty files nor what is no file, nor a folder that holds nothing
/// else (design M15).
pub(crate) fn syncable(local: &Tree) -> Tree {
    let fits = |entry: &Entry| match entry {
        Entry::Folder => true,
        Entry::File(content) => content.size > 0,
        Entry::Other(_) => false,
    };
    let only_odd = |folder: &str| {
        let below = format!("{folder}/");
        let mut inside = local
            .iter()
            .filter(|(path, _)| path.starts_with(&below))
            .peekable();
        inside.peek().is_some() && inside.all(|(_, entry)| !fits(entry))
    };
    local
        .iter()
        .filter(|(path, entry)| fits(entry) && !(**entry == Entry::Folder && only_odd(path)))
        .map(|(path, entry)| (path.clone(), entry.clone()))
        .collect()
}

/// How two trees differ, a line for each path; empty: not at all.
pub(crate) fn differences(here: &Tree, there: &Tree) -> Vec<String> {
    let paths: BTreeSet<&String> = here.keys().chain(there.keys()).collect();
    let differs = |path: &&&String| here.get(**path) != there.get(**path);
    paths
        .iter()
        .filter(differs)
        .map(|path| {
            format!(
                "{path:?}: {:?} here, {:?} there",
                here.get(*path),
                there.get(*path)
            )
        })
        .collect()
}

/// Both sides hold the same, but for what no account can hold.
#[track_caller]
pub(crate) fn assert_same(local: &Tree, remote: &Tree) {
    let differences = differences(&syncable(local), &as_local(remote));
    assert!(
        differences.is_empty(),
        "the sides differ:\n{}",
        differences.join("\n")
    );
}

/// Two trees are equal, path by path and byte by byte.
#[track_caller]
pub(crate) fn assert_equal(here: &Tree, there: &Tree) {
    let differences = differences(here, there);
    assert!(
        differences.is_empty(),
        "the trees differ:\n{}",
        differences.join("\n")
    );
}

/// Remembers every content that was ever written, and which of them went on purpose.
#[derive(Clone, Debug, Default)]
pub(crate) struct Witness {
    written: BTreeMap<Content, String>,
    gone: BTreeSet<Content>,
}

impl Witness {
    /// Somebody wrote that.
    pub(crate) fn wrote(&mut self, path: &str, content: Content) {
        if content.size > 0 {
            self.written.insert(content, path.to_owned());
            self.gone.remove(&content);
        }
    }

    /// Somebody deleted or overwrote that.
    pub(crate) fn dropped(&mut self, content: Content) {
        self.gone.insert(content);
    }

    /// Every content that nobody dropped is in the tree, and none is in it twice.
    #[track_caller]
    pub(crate) fn assert_kept_once(&self, tree: &Tree) {
        let mut found: BTreeMap<Content, Vec<&str>> = BTreeMap::new();
        for (path, entry) in tree {
            if let Entry::File(content) = entry
                && content.size > 0
            {
                found.entry(*content).or_default().push(path);
            }
        }
        let lost = self
            .written
            .iter()
            .filter(|(content, _)| !self.gone.contains(content) && !found.contains_key(content));
        let lost: Vec<_> = lost.collect();
        assert!(lost.is_empty(), "lost: {lost:#?}\nthe tree: {tree:#?}");
        let twice: Vec<_> = found.iter().filter(|(_, paths)| paths.len() > 1).collect();
        assert!(twice.is_empty(), "there twice: {twice:#?}");
        let back: Vec<_> = found
            .iter()
            .filter(|(content, _)| self.gone.contains(content))
            .collect();
        assert!(back.is_empty(), "back from the dead: {back:#?}");
    }
}

#[test]
fn the_oracles_see_a_loss_a_double_and_a_difference() {
    let content = |byte: u8| crate::world::content_of(&[byte; 9]);
    let tree = |files: &[(&str, u8)]| -> Tree {
        files
            .iter()
            .map(|(path, byte)| ((*path).to_owned(), Entry::File(content(*byte))))
            .collect()
    };
    let mut witness = Witness::default();
    witness.wrote("a", content(1));
    witness.wrote("b", content(2));
    witness.dropped(content(2));
    let fails = |tree: Tree| std::panic::catch_unwind(|| witness.assert_kept_once(&tree)).is_err();
    assert!(!fails(tree(&[("a", 1), ("c", 3)])));
    assert!(fails(tree(&[("c", 3)])), "a loss");
    assert!(fails(tree(&[("a", 1), ("c", 1)])), "a double");
    assert!(fails(tree(&[("a", 1), ("b", 2)])), "a dead one");
    assert_eq!(
        differences(&tree(&[("a", 1), ("b", 2)]), &tree(&[("a", 3), ("b", 2)])).len(),
        1
    );
    assert_eq!(unescape("a⟦3C⟧b ⟦27E6⟧41⟧ ⟦ x⟧ ⟦zz⟧"), "a<b ⟦41⟧ ⟦ x⟧ ⟦zz⟧");
}
