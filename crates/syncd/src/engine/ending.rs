//! `forget`: the end of a pair. Its journal goes, every file stays.
//!
//! What must never happen here: anything of the user's left where nobody looks. What an interrupted run had set aside comes
//! out first; only then do marker and journal go, in this order, so that a run that breaks off can be made again.

use state::{Journal, JournalError};

use super::open::find_marker;
use super::recover;
use crate::config::{Config, PairConfig};
use crate::local::{LocalError, Root, retire};
use crate::report::Report;
use crate::text::len;

/// What became of our own area in the pair's folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Area {
    /// It is gone, the marker with it.
    Gone,
    /// The marker is gone; something, such as the trash, is still in it.
    Filled,
    /// It stays as it is: nothing proves that it is this pair's.
    NotOurs,
    /// The folder is not there.
    NoFolder,
}

/// What ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Forgotten {
    /// Files that were on record.
    pub(crate) files: u64,
    /// Deletions that waited for the user, or were let through and not made yet. None of them is made any more.
    pub(crate) deletions: u64,
    /// Uploads and changes in the account of which the end is not known.
    pub(crate) unsettled: u64,
    /// Our own area.
    pub(crate) area: Area,
    /// The journal could be read.
    pub(crate) readable: bool,
}

/// Ends the pair.
pub(crate) fn forget(config: &Config, pair: &PairConfig) -> Result<Forgotten, Report> {
    let dir = config.pair_dir(&pair.name);
    let told = |error: &JournalError| Report::from_journal_command(error, &pair.name).at(pair.name.as_str());
    let journal = match Journal::read(&dir) {
        Ok(Some(journal)) => journal,
        Ok(None) => return Err(Report::never_synced(&pair.name)),
        Err(JournalError::Damaged { .. } | JournalError::Newer { .. }) => {
            Journal::end_unread(&dir).map_err(|error| told(&error))?;
            let area = match Root::open(&pair.local) {
                Err(LocalError::Missing(_)) => Area::NoFolder,
                Ok(_) | Err(_) => Area::NotOurs,
            };
            return Ok(Forgotten {
                files: 0,
                deletions: 0,
                unsettled: 0,
                area,
                readable: false,
            });
        }
        Err(error) => return Err(told(&error)),
    };
    let facts = (|| {
        let open = journal.open_intents()?;
        let bodies: Vec<_> = open.into_iter().map(|intent| intent.body).collect();
        let held = journal.held_deletions()?.len();
        let approved = journal.approvals()?.len();
        Ok((bodies, held.saturating_add(approved), journal.synced_files()?))
    })();
    let (bodies, deletions, files) = facts.map_err(|error| told(&error))?;
    let unsettled: Vec<_> = bodies.iter().filter(|body| is_remote(body)).collect();
    let unsettled = len(&unsettled);
    let area = leave_folder(config, pair, &journal, &bodies)?;
    journal.end().map_err(|error| told(&error))?;
    Ok(Forgotten {
        files,
        deletions: u64::try_from(deletions).unwrap_or(u64::MAX),
        unsettled,
        area,
        readable: true,
    })
}

/// Whether this was begun in the account.
const fn is_remote(body: &state::IntentBody) -> bool {
    use state::IntentBody as Body;
    match body {
        Body::Upload { .. } | Body::CreateFolder { .. } | Body::Edit { .. } | Body::Discard { .. } => true,
        Body::Rename { .. }
        | Body::Shift { .. }
        | Body::MakeFolder { .. }
        | Body::Place { .. }
        | Body::Park { .. }
        | Body::Trash { .. } => false,
    }
}

/// Brings out what a run had set aside in the folder, then takes the marker away.
fn leave_folder(
    config: &Config,
    pair: &PairConfig,
    journal: &Journal,
    open: &[state::IntentBody],
) -> Result<Area, Report> {
    let failed = |error: &LocalError| Report::from_root(&pair.local, error);
    let root = match Root::open(&pair.local) {
        Ok(root) => root,
        Err(LocalError::Missing(_)) => return Ok(Area::NoFolder),
        Err(error) => return Err(failed(&error)),
    };
    let found = find_marker(&root, false).ok().flatten();
    let ours = journal.meta().root_id.as_deref();
    match found {
        Some(marker) if Some(marker.root_id.as_str()) == ours => {}
        // Taken away by a run of this command that broke off, or by the user.
        None if ours.is_some() && find_marker(&root, false).is_ok() => {}
        Some(_) | None => return Ok(Area::NotOurs),
    }
    recover::put_right(&root, open, &config.device_name).map_err(|error| failed(&error))?;
    let gone = retire::retire(&root).map_err(|error| failed(&error))?;
    Ok(if gone { Area::Gone } else { Area::Filled })
}
