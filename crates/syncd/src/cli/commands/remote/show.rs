//! `syncd remote ls`, `tree`, `stat`: what is there. Changes nothing.

use std::fmt::Write as _;

use clap::Args;

use super::{Answers, Session, found, json_of, session};
use crate::cli::Context;
use crate::exit::Exit;
use crate::manual::{Found, Item, Reach, Row, below};
use crate::text::{shown, size};

/// Arguments of `ls`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd remote ls
  syncd remote ls -l /Photos
  syncd remote ls -R --json id:123")]
pub(crate) struct LsArgs {
    /// Folders or files; patterns such as "/photos/*.jpg" are possible
    #[arg(value_name = "PATH", default_value = "/")]
    paths: Vec<String>,

    /// Also id, size and visibility
    #[arg(short, long)]
    long: bool,

    /// Also what is below the folders in it
    #[arg(short = 'R', long)]
    recursive: bool,

    /// Also what is in the trash, as far as the server lists it
    #[arg(short, long)]
    all: bool,
}

/// Arguments of `tree`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd remote tree /Photos
  syncd remote tree --depth 2")]
pub(crate) struct TreeArgs {
    /// Folders
    #[arg(value_name = "PATH", default_value = "/")]
    paths: Vec<String>,

    /// No deeper than that
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    depth: Option<u16>,
}

/// Arguments of `stat`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd remote stat /Photos/a.jpg
  syncd remote stat file:123    also of what is in the trash")]
pub(crate) struct StatArgs {
    /// Files or folders
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<String>,
}

/// Runs `ls`.
pub(crate) fn ls(context: &Context, args: &LsArgs) -> Exit {
    session(context, async |session, answers| {
        let all = found(session, &args.paths, answers).await;
        let headed = all.len() > 1;
        let depth = if args.recursive { Reach::ALL.depth } else { 1 };
        let reach = Reach {
            depth,
            dead: args.all,
        };
        for one in &all {
            if let Item::File(_) = one.item {
                let line = entry(one, false, args.long, &one.path);
                answers.item(json_of(one, false), &line);
                continue;
            }
            if headed {
                let _ = writeln!(answers.lines, "{}:", shown(&one.path));
            }
            for row in walk(session, answers, one, reach).await {
                let name = if args.recursive {
                    row.found.path.as_str()
                } else {
                    row.found.name()
                };
                let line = entry(&row.found, row.dead, args.long, name);
                answers.item(json_of(&row.found, row.dead), &line);
            }
        }
    })
}

/// Runs `tree`.
pub(crate) fn tree(context: &Context, args: &TreeArgs) -> Exit {
    session(context, async |session, answers| {
        answers.exact = true;
        let depth = args.depth.map_or(Reach::ALL.depth, usize::from);
        let reach = Reach { depth, dead: false };
        for one in found(session, &args.paths, answers).await {
            let _ = writeln!(answers.lines, "{}", shown(&one.path));
            let rows = walk(session, answers, &one, reach).await;
            for (at, row) in rows.iter().enumerate() {
                let line = branch(&rows, at, row);
                answers.item(json_of(&row.found, row.dead), &line);
            }
        }
    })
}

async fn walk(session: &Session, answers: &mut Answers, one: &Found, reach: Reach) -> Vec<Row> {
    match below(&session.desk, one, reach).await {
        Ok((rows, failed)) => {
            for fault in failed {
                answers.fail(session.report(&fault));
            }
            rows
        }
        Err(fault) => {
            answers.fail(session.report(&fault));
            Vec::new()
        }
    }
}

/// A line of a tree: a bar for each folder above that has more to come.
fn branch(rows: &[Row], at: usize, row: &Row) -> String {
    let more = |depth: usize| {
        let after = rows.iter().skip(at.saturating_add(1));
        let mut after = after.skip_while(|other| other.depth > depth);
        after.next().is_some_and(|other| other.depth == depth)
    };
    let mut line = String::new();
    for depth in 0..row.depth {
        line.push_str(if more(depth) { "│   " } else { "    " });
    }
    line.push_str(if more(row.depth) {
        "├── "
    } else {
        "└── "
    });
    line.push_str(&shown(row.found.name()));
    if let Item::Folder(_) = row.found.item {
        line.push('/');
    }
    line
}

/// A line of a listing.
fn entry(found: &Found, dead: bool, long: bool, name: &str) -> String {
    let slash = if let Item::Folder(_) = found.item { "/" } else { "" };
    let trash = if dead { "  (in the trash)" } else { "" };
    let name = shown(name);
    if !long {
        return format!("{name}{slash}{trash}");
    }
    let (bytes, seen) = match &found.item {
        Item::Top => (String::new(), ""),
        Item::Folder(row) => (String::new(), visibility(row.is_public)),
        Item::File(row) => (size(row.size), ""),
    };
    format!("{:<16} {bytes:>10}  {seen:<8}  {name}{slash}{trash}", found.id())
}

const fn visibility(public: Option<u64>) -> &'static str {
    match public {
        Some(0) => "private",
        Some(1) => "unlisted",
        Some(2) => "public",
        Some(_) | None => "",
    }
}

/// Runs `stat`.
pub(crate) fn stat(context: &Context, args: &StatArgs) -> Exit {
    session(context, async |session, answers| {
        for one in found(session, &args.paths, answers).await {
            // A listing says less than the thing's own row does.
            let whole = match &one.item {
                Item::Top => Ok(one.item.clone()),
                Item::Folder(row) => session.client.folder_info(row.id).await.map(Item::Folder),
                Item::File(row) => session.client.file_info(row.id).await.map(Item::File),
            };
            match whole {
                Ok(item) => {
                    let path = one.path;
                    let one = Found { path, item };
                    let value = json_of(&one, false);
                    answers.item(value.clone(), &fields(&value));
                }
                Err(error) => answers.fail(session.call(&error)),
            }
        }
    })
}

/// What is known, a line each.
fn fields(value: &serde_json::Value) -> String {
    let mut out = String::new();
    for (key, field) in value.as_object().into_iter().flatten() {
        let text = match field.as_str() {
            _ if field.is_null() => continue,
            Some(text) => shown(text),
            None => field.to_string(),
        };
        if !text.is_empty() {
            let _ = writeln!(out, "{key:<10} {text}");
        }
    }
    out
}
