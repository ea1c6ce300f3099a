//! `syncd remote link` and `import`: addresses out of the account and into it.

use api::ScheduledId;
use clap::Args;
use serde_json::{Value, json};

use super::{Answers, Session, found, session};
use crate::cli::Context;
use crate::exit::Exit;
use crate::manual::{self, Fault, ImportState, Item, Target};
use crate::report::{Kind, Report};
use crate::text::{shown, size};

/// Arguments of `link`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd remote link /Photos/a.jpg")]
pub(crate) struct LinkArgs {
    /// Files
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<String>,
}

/// Arguments of `import`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd remote import https://example.org/disk.iso /Images --wait
  syncd remote import --status 12    how far it is")]
pub(crate) struct ImportArgs {
    /// A public address, http or https
    #[arg(value_name = "URL", required_unless_present = "status", requires = "into")]
    url: Option<String>,

    /// The folder of the account it goes into
    #[arg(value_name = "DIR")]
    into: Option<String>,

    /// Wait until it is there
    #[arg(long)]
    wait: bool,

    /// Ask how an earlier import stands, by its number
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["url", "into"])]
    status: Option<String>,
}

/// Runs `link`.
pub(crate) fn link(context: &Context, args: &LinkArgs) -> Exit {
    session(context, async |session, answers| {
        answers.exact = true;
        for one in found(session, &args.paths, answers).await {
            let Item::File(row) = &one.item else {
                let fault = Fault::NotAFile {
                    path: one.path.clone(),
                    next: "name a file; \"syncd remote stat\" shows a folder's page",
                };
                answers.fail(session.report(&fault));
                continue;
            };
            match session.client.download_link(row.id).await {
                Ok(link) => {
                    let item = json!({"path": one.path, "id": row.id.get(), "link": link.expose()});
                    answers.item(item, &shown(link.expose()));
                }
                Err(error) => answers.fail(session.call(&error)),
            }
        }
    })
}

/// Runs `import`.
pub(crate) fn import(context: &Context, args: &ImportArgs) -> Exit {
    session(context, async |session, answers| {
        if let Err(report) = imported(context, session, args, answers).await {
            answers.fail(report);
        }
    })
}

async fn imported(
    context: &Context,
    session: &Session,
    args: &ImportArgs,
    answers: &mut Answers,
) -> Result<(), Report> {
    let told = |fault: Fault| session.report(&fault);
    let id = match (&args.status, &args.url, &args.into) {
        (Some(text), _, _) => text.parse::<ScheduledId>().map_err(|_| {
            let cause = "it is a number from 1 on";
            Report::new(
                Kind::Usage,
                "not the number of an import",
                cause,
                "take it from what import said",
            )
            .at(text)
        })?,
        (None, Some(url), Some(into)) => {
            let web = url.starts_with("http://") || url.starts_with("https://");
            if !web || url::Url::parse(url).is_err() {
                let cause = "it must be a whole address that begins with http:// or https://";
                return Err(Report::new(Kind::Usage, "not an address", cause, "correct it"));
            }
            let target = Target::parse(into).map_err(told)?;
            let folder = session.desk.folder(&target).await.map_err(told)?;
            manual::import(&session.desk, url, &folder).await.map_err(told)?
        }
        _ => return Ok(()),
    };
    if args.status.is_none() && !args.wait {
        let line = format!("import {id} is waiting for its turn; \"syncd remote import --status {id}\" asks");
        answers.item(item(id, None), &line);
        return Ok(());
    }
    let mut last = String::new();
    let state = manual::watch_import(&session.desk, id, args.wait, |state| {
        let line = words(id, state);
        if args.wait && state.ended.is_none() && line != last {
            context.output.note(&line);
            last = line;
        }
    });
    let state = state.await.map_err(told)?;
    if state.ended == Some(false) {
        let cause = format!("the server says: {}", state.word);
        let next = "check that the address can be reached by everybody, then import it again";
        return Err(Report::new(Kind::Server, "not imported", cause, next).at(format!("import {id}")));
    }
    answers.item(item(id, Some(&state)), &words(id, &state));
    Ok(())
}

fn item(id: ScheduledId, state: Option<&ImportState>) -> Value {
    json!({
        "import": id.get(),
        "state": state.map_or("pending", |state| state.word.as_str()),
        "size": state.and_then(|state| state.size),
        "id": state.and_then(|state| state.file).map(api::FileId::get),
        "name": state.and_then(|state| state.name.as_deref()),
    })
}

fn words(id: ScheduledId, state: &ImportState) -> String {
    let mut line = format!("import {id}: {}", state.word);
    if let Some(bytes) = state.size {
        line.push_str(&format!(", {}", size(bytes)));
    }
    if let (Some(file), Some(name)) = (state.file, &state.name) {
        line.push_str(&format!(", {} (file:{file})", shown(name)));
    }
    line
}
