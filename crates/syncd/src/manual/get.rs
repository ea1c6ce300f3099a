//! Files and folders of the account to this disk, several at once.
//!
//! Names are those that a sync would give them (design N1, N2): nothing the account is called leads out of the folder that
//! was named. A part beside the target, exact length, then one rename that overwrites nothing unless that was asked for. A
//! part of the same file, version and size is gone on with.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use api::FileRow;
use futures_util::stream::{self, StreamExt as _};
use planner::hold::Unnameable;
use planner::id::{FileId, FolderId, RemoteId};
use planner::name::{LocalName, RemoteName};
use planner::naming;
use planner::path::RelPath;
use planner::policy::{DiskTraits, Unstorable};
use tokio::time::Instant;

use super::bytes::{Standing, Stopped, fetch};
use super::desk::Desk;
use super::fault::{Fault, call, disk};
use super::find::{Found, Item};
use super::walk::{Reach, Row, below};
use crate::engine::Sink;
use crate::local::deliver::{self, Begun, Over, Part};
use crate::local::root::Probe;
use crate::local::{LocalError, Root};

/// What was not done.
const NOT_FETCHED: &str = "not downloaded";

/// Files in work at once, apart from the client's own limit on downloads.
const AT_ONCE: usize = 16;

/// A download that took longer is asked for once more: was it still this version (`wire.md` recipe 10)?
const LONG: Duration = Duration::from_secs(300);

/// Longest part of a version's second name in the name of its part.
const VERSION_MAX: usize = 24;

/// What is done about a file that is there already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum There {
    /// It stays, and that is told as a failure.
    Refuse,
    /// It stays if it is as long as it should be.
    KeepWhole,
    /// The download takes its place.
    Replace,
}

/// A file that is on this disk now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Got {
    /// Where it came from.
    pub(crate) from: String,
    /// Its id.
    pub(crate) id: u64,
    /// Where it is.
    pub(crate) path: String,
    /// Bytes.
    pub(crate) size: u64,
    /// Of these, bytes that were here from an earlier run.
    pub(crate) resumed: u64,
    /// It was here already.
    pub(crate) kept: bool,
}

/// A file to be fetched.
struct Errand {
    from: String,
    row: FileRow,
    to: RelPath,
}

/// Where everything goes.
struct Shelf {
    root: Root,
    shown: String,
    disk: DiskTraits,
    there: There,
}

impl Shelf {
    fn shown(&self, path: &RelPath) -> String {
        if self.shown == "." {
            path.to_string()
        } else {
            format!("{}/{path}", self.shown.trim_end_matches('/'))
        }
    }
}

/// Fetches files and folders into a folder of this disk. Each file has an answer of its own.
pub(crate) async fn get(
    desk: &Desk,
    wanted: &[Found],
    into: &Path,
    there: There,
    sink: &dyn Sink,
) -> Vec<Result<Got, Fault>> {
    let shelf = match shelf(into, there).await {
        Ok(shelf) => shelf,
        Err(fault) => return vec![Err(fault)],
    };
    let mut answers = Vec::new();
    let errands = match plan(desk, &shelf, wanted, &mut answers).await {
        Ok(errands) => errands,
        Err(fault) => {
            answers.push(Err(fault));
            return answers;
        }
    };
    if errands.len() > 1
        && let Err(error) = desk.limits().await
    {
        answers.push(Err(call(&errands_of(&errands), NOT_FETCHED)(error)));
        return answers;
    }
    let bytes = errands.iter().map(|errand| errand.row.size).sum();
    sink.totals(crate::text::len(&errands), bytes);
    let mut running = stream::iter(&errands)
        .map(|errand| fetch_one(desk, &shelf, errand, sink))
        .buffered(AT_ONCE);
    while let Some(answer) = running.next().await {
        sink.file_done();
        let fatal = answer.as_ref().err().is_some_and(Fault::is_fatal);
        answers.push(answer);
        if fatal {
            break;
        }
    }
    answers
}

fn errands_of(errands: &[Errand]) -> String {
    errands
        .first()
        .map_or_else(|| "/".to_owned(), |errand| errand.from.clone())
}

