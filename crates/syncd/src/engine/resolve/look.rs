//! Looking for what lost answers left in the account, and finishing what is found (design A1–A4).
//!
//! Invariants: nothing here is sent again; the bytes of a file whose answer was lost are known from the local file only
//! if nobody touched that since, else they are fetched.

use std::collections::{BTreeMap, BTreeSet};

use api::{ApiError, FileRow, Listing, Parent, RowState};
use futures_util::stream::{self, StreamExt};
use planner::content::ContentHash;
use planner::id::{FileId, FolderId};
use planner::name::RemoteName;
use planner::naming;
use planner::path::RelPath;
use state::{Change, Intent, IntentBody};
use tokio::sync::OnceCell;

use super::Verdict;
use crate::engine::fetch::{self, Fetched};
use crate::engine::hands::{joined, local_failure};
use crate::engine::intents;
use crate::engine::open::{Halt, Session};
use crate::local::{LocalError, hash};
use crate::remote::apply::{
    Failure, Landed, Replacement, Wanted, finish_interim, finish_replacement, retire, trash_arrival,
    trash_interim,
};
use crate::remote::resolve::look_at;
use crate::remote::rows::{self, Raw};
use crate::remote::translate;

/// Folders listed at once.
const AT_ONCE: usize = 8;

/// Nanoseconds in a second.
const NS: i64 = 1_000_000_000;

/// What was listed.
struct Listings {
    /// The folders that intents speak of.
    folders: BTreeMap<Option<FolderId>, Result<Raw, ApiError>>,
    /// The account's top, where servers put uploads whose folder they did not like (`wire.md` Q09); listed when something
    /// is not in its folder.
    top: OnceCell<Result<Listing, ApiError>>,
}

/// Fresh listings of the folders that intents speak of.
pub(super) struct Looks<'a> {
    session: &'a Session,
    listings: Listings,
    /// Files on record: none of them is a late arrival.
    recorded: BTreeSet<FileId>,
}

/// The folder within the pair that an intent's file or folder goes to.
fn folder_of(body: &IntentBody) -> Option<Option<FolderId>> {
    match body {
        IntentBody::Upload { folder, .. } => Some(folder.and_then(FolderId::new)),
        IntentBody::CreateFolder { parent, .. } => Some(parent.and_then(FolderId::new)),
        IntentBody::Edit { .. }
        | IntentBody::Discard { .. }
        | IntentBody::MakeFolder { .. }
        | IntentBody::Rename { .. }
        | IntentBody::Shift { .. }
        | IntentBody::Place { .. }
        | IntentBody::Park { .. }
        | IntentBody::Trash { .. } => None,
    }
}

impl<'a> Looks<'a> {
    /// Lists every folder once. Files that are found by their interim names go on record with their intents before anything
    /// is done to them: once they have their names, only their ids say whose they are.
    pub(super) async fn take(session: &'a mut Session, intents: &mut [Intent]) -> Result<Self, Halt> {
        let looks = Looks::list(session, intents).await;
        let mut found = Vec::new();
        for intent in intents.iter_mut() {
            if let Some(file) = looks.unrecorded(intent).await {
                intents::came_of(&mut intent.body, Some(file), None);
                found.push(Change::UpdateIntent(intent.id, intent.body.clone()));
            }
        }
        let Looks {
            listings, recorded, ..
        } = looks;
        if !found.is_empty() {
            session.record(found)?;
        }
        Ok(Self {
            session,
            listings,
            recorded,
        })
    }

    /// The file of an upload whose answer was lost, if all of it lies under its interim name.
    async fn unrecorded(&self, intent: &Intent) -> Option<FileId> {
        let IntentBody::Upload {
            fast: false,
            landed: None,
            ..
        } = &intent.body
        else {
            return None;
        };
        let (wanted, _) = intents::wanted(&intent.body)?;
        let name = naming::interim(self.session.meta.journal_id, intent.id.0, &wanted.name);
        let row = self.interim(&wanted, name.as_str()).await.ok()??;
        (row.size == wanted.size.get()).then(|| translate::file_id(row.id))?
    }

