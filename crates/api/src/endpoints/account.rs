//! `/account/info` and `/account/package`: who, and what the package allows.

use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU64;

use crate::caller::Class;
use crate::endpoints::{Endpoint, Repeat};
use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::id::AccountId;
use crate::loose;

/// Asks for the account. The cheapest call there is: also the keep-alive and the health probe.
pub struct GetAccountInfo;

/// The account. Personal data: `Debug` shows only the id and the state.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountInfo {
    /// Its id.
    pub id: AccountId,
    /// User name.
    pub username: Option<String>,
    /// Mail address.
    pub email: Option<String>,
    /// Id of the package.
    pub level_id: Option<String>,
    /// `active`, …
    pub status: Option<String>,
    /// First name.
    pub firstname: Option<String>,
    /// Last name.
    pub lastname: Option<String>,
    /// Server-local date.
    pub last_login: Option<String>,
    /// Server-local date on which the package ends.
    pub paid_until: Option<String>,
    /// A storage limit of this account in bytes, instead of the package's.
    pub storage_limit_override: Option<NonZeroU64>,
}

impl fmt::Debug for AccountInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountInfo")
            .field("id", &self.id)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl Endpoint for GetAccountInfo {
    const PATH: &'static str = "account/info";
    const REPEAT: Repeat = Repeat::Safe;
    const CLASS: Class = Class::Read;
    const ERRORS: &'static [&'static str] = &[];
    type Answer = AccountInfo;

    fn params(&self) -> Result<Vec<(Cow<'static, str>, String)>, ApiError> {
        Ok(Vec::new())
    }

    fn read(&self, envelope: &Envelope) -> Result<AccountInfo, ApiError> {
        let data = envelope.data()?;
        Ok(AccountInfo {
            id: data
                .get("id")
                .and_then(AccountId::from_json)
                .ok_or(ApiError::malformed("an account without id"))?,
            username: loose::filled(data, "username"),
            email: loose::filled(data, "email"),
            level_id: loose::filled(data, "level_id"),
            status: loose::filled(data, "status"),
            firstname: loose::filled(data, "firstname"),
            lastname: loose::filled(data, "lastname"),
            last_login: loose::filled(data, "lastlogindate"),
            paid_until: loose::filled(data, "paidExpiryDate"),
            storage_limit_override: loose::number(data, "storageLimitOverride").and_then(NonZeroU64::new),
        })
    }
}

/// Asks for the package.
pub struct GetPackage;

/// What the package allows. `None` where the server says 0 or null: unlimited, or off. Sizes in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its id.
    pub id: Option<String>,
    /// Its name.
    pub label: Option<String>,
    /// Free, paid, admin…
    pub level_type: Option<String>,
    /// Whether uploads are allowed at all; unknown is none.
    pub can_upload: Option<bool>,
    /// Largest file. Policy: servers do not enforce it on this path (wire.md §3.4).
    pub max_upload_size: Option<NonZeroU64>,
    /// Storage in all. Used space is reported nowhere.
    pub max_storage_bytes: Option<NonZeroU64>,
    /// Uploads at once.
    pub concurrent_uploads: Option<NonZeroU64>,
    /// Downloads at once.
    pub concurrent_downloads: Option<NonZeroU64>,
    /// Files unused for so many days are purged, without trash (wire.md Q40).
    pub days_to_keep_inactive_files: Option<NonZeroU64>,
    /// Bytes per second of a download.
    pub download_speed: Option<NonZeroU64>,
    /// Downloads in 24 hours.
    pub downloads_per_24_hours: Option<NonZeroU64>,
    /// Bytes downloaded in 24 hours.
    pub download_size_per_24_hours: Option<NonZeroU64>,
    /// Largest file that may be downloaded.
    pub max_download_filesize_allowed: Option<NonZeroU64>,
    /// Addresses that may be imported at once.
    pub max_remote_download_urls: Option<NonZeroU64>,
    /// Seconds to wait between downloads.
    pub wait_between_downloads: Option<NonZeroU64>,
}

impl Endpoint for GetPackage {
    const PATH: &'static str = "account/package";
    const REPEAT: Repeat = Repeat::Safe;
    const CLASS: Class = Class::Read;
    const ERRORS: &'static [&'static str] = &[];
    type Answer = Package;

    fn params(&self) -> Result<Vec<(Cow<'static, str>, String)>, ApiError> {
        Ok(Vec::new())
    }

    fn read(&self, envelope: &Envelope) -> Result<Package, ApiError> {
        let data = envelope.data()?;
        if !data.contains_key("id") && !data.contains_key("label") {
            return Err(ApiError::malformed("a package without id and label"));
        }
        let limit = |key| loose::number(data, key).and_then(NonZeroU64::new);
        Ok(Package {
            id: loose::filled(data, "id"),
            label: loose::filled(data, "label"),
            level_type: loose::filled(data, "level_type"),
            can_upload: loose::flag(data, "can_upload"),
            max_upload_size: limit("max_upload_size"),
            max_storage_bytes: limit("max_storage_bytes"),
            concurrent_uploads: limit("concurrent_uploads"),
            concurrent_downloads: limit("concurrent_downloads"),
            days_to_keep_inactive_files: limit("days_to_keep_inactive_files"),
            download_speed: limit("download_speed"),
            downloads_per_24_hours: limit("downloads_per_24_hours"),
            download_size_per_24_hours: limit("download_size_per_24_hours"),
            max_download_filesize_allowed: limit("max_download_filesize_allowed"),
            max_remote_download_urls: limit("max_remote_download_urls"),
            wait_between_downloads: limit("wait_between_downloads"),
        })
    }
}
