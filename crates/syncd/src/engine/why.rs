//! Why a path is as it is: what each of the three trees says of it, and the rule by which the planner decides
//! (`syncd why`, `GET /v1/why`).
//!
//! The account is not asked: what is known of it is what the last look brought, and the answer says how old that is. The rule
//! is that of the planner itself, over trees in which everything but the path is as the journal has it. Never here: anything
//! written.

use std::collections::{BTreeMap, BTreeSet};

use planner::id::{LocalKey, RemoteId};
use planner::merge::{Compare, Merged, Now, Scope, Trees, merge};
use planner::path::RelPath;
use planner::policy::Policy;
use planner::render::{self, Place};
use planner::rule::Rule;
use planner::transition::transition;
use planner::tree::{LocalFile, LocalKind, LocalNode, RemoteTree, SyncedNode, SyncedTree};
use state::{Absence, Journal, JournalError};

use super::between::ask;
use super::says::{self, HoldItem, RuleItem, StepItem, Why};
use super::{clock, conflicts, filestatus, supposed, words};
use crate::config::{Config, PairConfig};
use crate::local::two::{self, Seen};
use crate::local::{LocalError, Root};
use crate::report::Report;

/// Merges until no bytes of the path are asked for any more.
const ROUNDS: usize = 3;

/// What the journal knows, read once.
#[derive(Default)]
struct Recorded {
    synced: SyncedTree,
    absences: BTreeMap<RemoteId, Absence>,
    walked_at: Option<i64>,
    held: Vec<HoldItem>,
}

/// Why the path is as it is; `None`: nobody knows of such an item.
///
/// # Errors
/// The journal cannot be read or is held by a pass; the disk cannot be looked at.
pub(crate) fn of(config: &Config, pair: &PairConfig, path: &RelPath) -> Result<Option<Why>, Report> {
    let disk = |error: LocalError| Report::from_root(&pair.local, &error);
    let dir = config.pair_dir(&pair.name);
    let Some(status) = filestatus::of(pair, &dir, path)? else {
        return Ok(None);
    };
    let recorded = ask(&dir, |journal| recorded(journal, path))?.unwrap_or_default();
    let root = match Root::open(&pair.local) {
        Ok(root) => Some(root),
        Err(LocalError::Missing(_)) => None,
        Err(error) => return Err(disk(error)),
    };
    let mut here = supposed::disk(&recorded.synced, root.as_ref(), path).map_err(disk)?;
    let entry = here.entry.and_then(|key| here.tree.nodes.get(key)).cloned();
    let is_folder = entry.as_ref().is_some_and(LocalNode::is_folder);
    let ignored = filestatus::ignored(pair, root.as_ref(), path, is_folder).map_err(disk)?;
    if let (Some(entry), true) = (&entry, ignored.is_some()) {
        here.tree.nodes.insert(LocalNode {
            ignored: true,
            ..entry.clone()
        });
    }
    let from = here.moved_from.clone();
    let node = conflicts::node_at(&recorded.synced, path.as_str()).filter(|_| from.is_none());
    let node = node.or_else(|| conflicts::node_at(&recorded.synced, from.as_ref()?.as_str()));
    let there = supposed::account(&recorded.synced, &recorded.absences);
    let policy = policy(config, pair);
    let decided = decide(
        &recorded.synced,
        &mut here,
        &there,
        &policy,
        (node, path, root.as_ref()),
    );
    // With its bytes, where they were read.
    let entry = here.entry.and_then(|key| here.tree.nodes.get(key));
    let mut held = recorded.held.clone();
    let new = decided.held.into_iter();
    held.extend(new.filter(|item| recorded.held.iter().all(|known| known.reason != item.reason)));
    Ok(Some(Why {
        pair: pair.name.clone(),
        path: path.to_string(),
        status: status.status.to_owned(),
        reason: status.reason,
        synced: says::synced(&recorded.synced, node, path),
        local: says::local(entry, node, ignored),
        remote: says::remote(node, &recorded.absences, recorded.walked_at, clock::now()),
        rules: decided.rules,
        steps: decided.steps,
        held,
    }))
}

