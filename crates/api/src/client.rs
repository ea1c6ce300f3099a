//! The façade: a method per endpoint, each repeated only where that is safe, on a session that renews itself.
//!
//! Every future may be dropped at any time: what was sent may still happen on the server, as after a lost answer.
//! Nothing here decides what an answer about the account *means*; rows go out as they came in.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::caller::{Caller, Class, Params, Requests};
use crate::config::Config;
use crate::copying::Copying;
use crate::endpoints::account::{AccountInfo, GetAccountInfo, GetPackage, Package};
use crate::endpoints::download::{self, DownloadStream, GetLink, Link, Links, Wanted};
use crate::endpoints::file::{Copied, FileCopy, FileDelete, FileEdit, FileInfo, FileMove};
use crate::endpoints::folder::{
    FolderCreate, FolderDelete, FolderEdit, FolderInfo, FolderListing, FolderMove, Listing,
};
use crate::endpoints::import::{Import, ImportAdd, ImportStatus};
use crate::endpoints::upload::{UploadRequest, Uploaded, upload};
use crate::endpoints::{Endpoint, Repeat, Spec, find, param, spec};
use crate::envelope::Envelope;
use crate::error::{ApiError, Broken};
use crate::gate::AtOnce;
use crate::id::{AccountId, FileId, FolderId, Parent, ScheduledId};
use crate::rows::{FileRow, FolderRow};
use crate::session::{OnLogin, Session};
use crate::token::TokenStore;
use crate::transport::{HttpTransport, Transport};

/// Token losses that one call survives; more means that two devices take it from each other faster than we work.
const SESSIONS_MAX: u32 = 3;
/// A link that was made longer ago may have ended, although links live for hours as a rule: it is renewed once.
const FRESH: Duration = Duration::from_secs(60);

/// For so long at most a look counts for what is deleted on its strength (design A6).
pub const LOOK_LASTS: Duration = Duration::from_secs(10);

/// A moment before a look at the account. What was seen then is good for [`LOOK_LASTS`], and not beyond the session in which
/// it was seen: where each sign-in ends the session of the others, one that ended means that another device was at work.
#[derive(Debug, Clone, Copy)]
pub struct AsOf {
    at: Instant,
    session: u64,
}

impl AsOf {
    /// Within the same session, from now on.
    #[must_use]
    pub fn from_now(self) -> Self {
        Self {
            at: Instant::now(),
            ..self
        }
    }
}

/// What the probe of wire.md §5 says about a folder. Never use it where folder rows carry a state, and only after
/// calibrating it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// Active.
    Alive,
    /// Not active, not ours, or unknown: one such answer proves nothing.
    Dead,
    /// The answer says neither.
    Unknown,
}

