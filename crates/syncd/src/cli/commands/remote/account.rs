//! `syncd remote account`, `package`, `login`, `logout`: who, what is allowed, and the session.

use std::num::NonZeroU64;

use serde_json::{Value, json};

use super::session;
use crate::cli::Context;
use crate::exit::Exit;
use crate::text::{shown, size};

/// Lines of what is known.
fn lines(fields: &[(&str, Option<String>)]) -> String {
    let known = fields.iter().filter_map(|(name, value)| {
        let value = value.as_ref()?;
        Some(format!("{name:<22} {}", shown(value)))
    });
    known.collect::<Vec<_>>().join("\n")
}

/// Runs `account`.
pub(crate) fn account(context: &Context) -> Exit {
    session(context, async |session, answers| {
        match session.client.account_info().await {
            Ok(it) => {
                let item = json!({
                    "id": it.id.get(), "username": it.username, "email": it.email, "status": it.status,
                    "level": it.level_id, "first_name": it.firstname, "last_name": it.lastname,
                    "last_login": it.last_login, "paid_until": it.paid_until,
                    "storage_override": it.storage_limit_override,
                });
                let text = lines(&[
                    ("account", Some(it.id.to_string())),
                    ("user name", it.username),
                    ("mail", it.email),
                    ("status", it.status),
                    ("package", it.level_id),
                    ("first name", it.firstname),
                    ("last name", it.lastname),
                    ("last login", it.last_login),
                    ("paid until", it.paid_until),
                    ("storage of its own", it.storage_limit_override.map(bytes)),
                ]);
                answers.item(item, &text);
            }
            Err(error) => answers.fail(session.call(&error)),
        }
    })
}

fn bytes(limit: NonZeroU64) -> String {
    size(limit.get())
}

/// Runs `package`.
pub(crate) fn package(context: &Context) -> Exit {
    session(context, async |session, answers| {
        match session.client.account_package().await {
            Ok(it) => {
                let item = of_package(&it);
                let sized =
                    |limit: Option<NonZeroU64>| Some(limit.map_or_else(|| "no limit".to_owned(), bytes));
                let counted = |limit: Option<NonZeroU64>| {
                    Some(limit.map_or_else(|| "no limit".to_owned(), |it| it.to_string()))
                };
                let text = lines(&[
                    ("package", it.label.or(it.id)),
                    ("kind", it.level_type),
                    (
                        "may upload",
                        it.can_upload.map(|may| if may { "yes" } else { "no" }.to_owned()),
                    ),
                    ("largest file", sized(it.max_upload_size)),
                    ("storage", sized(it.max_storage_bytes)),
                    ("uploads at once", counted(it.concurrent_uploads)),
                    ("downloads at once", counted(it.concurrent_downloads)),
                    ("largest download", sized(it.max_download_filesize_allowed)),
                    (
                        "download speed",
                        it.download_speed.map(|it| format!("{}/s", bytes(it))),
                    ),
                    ("downloads in 24 h", counted(it.downloads_per_24_hours)),
                    ("download in 24 h", sized(it.download_size_per_24_hours)),
                    ("imports at once", counted(it.max_remote_download_urls)),
                    (
                        "unused files go after",
                        it.days_to_keep_inactive_files.map(|it| format!("{it} days")),
                    ),
                ]);
                answers.item(item, &text);
            }
            Err(error) => answers.fail(session.call(&error)),
        }
    })
}

fn of_package(it: &api::Package) -> Value {
    json!({
        "id": it.id, "label": it.label, "kind": it.level_type, "can_upload": it.can_upload,
        "max_upload_size": it.max_upload_size, "max_storage": it.max_storage_bytes,
        "concurrent_uploads": it.concurrent_uploads, "concurrent_downloads": it.concurrent_downloads,
        "max_download_size": it.max_download_filesize_allowed, "download_speed": it.download_speed,
        "downloads_per_day": it.downloads_per_24_hours, "download_size_per_day": it.download_size_per_24_hours,
        "imports": it.max_remote_download_urls, "wait_between_downloads": it.wait_between_downloads,
        "days_to_keep_inactive_files": it.days_to_keep_inactive_files,
    })
}

/// Runs `login`.
pub(crate) fn login(context: &Context) -> Exit {
    session(context, async |session, answers| {
        // A stored session may have ended: the call shows that, and signs in anew.
        match session.client.account_info().await {
            Ok(it) => {
                let name = it.username.clone().unwrap_or_default();
                let line = format!("signed in as {} (account {})", shown(&name), it.id);
                answers.item(json!({"id": it.id.get(), "username": it.username}), &line);
            }
            Err(error) => answers.fail(session.call(&error)),
        }
    })
}

/// Runs `logout`.
pub(crate) fn logout(context: &Context) -> Exit {
    session(context, async |session, answers| {
        match session.client.sign_out().await {
            Ok(()) => {
                let line = "signed out; a service or another command that needs the account signs in again";
                answers.item(json!({"signed_in": false}), line);
            }
            Err(error) => answers.fail(session.call(&error)),
        }
    })
}
