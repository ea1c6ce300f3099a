//! `syncd remote mkdir`, `mv`, `rm`, `edit`: names, places, visibility, the trash.

use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use md5::{Digest as _, Md5};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::{Answers, Session, found, json_of, line_of, session, targets};
use crate::cli::Context;
use crate::cli::prompt::{self, Prompt};
use crate::exit::Exit;
use crate::manual::{self, Access, Edit, Fault, Target, Visibility};
use crate::report::{Kind, Report};
use crate::text::{count, shown};

/// Who may see a folder.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Who {
    /// Only the account.
    #[value(name = "0", alias = "private")]
    Account,
    /// Whoever has the link.
    #[value(name = "1", alias = "unlisted")]
    Link,
    /// Also the site's search.
    #[value(name = "2", alias = "public")]
    Everybody,
}

impl From<Who> for Access {
    fn from(public: Who) -> Self {
        match public {
            Who::Account => Self::Private,
            Who::Link => Self::Unlisted,
            Who::Everybody => Self::Public,
        }
    }
}

/// A folder's password; never an argument.
#[derive(Args, Debug)]
pub(crate) struct PasswordArgs {
    /// Read the folder's password from standard input, one line
    #[arg(long)]
    password_stdin: bool,

    /// Ask for the folder's password at the terminal
    #[arg(long, conflicts_with = "password_stdin")]
    password: bool,
}

impl PasswordArgs {
    /// MD5 of the password in hex, as the API takes it.
    fn md5(&self, context: &Context) -> Result<Option<String>, Report> {
        const WHAT: &str = "Password of the folder";
        let secret = if self.password_stdin {
            prompt::secret_of_stdin(WHAT)?
        } else if self.password {
            Prompt::new(context.output, false).secret_twice(WHAT)?
        } else {
            return Ok(None);
        };
        let digest = Md5::digest(secret.expose_secret().as_bytes());
        let mut text = String::with_capacity(32);
        for byte in digest {
            // Writing to a String does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        Ok(Some(text))
    }
}

/// Arguments of `mkdir`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd remote mkdir -p /Photos/2026/March
  pass show shared | syncd remote mkdir --public 1 --password-stdin /Shared")]
pub(crate) struct MkdirArgs {
    /// Folders to make
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<String>,

    /// Make what is missing above too; a folder that is there is enough
    #[arg(short, long)]
    parents: bool,

    /// Who may see it: 0 only the account, 1 whoever has the link, 2 also the site's search
    #[arg(long, value_name = "N", default_value = "0")]
    public: Who,

    #[command(flatten)]
    password: PasswordArgs,
}

/// Arguments of `mv`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd remote mv /draft.txt /final.txt    renames
  syncd remote mv '/*.jpg' /Photos         moves into a folder")]
pub(crate) struct MvArgs {
    /// What is moved, then the folder it goes into, or its new path
    #[arg(value_name = "PATH", required = true, num_args = 2..)]
    paths: Vec<String>,
}

/// Arguments of `rm`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd remote rm /Photos/a.jpg
  syncd remote rm -r /Photos/2019")]
pub(crate) struct RmArgs {
    /// What goes to the account's trash
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<String>,

    /// Folders too, with all that is in them
    #[arg(short, long)]
    recursive: bool,
}

/// Arguments of `edit`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd remote edit --name final.txt /draft.txt
  syncd remote edit --public 0 --no-password /Shared")]
pub(crate) struct EditArgs {
    /// A file or folder
    #[arg(value_name = "PATH")]
    path: String,

    /// A new name
    #[arg(long)]
    name: Option<String>,

    /// A new type of a file, such as text/plain
    #[arg(long = "type", value_name = "TYPE")]
    file_type: Option<String>,

    /// Who may see a folder: 0 only the account, 1 whoever has the link, 2 also the site's search
    #[arg(long, value_name = "N")]
    public: Option<Who>,

    #[command(flatten)]
    password: PasswordArgs,

