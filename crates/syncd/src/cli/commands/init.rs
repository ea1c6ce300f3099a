//! `syncd init`: asks, checks, previews, and writes only then. Every question is also a flag; without a terminal nothing is
//! asked.
//!
//! What must never happen here: a secret in an argument or on the screen, a file of the user's overwritten unasked, a
//! set-up that is written by half.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use api::{Client, Credentials, MemoryTokenStore, TokenStore as _};
use clap::{Args, ValueEnum};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::level_filters::LevelFilter;

use super::service;
use crate::cli::progress::Progress;
use crate::cli::prompt::Prompt;
use crate::cli::{Context, logging};
use crate::config::load::of_text;
use crate::config::value::{Kind as Takes, Value, api_url, remote};
use crate::config::{Config, Log, RemoteSpec, credentials, paths};
use crate::engine::{Setup, Sink};
use crate::exit::Exit;
use crate::report::{Kind, Report};
use crate::service::prepare::{client_with, state_folder};
use crate::service::token::FileTokenStore;
use crate::setup::account::{self, NOTHING, Seen};
use crate::setup::place::Made;
use crate::setup::preview::{self, Preview};
use crate::setup::written::{self, Chosen};
use crate::text::shown;

/// Offered as the address.
const USUAL_ADDRESS: &str = "https://pixelcloudstorage.com/api/v2/";
/// Stands in for the folder here until it is chosen; never written, never looked into.
const NOT_CHOSEN: &str = "/proc/self/not-chosen-yet";
/// Longest password that is read, bytes.
const PASSWORD_MAX: u64 = 4096;

/// Every answer of the set-up.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd init                                      asks for everything that is not given
  syncd init --local ~/Photos --remote /Photos
  syncd init --yes --api-url https://pixelcloudstorage.com/api/v2/ --key-file keys.toml --local ~/Cloud --remote /
  pass show cloud | syncd init --username ann --password-stdin")]
pub(crate) struct InitArgs {
    #[command(flatten)]
    account: AccountArgs,

    #[command(flatten)]
    pair: PairArgs,

    /// Install the systemd user unit when everything is written
    #[arg(long, value_name = "yes|no", num_args = 0..=1, default_missing_value = "yes")]
    service: Option<Answer>,

    /// Replace a configuration and credentials that are there already
    #[arg(long)]
    force: bool,

    /// Ask nothing: take the usual answer where none is given
    #[arg(short, long)]
    yes: bool,
}

/// The account.
#[derive(Args, Debug)]
struct AccountArgs {
    /// Address of the API [or $SYNCD_API_URL]
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,

    /// Allow plain http to another machine: keys and files can then be read on the way
    #[arg(long)]
    allow_http: bool,

    /// More root certificates, PEM
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,

    /// File with key1 and key2, or username and password, as TOML; must be private [or $SYNCD_KEY1 and $SYNCD_KEY2]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["username", "password_stdin"])]
    key_file: Option<PathBuf>,

    /// User name, where the site wants one instead of keys [or $SYNCD_USERNAME and $SYNCD_PASSWORD]
    #[arg(long, value_name = "NAME")]
    username: Option<String>,

    /// Read the password from standard input
    #[arg(long, requires = "username")]
    password_stdin: bool,

    /// Where the credentials are kept [default: beside the configuration]
    #[arg(long, value_name = "FILE")]
    credentials_file: Option<PathBuf>,
}

/// The pair.
#[derive(Args, Debug)]
struct PairArgs {
    /// Folder on this machine; made if it is not there
    #[arg(long, value_name = "DIR")]
    local: Option<PathBuf>,

    /// Folder of the account: "/" for all of it, a path, or id:123
    #[arg(long, value_name = "FOLDER")]
    remote: Option<String>,

    /// Folder below --remote that is left out; may be repeated
    #[arg(long, value_name = "FOLDER")]
    leave_out: Vec<String>,

    /// The pair's name
    #[arg(long, value_name = "NAME", default_value = "main")]
    name: String,

    /// Which sides are written [default: both]
    #[arg(long, value_name = "WAY")]
    direction: Option<Way>,
}

