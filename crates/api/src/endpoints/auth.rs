//! `/authorize` and `/disable_access_token`. Their requests hold secrets and are made by `session.rs` alone.

use std::borrow::Cow;

use crate::caller::Class;
use crate::endpoints::{Endpoint, Repeat, param};
use crate::envelope::Envelope;
use crate::error::ApiError;
use crate::id::AccountId;
use crate::loose;
use crate::secret::AccessToken;

/// Signs in. A success ends every other session of the account; a rejection counts towards a ban (wire.md §2).
pub enum Authorize {
    /// With both API keys.
    Keys {
        /// `key1`.
        key1: String,
        /// `key2`.
        key2: String,
    },
    /// With user name and password.
    Password {
        /// `username`.
        username: String,
        /// `password`.
        password: String,
    },
}

impl Endpoint for Authorize {
    const PATH: &'static str = "authorize";
    /// A lost answer may hide a rejection, and those are counted.
    const REPEAT: Repeat = Repeat::LookFirst;
    const CLASS: Class = Class::SignIn;
    const ERRORS: &'static [&'static str] = &[
        "Could not authenticate user. The username and password may be invalid or your account may be locked from too many failed logins.",
    ];
    type Answer = (AccessToken, AccountId);

    fn params(&self) -> Result<Vec<(Cow<'static, str>, String)>, ApiError> {
        Ok(match self {
            Self::Keys { key1, key2 } => vec![param("key1", key1), param("key2", key2)],
            Self::Password { username, password } => {
                vec![param("username", username), param("password", password)]
            }
        })
    }

    fn read(&self, envelope: &Envelope) -> Result<Self::Answer, ApiError> {
        let data = envelope.data()?;
        let token = loose::text(data, "access_token").and_then(AccessToken::new);
        let account = data.get("account_id").and_then(AccountId::from_json);
        token.zip(account).ok_or(ApiError::malformed(
            "a login without a usable token and account id",
        ))
    }
}

/// Ends this token only.
pub struct DisableAccessToken;

impl Endpoint for DisableAccessToken {
    const PATH: &'static str = "disable_access_token";
    const REPEAT: Repeat = Repeat::Safe;
    const CLASS: Class = Class::SignIn;
    const ERRORS: &'static [&'static str] = &[];
    type Answer = ();

    fn params(&self) -> Result<Vec<(Cow<'static, str>, String)>, ApiError> {
        Ok(Vec::new())
    }

    fn read(&self, _: &Envelope) -> Result<(), ApiError> {
        Ok(())
    }
}
