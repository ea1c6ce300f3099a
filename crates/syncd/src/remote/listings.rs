//! The newest listing of each folder, kept from look to look, and which of them are asked for again (design S6).
//!
//! A change of a folder's row makes a look sooner; nothing spares one: every folder's turn comes within `full`. What must
//! never happen here: an older listing beating a newer one about where something is, or a folder that is never listed again.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use api::{ApiError, FolderRow};
use futures_util::stream::{FuturesUnordered, StreamExt};
use planner::id::{FolderId, RemoteId};
use tokio::time::Instant;

use super::account::Account;
use super::apply::is_fatal;
use super::homes::Homes;
use super::rows::{Raw, list};
use super::translate;
use super::walk::{AT_ONCE, Contents, Walk};

/// A folder in which something changed is listed at each poll for so long.
const ACTIVE_FOR: Duration = Duration::from_secs(60 * 60);

/// So many of them at most, those that changed last.
const ACTIVE_MAX: usize = 32;

/// By such a part of `full` a folder's turn may come late: looks begin a moment after they are due, and a turn given before
/// for that moment's sake would be a second one for every folder.
const LATE: u32 = 50;

/// So many times the time that a walk takes is the least between two listings of a quiet folder (design S6).
const WALKS: u32 = 4;

/// Which folders are listed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Wanted {
    /// Everything.
    All,
    /// Those, for something happened to their like on this disk.
    These(BTreeSet<Option<FolderId>>),
    /// Those whose turn it is.
    Due {
        /// Each folder's turn comes within this.
        full: Duration,
        /// The next chance comes after this.
        next: Duration,
        /// Those as well.
        these: BTreeSet<Option<FolderId>>,
    },
}

/// When a folder was seen.
#[derive(Clone, Copy, Debug)]
struct Seen {
    listed: Instant,
    /// When it was last seen to have changed.
    changed: Option<Instant>,
}

/// The newest listing of each folder.
#[derive(Clone, Debug)]
pub(crate) struct Listings {
    walk: Walk,
    seen: BTreeMap<Option<FolderId>, Seen>,
    /// Where each row was seen last; made when it is first asked for.
    homes: OnceLock<Homes>,
    /// No row is listed in two places, as long as nobody asks where they are.
    each_once: OnceLock<bool>,
    /// Folders that are listed at the next look, whatever its kind: something of ours may have changed them.
    due: BTreeSet<Option<FolderId>>,
    /// How long the last walk of everything took.
    took: Duration,
    /// When turns were last given.
    turned: Instant,
    /// The pair's root. Folders in the account's top must be proved before they are believed (design S3).
    root: Option<FolderId>,
    /// The last refresh showed something that was not known, or could not tell.
    news: bool,
    /// Folders whose rows became others since somebody decided about them.
    stirred: BTreeSet<Option<FolderId>>,
    /// A folder left its place: what is below it may hang from nothing.
    loose: bool,
    /// The folder whose listing is the oldest, as it was found last.
    eldest: Cell<Option<(Instant, Option<FolderId>)>>,
}

impl Listings {
    /// Lists everything.
    ///
    /// # Errors
    /// As [`Walk::take`].
    pub(crate) async fn all(account: &Arc<Account>) -> Result<Self, ApiError> {
        let began = Instant::now();
        let walk = Walk::take(account).await?;
        let seen = Seen {
            listed: began,
            changed: None,
        };
        Ok(Self {
            seen: walk.folders().map(|folder| (folder, seen)).collect(),
            homes: OnceLock::new(),
            each_once: OnceLock::new(),
            due: BTreeSet::new(),
            took: began.elapsed(),
            turned: began,
            root: account.root,
            news: true,
            stirred: BTreeSet::new(),
            loose: true,
            eldest: Cell::new(None),
            walk,
        })
    }

    /// What was seen.
    pub(crate) const fn walk(&self) -> &Walk {
        &self.walk
    }

    /// Whether they are of the pair with this root.
    pub(crate) fn are_of(&self, root: Option<FolderId>) -> bool {
        self.root == root
    }

