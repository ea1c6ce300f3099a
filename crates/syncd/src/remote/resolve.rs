//! Looking for what an interrupted call left in the account (design A1). Only looks; what follows is the engine's.

use api::{ApiError, FileRow};
use planner::id::FileId;

use super::account::Account;
use super::translate;

/// The row of a file whose id is known.
pub(crate) async fn look_at(account: &Account, file: FileId) -> Result<FileRow, ApiError> {
    account.client.file_info(translate::wire_file(file)?).await
}
