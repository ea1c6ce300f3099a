//! Files of this disk into a folder of the account, several at once.
//!
//! A name that is taken is refused, or replaced when that was asked for: the new version gets the name before the old one
//! goes to the trash. Empty files are never sent, this API cannot hold them. At the end each folder is listed once, and only
//! what it shows counts.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use api::{Access, FileEdit, UploadBody};
use futures_util::stream::{self, StreamExt as _};
use planner::content::ContentHash;
use planner::id::FolderId;
use planner::name::RemoteName;
use planner::naming;
use planner::path::RelPath;

use super::desk::{Desk, Held};
use super::fault::{Fault, call, disk, step};
use super::find::{Found, Item, below};
use super::folders::{child, create, remote_name};
use super::store::{Parcel, Source, known_files, store};
use crate::engine::Sink;
use crate::local::LocalError;
use crate::local::pick::{Entry, Picked, PickedFile, everything, pick};
use crate::local::{hash, source};
use crate::remote::apply::{Failure, Landed};
use crate::remote::translate;

/// What was not done.
const NOT_SENT: &str = "not uploaded";

/// Files in work at once, apart from the client's own limit on uploads: what is read, named and looked at beside them.
const AT_ONCE: usize = 16;

/// A file that is in the account now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Sent {
    /// Where it came from.
    pub(crate) from: String,
    /// Where it is.
    pub(crate) path: String,
    /// Its id.
    pub(crate) id: u64,
    /// Bytes.
    pub(crate) size: u64,
    /// The version that went to the trash for it.
    pub(crate) replaced: Option<u64>,
}

/// A file to be sent.
struct Letter {
    from: String,
    file: PickedFile,
    name: RemoteName,
    folder: Option<FolderId>,
    folder_path: String,
}

impl Source for PickedFile {
    fn body(&self) -> UploadBody {
        UploadBody::reopen(source::open_for_upload(
            &self.root,
            self.path.clone(),
            self.seen.clone(),
        ))
    }

    fn is_unchanged(&self) -> bool {
        Self::is_unchanged(self)
    }

    async fn hash(&self) -> Option<ContentHash> {
        let file = self.clone();
        let hashed = crate::blocking::run(move || hash::hash_file(&file.root, &file.path, &file.seen)).await;
        hashed.and_then(Result::ok).map(|hashed| hashed.hash)
    }
}

/// Sends files, and folders if `whole`, into a folder. Each file has an answer of its own.
pub(crate) async fn put(
    desk: &Desk,
    from: &[PathBuf],
    into: &Found,
    whole: bool,
    replace: bool,
    sink: &dyn Sink,
) -> Vec<Result<Sent, Fault>> {
    let mut answers = Vec::new();
    let mut letters = Vec::new();
    for (path, picked) in picked(from).await {
        match gather(desk, (&path, picked), into, whole, &mut letters, &mut answers).await {
            Ok(()) => {}
            Err(fault) => {
                let fatal = fault.is_fatal();
                answers.push(Err(fault));
                if fatal {
                    return answers;
                }
            }
        }
    }
    if letters.len() > 1 {
        match desk.limits().await {
            Ok(_) => {}
            Err(error) => {
                answers.push(Err(call(&into.path, NOT_SENT)(error)));
                return answers;
            }
        }
    }
    let bytes = letters.iter().map(|letter| letter.file.seen.size).sum();
    sink.totals(crate::text::len(&letters), bytes);
    let sent = send_all(desk, letters, replace, sink).await;
    answers.extend(confirmed(desk, sent).await);
    answers
}

/// What each of these paths is, all of them looked at in one go: each change of threads costs more than a look.
async fn picked(from: &[PathBuf]) -> Vec<(PathBuf, Result<Picked, Fault>)> {
    let paths = from.to_vec();
    let looked = crate::blocking::run(move || pick(&paths)).await;
    let mut looked = looked.into_iter().flatten();
    let of = |path: &PathBuf| {
        let picked = looked.next().unwrap_or_else(|| Err(LocalError::broke_off()));
        let shown = path.display().to_string();
        (path.clone(), picked.map_err(disk(&shown, NOT_SENT)))
    };
    from.iter().map(of).collect()
}

