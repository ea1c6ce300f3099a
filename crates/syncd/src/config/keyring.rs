//! The system keyring: the Secret Service of the user's session (GNOME Keyring, KWallet, KeePassXC), asked over D-Bus.
//!
//! One item for each configuration and address, found by its attributes; what is in it reads as a credentials file does. The
//! secret goes over the session bus as it is ("plain"): a socket of this user's, at which only his own programs could
//! listen, and those may ask the keyring themselves. What must never happen: a secret in an attribute, a label or an error,
//! which all programs may read; a wait without an end; a secret handed to another address than it was kept for.
//!
//! Source: freedesktop.org, Secret Service API 0.2.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use tokio::time::timeout;
use zbus::connection::Builder;
use zbus::message::Type as MessageType;
use zbus::{
    Connection, DynamicType, MatchRule, Message, MessageStream, ObjectPath, OwnedObjectPath, Variant,
};

use super::load::Env;

/// Answers come at once, unless the keyring must be started first.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// Somebody may have to type a password; a service that starts at login must not wait for ever.
const UNLOCK_WITHIN: Duration = Duration::from_secs(120);

const SERVICE: &str = "org.freedesktop.secrets";
const TOP: &str = "/org/freedesktop/secrets";
const OF_SERVICE: &str = "org.freedesktop.Secret.Service";
const OF_COLLECTION: &str = "org.freedesktop.Secret.Collection";
const OF_ITEM: &str = "org.freedesktop.Secret.Item";
const OF_PROMPT: &str = "org.freedesktop.Secret.Prompt";
/// Where no path is: no prompt is needed, no collection is the usual one.
const NOTHING: &str = "/";

/// Why the keyring is of no use.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum KeyringError {
    /// There is none: no session bus, or nobody on it who keeps secrets.
    #[error("{0}")]
    NotThere(String),
    /// It stayed locked.
    #[error("it is locked, and was not unlocked")]
    Locked,
    /// It answers otherwise than it should, or not at all.
    #[error("{0}")]
    Failed(String),
}

/// Session, parameters, value, type: as the bus has a secret.
type Secret = (OwnedObjectPath, Vec<u8>, Vec<u8>, String);

/// Where the credentials of one configuration are in the keyring.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Keyring {
    /// Of the session bus.
    bus: Option<String>,
    /// The configuration's file.
    config: String,
    /// The API's address: what was kept for one server is not shown to another.
    api_url: String,
}

impl Keyring {
    /// That of a configuration.
    pub(crate) fn of(env: &Env, config: &str, api_url: &str) -> Self {
        let path = Path::new(config);
        let config = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        Self {
            bus: bus(env),
            config: config.display().to_string(),
            api_url: api_url.to_owned(),
        }
    }

    /// Whether this session has a bus, without asking anybody.
    pub(crate) const fn has_bus(&self) -> bool {
        self.bus.is_some()
    }

    /// Whether somebody there keeps secrets.
    ///
    /// # Errors
    /// Nobody does, and why.
    pub(crate) fn try_it(&self) -> Result<(), KeyringError> {
        self.ask(async |service| service.collection().await.map(|_| ()))
    }

    /// What is kept for this configuration; none if nothing is. May ask the user to unlock the keyring.
    ///
    /// # Errors
    /// There is no keyring, it stays locked, or it fails.
    pub(crate) fn get(&self) -> Result<Option<SecretString>, KeyringError> {
        self.ask(async |service| service.get().await)
    }

    /// Keeps this for the configuration, in the place of what was kept for it.
    ///
    /// # Errors
    /// There is no keyring, it stays locked, or it fails.
    pub(crate) fn set(&self, secret: &SecretString) -> Result<(), KeyringError> {
        self.ask(async |service| service.set(secret).await)
    }

    fn attributes(&self) -> BTreeMap<&str, &str> {
        BTreeMap::from([
            ("application", "syncd"),
            ("config", self.config.as_str()),
            ("api_url", self.api_url.as_str()),
        ])
    }

