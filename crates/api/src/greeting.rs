//! What a server shows before anybody signs in: whether it is reached, its clock, how it words errors.
//!
//! It asks to sign in without credentials: that is an error on every server, counts as no attempt (wire.md §2), and
//! changes nothing. No token travels with it.

use serde_json::Value;

use crate::caller::Class;
use crate::client::Client;
use crate::error::{ApiError, Lost};
use crate::transport::{HttpBody, HttpRequest};
use bytes::Bytes;
use futures_util::StreamExt as _;

/// So much of the answer is looked at, bytes; the error is a line.
const LOOK_MAX: usize = 64 * 1024;

/// How a server greets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Greeting {
    /// HTTP status.
    pub status: u16,
    /// Its `Date`, as it is written.
    pub date: Option<String>,
    /// The key under which its error stands: `status` or `_status`. None: that was no error of this API.
    pub error_key: Option<&'static str>,
}

impl Client {
    /// Asks to sign in without credentials, once.
    ///
    /// # Errors
    /// The server is not reached ([`ApiError::Unreachable`] says at which step), or the connection broke.
    pub async fn greet(&self) -> Result<Greeting, ApiError> {
        let request = HttpRequest {
            post: true,
            url: self.caller().address("authorize")?,
            headers: vec![("content-type", "application/x-www-form-urlencoded".to_owned())],
            body: HttpBody::Full(Bytes::new()),
        };
        let limit = self.caller().config.timeouts.request;
        let exchange = tokio::time::timeout(limit, self.exchange(request)).await;
        exchange.unwrap_or_else(|_| Err(ApiError::lost(Lost::Timeout)))
    }

    async fn exchange(&self, request: HttpRequest) -> Result<Greeting, ApiError> {
        let response = self.caller().send(Class::SignIn, request).await?;
        let (status, date) = (response.status, response.header("date").map(str::to_owned));
        let mut text = Vec::new();
        let mut body = response.body;
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(|_| ApiError::lost(Lost::Cut))?;
            text.extend_from_slice(&piece);
            if text.len() > LOOK_MAX {
                break;
            }
        }
        Ok(Greeting {
            status,
            date,
            error_key: error_key(&text),
        })
    }
}

/// Junk before the object is passed over (Q38).
fn error_key(body: &[u8]) -> Option<&'static str> {
    let start = body.iter().position(|byte| *byte == b'{')?;
    let object: Value = serde_json::from_slice(body.get(start..)?).ok()?;
    let says = |key: &str| object.get(key).and_then(Value::as_str) == Some("error");
    if says("status") {
        Some("status")
    } else {
        says("_status").then_some("_status")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_the_error_is_told_whatever_stands_before_it() {
        assert_eq!(
            error_key(b"{\"status\":\"error\",\"response\":\"x\"}"),
            Some("status")
        );
        assert_eq!(
            error_key(b"\xef\xbb\xbf<b>W</b>{\"_status\":\"error\"}"),
            Some("_status")
        );
        for other in [&b""[..], b"<html>", b"{\"_status\":\"success\"}", b"{"] {
            assert_eq!(error_key(other), None);
        }
    }
}
