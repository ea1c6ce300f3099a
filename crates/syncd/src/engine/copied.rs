//! A folder that bears the pair's marker, and yet is another one than was synced last: somebody copied it and changed
//! `local`, without `syncd relocate`.
//!
//! A whole copy goes on as the folder itself would. Never here: a copy that was broken off, or whose bytes are others,
//! taken for a folder in which the user deleted or edited.

use state::Journal;

use super::gate::SafetyStop;
use super::hashes::hashes;
use super::memo;
use super::open::{Halt, journal_failed};
use super::relocate::{Failed, Relocated, carry};
use crate::config::PairConfig;
use crate::local::Root;
use crate::report::Report;

/// Paths named in the stop.
const EXAMPLES: usize = 5;

/// Lets the folder in if it is the one of before, or holds everything that is on record, byte for byte.
pub(super) async fn admit(journal: &mut Journal, pair: &PairConfig, root: &Root) -> Result<(), Halt> {
    let broken = |error| journal_failed(&error, &pair.name);
    if !memo::may_be_another(journal, root).map_err(broken)? {
        return Ok(());
    }
    let synced = journal.synced().map_err(broken)?;
    let known = hashes(journal, &synced).map_err(broken)?;
    let on_record = synced.len();
    let (pair_there, root_there) = (pair.clone(), root.clone());
    let compared = crate::blocking::run(move || {
        let mut done = Relocated::default();
        let changes = carry(&synced, &known, &pair_there, &root_there, &mut done)?;
        Ok::<_, Failed>((done, changes))
    });
    let stop = |differs: String, examples: Vec<String>| {
        Halt::Stop(SafetyStop::RootCopied {
            path: pair.local.display().to_string(),
            differs,
            examples,
        })
    };
    let (done, changes) = match compared.await {
        Some(Ok(compared)) => compared,
        Some(Err(Failed::Unread(path))) => {
            return Err(stop(format!("{path} cannot be read"), vec![path]));
        }
        Some(Err(Failed::Disk(error))) => {
            return Err(Halt::Error(Box::new(Report::from_root(&pair.local, &error))));
        }
        None => return Err(stop("it could not be compared".to_owned(), Vec::new())),
    };
    if !done.anew.is_empty() {
        let differs = format!(
            "{} of {on_record} synced files and folders are missing in it or have other bytes",
            done.anew.len()
        );
        return Err(stop(differs, done.anew.into_iter().take(EXAMPLES).collect()));
    }
    journal
        .commit(&changes)
        .and_then(|()| memo::note_place(journal, root))
        .map_err(broken)
}
