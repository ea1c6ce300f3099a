//! `syncd filestatus PATH…`: how files and folders are, and why; from journal and disk, or from the service that holds the
//! journal.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::pairs;
use crate::cli::{Context, control};
use crate::exit::Exit;
use crate::report::Report;
use crate::service::control::answers;
use crate::service::control::wire::{FileItem, Files, VERSION};
use crate::text::shown;

/// Arguments of `filestatus`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd filestatus ~/Cloud/todo.txt
  syncd filestatus --json ~/Cloud/todo.txt ~/Cloud/Photos")]
pub(crate) struct FilestatusArgs {
    /// Files or folders: paths on this disk, or below a pair's folder
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,

    /// The pair, where several have such a path
    #[arg(long, value_name = "NAME")]
    pub(crate) pair: Option<String>,
}

/// Runs it: exit code 3 where something that was asked for is not in sync and could be.
pub(crate) fn run(context: &Context, args: &FilestatusArgs) -> Exit {
    match found(context, args) {
        Ok(files) => {
            if context.output.is_json() {
                context.output.object(&files);
            } else {
                context.output.text(&text(&files.files));
            }
            Exit::of_pairs(files.files.iter().map(|file| exit(&file.status)))
        }
        Err(report) => context.output.fail(&report),
    }
}

/// What that means for scripts.
pub(super) fn exit(status: &str) -> Exit {
    match status {
        "synced" | "ignored" | "skipped" | "drift" => Exit::InSync,
        _ => Exit::NotInSync,
    }
}

fn found(context: &Context, args: &FilestatusArgs) -> Result<Files, Report> {
    let config = pairs::configured(context)?;
    let pair = args.pair.as_deref();
    let mut files = Vec::new();
    for path in &args.paths {
        files.extend(control::either(path, |path| {
            control::journal(
                &config,
                || answers::file(&config, pair, path).map(|file| vec![file]),
                |control| {
                    let found: Files = control.get("/v1/file", &[("pair", pair), ("path", Some(path))])?;
                    Ok(found.files)
                },
            )
        })?);
    }
    Ok(Files { v: VERSION, files })
}

fn text(files: &[FileItem]) -> String {
    let mut out = String::new();
    for file in files {
        // Writing to a String does not fail.
        let _ = writeln!(
            out,
            "{:9}  {}: {}",
            file.status,
            shown(&file.path),
            shown(&file.reason)
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_it_is_where_and_why_and_cannot_drive_the_terminal() {
        let file = |status: &str| FileItem {
            pair: "main".into(),
            path: "a\u{1b}[2J".into(),
            status: status.into(),
            reason: "why".into(),
            since: None,
        };
        assert_eq!(text(&[file("held")]), "held       a\\u{1b}[2J: why\n");
        assert_eq!((exit("synced"), exit("waiting")), (Exit::InSync, Exit::NotInSync));
    }
}
