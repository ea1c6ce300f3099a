//! A plan as text: what a dry run shows, what history keeps, what tests compare, and what the plan's digest is made of.
//!
//! One line a step, grouped by side, in plan order, each with its reason. The text depends on nothing but the plan and
//! the trees it was made from, so the same plan always has the same text. Names that come from outside cannot break out
//! of their line.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use crate::id::{LocalKey, NodeId, RemoteId, TargetKey};
use crate::merge::{Merged, Target, Trees};
use crate::path::RelPath;
use crate::rule::Rule;
use crate::transition::{Action, JournalStep, LocalStep, Plan, RemoteParent, RemoteStep, Step};
use crate::tree::{Node, Tree};

/// Where a step acts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Place {
    /// On this machine.
    Local,
    /// In the account.
    Remote,
    /// Nowhere: only the record changes.
    Record,
}

impl Place {
    /// The word programs read.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Remote => "remote",
            Self::Record => "record",
        }
    }
}

/// What kind of step it is, as users and programs name it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Verb {
    /// A folder is made.
    Create,
    /// Something gets another name in the same folder.
    Rename,
    /// Something goes to another folder.
    Move,
    /// Something is set aside for a moment.
    Park,
    /// A file comes here.
    Download,
    /// A file goes there.
    Upload,
    /// A file's bytes are exchanged; the old ones go to the trash of their side.
    Replace,
    /// A file or folder goes to the trash of its side.
    Trash,
    /// An empty folder is removed.
    Remove,
    /// Both sides hold the same: it is recorded.
    Agree,
    /// What is gone is no longer recorded.
    Forget,
}

impl Verb {
    /// The word, as users and programs read it.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Rename => "rename",
            Self::Move => "move",
            Self::Park => "set aside",
            Self::Download => "download",
            Self::Upload => "upload",
            Self::Replace => "replace",
            Self::Trash => "trash",
            Self::Remove => "remove",
            Self::Agree => "record",
            Self::Forget => "forget",
        }
    }
}

/// One step in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// On which side.
    pub place: Place,
    /// What is done.
    pub verb: Verb,
    /// To what; folders end in `/`.
    pub path: String,
    /// Where it goes, if it goes somewhere.
    pub to: Option<String>,
    /// The row of the account that is edited, trashed, replaced or downloaded.
    pub id: Option<RemoteId>,
    /// How many bytes move.
    pub bytes: Option<u64>,
    /// How many recorded items go along, besides the one named.
    pub along: usize,
    /// Why.
    pub because: Rule,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb.text(), self.path)?;
        if let Some(to) = &self.to {
            let word = if self.verb == Verb::Replace { "as" } else { "to" };
            write!(f, " {word} {to}")?;
        }
        match (self.id, self.bytes) {
            (Some(id), Some(bytes)) => write!(f, " ({}, {})", Id(id), Size(bytes))?,
            (Some(id), None) => write!(f, " ({})", Id(id))?,
            (None, Some(bytes)) => write!(f, " ({})", Size(bytes))?,
            (None, None) => {}
        }
        if self.along > 0 {
            write!(f, " with {} in it", counted(self.along, "item"))?;
        }
        write!(f, "   because {}", self.because)
    }
}

/// Every step of the plan in words, in plan order.
#[must_use]
pub fn lines(trees: Trees<'_>, merged: &Merged, plan: &Plan) -> Vec<Line> {
    let owner = merged
        .target
        .iter()
        .filter_map(|node| Some((node.remote?, node.key)));
    let scene = Scene {
        trees,
        target: &merged.target,
        owner: owner.collect(),
    };
    plan.steps.iter().map(|step| scene.line(step)).collect()
}

/// The whole plan as text. An empty plan is one sentence.
#[must_use]
pub fn text(trees: Trees<'_>, merged: &Merged, plan: &Plan) -> String {
    let lines = lines(trees, merged, plan);
    let mut text = String::new();
    for (place, title) in [
        (Place::Local, "On this machine"),
        (Place::Remote, "In the account"),
        (Place::Record, "Only recorded"),
    ] {
        let group: Vec<&Line> = lines.iter().filter(|line| line.place == place).collect();
        if !group.is_empty() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{title}: {}", summary(&group));
            for line in group {
                let _ = writeln!(text, "  {line}");
            }
        }
    }
    if text.is_empty() {
        text.push_str("Nothing to do.\n");
    }
    text
}

/// `3 steps, 1 download (2.0 MiB), 1 to the trash`.
fn summary(group: &[&Line]) -> String {
    let mut text = counted(group.len(), "step");
    let moved = |verbs: &[Verb]| {
        let some = || {
            group
                .iter()
                .filter(|line| verbs.contains(&line.verb) && line.bytes.is_some())
        };
        (
            some().count(),
            some().filter_map(|line| line.bytes).fold(0, u64::saturating_add),
        )
    };
    let place = group.first().map(|line| line.place);
    for (here, verbs, word) in [
        (Place::Local, [Verb::Download, Verb::Replace], "download"),
        (Place::Remote, [Verb::Upload, Verb::Replace], "upload"),
    ] {
        let (count, bytes) = moved(&verbs);
        if place == Some(here) && count > 0 {
            let _ = write!(text, ", {} ({})", counted(count, word), Size(bytes));
        }
    }
    let trashed: usize = group
        .iter()
        .filter(|line| line.verb == Verb::Trash)
        .map(|line| 1 + line.along)
        .sum();
    if trashed > 0 {
        let _ = write!(text, ", {} to the trash", counted(trashed, "item"));
    }
    text
}