    async fn list(session: &'a Session, intents: &[Intent]) -> Self {
        let folders: BTreeSet<Option<FolderId>> = intents
            .iter()
            .filter_map(|intent| folder_of(&intent.body))
            .collect();
        let listings = stream::iter(folders)
            .map(|folder| async move { (folder, rows::list(&session.account, folder).await) })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        let recorded = session
            .synced
            .iter()
            .filter_map(|node| node.remote().file())
            .collect();
        Self {
            session,
            listings: Listings {
                folders: listings,
                top: OnceCell::new(),
            },
            recorded,
        }
    }

    /// Looks at one intent.
    pub(super) async fn at(&self, intent: &Intent) -> Result<Verdict, Failure> {
        match &intent.body {
            IntentBody::CreateFolder { .. } => self.folder(intent),
            IntentBody::Upload { fast, .. } => match self.upload(intent).await {
                // It bears a name for users. Given up for a row that was not found once (`wire.md` Q41), half of it, or ours
                // with a number, would be somebody else's; the next look shows what has become of it.
                Err(Failure::Stale(why)) if *fast => {
                    tracing::info!(error = %why, "an upload that was not answered is looked for again");
                    Ok(self.not_seen(intent))
                }
                looked => looked,
            },
            IntentBody::Edit { .. } => self.edit(intent).await,
            IntentBody::Discard { .. }
            | IntentBody::MakeFolder { .. }
            | IntentBody::Rename { .. }
            | IntentBody::Shift { .. }
            | IntentBody::Place { .. }
            | IntentBody::Park { .. }
            | IntentBody::Trash { .. } => Ok(Verdict::Waits),
        }
    }

    /// The listing of a folder; `None`: the folder is not there.
    fn listed(&self, folder: Option<FolderId>) -> Result<Option<&Raw>, Failure> {
        match self.listings.folders.get(&folder) {
            Some(Ok(raw)) => Ok(Some(raw)),
            Some(Err(ApiError::NotFound { .. })) | None => Ok(None),
            Some(Err(error)) => Err(Failure::of_safe_call(error.clone())),
        }
    }

    /// Looking ends when a late arrival is no longer to be expected (`late_upload_limit`).
    fn not_seen(&self, intent: &Intent) -> Verdict {
        let limit = i64::try_from(self.session.timing.late_upload_limit.as_secs()).unwrap_or(i64::MAX);
        let age = self.session.now().saturating_sub(intent.begun_at);
        if age >= limit {
            Verdict::Over
        } else {
            Verdict::Waits
        }
    }

    /// A folder that we made. One of its name that was not there before is ours if it is the only one; else the merge
    /// takes what is there.
    fn folder(&self, intent: &Intent) -> Result<Verdict, Failure> {
        let IntentBody::CreateFolder {
            parent,
            name,
            known_ids,
            made,
            ..
        } = &intent.body
        else {
            return Ok(Verdict::Waits);
        };
        let Some(raw) = self.listed(parent.and_then(FolderId::new))? else {
            return Err(Failure::Stale("its folder is not there any more".to_owned()));
        };
        let rows = raw.listed().folders.iter();
        let arrived: Vec<_> = rows
            .filter(|row| row.name == *name && !known_ids.contains(&row.id.get()))
            .filter(|row| made.is_none_or(|made| made == row.id.get()))
            .filter_map(|row| translate::folder_id(row.id))
            .collect();
        Ok(match arrived.as_slice() {
            [] => self.not_seen(intent),
            [only] => Verdict::Made(*only, RemoteName::new(name.as_str())),
            [..] => Verdict::Over,
        })
    }

    /// A rename or move: if it is as we asked for, it was ours.
    async fn edit(&self, intent: &Intent) -> Result<Verdict, Failure> {
        let IntentBody::Edit {
            id,
            is_folder,
            name,
            moved,
            parent,
            ..
        } = &intent.body
        else {
            return Ok(Verdict::Waits);
        };
        let account = &self.session.account;
        let found = if *is_folder {
            let Some(id) = api::FolderId::new(*id) else {
                return Ok(Verdict::Over);
            };
            account
                .client
                .folder_info(id)
                .await
                .map(|row| (row.name, row.parent, row.state))
        } else {
            let Some(id) = api::FileId::new(*id) else {
                return Ok(Verdict::Over);
            };
            account
                .client
                .file_info(id)
                .await
                .map(|row| (row.name, row.parent, row.state))
        };
        let (stored, lies_in, state) = found.map_err(Failure::of_safe_call)?;
        let named = name.as_ref().is_none_or(|name| *name == stored);
        let placed = !*moved || account.within(lies_in) == Some(parent.and_then(FolderId::new));
        let live = matches!(state, None | Some(RowState::Active));
        Ok(if named && placed && live {
            Verdict::Edited
        } else {
            Verdict::Over
        })
    }

