//! Open questions about a server that one file in the test folder of [`probe`](super::probe) answers (`wire.md` §9): how
//! rows are written (1, 4), what a move to the root does (6), what a live and a dead folder answer (8), who serves links and
//! for how long (9), the time zone of dates (11). Asked as well, elsewhere: the line of the software (`server`), names and
//! the hash (`probe`). A second sign-in, limits of size and rate, how long trash is kept are not tried: each would cost somebody
//! something.
//!
//! The file has an interim's name: no syncd on any machine brings it down, wherever it is for a moment.

use api::{ApiError, Client, FileEdit, FileId, FileRow, FolderId, Parent, Probe};
use planner::name::RemoteName;
use planner::naming;
use serde_json::Value;
use url::Url;

use super::Finding;
use super::probe::send;
use crate::engine::now;

/// What is in the file.
const BYTES: &[u8] = b"one file of a trial, long enough to be asked for from its middle on";
/// From where its rest is asked for.
const MIDDLE: u64 = 32;
/// Dates are compared to a quarter of an hour, which is what zones differ by; seconds.
const QUARTER: i64 = 900;

/// A trial under way.
pub(crate) struct Trial {
    folder: FolderId,
    file: FileId,
    size: u64,
    /// The folder answered as a live one does.
    alive: Option<Probe>,
}

/// Puts the file there and asks; what is found, and what goes on when the folder is trashed.
pub(crate) async fn begin(client: &Client, url: &str, folder: FolderId) -> (Vec<Finding>, Option<Trial>) {
    let name = naming::interim(rand::random(), rand::random(), &RemoteName::new("a.txt"));
    let before = now();
    let sent = match send(client, folder, name.as_str(), BYTES).await {
        Ok(sent) => sent,
        Err(error) => return (vec![Finding::unknown("answers", error.to_string())], None),
    };
    let trial = Trial {
        folder,
        file: sent.file_id,
        size: crate::text::len(BYTES),
        alive: client.probe_folder(folder).await.ok(),
    };
    let findings = vec![
        answers(client, &trial).await,
        dates(client, &trial, before).await,
        moves(client, &trial).await,
        links(client, url, &trial).await,
    ];
    (findings, Some(trial))
}

/// What the server says of the folder and the file once they are in its trash.
pub(crate) async fn end(client: &Client, trial: &Trial) -> Finding {
    let dead = client.probe_folder(trial.folder).await.ok();
    let mut says = vec![match (trial.alive, dead) {
        (Some(Probe::Alive), Some(Probe::Dead)) => "the probe tells live folders from dead ones",
        (Some(Probe::Alive | Probe::Dead | Probe::Unknown) | None, _) => {
            "the probe does not tell live folders from dead ones"
        }
    }];
    says.push(match client.folder_listing(Parent::Top).await {
        Err(_) => "whether the root shows trash was not answered",
        Ok(top) => match top.folders.iter().find(|row| row.id == trial.folder) {
            None => "the root shows no trash",
            Some(row) if row.state.is_some() => "the root shows trashed folders, with a state",
            Some(_) => "the root shows trashed folders as if they were alive",
        },
    });
    says.push(match read(client, trial, 0).await {
        Ok(()) => "a link works for what is in the trash",
        Err(_) => "no link works for what is in the trash",
    });
    Finding::fine("trash", says.join("; "))
}

/// How rows are written.
async fn answers(client: &Client, trial: &Trial) -> Finding {
    let asked = |key: &str, id: String| [(key.to_owned(), id)];
    let info = client
        .raw("file/info", &asked("file_id", trial.file.to_string()))
        .await;
    let info = match info {
        Ok(info) => info,
        Err(error) => return Finding::unknown("answers", error.to_string()),
    };
    let by_parent = asked("parent_folder_id", trial.folder.to_string());
    let by_parent = client.raw("folder/info", &by_parent).await.is_ok();
    Finding::fine("answers", written(&info, by_parent))
}

fn written(info: &Value, by_parent: bool) -> String {
    let ids = match field(info, &|key| key == "id") {
        Some(Value::String(_)) => "ids are texts",
        Some(Value::Number(_)) => "ids are numbers",
        Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) | None => "ids were not seen",
    };
    let is_hash = |key: &str| {
        let key = key.to_ascii_lowercase();
        key.contains("hash") || key.contains("md5")
    };
    let hash = match field(info, &is_hash) {
        Some(Value::String(text)) if !text.is_empty() => "file/info gives a hash",
        Some(_) | None => "file/info gives no hash",
    };
    let by_parent = if by_parent {
        "folder/info takes parent_folder_id"
    } else {
        "folder/info does not take parent_folder_id"
    };
    [ids, hash, by_parent].join("; ")
}

/// The first value of such a key, at any depth.
fn field<'a>(value: &'a Value, fits: &impl Fn(&str) -> bool) -> Option<&'a Value> {
    let object = value.as_object()?;
    let here = object.iter().find(|(key, _)| fits(key)).map(|(_, value)| value);
    here.or_else(|| object.values().find_map(|value| field(value, fits)))
}

/// The zone of the server's dates.
async fn dates(client: &Client, trial: &Trial, before: i64) -> Finding {
    match client.file_info(trial.file).await {
        Ok(row) => Finding::fine("dates", zone(row.uploaded_date.as_deref(), before)),
        Err(error) => Finding::unknown("dates", error.to_string()),
    }
}

