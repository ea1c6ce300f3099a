//! How one file or folder is, and why: from the journal, the ignore rules and a look at this disk (`syncd filestatus`).
//!
//! It says less than a pass would: the account is not asked, and of a folder only the journal is. Never here: a file called
//! synced that is not byte for byte, or by a stamp that proves it, what the journal holds; anything written.

use std::path::Path;

use planner::path::RelPath;
use planner::tree::{Standing, SyncedFile, SyncedNode};
use state::{IntentBody, Journal, JournalError, Problem, ProblemKind};

use super::between::ask;
use super::clock;
use super::conflicts;
use crate::config::PairConfig;
use crate::local::ignore::{Ignore, Why};
use crate::local::two::{self, Seen};
use crate::local::{LocalError, Root};
use crate::report::Report;
use crate::text::count;

/// How an item is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct FileStatus {
    /// `synced`, `uploading`, `waiting`, `conflict`, `skipped`, `ignored`, `held`, `unproved`, `failed` or `drift`.
    pub(crate) status: &'static str,
    /// Why, in words.
    pub(crate) reason: String,
    /// Since when, RFC 3339, where that is known.
    pub(crate) since: Option<String>,
}

impl FileStatus {
    fn new(status: &'static str, reason: impl Into<String>) -> Self {
        Self {
            status,
            reason: reason.into(),
            since: None,
        }
    }

    fn of(problem: &Problem, reason: String) -> Self {
        Self {
            status: problem.kind.word(),
            reason,
            since: clock::shown(problem.since),
        }
    }
}

/// What the journal says of a path.
struct Recorded {
    said: Option<FileStatus>,
    node: Option<SyncedNode>,
    /// Unsettled items below it.
    below: u64,
}

/// How the item at a path of the pair is; `None`: nobody knows of such an item.
///
/// # Errors
/// The journal cannot be read or is held by a pass; the disk cannot be looked at.
pub(crate) fn of(pair: &PairConfig, dir: &Path, path: &RelPath) -> Result<Option<FileStatus>, Report> {
    let disk = |error: &LocalError| Report::from_root(&pair.local, error);
    let root = match Root::open(&pair.local) {
        Ok(root) => Some(root),
        Err(LocalError::Missing(_)) => None,
        Err(error) => return Err(disk(&error)),
    };
    // What cannot be looked at is there, as far as words go; where it counts it is looked at again.
    let here = root.as_ref().map_or(Seen::Nothing, |root| {
        two::glance(root, path).unwrap_or(Seen::Other)
    });
    let rule = ignored(pair, root.as_ref(), path, here == Seen::Folder);
    if let Some(why) = rule.map_err(|error| disk(&error))? {
        let known = here != Seen::Nothing;
        return Ok(known.then(|| FileStatus::new("ignored", why)));
    }
    let recorded = ask(dir, |journal| recorded(journal, path))?;
    let Recorded { said, node, below } = recorded.unwrap_or(Recorded {
        said: None,
        node: None,
        below: 0,
    });
    if said.is_some() {
        return Ok(said);
    }
    let Some(node) = node else {
        return Ok((here != Seen::Nothing)
            .then(|| FileStatus::new("waiting", "it was never synced; the next pass looks at it")));
    };
    let Some(file) = node.file() else {
        return Ok(Some(folder(&here, below)));
    };
    let Some(root) = root else {
        return Ok(Some(FileStatus::new("waiting", "the local folder is not there")));
    };
    let status = compared(&root, path, file).map_err(|error| disk(&error))?;
    let published = status.status == "synced" && node.standing == Standing::Published;
    Ok(Some(if published {
        FileStatus::new(
            "waiting",
            "it was uploaded; the next look at the account must show it",
        )
    } else {
        status
    }))
}

/// The rule that keeps a path out, and what it matches: the path or a folder above it. What does not exist is a folder only
/// if `is_folder` says so.
///
/// # Errors
/// The disk cannot be looked at, or a rule file cannot be read.
pub(crate) fn rule(
    pair: &PairConfig,
    path: &RelPath,
    is_folder: bool,
) -> Result<Option<(RelPath, Why)>, Report> {
    let disk = |error: &LocalError| Report::from_root(&pair.local, error);
    let root = match Root::open(&pair.local) {
        Ok(root) => Some(root),
        Err(LocalError::Missing(_)) => None,
        Err(error) => return Err(disk(&error)),
    };
    let here = root.as_ref().and_then(|root| two::glance(root, path).ok());
    let is_folder = match here {
        Some(Seen::Nothing) | None => is_folder,
        Some(seen) => seen == Seen::Folder,
    };
    rules(pair, root.as_ref(), path)
        .map(|ignore| ignore.ignored_at(path, is_folder))
        .map_err(|error| disk(&error))
}

