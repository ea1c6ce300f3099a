//! Which files in the trash are versions of which path. Pure.
//!
//! Never here: a file of another path taken for a version. A number at the end of a name means a further version only
//! beside the plain name of the same day, which is the only reason why the trash gives one.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use planner::name::LocalName;
use planner::path::RelPath;

use super::trash::Trashed;

/// A path, and what the trash has of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Wanted {
    /// Where it was, and goes.
    pub(crate) to: RelPath,
    /// Its versions, newest first.
    pub(crate) versions: Vec<Trashed>,
}

/// Everything in the trash, by path.
pub(crate) fn every(items: Vec<Trashed>) -> Vec<Wanted> {
    let there: BTreeSet<(Date, RelPath)> = items.iter().map(|item| (item.date, item.from.clone())).collect();
    let mut by_path: BTreeMap<RelPath, Vec<Trashed>> = BTreeMap::new();
    for item in items {
        let plain = plain(&item.from).filter(|plain| there.contains(&(item.date, plain.clone())));
        by_path
            .entry(plain.unwrap_or_else(|| item.from.clone()))
            .or_default()
            .push(item);
    }
    by_path
        .into_iter()
        .map(|(to, mut versions)| {
            // Within a day: the change time is that of the move into the trash.
            versions.sort_by_key(|item| Reverse((item.date, item.stamp.ctime_ns)));
            Wanted { to, versions }
        })
        .collect()
}

/// The file that was at this path; if there was none, all that were below it.
pub(crate) fn of(items: Vec<Trashed>, path: &RelPath) -> Vec<Wanted> {
    let mut all = every(items);
    if let Some(at) = all.iter().position(|wanted| wanted.to == *path) {
        return vec![all.swap_remove(at)];
    }
    all.retain(|wanted| path.contains(&wanted.to));
    all
}

/// The path without a number at the end: `a.txt (2)` is `a.txt`.
fn plain(path: &RelPath) -> Option<RelPath> {
    let (folder, name) = path.split()?;
    let (stem, number) = name.as_str().strip_suffix(')')?.rsplit_once(" (")?;
    let is_number = number
        .parse::<u32>()
        .is_ok_and(|number| number >= 2 && !stem.is_empty());
    is_number
        .then(|| LocalName::new(stem))
        .flatten()
        .map(|name| folder.join(&name))
}

#[cfg(test)]
mod tests {
    use planner::content::Stamp;

    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::parse(text).unwrap()
    }

    fn item(date: &str, from: &str, ctime_ns: i64) -> Trashed {
        Trashed {
            date: date.parse().unwrap(),
            from: path(from),
            at: path(&format!(".syncd/trash/{date}/{from}")),
            size: 1,
            stamp: Stamp {
                mtime_ns: 0,
                ctime_ns,
            },
        }
    }

    fn shown(wanted: &[Wanted]) -> Vec<String> {
        let line = |wanted: &Wanted| {
            let at: Vec<_> = wanted
                .versions
                .iter()
                .map(|item| item.at.as_str().trim_start_matches(".syncd/trash/"))
                .collect();
            format!("{}: {}", wanted.to, at.join(", "))
        };
        wanted.iter().map(line).collect()
    }

    #[test]
    fn the_newest_version_comes_first_within_a_day_too() {
        let items = vec![
            item("2026-11-22", "a", 9),
            item("2026-11-23", "a", 3),
            item("2026-11-23", "a (2)", 5),
            item("2026-11-23", "a (3)", 4),
        ];
        assert_eq!(
            shown(&of(items, &path("a"))),
            ["a: 2026-11-23/a (2), 2026-11-23/a (3), 2026-11-23/a, 2026-11-22/a"]
        );
    }

    #[test]
    fn a_name_that_ends_in_a_number_by_itself_is_no_version_of_another() {
        let items = vec![
            item("2026-11-22", "a", 1),
            item("2026-11-23", "a (2)", 2),
            item("2026-11-23", "(2)", 2),
        ];
        assert_eq!(shown(&of(items.clone(), &path("a"))), ["a: 2026-11-22/a"]);
        assert_eq!(shown(&of(items, &path("a (2)"))), ["a (2): 2026-11-23/a (2)"]);
    }

    #[test]
    fn a_folder_is_everything_that_was_below_it() {
        let items = vec![
            item("2026-11-22", "docs/a", 1),
            item("2026-11-23", "docs/deep/b", 2),
            item("2026-11-23", "docs2/c", 2),
        ];
        assert_eq!(
            shown(&of(items.clone(), &path("docs"))),
            ["docs/a: 2026-11-22/docs/a", "docs/deep/b: 2026-11-23/docs/deep/b"]
        );
        assert_eq!(of(items, &path("other")), []);
    }
}
