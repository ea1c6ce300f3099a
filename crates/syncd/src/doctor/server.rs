//! The server: reached by name and over TLS, its clock, whether it lets us in, and which line of the software it seems to be.

use api::{ApiError, Client, Greeting, Parent, Unreachable};
use serde_json::Value;

use super::Finding;
use crate::engine::now;
use crate::report::Report;

/// So far apart clocks may be, seconds: nothing is decided by the server's clock, but certificates and logs are compared.
const SKEW_MAX: i64 = 120;

/// What was seen of how a server answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Evidence {
    /// The key that its errors stand under.
    pub(crate) error_key: Option<&'static str>,
    /// Rows of folders carry a state; none: there was no folder to see.
    pub(crate) folder_states: Option<bool>,
    /// It imports by address.
    pub(crate) imports: Option<bool>,
}

/// Asks the server without signing in.
pub(crate) async fn reach(client: &Client, url: &str) -> (Vec<Finding>, Option<Greeting>) {
    match client.greet().await {
        Ok(greeting) => (reached(url, &greeting, now()), Some(greeting)),
        Err(error) => (unreached(url, &error), None),
    }
}

fn reached(url: &str, greeting: &Greeting, now: i64) -> Vec<Finding> {
    let tls = if url.starts_with("https:") {
        Finding::fine("tls", "the certificate is trusted")
    } else {
        Finding::fine("tls", "not used: plain http")
    };
    let answer = if greeting.error_key.is_some() {
        Finding::fine("api", format!("{url} answers as the File Upload API v2 does"))
    } else {
        Finding::todo(
            "api",
            format!(
                "{url} answers with HTTP {} and something that is no answer of the API",
                greeting.status
            ),
            "check account.api_url against the address in the account's API settings",
        )
    };
    vec![
        Finding::fine("dns", "the server's name is found, and it answers"),
        tls,
        answer,
        clock(greeting.date.as_deref(), now),
    ]
}

fn unreached(url: &str, error: &ApiError) -> Vec<Finding> {
    let told = |check| Finding::of(check, &Report::from_api(error, url));
    let fine = |check, says: &str| Finding::fine(check, says);
    let after = |check| Finding::unknown(check, "the server is not reached");
    let mut findings = if let ApiError::Unreachable { kind, .. } = error {
        match kind {
            Unreachable::Dns | Unreachable::Offline => vec![told("dns"), after("tls")],
            Unreachable::Connect | Unreachable::Proxy => vec![told("dns"), after("tls")],
            Unreachable::Tls => vec![fine("dns", "the server's name is found"), told("tls")],
        }
    } else {
        vec![told("dns"), after("tls")]
    };
    findings.extend([after("api"), after("clock")]);
    findings
}

fn clock(date: Option<&str>, now: i64) -> Finding {
    let parsed = date.and_then(|text| jiff::fmt::rfc2822::parse(text).ok());
    let Some(there) = parsed.map(|at| at.timestamp().as_second()) else {
        return Finding::unknown("clock", "the server tells no time");
    };
    let apart = now.saturating_sub(there);
    if apart.abs() <= SKEW_MAX {
        return Finding::fine("clock", "this clock and the server's agree");
    }
    let way = if apart > 0 { "ahead of" } else { "behind" };
    Finding::todo(
        "clock",
        format!("this clock is {} s {way} the server's", apart.abs()),
        "set the clock of this machine, by NTP at best; a wrong server clock does no harm",
    )
}

/// Whether the session works, by the token that all processes share.
pub(crate) async fn session(client: &Client, url: &str) -> Finding {
    match client.account_info().await {
        Ok(info) => Finding::fine("sign-in", format!("account {}", info.id)),
        Err(error) => Finding::of("sign-in", &Report::from_sign_in(&error, url)),
    }
}

