//! What the user wants kept out of the sync: `exclude`, `include` and `.syncignore` files, in gitignore syntax.
//!
//! Rules are asked for paths of either side, so they do not look at the disk; the scan brings each `.syncignore` file in as it
//! enters its folder. Later rules beat earlier ones, deeper files beat higher ones, the configuration comes first. What
//! lies in an ignored folder is ignored. What must never happen: a rule file that cannot be read counted as empty.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;

use ::ignore::Match;
use ::ignore::gitignore::{Gitignore, GitignoreBuilder};
use planner::naming::is_ours;
use planner::path::RelPath;

use super::error::LocalError;
use super::root::Root;
use super::sys::{self, Errno};

/// Name of the users' rule files.
pub(crate) const FILE_NAME: &str = ".syncignore";
/// Rules are read whole; nobody writes more by hand.
const MAX_BYTES: usize = 1024 * 1024;

/// The rule that keeps a path out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Why {
    /// The key of the configuration, the `.syncignore` file, or `syncd` for our own names.
    pub(crate) source: String,
    /// Its line in the file, or its place in the list, from 1; 0 for our own names.
    pub(crate) line: usize,
    /// The rule as it is written.
    pub(crate) pattern: String,
}

/// All rules of a pair.
#[derive(Debug)]
pub(crate) struct Ignore {
    config: Vec<Rules>,
    levels: BTreeMap<RelPath, Rules>,
    /// What the last scan read, while a new one is under way.
    before: BTreeMap<RelPath, Rules>,
}

#[derive(Debug)]
struct Rules {
    source: String,
    matcher: Gitignore,
    /// None of them speaks of folders above what it matches.
    by_name: bool,
}

/// What one set of rules says.
enum Verdict {
    Silent,
    Keep,
    Ignore(Why),
}

impl Ignore {
    /// The rules of the configuration. A pattern that is none is an error that names it.
    pub(crate) fn new(exclude: &[String], include: &[String]) -> Result<Self, LocalError> {
        let again: Vec<String> = include.iter().map(|pattern| opposite(pattern)).collect();
        Ok(Self {
            config: vec![rules("include", &again)?, rules("exclude", exclude)?],
            levels: BTreeMap::new(),
            before: BTreeMap::new(),
        })
    }

    /// Reads the `.syncignore` of a folder anew. No such file (or a folder of that name) is no rules; one that cannot be
    /// read is an error that ends the pass.
    pub(crate) fn load(&mut self, root: &Root, folder: &RelPath) -> Result<(), LocalError> {
        match root.folder(folder) {
            Ok(open) => self.load_open(open.as_fd(), folder),
            Err(Errno::NOENT) => {
                self.levels.remove(folder);
                Ok(())
            }
            Err(cause) => Err(LocalError::at(folder, "opening it", cause)),
        }
    }

    /// The same for a folder that is open.
    pub(super) fn load_open(&mut self, open: BorrowedFd<'_>, folder: &RelPath) -> Result<(), LocalError> {
        let source = source(folder);
        let text = read_rules(open, &source)?;
        match text {
            Some(text) => {
                let lines: Vec<&str> = text.lines().collect();
                self.levels.insert(folder.clone(), rules(&source, &lines)?);
            }
            None => {
                self.levels.remove(folder);
            }
        }
        Ok(())
    }

    /// A folder has no `.syncignore`.
    pub(super) fn unload(&mut self, folder: &RelPath) {
        self.levels.remove(folder);
    }

    /// A scan begins: files are read anew as it meets them.
    pub(super) fn begin(&mut self) {
        self.before = std::mem::take(&mut self.levels);
    }

    /// A folder could not be entered: what was known of it still holds.
    pub(super) fn keep(&mut self, folder: &RelPath) {
        let (kept, rest) = std::mem::take(&mut self.before)
            .into_iter()
            .partition(|(path, _)| folder.contains(path));
        self.before = rest;
        let kept: BTreeMap<RelPath, Rules> = kept;
        self.levels.extend(kept);
    }

    /// Whether all that is in a folder is kept out, or not, by the same rules if it is at `to` instead of `from`: the files
    /// above it are the same ones, and no rule there or in the configuration tells one folder from another.
    pub(super) fn speak_alike(&self, from: &RelPath, to: &RelPath) -> bool {
        let mut above = self.levels.iter().filter(|(level, _)| !from.contains(level));
        let alike = above.all(
            |(level, rules)| match (level.contains(from), level.contains(to)) {
                (true, true) => rules.by_name,
                (false, false) => true,
                (true, false) | (false, true) => false,
            },
        );
        alike && self.config.iter().all(|rules| rules.by_name)
    }