    /// Take a folder's password away
    #[arg(long, conflicts_with_all = ["password", "password_stdin"])]
    no_password: bool,
}

/// Runs `mkdir`.
pub(crate) fn mkdir(context: &Context, args: &MkdirArgs) -> Exit {
    let password = match args.password.md5(context) {
        Ok(password) => password,
        Err(report) => return context.output.fail(&report),
    };
    session(context, async |session, answers| {
        let targets = match targets(session, &args.paths) {
            Ok(targets) => targets,
            Err(report) => return answers.fail(report),
        };
        for target in &targets {
            let access = args.public.into();
            let made = manual::make(&session.desk, target, args.parents, access, password.as_deref()).await;
            match made {
                Ok((found, new)) => {
                    let mut item = json_of(&found, false);
                    if let Some(item) = item.as_object_mut() {
                        item.insert("made".to_owned(), new.into());
                    }
                    let was = if new { "made" } else { "is there" };
                    answers.item(item, &format!("{was}: {}", line_of(&found)));
                }
                Err(fault) => answers.fail(session.report(&fault)),
            }
        }
    })
}

/// Runs `mv`.
pub(crate) fn mv(context: &Context, args: &MvArgs) -> Exit {
    session(context, async |session, answers| {
        let Some((to, from)) = args.paths.split_last() else {
            return;
        };
        let to = match Target::parse(to) {
            Ok(to) => to,
            Err(fault) => return answers.fail(session.report(&fault)),
        };
        let all = found(session, from, answers).await;
        let single = all.len() == 1;
        for one in &all {
            match manual::move_to(&session.desk, one, &to, single).await {
                Ok(moved) => {
                    let item = json!({"from": one.path, "path": moved.path, "id": moved.id()});
                    let line = format!("{} -> {} ({})", shown(&one.path), shown(&moved.path), moved.id());
                    answers.item(item, &line);
                }
                Err(fault) => answers.fail(session.report(&fault)),
            }
        }
    })
}

/// Runs `rm`.
pub(crate) fn rm(context: &Context, args: &RmArgs) -> Exit {
    session(context, async |session, answers| {
        for one in found(session, &args.paths, answers).await {
            match manual::remove(&session.desk, &one, args.recursive).await {
                Ok(removed) => {
                    let with = match (removed.files, removed.folders) {
                        (0, 0) => String::new(),
                        (files, folders) => format!(
                            " with {} and {}",
                            count(files, "file", "files"),
                            count(folders, "folder", "folders")
                        ),
                    };
                    let line = format!("to the account's trash: {}{with}", line_of(&removed.found));
                    let item = json!({
                        "path": removed.found.path, "id": removed.found.id(), "files": removed.files,
                        "folders": removed.folders,
                    });
                    answers.item(item, &line);
                }
                Err(fault) => {
                    let fatal = fault.is_fatal();
                    answers.fail(session.report(&fault));
                    if fatal {
                        break;
                    }
                }
            }
        }
        if !answers.items.is_empty() {
            context
                .output
                .note("syncd: only the site can bring it back from there; the API cannot");
        }
    })
}

/// Runs `edit`.
pub(crate) fn edit(context: &Context, args: &EditArgs) -> Exit {
    let password = match args.password.md5(context) {
        Ok(password) => password,
        Err(report) => return context.output.fail(&report),
    };
    let wanted = Edit {
        name: args.name.clone(),
        file_type: args.file_type.clone(),
        visibility: Visibility {
            access: args.public.map(Access::from),
            password: password.or_else(|| args.no_password.then(|| "null".to_owned())),
        },
    };
    let visible = wanted.visibility.access.is_some() || wanted.visibility.password.is_some();
    if wanted.name.is_none() && wanted.file_type.is_none() && !visible {
        return context.output.fail(&Report::new(
            Kind::Usage,
            "nothing to change",
            "none of --name, --type, --public, --password, --password-stdin and --no-password is given",
            "say what is to be changed",
        ));
    }
    session(context, async |session, answers| {
        match changed(session, args, &wanted).await {
            Ok((item, line)) => answers.item(item, &line),
            Err(fault) => failed(session, answers, &fault),
        }
    })
}

async fn changed(
    session: &Session,
    args: &EditArgs,
    wanted: &Edit,
) -> Result<(serde_json::Value, String), Fault> {
    let target = Target::parse(&args.path)?;
    let found = manual::edit(&session.desk, &target, wanted).await?;
    Ok((json_of(&found, false), format!("changed: {}", line_of(&found))))
}

fn failed(session: &Session, answers: &mut Answers, fault: &Fault) {
    answers.fail(session.report(fault));
}
