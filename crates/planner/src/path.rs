//! A path below the root of a pair: relative, normalised, checked once on entry.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use crate::name::LocalName;

/// Components joined by `/`; the empty path is the root of the pair itself. Never absolute, never with `.`, `..`,
/// empty components or NUL, so joining one to a root cannot leave it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct RelPath(Box<str>);

impl RelPath {
    /// The root of the pair.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// Checks every component; `None` if one could not be a [`LocalName`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::root());
        }
        text.split('/')
            .all(|part| LocalName::new(part).is_some())
            .then(|| Self(text.into()))
    }

    /// The path of a child.
    #[must_use]
    pub fn join(&self, name: &LocalName) -> Self {
        if self.is_root() {
            Self(name.as_str().into())
        } else {
            let mut text = String::with_capacity(self.0.len() + 1 + name.as_str().len());
            text.push_str(&self.0);
            text.push('/');
            text.push_str(name.as_str());
            Self(text.into())
        }
    }

    /// Parent and last component; `None` for the root.
    #[must_use]
    pub fn split(&self) -> Option<(Self, LocalName)> {
        let (parent, name) = match self.0.rsplit_once('/') {
            Some((parent, name)) => (Self(parent.into()), name),
            None => (Self::root(), &*self.0),
        };
        Some((parent, LocalName::new(name)?))
    }

    /// Whether this is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `other` is this path or lies below it.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.is_root()
            || *self == *other
            || other
                .0
                .strip_prefix(&*self.0)
                .is_some_and(|rest| rest.starts_with('/'))
    }

    /// The same place after `from` was renamed to `to`; unchanged if this path is not within `from`.
    #[must_use]
    pub fn moved(&self, from: &Self, to: &Self) -> Self {
        if *self == *from {
            return to.clone();
        }
        match self
            .0
            .strip_prefix(&*from.0)
            .and_then(|rest| rest.strip_prefix('/'))
        {
            Some(rest) if !from.is_root() => {
                let mut text = String::from(&*to.0);
                if !text.is_empty() {
                    text.push('/');
                }
                text.push_str(rest);
                Self(text.into())
            }
            Some(_) | None => self.clone(),
        }
    }

    /// The components, from the top.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|part| !part.is_empty())
    }

    /// The text, with `/` between components.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            f.write_str(".")
        } else {
            f.write_str(&self.0)
        }
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_leave_its_root() {
        for bad in ["/a", "a/", "a//b", "..", "a/../b", ".", "a\0"] {
            assert_eq!(RelPath::parse(bad), None, "{bad:?}");
        }
        assert_eq!(RelPath::parse("").map(|path| path.is_root()), Some(true));
    }

    #[test]
    fn a_moved_folder_takes_its_paths_along() {
        let path = |text: &str| RelPath::parse(text).unwrap();
        assert_eq!(path("a/b/c").moved(&path("a"), &path("x/y")), path("x/y/b/c"));
        assert_eq!(path("ab/c").moved(&path("a"), &path("x")), path("ab/c"));
        assert_eq!(path("a").moved(&path("a"), &path("x")), path("x"));
    }
}