    /// The folders there are.
    pub(crate) fn folders(&self) -> BTreeSet<Option<FolderId>> {
        self.walk.folders().collect()
    }

    /// Whether the last refresh showed anything that was not known before, or left anything open.
    pub(crate) fn brought_news(&self) -> bool {
        self.news || !self.due.is_empty() || !self.walk.is_sure()
    }

    /// Whether every folder was listed, none is doubted, and none is to be listed again.
    pub(crate) fn is_whole(&self) -> bool {
        self.due.is_empty() && self.walk.is_sure()
    }

    /// Whether no file or folder is listed in two places, as one is that moves while others are listed.
    pub(crate) fn show_each_once(&self) -> bool {
        if let Some(homes) = self.homes.get() {
            return self.listed().count() == homes.len();
        }
        *self.each_once.get_or_init(|| {
            let mut ids: Vec<RemoteId> = self.listed().map(|(id, _)| id).collect();
            ids.sort_unstable();
            ids.array_windows().all(|[one, other]| one != other)
        })
    }

    /// Every row, with its folder.
    fn listed(&self) -> impl Iterator<Item = (RemoteId, Option<FolderId>)> {
        let folders = self.walk.folders();
        folders.flat_map(|folder| {
            let listed = self.walk.listed(folder).into_iter();
            listed.flat_map(move |listed| listed.ids().map(move |id| (id, folder)))
        })
    }

    /// Finds out where each row is: whoever goes on with these listings has to know it at the first change, and to find it out
    /// takes as long as there are rows.
    pub(crate) fn settle_down(&self) {
        self.homes();
    }

    pub(super) fn homes(&self) -> &Homes {
        self.homes.get_or_init(|| self.listed().collect())
    }

    /// Who changes where rows are knows of all of them.
    fn homes_mut(&mut self) -> Option<&mut Homes> {
        self.homes();
        self.homes.get_mut()
    }

    /// Whether a row that a folder shows was seen there last.
    pub(super) fn is_at_home(&self, id: RemoteId, folder: Option<FolderId>) -> bool {
        let alone = self.homes.get().is_none() && self.show_each_once();
        alone || self.homes().get(id) == Some(folder)
    }

    /// Folders whose rows became others since this was last [decided](Self::decided) about; of what moved, both.
    pub(crate) const fn stirred(&self) -> &BTreeSet<Option<FolderId>> {
        &self.stirred
    }

    /// Somebody decides about everything that was listed.
    pub(crate) fn decided(&mut self) {
        self.stirred.clear();
    }

    /// How old the oldest listing is.
    pub(crate) fn oldest(&self) -> Duration {
        // Listings become newer, or go: while the one that was the oldest is what it was, no other is.
        let is_there =
            |(at, folder): &(Instant, _)| self.seen.get(folder).is_some_and(|seen| seen.listed == *at);
        let eldest = self.eldest.get().filter(is_there).or_else(|| {
            let all = self.seen.iter().map(|(folder, seen)| (seen.listed, *folder));
            all.min()
        });
        self.eldest.set(eldest);
        eldest.map_or(Duration::ZERO, |(at, _)| at.elapsed())
    }

    /// Takes in a listing made since.
    pub(crate) fn take_in(&mut self, folder: Option<FolderId>, raw: Raw) {
        if !self.is_known(folder) {
            return;
        }
        if folder.is_none() && self.root.is_none() {
            self.due.insert(None);
            return;
        }
        self.settle_homes(folder, &raw, Instant::now());
        let below = self.walk.take_in(folder, raw);
        let unknown = below.into_iter().filter(|id| !self.walk.has(Some(*id)));
        let unknown: Vec<_> = unknown.map(Some).collect();
        self.due.extend(unknown);
    }

    /// Whether a folder was listed, or its parent shows it.
    fn is_known(&self, folder: Option<FolderId>) -> bool {
        let shown = folder.is_some_and(|id| self.homes().get(RemoteId::Folder(id)).is_some());
        shown || self.walk.has(folder)
    }

    /// A folder may be another than its listing says.
    pub(crate) fn doubt(&mut self, folder: Option<FolderId>) {
        self.due.insert(folder);
        self.stirred.insert(folder);
    }