/// What a path of this disk comes to: letters, and folders made for them.
async fn gather(
    desk: &Desk,
    (path, picked): (&Path, Result<Picked, Fault>),
    into: &Found,
    whole: bool,
    letters: &mut Vec<Letter>,
    answers: &mut Vec<Result<Sent, Fault>>,
) -> Result<(), Fault> {
    let from = path.display().to_string();
    match picked? {
        Picked::File(file) => {
            let name = file.path.split().map(|(_, name)| name.to_string());
            let name = remote_name(name.as_deref().unwrap_or_default(), &from, NOT_SENT)?;
            letters.push(Letter {
                from,
                file,
                name,
                folder: into.folder()?,
                folder_path: into.path.clone(),
            });
            Ok(())
        }
        Picked::Other(why) => Err(unsendable(&from, why)),
        Picked::Folder(_) if !whole => Err(Fault::NotAFile {
            path: from,
            next: "give -r to send a folder with all that is in it",
        }),
        Picked::Folder(root) => {
            // Of "." and ".." the folder's own name counts.
            let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            let name = absolute.file_name().and_then(|name| name.to_str());
            let name = name.ok_or_else(|| unsendable(&from, "it has no name that the account could hold"))?;
            let listing = root.clone();
            let entries = blocking(&from, move || everything(&listing)).await?;
            let top = folder_in(desk, into, &remote_name(name, &from, NOT_SENT)?, &from).await?;
            let mut made = BTreeMap::from([(RelPath::root(), top)]);
            for entry in entries {
                let done = one_entry(desk, &root, &from, entry, &mut made, letters).await;
                if let Err(fault) = done {
                    if fault.is_fatal() {
                        return Err(fault);
                    }
                    answers.push(Err(fault));
                }
            }
            Ok(())
        }
    }
}

async fn one_entry(
    desk: &Desk,
    root: &crate::local::Root,
    from: &str,
    entry: Entry,
    made: &mut BTreeMap<RelPath, Found>,
    letters: &mut Vec<Letter>,
) -> Result<(), Fault> {
    let shown = |path: &RelPath| format!("{}/{path}", from.trim_end_matches('/'));
    match entry {
        Entry::Other(path, why) => Err(unsendable(&format!("{}/{path}", from.trim_end_matches('/')), why)),
        Entry::Folder(path) => {
            let Some((above, name)) = path.split() else {
                return Ok(());
            };
            // A folder that could not be made takes what is in it along; that was told.
            if let Some(above) = made.get(&above).cloned() {
                let name = remote_name(name.as_str(), &shown(&path), NOT_SENT)?;
                let folder = folder_in(desk, &above, &name, &shown(&path)).await?;
                made.insert(path, folder);
            }
            Ok(())
        }
        Entry::File(path, seen) => {
            let Some((above, name)) = path.split() else {
                return Ok(());
            };
            let Some(above) = made.get(&above) else {
                return Err(unsendable(
                    &shown(&path),
                    "its folder could not be made in the account",
                ));
            };
            let name = remote_name(name.as_str(), &shown(&path), NOT_SENT)?;
            letters.push(Letter {
                from: shown(&path),
                name,
                folder: above.folder()?,
                folder_path: above.path.clone(),
                file: PickedFile {
                    root: root.clone(),
                    path,
                    seen,
                },
            });
            Ok(())
        }
    }
}

/// The folder of that name in another, made if it is not there.
async fn folder_in(desk: &Desk, above: &Found, name: &RemoteName, from: &str) -> Result<Found, Fault> {
    let path = below(&above.path, name.as_str());
    match child(desk, above, name).await? {
        Some(found) if found.folder().is_ok() => Ok(found),
        Some(_) => Err(Fault::Taken {
            path,
            happened: "no folder made",
            next: "rename the file that has the name, or send into another folder",
        }),
        None => {
            let row = create(desk, above.folder()?, name, from, Access::Private, None).await?;
            let item = Item::Folder(row);
            Ok(Found { path, item })
        }
    }
}

