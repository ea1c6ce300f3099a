//! Typed async client of the File Upload API v2: all 19 endpoints, sign-in, retries, limits, streaming transfers.
//!
//! It must never know the disk layout, the journal or the planner, never repeat a call whose first try may have
//! worked (upload, create, copy, import), and never let a secret into a log or an error. Its ids and rows are
//! wire types; callers translate them. What servers really do is `wire.md`; the documented API is
//! `api-reference.txt`. Start reading at [`Client`], then `envelope.rs` (what an answer means), `session.rs`.

mod body;
mod caller;
#[cfg(test)]
#[path = "../../../tests/cases.rs"]
mod cases;
mod client;
mod config;
mod copying;
pub mod endpoints;
pub mod envelope;
mod error;
#[cfg(test)]
mod fuzz;
mod gate;
mod greeting;
mod id;
mod knee;
mod limit;
mod loose;
mod retry;
mod rows;
mod secret;
mod session;
mod token;
pub mod transport;

pub use body::{ByteStream, Hashes, UploadBody};
pub use caller::{Class, Requests};
pub use client::{AsOf, Client, LOOK_LASTS, Probe};
pub use config::{Config, SessionPolicy, Timeouts};
pub use copying::Copying;
pub use endpoints::account::{AccountInfo, Package};
pub use endpoints::download::{DownloadStream, Link};
pub use endpoints::file::{Copied, FileEdit};
pub use endpoints::folder::{Access, FolderCreate, FolderEdit, Listing};
pub use endpoints::import::{Import, ImportState};
pub use endpoints::upload::{UploadRequest, Uploaded};
pub use error::{ApiError, Broken, Lost, RedirectKind, Unreachable};
pub use gate::AtOnce;
pub use greeting::Greeting;
pub use id::{AccountId, FileId, FolderId, Md5Hex, NotAnId, Parent, ScheduledId};
pub use retry::RetryPolicy;
pub use rows::{FileRow, FolderRow, RowState};
pub use secret::{AccessToken, Credentials, KeyPair, Login, redact};
pub use session::OnLogin;
pub use token::{MemoryTokenStore, StoreError, StoredToken, TokenLock, TokenStore};