fn zone(date: Option<&str>, now: i64) -> String {
    let parsed = date.and_then(|text| jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", text).ok());
    let there = parsed.and_then(|at| jiff::tz::Offset::UTC.to_timestamp(at).ok());
    let Some(there) = there.map(|at| at.as_second()) else {
        return "the server tells no date of an upload".to_owned();
    };
    let apart = there.saturating_sub(now);
    // To the nearest quarter.
    let quarters = apart.saturating_add(QUARTER / 2).div_euclid(QUARTER);
    let (sign, minutes) = (
        if quarters < 0 { '-' } else { '+' },
        quarters.saturating_mul(15).abs(),
    );
    if quarters == 0 {
        return "dates are in UTC, by this machine's clock".to_owned();
    }
    format!(
        "dates are {sign}{:02}:{:02} from UTC, by this machine's clock",
        minutes / 60,
        minutes % 60
    )
}

/// What becomes of a file that is moved to the root, by both calls; then it is put back.
async fn moves(client: &Client, trial: &Trial) -> Finding {
    let back = FileEdit::of(trial.file).folder(Parent::In(trial.folder));
    let mut says = Vec::new();
    for call in ["file/move", "file/edit"] {
        let moved = if call == "file/move" {
            client.file_move(trial.file, Parent::Top).await
        } else {
            client
                .file_edit(&FileEdit::of(trial.file).folder(Parent::Top))
                .await
        };
        says.push(format!("{call} to the root {}", arrived(trial, &moved)));
        let restored = client.file_edit(&back).await;
        if !restored.is_ok_and(|row| row.parent == Some(Parent::In(trial.folder))) {
            return Finding::todo(
                "moves",
                format!("the test file file:{} may be outside of its folder", trial.file),
                format!(
                    "look with \"syncd remote stat file:{0}\", and remove it with \"syncd remote rm file:{0}\"",
                    trial.file
                ),
            );
        }
    }
    Finding::fine("moves", says.join("; "))
}

fn arrived(trial: &Trial, moved: &Result<FileRow, ApiError>) -> &'static str {
    match moved.as_ref().map(|row| row.parent) {
        Ok(Some(Parent::Top)) => "works",
        Ok(Some(Parent::Limbo)) => "leads into no folder",
        Ok(Some(Parent::In(folder))) if folder == trial.folder => "does nothing",
        Ok(Some(Parent::In(_)) | None) => "leads elsewhere",
        Err(_) => "is refused",
    }
}

/// Who serves a link, how often, and from the middle on.
async fn links(client: &Client, url: &str, trial: &Trial) -> Finding {
    let link = match client.download_link(trial.file).await {
        Ok(link) => link,
        Err(error) => return Finding::unknown("links", error.to_string()),
    };
    let host = |text: &str| {
        let url = Url::parse(text).ok()?;
        Some((
            url.scheme().to_owned(),
            url.host_str()?.to_owned(),
            url.port_or_known_default(),
        ))
    };
    let mut says = vec![match (host(link.expose()), host(url)) {
        (Some(there), Some(api)) if there == api => "links lead to the API's own host".to_owned(),
        // The host alone: what follows it is a secret.
        (Some((scheme, host, _)), _) => format!("links lead to {scheme}://{host}"),
        (None, _) => "links lead nowhere that can be read".to_owned(),
    }];
    let used = |row: Result<FileRow, ApiError>| row.ok().map(|row| (row.downloads, row.last_accessed));
    let before = used(client.file_info(trial.file).await);
    let often = read(client, trial, 0).await.is_ok() && read(client, trial, 0).await.is_ok();
    says.push(if often {
        "the same one works again".to_owned()
    } else {
        "not every download worked".to_owned()
    });
    says.push(match read(client, trial, MIDDLE).await {
        Ok(()) => "downloads can be resumed".to_owned(),
        Err(ApiError::RangeIgnored) => "downloads begin anew each time".to_owned(),
        Err(_) => "resuming was not answered".to_owned(),
    });
    let after = used(client.file_info(trial.file).await);
    says.push(match (before, after) {
        (Some(before), Some(after)) if before != after => "a download counts as use".to_owned(),
        (Some(_), Some(_)) => "a download does not count as use".to_owned(),
        (None, _) | (_, None) => "whether a download counts as use was not answered".to_owned(),
    });
    Finding::fine("links", says.join("; "))
}

/// Reads the file from there on, to its end.
async fn read(client: &Client, trial: &Trial, from: u64) -> Result<(), ApiError> {
    let mut body = client.download(trial.file, trial.size, from).await?;
    while body.chunk().await?.is_some() {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_are_told_by_what_is_in_them() {
        let text = json!({"data": {"id": "7", "fileHash": ""}});
        assert_eq!(
            written(&text, false),
            "ids are texts; file/info gives no hash; folder/info does not take parent_folder_id"
        );
        let number = json!({"data": {"id": 7, "md5": "ab"}});
        assert_eq!(
            written(&number, true),
            "ids are numbers; file/info gives a hash; folder/info takes parent_folder_id"
        );
    }

    #[test]
    fn the_zone_of_dates_is_told_to_a_quarter_of_an_hour() {
        // 2026-11-24 14:15:03 UTC.
        let now = 1_795_529_703;
        assert!(zone(Some("2026-11-24 14:15:05"), now).starts_with("dates are in UTC"));
        assert!(zone(Some("2026-11-24 15:15:00"), now).starts_with("dates are +01:00 from UTC"));
        assert!(zone(Some("2026-11-24 08:45:01"), now).starts_with("dates are -05:30 from UTC"));
        assert_eq!(
            zone(Some("yesterday"), now),
            "the server tells no date of an upload"
        );
    }
}
