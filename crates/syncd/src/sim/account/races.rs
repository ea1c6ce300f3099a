//! What a web user changed between a client's look and its delete. The API has no delete that asks for what was seen, so no
//! client can help it: the change is in the account's trash then (`docs/guarantees.md`), and the oracles do not ask for more.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::store::{Place, RowState, Store};

/// Who looked at what when, and who changed it since; in numbers that only grow.
#[derive(Debug, Default)]
pub(super) struct Races {
    now: u64,
    listed: BTreeMap<(String, Place), u64>,
    looked: BTreeMap<(String, u64), u64>,
    touched: BTreeMap<u64, u64>,
    lost: Vec<Bytes>,
}

impl Races {
    fn tick(&mut self) -> u64 {
        self.now = self.now.saturating_add(1);
        self.now
    }

    /// A session was shown a folder.
    pub(super) fn listed(&mut self, token: &str, place: Place) {
        let now = self.tick();
        self.listed.insert((token.to_owned(), place), now);
    }

    /// A session was shown a file.
    pub(super) fn looked(&mut self, token: &str, file: u64) {
        let now = self.tick();
        self.looked.insert((token.to_owned(), file), now);
    }

    /// A web user changed these files, or brought them where they are.
    pub(super) fn touched(&mut self, files: impl IntoIterator<Item = u64>) {
        let now = self.tick();
        self.touched.extend(files.into_iter().map(|file| (file, now)));
    }

    /// A session trashes a file.
    pub(super) fn file_goes(&mut self, token: &str, store: &Store, file: u64) {
        let seen = self.looked.get(&(token.to_owned(), file)).copied();
        self.goes(store, file, seen);
    }

    /// A session trashes a folder.
    pub(super) fn folder_goes(&mut self, token: &str, store: &Store, folder: u64) {
        for inside in store.subtree(folder) {
            let place = Some(inside);
            let seen = self.listed.get(&(token.to_owned(), place)).copied();
            let files = store.files_in(place);
            let live = files.filter(|file| file.state == RowState::Active);
            for file in live.map(|file| file.id).collect::<Vec<_>>() {
                self.goes(store, file, seen);
            }
        }
    }

    fn goes(&mut self, store: &Store, file: u64, seen: Option<u64>) {
        let touched = self.touched.get(&file).copied();
        if touched.is_some_and(|touched| seen.is_none_or(|seen| touched > seen))
            && let Some(row) = store.file(file)
        {
            self.lost.push(row.content.clone());
        }
    }

    /// Bytes that went unseen.
    pub(super) fn lost(&self) -> &[Bytes] {
        &self.lost
    }
}
