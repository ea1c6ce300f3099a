//! Named cases of the transition: what each arrangement costs, as the text users read.

use insta::assert_snapshot;

use super::{Action, LocalStep, RemoteStep, Step, transition};
use crate::id::{LocalKey, RemoteId, TargetKey};
use crate::merge::{Content, Merged, Removal, Target, TargetNode};
use crate::name::{LocalName, RemoteName};
use crate::path::RelPath;
use crate::policy::Direction;
use crate::render;
use crate::rule::Rule;
use crate::tree::Node;
use crate::tree::build::{Case, case};

/// A decision written down: what is at a path here and there goes to a path, or goes away.
struct Decision {
    case: Case,
    merged: Merged,
}

fn decide(case: Case) -> Decision {
    Decision {
        case,
        merged: Merged::default(),
    }
}

impl Decision {
    fn here(&self, path: &str) -> Option<LocalKey> {
        let tree = &self.case.local.nodes;
        tree.iter()
            .map(Node::key)
            .find(|key| tree.path(*key) == RelPath::parse(path))
    }

    fn there(&self, path: &str) -> Option<RemoteId> {
        let tree = &self.case.remote.nodes;
        tree.iter()
            .map(Node::key)
            .find(|key| tree.path(*key) == RelPath::parse(path))
    }

    /// What is at `here` and `there` (where anything is) becomes `to`.
    fn becomes(mut self, here: &str, there: &str, to: &str, content: Content) -> Self {
        let (local, remote) = (self.here(here), self.there(there));
        let synced = remote
            .and_then(|id| self.case.synced.iter().find(|node| node.remote() == id))
            .map(|node| node.id);
        let (above, name) = to
            .rsplit_once('/')
            .map_or((None, to), |(above, name)| (Some(above), name));
        let parent = above.map(|above| {
            let path = RelPath::parse(above);
            let target: &Target = &self.merged.target;
            target
                .iter()
                .map(|node| node.key)
                .find(|key| target.path(*key) == path)
                .expect("parents first")
        });
        self.merged.target.insert(TargetNode {
            key: TargetKey(u32::try_from(self.merged.target.len()).unwrap()),
            parent,
            synced,
            local,
            remote,
            local_name: LocalName::new(name),
            remote_name: Some(RemoteName::new(name)),
            content,
            place_rule: Rule::MovedHere,
            content_rule: if content == Content::Settled {
                Rule::Unchanged
            } else {
                Rule::EditedHere
            },
        });
        self
    }

    fn stays(self, path: &str, content: Content) -> Self {
        self.becomes(path, path, path, content)
    }

    fn goes(mut self, here: &str, there: &str) -> Self {
        let (local, remote) = (self.here(here), self.there(there));
        let of = |id: RemoteId| {
            self.case
                .synced
                .iter()
                .find(|node| node.remote() == id)
                .map(|node| node.id)
        };
        let synced = remote.and_then(of);
        self.merged.removed.push(Removal {
            synced,
            local,
            remote,
            because: Rule::DeletedHere,
        });
        self
    }

    fn plan(&self) -> String {
        let plan = transition(self.case.trees(), &self.merged, &self.case.policy);
        render::text(self.case.trees(), &self.merged, &plan)
    }
}

#[test]
fn nothing_to_do_is_said() {
    assert_snapshot!(decide(case().all("a")).stays("a", Content::Settled).plan(), @r"Nothing to do.");
}

