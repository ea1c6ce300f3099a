//! A merge as text, for tests: one line for each thing that is to happen, nothing for what stays as it is.

use std::fmt::Write;

use crate::hold::Reason;
use crate::id::RemoteId;
use crate::merge::{Compare, Content, Merged, TargetNode};
use crate::name::LocalName;
use crate::path::RelPath;
use crate::rule::Rule;
use crate::tree::build::Case;

impl Case {
    /// The full merge as text.
    pub(crate) fn merge(&self) -> String {
        self.render(&self.merged())
    }

    /// A merge of these trees as text.
    pub(crate) fn render(&self, merged: &Merged) -> String {
        let mut text = String::new();
        for node in merged.target.iter() {
            if let Some(line) = self.target_line(merged, node) {
                writeln!(text, "{line}").unwrap();
            }
        }
        for removal in &merged.removed {
            let synced = removal.synced.and_then(|id| self.synced.path(id));
            let mut line = match synced {
                Some(path) => format!("drop {path}"),
                None => "drop unsynced".to_owned(),
            };
            if let Some(key) = removal.local {
                write!(line, "  remove here {}", self.local.nodes.path(key).unwrap()).unwrap();
            }
            if let Some(id) = removal.remote {
                write!(line, "  remove there {}", self.remote_path(id)).unwrap();
            }
            writeln!(text, "{line}  {:?}", removal.because).unwrap();
        }
        for conflict in &merged.conflicts {
            let copy = conflict
                .copy
                .as_ref()
                .map_or(String::new(), |copy| format!("  copy {copy}"));
            writeln!(text, "conflict {}{copy}  {:?}", conflict.path, conflict.because).unwrap();
        }
        for hold in &merged.held {
            // The words are the system's.
            let reason = match matches!(hold.reason, Reason::Unreadable(_)) {
                true => "Unreadable".to_owned(),
                false => format!("{:?}", hold.reason),
            };
            writeln!(text, "{:?} {}  {:?} {reason}", hold.kind, hold.path, hold.side).unwrap();
        }
        for compare in &merged.compare {
            match compare {
                Compare::Local(key) => {
                    writeln!(text, "compare here {}", self.local.nodes.path(*key).unwrap()).unwrap();
                }
                Compare::Remote(id) => {
                    writeln!(text, "compare there {}", self.remote_path(RemoteId::File(*id))).unwrap();
                }
            }
        }
        text
    }

    fn remote_path(&self, id: RemoteId) -> String {
        let path = self.remote.nodes.path(id).map(|path| path.to_string());
        path.unwrap_or_else(|| format!("{id:?}"))
    }

    fn target_line(&self, merged: &Merged, node: &TargetNode) -> Option<String> {
        let (mut path, mut next) = (Vec::new(), Some(node));
        while let Some(node) = next {
            let local = node.local.and_then(|key| self.local.nodes.get(key));
            let name = node
                .local_name
                .as_ref()
                .or(local.map(|entry| &entry.name))
                .map(LocalName::as_str);
            let synced = node
                .synced
                .and_then(|id| self.synced.get(id))
                .map(|node| node.local_name.as_str());
            path.push(name.or(synced).unwrap_or("?").to_owned());
            next = node.parent.and_then(|key| merged.target.get(key));
        }
        path.reverse();
        let path = path.join("/");
        let here = match (node.local, &node.local_name) {
            (Some(key), Some(_)) => {
                let now = self.local.nodes.path(key).unwrap();
                let goes = RelPath::parse(&path) != Some(now.clone());
                if goes {
                    format!("here from {now}")
                } else {
                    String::new()
                }
            }
            (None, Some(_)) => "here new".to_owned(),
            (Some(_), None) => "here left".to_owned(),
            (None, None) => "here none".to_owned(),
        };
        let there = self.there_words(merged, node);
        let content = match node.content {
            Content::Folder | Content::Settled => String::new(),
            Content::FromLocal => "bytes up".to_owned(),
            Content::FromRemote => "bytes down".to_owned(),
        };
        let rules = if node.place_rule == node.content_rule {
            format!("{:?}", node.place_rule)
        } else {
            let rules = [node.place_rule, node.content_rule];
            let told: Vec<String> = rules
                .iter()
                .filter(|rule| **rule != Rule::Unchanged)
                .map(|rule| format!("{rule:?}"))
                .collect();
            told.join(", ")
        };
        let words: Vec<String> = [here, there, content]
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect();
        if words.is_empty() && rules == "Unchanged" {
            return None;
        }
        Some([vec![path], words, vec![rules]].concat().join("  "))
    }

    fn there_words(&self, merged: &Merged, node: &TargetNode) -> String {
        match (node.remote, &node.remote_name) {
            (Some(id), Some(name)) => {
                let parent = node.parent.and_then(|key| merged.target.get(key));
                let home = parent.map(|parent| parent.remote);
                let row = self.remote.nodes.get(id);
                let synced = || self.synced.iter().find(|synced| synced.remote() == id);
                let (now, above) = match row {
                    Some(row) => (row.name.clone(), row.parent.map(RemoteId::Folder)),
                    None => {
                        let synced = synced().unwrap();
                        let above = synced.parent.and_then(|above| self.synced.get(above));
                        (synced.remote_name.clone(), above.map(|above| above.remote()))
                    }
                };
                if now == *name && home.unwrap_or(None) == above && (home.is_none() == above.is_none()) {
                    String::new()
                } else {
                    format!("there from {} as '{name}'", self.remote_path(id))
                }
            }
            (None, Some(name)) => format!("there new '{name}'"),
            (Some(_), None) => "there left".to_owned(),
            (None, None) => "there none".to_owned(),
        }
    }
}
