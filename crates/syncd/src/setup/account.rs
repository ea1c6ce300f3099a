//! The account as somebody sees it who sets syncd up: who it is, what its package allows, which folders it has. Reads only.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use api::{AccountInfo, ApiError, Client, Package};
use planner::id::FolderId;
use serde::Serialize;

use crate::remote::account::Account;
use crate::remote::apply::Failure;
use crate::remote::root::{Missing, find};
use crate::remote::walk::live_folders;
use crate::report::{Given, Kind, Report};
use crate::text::{shown, size};

/// Said where the set-up ends before anything was written.
pub(crate) const NOTHING: &str = "Nothing was written.";

/// Who the account is, and what its package allows. Bytes; none where there is no limit, or none is known.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Seen {
    /// The account's id.
    pub(crate) id: String,
    /// Its user name.
    pub(crate) username: Option<String>,
    /// The package's name.
    pub(crate) package: Option<String>,
    /// Whether files may be uploaded.
    pub(crate) can_upload: Option<bool>,
    /// Storage in all.
    pub(crate) max_storage_bytes: Option<u64>,
    /// Largest file.
    pub(crate) max_upload_size: Option<u64>,
    /// Uploads at once.
    pub(crate) concurrent_uploads: Option<u64>,
    /// Downloads at once.
    pub(crate) concurrent_downloads: Option<u64>,
    /// Files unused for so many days are purged, without trash.
    pub(crate) days_to_keep_inactive_files: Option<u64>,
}

impl Seen {
    fn of(info: AccountInfo, package: &Package) -> Self {
        let number = |number: Option<NonZeroU64>| number.map(NonZeroU64::get);
        Self {
            id: info.id.to_string(),
            username: info.username,
            package: package.label.clone(),
            can_upload: package.can_upload,
            max_storage_bytes: number(info.storage_limit_override.or(package.max_storage_bytes)),
            max_upload_size: number(package.max_upload_size),
            concurrent_uploads: number(package.concurrent_uploads),
            concurrent_downloads: number(package.concurrent_downloads),
            days_to_keep_inactive_files: number(package.days_to_keep_inactive_files),
        }
    }

    /// For people; ends with a line feed.
    pub(crate) fn text(&self) -> String {
        let who = self
            .username
            .as_deref()
            .map_or_else(String::new, |name| format!("{}, ", shown(name)));
        let package = self.package.as_deref().map_or("unnamed", |label| label);
        let bytes = |what: &str, limit: Option<u64>| {
            limit.map_or_else(
                || format!("{what} unlimited"),
                |it| format!("{what} {}", size(it)),
            )
        };
        let mut limits = vec![
            bytes("storage", self.max_storage_bytes),
            bytes("largest file", self.max_upload_size),
        ];
        let calls = |number: u64, what: &str| format!("{number} {what} at once");
        limits.extend(self.concurrent_uploads.map(|it| calls(it, "uploads")));
        limits.extend(self.concurrent_downloads.map(|it| calls(it, "downloads")));
        let mut out = format!("Account: {who}id {}; package {}\n", self.id, shown(package));
        out.push_str(&format!("  {}\n", limits.join(", ")));
        if self.can_upload == Some(false) {
            out.push_str("  this package does not allow uploads: only direction = \"download\" will work\n");
        }
        if let Some(days) = self.days_to_keep_inactive_files {
            out.push_str(&format!(
                "  the server deletes files that nobody downloads for {days} days, without trash\n"
            ));
        }
        out
    }
}

/// Signs in once, and asks who that is.
///
/// # Errors
/// Why it does not work; nothing was written.
pub(crate) async fn sign_in(client: &Client, api_url: &str) -> Result<Seen, Report> {
    let report = |error: &ApiError| {
        let report = Report::from_sign_in_given(error, api_url, Given::AsFlag);
        let next = if report.kind == Kind::Rejected {
            "look the keys up in the account's API settings, and run it again with those".to_owned()
        } else {
            report.next.clone()
        };
        Report { next, ..report }.data(NOTHING)
    };
    let info = client.account_info().await.map_err(|error| report(&error))?;
    let package = client.account_package().await.map_err(|error| report(&error))?;
    Ok(Seen::of(info, &package))
}

/// The names of the live folders in a folder of the account, sorted, each once; none if there is no such folder.
///
/// # Errors
/// The account did not answer.
pub(crate) async fn folders(
    client: &Client,
    api_url: &str,
    path: &str,
) -> Result<Option<BTreeSet<String>>, Report> {
    let folder = match find(client, path, false, Duration::ZERO).await {
        Ok(folder) => folder,
        Err(Missing::NotThere | Missing::Mangled { .. }) => return Ok(None),
        Err(Missing::Failed(Failure::Fatal(error))) => {
            return Err(Report::from_api_given(&error, api_url, Given::AsFlag).data(NOTHING));
        }
        Err(Missing::Failed(failure)) => {
            let report = Report::new(
                Kind::Server,
                "the account's folders cannot be listed",
                failure.to_string(),
                "run it again later",
            );
            return Err(report.at(api_url).data(NOTHING));
        }
    };
    in_folder(client, api_url, folder).await.map(Some)
}

/// The same for a folder by its id; none is the account's top.
pub(crate) async fn in_folder(
    client: &Client,
    api_url: &str,
    folder: Option<FolderId>,
) -> Result<BTreeSet<String>, Report> {
    let top = Arc::new(Account::new(client.clone(), None, BTreeMap::new()));
    let rows = live_folders(&top, folder).await;
    let rows = rows.map_err(|error| Report::from_api_given(&error, api_url, Given::AsFlag).data(NOTHING))?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}