/// Yes or no.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum Answer {
    /// Do it.
    Yes,
    /// Leave it.
    No,
}

/// A pair's direction.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    /// Both ways.
    Both,
    /// The account is never read from.
    Upload,
    /// The account is never written.
    Download,
}

/// What was set up.
#[derive(Serialize)]
struct InitJson<'a> {
    v: u8,
    config: String,
    credentials: String,
    account: &'a Seen,
    pair: PairJson<'a>,
    preview: &'a Preview,
    /// The unit that was installed.
    service: Option<String>,
}

#[derive(Serialize)]
struct PairJson<'a> {
    name: &'a str,
    local: String,
    remote: &'a str,
    leave_out: Vec<String>,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &InitArgs) -> Exit {
    let done = Init::new(context, args).and_then(|init| init.run());
    done.unwrap_or_else(|mut report| {
        // The answers come from flags here, not from a file.
        for (key, flag) in [
            ("set account.allow_http = true", "give --allow-http"),
            ("account.api_url", "--api-url"),
        ] {
            report.next = report.next.replace(key, flag);
        }
        context.output.fail(&report)
    })
}

/// One set-up under way.
struct Init<'a> {
    context: &'a Context,
    args: &'a InitArgs,
    prompt: Prompt,
    /// Where the configuration will be.
    config: PathBuf,
    /// Where the credentials will be.
    credentials: PathBuf,
}

/// What was answered about the account.
struct Answered {
    chosen: Chosen,
    credentials: Credentials,
}

/// All that is needed to write.
struct Ready {
    chosen: Chosen,
    credentials: Credentials,
    loaded: Config,
    token: Option<api::StoredToken>,
    seen: Seen,
    preview: Preview,
}

impl<'a> Init<'a> {
    /// Finds the places of both files; what is there already ends it here, before anything is asked.
    fn new(context: &'a Context, args: &'a InitArgs) -> Result<Self, Report> {
        let config = context.choice.path(&context.env);
        let config = config.map_err(|error| Report::from(&error))?;
        let config = absolute(&config);
        let beside = match context.choice.profile.as_deref() {
            Some(profile) => config.with_file_name(format!("credentials-{profile}.toml")),
            None => config.with_file_name("credentials.toml"),
        };
        let credentials = args.account.credentials_file.as_deref().map_or(beside, absolute);
        if credentials == config {
            return Err(usage(
                "the configuration and the credentials are one file",
                "name another with --credentials-file",
            ));
        }
        let init = Self {
            context,
            args,
            prompt: Prompt::new(context.output, args.yes),
            config,
            credentials,
        };
        let there = [&init.config, &init.credentials]
            .into_iter()
            .find(|path| path.symlink_metadata().is_ok() && !init.keeps(path));
        if let Some(path) = there.filter(|_| !args.force) {
            let next = "\"syncd config show\" shows what holds; another --profile or --config sets up beside it, and --force replaces it";
            let report = Report::new(Kind::Refused, "not set up", "it is there already", next);
            return Err(report.at(path.display().to_string()).data(NOTHING));
        }
        init.all_answered()?;
        Ok(init)
    }

    /// The credentials that are given are those that are there: they stay as they are.
    fn keeps(&self, path: &Path) -> bool {
        path == self.credentials
            && self.args.account.key_file.as_deref().map(absolute).as_deref() == Some(path)
    }

    /// Without somebody to ask, every answer without a usual one must be given.
    fn all_answered(&self) -> Result<(), Report> {
        if self.prompt.asks() {
            return Ok(());
        }
        let account = &self.args.account;
        let keys = account.key_file.is_some() || account.password_stdin;
        let keys = keys || self.environment()?.is_some();
        let missing = [
            (self.address_given().is_none(), "--api-url"),
            (!keys, "--key-file (or --username with --password-stdin)"),
            (self.args.pair.local.is_none(), "--local"),
            (self.args.pair.remote.is_none(), "--remote"),
        ];
        let missing: Vec<&str> = missing
            .into_iter()
            .filter_map(|(missing, flag)| missing.then_some(flag))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let why = if self.args.yes {
            "with --yes nothing is asked"
        } else {
            "there is no terminal to ask on"
        };
        let next = format!("give {}", missing.join(", "));
        Err(Report::new(Kind::Usage, "answers are missing", why, next).data(NOTHING))
    }