#[test]
fn a_chain_of_renames_needs_no_parking() {
    let it = decide(case().all("a\nb\nc"));
    let it = it
        .becomes("a", "a", "b", Content::Settled)
        .becomes("b", "b", "c", Content::Settled);
    assert_snapshot!(it.becomes("c", "c", "d", Content::Settled).plan(), @r"
    On this machine: 3 steps
      rename c to d   because moved on this machine
      rename b to c   because moved on this machine
      rename a to b   because moved on this machine
    In the account: 3 steps
      rename c to d (file 103)   because moved on this machine
      rename b to c (file 102)   because moved on this machine
      rename a to b (file 101)   because moved on this machine
    ");
}

#[test]
fn a_swap_sets_one_aside_here_and_repeats_a_name_for_a_moment_there() {
    let it = decide(case().all("a\nb"));
    let it = it
        .becomes("a", "a", "b", Content::Settled)
        .becomes("b", "b", "a", Content::Settled);
    assert_snapshot!(it.plan(), @r"
    On this machine: 3 steps
      set aside b   because set aside for a moment: names change places
      rename a to b   because moved on this machine
      rename b to a   because moved on this machine
    In the account: 2 steps
      rename a to b (file 101)   because moved on this machine
      rename b to a (file 102)   because moved on this machine
    ");
}

#[test]
fn a_folder_and_what_is_in_it_change_places() {
    let it = decide(case().all("a/b/c"));
    let it = it
        .becomes("a/b", "a/b", "a", Content::Folder)
        .becomes("a", "a", "a/b", Content::Folder);
    assert_snapshot!(it.becomes("a/b/c", "a/b/c", "a/b/c", Content::Settled).plan(), @r"
    On this machine: 5 steps
      set aside a/b/   because set aside for a moment: names change places
      set aside a/   because set aside for a moment: names change places
      move a/b/ to a/   because moved on this machine
      move a/ to a/b/   because moved on this machine
      move a/c to a/b/c   because moved on this machine
    In the account: 3 steps
      move a/b/ to a/ (folder 102)   because moved on this machine
      move a/ to a/b/ (folder 101)   because moved on this machine
      move a/b/c to a/b/c (file 103)   because moved on this machine
    ");
}

#[test]
fn a_renamed_folder_is_one_step_whatever_is_in_it() {
    let it = decide(case().all("docs/a\ndocs/b\ndocs/sub/c").synced("x"));
    let it = it.becomes("docs", "docs", "papers", Content::Folder);
    let it = it.becomes("docs/sub", "docs/sub", "papers/sub", Content::Folder);
    let it = it.becomes("docs/a", "docs/a", "papers/a", Content::Settled);
    assert_snapshot!(it.becomes("docs/b", "docs/b", "papers/b", Content::FromLocal).plan(), @r"
    On this machine: 1 step
      rename docs/ to papers/   because moved on this machine
    In the account: 2 steps, 1 upload (4 B)
      rename docs/ to papers/ (folder 101)   because moved on this machine
      replace docs/b as papers/b (file 103, 4 B)   because edited on this machine
    ");
}

#[test]
fn a_folder_goes_to_the_trash_there_at_once_and_here_file_by_file() {
    let it = decide(case().all("docs/a\ndocs/sub/b\nkeep"));
    let it = it
        .goes("docs", "docs")
        .goes("docs/a", "docs/a")
        .goes("docs/sub", "docs/sub");
    let it = it
        .goes("docs/sub/b", "docs/sub/b")
        .becomes("keep", "keep", "kept", Content::FromLocal);
    assert_snapshot!(it.plan(), @r"
    On this machine: 5 steps, 2 items to the trash
      rename keep to kept   because moved on this machine
      trash docs/a   because deleted on this machine
      trash docs/sub/b   because deleted on this machine
      remove docs/sub/   because deleted on this machine
      remove docs/   because deleted on this machine
    In the account: 2 steps, 1 upload (4 B), 4 items to the trash
      replace keep as kept (file 105, 4 B)   because edited on this machine
      trash docs/ (folder 101) with 3 items in it   because deleted on this machine
    ");
}

#[test]
fn what_lives_on_leaves_its_folder_before_that_goes() {
    let it = decide(case().all("docs/a\ndocs/b"));
    let it = it
        .becomes("docs/a", "docs/a", "docs", Content::Settled)
        .goes("docs", "docs");
    assert_snapshot!(it.goes("docs/b", "docs/b").plan(), @r"
    On this machine: 4 steps, 1 item to the trash
      set aside docs/a   because set aside for a moment: names change places
      trash docs/b   because deleted on this machine
      remove docs/   because deleted on this machine
      move docs/a to docs   because moved on this machine
    In the account: 2 steps, 2 items to the trash
      move docs/a to docs (file 102)   because moved on this machine
      trash docs/ (folder 101) with 1 item in it   because deleted on this machine
    ");
}

#[test]
fn a_download_waits_until_its_row_has_moved_so_that_no_file_is_left_without_one() {
    let it = decide(case().remote("f  'one'")).becomes("", "f", "c", Content::FromRemote);
    let plan = transition(it.case.trees(), &it.merged, &it.case.policy);
    let kinds: Vec<_> = plan
        .steps
        .iter()
        .map(|step| (&step.action, step.settles.content, step.after.len()))
        .collect();
    assert!(
        matches!(
            kinds[..],
            [
                (Action::Remote(RemoteStep::EditFile { .. }), false, 0),
                (Action::Local(LocalStep::Place { .. }), true, 1)
            ]
        ),
        "{plan:?}"
    );
}

#[test]
fn that_the_disk_has_followed_a_move_is_recorded_without_the_upload() {
    let case = case()
        .synced("a  inode 1  file 1  'one'")
        .local("a  inode 2  'other'");
    let it = decide(case.remote("b  file 1  'one'")).becomes("a", "b", "b", Content::FromLocal);
    let plan = transition(it.case.trees(), &it.merged, &it.case.policy);
    let settled: Vec<_> = plan
        .steps
        .iter()
        .map(|step| (&step.action, step.settles.place, step.settles.content))
        .collect();
    assert!(
        matches!(
            settled[..],
            [
                (Action::Local(LocalStep::Move { .. }), true, false),
                (Action::Remote(RemoteStep::Replace { .. }), false, true)
            ]
        ),
        "{plan:?}"
    );
}

#[test]
fn a_folder_is_recorded_below_others_only_after_those() {
    // Here f went into its grandchild, and x out of it; there y went to the top. While y is recorded in x and x in f, a
    // record of f in y would close the ring.
    let case = case()
        .synced("f/  inode 1  folder 1\nf/x/  inode 2  folder 2\nf/x/y/  inode 3  folder 3")
        .local("x/  inode 2\nx/y/  inode 3\nx/y/f/  inode 1")
        .remote("f/  folder 1\nf/x/  folder 2\ny/  folder 3");
    let it = decide(case)
        .becomes("x/y", "y", "y", Content::Folder)
        .becomes("x", "f/x", "x", Content::Folder)
        .becomes("x/y/f", "f", "y/f", Content::Folder);
    let plan = transition(it.case.trees(), &it.merged, &it.case.policy);
    let recorded = |key| {
        let places = |step: &&Step| step.settles.place && step.node == Some(TargetKey(key));
        plan.steps.iter().find(places).expect("a record of it")
    };
    assert!(recorded(2).after.contains(&recorded(0).id), "{plan:?}");
}

#[test]
fn a_one_way_pair_gets_no_step_on_the_side_that_is_never_written() {
    for (direction, written) in [
        (Direction::Upload, "In the account"),
        (Direction::Download, "On this machine"),
    ] {
        let it = decide(case().all("a").policy(|policy| policy.direction = direction));
        let text = it.becomes("a", "a", "b", Content::Settled).plan();
        assert!(text.starts_with(written) && text.lines().count() == 2, "{text}");
    }
}

#[test]
fn names_from_outside_cannot_break_out_of_their_line() {
    let it = decide(case().remote("a  name 'b\u{202e}\u{7}c'  'text'"));
    let id = it.case.remote.nodes.iter().next().unwrap().id;
    let mut it = it;
    it.merged.removed.push(Removal {
        synced: None,
        local: None,
        remote: Some(id),
        because: Rule::DeletedHere,
    });
    assert_snapshot!(it.plan(), @r"
    In the account: 1 step, 1 item to the trash
      trash b\u{202e}\u{7}c (file 101)   because deleted on this machine
    ");
}