fn counted(count: usize, word: &str) -> String {
    if count == 1 {
        format!("1 {word}")
    } else {
        format!("{count} {word}s")
    }
}

/// An id as users read it.
struct Id(RemoteId);

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            RemoteId::Folder(id) => write!(f, "folder {id}"),
            RemoteId::File(id) => write!(f, "file {id}"),
        }
    }
}

/// Bytes as users read them; exact below 1 KiB.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bytes) = *self;
        let mut unit = 1_u64;
        let mut name = "B";
        for next in ["KiB", "MiB", "GiB", "TiB"] {
            if bytes / unit < 1024 {
                break;
            }
            unit *= 1024;
            name = next;
        }
        if unit == 1 {
            return write!(f, "{bytes} B");
        }
        let tenths = u128::from(bytes) * 10 / u128::from(unit);
        write!(f, "{}.{} {name}", tenths / 10, tenths % 10)
    }
}

/// What names are looked up in.
struct Scene<'a> {
    trees: Trees<'a>,
    target: &'a Target,
    owner: BTreeMap<RemoteId, TargetKey>,
}

/// A step's words, before its reason.
struct Words {
    verb: Verb,
    path: String,
    to: Option<String>,
    id: Option<RemoteId>,
    bytes: Option<u64>,
}

impl Words {
    fn of(verb: Verb, path: String) -> Self {
        Self {
            verb,
            path,
            to: None,
            id: None,
            bytes: None,
        }
    }

    /// The row it is about.
    fn row(self, id: RemoteId) -> Self {
        Self { id: Some(id), ..self }
    }

    /// How much it moves.
    fn bytes(self, bytes: u64) -> Self {
        Self {
            bytes: Some(bytes),
            ..self
        }
    }

    /// Where it goes.
    fn to(self, to: String) -> Self {
        Self { to: Some(to), ..self }
    }
}

