//! `syncd service install|uninstall|start|stop|status`: this program as a systemd user unit. Whatever systemd is asked, it is
//! asked with `systemctl --user`; a unit that somebody else wrote is never touched without `--force`.
#![expect(clippy::disallowed_methods, reason = "writes and removes its own unit")]

use std::fs::DirBuilder;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::pairs;
use crate::cli::Context;
use crate::exit::Exit;
use crate::report::{Kind, Report};
use crate::service::unit;
use crate::text::shown;

/// The parts of `service`.
#[derive(Subcommand, Debug)]
pub(crate) enum ServiceCommand {
    /// Write the systemd user unit of this program, and start it now and with each login
    Install(InstallArgs),
    /// End the service, and remove its unit if this program wrote it
    #[command(after_help = "Examples:
  syncd service uninstall")]
    Uninstall,
    /// Start the service
    #[command(after_help = "Examples:
  syncd service start")]
    Start,
    /// Stop the service
    #[command(after_help = "Examples:
  syncd service stop")]
    Stop,
    /// Whether it is installed, and what systemd says of it
    #[command(after_help = "Examples:
  syncd service status
  syncd service status --json")]
    Status,
}

/// Arguments of `service install`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd service install
  syncd --profile work service install    a service of its own")]
pub(crate) struct InstallArgs {
    /// Overwrite a unit of this name that this program did not write
    #[arg(long)]
    pub(crate) force: bool,
}

/// What was done, or what is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
struct UnitJson {
    v: u8,
    unit: String,
    path: String,
    installed: bool,
    ours: bool,
    /// Of systemd; null where it does not answer.
    enabled: Option<String>,
    active: Option<String>,
    sub: Option<String>,
    result: Option<String>,
    pid: Option<u32>,
}

/// The unit of this configuration.
struct Unit {
    name: String,
    path: PathBuf,
}

/// What is at the unit's place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum There {
    Nothing,
    Ours,
    Other,
}

/// Runs it.
pub(crate) fn run(context: &Context, command: &ServiceCommand) -> Exit {
    let done = Unit::of(context).and_then(|unit| match command {
        ServiceCommand::Install(args) => unit.install(context, args),
        ServiceCommand::Uninstall => unit.uninstall(context),
        ServiceCommand::Start => unit.tell(context, "start"),
        ServiceCommand::Stop => unit.tell(context, "stop"),
        ServiceCommand::Status => unit.status(context),
    });
    done.unwrap_or_else(|report| context.output.fail(&report))
}

/// Installs it without a word about it; its unit's name.
pub(super) fn install(context: &Context) -> Result<String, Report> {
    let unit = Unit::of(context)?;
    unit.put(context, &InstallArgs { force: false })?;
    Ok(unit.name)
}

impl Unit {
    fn of(context: &Context) -> Result<Self, Report> {
        // Checks the profile's name: it becomes the unit's.
        context
            .choice
            .path(&context.env)
            .map_err(|error| Report::from(&error))?;
        let name = unit::name(context.choice.profile.as_deref());
        let Some(folder) = unit::folder(&context.env) else {
            let next = "set HOME";
            return Err(Report::new(
                Kind::Config,
                "no place for a unit",
                "the user has no home directory",
                next,
            ));
        };
        Ok(Self {
            path: folder.join(&name),
            name,
        })
    }

    fn there(&self) -> There {
        match self.path.symlink_metadata() {
            Err(_) => There::Nothing,
            // A link leads to somebody else's file, or masks the unit.
            Ok(meta) if !meta.is_file() => There::Other,
            Ok(_) => match std::fs::read_to_string(&self.path) {
                Ok(text) if unit::is_ours(&text) => There::Ours,
                Ok(_) | Err(_) => There::Other,
            },
        }
    }

    fn at(&self) -> String {
        self.path.display().to_string()
    }