fn recorded(journal: &Journal, path: &RelPath) -> Result<Recorded, JournalError> {
    let problems = journal.problems()?.into_iter();
    let held = problems.filter(|problem| problem.path == path.as_str());
    Ok(Recorded {
        synced: journal.synced()?,
        absences: journal.absences()?,
        walked_at: journal.walked_at()?,
        held: held
            .map(|problem| HoldItem {
                kind: problem.kind.word().to_owned(),
                since: clock::shown(problem.since),
                reason: problem.reason,
            })
            .collect(),
    })
}

/// What the pair's policy is without asking anybody what disk and package can hold.
fn policy(config: &Config, pair: &PairConfig) -> Policy {
    Policy {
        direction: pair.direction,
        conflict: pair.conflict,
        first_merge: pair.first_merge,
        unstorable: pair.unstorable,
        device: config.device_name.as_str().into(),
        ..Policy::default()
    }
}

/// What the planner says.
#[derive(Default)]
struct Decided {
    rules: Vec<RuleItem>,
    steps: Vec<StepItem>,
    held: Vec<HoldItem>,
}

fn decide(
    synced: &SyncedTree,
    here: &mut supposed::Disk,
    there: &RemoteTree,
    policy: &Policy,
    (node, path, root): (Option<&SyncedNode>, &RelPath, Option<&Root>),
) -> Decided {
    if node.is_none() && here.entry.is_none() {
        return Decided::default();
    }
    let scope = Scope::Closure {
        synced: node.map(|node| node.id).into_iter().collect(),
        local: here.entry.into_iter().collect(),
        remote: BTreeSet::new(),
    };
    let mut merged = Merged::default();
    for _ in 0..ROUNDS {
        let trees = Trees {
            synced,
            local: &here.tree,
            remote: there,
        };
        merged = merge(trees, &scope, policy, Now(clock::now()));
        let asked = here
            .entry
            .filter(|key| merged.compare.contains(&Compare::Local(*key)));
        match (asked, root) {
            (Some(key), Some(root)) => learn(here, key, path, root),
            (None, _) | (_, None) => break,
        }
    }
    let trees = Trees {
        synced,
        local: &here.tree,
        remote: there,
    };
    told(trees, &merged, policy, (node, here.entry, path))
}

/// Reads the file, where only its bytes decide.
fn learn(here: &mut supposed::Disk, key: LocalKey, path: &RelPath, root: &Root) {
    let Some((entry, file)) = here
        .tree
        .nodes
        .get(key)
        .and_then(|entry| Some((entry.clone(), entry.file()?.clone())))
    else {
        return;
    };
    let file = match two::look(root, path) {
        Ok(Seen::File(seen)) => LocalFile {
            hash: two::bytes_of(&seen),
            ..file
        },
        // It changes while it is looked at.
        Ok(Seen::Nothing | Seen::Folder | Seen::Other) => LocalFile { busy: true, ..file },
        Err(error) if error.is_stale() => LocalFile { busy: true, ..file },
        Err(_) => LocalFile {
            unreadable: true,
            ..file
        },
    };
    here.tree.nodes.insert(LocalNode {
        kind: LocalKind::File(file),
        ..entry
    });
}