fn unsendable(path: &str, why: &str) -> Fault {
    Fault::Unfit {
        path: path.to_owned(),
        happened: NOT_SENT,
        why: why.to_owned(),
        next: "send what it leads to, or leave it out".to_owned(),
    }
}

async fn blocking<T: Send + 'static>(
    path: &str,
    job: impl FnOnce() -> Result<T, LocalError> + Send + 'static,
) -> Result<T, Fault> {
    let done = crate::blocking::run(job).await;
    done.unwrap_or_else(|| Err(LocalError::broke_off()))
        .map_err(disk(path, NOT_SENT))
}

/// A file that landed, and where it is to be seen.
struct Landing {
    sent: Sent,
    folder: Option<FolderId>,
    landed: Landed,
}

async fn send_all(
    desk: &Desk,
    letters: Vec<Letter>,
    replace: bool,
    sink: &dyn Sink,
) -> Vec<Result<Landing, Fault>> {
    let folders: BTreeSet<Option<FolderId>> = letters.iter().map(|letter| letter.folder).collect();
    let mut held = BTreeMap::new();
    for folder in folders {
        match desk.held(folder).await {
            Ok(listed) => held.insert(folder, listed),
            Err(error) => {
                let path = letters.iter().find(|letter| letter.folder == folder);
                let path = path.map_or("/", |letter| letter.folder_path.as_str());
                return vec![Err(call(path, NOT_SENT)(error))];
            }
        };
    }
    let known: BTreeMap<_, _> = held.iter().map(|(id, held)| (*id, known_files(held))).collect();
    let keys = loose_names(&letters, &held);
    let mut answers = Vec::with_capacity(letters.len());
    let mut running = stream::iter(&letters)
        .map(|letter| {
            let (held, keys, known) = (&held, &keys, &known);
            async move {
                let (Some(held), Some(known)) = (held.get(&letter.folder), known.get(&letter.folder)) else {
                    return Err(step(&letter.from, NOT_SENT)(Failure::Later(
                        "its folder was not listed".to_owned(),
                    )));
                };
                let key = (letter.folder, naming::loose_key(letter.name.as_str()));
                let alone = keys.get(&key).is_none_or(|count| *count == 1);
                send(desk, letter, held, known, alone, replace, sink).await
            }
        })
        .buffered(AT_ONCE);
    while let Some(answer) = running.next().await {
        sink.file_done();
        match &answer {
            Err(fault) if fault.is_fatal() => {
                answers.push(answer);
                break;
            }
            Ok(_) | Err(_) => {}
        }
        answers.push(answer);
    }
    answers
}

/// How many files of a folder, those to be sent included, have names that the server may take for equal (`wire.md` Q29).
fn loose_names(
    letters: &[Letter],
    held: &BTreeMap<Option<FolderId>, Arc<Held>>,
) -> BTreeMap<(Option<FolderId>, String), u32> {
    let mut keys = BTreeMap::new();
    let there = held.iter().flat_map(|(folder, held)| {
        let files = held.files.iter();
        files.map(|row| (*folder, naming::loose_key(&row.name)))
    });
    let new = letters
        .iter()
        .map(|letter| (letter.folder, naming::loose_key(letter.name.as_str())));
    for key in there.chain(new) {
        let count: &mut u32 = keys.entry(key).or_insert(0);
        *count = count.saturating_add(1);
    }
    keys
}