async fn shelf(into: &Path, there: There) -> Result<Shelf, Fault> {
    let shown = into.display().to_string();
    let path = into.to_owned();
    let open = move || {
        let root = deliver::open(&path)?;
        let disk = root.traits(Probe::ReadOnly)?;
        Ok((root, disk))
    };
    let opened = blocking(&shown, open).await;
    let (root, disk) = opened?;
    Ok(Shelf {
        root,
        shown,
        disk,
        there,
    })
}

async fn blocking<T: Send + 'static>(
    path: &str,
    job: impl FnOnce() -> Result<T, LocalError> + Send + 'static,
) -> Result<T, Fault> {
    let done = crate::blocking::run(job).await;
    done.unwrap_or_else(|| Err(LocalError::broke_off()))
        .map_err(disk(path, NOT_FETCHED))
}

/// Gives everything a place, and makes the folders.
async fn plan(
    desk: &Desk,
    shelf: &Shelf,
    wanted: &[Found],
    answers: &mut Vec<Result<Got, Fault>>,
) -> Result<Vec<Errand>, Fault> {
    let mut errands = Vec::new();
    let tops: Vec<(RemoteId, &Found)> = wanted
        .iter()
        .filter_map(|found| Some((id_of(found)?, found)))
        .collect();
    let top = names(tops.iter().map(|(id, found)| (*id, found.name())), &shelf.disk);
    for found in wanted {
        let place = match id_of(found) {
            // The root has no name: what is in it goes into the folder itself.
            None => RelPath::root(),
            Some(id) => match place_of(&top, id, &RelPath::root(), found) {
                Ok(place) => place,
                Err(fault) => {
                    answers.push(Err(fault));
                    continue;
                }
            },
        };
        if let Item::File(row) = &found.item {
            errands.push(Errand {
                from: found.path.clone(),
                row: row.clone(),
                to: place,
            });
            continue;
        }
        let (rows, failed) = below(desk, found, Reach::ALL).await?;
        answers.extend(failed.into_iter().map(Err));
        tree(shelf, found, place, &rows, &mut errands, answers).await?;
    }
    Ok(errands)
}

fn id_of(found: &Found) -> Option<RemoteId> {
    match &found.item {
        Item::Top => None,
        Item::Folder(row) => FolderId::new(row.id.get()).map(RemoteId::Folder),
        Item::File(row) => FileId::new(row.id.get()).map(RemoteId::File),
    }
}

/// A walked tree below `place`.
async fn tree(
    shelf: &Shelf,
    top: &Found,
    place: RelPath,
    rows: &[Row],
    errands: &mut Vec<Errand>,
    answers: &mut Vec<Result<Got, Fault>>,
) -> Result<(), Fault> {
    make(shelf, &place).await?;
    // Rows come with each folder followed by what is in it; a folder's place is known by its depth.
    let mut children: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
    let mut chain: Vec<usize> = Vec::new();
    let mut above: Vec<Vec<usize>> = Vec::with_capacity(rows.len());
    for (at, row) in rows.iter().enumerate() {
        chain.truncate(row.depth);
        above.push(chain.clone());
        children.entry(chain.clone()).or_default().push(at);
        chain.push(at);
    }
    let named: BTreeMap<&Vec<usize>, Names> = children
        .iter()
        .map(|(folder, inside)| {
            let inside = inside.iter().filter_map(|at| rows.get(*at));
            let inside = inside.filter_map(|row| Some((id_of(&row.found)?, row.found.name())));
            (folder, names(inside, &shelf.disk))
        })
        .collect();
    let mut places: BTreeMap<Vec<usize>, RelPath> = BTreeMap::from([(Vec::new(), place)]);
    for ((at, row), above) in rows.iter().enumerate().zip(&above) {
        let (Some(folder), Some(names), Some(id)) = (places.get(above), named.get(above), id_of(&row.found))
        else {
            // Its folder got no place, which was told.
            continue;
        };
        let to = match place_of(names, id, folder, &row.found) {
            Ok(to) => to,
            Err(fault) => {
                answers.push(Err(fault));
                continue;
            }
        };
        match &row.found.item {
            Item::File(file) => errands.push(Errand {
                from: row.found.path.clone(),
                row: file.clone(),
                to,
            }),
            Item::Folder(_) => match make(shelf, &to).await {
                Ok(()) => {
                    places.insert([above.as_slice(), &[at]].concat(), to);
                }
                Err(fault) => answers.push(Err(fault)),
            },
            Item::Top => {}
        }
    }
    tracing::debug!(path = top.path, "walked");
    Ok(())
}

