//! `/authorize`, `/disable_access_token`, `/account/info`, `/account/package`. One account, two keys.

use super::super::answer::{Failure, Object, Outcome};
use super::super::request::Given;
use super::super::state::State;
use super::{Call, said};

/// The account's number.
pub(super) const ACCOUNT: i64 = 158_642;
const ACCOUNT_TEXT: &str = "158642";
/// Length of `key1` and `key2`.
const KEY_LENGTH: usize = 64;
/// A token dies this many seconds after its last use.
const TOKEN_LIFE: u64 = 3600;
const REJECTED: &str = "Could not authenticate user. The username and password may be invalid or your account may be locked from too many failed logins.";

/// The account's first key.
pub(super) fn key1() -> String {
    "1".repeat(KEY_LENGTH)
}

/// The account's second key.
pub(super) fn key2() -> String {
    "2".repeat(KEY_LENGTH)
}

/// Takes a living token, and prolongs its life.
pub(super) fn use_token(state: &mut State, token: &str, now: u64) -> Result<(), Failure> {
    let Some(used) = state.store.tokens.get_mut(token) else {
        return Err(Failure::token());
    };
    // A token that was never used does not expire.
    if used.is_some_and(|used| now.saturating_sub(used) > TOKEN_LIFE) {
        state.store.tokens.remove(token);
        return Err(Failure::token());
    }
    *used = Some(now);
    Ok(())
}

/// `/authorize`. On the real lines a login ends every other session (Q01).
pub(super) fn authorize(call: &mut Call<'_>) -> Outcome {
    for key in ["key1", "key2"] {
        let given = call.params.raw(key).filter(|value| value.len() == KEY_LENGTH);
        given.ok_or_else(|| {
            Failure::refused(format!(
                "Please provide {key}. It must be {KEY_LENGTH} characters in length."
            ))
        })?;
    }
    let right =
        call.params.raw("key1") == Some(key1().as_str()) && call.params.raw("key2") == Some(key2().as_str());
    if !right {
        return Err(Failure::refused(REJECTED));
    }
    if call.dialect().is_real() {
        call.state.store.tokens.clear();
    }
    let token = format!("{:016x}{:0>112}", call.dice.draw(), call.state.calls);
    call.state.store.tokens.insert(token.clone(), None);
    let mut data = Object::new(call.dialect());
    data.text("access_token", &token).text("account_id", ACCOUNT_TEXT);
    let mut answer = Object::new(call.dialect());
    answer.object("data", data);
    Ok(answer)
}

/// `/disable_access_token`.
pub(super) fn disable(call: &mut Call<'_>) -> Outcome {
    call.signed_in()?;
    if let Some(token) = call.params.raw("access_token") {
        call.state.store.tokens.remove(token);
    }
    Ok(said(call.dialect(), "Token removed or no longer available."))
}

/// Whether the account asked for is ours; of others there is no row.
fn is_ours(call: &Call<'_>) -> bool {
    call.params.given("account_id") == Given::Number(ACCOUNT)
}

fn row(call: &Call<'_>, write: impl FnOnce(&mut Object)) -> Outcome {
    let mut answer = Object::new(call.dialect());
    if is_ours(call) {
        let mut data = Object::new(call.dialect());
        write(&mut data);
        answer.object("data", data);
    } else {
        answer.raw("data", "false");
    }
    Ok(answer)
}

/// `/account/info`.
pub(super) fn info(call: &mut Call<'_>) -> Outcome {
    call.token_lives()?;
    row(call, |data| {
        data.text("id", ACCOUNT_TEXT)
            .text("username", "admin")
            .number("level_id", 20)
            .text("status", "active");
    })
}

/// `/account/package`: nothing is limited.
pub(super) fn package(call: &mut Call<'_>) -> Outcome {
    call.token_lives()?;
    row(call, |data| {
        data.number("id", 20)
            .text("label", "Premium Account")
            .text("level_type", "paid user")
            .number("can_upload", 1)
            .number("concurrent_uploads", 100)
            .number("max_remote_download_urls", 50);
        for unlimited in [
            "max_upload_size",
            "max_storage_bytes",
            "concurrent_downloads",
            "days_to_keep_inactive_files",
        ] {
            data.number(unlimited, 0);
        }
    })
}
