//! `syncd init`: asks, checks, previews, and writes only then. Every question is also a flag; without a terminal nothing is
//! asked.
//!
//! What must never happen here: a secret in an argument or on the screen, a file of the user's overwritten unasked, a
//! set-up that is written by half.

mod answers;
mod flags;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use api::{Credentials, MemoryTokenStore, TokenStore as _};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tracing::level_filters::LevelFilter;

use self::flags::Answer;
pub(crate) use self::flags::InitArgs;
use super::service;
use crate::cli::progress::Progress;
use crate::cli::prompt::Prompt;
use crate::cli::signals::Signals;
use crate::cli::{Context, logging};
use crate::config::{Config, Log, credentials};
use crate::engine::{Setup, Sink};
use crate::exit::Exit;
use crate::report::{Kind, Report};
use crate::service::prepare::{client_with, state_folder};
use crate::service::token::FileTokenStore;
use crate::setup::account::{self, NOTHING, Seen};
use crate::setup::place::Made;
use crate::setup::preview::{self, Preview};
use crate::setup::written::{self, Chosen, Kept};
use crate::text::shown;

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
    done.unwrap_or_else(|report| context.output.fail(&report))
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
        let in_keyring = args.account.keyring == Some(Answer::Yes);
        let there = [&init.config, &init.credentials]
            .into_iter()
            .take(if in_keyring { 1 } else { 2 })
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
            let mut signals = Signals::listen();
            tokio::select! {
                ready = self.prepare(&progress) => ready,
                () = signals.next() => Err(Report::new(Kind::Interrupted, "stopped", "a signal asked for it", "run it again")),
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
        let secret = credentials::written(&ready.credentials);
        let (beside, in_keyring) = match &ready.chosen.credentials {
            Kept::File(file) => (Some((file, secret)), None),
            Kept::Keyring => (None, Some(secret)),
        };
        let config = (&self.config, written::text(&ready.chosen).into());
        for (file, text) in beside.into_iter().chain([config]) {
            if self.keeps(file) {
                continue;
            }
            let folder = file.parent().unwrap_or(Path::new("/"));
            made.folder(folder, 0o700).map_err(failed(folder))?;
            let written = made.file(file, text.expose_secret(), self.args.force);
            written.map_err(failed(file))?;
        }
        // Last: it cannot be taken back, and until here everything else can.
        if let Some(secret) = in_keyring {
            let kept = ready.loaded.account.in_keyring.set(&secret);
            kept.map_err(|error| {
                let next = "unlock it and run it again, or keep the credentials in a file: --keyring no";
                Report::new(Kind::Refused, "not written", error.to_string(), next)
                    .at("the system keyring")
                    .data("Nothing was left behind.")
            })?;
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
        let credentials = match &chosen.credentials {
            Kept::File(file) => file.display().to_string(),
            Kept::Keyring => "the system keyring".to_owned(),
        };
        if output.is_json() {
            output.object(&InitJson {
                v: 1,
                config: self.config.display().to_string(),
                credentials,
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
            "{} and {} are set up as the pair \"{}\"\n  configuration: {}\n  credentials: {}{}\n{next}\n",
            place(&chosen.local),
            shown(&chosen.remote),
            chosen.name,
            place(&self.config),
            shown(&credentials),
            match &chosen.credentials {
                Kept::File(_) => " (private)",
                Kept::Keyring => "",
            },
        ));
    }

    fn tell(&self, text: &str) {
        for line in text.lines() {
            self.context.output.note(line);
        }
    }
}

fn usage(cause: &str, next: &str) -> Report {
    Report::new(Kind::Usage, "not set up", cause, next).data(NOTHING)
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