    /// We wrote to a folder: however its listing looks, it is decided about anew.
    pub(crate) fn stir(&mut self, folder: Option<FolderId>) {
        self.stirred.insert(folder);
    }

    /// Lists what is wanted, what is new below it, and folders whose rows show that something changed. Answers which were
    /// listed.
    ///
    /// # Errors
    /// The pair's root cannot be listed, or no further call makes sense.
    pub(crate) async fn refresh(
        &mut self,
        account: &Arc<Account>,
        wanted: &Wanted,
    ) -> Result<BTreeSet<Option<FolderId>>, ApiError> {
        let began = Instant::now();
        let mut queue: BTreeSet<Option<FolderId>> = match wanted {
            Wanted::All => {
                *self = Self::all(account).await?;
                return Ok(self.folders());
            }
            Wanted::These(folders) => folders.clone(),
            Wanted::Due { full, next, these } => {
                let mut turns = self.turns(*full, *next, began);
                turns.extend(these);
                turns
            }
        };
        self.news = false;
        queue.extend(std::mem::take(&mut self.due));
        queue.retain(|folder| self.is_known(*folder));
        let mut wave = self.with_all_above(queue);
        let mut asked = BTreeSet::new();
        // A dead folder lists as an empty one: a listing counts only if one above it that is as fresh shows the folder, and
        // the account's top shows dead ones as well.
        let (mut fresh, mut disbelieved) = (BTreeSet::new(), BTreeSet::new());
        while !wave.is_empty() {
            asked.extend(wave.iter().copied());
            let order = self.top_down(&wave);
            let mut listed = list_each(account, wave).await?;
            wave = BTreeSet::new();
            for folder in order {
                let Some(listing) = listed.remove(&folder) else {
                    continue;
                };
                if disbelieved.contains(&folder) {
                    continue;
                }
                if folder.is_some_and(|id| !self.home(id).is_some_and(|home| fresh.contains(&home))) {
                    self.due.insert(folder);
                    continue;
                }
                match listing {
                    Ok(raw) => {
                        let before = self.rows(folder);
                        let below = self.note(account, folder, raw, began).await;
                        fresh.insert(folder);
                        if folder.is_none() {
                            disbelieved = self.disbelieve(&below.iter().copied().collect());
                        }
                        wave.extend(self.changed_below(&before, folder, below, &asked));
                    }
                    Err(error) if folder.is_none() => return Err(error),
                    Err(error) => {
                        // Nobody knows where that is now: what was in it has no place until somebody shows it.
                        if let Some(contents) = self.walk.take_out(folder) {
                            self.forget(folder, &contents);
                        }
                        self.walk.put(folder, Contents::Unreadable(error));
                        self.loose = true;
                        self.due.insert(folder);
                    }
                }
            }
        }
        let folders = self.walk.len();
        self.walk.look_again(account).await;
        if self.walk.len() != folders {
            self.stirred.insert(None);
            self.loose = true;
        }
        self.prune();
        Ok(asked)
    }

    /// The folder in which a folder was seen last.
    #[expect(clippy::option_option, reason = "nowhere, and the root, which has no id")]
    fn home(&self, folder: FolderId) -> Option<Option<FolderId>> {
        self.homes().get(RemoteId::Folder(folder))
    }

    /// The folders above a folder, nearest first; ends where a ring closes.
    fn above(&self, folder: Option<FolderId>) -> Vec<Option<FolderId>> {
        let mut above = Vec::new();
        let mut next = folder;
        while let Some(home) = next.and_then(|id| self.home(id)) {
            if above.contains(&home) {
                break;
            }
            above.push(home);
            next = home;
        }
        above
    }

    fn with_all_above(&self, folders: BTreeSet<Option<FolderId>>) -> BTreeSet<Option<FolderId>> {
        let above: Vec<_> = folders.iter().flat_map(|folder| self.above(*folder)).collect();
        folders.into_iter().chain(above).collect()
    }