    async fn upload(&self, intent: &Intent) -> Result<Verdict, Failure> {
        let IntentBody::Upload { fast, blake3, .. } = &intent.body else {
            return Ok(Verdict::Waits);
        };
        let Some((wanted, replaced)) = intents::wanted(&intent.body) else {
            return Ok(Verdict::Over);
        };
        if let Some(file) = intents::answered(&intent.body) {
            if self.recorded.contains(&file) {
                // Found under another name meanwhile, and on record as that.
                return Ok(Verdict::Over);
            }
            let hash = blake3.as_deref().and_then(intents::parse_hash);
            return match self.row(&wanted, file).await {
                Ok(row) => self.arrived(intent, &wanted, replaced, &row, hash).await,
                Err(ApiError::NotFound { .. }) => Ok(self.not_seen(intent)),
                Err(error) => Err(Failure::of_safe_call(error)),
            };
        }
        if *fast {
            return self.fast_arrival(intent, &wanted).await;
        }
        let name = naming::interim(self.session.meta.journal_id, intent.id.0, &wanted.name);
        let Some(row) = self.interim(&wanted, name.as_str()).await? else {
            return Ok(self.not_seen(intent));
        };
        if row.size != wanted.size.get() {
            // Only part of it arrived.
            let Some(file) = translate::file_id(row.id) else {
                return Ok(Verdict::Waits);
            };
            trash_interim(&self.session.account, file, name.as_str()).await?;
            return Ok(Verdict::Over);
        }
        self.arrived(intent, &wanted, replaced, &row, None).await
    }

    /// The row of a file whose id is known: from the listing of its folder, else by asking.
    async fn row(&self, wanted: &Wanted, file: FileId) -> Result<FileRow, ApiError> {
        if let Some(Ok(raw)) = self.listings.folders.get(&wanted.folder)
            && let Some(row) = raw
                .files()
                .iter()
                .find(|row| translate::file_id(row.id) == Some(file))
        {
            return Ok(row.clone());
        }
        look_at(&self.session.account, file).await
    }

    /// The file of an interim name, in the folder it was sent to or in the account's top.
    async fn interim(&self, wanted: &Wanted, name: &str) -> Result<Option<FileRow>, Failure> {
        if let Some(raw) = self.listed(wanted.folder)?
            && let Some(row) = raw.files().iter().find(|row| row.name == name)
        {
            return Ok(Some(row.clone()));
        }
        let account = &self.session.account;
        if wanted.folder.is_none() && account.root.is_none() {
            return Ok(None);
        }
        match self
            .listings
            .top
            .get_or_init(|| account.client.folder_listing(Parent::Top))
            .await
        {
            Ok(top) => Ok(top
                .files
                .iter()
                .find(|row| row.is_active() && row.name == name)
                .cloned()),
            Err(error) => Err(Failure::of_safe_call(error.clone())),
        }
    }

