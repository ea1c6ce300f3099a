//! The command `devcloud serve`: starts a server and prints one JSON line with its address and credentials.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use devcloud::{Dialect, Error, FAULTS, Options, QUIRKS, Server};

/// A File Upload API v2 server on this machine.
#[derive(Debug, Parser)]
#[command(name = "devcloud", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serves an account until it is interrupted; prints one JSON line: api_url, key1, key2, username, password.
    #[command(after_long_help = names(), after_help = "`devcloud serve --help` names all quirks, knobs and faults.")]
    Serve(Serve),
}

#[derive(Debug, clap::Args)]
struct Serve {
    /// Directory of everything it keeps; made when missing.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where it listens; port 0: any.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDR")]
    listen: SocketAddr,
    /// Preset of quirks: document, v4, v5, hostile.
    #[arg(long, default_value = "document", value_parser = |text: &str| text.parse::<Dialect>())]
    dialect: Dialect,
    /// Switches a quirk: Q07=on.
    #[arg(long, value_name = "Qnn=on|off", value_parser = switch)]
    quirk: Vec<(String, bool)>,
    /// Sets a knob: Q03.tries=5.
    #[arg(long, value_name = "KNOB=VALUE", value_parser = pair)]
    knob: Vec<(String, String)>,
    /// Sets a fault's probability: drop-after=0.1.
    #[arg(long, value_name = "NAME=P", value_parser = chance)]
    fault: Vec<(String, f64)>,
    /// Added to every answer: 20ms, 1.5s.
    #[arg(long, default_value = "0ms", value_parser = duration)]
    latency: Duration,
    /// What chance is made of.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn switch(text: &str) -> Result<(String, bool), String> {
    match pair(text)? {
        (name, value) if value == "on" => Ok((name, true)),
        (name, value) if value == "off" => Ok((name, false)),
        _ => Err("on or off".to_owned()),
    }
}

fn chance(text: &str) -> Result<(String, f64), String> {
    let (name, value) = pair(text)?;
    let p = value
        .parse()
        .map_err(|_| "a probability from 0 to 1".to_owned())?;
    Ok((name, p))
}

fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (text.strip_suffix('s').ok_or("20ms or 1.5s")?, 1.0),
    };
    let number: f64 = number.parse().map_err(|_| "20ms or 1.5s".to_owned())?;
    Duration::try_from_secs_f64(number * unit).map_err(|error| error.to_string())
}

fn names() -> String {
    let mut text = String::from("Quirks (4 = v4, 5 = v5, D = document, H = hostile):\n");
    for info in QUIRKS {
        let id = if info.id == 0 {
            "site".to_owned()
        } else {
            format!("Q{:02}", info.id)
        };
        let knobs: Vec<String> = info
            .knobs
            .iter()
            .map(|knob| format!("{id}.{}", knob.name))
            .collect();
        let knobs = if knobs.is_empty() {
            String::new()
        } else {
            format!(" [{}]", knobs.join(" "))
        };
        text.push_str(&format!(
            "  {id} {} ({}): {}{knobs}\n",
            info.name, info.presets, info.does
        ));
    }
    text.push_str("\nFaults:\n");
    for (_, name, does) in FAULTS {
        text.push_str(&format!("  {name}: {does}\n"));
    }
    text
}

#[tokio::main]
async fn main() -> ExitCode {
    let Cli {
        command: Command::Serve(serve),
    } = Cli::parse();
    match run(serve).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = error.to_string();
            if let Some(source) = std::error::Error::source(&error) {
                text.push_str(&format!(": {source}"));
            }
            drop(writeln!(std::io::stderr().lock(), "devcloud: {text}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(serve: Serve) -> Result<(), Error> {
    let server = Server::start(Options {
        listen: serve.listen,
        dialect: serve.dialect,
        quirks: serve.quirk,
        knobs: serve.knob,
        faults: serve.fault,
        latency: serve.latency,
        seed: serve.seed,
        ..Options::new(serve.data)
    })
    .await?;
    let line = serde_json::json!({
        "api_url": server.api_url(), "key1": server.key1(), "key2": server.key2(),
        "username": server.username(), "password": server.password(),
    });
    {
        let mut out = std::io::stdout().lock();
        // Whoever reads the line may be gone already; the server serves all the same.
        drop(writeln!(out, "{line}").and_then(|()| out.flush()));
    }
    until_told().await;
    server.shutdown().await;
    Ok(())
}

/// Waits for an interrupt or a termination.
async fn until_told() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        drop(tokio::signal::ctrl_c().await);
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
