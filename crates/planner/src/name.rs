//! One component of a path, as each side holds it. There is no conversion between the types here: the ways across
//! are in [`naming`](crate::naming) and may answer that there is none.
//!
//! There are three of them for each node, and most are short: up to 24 bytes are held in place.

use core::fmt;

use compact_str::CompactString;

/// A name as the server says it: any text at all, also `/`, `..` or nothing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemoteName(CompactString);

impl RemoteName {
    /// Takes what the server said, unchanged.
    #[must_use]
    pub fn new(text: impl AsRef<str>) -> Self {
        Self(CompactString::new(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name that a disk can hold as one component: not empty, not `.` or `..`, without `/` and NUL.
///
/// Length is not checked: what a file system allows is in [`DiskTraits`](crate::policy::DiskTraits).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalName(CompactString);

impl LocalName {
    /// Checks the text; `None` if no disk could hold it as one component.
    #[must_use]
    pub fn new(text: impl AsRef<str>) -> Option<Self> {
        let text = text.as_ref();
        let refused = text.is_empty() || text == "." || text == ".." || text.contains(['/', '\0']);
        (!refused).then(|| Self(CompactString::new(text)))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A name that survives an upload unchanged (`wire.md` §4), so that one call is enough to create the file (design A2).
/// Only [`naming`](crate::naming) makes one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlainName(CompactString);

impl PlainName {
    pub(crate) fn trusted(text: impl AsRef<str>) -> Self {
        Self(CompactString::new(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! shown_as_text {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    )*};
}
shown_as_text!(RemoteName LocalName PlainName);