    fn not_ours(&self, happened: &str, next: &str) -> Report {
        let cause = "something of this name is there that this program did not write";
        Report::new(Kind::Refused, happened, cause, next).at(self.at())
    }

    fn install(&self, context: &Context, args: &InstallArgs) -> Result<Exit, Report> {
        self.put(context, args)?;
        if context.output.is_json() {
            context.output.object(&self.json());
        } else {
            let (name, path) = (shown(&self.name), shown(&self.at()));
            context.output.text(&format!(
                "{name} is installed and runs; it starts with each login\n  unit: {path}\n  look: syncd status, journalctl \
                 --user -u {name}\n  without a login: loginctl enable-linger\n"
            ));
        }
        Ok(Exit::InSync)
    }

    /// Writes the unit, and has systemd start it.
    fn put(&self, context: &Context, args: &InstallArgs) -> Result<(), Report> {
        // A service that could not start would only fail in the background.
        pairs::configured(context)?;
        let file = config_file(context)?;
        let there = self.there();
        if there == There::Other && !args.force {
            let next = "look at it; \"syncd service install --force\" overwrites it";
            return Err(self.not_ours("not installed", next));
        }
        let refused = |cause: String| {
            let next = "put that right, or copy the unit from packaging/systemd there by hand";
            Report::new(Kind::Refused, "not installed", cause, next).at(self.at())
        };
        let program = std::env::current_exe().map_err(|error| refused(error.to_string()))?;
        let text = unit::text(&program, &context.choice, file.as_deref(), &context.env)
            .map_err(|error| refused(error.to_string()))?;
        self.write(&text).map_err(|error| refused(error.to_string()))?;
        let written = format!("The unit is written to {}.", self.at());
        let started = systemctl(&["daemon-reload"])
            .and_then(|_| systemctl(&["enable", "--now", &self.name]))
            // One that runs already is still the old one.
            .and_then(|_| match there {
                There::Nothing => Ok(String::new()),
                There::Ours | There::Other => systemctl(&["try-restart", &self.name]),
            });
        started
            .map(|_| ())
            .map_err(|error| error.report("not started", &program, &self.name).data(written))
    }

    /// Whole or not at all.
    fn write(&self, text: &str) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
        let new = folder.join(format!(".{}.{}.new", self.name, std::process::id()));
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o644).open(&new)?;
        let written = file
            .write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .and_then(|()| std::fs::rename(&new, &self.path));
        if written.is_err() {
            let _ = std::fs::remove_file(&new);
        }
        written
    }

    fn uninstall(&self, context: &Context) -> Result<Exit, Report> {
        match self.there() {
            There::Other => {
                return Err(self.not_ours("not uninstalled", "remove it by hand if it is not needed"));
            }
            There::Nothing => {}
            There::Ours => {
                // Whatever runs is ended first; where nobody can do that, nothing runs by this unit.
                let ended = systemctl(&["disable", "--now", &self.name]);
                if let Err(error @ SystemctlError::Refused(_)) = ended {
                    return Err(error.report("not uninstalled", Path::new("syncd"), &self.name));
                }
                let removed = std::fs::remove_file(&self.path).and_then(|()| self.unlink());
                removed.map_err(|error| {
                    let next = "remove the file by hand";
                    Report::new(Kind::Refused, "not uninstalled", error.to_string(), next).at(self.at())
                })?;
                let _ = systemctl(&["daemon-reload"]);
            }
        }
        if context.output.is_json() {
            context.output.object(&self.json());
        } else {
            let name = shown(&self.name);
            context.output.text(&format!(
                "{name} is not installed any more; configuration, journals and files stay\n"
            ));
        }
        Ok(Exit::InSync)
    }

    /// Removes what `enable` made, where systemctl could not.
    fn unlink(&self) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let link = folder.join("default.target.wants").join(&self.name);
        match std::fs::read_link(&link) {
            Ok(to) if to == self.path => std::fs::remove_file(&link),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    fn tell(&self, context: &Context, what: &str) -> Result<Exit, Report> {
        if self.there() == There::Nothing && what == "start" && self.show().load.as_deref() != Some("loaded")
        {
            let next = "\"syncd service install\" installs it";
            return Err(
                Report::new(Kind::NotFound, "not started", "it is not installed", next)
                    .at(self.name.as_str()),
            );
        }
        let failed = if what == "start" {
            "not started"
        } else {
            "not stopped"
        };
        systemctl(&[what, &self.name])
            .map_err(|error| error.report(failed, Path::new("syncd"), &self.name))?;
        if context.output.is_json() {
            context.output.object(&self.json());
        } else {
            let done = if what == "start" { "runs" } else { "has stopped" };
            context.output.text(&format!("{} {done}\n", shown(&self.name)));
        }
        Ok(Exit::InSync)
    }

    fn status(&self, context: &Context) -> Result<Exit, Report> {
        let json = self.json();
        let active = json.active.as_deref() == Some("active");
        if context.output.is_json() {
            context.output.object(&json);
        } else {
            context.output.text(&text(&json));
        }
        Ok(if active { Exit::InSync } else { Exit::CouldNotRun })
    }

    fn json(&self) -> UnitJson {
        let (there, show) = (self.there(), self.show());
        UnitJson {
            v: 1,
            unit: self.name.clone(),
            path: self.at(),
            installed: there != There::Nothing,
            ours: there == There::Ours,
            enabled: show.enabled,
            active: show.active,
            sub: show.sub,
            result: show.result,
            pid: show.pid,
        }
    }

    fn show(&self) -> Show {
        let asked = "LoadState,UnitFileState,ActiveState,SubState,Result,MainPID";
        Show::read(&systemctl(&["show", "--property", asked, &self.name]).unwrap_or_default())
    }
}