async fn send(
    desk: &Desk,
    letter: &Letter,
    held: &Held,
    known: &BTreeSet<api::FileId>,
    alone: bool,
    replace: bool,
    sink: &dyn Sink,
) -> Result<Landing, Fault> {
    let path = below(&letter.folder_path, letter.name.as_str());
    let taken = |next| Fault::Taken {
        path: path.clone(),
        happened: NOT_SENT,
        next,
    };
    let Some(size) = NonZeroU64::new(letter.file.seen.size) else {
        return Err(Fault::Empty {
            path: letter.from.clone(),
        });
    };
    for folder in held.folders.iter().filter(|row| row.name == letter.name.as_str()) {
        if desk.lives(folder).await {
            return Err(taken("a folder has that name: rename one of them"));
        }
    }
    let mut same = held.files.iter().filter(|row| row.name == letter.name.as_str());
    let old = same.next();
    if let Some(other) = same.next() {
        let ids = old
            .into_iter()
            .chain([other])
            .map(|row| format!("file:{}", row.id));
        return Err(Fault::Ambiguous {
            path,
            ids: ids.collect(),
        });
    }
    if old.is_some() && !replace {
        return Err(taken("give --replace to put the old version into the trash"));
    }
    let parcel = Parcel {
        path: &letter.from,
        folder: letter.folder,
        name: letter.name.clone(),
        size,
        old,
        alone,
    };
    let landed = store(desk, &parcel, known, &letter.file, sink).await?;
    let sent = Sent {
        from: letter.from.clone(),
        path: below(&letter.folder_path, landed.name.as_str()),
        id: landed.file.get(),
        size: size.get(),
        replaced: old.map(|row| row.id.get()),
    };
    let folder = letter.folder;
    Ok(Landing { sent, folder, landed })
}

/// Lists each folder once more: what it does not show was stored elsewhere, or not at all (`wire.md` Q09).
async fn confirmed(desk: &Desk, landings: Vec<Result<Landing, Fault>>) -> Vec<Result<Sent, Fault>> {
    let mut shown: BTreeMap<Option<FolderId>, Arc<Held>> = BTreeMap::new();
    let mut answers = Vec::with_capacity(landings.len());
    for landing in landings {
        let landing = match landing {
            Ok(landing) => landing,
            Err(fault) => {
                answers.push(Err(fault));
                continue;
            }
        };
        let held = match shown.get(&landing.folder) {
            Some(held) => Ok(Arc::clone(held)),
            None => desk.look(landing.folder).await,
        };
        answers.push(match held {
            Ok(held) => {
                shown.insert(landing.folder, Arc::clone(&held));
                confirm(desk, &held, landing).await
            }
            Err(error) => Err(Fault::Unclear {
                path: landing.sent.from,
                happened: "uploaded, but not seen there yet",
                why: error.to_string(),
            }),
        });
    }
    answers
}

async fn confirm(desk: &Desk, held: &Held, landing: Landing) -> Result<Sent, Fault> {
    let Landing { sent, folder, landed } = landing;
    let row = held.files.iter().find(|row| row.id.get() == sent.id);
    let as_sent = |row: &api::FileRow| row.size == sent.size && row.name == landed.name.as_str();
    if row.is_some_and(as_sent) {
        return Ok(sent);
    }
    let failed = || call(&sent.from, NOT_SENT);
    let file = translate::wire_file(landed.file).map_err(failed())?;
    let place = translate::wire_parent(folder).map_err(failed())?;
    let mut row = desk.client.file_info(file).await.map_err(failed())?;
    if row.is_active() && row.parent != Some(place) {
        let edit = FileEdit::of(file).folder(place);
        row = desk.client.file_edit(&edit).await.map_err(failed())?;
    }
    if row.is_active() && row.parent == Some(place) && row.size == sent.size {
        return Ok(Sent {
            path: below(
                sent.path.rsplit_once('/').map_or("/", |(above, _)| above),
                &row.name,
            ),
            ..sent
        });
    }
    Err(Fault::Unclear {
        path: sent.from,
        happened: "uploaded, but the account does not show it as sent",
        why: format!("file:{} holds {} bytes there", sent.id, row.size),
    })
}
