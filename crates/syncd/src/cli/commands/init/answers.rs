//! The answers of a set-up: from flags, from the environment, or asked for; each checked where it is given.

use std::path::{Path, PathBuf};

use api::{Client, Credentials};
use secrecy::ExposeSecret as _;

use super::flags::{Answer, Way};
use super::{Answered, Init, absolute, usage};
use crate::cli::prompt;
use crate::config::keyring::Keyring;
use crate::config::load::of_text;
use crate::config::value::{Kind as Takes, Value, api_url as api_url_of, remote};
use crate::config::{Config, RemoteSpec, credentials, paths};
use crate::report::{Given, Kind, Report};
use crate::setup::account::{self, NOTHING};
use crate::setup::written::{self, Chosen, Kept};
use crate::text::shown;

/// Offered as the address.
const USUAL_ADDRESS: &str = "https://pixelcloudstorage.com/api/v2/";
/// Stands in for the folder here until it is chosen; never written, never looked into.
const NOT_CHOSEN: &str = "/proc/self/not-chosen-yet";

impl Init<'_> {
    /// What is said about the account and the pair, as far as no server is needed to check it.
    pub(super) fn account(&self) -> Result<Answered, Report> {
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
            credentials: self.kept(&api_url)?,
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

    /// Where the credentials are to be kept. A keyring that is not there is told before anything is asked about secrets.
    fn kept(&self, api_url: &str) -> Result<Kept, Report> {
        let file = || text_path(&self.credentials).map(Kept::File);
        // As the loader will write it.
        let url = api_url_of(api_url).map_or_else(|| api_url.to_owned(), |url| url.to_string());
        let keyring = Keyring::of(&self.context.env, &self.config.display().to_string(), &url);
        match self.args.account.keyring {
            Some(Answer::Yes) => {
                keyring.try_it().map_err(|error| {
                    let next = "run it within your session (DBUS_SESSION_BUS_ADDRESS), or leave --keyring out: the credentials are then kept in a file that only you can read";
                    Report::new(Kind::Refused, "not set up: there is no system keyring", error.to_string(), next).data(NOTHING)
                })?;
                Ok(Kept::Keyring)
            }
            Some(Answer::No) => file(),
            None if self.args.account.credentials_file.is_some() || !self.prompt.asks() => file(),
            // Only what is there is offered.
            None if keyring.try_it().is_err() => file(),
            None => {
                let beside = self.credentials.display().to_string();
                let ways = [
                    format!("in {}, which only you can read", shown(&beside)),
                    "in the system keyring".to_owned(),
                ];
                match self.prompt.one_of("Keep the credentials", &ways)? {
                    0 => file(),
                    _ => Ok(Kept::Keyring),
                }
            }
        }
    }

    fn credentials(&self) -> Result<Credentials, Report> {
        let args = &self.args.account;
        if let Some(file) = &args.key_file {
            return credentials::of_file(file).map_err(|error| Report::from(&error));
        }
        if let Some(name) = &args.username {
            let password = if args.password_stdin {
                let read = prompt::secret_of_stdin("password");
                let read = read.map_err(|report| {
                    usage(
                        &format!("no password: {}", report.cause),
                        "write the password there: pass show cloud | syncd init …",
                    )
                })?;
                read.expose_secret().to_owned()
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
    pub(super) fn load(&self, chosen: &Chosen) -> Result<Config, Report> {
        let name = self.config.display().to_string();
        let profile = self.context.choice.profile.as_deref();
        let loaded = of_text(
            &name,
            &written::text(chosen),
            profile,
            &self.context.env.without_ours(),
        );
        loaded.map(|loaded| loaded.config).map_err(|error| {
            let report = Report::of_config(&error, Given::AsFlag);
            // The file is not there yet, and the user does not know its lines.
            Report {
                path: None,
                kind: Kind::Usage,
                ..report
            }
            .data(NOTHING)
        })
    }

    pub(super) async fn choose_remote(&self, client: &Client, chosen: &mut Chosen) -> Result<(), Report> {
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

    pub(super) fn choose_local(&self, chosen: &mut Chosen) -> Result<(), Report> {
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
    let url = api_url_of(text);
    url.map(|_| ())
        .ok_or_else(|| "that is no address of an API".to_owned())
}

fn filled(text: &str) -> Result<(), String> {
    if text.trim().is_empty() {
        return Err("it is empty".to_owned());
    }
    Ok(())
}