    fn environment(&self) -> Result<Option<Credentials>, Report> {
        credentials::of_environment(&self.context.env).map_err(|error| Report::from(&error).data(NOTHING))
    }

    fn address_given(&self) -> Option<&str> {
        let env = &self.context.env;
        let flag = self.args.account.api_url.as_deref();
        flag.or_else(|| env.get("SYNCD_ACCOUNT__API_URL"))
            .or_else(|| env.get("SYNCD_API_URL"))
    }

    fn run(&self) -> Result<Exit, Report> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| {
            let next = "free memory or processes";
            Report::new(Kind::Internal, "cannot start", error.to_string(), next)
        })?;
        let progress = Arc::new(Progress::new(self.context.output, false));
        logging::start(self.context, &Log::default(), LevelFilter::WARN, progress.bar());
        let ready = runtime.block_on(async {
            tokio::select! {
                ready = self.prepare(&progress) => ready,
                () = interrupted() => Err(Report::new(Kind::Interrupted, "stopped", "a signal asked for it", "run it again")),
            }
        });
        progress.end();
        let ready = ready.map_err(|report| match report.data {
            None => report.data(NOTHING),
            Some(_) => report,
        })?;
        self.write(&ready)?;
        self.keep_token(&runtime, &ready);
        let unit = self.service()?;
        self.done(&ready, unit);
        Ok(Exit::InSync)
    }

    /// Every answer, checked. Nothing is written.
    async fn prepare(&self, progress: &Arc<Progress>) -> Result<Ready, Report> {
        let Answered {
            mut chosen,
            credentials,
        } = self.account()?;
        // What the flags say is checked whole before the server is asked.
        let config = self.load(&chosen)?;
        let store = Arc::new(MemoryTokenStore::new());
        let client = client_with(
            &config,
            credentials.clone(),
            Arc::<MemoryTokenStore>::clone(&store),
        )?;
        let seen = account::sign_in(&client, &chosen.api_url).await?;
        self.tell(&seen.text());
        self.choose_remote(&client, &mut chosen).await?;
        self.choose_local(&mut chosen)?;
        let loaded = self.load(&chosen)?;
        let mut setup = Setup {
            config: loaded.clone(),
            client,
            stop: CancellationToken::new(),
        };
        progress.begin(&chosen.name);
        let sink: Arc<dyn Sink> = Arc::<Progress>::clone(progress);
        let preview = preview::look(&mut setup, sink).await;
        progress.end();
        let preview = preview?;
        self.tell(&format!("The first sync:\n{}", preview.text()));
        if self.prompt.asks()
            && !self.prompt.confirm(
                &format!("Write {}?", shown(&self.config.display().to_string())),
                true,
            )?
        {
            return Err(Report::new(
                Kind::Interrupted,
                "stopped",
                "the answer was no",
                "run it again",
            ));
        }
        Ok(Ready {
            chosen,
            credentials,
            loaded,
            token: store.get(),
            seen,
            preview,
        })
    }

    fn account(&self) -> Result<Answered, Report> {
        let args = self.args;
        let api_url = match self.address_given() {
            Some(given) => given.to_owned(),
            None => self
                .prompt
                .text("Address of the API", Some(USUAL_ADDRESS), address)?,
        };
        address(&api_url).map_err(|cause| {
            usage(
                &cause,
                "give the address of the account's API settings with --api-url",
            )
        })?;
        let local = match &args.pair.local {
            Some(path) => text_path(&absolute(path))?,
            None => PathBuf::from(NOT_CHOSEN),
        };
        let remote = args.pair.remote.clone().unwrap_or_else(|| "/".to_owned());
        if remote_spec(&remote).is_none() {
            return Err(usage(
                &format!("\"{}\" is no folder of the account", shown(&remote)),
                "give --remote as a path such as /Photos, or as id:123",
            ));
        }
        if !Takes::PairName.accepts(&Value::Text(args.pair.name.clone())) {
            let cause = format!("\"{}\" is no name for a pair", shown(&args.pair.name));
            return Err(usage(
                &cause,
                &format!("give --name as {}", Takes::PairName.expects()),
            ));
        }
        let chosen = Chosen {
            allow_http: args.account.allow_http,
            ca_file: args.account.ca_file.as_deref().map(absolute),
            credentials_file: text_path(&self.credentials)?,
            name: args.pair.name.clone(),
            local,
            remote,
            direction: args.pair.direction.map(|way| match way {
                Way::Both => "both",
                Way::Upload => "upload",
                Way::Download => "download",
            }),
            leave_out: Vec::new(),
            api_url,
        };
        Ok(Answered {
            chosen,
            credentials: self.credentials()?,
        })
    }

    fn credentials(&self) -> Result<Credentials, Report> {
        let args = &self.args.account;
        if let Some(file) = &args.key_file {
            return credentials::of_file(file).map_err(|error| Report::from(&error));
        }
        if let Some(name) = &args.username {
            let password = if args.password_stdin {
                password_from_stdin()?
            } else if self.prompt.asks() {
                self.prompt
                    .secret("Password (not shown)")?
                    .expose_secret()
                    .to_owned()
            } else {
                return Err(usage(
                    "a user name without a password",
                    "give it with --password-stdin",
                ));
            };
            return Ok(Credentials::password(name.as_str(), password));
        }
        if let Some(found) = self.environment()? {
            return Ok(found);
        }
        let ways = [
            "key1 and key2, from the account's API settings",
            "user name and password",
        ];
        let way = self.prompt.one_of("Sign in with", &ways.map(str::to_owned))?;
        let secret = |question: &str| {
            self.prompt
                .secret(question)
                .map(|it| it.expose_secret().trim().to_owned())
        };
        if way == 0 {
            return Ok(Credentials::keys(
                secret("key1 (not shown)")?,
                secret("key2 (not shown)")?,
            ));
        }
        let name = self.prompt.text("User name", None, filled)?;
        let password = self.prompt.secret("Password (not shown)")?;
        Ok(Credentials::password(name, password.expose_secret()))
    }

    /// Reads the text as the strict loader will, by what is in it alone.
    fn load(&self, chosen: &Chosen) -> Result<Config, Report> {
        let name = self.config.display().to_string();
        let profile = self.context.choice.profile.as_deref();
        let loaded = of_text(
            &name,
            &written::text(chosen),
            profile,
            &self.context.env.without_ours(),
        );
        loaded.map(|loaded| loaded.config).map_err(|error| {
            let report = Report::from(&error);
            // The file is not there yet, and the user does not know its lines.
            Report {
                path: None,
                kind: Kind::Usage,
                ..report
            }
            .data(NOTHING)
        })
    }

    async fn choose_remote(&self, client: &Client, chosen: &mut Chosen) -> Result<(), Report> {
        let url = chosen.api_url.clone();
        if self.args.pair.remote.is_none() {
            chosen.remote = self.ask_remote(client, &url).await?;
        }
        let Some(RemoteSpec::Path(path)) = remote_spec(&chosen.remote) else {
            return if self.args.pair.leave_out.is_empty() {
                Ok(())
            } else {
                Err(usage(
                    "--leave-out needs --remote as a path",
                    "give --remote as a path such as /Photos",
                ))
            };
        };
        let Some(below) = account::folders(client, &url, &path).await? else {
            self.tell(&format!(
                "The folder /{} is not in the account yet: the first sync makes it.\n",
                shown(&path)
            ));
            return self.leave_out(client, chosen, &path).await;
        };
        if self.args.pair.leave_out.is_empty() && self.prompt.asks() && !below.is_empty() {
            let names: Vec<String> = below.into_iter().collect();
            let question = "Folders to leave out (space marks, enter goes on)";
            let left = self.prompt.any_of(question, &names)?;
            chosen.leave_out = left
                .into_iter()
                .filter_map(|at| names.get(at))
                .map(|name| vec![name.clone()])
                .collect();
            return Ok(());
        }
        self.leave_out(client, chosen, &path).await
    }

    async fn ask_remote(&self, client: &Client, url: &str) -> Result<String, Report> {
        let top = account::in_folder(client, url, None).await?;
        // What the configuration cannot say as a path is not offered.
        let fits = |name: &String| matches!(remote_spec(&format!("/{name}")), Some(RemoteSpec::Path(path)) if path == *name);
        let folders = top.into_iter().filter(fits).map(|name| format!("/{name}"));
        let whole = "/ (the whole account)".to_owned();
        let other = "another folder, or a new one".to_owned();
        let items: Vec<String> = std::iter::once(whole).chain(folders).chain([other]).collect();
        let at = self.prompt.one_of("Folder of the account", &items)?;
        if at == 0 {
            return Ok("/".to_owned());
        }
        match items.get(at) {
            Some(name) if at.saturating_add(1) < items.len() => Ok(name.clone()),
            _ => self.prompt.text("Its path, from / on", None, |text| {
                remote_spec(text)
                    .map(|_| ())
                    .ok_or_else(|| "a path such as /Photos, or id:123".to_owned())
            }),
        }
    }

    /// What `--leave-out` names must be there: a typing error would bring the folder here.
    async fn leave_out(&self, client: &Client, chosen: &mut Chosen, root: &str) -> Result<(), Report> {
        for given in &self.args.pair.leave_out {
            let names: Vec<String> = given
                .split('/')
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect();
            let path = format!("{root}/{}", names.join("/"));
            if names.is_empty() || account::folders(client, &chosen.api_url, &path).await?.is_none() {
                let cause = format!("there is no folder \"{}\" in /{}", shown(given), shown(root));
                return Err(usage(
                    &cause,
                    "give --leave-out as the account has it, from --remote down",
                ));
            }
            chosen.leave_out.push(names);
        }
        Ok(())
    }

    fn choose_local(&self, chosen: &mut Chosen) -> Result<(), Report> {
        if self.args.pair.local.is_some() {
            return Ok(());
        }
        let env = &self.context.env;
        let of = |text: &str| {
            let path = paths::expand(env, text).or_else(|cause| match text.chars().next() {
                Some('~' | '$') | None => Err(cause),
                Some(_) => Ok(absolute(Path::new(text))),
            })?;
            let tried = Chosen {
                local: path.clone(),
                ..chosen.clone()
            };
            self.load(&tried)
                .map(|_| path)
                .map_err(|report| report.happened + ": " + &report.cause)
        };
        let text = self
            .prompt
            .text("Folder on this machine", Some("~/Cloud"), |text| {
                of(text).map(|_| ())
            })?;
        let local = of(&text).map_err(|cause| usage(&cause, "give another with --local"))?;
        chosen.local = local;
        Ok(())
    }

    /// All or nothing.
    fn write(&self, ready: &Ready) -> Result<(), Report> {
        let mut made = Made::default();
        let failed = |path: &Path| {
            let at = path.display().to_string();
            move |error: std::io::Error| {
                let next = "make it possible, and run it again";
                Report::new(Kind::Refused, "not written", error.to_string(), next)
                    .at(at)
                    .data("Nothing was left behind.")
            }
        };
        let local = &ready.chosen.local;
        made.folder(local, 0o755).map_err(failed(local))?;
        for (file, text) in [
            (&self.credentials, credentials::written(&ready.credentials)),
            (&self.config, written::text(&ready.chosen).into()),
        ] {
            if self.keeps(file) {
                continue;
            }
            let folder = file.parent().unwrap_or(Path::new("/"));
            made.folder(folder, 0o700).map_err(failed(folder))?;
            let written = made.file(file, text.expose_secret(), self.args.force);
            written.map_err(failed(file))?;
        }
        made.keep();
        Ok(())
    }

    /// The session that was just made is that of the first sync; without it, that signs in by itself.
    fn keep_token(&self, runtime: &tokio::runtime::Runtime, ready: &Ready) {
        let config = &ready.loaded;
        if state_folder(&config.state_dir).is_err() {
            return;
        }
        let store = FileTokenStore::open(&config.state_dir, &config.account.api_url, &ready.credentials);
        let (Ok(store), Some(token)) = (store, &ready.token) else {
            return;
        };
        let kept = runtime.block_on(async { store.lock().await?.save(Some(token)).await });
        if let Err(error) = kept {
            tracing::warn!(%error, "the session could not be kept; the next run signs in again");
        }
    }

    fn service(&self) -> Result<Option<String>, Report> {
        let wanted = match self.args.service {
            Some(answer) => answer == Answer::Yes,
            None if self.prompt.asks() => self.prompt.confirm(
                "Sync in the background, now and after each login (systemd user unit)?",
                false,
            )?,
            None => false,
        };
        if !wanted {
            return Ok(None);
        }
        service::install(self.context).map(Some).map_err(|report| {
            let written = format!("The configuration is written to {}.", self.config.display());
            let both = match &report.data {
                Some(data) => format!("{written} {data}"),
                None => written,
            };
            report.data(both)
        })
    }

    fn done(&self, ready: &Ready, unit: Option<String>) {
        let (chosen, output) = (&ready.chosen, &self.context.output);
        let place = |path: &Path| shown(&path.display().to_string());
        if output.is_json() {
            output.object(&InitJson {
                v: 1,
                config: self.config.display().to_string(),
                credentials: self.credentials.display().to_string(),
                account: &ready.seen,
                pair: PairJson {
                    name: &chosen.name,
                    local: chosen.local.display().to_string(),
                    remote: &chosen.remote,
                    leave_out: chosen.leave_out.iter().map(|names| names.join("/")).collect(),
                },
                preview: &ready.preview,
                service: unit,
            });
            return;
        }
        let next = match &unit {
            Some(unit) => format!("{} is installed and runs. Look: syncd status", shown(unit)),
            None => "Next: \"syncd --once\" syncs once; \"syncd service install\" goes on in the background"
                .to_owned(),
        };
        output.text(&format!(
            "{} and {} are set up as the pair \"{}\"\n  configuration: {}\n  credentials: {} (private)\n{next}\n",
            place(&chosen.local),
            shown(&chosen.remote),
            chosen.name,
            place(&self.config),
            place(&self.credentials),
        ));
    }

    fn tell(&self, text: &str) {
        for line in text.lines() {
            self.context.output.note(line);
        }
    }
}

