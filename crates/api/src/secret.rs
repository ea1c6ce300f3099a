//! Secrets, and keeping them out of what people and logs read.
//!
//! Tokens, keys, passwords and download links print as `[redacted]`; only `expose` hands them to the wire. Texts
//! that a server chose pass [`redact`] before they enter an error, because servers quote what they were sent.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};

/// Longest accepted token; real ones have 128 characters.
const TOKEN_MAX: usize = 4096;

/// An access token. Prints as `[redacted]`.
#[derive(Clone)]
pub struct AccessToken(SecretString);

impl AccessToken {
    /// A token as the server or the store gave it; none if it is empty, over-long or not visible ASCII.
    #[must_use]
    pub fn new(token: String) -> Option<Self> {
        let usable =
            !token.is_empty() && token.len() <= TOKEN_MAX && token.bytes().all(|b| b.is_ascii_graphic());
        usable.then(|| Self(token.into()))
    }

    /// The token itself: for the API host and the token store alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl PartialEq for AccessToken {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for AccessToken {}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken([redacted])")
    }
}

/// Both API keys. Prints redacted.
#[derive(Clone)]
pub struct KeyPair {
    /// `key1`.
    pub key1: SecretString,
    /// `key2`.
    pub key2: SecretString,
}

/// User name and password. Prints redacted.
#[derive(Clone)]
pub struct Login {
    /// `username`.
    pub username: String,
    /// `password`.
    pub password: SecretString,
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPair([redacted])")
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login([redacted])")
    }
}

/// What the user configured to sign in with. A site accepts one form only; with both, keys are tried first and the
/// other form once, when the site asks for it (wire.md §1.4 AuthMode).
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// Preferred: a login with a user name may end the user's browser sessions.
    pub keys: Option<KeyPair>,
    /// The other form.
    pub password: Option<Login>,
}

impl Credentials {
    /// Only keys.
    #[must_use]
    pub fn keys(key1: impl Into<String>, key2: impl Into<String>) -> Self {
        let pair = KeyPair {
            key1: SecretString::from(key1.into()),
            key2: SecretString::from(key2.into()),
        };
        Self {
            keys: Some(pair),
            password: None,
        }
    }

    /// Only user name and password.
    #[must_use]
    pub fn password(username: impl Into<String>, password: impl Into<String>) -> Self {
        let login = Login {
            username: username.into(),
            password: SecretString::from(password.into()),
        };
        Self {
            keys: None,
            password: Some(login),
        }
    }
}

/// Characters of a server's text that are kept.
const SAID_MAX: usize = 240;
/// A run of this many letters and digits is taken for a key, token or hash.
const SECRET_RUN: usize = 24;

/// A server's text made safe to show: addresses and everything that looks like a key or token are replaced, control
/// characters and tags become blanks, the rest is cut at 240 characters.
#[must_use]
pub fn redact(text: &str) -> String {
    let mut words = Vec::new();
    let mut length = 0usize;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control() || c == '<' || c == '>') {
        if word.is_empty() {
            continue;
        }
        let word = shown(word);
        length = length.saturating_add(word.chars().count()).saturating_add(1);
        if length > SAID_MAX {
            words.push("…".to_owned());
            break;
        }
        words.push(word);
    }
    words.join(" ")
}

fn shown(word: &str) -> String {
    // `download_token=…`, `access_token:…` and the like: whatever follows is not ours to show.
    let lower = word.to_ascii_lowercase();
    if word.contains("://") || lower.contains("token=") || lower.contains("token:") {
        return "(address)".to_owned();
    }
    let mut run = 0usize;
    for c in word.chars() {
        run = if c.is_alphanumeric() {
            run.saturating_add(1)
        } else {
            0
        };
        if run >= SECRET_RUN {
            return "(redacted)".to_owned();
        }
    }
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_survives_debug() {
        let token = AccessToken::new("t0psecret".repeat(8)).unwrap();
        let keys = Credentials::keys("k3y-one", "k3y-two");
        let login = Credentials::password("someone", "hunter2");
        let shown = format!("{token:?} {keys:?} {login:?}");
        for secret in ["t0psecret", "k3y", "hunter2", "someone"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn a_servers_text_keeps_its_words_and_loses_addresses_and_tokens() {
        let token = "lGoVSof0VRwq1Gaza8fODfIxQ4pu6j6rZvnRUCRPunfw4q5ezk3dALLqQbUWu1nt";
        let said = redact(&format!(
            "Error on: https://fs1.host/x?download_token=abc acceptFileTypes {token} <b>no</b>"
        ));
        assert_eq!(said, "Error on: (address) acceptFileTypes (redacted) b no /b");
        assert!(redact(&"word ".repeat(500)).chars().count() <= SAID_MAX + 2);
    }

    #[test]
    fn a_token_is_visible_ascii() {
        assert!(AccessToken::new(String::new()).is_none());
        assert!(AccessToken::new("a b".into()).is_none());
        assert!(AccessToken::new("a".repeat(TOKEN_MAX + 1)).is_none());
        assert!(AccessToken::new("abc".into()).is_some());
    }
}