async fn make(shelf: &Shelf, path: &RelPath) -> Result<(), Fault> {
    if path.is_root() {
        return Ok(());
    }
    let (root, at) = (shelf.root.clone(), path.clone());
    blocking(&shelf.shown(path), move || deliver::folder(&root, &at)).await
}

/// Names on this disk, by id.
type Names = BTreeMap<RemoteId, Result<LocalName, Unnameable>>;

/// The names that the entries of one folder get. Of several that would have one, the first keeps it.
fn names<'a>(entries: impl Iterator<Item = (RemoteId, &'a str)>, disk: &DiskTraits) -> Names {
    let mut entries: Vec<_> = entries.collect();
    entries.sort_by_key(|(id, _)| *id);
    let mut taken: Vec<String> = Vec::new();
    let mut names = Names::new();
    for (id, name) in entries {
        let local = naming::to_local(&RemoteName::new(name), disk, Unstorable::Escape).map(|local| {
            let key = naming::fold_key(local.as_str(), disk);
            if taken.binary_search(&key).is_ok() {
                return naming::repeated(&local, id, disk);
            }
            let at = taken.partition_point(|other| *other < key);
            taken.insert(at, key);
            local
        });
        names.insert(id, local);
    }
    names
}

fn place_of(names: &Names, id: RemoteId, folder: &RelPath, found: &Found) -> Result<RelPath, Fault> {
    let why = match names.get(&id) {
        Some(Ok(name)) => return Ok(folder.join(name)),
        Some(Err(Unnameable::TooLong)) => "this disk cannot hold a name that long",
        Some(Err(Unnameable::Reserved)) => "syncd keeps names like this for files on their way",
        Some(Err(Unnameable::Unstorable)) | None => "this disk cannot hold its name",
    };
    Err(Fault::Unnameable {
        path: found.path.clone(),
        happened: NOT_FETCHED,
        why,
    })
}

/// The name of a version's part: only that version is gone on with.
fn part_name(row: &FileRow) -> Option<LocalName> {
    let plain = row.short_url.chars().all(|c| c.is_ascii_alphanumeric());
    let version = if plain && row.short_url.len() <= VERSION_MAX {
        format!("-{}", row.short_url)
    } else {
        String::new()
    };
    LocalName::new(format!(".syncd-get-{}-{}{version}.part", row.id, row.size))
}

/// What the disk has for a file that is to be fetched.
enum Started {
    /// Its part, and what that may take the place of in the end.
    Part(Part, Over),
    /// The file is there, and stays.
    Kept,
    /// It is empty, and was made.
    Made,
    /// Another process fetches it.
    Busy,
}

/// Looks at the place of a file of `size` bytes and opens its part. All in one go: each change of threads costs more than what is done.
fn start(
    root: &Root,
    to: &RelPath,
    name: &LocalName,
    size: u64,
    there: There,
) -> Result<Started, LocalError> {
    let over = match (deliver::there(root, to)?, there) {
        (None, There::Refuse | There::KeepWhole) => Over::Nothing,
        (Some(Some(held)), There::KeepWhole) if held == size => return Ok(Started::Kept),
        (Some(Some(_)) | None, There::Replace) => Over::File,
        (Some(_), There::Refuse | There::KeepWhole) | (Some(None), There::Replace) => {
            return Err(LocalError::Occupied { path: to.to_string() });
        }
    };
    if size == 0 && over == Over::Nothing {
        deliver::empty(root, to)?;
        return Ok(Started::Made);
    }
    Ok(match deliver::begin(root, to, name, size)? {
        Begun::Part(part) => Started::Part(part, over),
        Begun::Busy => Started::Busy,
    })
}

