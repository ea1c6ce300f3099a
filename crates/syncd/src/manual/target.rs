//! What a user names in the account: a path of names, or an id. Pure.
//!
//! `/docs/a.txt` and `docs/a.txt` are the same, from the account's root. `id:123` is a file or a folder of that id (the two
//! are numbered apart), `file:123` and `folder:123` say which; a path may go on below a folder's id. A part with `*`, `?`,
//! `[` or `{` is a pattern, unless something has exactly that name.

use planner::id::{FileId, FolderId};

use super::fault::Fault;

/// Where a target begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Start {
    /// The account's root.
    Top,
    /// A file.
    File(FileId),
    /// A folder.
    Folder(FolderId),
    /// A file or a folder of this number.
    Either(u64),
}

/// A path or an id, as given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Target {
    /// As the user wrote it.
    pub(crate) text: String,
    /// Where it begins.
    pub(crate) start: Start,
    /// The names below that.
    pub(crate) parts: Vec<String>,
}

impl Target {
    /// Reads what a user wrote.
    ///
    /// # Errors
    /// It is empty, has `.` or `..` in it, or an id that is none.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        let bad = |why| Fault::BadTarget {
            text: text.to_owned(),
            why,
        };
        if text.is_empty() {
            return Err(bad("it is empty; the account's root is \"/\""));
        }
        let (first, rest) = text.split_once('/').unwrap_or((text, ""));
        let start = start(first).map_err(bad)?;
        let path = if start == Start::Top { text } else { rest };
        let parts: Vec<String> = path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect();
        if parts.iter().any(|part| part == "." || part == "..") {
            return Err(bad(
                "paths in the account have no \".\" and \"..\"; what is called so is named by its id",
            ));
        }
        if matches!(start, Start::File(_)) && !parts.is_empty() {
            return Err(bad("nothing lies below a file"));
        }
        Ok(Self {
            text: text.to_owned(),
            start,
            parts,
        })
    }

    /// The same without its last name; none if it ends in no name.
    pub(crate) fn above(&self) -> Option<(Self, String)> {
        let (last, above) = self.parts.split_last()?;
        let parts = above.to_vec();
        let text = match self.start {
            Start::Top => format!("/{}", parts.join("/")),
            Start::File(_) | Start::Folder(_) | Start::Either(_) => {
                let first = self.text.split('/').next().unwrap_or_default();
                [&[first.to_owned()][..], &parts].concat().join("/")
            }
        };
        let start = self.start;
        Some((Self { text, start, parts }, last.clone()))
    }
}

fn start(first: &str) -> Result<Start, &'static str> {
    const NO_ID: &str =
        "an id is a number from 1 on; a name that begins so is written with a \"/\" before it";
    let number = |digits: &str| {
        let canonical = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
        digits.parse::<u64>().ok().filter(|_| canonical).ok_or(NO_ID)
    };
    if let Some(digits) = first.strip_prefix("id:") {
        return number(digits).map(Start::Either);
    }
    if let Some(digits) = first.strip_prefix("file:") {
        return number(digits)
            .and_then(|id| FileId::new(id).ok_or(NO_ID))
            .map(Start::File);
    }
    if let Some(digits) = first.strip_prefix("folder:") {
        return number(digits)
            .and_then(|id| FolderId::new(id).ok_or(NO_ID))
            .map(Start::Folder);
    }
    Ok(Start::Top)
}

/// Whether a part may be a pattern.
pub(crate) fn is_pattern(part: &str) -> bool {
    part.contains(['*', '?', '[', '{'])
}

/// A pattern for one name.
pub(crate) fn pattern(part: &str) -> Result<globset::GlobMatcher, globset::Error> {
    // Names in the account may hold "/": to a pattern it is a character like any other.
    let glob = globset::GlobBuilder::new(part).build()?;
    Ok(glob.compile_matcher())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> (Start, String) {
        let target = Target::parse(text).unwrap();
        (target.start, target.parts.join("|"))
    }

    #[test]
    fn paths_begin_at_the_root_and_ids_anywhere() {
        assert_eq!(parsed("/"), (Start::Top, String::new()));
        assert_eq!(parsed("docs//a.txt"), (Start::Top, "docs|a.txt".into()));
        assert_eq!(parsed("/docs/"), (Start::Top, "docs".into()));
        assert_eq!(parsed("id:7"), (Start::Either(7), String::new()));
        assert_eq!(parsed("/id:7"), (Start::Top, "id:7".into()));
        assert_eq!(
            parsed("folder:7/a/b"),
            (Start::Folder(FolderId::new(7).unwrap()), "a|b".into())
        );
        assert_eq!(
            parsed("file:7"),
            (Start::File(FileId::new(7).unwrap()), String::new())
        );
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for bad in [
            "",
            "a/../b",
            ".",
            "id:",
            "id:0",
            "id:07",
            "id:x",
            "id:+7",
            "file:-1",
            "file:7/a",
            "folder:1e3",
        ] {
            assert!(Target::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_target_above_keeps_its_start() {
        let above = |text: &str| {
            let (above, last) = Target::parse(text).unwrap().above()?;
            Some((above.text, last))
        };
        assert_eq!(above("docs/a"), Some(("/docs".into(), "a".into())));
        assert_eq!(above("a"), Some(("/".into(), "a".into())));
        assert_eq!(above("id:7/a/b"), Some(("id:7/a".into(), "b".into())));
        assert_eq!(above("id:7"), None);
        assert_eq!(above("/"), None);
    }

    #[test]
    fn patterns_match_whole_names() {
        let matches = |text: &str, name: &str| pattern(text).unwrap().is_match(name);
        assert!(matches("*.txt", "a.txt") && matches("?.{jpg,txt}", "a.txt") && matches("[ab]*", "a/b"));
        assert!(!matches("*.txt", "a.txt2") && !matches("?", "ab"));
        assert!(pattern("[").is_err());
    }
}
