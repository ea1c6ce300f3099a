//! The handle by which tests steer a running server in process: switches, faults, clock, ledger, tree, web user.
//!
//! Everything here is also at `/_dev`. Changes act on requests that arrive afterwards.

use std::sync::Arc;
use std::time::Duration;

use crate::dialect::{Dialect, Quirks};
use crate::error::Error;
use crate::ledger::{LedgerReport, Totals};
use crate::tree::Tree;
use crate::web::{Content, Name, WebAction};
use crate::world::{World, lock};

/// Steers one server; clones steer the same.
#[derive(Clone)]
pub struct Control(pub(crate) Arc<World>);

impl World {
    pub(crate) fn change_quirks(
        &self,
        change: impl FnOnce(&mut Quirks) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut quirks = lock(&self.quirks);
        let mut changed = Quirks::clone(&quirks);
        change(&mut changed)?;
        *quirks = Arc::new(changed);
        Ok(())
    }

    /// A quirk's knob, or a fault's.
    pub(crate) fn set_knob(&self, knob: &str, value: &str) -> Result<(), Error> {
        if lock(&self.faults).set_knob(knob, value)? {
            return Ok(());
        }
        self.change_quirks(|quirks| quirks.set_knob(knob, value))
    }
}

impl Control {
    /// Replaces all switches and knobs by a dialect's.
    pub fn set_dialect(&self, dialect: Dialect) {
        *lock(&self.0.quirks) = Arc::new(Quirks::preset(dialect));
    }

    /// Switches a quirk, by `Q07` or by name.
    ///
    /// # Errors
    /// [`Error::Unknown`].
    pub fn set_quirk(&self, quirk: &str, on: bool) -> Result<(), Error> {
        self.0.change_quirks(|quirks| quirks.set(quirk, on))
    }

    /// Sets a knob of a quirk (`Q03.tries`), of the site (`site.sign-in`) or of a fault (`429.retry-after`).
    ///
    /// # Errors
    /// [`Error::Unknown`].
    pub fn set_knob(&self, knob: &str, value: &str) -> Result<(), Error> {
        self.0.set_knob(knob, value)
    }

    /// Sets a fault's probability.
    ///
    /// # Errors
    /// [`Error::Unknown`].
    pub fn set_fault(&self, name: &str, p: f64) -> Result<(), Error> {
        lock(&self.0.faults).set(name, p)
    }

    /// Moves the server's clock forward; what became due is done by the time this returns.
    pub fn advance(&self, by: Duration) {
        self.0
            .clock
            .advance_ms(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
        self.0.look_soon();
        self.0.housekeeping();
    }

    /// Sets the clock's offset from the machine's, in milliseconds; back, too.
    pub fn set_clock_offset_ms(&self, offset_ms: i64) {
        self.0.clock.set_offset_ms(offset_ms);
        self.0.look_soon();
        self.0.housekeeping();
    }

    /// Requests since the last reset.
    #[must_use]
    pub fn ledger(&self) -> LedgerReport {
        self.0.ledger.report(0)
    }

    /// Sums of the ledger.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.0.ledger.totals()
    }

    /// Starts the ledger anew.
    pub fn reset_ledger(&self) {
        self.0.ledger.reset();
    }

