//! `syncd doctor`: one line for each thing that was looked at: fine, or what to do. Changes nothing without `--probe`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use tracing::level_filters::LevelFilter;

use crate::cli::{Context, logging};
use crate::config::Config;
use crate::config::load::load;
use crate::doctor::{Finding, State, account, bundle, journal, machine, probe, server, setup};
use crate::exit::Exit;
use crate::local::root::Probe;
use crate::report::{Kind, Report};
use crate::service::prepare;
use crate::text::shown;

/// Arguments of `doctor`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd doctor
  syncd doctor --probe                  also tries names in a test folder of its own, and removes that
  syncd doctor --bundle support.json    for somebody who helps: no names, no secrets

Exit codes: 0 all is fine, 3 something is to be done, 1 it could not run.")]
pub(crate) struct DoctorArgs {
    /// Also try what servers and disks do to names, in a test folder that is removed again
    #[arg(long)]
    probe: bool,

    /// Write a support archive: names hashed, no secrets; must not be there yet
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
}

#[derive(Serialize)]
struct DoctorJson<'a> {
    v: u8,
    fine: bool,
    findings: &'a [Finding],
    bundle: Option<String>,
}

/// Runs it.
pub(crate) fn run(context: &Context, args: &DoctorArgs) -> Exit {
    match examine(context, args) {
        Ok(exit) => exit,
        Err(report) => context.output.fail(&report),
    }
}

fn examine(context: &Context, args: &DoctorArgs) -> Result<Exit, Report> {
    if let Some(path) = args
        .bundle
        .as_deref()
        .filter(|path| path.symlink_metadata().is_ok())
    {
        let report = Report::new(
            Kind::Refused,
            "no archive written",
            "it is there already",
            "name another file",
        );
        return Err(report.at(path.display().to_string()));
    }
    let report = |error| Report::from(&error);
    let path = context.choice.path(&context.env).map_err(report)?;
    // Without a configuration there is nothing to examine.
    let loaded = load(&context.choice, &context.env).map_err(report)?;
    let mut findings = vec![
        setup::config(&path, &loaded),
        setup::credentials(&loaded.config, &context.env),
        setup::private(&loaded.config),
    ];
    findings.extend(setup::folders(&loaded.config));
    findings.extend(here(&loaded.config, args.probe));
    findings.extend(there(context, &loaded.config, args.probe)?);
    let written = match &args.bundle {
        Some(path) => {
            let done = bundle::write(&bundle::collect(&loaded.config, &findings), path);
            done.map_err(|error| {
                let next = "name a file in a folder that can be written to";
                Report::new(Kind::Refused, "no archive written", error.to_string(), next)
                    .at(path.display().to_string())
            })?;
            Some(path.display().to_string())
        }
        None => None,
    };
    Ok(told(context, &findings, written))
}

fn here(config: &Config, try_names: bool) -> Vec<Finding> {
    let mut findings = vec![machine::watches(config)];
    findings.extend(machine::space(config));
    let probe = if try_names { Probe::Write } else { Probe::ReadOnly };
    for pair in config.pairs.iter().filter(|pair| pair.local.is_dir()) {
        findings.push(machine::disk(pair, probe));
        findings.push(journal::leftovers(pair));
    }
    for pair in &config.pairs {
        findings.extend(journal::journal(config, pair));
    }
    findings
}

fn there(context: &Context, config: &Config, try_names: bool) -> Result<Vec<Finding>, Report> {
    // What is wrong with these was told already.
    let ground = match prepare::ground_of(config.clone(), &context.env) {
        Ok(ground) => ground,
        Err(_) => return Ok(vec![Finding::unknown("server", "not asked: see above")]),
    };
    let client = match prepare::client(&ground.config, ground.credentials) {
        Ok(client) => client,
        Err(report) => return Ok(vec![Finding::of("server", &report)]),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        let next = "free memory or processes";
        Report::new(Kind::Internal, "cannot start", error.to_string(), next)
    })?;
    logging::start(
        context,
        &config.log,
        LevelFilter::ERROR,
        &indicatif::ProgressBar::hidden(),
    );
    Ok(runtime.block_on(ask(&client, config, try_names)))
}

async fn ask(client: &api::Client, config: &Config, try_names: bool) -> Vec<Finding> {
    let url = config.account.api_url.as_str();
    let (mut findings, greeting) = server::reach(client, url).await;
    if greeting.is_none() {
        return findings;
    }
    let session = server::session(client, url).await;
    let signed_in = session.state == State::Fine;
    findings.push(session);
    if !signed_in {
        return findings;
    }
    findings.push(server::package(client, url).await);
    findings.push(server::dialect(client, greeting.as_ref()).await);
    for pair in &config.pairs {
        findings.extend(account::look(client, url, pair).await);
    }
    if try_names {
        findings.extend(probe::server(client, url).await);
    }
    findings
}

fn told(context: &Context, findings: &[Finding], bundle: Option<String>) -> Exit {
    let todo = findings
        .iter()
        .filter(|finding| finding.state == State::Todo)
        .count();
    if context.output.is_json() {
        context.output.object(&DoctorJson {
            v: 1,
            fine: todo == 0,
            findings,
            bundle,
        });
    } else {
        let mut text: String = findings.iter().map(line).collect();
        if let Some(path) = bundle {
            text.push_str(&format!(
                "\nThe archive is {}: look at it before you pass it on.\n",
                shown(&path)
            ));
        }
        context.output.text(&text);
    }
    if todo == 0 { Exit::InSync } else { Exit::NotInSync }
}

fn line(finding: &Finding) -> String {
    let state = match finding.state {
        State::Fine => "OK  ",
        State::Todo => "TODO",
        State::Unknown => "?   ",
    };
    let pair = finding
        .pair
        .as_deref()
        .map_or_else(String::new, |pair| format!(" ({})", shown(pair)));
    let next = finding
        .next
        .as_deref()
        .map_or_else(String::new, |next| format!(". Next: {}", shown(next)));
    format!(
        "{state} {}{pair}: {}{next}\n",
        finding.check,
        shown(&finding.says)
    )
}