    /// A folder moved, with the rule files in it.
    pub(super) fn moved(&mut self, from: &RelPath, to: &RelPath) {
        let inside = |path: &&RelPath| from.contains(path);
        let paths: Vec<RelPath> = self.levels.keys().filter(inside).cloned().collect();
        for path in paths {
            if let Some(rules) = self.levels.remove(&path) {
                let path = path.moved(from, to);
                let source = source(&path);
                self.levels.insert(path, Rules { source, ..rules });
            }
        }
    }

    /// The scan is over.
    pub(super) fn end(&mut self) {
        self.before.clear();
    }

    /// The rule that keeps this path, or a folder above it, out of the sync. The path need not be on this disk.
    pub(crate) fn ignored(&self, path: &RelPath, is_folder: bool) -> Option<Why> {
        self.ignored_at(path, is_folder).map(|(_, why)| why)
    }

    /// The same, and what the rule matches: the path, or the first folder above it.
    pub(crate) fn ignored_at(&self, path: &RelPath, is_folder: bool) -> Option<(RelPath, Why)> {
        let mut above = RelPath::root();
        let mut parts = path.components().peekable();
        while let Some(part) = parts.next() {
            let below = planner::name::LocalName::new(part).map(|name| above.join(&name))?;
            let folder = is_folder || parts.peek().is_some();
            if let Some(why) = self.ignored_here(&below, folder) {
                return Some((below, why));
            }
            above = below;
        }
        None
    }

    /// The same, if nothing above it is ignored: what the scan asks, top down.
    pub(super) fn ignored_here(&self, path: &RelPath, is_folder: bool) -> Option<Why> {
        let text = path.as_str();
        let (above, name) = text.rsplit_once('/').unwrap_or(("", text));
        if is_ours(name, above.is_empty()) {
            return Some(Why {
                source: String::from("syncd"),
                line: 0,
                pattern: String::from(name),
            });
        }
        // Most pairs have no rule files: then nothing is asked of the folders above.
        let mut folder = path
            .split()
            .map(|(above, _)| above)
            .filter(|_| !self.levels.is_empty());
        while let Some(level) = folder {
            if let Some(rules) = self.levels.get(&level) {
                match rules.say(below(&level, path), is_folder) {
                    Verdict::Silent => {}
                    Verdict::Keep => return None,
                    Verdict::Ignore(why) => return Some(why),
                }
            }
            folder = level.split().map(|(above, _)| above);
        }
        for rules in &self.config {
            match rules.say(path.as_str(), is_folder) {
                Verdict::Silent => {}
                Verdict::Keep => return None,
                Verdict::Ignore(why) => return Some(why),
            }
        }
        None
    }
}

impl Rules {
    fn say(&self, path: &str, is_folder: bool) -> Verdict {
        if self.matcher.is_empty() {
            return Verdict::Silent;
        }
        match self.matcher.matched(path, is_folder) {
            Match::None => Verdict::Silent,
            Match::Whitelist(_) => Verdict::Keep,
            Match::Ignore(glob) => Verdict::Ignore(Why {
                source: self.source.clone(),
                line: glob
                    .from()
                    .and_then(|line| line.to_str()?.parse().ok())
                    .unwrap_or(0),
                pattern: String::from(glob.original()),
            }),
        }
    }
}