    fn top_down(&self, folders: &BTreeSet<Option<FolderId>>) -> Vec<Option<FolderId>> {
        let mut order: Vec<_> = folders
            .iter()
            .map(|folder| (self.above(*folder).len(), *folder))
            .collect();
        order.sort_unstable();
        order.into_iter().map(|(_, folder)| folder).collect()
    }

    /// Whose turn it is: what is always looked at, and of the rest the share of the time that has passed, oldest first.
    fn turns(&mut self, full: Duration, next: Duration, now: Instant) -> BTreeSet<Option<FolderId>> {
        let full = full
            .max(self.took.saturating_mul(WALKS))
            .max(Duration::from_millis(1));
        let passed = now.saturating_duration_since(self.turned);
        self.turned = now;
        let mut turns = BTreeSet::from([None]);
        let active = |seen: &Seen| {
            let changed = seen.changed?;
            (now.saturating_duration_since(changed) < ACTIVE_FOR).then_some(changed)
        };
        let mut busy: Vec<_> = self
            .seen
            .iter()
            .filter_map(|(folder, seen)| Some((active(seen)?, *folder)))
            .collect();
        busy.sort_unstable();
        turns.extend(busy.into_iter().rev().take(ACTIVE_MAX).map(|(_, folder)| folder));
        let mut oldest: Vec<_> = self
            .seen
            .iter()
            .map(|(folder, seen)| (seen.listed, *folder))
            .collect();
        oldest.sort_unstable();
        let share = share(oldest.len(), passed, full);
        for (at, (listed, folder)) in oldest.into_iter().enumerate() {
            let age = now.saturating_duration_since(listed);
            if at >= share && age.saturating_add(next) <= full.saturating_add(full / LATE) {
                break;
            }
            turns.insert(folder);
        }
        turns
    }

    /// Rows of the folders in a folder, as they were.
    fn rows(&self, folder: Option<FolderId>) -> BTreeMap<FolderId, FolderRow> {
        let listed = self.walk.listed(folder);
        let rows = listed.into_iter().flat_map(|listed| &listed.folders);
        rows.filter_map(|row| Some((translate::folder_id(row.id)?, row.clone())))
            .collect()
    }

    /// Which of the folders in a folder that was just listed are asked for as well: new ones, and those whose rows changed.
    fn changed_below(
        &self,
        before: &BTreeMap<FolderId, FolderRow>,
        folder: Option<FolderId>,
        below: Vec<FolderId>,
        asked: &BTreeSet<Option<FolderId>>,
    ) -> Vec<Option<FolderId>> {
        let after = self.rows(folder);
        let changed = |id: &FolderId| match (before.get(id), after.get(id)) {
            (Some(before), Some(after)) => differ(before, after),
            (None, _) | (_, None) => true,
        };
        let unknown = |id: &FolderId| !self.walk.has(Some(*id));
        below
            .into_iter()
            .filter(|id| unknown(id) || changed(id))
            .map(Some)
            .filter(|id| !asked.contains(id))
            .collect()
    }

    /// Takes a fresh listing in; answers the folders in it that may be believed.
    async fn note(
        &mut self,
        account: &Arc<Account>,
        folder: Option<FolderId>,
        raw: Raw,
        now: Instant,
    ) -> Vec<FolderId> {
        self.settle_homes(folder, &raw, now);
        match folder {
            Some(_) => self.walk.take_in(folder, raw),
            None => self.walk.take_root_again(account, raw).await,
        }
    }

    /// Forgets what was listed in folders of the root that are not believed just now; answers which those are.
    fn disbelieve(&mut self, believed: &BTreeSet<FolderId>) -> BTreeSet<Option<FolderId>> {
        for (folder, contents) in self.walk.disbelieve(believed) {
            self.forget(Some(folder), &contents);
            self.loose = true;
        }
        let shown = self.rows(None).into_keys();
        shown.filter(|id| !believed.contains(id)).map(Some).collect()
    }

    /// What a folder showed is not there any more as far as it tells.
    fn forget(&mut self, folder: Option<FolderId>, contents: &Contents) {
        let Contents::Listed(listed) = contents else {
            return;
        };
        for id in listed.ids() {
            self.leaves(id, folder);
        }
    }