    /// Everything the server holds.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub fn tree(&self) -> Result<Tree, Error> {
        Ok(self.0.tree()?)
    }

    /// The bytes of a file, in whatever state it is.
    ///
    /// # Errors
    /// [`Error::Refused`] for an unknown id, [`Error::Data`] if its content is gone.
    pub fn content(&self, file: u64) -> Result<Vec<u8>, Error> {
        let id = i64::try_from(file).unwrap_or(i64::MAX);
        let row = self
            .0
            .store()
            .file(id)?
            .ok_or_else(|| Error::Refused(format!("no file {file}")))?;
        let path = self.0.blobs.path(&row.md5, row.size);
        self.0
            .blobs
            .read(&row.md5, row.size)
            .map_err(|source| Error::data(path, source))
    }

    /// Does what a web user does; answers the id of what was made.
    ///
    /// # Errors
    /// [`Error::Refused`] if it cannot be done here.
    pub fn web(&self, action: WebAction) -> Result<Option<u64>, Error> {
        self.0.web(action)
    }

    /// The web user makes a folder. No parent: in the root.
    ///
    /// # Errors
    /// As [`Control::web`].
    pub fn create_folder(&self, parent: Option<u64>, name: &str) -> Result<u64, Error> {
        self.made(WebAction::CreateFolder {
            parent,
            name: Name(name.into()),
        })
    }

    /// The web user stores a file. The name may be any bytes, and is not numbered.
    ///
    /// # Errors
    /// As [`Control::web`].
    pub fn put_file(
        &self,
        folder: Option<u64>,
        name: impl AsRef<[u8]>,
        bytes: impl AsRef<[u8]>,
    ) -> Result<u64, Error> {
        let (name, content) = (
            Name(name.as_ref().to_vec()),
            Content::Bytes(bytes.as_ref().to_vec()),
        );
        self.made(WebAction::PutFile {
            folder,
            name,
            content,
        })
    }

    /// An add-on replaces the bytes under an id (Q44).
    ///
    /// # Errors
    /// As [`Control::web`].
    pub fn swap_content(&self, file: u64, bytes: impl AsRef<[u8]>) -> Result<(), Error> {
        let content = Content::Bytes(bytes.as_ref().to_vec());
        self.web(WebAction::SwapContent { file, content }).map(drop)
    }

    /// The web user renames a file.
    ///
    /// # Errors
    /// As [`Control::web`].
    pub fn rename_file(&self, file: u64, name: impl AsRef<[u8]>) -> Result<(), Error> {
        self.web(WebAction::RenameFile {
            file,
            name: Name(name.as_ref().to_vec()),
        })
        .map(drop)
    }

    /// The web user moves a file.
    ///
    /// # Errors
    /// As [`Control::web`].
    pub fn move_file(&self, file: u64, folder: Option<u64>) -> Result<(), Error> {
        self.web(WebAction::MoveFile { file, folder }).map(drop)
    }

    /// The web user trashes a file.
    ///
    /// # Errors
    /// As [`Control::web`].
    pub fn trash_file(&self, file: u64) -> Result<(), Error> {
        self.web(WebAction::TrashFile { file }).map(drop)
    }

    /// The web user restores a file.
    ///
    /// # Errors
    /// As [`Control::web`].
    pub fn restore_file(&self, file: u64, folder: Option<u64>) -> Result<(), Error> {
        self.web(WebAction::RestoreFile { file, folder }).map(drop)
    }

    /// The web user purges a file.
    ///
    /// # Errors
    /// As [`Control::web`].
    pub fn purge_file(&self, file: u64) -> Result<(), Error> {
        self.web(WebAction::PurgeFile { file }).map(drop)
    }

    /// The web user renames a folder.
    ///
    /// # Errors
    /// As [`Control::web`].
    pub fn rename_folder(&self, folder: u64, name: &str) -> Result<(), Error> {
        self.web(WebAction::RenameFolder {
            folder,
            name: Name(name.into()),
        })
        .map(drop)
    }

    /// The web user moves a folder.
    ///
    /// # Errors
    /// As [`Control::web`].
    pub fn move_folder(&self, folder: u64, parent: Option<u64>) -> Result<(), Error> {
        self.web(WebAction::MoveFolder { folder, parent }).map(drop)
    }

    /// The web user trashes a folder with everything in it.
    ///
    /// # Errors
    /// As [`Control::web`].
    pub fn trash_folder(&self, folder: u64) -> Result<(), Error> {
        self.web(WebAction::TrashFolder { folder }).map(drop)
    }

    /// The web user restores a folder with everything in it.
    ///
    /// # Errors
    /// As [`Control::web`].
    pub fn restore_folder(&self, folder: u64, parent: Option<u64>) -> Result<(), Error> {
        self.web(WebAction::RestoreFolder { folder, parent }).map(drop)
    }

    /// The web user purges a folder with everything in it.
    ///
    /// # Errors
    /// As [`Control::web`].
    pub fn purge_folder(&self, folder: u64) -> Result<(), Error> {
        self.web(WebAction::PurgeFolder { folder }).map(drop)
    }

    /// Changes one limit of the package, by its key in `/account/package`.
    ///
    /// # Errors
    /// As [`Control::web`].
    pub fn set_package(&self, key: &str, value: impl ToString) -> Result<(), Error> {
        let limits = [(key.to_owned(), value.to_string())].into_iter().collect();
        self.web(WebAction::SetPackage { limits }).map(drop)
    }

    fn made(&self, action: WebAction) -> Result<u64, Error> {
        self.web(action)?
            .ok_or_else(|| Error::Refused("nothing was made".to_owned()))
    }
}