/// The text of a rule file; `None` if there is none.
fn read_rules(folder: BorrowedFd<'_>, source: &str) -> Result<Option<String>, LocalError> {
    let broken = |cause: String| LocalError::Rules {
        path: String::from(source),
        line: 0,
        cause,
    };
    match sys::look_at(folder, FILE_NAME) {
        Err(Errno::NOENT) => return Ok(None),
        Ok(meta) if meta.kind == sys::Kind::Folder => return Ok(None),
        Ok(_) => {}
        Err(cause) => return Err(broken(format!("cannot be read ({cause})"))),
    }
    let file = match sys::open_at_for_reading(folder, FILE_NAME) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP) => {
            return Err(broken(String::from(
                "is a symbolic link; rules are read from a file only",
            )));
        }
        Err(cause) => return Err(broken(format!("cannot be read ({cause})"))),
    };
    let bytes = super::hash::read_small(file.as_fd(), MAX_BYTES)
        .map_err(|cause| broken(format!("cannot be read ({cause})")))?
        .ok_or_else(|| broken(format!("is larger than {MAX_BYTES} bytes")))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let whole = error
            .as_bytes()
            .get(..error.utf8_error().valid_up_to())
            .unwrap_or_default();
        LocalError::Rules {
            path: String::from(source),
            line: whole
                .iter()
                .filter(|byte| **byte == b'\n')
                .count()
                .saturating_add(1),
            cause: String::from("is not UTF-8"),
        }
    })?;
    Ok(Some(text))
}

fn rules(source: &str, lines: &[impl AsRef<str>]) -> Result<Rules, LocalError> {
    let broken = |line: usize, cause: String| LocalError::Rules {
        path: String::from(source),
        line,
        cause,
    };
    let mut by_name = true;
    let mut builder = GitignoreBuilder::new("");
    for (number, line) in (1_usize..).zip(lines) {
        // Editors of other systems begin a file with a mark of its encoding.
        let line = line.as_ref();
        let line = if number == 1 {
            line.trim_start_matches('\u{feff}')
        } else {
            line
        };
        // The matcher keeps a path with each rule; the line's number is all we need there.
        builder
            .add_line(Some(PathBuf::from(number.to_string())), line)
            .map_err(|error| broken(number, error.to_string()))?;
        let is_comment = line.starts_with('#');
        by_name &= is_comment || !line.trim_end().trim_end_matches('/').contains('/');
    }
    let matcher = builder.build().map_err(|error| broken(0, error.to_string()))?;
    Ok(Rules {
        source: String::from(source),
        matcher,
        by_name,
    })
}

/// What the rules of a folder are called.
fn source(folder: &RelPath) -> String {
    if folder.is_root() {
        String::from(FILE_NAME)
    } else {
        format!("{folder}/{FILE_NAME}")
    }
}

/// `include` takes back what `exclude` says.
fn opposite(pattern: &str) -> String {
    match pattern.strip_prefix('!') {
        Some(rest) => String::from(rest),
        None => format!("!{pattern}"),
    }
}