fn text(json: &UnitJson) -> String {
    let unit = shown(&json.unit);
    let place = match (json.installed, json.ours) {
        (false, _) => format!("not installed for this user ({})", shown(&json.path)),
        (true, true) => format!("installed: {}", shown(&json.path)),
        (true, false) => format!("installed, not by this program: {}", shown(&json.path)),
    };
    let Some(active) = &json.active else {
        return format!("{unit}: {place}\n  systemd does not answer for this user\n");
    };
    let mut words = vec![shown(active)];
    words.extend(json.sub.iter().map(|sub| format!("({})", shown(sub))));
    words.extend(json.pid.map(|pid| format!("process {pid}")));
    words.extend(
        json.enabled
            .iter()
            .map(|enabled| format!("{} at login", shown(enabled))),
    );
    let odd = json.result.as_deref().filter(|result| *result != "success");
    words.extend(odd.map(|result| format!("last end: {}", shown(result))));
    format!("{unit}: {place}\n  {}\n", words.join(", ").replace(", (", " ("))
}

/// What systemd says of a unit.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Show {
    load: Option<String>,
    enabled: Option<String>,
    active: Option<String>,
    sub: Option<String>,
    result: Option<String>,
    pid: Option<u32>,
}

impl Show {
    fn read(text: &str) -> Self {
        let mut show = Self::default();
        for line in text.lines() {
            let Some((name, value)) = line.split_once('=').filter(|(_, value)| !value.is_empty()) else {
                continue;
            };
            let value = value.to_owned();
            match name {
                "LoadState" => show.load = Some(value),
                "UnitFileState" => show.enabled = Some(value),
                "ActiveState" => show.active = Some(value),
                "SubState" => show.sub = Some(value),
                "Result" => show.result = Some(value),
                "MainPID" => show.pid = value.parse().ok().filter(|pid| *pid != 0),
                _ => {}
            }
        }
        show
    }
}