impl Scene<'_> {
    fn line(&self, step: &Step) -> Line {
        let (place, words) = match &step.action {
            Action::Local(action) => (Place::Local, self.local(action)),
            Action::Remote(action) => (Place::Remote, self.remote(action, step)),
            Action::Journal(action) => (Place::Record, self.journal(*action, step)),
        };
        let along = match words.verb {
            Verb::Trash | Verb::Forget => step.forgets.len().saturating_sub(1),
            Verb::Create
            | Verb::Rename
            | Verb::Move
            | Verb::Park
            | Verb::Download
            | Verb::Upload
            | Verb::Replace
            | Verb::Remove
            | Verb::Agree => 0,
        };
        let Words {
            verb,
            path,
            to,
            id,
            bytes,
        } = words;
        Line {
            place,
            verb,
            path,
            to,
            id,
            bytes,
            along,
            because: step.because,
        }
    }

    fn local(&self, step: &LocalStep) -> Words {
        match step {
            LocalStep::CreateFolder { path } => Words::of(Verb::Create, folder(&shown(path))),
            LocalStep::Move { what, from, to } => self.shifted(*what, &shown(from), &shown(to)),
            LocalStep::Park { what, from, .. } => Words::of(Verb::Park, self.entry(*what, &shown(from))),
            LocalStep::Unpark { what, to, .. } => {
                let from = self
                    .trees
                    .local
                    .nodes
                    .path(*what)
                    .map_or_else(String::new, |path| shown(&path));
                self.shifted(*what, &from, &shown(to))
            }
            LocalStep::Place { path, file, size, .. } => Words::of(Verb::Download, shown(path))
                .row(RemoteId::File(*file))
                .bytes(*size),
            LocalStep::Replace { path, file, size, .. } => Words::of(Verb::Replace, shown(path))
                .row(RemoteId::File(*file))
                .bytes(*size),
            LocalStep::Trash { path, .. } => Words::of(Verb::Trash, shown(path)),
            LocalStep::RemoveFolder { path, .. } => Words::of(Verb::Remove, folder(&shown(path))),
        }
    }

    fn shifted(&self, what: LocalKey, from: &str, to: &str) -> Words {
        moved(self.entry(what, from), self.entry(what, to))
    }

    fn entry(&self, what: LocalKey, path: &str) -> String {
        match self.trees.local.nodes.get(what) {
            Some(node) if node.is_folder() => folder(path),
            Some(_) | None => path.to_owned(),
        }
    }

    fn remote(&self, step: &RemoteStep, whole: &Step) -> Words {
        match step {
            RemoteStep::CreateFolder { parent, name } => {
                Words::of(Verb::Create, folder(&self.within(*parent, name.as_str())))
            }
            RemoteStep::Upload {
                size, parent, name, ..
            } => Words::of(Verb::Upload, self.within(*parent, name.as_str())).bytes(size.get()),
            RemoteStep::Replace {
                size,
                old,
                parent,
                name,
                ..
            } => {
                let old = RemoteId::File(*old);
                let from = self.row(old, whole.node);
                let to = self.within(*parent, name.as_str());
                let moves = from != to;
                let words = Words::of(Verb::Replace, from).row(old).bytes(size.get());
                if moves { words.to(to) } else { words }
            }
            RemoteStep::EditFile { id, parent, .. } => self.edited(RemoteId::File(*id), *parent, whole.node),
            RemoteStep::EditFolder { id, parent, .. } => {
                self.edited(RemoteId::Folder(*id), *parent, whole.node)
            }
            RemoteStep::TrashFile { id } => self.trashed(RemoteId::File(*id)),
            RemoteStep::TrashFolder { id } => self.trashed(RemoteId::Folder(*id)),
        }
    }

    fn edited(&self, id: RemoteId, parent: Option<RemoteParent>, node: Option<TargetKey>) -> Words {
        let to = node.map_or_else(String::new, |key| self.target_path(key));
        let to = if id.folder().is_some() { folder(&to) } else { to };
        let verb = if parent.is_some() {
            Verb::Move
        } else {
            Verb::Rename
        };
        Words::of(verb, self.row(id, node)).row(id).to(to)
    }

    fn trashed(&self, id: RemoteId) -> Words {
        Words::of(Verb::Trash, self.row(id, None)).row(id)
    }

    /// A name in a folder of the account, under the path that it will have.
    fn within(&self, parent: RemoteParent, name: &str) -> String {
        let above = match parent {
            RemoteParent::Root => String::new(),
            RemoteParent::Made(node) => folder(&self.target_path(node)),
            RemoteParent::Existing(id) => {
                let id = RemoteId::Folder(id);
                let node = self.owner.get(&id).copied();
                folder(&node.map_or_else(|| self.row(id, None), |key| self.target_path(key)))
            }
        };
        format!("{above}{}", tame(name))
    }

    /// The path of a target node in the account.
    fn target_path(&self, key: TargetKey) -> String {
        let of = |node: &crate::merge::TargetNode| {
            node.remote_name
                .as_ref()
                .map_or_else(|| tame(node.label()), |name| tame(name.as_str()))
        };
        let mut path = self.target.get(key).map_or_else(String::new, of);
        for above in self.target.ancestors(key) {
            path = format!("{}/{path}", of(above));
        }
        path
    }

    /// The path of a row as the account shows it now; of one that no listing shows, as recorded, or its id.
    fn row(&self, id: RemoteId, node: Option<TargetKey>) -> String {
        let recorded = || {
            let synced = self.target.get(node?)?.synced?;
            self.record(synced)
        };
        let path = joined(&self.trees.remote.nodes, id).or_else(recorded);
        match (path, id) {
            (Some(path), RemoteId::Folder(_)) => folder(&path),
            (Some(path), RemoteId::File(_)) => path,
            (None, RemoteId::Folder(_) | RemoteId::File(_)) => format!("{}", Id(id)),
        }
    }

    fn record(&self, id: NodeId) -> Option<String> {
        joined(self.trees.synced, id)
    }

    fn journal(&self, step: JournalStep, whole: &Step) -> Words {
        match step {
            JournalStep::Agree => {
                let path = whole
                    .node
                    .map_or_else(String::new, |key| joined(self.target, key).unwrap_or_default());
                Words::of(Verb::Agree, path)
            }
            JournalStep::Forget => {
                let path = whole
                    .forgets
                    .last()
                    .and_then(|id| self.record(*id))
                    .unwrap_or_default();
                Words::of(Verb::Forget, path)
            }
        }
    }
}

fn moved(from: String, to: String) -> Words {
    let above = |path: &str| {
        path.trim_end_matches('/')
            .rsplit_once('/')
            .map_or_else(String::new, |(above, _)| above.to_owned())
    };
    let verb = if above(&from) == above(&to) {
        Verb::Rename
    } else {
        Verb::Move
    };
    Words::of(verb, from).to(to)
}

/// The labels from the root down, joined; `None` if there is no such node.
fn joined<N: Node>(tree: &Tree<N>, key: N::Key) -> Option<String> {
    let mut path = tame(tree.get(key)?.label());
    for above in tree.ancestors(key) {
        path = format!("{}/{path}", tame(above.label()));
    }
    Some(path)
}

fn folder(path: &str) -> String {
    if path.is_empty() || path.ends_with('/') {
        path.to_owned()
    } else {
        format!("{path}/")
    }
}

fn shown(path: &RelPath) -> String {
    tame(path.as_str())
}

/// The name with everything escaped that could end a line, move a cursor or turn the text around.
fn tame(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for char in name.chars() {
        let turns = matches!(char, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if char.is_control() || turns {
            text.extend(char.escape_unicode());
        } else {
            text.push(char);
        }
    }
    text
}