    /// The file is there: it gets its name.
    async fn arrived(
        &self,
        intent: &Intent,
        wanted: &Wanted,
        replaced: Option<Replacement>,
        row: &FileRow,
        hash: Option<ContentHash>,
    ) -> Result<Verdict, Failure> {
        let account = &self.session.account;
        let Some(file) = translate::file_id(row.id) else {
            return Ok(Verdict::Waits);
        };
        if matches!(row.state, Some(RowState::Trash | RowState::Deleted)) {
            // Nobody saw it live: somebody, or something, does not want it (history H30).
            return Ok(Verdict::Vanished(file));
        }
        // Under its interim name, or as the server numbered it, it is not finished.
        let numbered =
            naming::plain(&wanted.name).is_some_and(|plain| naming::numbered_like(&row.name, &plain));
        let in_folder = account.within(row.parent) == Some(wanted.folder);
        let in_place = in_folder && wanted.is_named(&row.name);
        // Or as a server mangled it, between the two calls that name such a file.
        let mangled = in_folder && !in_place && wanted.may_be_mangled();
        let unfinished = numbered || mangled || naming::parse_interim(&row.name).is_some();
        if !unfinished && !in_place {
            return self.moved_since(intent, wanted, replaced, row, hash).await;
        }
        let hash = match hash {
            Some(hash) => hash,
            None => self.bytes(intent, row, file).await?,
        };
        let landed = Landed {
            file,
            short_url: translate::short_url(&row.short_url),
            name: RemoteName::new(row.name.as_str()),
            hash,
        };
        let landed = match replaced {
            Some(replaced) => match finish_replacement(account, wanted, &replaced, landed.clone()).await {
                // Somebody changed the old one after ours had got its name: ours is what this file is from now on, and
                // the other is a file of its own. Left without a record it would be sent, or fetched, a second time.
                Err(Failure::Stale(why)) if in_place => {
                    tracing::info!(error = %why, path = %wanted.name, "both versions stay");
                    landed
                }
                finished => finished?,
            },
            None if unfinished => finish_interim(account, wanted, landed).await?,
            None => landed,
        };
        Ok(Verdict::Landed(wanted.clone(), landed))
    }

    /// Somebody renamed or moved the file before it was on record here. If it was answered it is ours by its id: recorded
    /// where we put it, that is a move like any other, and no second copy. Else it is what the merge sees.
    async fn moved_since(
        &self,
        intent: &Intent,
        wanted: &Wanted,
        replaced: Option<Replacement>,
        row: &FileRow,
        hash: Option<ContentHash>,
    ) -> Result<Verdict, Failure> {
        let Some(file) = translate::file_id(row.id).filter(|_| row.size == wanted.size.get()) else {
            return Ok(Verdict::Over);
        };
        let hash = match hash {
            Some(hash) => hash,
            None => self.bytes(intent, row, file).await?,
        };
        if let Some(replaced) = replaced
            && !retire(&self.session.account, &replaced).await?
        {
            return Ok(Verdict::Over);
        }
        let landed = Landed {
            file,
            short_url: translate::short_url(&row.short_url),
            name: wanted.name.clone(),
            hash,
        };
        Ok(Verdict::Landed(wanted.clone(), landed))
    }

    /// The bytes of an arrival: those of the local file if nobody touched it since, else they are fetched.
    async fn bytes(&self, intent: &Intent, row: &FileRow, file: FileId) -> Result<ContentHash, Failure> {
        let IntentBody::Upload { path, size, .. } = &intent.body else {
            return Err(Failure::Stale("it was no upload".to_owned()));
        };
        if let Some(path) = RelPath::parse(path) {
            let (root, size, before) = (
                self.session.root.clone(),
                *size,
                intent.begun_at.saturating_mul(NS),
            );
            let local = crate::blocking::run(move || hash::hash_untouched(&root, &path, size, before));
            if let Ok(hash) = joined(local.await) {
                return Ok(hash);
            }
        }
        Ok(self.fetched(file, row).await?.staged.hash)
    }

    /// Fetches a file that a listing has just shown. That it is "not found" once says nothing (`wire.md` Q41): given up, half
    /// of our own file would be somebody else's version. If it is gone the next look does not show it.
    async fn fetched(&self, file: FileId, row: &FileRow) -> Result<Fetched, Failure> {
        let fetched = bytes_of(self.session, file, row.size, &row.short_url).await;
        fetched.map_err(|failure| match failure {
            Failure::Stale(why) => Failure::Later(why),
            other @ (Failure::Fatal(_)
            | Failure::Held(_)
            | Failure::Refused(_)
            | Failure::Unknown(_)
            | Failure::Later(_)) => other,
        })
    }