/// The configuration file, where it has to be named to the service.
fn config_file(context: &Context) -> Result<Option<PathBuf>, Report> {
    let path = context.choice.path(&context.env);
    let path = path.map_err(|error| Report::from(&error))?;
    let path = std::path::absolute(&path).unwrap_or(path);
    if !path.is_file() {
        return Err(Report::new(
            Kind::Config,
            "not installed",
            "there is no such configuration file, and a service does not see the variables of this shell",
            "write it; \"syncd config show\" prints what it would hold",
        )
        .at(path.display().to_string()));
    }
    let named = context.choice.file.is_some() || context.env.get("SYNCD_CONFIG").is_some();
    Ok(named.then_some(path))
}

/// Why systemd did not do it.
#[derive(Debug)]
enum SystemctlError {
    /// There is no systemctl.
    Absent,
    /// There is no manager for this user that could be asked.
    NoManager(String),
    /// It does not do it; its words.
    Refused(String),
}

impl SystemctlError {
    fn report(&self, happened: &str, program: &Path, unit: &str) -> Report {
        match self {
            Self::Absent => Report::new(
                Kind::NoServiceManager,
                happened,
                "there is no systemctl, so nothing reads units here",
                format!(
                    "start \"{}\" at login by other means, with log.file set; \"syncd service uninstall\" removes the unit",
                    program.display()
                ),
            ),
            Self::NoManager(words) => Report::new(
                Kind::NoServiceManager,
                happened,
                format!("systemd does not answer for this user ({})", words.trim()),
                format!(
                    "where you are logged in, or after \"loginctl enable-linger\", run \"systemctl --user enable --now {unit}\""
                ),
            ),
            Self::Refused(words) => Report::new(
                Kind::Refused,
                happened,
                words.trim(),
                format!(
                    "look at it with \"systemctl --user status {unit}\" and \"journalctl --user -u {unit}\""
                ),
            ),
        }
    }
}

/// Asks the user's systemd: its answer.
fn systemctl(args: &[&str]) -> Result<String, SystemctlError> {
    let ran = Command::new("systemctl")
        .arg("--user")
        .args(args)
        // Its words are looked at.
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output();
    let output = match ran {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(SystemctlError::Absent),
        Err(error) => {
            return Err(SystemctlError::Refused(format!(
                "systemctl cannot be run: {error}"
            )));
        }
        Ok(output) => output,
    };
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words = shown(String::from_utf8_lossy(&output.stderr).trim());
    let unreachable = [
        "Failed to connect to",
        "not been booted with systemd",
        "XDG_RUNTIME_DIR",
    ];
    if unreachable.iter().any(|part| words.contains(part)) {
        return Err(SystemctlError::NoManager(words));
    }
    let code = output
        .status
        .code()
        .map_or_else(String::new, |code| format!(" ({code})"));
    Err(SystemctlError::Refused(if words.is_empty() {
        format!("systemctl failed{code}")
    } else {
        words
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemd_says_is_shown_in_a_line() {
        let show = Show::read(
            "LoadState=loaded\nUnitFileState=enabled\nActiveState=failed\nSubState=failed\nResult=exit-code\nMainPID=0\n",
        );
        let json = |show: Show, installed, ours| UnitJson {
            v: 1,
            unit: "syncd.service".into(),
            path: "/u/syncd.service".into(),
            installed,
            ours,
            enabled: show.enabled,
            active: show.active,
            sub: show.sub,
            result: show.result,
            pid: show.pid,
        };
        assert_eq!(
            text(&json(show, true, true)),
            "syncd.service: installed: /u/syncd.service\n  failed (failed), enabled at login, last end: exit-code\n"
        );
        let show =
            Show::read("ActiveState=active\nSubState=running\nResult=success\nMainPID=7\nUnitFileState=\n");
        assert_eq!(
            text(&json(show, true, false)),
            "syncd.service: installed, not by this program: /u/syncd.service\n  active (running), process 7\n"
        );
        assert_eq!(
            text(&json(Show::default(), false, false)),
            "syncd.service: not installed for this user (/u/syncd.service)\n  systemd does not answer for this user\n"
        );
    }
}
