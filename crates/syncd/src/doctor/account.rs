//! What the account holds: names that are there twice, and interim files that nobody finished. Reads only, a listing for each
//! folder.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use api::Client;
use planner::naming::is_interim_like;

use super::Finding;
use crate::config::{PairConfig, RemoteSpec};
use crate::remote::account::Account;
use crate::remote::root::{Missing, find};
use crate::remote::walk::Walk;
use crate::report::Report;
use crate::text::{count, len, shown};

/// Names that are told.
const NAMED_MAX: usize = 3;

/// What one walk over a pair's folder shows.
pub(crate) async fn look(client: &Client, url: &str, pair: &PairConfig) -> Vec<Finding> {
    let found = match walk(client, pair).await {
        Ok(Some(walk)) => vec![duplicates(&walk), interims(&walk), unreadable(&walk)],
        Ok(None) => vec![Finding::fine(
            "duplicates",
            "the folder is not in the account yet",
        )],
        Err(report) => vec![Finding::of("duplicates", &report.at(url))],
    };
    found
        .into_iter()
        .map(|finding| finding.about(&pair.name))
        .collect()
}

async fn walk(client: &Client, pair: &PairConfig) -> Result<Option<Walk>, Report> {
    let report = |error: &api::ApiError| Report::from_api(error, "");
    let root = match &pair.remote {
        RemoteSpec::Id(id) => planner::id::FolderId::new(*id),
        RemoteSpec::Path(path) => match find(client, path, false, Duration::ZERO).await {
            Ok(root) => root,
            Err(Missing::NotThere | Missing::Mangled { .. }) => return Ok(None),
            Err(Missing::Failed(failure)) => {
                let happened = "the account's folder cannot be looked up";
                return Err(Report::new(
                    crate::report::Kind::Server,
                    happened,
                    failure.to_string(),
                    "run it again later",
                ));
            }
        },
    };
    let account = Arc::new(Account::new(client.clone(), root, BTreeMap::new()));
    let walk = Walk::take(&account).await.map_err(|error| report(&error))?;
    Ok(Some(walk))
}

fn each(walk: &Walk) -> impl Iterator<Item = Vec<String>> {
    walk.folders().filter_map(|folder| {
        let listed = walk.listed(folder)?;
        let files = listed.files.iter().map(|row| row.name.to_string());
        let folders = listed.folders.iter().map(|row| row.name.clone());
        Some(files.chain(folders).collect())
    })
}

fn duplicates(walk: &Walk) -> Finding {
    let mut twice = BTreeSet::new();
    for names in each(walk) {
        let mut seen = BTreeSet::new();
        twice.extend(names.into_iter().filter(|name| !seen.insert(name.clone())));
    }
    if twice.is_empty() {
        let folders = u64::try_from(walk.len()).unwrap_or(u64::MAX);
        return Finding::fine(
            "duplicates",
            format!("no name is twice in {}", count(folders, "folder", "folders")),
        );
    }
    Finding::todo(
        "duplicates",
        format!("names that are more than once in one folder: {}", named(&twice)),
        "rename or delete one of each on the web; meanwhile they have derived names here",
    )
}

fn interims(walk: &Walk) -> Finding {
    let interims: Vec<String> = each(walk)
        .flatten()
        .filter(|name| is_interim_like(name))
        .collect();
    if interims.is_empty() {
        return Finding::fine("interims", "no interim file is left there");
    }
    Finding::todo(
        "interims",
        format!(
            "{} in the account",
            count(len(&interims), "interim file", "interim files")
        ),
        "the machine that made one clears it away within timing.sweep_after; an older one may be deleted on the web",
    )
}

fn unreadable(walk: &Walk) -> Finding {
    let number = u64::try_from(walk.unreadable().count()).unwrap_or(u64::MAX);
    if number == 0 {
        return Finding::fine("listings", "every folder can be listed");
    }
    Finding::todo(
        "listings",
        format!("{} cannot be listed", count(number, "folder", "folders")),
        "run it again; if it stays, look for a damaged name in it on the web. What is in it is kept meanwhile",
    )
}

fn named(names: &BTreeSet<String>) -> String {
    let mut text: Vec<String> = names.iter().take(NAMED_MAX).map(|name| shown(name)).collect();
    let more = names.len().saturating_sub(NAMED_MAX);
    if more > 0 {
        text.push(format!("and {more} more"));
    }
    text.join(", ")
}
