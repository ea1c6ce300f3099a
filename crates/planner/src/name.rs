//! One component of a path, as each side holds it. There is no conversion between the types here: the ways across
//! are in [`naming`](crate::naming) and may answer that there is none.

use alloc::boxed::Box;
use core::fmt;

/// A name as the server says it: any text at all, also `/`, `..` or nothing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemoteName(Box<str>);

impl RemoteName {
    /// Takes what the server said, unchanged.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
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
pub struct LocalName(Box<str>);

impl LocalName {
    /// Checks the text; `None` if no disk could hold it as one component.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Option<Self> {
        let text = text.into();
        let refused = text.is_empty() || &*text == "." || &*text == ".." || text.contains(['/', '\0']);
        (!refused).then_some(Self(text))
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
pub struct PlainName(Box<str>);

impl PlainName {
    pub(crate) fn trusted(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
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