    /// A folder does not show a row any more.
    fn leaves(&mut self, id: RemoteId, folder: Option<FolderId>) {
        self.loose |= id.folder().is_some();
        if let Some(homes) = self.homes_mut()
            && homes.get(id) == Some(folder)
        {
            homes.remove(id);
        }
    }

    /// What a fresh listing shows is nowhere else.
    fn settle_homes(&mut self, folder: Option<FolderId>, raw: &Raw, now: Instant) {
        let before: BTreeSet<RemoteId> = self
            .walk
            .listed(folder)
            .map(|listed| listed.ids().collect())
            .unwrap_or_default();
        let after: BTreeSet<RemoteId> = raw.listed().ids().collect();
        let changed = match self.walk.listed(folder) {
            Some(listed) => !listed.shows_the_same(raw.listed()),
            None => true,
        };
        for id in before.difference(&after) {
            self.leaves(*id, folder);
        }
        for id in after {
            if let Some(other) = self.homes_mut().and_then(|homes| homes.insert(id, folder))
                && other != folder
            {
                self.walk.left(other, id);
                self.loose |= id.folder().is_some();
                self.stirred.insert(other);
            }
        }
        self.news |= changed;
        if changed {
            self.stirred.insert(folder);
        }
        let known = self.seen.get(&folder).and_then(|seen| seen.changed);
        let seen = Seen {
            listed: now,
            changed: if changed { Some(now) } else { known },
        };
        self.seen.insert(folder, seen);
        self.due.remove(&folder);
    }

    /// Forgets what hangs from nothing any more.
    fn prune(&mut self) {
        if !std::mem::take(&mut self.loose) {
            #[cfg(any(test, feature = "sim"))]
            assert_eq!(
                self.walk.reached().len(),
                self.walk.len(),
                "nothing left its place"
            );
            return;
        }
        let reached = self.walk.reached();
        let lost: Vec<_> = self
            .walk
            .folders()
            .filter(|folder| !reached.contains(folder))
            .collect();
        self.news |= !lost.is_empty();
        for folder in lost {
            if let Some(contents) = self.walk.take_out(folder) {
                self.forget(folder, &contents);
            }
            self.due.remove(&folder);
        }
        self.seen.retain(|folder, _| reached.contains(folder));
        self.loose = false;
    }
}

/// Lists folders. A passing fault costs one more question.
async fn list_each(
    account: &Arc<Account>,
    folders: BTreeSet<Option<FolderId>>,
) -> Result<BTreeMap<Option<FolderId>, Result<Raw, ApiError>>, ApiError> {
    let mut queue: Vec<_> = folders.into_iter().collect();
    let (mut listed, mut failed) = (BTreeMap::new(), BTreeSet::new());
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < AT_ONCE {
            let Some(folder) = queue.pop() else { break };
            let account = Arc::clone(account);
            running.push(async move { (folder, list(&account, folder).await) });
        }
        match running.next().await {
            None => return Ok(listed),
            Some((_, Err(error))) if is_fatal(&error) => return Err(error),
            Some((folder, Err(_))) if failed.insert(folder) => queue.push(folder),
            Some((folder, listing)) => drop(listed.insert(folder, listing)),
        }
    }
}

/// How many of `count` have their turn after `passed`, if all have it within `full`.
fn share(count: usize, passed: Duration, full: Duration) -> usize {
    let count = u128::try_from(count).unwrap_or(u128::MAX);
    let share = count
        .saturating_mul(passed.as_millis())
        .div_ceil(full.as_millis().max(1));
    usize::try_from(share.min(count)).unwrap_or(usize::MAX)
}

/// Whether something in a folder may have changed between two rows of it. Deletions and moves inside are missed by some of
/// these (`wire.md` §5), so no row spares a look.
fn differ(before: &FolderRow, after: &FolderRow) -> bool {
    before.date_updated != after.date_updated
        || before.total_size != after.total_size
        || before.child_folder_count != after.child_folder_count
        || before.file_count != after.file_count
}