/// The user asks for an end while nothing is asked on the terminal.
async fn interrupted() {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        // Without handlers a signal ends the process; nothing is written by then.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

fn usage(cause: &str, next: &str) -> Report {
    Report::new(Kind::Usage, "not set up", cause, next).data(NOTHING)
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// A configuration is text.
fn text_path(path: &Path) -> Result<PathBuf, Report> {
    if path.to_str().is_some() {
        return Ok(path.to_owned());
    }
    let cause = format!(
        "{} is not UTF-8, so it cannot stand in the configuration",
        shown(&path.display().to_string())
    );
    Err(usage(&cause, "choose another path"))
}

/// A path of the account begins with `/` here, so that a typing error in `id:` is none.
fn remote_spec(text: &str) -> Option<RemoteSpec> {
    remote(text).filter(|spec| match spec {
        RemoteSpec::Path(_) => text.starts_with('/'),
        RemoteSpec::Id(_) => true,
    })
}

/// Whether plain http may be used is the loader's to say, by `--allow-http`.
fn address(text: &str) -> Result<(), String> {
    let url = api_url(text);
    url.map(|_| ())
        .ok_or_else(|| "that is no address of an API".to_owned())
}

fn filled(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    Ok(())
}

/// Up to the first line feed.
fn password_from_stdin() -> Result<String, Report> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(PASSWORD_MAX).read_to_end(&mut bytes);
    let text = read.ok().and_then(|_| String::from_utf8(bytes).ok());
    let line = text
        .as_deref()
        .and_then(|text| text.lines().next())
        .unwrap_or_default();
    if line.is_empty() {
        return Err(usage(
            "there is no password on standard input",
            "write it there: pass show cloud | syncd init …",
        ));
    }
    Ok(line.to_owned())
}
