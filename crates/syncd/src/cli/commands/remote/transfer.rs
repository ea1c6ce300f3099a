//! `syncd remote put`, `get`, `cat`, `cp`: bytes to, from and within the account.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{Answers, Session, found, session, targets};
use crate::cli::Context;
use crate::exit::Exit;
use crate::manual::{self, Copied, Copying, Fault, Found, Got, Item, Sent, Target, There};
use crate::report::{Kind, Report};
use crate::text::{shown, size};

/// Arguments of `put`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd remote put a.jpg b.jpg /Photos
  syncd remote put -r ~/Photos/2026 /Photos
  syncd remote put --replace todo.txt /Notes    a new version of what is there")]
pub(crate) struct PutArgs {
    /// Files to send, then the folder of the account that they go into
    #[arg(value_name = "FILE", required = true, num_args = 2..)]
    paths: Vec<PathBuf>,

    /// Folders too, with all that is in them
    #[arg(short, long)]
    recursive: bool,

    /// Where the name is taken by a file, put that into the account's trash once the new one is there
    #[arg(long)]
    replace: bool,
}

/// Arguments of `get`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd remote get /Notes/todo.txt
  syncd remote get --to ~/Photos --resume /Photos/2026    goes on where it was cut off")]
pub(crate) struct GetArgs {
    /// Files and folders of the account
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<String>,

    /// The folder of this machine that they go into
    #[arg(long, value_name = "DIR", default_value = ".")]
    to: PathBuf,

    /// Replace files that are there
    #[arg(long)]
    force: bool,

    /// Take files that are there and as long as they should be for done; parts are always gone on with
    #[arg(long, conflicts_with = "force")]
    resume: bool,
}

/// Arguments of `cat`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd remote cat /Notes/todo.txt
  syncd remote cat /backup.tar.gz | tar tz")]
pub(crate) struct CatArgs {
    /// Files
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<String>,
}

/// Arguments of `cp`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd remote cp /Notes/todo.txt /Notes/old.txt
  syncd remote cp -r --by-transfer /Photos /Backup")]
pub(crate) struct CpArgs {
    /// What is copied, then the folder it goes into, or its new path
    #[arg(value_name = "PATH", required = true, num_args = 2..)]
    paths: Vec<String>,

    /// Folders too, with all that is in them
    #[arg(short, long)]
    recursive: bool,

    /// Fetch and send instead of having the server copy
    #[arg(long)]
    by_transfer: bool,
}

/// Runs `put`.
pub(crate) fn put(context: &Context, args: &PutArgs) -> Exit {
    session(context, async |session, answers| {
        let Some((into, files)) = args.paths.split_last() else {
            return;
        };
        let into = match into.to_str().map(Target::parse) {
            Some(Ok(target)) => session.desk.folder(&target).await,
            Some(Err(fault)) => Err(fault),
            None => Err(Fault::BadTarget {
                text: into.display().to_string(),
                why: "it is not UTF-8",
            }),
        };
        let into = match into {
            Ok(into) => into,
            Err(fault) => return answers.fail(session.report(&fault)),
        };
        session.progress.begin("put");
        let sink = session.progress.as_ref();
        let sent = manual::put(&session.desk, files, &into, args.recursive, args.replace, sink).await;
        answers.each(session, sent, told_sent);
    })
}

fn told_sent(answers: &mut Answers, sent: &Sent) {
    let old = match sent.replaced {
        Some(id) => format!("; file:{id} went to the trash"),
        None => String::new(),
    };
    let line = format!(
        "{} -> {} (file:{}, {}{old})",
        shown(&sent.from),
        shown(&sent.path),
        sent.id,
        size(sent.size)
    );
    let item = json!({
        "from": sent.from, "path": sent.path, "id": sent.id, "size": sent.size, "replaced": sent.replaced,
    });
    answers.item(item, &line);
}

/// Runs `get`.
pub(crate) fn get(context: &Context, args: &GetArgs) -> Exit {
    session(context, async |session, answers| {
        let wanted = found(session, &args.paths, answers).await;
        if wanted.is_empty() {
            return;
        }
        let there = match (args.force, args.resume) {
            (true, _) => There::Replace,
            (false, true) => There::KeepWhole,
            (false, false) => There::Refuse,
        };
        session.progress.begin("get");
        let sink = session.progress.as_ref();
        let got = manual::get(&session.desk, &wanted, &args.to, there, sink).await;
        answers.each(session, got, told_got);
    })
}

fn told_got(answers: &mut Answers, got: &Got) {
    let how = match (got.kept, got.resumed) {
        (true, _) => "; it was here".to_owned(),
        (false, 0) => String::new(),
        (false, resumed) => format!("; {} were here", size(resumed)),
    };
    let line = format!(
        "{} -> {} (file:{}, {}{how})",
        shown(&got.from),
        shown(&got.path),
        got.id,
        size(got.size)
    );
    let item = json!({
        "from": got.from, "path": got.path, "id": got.id, "size": got.size, "resumed": got.resumed, "kept": got.kept,
    });
    answers.item(item, &line);
}

/// Runs `cat`.
pub(crate) fn cat(context: &Context, args: &CatArgs) -> Exit {
    if context.output.is_json() {
        return context.output.fail(&Report::new(
            Kind::Usage,
            "cat has no --json",
            "it gives the bytes as they are",
            "leave --json out",
        ));
    }
    session(context, async |session, answers| {
        for one in found(session, &args.paths, answers).await {
            if let Err(fault) = pour(context, session, &one).await {
                answers.fail(session.report(&fault));
            }
        }
        context.output.flush();
    })
}

async fn pour(context: &Context, session: &Session, one: &Found) -> Result<(), Fault> {
    let Item::File(row) = &one.item else {
        return Err(Fault::NotAFile {
            path: one.path.clone(),
            next: "\"syncd remote ls\" shows what is in it",
        });
    };
    let sink = session.progress.as_ref();
    manual::pour(&session.desk, row, &one.path, sink, |bytes| {
        context.output.bytes(bytes)
    })
    .await
}

/// Runs `cp`.
pub(crate) fn cp(context: &Context, args: &CpArgs) -> Exit {
    session(context, async |session, answers| {
        let Some((to, from)) = args.paths.split_last() else {
            return;
        };
        let to = match targets(session, std::slice::from_ref(to)) {
            Ok(mut targets) => targets.pop(),
            Err(report) => return answers.fail(report),
        };
        let Some(to) = to else { return };
        let how = if args.by_transfer {
            Copying::Here
        } else {
            Copying::Best
        };
        let all = found(session, from, answers).await;
        let single = all.len() == 1;
        session.progress.begin("cp");
        let sink = session.progress.as_ref();
        for one in &all {
            let copied = manual::copy(&session.desk, one, &to, (single, args.recursive), how, sink).await;
            answers.each(session, copied, told_copy);
        }
    })
}

fn told_copy(answers: &mut Answers, copied: &Copied) {
    let how = if copied.by_server {
        "by the server"
    } else {
        "fetched and sent"
    };
    let line = format!(
        "{} -> {} (file:{}, {}, {how})",
        shown(&copied.from),
        shown(&copied.path),
        copied.id,
        size(copied.size)
    );
    let item = json!({
        "from": copied.from, "path": copied.path, "id": copied.id, "size": copied.size,
        "by_server": copied.by_server,
    });
    answers.item(item, &line);
}