/// What of the merge is about the path.
fn told(
    trees: Trees<'_>,
    merged: &Merged,
    policy: &Policy,
    (node, entry, path): (Option<&SyncedNode>, Option<LocalKey>, &RelPath),
) -> Decided {
    let id = node.map(|node| node.id);
    let is_it = |synced, local| (id.is_some() && synced == id) || (entry.is_some() && local == entry);
    let targets: Vec<_> = merged
        .target
        .iter()
        .filter(|target| is_it(target.synced, target.local))
        .collect();
    let removed: Vec<_> = merged
        .removed
        .iter()
        .filter(|removal| is_it(removal.synced, removal.local))
        .collect();
    let conflicts = merged.conflicts.iter();
    let mut rules: Vec<Rule> = conflicts
        .filter(|conflict| is_it(conflict.synced, Some(conflict.local)))
        .map(|conflict| conflict.because)
        .collect();
    rules.extend(removed.iter().map(|removal| removal.because));
    for target in &targets {
        rules.extend([target.place_rule, target.content_rule]);
    }
    // What changes nothing decides only where nothing else does.
    rules.sort_by_key(|rule| *rule == Rule::Unchanged);
    let mut seen = BTreeSet::new();
    rules.retain(|rule| seen.insert(*rule));
    if rules.len() > 1 {
        rules.retain(|rule| *rule != Rule::Unchanged);
    }
    let plan = transition(trees, merged, policy);
    let lines = render::lines(trees, merged, &plan);
    let steps = plan.steps.iter().zip(lines).filter(|(step, line)| {
        let serves = step
            .node
            .is_some_and(|key| targets.iter().any(|target| target.key == key));
        line.place != Place::Record && (serves || id.is_some_and(|id| step.forgets.contains(&id)))
    });
    let held = merged.held.iter().filter(|hold| hold.path == *path);
    Decided {
        rules: rules
            .into_iter()
            .map(|rule| RuleItem {
                rule: rule.name().into(),
                reason: rule.text().into(),
            })
            .collect(),
        steps: steps
            .map(|(_, line)| StepItem {
                side: line.place.text().into(),
                kind: words::step(line.place, line.verb).to_owned(),
                path: line.path,
                to: line.to,
                bytes: line.bytes,
                rule: line.because.name().into(),
            })
            .collect(),
        held: held
            .map(|hold| HoldItem {
                kind: words::kind(hold.kind).to_owned(),
                reason: words::reason(hold.kind, &hold.reason),
                since: None,
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use planner::id::{FileId, FolderId, LocalIdentity, NodeId};
    use planner::name::{LocalName, RemoteName};
    use planner::tree::{Standing, SyncedFile, SyncedKind};
    use state::{Change, Problem, ProblemKind};

    use super::*;
    use crate::config::testing;

    struct World {
        _home: tempfile::TempDir,
        config: Config,
    }

    fn path(text: &str) -> RelPath {
        RelPath::parse(text).unwrap()
    }

    impl World {
        fn new() -> Self {
            let home = tempfile::tempdir().unwrap();
            let config = testing::config(home.path(), &["main"]);
            Self { _home: home, config }
        }

        fn write(&self, at: &str, text: &str) {
            let file = self.config.pairs[0].local.join(at);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }

        fn disk(&self, at: &str) -> std::path::PathBuf {
            self.config.pairs[0].local.join(at)
        }

        /// Both sides agree on everything that is on the disk now; the last look was ten seconds ago.
        fn agree(&self, paths: &[&str]) -> Journal {
            let root = Root::open(&self.config.pairs[0].local).unwrap();
            let mut journal = Journal::open(&self.config.pair_dir("main")).unwrap();
            let mut nodes: BTreeMap<RelPath, NodeId> = BTreeMap::new();
            let mut changes = Vec::new();
            for (at, number) in paths.iter().zip(1..) {
                let at = path(at);
                let (above, name) = at.split().unwrap();
                let entry = two::entry(&root, &at).unwrap().unwrap();
                let id = NodeId(number);
                let kind = match two::look(&root, &at).unwrap() {
                    Seen::File(seen) => SyncedKind::File(SyncedFile {
                        remote: FileId::new(number).unwrap(),
                        short_url: None,
                        size: seen.file().unwrap().size,
                        hash: two::bytes_of(&seen),
                        stamp: Some(seen.file().unwrap().stamp),
                    }),
                    Seen::Nothing | Seen::Folder | Seen::Other => {
                        SyncedKind::Folder(FolderId::new(number).unwrap())
                    }
                };
                changes.push(Change::Put(SyncedNode {
                    id,
                    parent: nodes.get(&above).copied(),
                    remote_name: RemoteName::new(name.as_str()),
                    local_name: LocalName::new(name.as_str()).unwrap(),
                    identity: entry.identity.map(|it| LocalIdentity { ..it }),
                    standing: Standing::Agreed,
                    kind,
                }));
                nodes.insert(at, id);
            }
            journal.commit(&changes).unwrap();
            journal.set_walked(clock::now() - 10).unwrap();
            journal
        }

        fn why(&self, at: &str) -> Why {
            of(&self.config, &self.config.pairs[0], &path(at))
                .unwrap()
                .unwrap()
        }

        /// Rules and steps, as short text.
        fn decides(&self, at: &str) -> String {
            let why = self.why(at);
            let rules: Vec<_> = why.rules.iter().map(|rule| rule.rule.as_ref()).collect();
            let steps: Vec<_> = why
                .steps
                .iter()
                .map(|step| format!("{} {} {}", step.side, step.kind, step.path))
                .collect();
            format!("{} [{}] {{{}}}", why.status, rules.join(" "), steps.join(", "))
        }
    }

    #[test]
    fn each_change_here_has_its_rule_and_what_follows_from_it() {
        let world = World::new();
        world.write("docs/same", "same");
        world.write("docs/edited", "one");
        world.write("docs/touched", "touched");
        world.write("docs/gone", "gone");
        world.write("docs/moved", "moved");
        drop(world.agree(&[
            "docs",
            "docs/same",
            "docs/edited",
            "docs/touched",
            "docs/gone",
            "docs/moved",
        ]));
        world.write("docs/edited", "other");
        world.write("docs/touched", "touched");
        std::fs::remove_file(world.disk("docs/gone")).unwrap();
        std::fs::create_dir(world.disk("new")).unwrap();
        std::fs::rename(world.disk("docs/moved"), world.disk("new/place")).unwrap();
        world.write("docs/fresh", "fresh");
        assert_eq!(world.decides("docs/same"), "synced [Unchanged] {}");
        assert_eq!(
            world.decides("docs/edited"),
            "waiting [EditedHere] {remote upload docs/edited}"
        );
        assert_eq!(
            world.decides("docs/gone"),
            "waiting [DeletedHere] {remote delete there docs/gone}"
        );
        assert_eq!(
            world.decides("docs/fresh"),
            "waiting [CreatedHere] {remote upload docs/fresh}"
        );
        assert!(
            world.decides("docs/touched").starts_with("synced ["),
            "{}",
            world.decides("docs/touched")
        );
        let moved = world.why("new/place");
        assert_eq!(moved.rules[0].rule, "MovedHere");
        assert_eq!(moved.synced.path.as_deref(), Some("docs/moved"));
        assert_eq!(
            (moved.steps[0].kind.as_str(), moved.steps[0].to.as_deref()),
            ("move", Some("new/place"))
        );
        assert_eq!(world.decides("docs"), "synced [Unchanged] {}");
    }

    #[test]
    fn each_side_says_what_it_knows_and_how_old_that_is() {
        let world = World::new();
        world.write("a", "abc");
        drop(world.agree(&["a"]));
        let why = world.why("a");
        assert_eq!(
            (
                why.synced.kind.as_ref(),
                why.synced.bytes,
                why.synced.id.as_deref()
            ),
            ("file", Some(3), Some("1"))
        );
        assert_eq!(
            why.synced.blake3.unwrap(),
            blake3::hash(b"abc").to_hex().to_string()
        );
        assert_eq!((why.local.kind.as_ref(), why.local.bytes), ("file", Some(3)));
        assert_eq!(why.remote.state, "as_agreed");
        assert!(
            why.remote.age.is_some_and(|age| (10..600).contains(&age)),
            "{:?}",
            why.remote
        );
        let none = of(&world.config, &world.config.pairs[0], &path("none")).unwrap();
        assert_eq!(none, None);
    }

    #[test]
    fn what_is_missing_in_the_account_is_held_with_the_reason() {
        let world = World::new();
        world.write("a", "abc");
        let mut journal = world.agree(&["a"]);
        let missed = Absence {
            missed_at: 7,
            trashed_at: None,
            lost_at: None,
        };
        let id = RemoteId::File(FileId::new(1).unwrap());
        journal.replace_absences(&BTreeMap::from([(id, missed)])).unwrap();
        journal
            .commit(&[Change::Problem(Problem {
                path: "a".into(),
                kind: ProblemKind::Unproved,
                reason: "kept".into(),
                since: 7,
            })])
            .unwrap();
        drop(journal);
        let why = world.why("a");
        assert_eq!(
            (why.status.as_str(), why.remote.state.as_ref()),
            ("unproved", "missing")
        );
        assert_eq!(why.held[0].since.as_deref(), Some("1970-01-01T00:00:07Z"));
        assert!(
            why.held.iter().any(|item| item.reason.contains("nothing proves")),
            "{:?}",
            why.held
        );
        assert_eq!(why.steps, []);
    }

    #[test]
    fn an_ignored_file_names_its_rule_and_nothing_is_planned_for_it() {
        let world = World::new();
        world.write("b.swp", "b");
        let why = world.why("b.swp");
        assert_eq!(why.status, "ignored");
        assert!(why.local.ignored.is_some_and(|rule| rule.contains("*.swp")));
        assert_eq!((why.rules.len(), why.steps.len()), (0, 0));
        assert_eq!(why.remote.looked_at, None);
    }
}