/// What the package allows, as far as it matters.
pub(crate) async fn package(client: &Client, url: &str) -> Finding {
    let package = match client.account_package().await {
        Ok(package) => package,
        Err(error) => return Finding::of("package", &Report::from_api(&error, url)),
    };
    if package.can_upload == Some(false) {
        let next = "choose another package on the site, or direction = \"download\"";
        return Finding::todo("package", "it does not allow uploads", next);
    }
    match package.days_to_keep_inactive_files {
        Some(days) => Finding::todo(
            "package",
            format!("the server deletes files that nobody downloads for {days} days, without trash"),
            "know that; files that expire there stay here, and are uploaded anew",
        ),
        None => Finding::fine("package", "allows uploads, and keeps files"),
    }
}

/// Which line of the server software it seems to be, and by what.
pub(crate) async fn dialect(client: &Client, greeting: Option<&Greeting>) -> Finding {
    let mut evidence = Evidence {
        error_key: greeting.and_then(|greeting| greeting.error_key),
        ..Evidence::default()
    };
    if let Ok(listing) = client.folder_listing(Parent::Top).await {
        evidence.folder_states = listing.folders.first().map(|row| row.state.is_some());
    }
    let none = [("scheduled_item_id".to_owned(), "1".to_owned())];
    let asked: Result<Value, ApiError> = client.raw("file/url_upload_status", &none).await;
    evidence.imports = match asked {
        Err(ApiError::Unsupported { .. }) => Some(false),
        Ok(_) => Some(true),
        Err(error) => (!error.is_transient()).then_some(true),
    };
    judge(evidence)
}

fn judge(evidence: Evidence) -> Finding {
    let like = match (evidence.error_key, evidence.folder_states, evidence.imports) {
        (_, _, Some(true)) => "newer than 5.3, as the document describes it",
        (Some("status"), Some(false) | None, _) => "the 4.5 line",
        (Some("_status"), Some(true) | None, _) => "the 5 line",
        (None, None, None) => return Finding::unknown("dialect", "nothing was seen of it"),
        _ => "of no line that is known: a mixture",
    };
    let key = evidence.error_key.map_or("errors unseen".to_owned(), |key| {
        format!("errors under \"{key}\"")
    });
    let states = match evidence.folder_states {
        Some(true) => "folder rows with a state",
        Some(false) => "folder rows without a state",
        None => "no folder to see",
    };
    let imports = match evidence.imports {
        Some(true) => "imports by address",
        Some(false) => "no imports by address",
        None => "imports unknown",
    };
    Finding::fine("dialect", format!("{like}; evidence: {key}, {states}, {imports}"))
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn clocks_may_differ_by_two_minutes() {
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        let there = 784_111_777;
        assert_eq!(clock(date, there).state, State::Fine);
        assert_eq!(clock(date, there + 120).state, State::Fine);
        assert!(clock(date, there + 121).says.contains("121 s ahead of"));
        assert!(clock(date, there - 3600).says.contains("3600 s behind"));
        assert_eq!(clock(None, there).state, State::Unknown);
        assert_eq!(clock(Some("yesterday"), there).state, State::Unknown);
    }

    #[test]
    fn the_line_of_the_server_is_told_by_what_was_seen() {
        let seen = |error_key, folder_states, imports| {
            judge(Evidence {
                error_key,
                folder_states,
                imports,
            })
            .says
        };
        assert!(seen(Some("status"), Some(false), Some(false)).starts_with("the 4.5 line"));
        assert!(seen(Some("_status"), Some(true), Some(false)).starts_with("the 5 line"));
        assert!(seen(Some("_status"), Some(true), Some(true)).starts_with("newer than 5.3"));
        assert!(seen(Some("status"), Some(true), Some(false)).starts_with("of no line"));
        assert_eq!(seen(None, None, None), "nothing was seen of it");
    }

    #[test]
    fn what_is_not_reached_is_told_once_at_the_step_that_failed() {
        let error = ApiError::Unreachable {
            kind: Unreachable::Tls,
            cause: "expired".into(),
        };
        let states: Vec<_> = unreached("https://a.example/", &error)
            .iter()
            .map(|it| (it.check, it.state))
            .collect();
        assert_eq!(
            states,
            [
                ("dns", State::Fine),
                ("tls", State::Todo),
                ("api", State::Unknown),
                ("clock", State::Unknown)
            ]
        );
    }
}
