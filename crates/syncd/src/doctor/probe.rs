//! What only a trial tells of a server: a folder of our own is made in the account's top, files of a few bytes with odd names
//! go into it, and the folder is trashed again, whatever came of it.
//!
//! Its name begins with `.syncd-`, so no syncd on any machine brings it down. Nothing else in the account is touched. It
//! answers what can be answered without harm of the open questions about a server; a copy without an owner, a second
//! sign-in, or a body of a gigabyte are not tried.

use std::num::NonZeroU64;

use api::{
    Access, ApiError, Client, FileEdit, FolderCreate, FolderId, Parent, RowState, UploadBody, UploadRequest,
    Uploaded,
};
use bytes::Bytes;

use super::{Finding, State, trials};
use crate::engine;
use crate::report::Report;

/// A name, and what it is about.
const NAMES: [(&str, &str); 7] = [
    ("emoji", "a\u{1f600}b.txt"),
    ("leading dot", ".dot.txt"),
    ("quotes", "it's \"x\".txt"),
    ("angle bracket", "a<b.txt"),
    ("edge blanks", " edge .txt "),
    ("decomposed accents", "e\u{301}.txt"),
    ("backslash", "x\\y.txt"),
];
/// Longer than the database's column.
const LONG: usize = 300;

/// Tries it all, and clears away.
pub(crate) async fn server(client: &Client, url: &str) -> Vec<Finding> {
    let id = engine::random_id();
    let name = format!(".syncd-doctor-{}", id.get(..12).unwrap_or("0"));
    let create = FolderCreate {
        name: name.clone(),
        parent: Parent::Top,
        access: Access::Private,
        password_md5: None,
    };
    let folder = match client.folder_create(&create).await {
        Ok(row) => row.id,
        Err(error) => return vec![Finding::of("probe", &Report::from_api(&error, url))],
    };
    let mut findings = Vec::new();
    for way in [Way::Upload, Way::Edit] {
        findings.push(names(client, folder, way).await);
    }
    findings.push(equal(client, folder).await);
    findings.push(hash(client, folder).await);
    let (answered, trial) = trials::begin(client, url, folder).await;
    findings.extend(answered);
    let cleared = clear(client, folder, &name).await;
    let is_cleared = cleared.state == State::Fine;
    if let Some(trial) = trial.filter(|_| is_cleared) {
        findings.push(trials::end(client, &trial).await);
    }
    findings.push(cleared);
    findings
}

/// How a name is given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Upload,
    Edit,
}

/// Sends a few bytes.
pub(super) async fn send(
    client: &Client,
    folder: FolderId,
    name: &str,
    bytes: &'static [u8],
) -> Result<Uploaded, ApiError> {
    let size = u64::try_from(bytes.len())
        .ok()
        .and_then(NonZeroU64::new)
        .unwrap_or(NonZeroU64::MIN);
    let body = UploadBody::from_bytes(Bytes::from_static(bytes));
    client.upload(UploadRequest::new(name, folder, size, body)).await
}

async fn names(client: &Client, folder: FolderId, way: Way) -> Finding {
    let check = match way {
        Way::Upload => "names by upload",
        Way::Edit => "names by edit",
    };
    let long = "n".repeat(LONG) + ".txt";
    let mut stored = Vec::new();
    for (what, name) in NAMES.into_iter().chain([("300 characters", long.as_str())]) {
        let kept = match way {
            Way::Upload => send(client, folder, name, b"doctor")
                .await
                .map(|uploaded| uploaded.name),
            Way::Edit => match send(client, folder, &format!("plain{}.txt", stored.len()), b"doctor").await {
                Ok(uploaded) => {
                    let edit = FileEdit::of(uploaded.file_id).name(name);
                    client.file_edit(&edit).await.map(|row| row.name)
                }
                Err(error) => Err(error),
            },
        };
        stored.push((what, name.to_owned(), kept.map_err(|error| error.to_string())));
    }
    judge(check, &stored)
}

/// What became of each name.
fn judge(check: &'static str, stored: &[(&str, String, Result<String, String>)]) -> Finding {
    let word = |(what, name, kept): &(&str, String, Result<String, String>)| match kept {
        Ok(kept) if kept == name => format!("{what} kept"),
        Ok(kept) if kept.chars().count() > 40 => format!("{what} cut to {}", kept.chars().count()),
        Ok(kept) => format!("{what} became {kept:?}"),
        Err(_) => format!("{what} refused"),
    };
    // syncd escapes what a server changes, so none of this needs anybody.
    Finding::fine(check, stored.iter().map(word).collect::<Vec<_>>().join("; "))
}

/// Whether names that differ in case or accents only are one to the server.
async fn equal(client: &Client, folder: FolderId) -> Finding {
    let mut says = Vec::new();
    for (what, first, second) in [
        ("case", "equal.txt", "EQUAL.txt"),
        ("accents", "ete.txt", "\u{e9}t\u{e9}.txt"),
    ] {
        let sent = match send(client, folder, first, b"one").await {
            Ok(_) => send(client, folder, second, b"two").await,
            Err(error) => Err(error),
        };
        says.push(match sent {
            Ok(uploaded) if uploaded.name == second => format!("{what} counts"),
            Ok(_) => format!("{what} does not count: the second is renamed"),
            Err(_) => format!("{what} could not be tried"),
        });
    }
    Finding::fine("equal names", says.join("; "))
}

async fn hash(client: &Client, folder: FolderId) -> Finding {
    match send(client, folder, "hash.txt", b"hash")
        .await
        .map(|uploaded| uploaded.content_agrees())
    {
        Ok(Some(true)) => Finding::fine("hash", "the server's MD5 is that of the bytes sent"),
        Ok(None) => Finding::fine(
            "hash",
            "the server gives no hash; what it stores is compared by size",
        ),
        Ok(Some(false)) => Finding::todo(
            "hash",
            "the server's MD5 is not that of the bytes sent",
            "tell the site: what it stores is not what was sent",
        ),
        Err(error) => Finding::unknown("hash", error.to_string()),
    }
}

/// Trashes the folder, and looks whether it is dead.
async fn clear(client: &Client, folder: FolderId, name: &str) -> Finding {
    let left = |why: String| {
        Finding::todo(
            "probe",
            format!("the test folder {name} is still in the account: {why}"),
            "delete it on the web",
        )
    };
    if let Err(error) = client.folder_delete(folder).await {
        return left(error.to_string());
    }
    match client.folder_info(folder).await.map(|row| row.state) {
        Ok(Some(RowState::Active)) => left("the server says it is active".to_owned()),
        Ok(Some(_)) => Finding::fine(
            "probe",
            "the test folder is in the account's trash; folder/info says so",
        ),
        Ok(None) => Finding::fine("probe", "the test folder was deleted; folder/info tells no state"),
        Err(_) => Finding::fine(
            "probe",
            "the test folder was deleted; folder/info knows it no more",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_told_by_what_became_of_it() {
        let stored = [
            ("emoji", "a\u{1f600}".to_owned(), Ok("a".to_owned())),
            ("quotes", "'".to_owned(), Ok("'".to_owned())),
            ("300 characters", "n".repeat(300), Ok("n".repeat(255))),
            ("angle bracket", "<".to_owned(), Err("no".to_owned())),
        ];
        let says = judge("names", &stored).says;
        assert_eq!(
            says,
            "emoji became \"a\"; quotes kept; 300 characters cut to 255; angle bracket refused"
        );
    }
}