/// The rule that keeps the path out, in words.
pub(super) fn ignored(
    pair: &PairConfig,
    root: Option<&Root>,
    path: &RelPath,
    is_folder: bool,
) -> Result<Option<String>, LocalError> {
    let why = rules(pair, root, path)?.ignored(path, is_folder);
    Ok(why.map(|why| match (why.source.as_str(), why.line) {
        ("syncd", _) => "it is one of syncd's own".to_owned(),
        (source, line) => format!("the rule \"{}\" ({source}, line {line})", why.pattern),
    }))
}

/// All rules that could be about a path.
fn rules(pair: &PairConfig, root: Option<&Root>, path: &RelPath) -> Result<Ignore, LocalError> {
    let mut ignore = Ignore::new(&pair.exclude, &pair.include)?;
    let mut folder = path.split().map(|(above, _)| above);
    while let (Some(root), Some(above)) = (root, folder) {
        match ignore.load(root, &above) {
            // A rule file in a place that is no folder, or cannot be entered, says nothing of this path.
            Ok(())
            | Err(
                LocalError::Io { .. }
                | LocalError::Denied { .. }
                | LocalError::Vanished { .. }
                | LocalError::Changed { .. },
            ) => {}
            Err(error) => return Err(error),
        }
        folder = above.split().map(|(above, _)| above);
    }
    Ok(ignore)
}

fn recorded(journal: &Journal, path: &RelPath) -> Result<Recorded, JournalError> {
    let synced = journal.synced()?;
    let problems = journal.problems()?;
    let open = conflicts::open_paths(journal, &synced)?;
    let begun = journal
        .open_intents()?
        .into_iter()
        .any(|intent| matches!(&intent.body, IntentBody::Upload { path: sent, .. } if sent == path.as_str()));
    let is_below =
        |text: &str| RelPath::parse(text).is_some_and(|other| path.contains(&other) && other != *path);
    let counts = |problem: &&Problem| problem.kind != ProblemKind::Skipped && is_below(&problem.path);
    let below = problems.iter().filter(counts).count() + open.iter().filter(|(at, _)| is_below(at)).count();
    Ok(Recorded {
        said: said(path, &problems, &open, begun),
        node: conflicts::node_at(&synced, path.as_str()).cloned(),
        below: u64::try_from(below).unwrap_or(u64::MAX),
    })
}

/// What the journal says of the path in so many words: a problem of its own, a conflict, an upload, a problem of a folder
/// above it.
fn said(
    path: &RelPath,
    problems: &[Problem],
    open: &[(String, Option<String>)],
    begun: bool,
) -> Option<FileStatus> {
    if let Some(problem) = problems.iter().find(|problem| problem.path == path.as_str()) {
        return Some(FileStatus::of(problem, problem.reason.clone()));
    }
    let conflict = open
        .iter()
        .find(|(at, copy)| at == path.as_str() || copy.as_deref() == Some(path.as_str()));
    if let Some((at, copy)) = conflict {
        let other = if at == path.as_str() {
            copy.as_deref()
        } else {
            Some(at.as_str())
        };
        let other = other.unwrap_or("another");
        return Some(FileStatus::new(
            "conflict",
            format!(
                "there are two versions, the other one is {other}; settle it with \"syncd conflicts keep\""
            ),
        ));
    }
    if begun {
        return Some(FileStatus::new("uploading", "it was begun to be uploaded"));
    }
    let above = problems.iter().find(|problem| {
        RelPath::parse(&problem.path).is_some_and(|other| !other.is_root() && other.contains(path))
    });
    above.map(|problem| {
        FileStatus::of(
            problem,
            format!("the folder {}: {}", problem.path, problem.reason),
        )
    })
}

fn folder(here: &Seen, below: u64) -> FileStatus {
    match (here, below) {
        (Seen::Folder, 0) => FileStatus::new("synced", "both sides have it, and nothing in it is unsettled"),
        (Seen::Folder, _) => {
            let number = count(below, "item", "items");
            FileStatus::new(
                "waiting",
                format!(
                    "{number} in it not in sync; \"syncd problems\" and \"syncd conflicts list\" show them"
                ),
            )
        }
        (Seen::Nothing, _) => FileStatus::new("waiting", "it is not here any more; the next pass decides"),
        (Seen::File(_) | Seen::Other, _) => {
            FileStatus::new("waiting", "it is no folder any more; the next pass decides")
        }
    }
}

