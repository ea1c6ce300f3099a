//! `syncd remote raw`: any endpoint by its path. The session's token and account are added by the client and never shown.

use api::endpoints::{ALL, find};
use clap::Args;
use secrecy::ExposeSecret as _;

use super::session;
use crate::cli::{Context, prompt};
use crate::exit::Exit;
use crate::report::{Kind, Report};

/// What comes from the session, or is for signing in.
const OURS: [&str; 6] = [
    "access_token",
    "account_id",
    "key1",
    "key2",
    "username",
    "password",
];
/// What must not stand in a process list.
const SECRET: [&str; 1] = ["access_password"];

/// Arguments of `raw`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd remote raw account/info
  syncd remote raw folder/listing parent_folder_id=123")]
pub(crate) struct RawArgs {
    /// A path of the API, such as folder/listing
    #[arg(value_name = "ENDPOINT")]
    endpoint: String,

    /// Parameters
    #[arg(value_name = "KEY=VALUE")]
    params: Vec<String>,

    /// Read this parameter's value from standard input, one line
    #[arg(long, value_name = "KEY")]
    stdin: Option<String>,
}

/// Runs it.
pub(crate) fn raw(context: &Context, args: &RawArgs) -> Exit {
    let params = match checked(args) {
        Ok(params) => params,
        Err(report) => return context.output.fail(&report),
    };
    session(context, async |session, answers| {
        answers.exact = true;
        match session.client.raw(&args.endpoint, &params).await {
            Ok(answer) => {
                let text = serde_json::to_string_pretty(&answer).unwrap_or_default();
                answers.item(answer, &text);
            }
            Err(error) => {
                let told = session.call(&error);
                let cause = error.to_string();
                answers.fail(Report::new(told.kind, "the call failed", cause, told.next).at(&args.endpoint));
            }
        }
    })
}

fn wrong(at: &str, happened: &str, cause: impl Into<String>, next: impl Into<String>) -> Report {
    Report::new(Kind::Usage, happened, cause, next).at(at)
}

fn checked(args: &RawArgs) -> Result<Vec<(String, String)>, Report> {
    endpoint(&args.endpoint)?;
    let mut params = Vec::new();
    for param in &args.params {
        let Some((key, value)) = param.split_once('=') else {
            return Err(wrong(
                param,
                "not a parameter",
                "it has no \"=\"",
                "write KEY=VALUE",
            ));
        };
        ours(key)?;
        if SECRET.contains(&key.to_ascii_lowercase().as_str()) {
            return Err(wrong(
                key,
                "not sent",
                "a password among the arguments could be read by every user of this machine",
                format!("give its MD5 on standard input: --stdin {key}"),
            ));
        }
        params.push((key.to_owned(), value.to_owned()));
    }
    if let Some(key) = &args.stdin {
        ours(key)?;
        let value = prompt::secret_of_stdin(&format!("value of {key}"))?;
        params.push((key.clone(), value.expose_secret().to_owned()));
    }
    Ok(params)
}

fn ours(key: &str) -> Result<(), Report> {
    if OURS.contains(&key.to_ascii_lowercase().as_str()) {
        return Err(wrong(
            key,
            "not sent",
            "it is taken from the session and the credentials",
            "leave it out",
        ));
    }
    Ok(())
}

fn endpoint(path: &str) -> Result<(), Report> {
    let instead = match path.trim_matches('/').to_ascii_lowercase().as_str() {
        "authorize" => Some("syncd remote login"),
        "disable_access_token" => Some("syncd remote logout"),
        "file/upload" => Some("syncd remote put"),
        _ => None,
    };
    if let Some(instead) = instead {
        return Err(wrong(
            path,
            "not a call for raw",
            "it needs more than parameters",
            format!("use \"{instead}\""),
        ));
    }
    if find(path).is_some() {
        return Ok(());
    }
    let nearest = ALL
        .iter()
        .map(|spec| (strsim::jaro_winkler(path.trim_matches('/'), spec.path), spec.path))
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    let nearest = nearest.map_or("", |(_, path)| path);
    Err(wrong(
        path,
        "no endpoint of this API",
        "docs/api-coverage.md names all of them",
        format!("perhaps \"{nearest}\" is meant"),
    ))
}
