//! `syncd remote`: the account at hand, a file for each family of commands.
//!
//! They need the account alone, no pair, and run beside a service: all share one session. What they do is in `manual`;
//! here are arguments, words and exit codes.

mod account;
mod change;
mod link;
mod raw;
mod show;
mod transfer;

use std::sync::Arc;
use std::time::Duration;

use clap::Subcommand;
use serde::Serialize;
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;

use crate::cli::progress::Progress;
use crate::cli::{Context, logging};
use crate::exit::Exit;
use crate::manual::{Desk, Fault, Found, Item, Target};
use crate::report::{Report, ReportJson};
use crate::service::limiter::Limiter;
use crate::service::prepare::{account_ground, client, one_thread};
use crate::text::shown;

/// After the end, threads that still wait for a disk get so long.
const LEAVE: Duration = Duration::from_secs(2);

/// Parts of `remote`. Paths begin at the account's root; `id:123`, `file:123` and `folder:123` name by id.
#[derive(Subcommand, Debug)]
pub(crate) enum RemoteCommand {
    /// What is in a folder
    Ls(show::LsArgs),
    /// A folder with all that is below it, drawn as a tree
    Tree(show::TreeArgs),
    /// All that the server says of a file or folder
    Stat(show::StatArgs),
    /// Make folders
    Mkdir(change::MkdirArgs),
    /// Send files into a folder
    Put(transfer::PutArgs),
    /// Fetch files and folders
    Get(transfer::GetArgs),
    /// Write files' bytes to standard output
    Cat(transfer::CatArgs),
    /// Copy within the account
    Cp(transfer::CpArgs),
    /// Move or rename
    Mv(change::MvArgs),
    /// Move to the account's trash
    Rm(change::RmArgs),
    /// Change name, type, visibility or password
    Edit(change::EditArgs),
    /// A download link: whoever has it can fetch the file for a day
    Link(link::LinkArgs),
    /// Have the server fetch a public address into a folder
    Import(link::ImportArgs),
    /// Who the account is
    #[command(after_help = "Examples:
  syncd remote account")]
    Account,
    /// What its package allows
    #[command(after_help = "Examples:
  syncd remote package --json")]
    Package,
    /// Sign in, or make sure of the session
    #[command(after_help = "Examples:
  syncd remote login")]
    Login,
    /// End the session on the server
    #[command(after_help = "Examples:
  syncd remote logout")]
    Logout,
    /// Any call of the API, with its answer as it came
    Raw(raw::RawArgs),
}

/// Runs one of them.
pub(crate) fn run(context: &Context, command: RemoteCommand) -> Exit {
    match command {
        RemoteCommand::Ls(args) => show::ls(context, &args),
        RemoteCommand::Tree(args) => show::tree(context, &args),
        RemoteCommand::Stat(args) => show::stat(context, &args),
        RemoteCommand::Mkdir(args) => change::mkdir(context, &args),
        RemoteCommand::Put(args) => transfer::put(context, &args),
        RemoteCommand::Get(args) => transfer::get(context, &args),
        RemoteCommand::Cat(args) => transfer::cat(context, &args),
        RemoteCommand::Cp(args) => transfer::cp(context, &args),
        RemoteCommand::Mv(args) => change::mv(context, &args),
        RemoteCommand::Rm(args) => change::rm(context, &args),
        RemoteCommand::Edit(args) => change::edit(context, &args),
        RemoteCommand::Link(args) => link::link(context, &args),
        RemoteCommand::Import(args) => link::import(context, &args),
        RemoteCommand::Account => account::account(context),
        RemoteCommand::Package => account::package(context),
        RemoteCommand::Login => account::login(context),
        RemoteCommand::Logout => account::logout(context),
        RemoteCommand::Raw(args) => raw::raw(context, &args),
    }
}

/// What a command works with.
struct Session {
    desk: Desk,
    client: api::Client,
    progress: Arc<Progress>,
    limiter: Limiter,
    api_url: String,
}

impl Session {
    fn report(&self, fault: &Fault) -> Report {
        Report::from_manual(fault, &self.api_url)
    }

    fn call(&self, error: &api::ApiError) -> Report {
        Report::from_api(error, &self.api_url)
    }
}

/// Results, one for each thing, and what failed.
#[derive(Default)]
struct Answers {
    items: Vec<Value>,
    lines: String,
    /// The lines are no prose: they stay whole on any terminal.
    exact: bool,
    failed: Vec<Report>,
}

impl Answers {
    fn item(&mut self, item: Value, line: &str) {
        self.items.push(item);
        self.lines.push_str(line);
        self.lines.push('\n');
    }

    fn fail(&mut self, report: Report) {
        self.failed.push(report);
    }

    /// What was done with each of several things.
    fn each<T>(&mut self, session: &Session, done: Vec<Result<T, Fault>>, tell: impl Fn(&mut Self, &T)) {
        for one in done {
            match one {
                Ok(one) => tell(self, &one),
                Err(fault) => self.fail(session.report(&fault)),
            }
        }
    }
}

/// Every command's JSON.
#[derive(Serialize)]
struct AnswersJson<'a> {
    v: u8,
    items: &'a [Value],
    failed: Vec<ReportJson<'a>>,
    exit: u8,
}