/// The file as it is here, against the version on which both sides agreed.
fn compared(root: &Root, path: &RelPath, agreed: &SyncedFile) -> Result<FileStatus, LocalError> {
    let changed = || {
        FileStatus::new(
            "waiting",
            "it changed since it was synced; the next pass looks at it",
        )
    };
    let equal = || FileStatus::new("synced", "both sides have this version");
    let seen = match two::glance(root, path)? {
        Seen::File(seen) => seen,
        Seen::Nothing => {
            return Ok(FileStatus::new(
                "waiting",
                "it is not here any more; the next pass decides",
            ));
        }
        Seen::Folder | Seen::Other => return Ok(changed()),
    };
    let Some(now) = seen.file() else {
        return Ok(changed());
    };
    if now.size != agreed.size {
        return Ok(changed());
    }
    if agreed.stamp == Some(now.stamp) {
        return Ok(equal());
    }
    match two::look(root, path) {
        Ok(Seen::File(seen)) if agreed.hash.is_some() && two::bytes_of(&seen) == agreed.hash => Ok(equal()),
        Ok(Seen::File(_) | Seen::Folder | Seen::Nothing | Seen::Other) => Ok(changed()),
        Err(error) if error.is_stale() => Ok(changed()),
        Err(LocalError::Denied { .. }) => Ok(FileStatus::new(
            "failed",
            "whether it changed since it was synced cannot be told: it cannot be read",
        )),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use state::{Change, Problem};

    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::parse(text).unwrap()
    }

    fn problem(at: &str, kind: ProblemKind) -> Problem {
        Problem {
            path: at.into(),
            kind,
            reason: "why".into(),
            since: 0,
        }
    }

    #[test]
    fn a_problem_beats_a_conflict_and_a_folder_speaks_for_what_is_in_it() {
        let problems = [
            problem("docs", ProblemKind::Held),
            problem("docs/a", ProblemKind::Failed),
        ];
        let open = [
            ("docs/a".to_owned(), None),
            ("b".to_owned(), Some("b (copy)".to_owned())),
        ];
        let status =
            |at: &str, begun| said(&path(at), &problems, &open, begun).map(|it| (it.status, it.reason));
        assert_eq!(status("docs/a", true), Some(("failed", "why".into())));
        assert_eq!(
            status("docs/c", false),
            Some(("held", "the folder docs: why".into()))
        );
        assert_eq!(status("b", false).unwrap().0, "conflict");
        assert!(
            status("b (copy)", false)
                .unwrap()
                .1
                .contains("the other one is b;")
        );
        assert_eq!(status("d", true).unwrap().0, "uploading");
        assert_eq!(status("d", false), None);
    }

    #[test]
    fn without_a_record_it_waits_is_ignored_or_is_not_known() {
        let home = tempfile::tempdir().unwrap();
        let config = crate::config::testing::config(home.path(), &["main"]);
        let (pair, dir) = (config.pairs[0].clone(), config.pair_dir("main"));
        let disk = &pair.local;
        std::fs::write(disk.join("a"), "a").unwrap();
        std::fs::write(disk.join("b.swp"), "b").unwrap();
        std::fs::write(disk.join(".syncignore"), "# ours\n*.log\n").unwrap();
        std::fs::write(disk.join("c.log"), "c").unwrap();
        let status = |at: &str| {
            of(&pair, &dir, &path(at))
                .unwrap()
                .map(|it| (it.status, it.reason))
        };
        assert_eq!(status("a").unwrap().0, "waiting");
        assert_eq!(
            status("b.swp"),
            Some(("ignored", "the rule \"*.swp\" (exclude, line 5)".into()))
        );
        assert_eq!(
            status("c.log"),
            Some(("ignored", "the rule \"*.log\" (.syncignore, line 2)".into()))
        );
        assert_eq!(status("none"), None);
        let mut journal = Journal::open(&dir).unwrap();
        let gone = problem("only/there", ProblemKind::Failed);
        journal.commit(&[Change::Problem(gone)]).unwrap();
        assert_eq!(
            of(&pair, &dir, &path("a")).unwrap_err().kind,
            crate::report::Kind::Busy
        );
        drop(journal);
        assert_eq!(status("only/there").unwrap().0, "failed");
    }
}