    /// Connects and asks, on a thread and a runtime of its own: whoever wants credentials may be within another runtime.
    fn ask<T: Send>(
        &self,
        work: impl AsyncFnOnce(&Service<'_>) -> Result<T, KeyringError> + Send,
    ) -> Result<T, KeyringError> {
        let Some(bus) = self.bus.as_deref() else {
            return Err(KeyringError::NotThere("this session has no D-Bus".to_owned()));
        };
        let failed = |cause: &dyn std::fmt::Display| KeyringError::Failed(cause.to_string());
        let asking = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(|error| failed(&error))?.block_on(async {
                let service = Service::connect(self, bus).await?;
                work(&service).await
            })
        };
        std::thread::scope(|scope| scope.spawn(asking).join())
            .unwrap_or_else(|_| Err(failed(&"the thread that asked it ended")))
    }
}

/// Where the session bus is: as its clients find it.
fn bus(env: &Env) -> Option<String> {
    let given = env.get("DBUS_SESSION_BUS_ADDRESS").map(str::to_owned);
    given.or_else(|| {
        let socket = Path::new(env.get("XDG_RUNTIME_DIR")?).join("bus");
        socket.exists().then(|| format!("unix:path={}", socket.display()))
    })
}

/// A connection to who keeps the secrets.
struct Service<'a> {
    bus: Connection,
    place: &'a Keyring,
}

impl<'a> Service<'a> {
    async fn connect(place: &'a Keyring, address: &str) -> Result<Self, KeyringError> {
        let building = Builder::address(address).method_timeout(ANSWER_WITHIN).build();
        let built = timeout(ANSWER_WITHIN, building).await;
        let bus = built.map_err(|_| KeyringError::NotThere("the session bus does not answer".to_owned()))?;
        let bus = bus.map_err(|error| KeyringError::NotThere(format!("the session bus: {error}")))?;
        Ok(Self { bus, place })
    }

    async fn call<B: Serialize + DynamicType>(
        &self,
        at: &str,
        interface: &str,
        method: &str,
        body: &B,
    ) -> Result<Message, KeyringError> {
        let called = self
            .bus
            .call_method(Some(SERVICE), at, Some(interface), method, body);
        called.await.map_err(|error| told(&error))
    }

    /// The items of this configuration: those that can be read, and those that are locked.
    async fn find(&self) -> Result<(Vec<OwnedObjectPath>, Vec<OwnedObjectPath>), KeyringError> {
        let attributes = (self.place.attributes(),);
        let found = self.call(TOP, OF_SERVICE, "SearchItems", &attributes).await?;
        found.body().deserialize().map_err(|error| told(&error))
    }

    /// Where new items go.
    async fn collection(&self) -> Result<OwnedObjectPath, KeyringError> {
        let usual = self.call(TOP, OF_SERVICE, "ReadAlias", &("default",)).await?;
        let body = usual.body();
        let (collection,): (OwnedObjectPath,) = body.deserialize().map_err(|error| told(&error))?;
        if collection.as_str() == NOTHING {
            let cause = "it has no default collection: its own program makes one";
            return Err(KeyringError::NotThere(cause.to_owned()));
        }
        Ok(collection)
    }

