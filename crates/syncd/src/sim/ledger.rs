//! What users wrote, and what they meant to be gone.

use std::collections::BTreeSet;

use super::rng::Rng;

/// A content: every one that is written is another, until somebody copies one.
pub(crate) type Content = u32;

/// From here on each content has a size that no other has.
const OF_OWN_SIZE: Content = 50_000;

/// The bytes of a content. Many are of one size, so that size alone tells little.
pub(crate) fn bytes_of(content: Content) -> Vec<u8> {
    let more = match content.checked_sub(OF_OWN_SIZE) {
        None => content % 3,
        Some(number) => number.saturating_add(3),
    };
    let mut bytes = format!("{content:05}").into_bytes();
    bytes.extend((0..more).map(|_| b'.'));
    bytes
}

/// The content of these bytes; none for anything a user did not write whole.
pub(crate) fn content_of(bytes: &[u8]) -> Option<Content> {
    let digits = bytes.get(..5)?;
    let content = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (bytes_of(content) == bytes).then_some(content)
}

/// Every content, and what became of it by the hands of users.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    next: Content,
    swapped: Content,
    /// Written.
    pub(crate) written: BTreeSet<Content>,
    /// Overwritten or deleted by somebody who saw it.
    pub(crate) destroyed: BTreeSet<Content>,
    /// Of those, the ones that were destroyed on a disk, where no trash is.
    pub(crate) burnt: BTreeSet<Content>,
    /// What may rightly be there more than once: written twice, moved while others may have changed it, brought back.
    pub(crate) copied: BTreeSet<Content>,
    /// Halves of uploads that a user took for files, and renamed or moved before the one who sent them looked again.
    pub(crate) halves: BTreeSet<Vec<u8>>,
    /// What users did, in words, since somebody asked; only when somebody listens.
    said: Option<Vec<String>>,
}

impl Ledger {
    /// From now on users' deeds are taken down in words.
    pub(crate) fn listen(&mut self) {
        self.said = Some(Vec::new());
    }

    /// A user does something.
    pub(crate) fn say(&mut self, what: impl FnOnce() -> String) {
        if let Some(said) = &mut self.said {
            let what = what();
            tracing::info!("{what}");
            said.push(what);
        }
    }

    /// What users did since this was last asked.
    pub(crate) fn said(&mut self) -> Vec<String> {
        self.said.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// A content to write: mostly a new one.
    pub(crate) fn write(&mut self, rng: &mut Rng) -> Content {
        if rng.one_in(10) {
            let old: Vec<Content> = self.written.difference(&self.destroyed).copied().collect();
            if let Some(old) = rng.pick(&old) {
                self.copied.insert(*old);
                return *old;
            }
        }
        self.next = self.next.saturating_add(1);
        self.written.insert(self.next);
        self.next
    }

    /// A new content of a size that no other has. A version of the same size under the same id is what no listing of this
    /// API shows (`wire.md` Q44), so no client can see it.
    pub(crate) fn write_unlike(&mut self) -> Content {
        self.swapped = self.swapped.saturating_add(1);
        let content = OF_OWN_SIZE.saturating_add(self.swapped);
        self.written.insert(content);
        content
    }

    /// A user renames or moves these bytes; what others did to them meanwhile keeps a copy.
    pub(crate) fn carry(&mut self, bytes: &[u8]) {
        match content_of(bytes) {
            Some(content) => drop(self.copied.insert(content)),
            None => drop(self.halves.insert(bytes.to_vec())),
        }
    }

    /// It was not written after all, or it is meant to be gone from a disk.
    pub(crate) fn burn(&mut self, gone: impl IntoIterator<Item = Content>) {
        for content in gone {
            self.say(|| format!("  content {content} is gone from there"));
            self.destroyed.insert(content);
            self.burnt.insert(content);
        }
    }

    /// The trash that held these was emptied: nobody promises them any more.
    pub(crate) fn purge(&mut self, gone: impl IntoIterator<Item = Content>) {
        self.burnt.extend(gone);
    }

    /// It is meant to be gone from the account, whose trash has it.
    pub(crate) fn trash(&mut self, gone: impl IntoIterator<Item = Content>) {
        self.destroyed.extend(gone);
    }

    /// What must be live in the end.
    pub(crate) fn required(&self) -> impl Iterator<Item = Content> {
        self.written.difference(&self.destroyed).copied()
    }

    /// What must be somewhere in the end, if only in a trash.
    pub(crate) fn kept(&self) -> impl Iterator<Item = Content> {
        self.written.difference(&self.burnt).copied()
    }
}