    /// An upload under its real name whose answer was lost: a file of its name, or as the server numbered it, is ours only
    /// if it holds the bytes that were sent.
    async fn fast_arrival(&self, intent: &Intent, wanted: &Wanted) -> Result<Verdict, Failure> {
        let IntentBody::Upload {
            known_ids,
            path,
            blake3,
            ..
        } = &intent.body
        else {
            return Ok(Verdict::Waits);
        };
        let Some(raw) = self.listed(wanted.folder)? else {
            // "Not found" once says nothing (`wire.md` Q41); if it is gone, nothing will be seen in it.
            return Ok(self.not_seen(intent));
        };
        let plain = naming::plain(&wanted.name);
        let numbered = |name: &str| {
            plain
                .as_ref()
                .is_some_and(|plain| naming::numbered_like(name, plain))
        };
        let named = |row: &FileRow| row.name == wanted.name.as_str();
        let fresh: Vec<(FileId, &FileRow)> = raw
            .files()
            .iter()
            .filter(|row| row.size <= wanted.size.get() && !known_ids.contains(&row.id.get()))
            .filter(|row| named(row) || numbered(&row.name))
            .filter_map(|row| Some((translate::file_id(row.id)?, row)))
            .filter(|(id, _)| !self.recorded.contains(id))
            .collect();
        let sent = match blake3.as_deref().and_then(intents::parse_hash) {
            Some(sent) => Some(sent),
            None => self.local_bytes(path).await?,
        };
        let has_name = fresh.iter().any(|(_, row)| named(row));
        for (file, row) in fresh {
            let fetched = self.fetched(file, row).await?;
            if Some(fetched.staged.hash) != sent {
                if self
                    .is_start_of(path, row.size, fetched.staged.hash, sent)
                    .await?
                {
                    // Only the start of it was stored (`wire.md` Q60). All of it is here: this goes, and it is sent anew.
                    trash_arrival(&self.session.account, file, row).await?;
                    return Ok(Verdict::Over);
                }
                continue;
            }
            let landed = Landed {
                file,
                short_url: fetched.short_url.clone(),
                name: RemoteName::new(row.name.as_str()),
                hash: fetched.staged.hash,
            };
            if named(row) {
                return Ok(Verdict::Landed(wanted.clone(), landed));
            }
            if has_name {
                // Somebody else's has the name, so the server numbered ours. Recorded as it was sent, it is one that got
                // another name there: both stay.
                let landed = Landed {
                    name: wanted.name.clone(),
                    ..landed
                };
                return Ok(Verdict::Landed(wanted.clone(), landed));
            }
            let landed = finish_interim(&self.session.account, wanted, landed).await?;
            return Ok(Verdict::Landed(wanted.clone(), landed));
        }
        // One of the name with other bytes is somebody else's, and ours may still arrive beside it, as a numbered one. Until
        // then the merge has neither: a conflict copy of ours would be sent a second time.
        Ok(self.not_seen(intent))
    }

    /// Whether these are the first bytes of the local file, which still is the one that was sent. A file that cannot be read
    /// just now is no answer: taken for "no", half of our own file would be somebody else's version of it.
    async fn is_start_of(
        &self,
        path: &str,
        length: u64,
        start: ContentHash,
        sent: Option<ContentHash>,
    ) -> Result<bool, Failure> {
        let (root, path) = (self.session.root.clone(), RelPath::parse(path));
        let Some(path) = path.filter(|_| length > 0) else {
            return Ok(false);
        };
        let read = crate::blocking::run(move || hash::hash_with_start(&root, &path, length)).await;
        let read = unless_changed(joined(read))?;
        Ok(read.is_some_and(|(first, all)| first == start && Some(all) == sent))
    }

    async fn local_bytes(&self, path: &str) -> Result<Option<ContentHash>, Failure> {
        let Some(path) = RelPath::parse(path) else {
            return Ok(None);
        };
        let root = self.session.root.clone();
        unless_changed(joined(
            crate::blocking::run(move || hash::hash_now(&root, &path)).await,
        ))
    }
}

/// What was read of a file, or `None` if it is not there any more, or something else.
fn unless_changed<T>(read: Result<T, LocalError>) -> Result<Option<T>, Failure> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.is_stale() => Ok(None),
        Err(error) => Err(local_failure(&error)),
    }
}

/// Fetches a version to know its bytes.
pub(crate) async fn bytes_of(
    session: &Session,
    file: FileId,
    size: u64,
    short_url: &str,
) -> Result<Fetched, Failure> {
    let wanted = fetch::Wanted {
        file,
        size,
        short_url: translate::short_url(short_url),
        hash: None,
        min_free: session.pair.min_free,
    };
    let fetched = fetch::fetch(&session.account, &session.root, &wanted, session.sink.as_ref()).await?;
    fetch::remove(&session.root, &fetched.staged.name).await;
    Ok(fetched)
}