async fn fetch_one(desk: &Desk, shelf: &Shelf, errand: &Errand, sink: &dyn Sink) -> Result<Got, Fault> {
    let shown = shelf.shown(&errand.to);
    let (row, from) = (&errand.row, &errand.from);
    let got = |resumed, kept| Got {
        from: from.clone(),
        id: row.id.get(),
        path: shown.clone(),
        size: row.size,
        resumed,
        kept,
    };
    let unnameable = || Fault::Unnameable {
        path: shown.clone(),
        happened: NOT_FETCHED,
        why: "its part has no name",
    };
    let name = part_name(row).ok_or_else(unnameable)?;
    let (root, to, size, there) = (shelf.root.clone(), errand.to.clone(), row.size, shelf.there);
    let (mut part, over) = match blocking(&shown, move || start(&root, &to, &name, size, there)).await? {
        Started::Part(part, over) => (part, over),
        Started::Kept => return Ok(got(0, true)),
        Started::Made => return Ok(got(0, false)),
        Started::Busy => {
            return Err(Fault::Unfit {
                path: shown,
                happened: NOT_FETCHED,
                why: "another process downloads it to this place".to_owned(),
                next: "wait until it has ended".to_owned(),
            });
        }
    };
    let resumed = part.at();
    room(shelf, &shown, row.size.saturating_sub(resumed))?;
    sink.bytes(resumed);
    let started = Instant::now();
    let resumed = whole(desk, row, &shown, &mut part, resumed, sink).await?;
    still_this(desk, row, from, started).await?;
    let (root, to) = (shelf.root.clone(), errand.to.clone());
    blocking(&shown, move || part.place(&root, &to, over)).await?;
    Ok(got(resumed, false))
}

/// Fetches what is missing, once more from the start if what was there does not fit. Answers how much of it did.
async fn whole(
    desk: &Desk,
    row: &FileRow,
    shown: &str,
    part: &mut deliver::Part,
    resumed: u64,
    sink: &dyn Sink,
) -> Result<u64, Fault> {
    let mut standing = Standing {
        at: part.at(),
        tail: part.tail().to_vec(),
    };
    let mut resumed = resumed;
    for again in [true, true, false] {
        let written = fetch(desk, row, shown, &mut standing, sink, |bytes| {
            part.write(bytes).map_err(disk(shown, NOT_FETCHED))
        })
        .await;
        match written {
            Ok(()) => return Ok(resumed),
            Err(Stopped::StartOver) if again => {
                part.start_over().map_err(disk(shown, NOT_FETCHED))?;
                standing = Standing::default();
                resumed = 0;
            }
            Err(Stopped::Failed(fault)) => return Err(fault),
            Err(Stopped::StartOver) => break,
        }
    }
    Err(call(shown, NOT_FETCHED)(api::ApiError::RangeIgnored))
}

/// Whether a long download is still of the version that was asked for.
async fn still_this(desk: &Desk, row: &FileRow, from: &str, started: Instant) -> Result<(), Fault> {
    if started.elapsed() < LONG {
        return Ok(());
    }
    let now = desk.client.file_info(row.id).await;
    let now = now.map_err(call(from, NOT_FETCHED))?;
    if now.size == row.size && now.short_url == row.short_url {
        return Ok(());
    }
    Err(Fault::Changed {
        path: from.to_owned(),
    })
}

fn room(shelf: &Shelf, shown: &str, bytes: u64) -> Result<(), Fault> {
    let free = shelf.root.free_bytes().map_err(disk(shown, NOT_FETCHED))?;
    if free >= bytes {
        return Ok(());
    }
    let why = format!(
        "it needs {} more, and {} are free there",
        crate::text::size(bytes),
        crate::text::size(free)
    );
    Err(Fault::Unfit {
        path: shown.to_owned(),
        happened: NOT_FETCHED,
        why,
        next: "free space, or choose another folder with --to".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_folder_differ_and_stay_in_it() {
        let file = |id| RemoteId::File(FileId::new(id).unwrap());
        let entries = [
            (file(9), "a.txt"),
            (file(7), "a.txt"),
            (file(1), "../../etc/passwd"),
            (file(2), ".."),
            (file(3), "x\0y"),
            (file(4), ""),
        ];
        let named = names(entries.into_iter(), &DiskTraits::default());
        let told: Vec<String> = named
            .values()
            .map(|name| name.as_ref().unwrap().to_string())
            .collect();
        assert_eq!(
            told,
            [
                "..⟦2F⟧..⟦2F⟧etc⟦2F⟧passwd",
                "⟦2E⟧⟦2E⟧",
                "x⟦0⟧y",
                "⟦⟧",
                "a.txt",
                "a (id 9).txt"
            ]
        );
    }
}