/// The path as seen from a folder above it.
fn below<'a>(folder: &RelPath, path: &'a RelPath) -> &'a str {
    let rest = path.as_str().strip_prefix(folder.as_str()).unwrap_or_default();
    rest.strip_prefix('/').unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Disk, path};
    use super::*;

    fn ignore(exclude: &[&str], include: &[&str]) -> Ignore {
        let owned = |list: &[&str]| list.iter().map(|text| String::from(*text)).collect::<Vec<_>>();
        Ignore::new(&owned(exclude), &owned(include)).unwrap()
    }

    #[test]
    fn a_rule_is_named_with_its_source_and_line() {
        let disk = Disk::new();
        disk.write("docs/.syncignore", "# mine\n\n*.log\n!keep.log\n");
        let mut rules = ignore(&["*.tmp"], &[]);
        rules.load(&disk.root, &path("docs")).unwrap();
        let why = rules.ignored(&path("docs/deep/a.log"), false).unwrap();
        assert_eq!(
            (why.source.as_str(), why.line, why.pattern.as_str()),
            ("docs/.syncignore", 3, "*.log")
        );
        let why = rules.ignored(&path("a.tmp"), false).unwrap();
        assert_eq!((why.source.as_str(), why.line), ("exclude", 1));
        assert_eq!(rules.ignored(&path("docs/keep.log"), false), None);
        assert_eq!(
            rules.ignored(&path("a.log"), false),
            None,
            "a file's rules hold below its folder"
        );
    }

    #[test]
    fn what_lies_in_an_ignored_folder_is_ignored_also_if_it_is_only_in_the_account() {
        let rules = ignore(&["build/", "!build/keep"], &[]);
        assert!(rules.ignored(&path("x/build/a/b.o"), false).is_some());
        assert!(rules.ignored(&path("build/keep"), false).is_some());
        assert_eq!(
            rules.ignored(&path("build"), false),
            None,
            "a file of that name is none"
        );
    }

    #[test]
    fn include_takes_back_what_exclude_says_and_files_have_the_last_word() {
        let disk = Disk::new();
        disk.write(".syncignore", "important.swp\n!*.part");
        let mut rules = ignore(&["*.swp", "*.part"], &["important.swp", "good.swp"]);
        assert_eq!(rules.ignored(&path("important.swp"), false), None);
        rules.load(&disk.root, &RelPath::root()).unwrap();
        assert!(rules.ignored(&path("important.swp"), false).is_some());
        assert_eq!(rules.ignored(&path("good.swp"), false), None);
        assert_eq!(rules.ignored(&path("a.part"), false), None);
    }

    #[test]
    fn anchored_rules_hold_at_their_own_folder() {
        let disk = Disk::new();
        disk.write("a/.syncignore", "/x\nb/y");
        let mut rules = ignore(&[], &[]);
        rules.load(&disk.root, &path("a")).unwrap();
        assert!(rules.ignored(&path("a/x"), false).is_some());
        assert_eq!(rules.ignored(&path("a/b/x"), false), None);
        assert!(rules.ignored(&path("a/b/y"), false).is_some());
    }

    #[test]
    fn a_folder_moves_with_its_rules_where_no_others_tell_its_two_places_apart() {
        let disk = Disk::new();
        disk.write("a/b/.syncignore", "/x\n");
        disk.write("c/.syncignore", "*.log\n");
        let (from, to) = (path("a/b"), path("d"));
        let mut rules = ignore(&["*.tmp", "build/", "# a/b", ".~lock.*#"], &["!keep"]);
        rules.load(&disk.root, &from).unwrap();
        rules.load(&disk.root, &path("c")).unwrap();
        assert!(rules.speak_alike(&from, &to));
        assert!(!rules.speak_alike(&from, &path("c/b")), "other rules hold there");
        assert!(rules.speak_alike(&path("c/e"), &path("c/f")));
        for by_place in ["/a", "a/*.tmp", "**/deep", "a/b/"] {
            assert!(!ignore(&[by_place], &[]).speak_alike(&from, &to), "{by_place}");
        }
        assert!(rules.ignored(&path("a/b/x"), false).is_some());
        rules.moved(&from, &to);
        assert_eq!(rules.ignored(&path("a/b/x"), false), None);
        let why = rules.ignored(&path("d/x"), false).unwrap();
        assert_eq!((why.source.as_str(), why.line), ("d/.syncignore", 1));
    }

    #[test]
    fn n5_our_own_names_are_ignored_and_rule_files_are_not() {
        let rules = ignore(&[], &["*"]);
        for ours in [
            ".syncd",
            ".SYNCD",
            "a/.syncd-x",
            "syncd-up-0000001a-000000000000beef.jpg",
            ".syncd/root-id",
        ] {
            assert!(rules.ignored(&path(ours), false).is_some(), "{ours}");
        }
        assert_eq!(rules.ignored(&path("a/.syncd"), true), None);
        assert_eq!(rules.ignored(&path(".syncignore"), false), None);
    }

    #[test]
    fn a_bad_rule_is_named_with_its_line() {
        let disk = Disk::new();
        disk.write("a/.syncignore", "fine\n[z-a]\n");
        let error = ignore(&[], &[]).load(&disk.root, &path("a")).unwrap_err();
        assert!(
            matches!(&error, LocalError::Rules { path, line: 2, .. } if path == "a/.syncignore"),
            "{error}"
        );
        assert!(Ignore::new(&[String::from("a{")], &[]).is_err());
    }

    #[test]
    fn rules_that_cannot_be_read_are_not_no_rules() {
        let disk = Disk::new();
        disk.write("rules", "*.log");
        disk.link("rules", ".syncignore");
        disk.write_bytes("a/.syncignore", b"ok\n\xff\n");
        disk.write("b/.syncignore", &"#".repeat(MAX_BYTES + 1));
        let mut rules = ignore(&[], &[]);
        for folder in ["", "a", "b"] {
            let error = rules.load(&disk.root, &path(folder)).unwrap_err();
            assert!(matches!(error, LocalError::Rules { .. }), "{folder}: {error}");
        }
    }

    #[test]
    fn a_folder_called_like_a_rule_file_is_just_a_folder() {
        let disk = Disk::new();
        disk.folder(".syncignore");
        ignore(&[], &[]).load(&disk.root, &RelPath::root()).unwrap();
    }
}