/// Signs in as far as needed, runs, tells.
fn session(context: &Context, work: impl AsyncFnOnce(&Session, &mut Answers)) -> Exit {
    match ready(context) {
        Ok((session, runtime)) => {
            let mut answers = Answers::default();
            runtime.block_on(async {
                // Limits of bandwidth change by the clock.
                tokio::select! {
                    () = work(&session, &mut answers) => {}
                    never = session.limiter.follow(|_| {}) => match never {},
                }
            });
            session.progress.end();
            runtime.shutdown_timeout(LEAVE);
            tell(context, &answers)
        }
        Err(report) => context.output.fail(&report),
    }
}

fn ready(context: &Context) -> Result<(Session, tokio::runtime::Runtime), Report> {
    let ground = account_ground(&context.choice, &context.env)?;
    let client = client(&ground.config, ground.credentials)?;
    let runtime = one_thread()?;
    let progress = Arc::new(Progress::new(context.output, context.verbosity > 0));
    logging::start(context, &ground.config.log, LevelFilter::WARN, progress.bar());
    let session = Session {
        desk: Desk::new(client.clone(), &ground.config),
        limiter: Limiter::new(client.clone(), ground.config.limits.clone()),
        client,
        progress,
        api_url: ground.config.account.api_url.to_string(),
    };
    Ok((session, runtime))
}

/// Some done and some not is 3; nothing done is what the worst failure says.
fn exit(answers: &Answers) -> Exit {
    let worst = Exit::of_pairs(answers.failed.iter().map(Report::exit));
    if matches!(worst, Exit::InSync | Exit::NoAccess) || answers.items.is_empty() {
        worst
    } else {
        Exit::NotInSync
    }
}

fn tell(context: &Context, answers: &Answers) -> Exit {
    let exit = exit(answers);
    for report in &answers.failed {
        context.output.error(report);
    }
    if context.output.is_json() {
        context.output.object(&AnswersJson {
            v: 1,
            items: &answers.items,
            failed: answers.failed.iter().map(Report::json).collect(),
            exit: exit.code(),
        });
    } else if answers.exact {
        context.output.exact(&answers.lines);
    } else {
        context.output.text(&answers.lines);
    }
    exit
}

/// Targets as the user wrote them; all must make sense before anything is asked.
fn targets(session: &Session, texts: &[String]) -> Result<Vec<Target>, Report> {
    let parsed = texts.iter().map(|text| Target::parse(text));
    parsed
        .collect::<Result<_, _>>()
        .map_err(|fault| session.report(&fault))
}

/// Everything that is meant, each once; what is not there is told.
async fn found(session: &Session, texts: &[String], answers: &mut Answers) -> Vec<Found> {
    let targets = match targets(session, texts) {
        Ok(targets) => targets,
        Err(report) => {
            answers.fail(report);
            return Vec::new();
        }
    };
    let mut all: Vec<Found> = Vec::new();
    for target in &targets {
        match session.desk.all(target).await {
            Ok(found) => {
                for one in found {
                    if all.iter().all(|other| other.id() != one.id()) {
                        all.push(one);
                    }
                }
            }
            Err(fault) => {
                answers.fail(session.report(&fault));
                if fault.is_fatal() {
                    return Vec::new();
                }
            }
        }
    }
    all
}

/// A file or folder as JSON; the same keys for all.
fn json_of(found: &Found, dead: bool) -> Value {
    let state = |state: &Option<api::RowState>| match state {
        Some(api::RowState::Trash) => "trash",
        Some(api::RowState::Deleted) => "deleted",
        Some(api::RowState::Other(_)) => "other",
        _ if dead => "trash",
        Some(api::RowState::Active) | None => "active",
    };
    let parent = |parent: &Option<api::Parent>| match parent {
        Some(api::Parent::In(id)) => json!(id.get()),
        Some(api::Parent::Top | api::Parent::Limbo) | None => Value::Null,
    };
    match &found.item {
        Item::Top => json!({
            "path": "/", "name": "", "kind": "folder", "id": null, "size": null, "state": "active", "parent": null,
            "type": null, "public": null, "short_url": null, "url": null, "downloads": null, "added": null,
            "updated": null, "accessed": null,
        }),
        Item::Folder(row) => json!({
            "path": found.path, "name": row.name, "kind": "folder", "id": row.id.get(), "size": row.total_size,
            "state": state(&row.state), "parent": parent(&row.parent), "type": null, "public": row.is_public,
            "short_url": null, "url": row.url, "downloads": row.total_downloads, "added": row.date_added,
            "updated": row.date_updated, "accessed": null,
        }),
        Item::File(row) => json!({
            "path": found.path, "name": row.name, "kind": "file", "id": row.id.get(), "size": row.size,
            "state": state(&row.state), "parent": parent(&row.parent), "type": row.file_type, "public": null,
            "short_url": row.short_url, "url": row.url, "downloads": row.downloads, "added": row.uploaded_date,
            "updated": null, "accessed": row.last_accessed,
        }),
    }
}

/// A path and its id for people.
fn line_of(found: &Found) -> String {
    format!("{} ({})", shown(&found.path), found.id())
}