    async fn session(&self) -> Result<OwnedObjectPath, KeyringError> {
        let plain = ("plain", Variant::from(""));
        let opened = self.call(TOP, OF_SERVICE, "OpenSession", &plain).await?;
        let body = opened.body();
        let (_, session): (Variant<'_>, OwnedObjectPath) =
            body.deserialize().map_err(|error| told(&error))?;
        Ok(session)
    }

    async fn get(&self) -> Result<Option<SecretString>, KeyringError> {
        let (open, locked) = self.find().await?;
        let item = match (open.into_iter().next(), locked.into_iter().next()) {
            (Some(item), _) => item,
            (None, Some(item)) => {
                self.unlock(&item).await?;
                item
            }
            (None, None) => return Ok(None),
        };
        let session = self.session().await?;
        let secret = self
            .call(item.as_str(), OF_ITEM, "GetSecret", &(session,))
            .await?;
        let body = secret.body();
        let ((_, _, value, _),): (Secret,) = body.deserialize().map_err(|error| told(&error))?;
        let text = String::from_utf8(value);
        // The bytes are not shown, whatever they are.
        let text = text.map_err(|_| KeyringError::Failed("what it keeps is not UTF-8".to_owned()))?;
        Ok(Some(SecretString::from(text)))
    }

    async fn set(&self, secret: &SecretString) -> Result<(), KeyringError> {
        let collection = self.collection().await?;
        self.unlock(&collection).await?;
        let session = self.session().await?;
        let label = format!("syncd: {}", self.place.api_url);
        let item = |name: &str| format!("{OF_ITEM}.{name}");
        let properties = BTreeMap::from([
            (item("Label"), Variant::from(label)),
            (item("Attributes"), Variant::from(self.place.attributes())),
        ]);
        let value = secret.expose_secret().as_bytes().to_vec();
        let secret: Secret = (session, Vec::new(), value, "text/plain".to_owned());
        let made = self
            .call(
                collection.as_str(),
                OF_COLLECTION,
                "CreateItem",
                &(properties, secret, true),
            )
            .await?;
        let body = made.body();
        let (_, prompt): (OwnedObjectPath, OwnedObjectPath) =
            body.deserialize().map_err(|error| told(&error))?;
        self.prompted(prompt.as_str()).await
    }

    /// Unlocks an item or a collection, which may ask the user.
    async fn unlock(&self, what: &ObjectPath<'_>) -> Result<(), KeyringError> {
        let unlocked = self.call(TOP, OF_SERVICE, "Unlock", &(vec![what],)).await?;
        let body = unlocked.body();
        let (_, prompt): (Vec<OwnedObjectPath>, OwnedObjectPath) =
            body.deserialize().map_err(|error| told(&error))?;
        self.prompted(prompt.as_str()).await
    }

    /// Lets the keyring ask its user, and waits for the answer.
    async fn prompted(&self, prompt: &str) -> Result<(), KeyringError> {
        if prompt == NOTHING {
            return Ok(());
        }
        let rule = MatchRule::builder()
            .msg_type(MessageType::Signal)
            .interface(OF_PROMPT)
            .member("Completed")
            .path(prompt)
            .build()
            .map_err(|error| told(&error))?;
        // Before it is shown: its answer may come at once.
        let listening = MessageStream::for_match_rule(rule, &self.bus, None).await;
        let mut completed = listening.map_err(|error| told(&error))?;
        self.call(prompt, OF_PROMPT, "Prompt", &("",)).await?;
        let answer = timeout(UNLOCK_WITHIN, completed.next()).await;
        let Ok(Some(Ok(answer))) = answer else {
            return Err(KeyringError::Locked);
        };
        let body = answer.body();
        let (dismissed, _): (bool, Variant<'_>) = body.deserialize().map_err(|error| told(&error))?;
        if dismissed {
            return Err(KeyringError::Locked);
        }
        Ok(())
    }
}

/// What an error of the bus means. Texts of the bus name services and methods, never a secret.
fn told(error: &zbus::Error) -> KeyringError {
    let text = error.to_string();
    if text.contains("Error.IsLocked") {
        return KeyringError::Locked;
    }
    if let zbus::Error::FDO(inner) = error
        && matches!(
            **inner,
            zbus::fdo::Error::ServiceUnknown(_)
                | zbus::fdo::Error::NameHasNoOwner(_)
                | zbus::fdo::Error::SpawnServiceNotFound(_)
        )
    {
        return KeyringError::NotThere("nobody keeps secrets in this session".to_owned());
    }
    KeyringError::Failed(text)
}