/// A client of one account. Cheap to clone; clones share session, limits and counters.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    caller: Arc<Caller>,
    session: Session,
    links: Links,
    copying: Copying,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("api_url", &self.inner.caller.config.api_url.as_str())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client over the network.
    ///
    /// # Errors
    /// [`ApiError::Config`] for unusable certificates or proxy.
    pub fn new(config: Config, store: Arc<dyn TokenStore>, on_login: OnLogin) -> Result<Self, ApiError> {
        let transport = Arc::new(HttpTransport::new(&config)?);
        Ok(Self::with_transport(config, store, on_login, transport))
    }

    /// A client over any transport. `on_login` sees the account of every login and of a stored token before the
    /// token is used; its refusal ends the client ([`ApiError::AccountRefused`]).
    #[must_use]
    pub fn with_transport(
        config: Config,
        store: Arc<dyn TokenStore>,
        on_login: OnLogin,
        transport: Arc<dyn Transport>,
    ) -> Self {
        let caller = Arc::new(Caller::new(config, transport));
        let session = Session::new(Arc::clone(&caller), store, on_login);
        Self {
            inner: Arc::new(Inner {
                caller,
                session,
                links: Links::default(),
                copying: Copying::default(),
            }),
        }
    }

    pub(crate) fn caller(&self) -> &Caller {
        &self.inner.caller
    }

    /// Requests that left so far.
    #[must_use]
    pub fn requests(&self) -> Requests {
        self.inner.caller.requests()
    }

    /// Short calls, uploads and downloads at once from now on; the client adapts within these bounds.
    pub fn set_concurrency(&self, calls: AtOnce, uploads: AtOnce, downloads: AtOnce) {
        self.inner.caller.calls.set(calls);
        self.inner.caller.uploads.set(uploads);
        self.inner.caller.downloads.set(downloads);
    }

    /// Calls, uploads and downloads that may run at once now.
    #[must_use]
    pub fn concurrency(&self) -> (usize, usize, usize) {
        let caller = &self.inner.caller;
        (
            caller.calls.limit(),
            caller.uploads.limit(),
            caller.downloads.limit(),
        )
    }

    /// Bandwidth in bytes per second; 0 is unlimited.
    pub fn set_bandwidth(&self, up: u64, down: u64) {
        self.inner.caller.up.set(up);
        self.inner.caller.down.set(down);
    }

    /// The account: from the token in use, or by signing in.
    ///
    /// # Errors
    /// Those of signing in.
    pub async fn account_id(&self) -> Result<AccountId, ApiError> {
        Ok(self.inner.session.token().await?.account)
    }

    /// How many of this client's sessions were ended young, so by another device that signed in (design A9).
    #[must_use]
    pub fn sessions_taken(&self) -> u64 {
        self.inner.session.taken()
    }

    /// Ends the session on the server and forgets the stored token. Others that share it sign in anew.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn sign_out(&self) -> Result<(), ApiError> {
        self.inner.session.sign_out().await
    }

    /// Makes a call: any endpoint but upload.
    ///
    /// # Errors
    /// Those of the endpoint, after the repeats that are safe.
    pub async fn call<E: Endpoint + Sync>(&self, request: &E) -> Result<E::Answer, ApiError> {
        self.call_as_of(request, None).await
    }

    async fn call_as_of<E: Endpoint + Sync>(
        &self,
        request: &E,
        as_of: Option<AsOf>,
    ) -> Result<E::Answer, ApiError> {
        let read = |envelope| request.read(&envelope);
        self.repeat(&spec::<E>(), &request.params()?, as_of, read).await
    }

    /// Before a look on the strength of which something is deleted.
    ///
    /// # Errors
    /// Those of signing in.
    pub async fn as_of(&self) -> Result<AsOf, ApiError> {
        self.inner.session.token().await?;
        Ok(AsOf {
            at: Instant::now(),
            session: self.inner.session.begun(),
        })
    }

    fn is_over(&self, as_of: AsOf) -> bool {
        as_of.at.elapsed() > LOOK_LASTS || as_of.session != self.inner.session.begun()
    }

    /// Calls, renews the session, repeats. A token loss is no attempt: the call was not looked at. With `as_of` nothing is
    /// sent once that is over.
    async fn repeat<T>(
        &self,
        spec: &Spec,
        params: &Params,
        as_of: Option<AsOf>,
        read: impl Fn(Envelope) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let (caller, session) = (&self.inner.caller, &self.inner.session);
        let (mut attempt, mut sessions) = (1u32, 0u32);
        loop {
            let asked = Instant::now();
            let (error, signed_in) = match session.token().await {
                Err(error) => (error, None),
                Ok(held) => {
                    let span = tracing::debug_span!("call", endpoint = spec.path, attempt);
                    let once = async {
                        let pass = caller.calls.enter().await;
                        caller.pause.over().await;
                        if as_of.is_some_and(|as_of| self.is_over(as_of)) {
                            return Err(ApiError::LookAgain);
                        }
                        let result = caller.call(spec, params, Some(&held)).await.and_then(&read);
                        pass.report(&result);
                        result
                    };
                    match once.instrument(span).await {
                        Ok(answer) => {
                            session.worked();
                            return Ok(answer);
                        }
                        Err(error) => (error, Some(held)),
                    }
                }
            };
            if let (ApiError::TokenInvalid, Some(held)) = (&error, &signed_in) {
                sessions = sessions.saturating_add(1);
                if sessions > SESSIONS_MAX {
                    return Err(error);
                }
                session.lost(held, asked).await?;
                continue;
            }
            // A login whose answer was lost is not repeated here, whatever the call behind it: it could count.
            let repeat = if signed_in.is_some() {
                spec.repeat
            } else {
                Repeat::LookFirst
            };
            let Some(wait) = caller.config.retry.wait(repeat, &error, attempt, rand::random()) else {
                return Err(error);
            };
            tracing::debug!(attempt, %error, "waiting before another attempt");
            tokio::time::sleep(wait).await;
            attempt = attempt.saturating_add(1);
        }
    }

    /// Makes a call by its path, with any parameters; answers the whole object. An unknown path is never repeated.
    /// Not for uploads, nor for signing in.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn raw(&self, path: &str, params: &[(String, String)]) -> Result<Value, ApiError> {
        let sane = path
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-'));
        let known = find(path);
        let own = known.is_some_and(|spec| matches!(spec.class, Class::Upload | Class::SignIn));
        if !sane || own || path.trim_matches('/').is_empty() || path.contains("//") {
            return Err(ApiError::bad_request("not an endpoint for raw calls"));
        }
        let Some(spec) = known else {
            return Err(ApiError::bad_request("no endpoint of this API has that path"));
        };
        let params = params
            .iter()
            .map(|(key, value)| (Cow::Owned(key.clone()), value.clone()))
            .collect();
        self.repeat(spec, &params, None, |envelope| Ok(envelope.into_json()))
            .await
    }

    /// Whether a folder is active, asked without side effects: `folder/move` of folder 0 into it (wire.md §5).
    ///
    /// # Errors
    /// When there is no answer to interpret: lost, busy, not signed in.
    pub async fn probe_folder(&self, folder: FolderId) -> Result<Probe, ApiError> {
        let spec = Spec {
            class: Class::Probe,
            ..spec::<FolderMove>()
        };
        let params = vec![param("folder_id", 0), param("new_parent_folder_id", folder)];
        match self.repeat(&spec, &params, None, |_| Ok(())).await {
            Err(ApiError::BadDestination) => Ok(Probe::Dead),
            Err(ApiError::NotFound { said })
                if said.to_ascii_lowercase().contains("failed moving the folder") =>
            {
                Ok(Probe::Alive)
            }
            Ok(())
            | Err(ApiError::NotFound { .. } | ApiError::BadRequest { .. } | ApiError::Refused { .. }) => {
                Ok(Probe::Unknown)
            }
            Err(error) => Err(error),
        }
    }

    /// `/account/info`.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn account_info(&self) -> Result<AccountInfo, ApiError> {
        self.call(&GetAccountInfo).await
    }

    /// `/account/package`.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn account_package(&self) -> Result<Package, ApiError> {
        self.call(&GetPackage).await
    }

    /// `/file/info`.
    ///
    /// # Errors
    /// NotFound proves nothing by itself.
    pub async fn file_info(&self, file: FileId) -> Result<FileRow, ApiError> {
        self.call(&FileInfo { file }).await
    }

    /// `/file/edit`: compare the answered row with what was asked.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn file_edit(&self, edit: &FileEdit) -> Result<FileRow, ApiError> {
        self.call(edit).await
    }

    /// `/file/delete`: to the trash.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn file_delete(&self, file: FileId) -> Result<FileRow, ApiError> {
        self.call(&FileDelete { file }).await
    }

    /// `/file/delete` on the strength of a look.
    ///
    /// # Errors
    /// [`ApiError::LookAgain`], and those of any call.
    pub async fn file_delete_as_of(&self, file: FileId, as_of: AsOf) -> Result<FileRow, ApiError> {
        self.call_as_of(&FileDelete { file }, Some(as_of)).await
    }

    /// `/file/move`. Prefer [`Client::file_edit`].
    ///
    /// # Errors
    /// BadDestination is no proof that the folder is gone.
    pub async fn file_move(&self, file: FileId, folder: Parent) -> Result<FileRow, ApiError> {
        self.call(&FileMove { file, folder }).await
    }

    /// What was learnt of the server's own copies.
    #[must_use]
    pub fn copying(&self) -> &Copying {
        &self.inner.copying
    }

    /// `/file/copy`.
    ///
    /// # Errors
    /// NotFound may mean an ownerless copy (Q24); an ambiguous end is never repeated.
    pub async fn file_copy(&self, file: FileId, folder: Parent) -> Result<Copied, ApiError> {
        self.call(&FileCopy { file, folder }).await
    }

    /// `/folder/listing`: rows as the server gives them, unfiltered.
    ///
    /// # Errors
    /// Malformed for anything but two whole arrays.
    pub async fn folder_listing(&self, folder: impl Into<Parent>) -> Result<Listing, ApiError> {
        self.call(&FolderListing {
            folder: folder.into(),
        })
        .await
    }

    /// `/folder/info`.
    ///
    /// # Errors
    /// NotFound proves nothing by itself.
    pub async fn folder_info(&self, folder: FolderId) -> Result<FolderRow, ApiError> {
        self.call(&FolderInfo { folder }).await
    }

    /// `/folder/create`.
    ///
    /// # Errors
    /// An ambiguous end is never repeated: list the parent.
    pub async fn folder_create(&self, create: &FolderCreate) -> Result<FolderRow, ApiError> {
        self.call(create).await
    }

    /// `/folder/edit`: compare the answered row with what was asked.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn folder_edit(&self, edit: &FolderEdit) -> Result<FolderRow, ApiError> {
        self.call(edit).await
    }

    /// `/folder/delete`: the whole subtree, to the trash.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn folder_delete(&self, folder: FolderId) -> Result<(), ApiError> {
        self.call(&FolderDelete { folder }).await
    }

    /// `/folder/delete` on the strength of a look at all that is in it.
    ///
    /// # Errors
    /// [`ApiError::LookAgain`], and those of any call.
    pub async fn folder_delete_as_of(&self, folder: FolderId, as_of: AsOf) -> Result<(), ApiError> {
        self.call_as_of(&FolderDelete { folder }, Some(as_of)).await
    }

    /// `/folder/move`.
    ///
    /// # Errors
    /// BadDestination is no proof that the destination is gone.
    pub async fn folder_move(&self, folder: FolderId, parent: Parent) -> Result<FolderRow, ApiError> {
        self.call(&FolderMove { folder, parent }).await
    }

    /// `/file/url_upload_add`.
    ///
    /// # Errors
    /// Unsupported on many servers; an ambiguous end is never repeated.
    pub async fn import_add(&self, url: &str, folder: Parent) -> Result<ScheduledId, ApiError> {
        self.call(&ImportAdd {
            url: url.to_owned(),
            folder,
        })
        .await
    }

    /// `/file/url_upload_status`.
    ///
    /// # Errors
    /// Unsupported on many servers.
    pub async fn import_status(&self, item: ScheduledId) -> Result<Import, ApiError> {
        self.call(&ImportStatus { item }).await
    }

    /// `/file/upload`.
    ///
    /// # Errors
    /// If it is not [`ApiError::is_definite`], the file may exist: look, never send it again blindly.
    pub async fn upload(&self, request: UploadRequest) -> Result<Uploaded, ApiError> {
        upload(&self.inner.caller, &self.inner.session, request).await
    }

    /// `/file/download`: a new link.
    ///
    /// # Errors
    /// Those of any call.
    pub async fn download_link(&self, file: FileId) -> Result<Link, ApiError> {
        let link = self.call(&GetLink { file }).await?;
        self.inner.links.put(file, link.clone());
        Ok(link)
    }

    /// Bytes of a file of exactly `size` bytes, from `offset` on. The link is kept for later and renewed once if it
    /// does not work.
    ///
    /// # Errors
    /// [`ApiError::RangeIgnored`]: start over at 0. [`ApiError::DownloadBroken`]: hold the file, delete nothing.
    pub async fn download(&self, file: FileId, size: u64, offset: u64) -> Result<DownloadStream, ApiError> {
        if offset > size {
            return Err(ApiError::bad_request("a download from beyond the file's end"));
        }
        if offset == size {
            return Ok(DownloadStream::nothing(size));
        }
        let wanted = Wanted { size, offset };
        let life = self.inner.caller.config.timeouts.link_life;
        let known = self.inner.links.get(file, life);
        let (link, mut fresh) = match known {
            Some(link) => (link, false),
            None => (self.download_link(file).await?, true),
        };
        let begun = Instant::now();
        let result = self.open(&link, file, wanted).await;
        // It may have waited long for its place behind others.
        fresh &= begun.elapsed() < FRESH;
        match result {
            Err(ApiError::DownloadBroken {
                how: Broken::ErrorPage | Broken::Http(_) | Broken::Redirects,
            }) if !fresh => self.open(&self.download_link(file).await?, file, wanted).await,
            result => result,
        }
    }

    /// Opens a link, again while that can help.
    async fn open(&self, link: &Link, file: FileId, wanted: Wanted) -> Result<DownloadStream, ApiError> {
        let caller = &self.inner.caller;
        let mut attempt = 1u32;
        loop {
            let pass = caller.downloads.enter().await;
            caller.pause.over().await;
            let gate = Arc::clone(&caller.downloads);
            let result = download::open(caller, link, wanted, pass).await;
            gate.report(&result);
            let Err(error) = result else { return result };
            if matches!(error, ApiError::DownloadBroken { .. }) {
                self.inner.links.forget(file);
            }
            let Some(wait) = caller
                .config
                .retry
                .wait(Repeat::Safe, &error, attempt, rand::random())
            else {
                return Err(error);
            };
            tokio::time::sleep(wait).await;
            attempt = attempt.saturating_add(1);
        }
    }
}
