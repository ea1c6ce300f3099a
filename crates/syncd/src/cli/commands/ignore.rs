//! `syncd ignore test PATH…`: the rule that keeps a path out of the sync, and where it stands. Looks at the configuration
//! and this disk's rule files only; the path itself need not exist.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::cli::{Context, control};
use crate::config::PairConfig;
use crate::config::layers::Layers;
use crate::config::load::{Loaded, load};
use crate::engine::filestatus;
use crate::exit::Exit;
use crate::report::{Kind, Report};
use crate::service::control::pairs::{named, of_pair, place};
use crate::text::shown;

/// Parts of `ignore`.
#[derive(Subcommand, Debug)]
pub(crate) enum IgnoreCommand {
    /// The rule that keeps a path out of the sync, its file and its line
    Test(TestArgs),
}

/// Arguments of `ignore test`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd ignore test ~/Cloud/notes.tmp
  syncd ignore test --pair main build/ build/a.o    also what is not there")]
pub(crate) struct TestArgs {
    /// Paths on this disk, or below a pair's folder; what does not exist is a file, or a folder if it ends with "/"
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,

    /// The pair, where a path could be in several
    #[arg(long, value_name = "NAME")]
    pub(crate) pair: Option<String>,
}

/// `syncd ignore test --json`.
#[derive(Serialize)]
struct TestJson {
    v: u8,
    paths: Vec<Tested>,
}

/// What became of one path.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
struct Tested {
    /// The pair it belongs to.
    pair: String,
    /// Below the pair's folder.
    path: String,
    /// It is kept out.
    ignored: bool,
    /// By this rule.
    rule: Option<Rule>,
}

/// A rule and where it stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
struct Rule {
    /// As it is written.
    pattern: String,
    /// `exclude`, `include`, the `.syncignore` file below the pair's folder, or `syncd`: a name of syncd's own.
    source: String,
    /// Its line in the file, or its place in the list, from 1; 0 for syncd's own.
    line: usize,
    /// For lists of the configuration: file and line of the key, its variable, or `default`.
    from: Option<String>,
    /// The folder above that the rule matches, where it is not the path itself.
    above: Option<String>,
}

/// Runs it. A rule, or none, is an answer: exit code 0.
pub(crate) fn run(context: &Context, command: &IgnoreCommand) -> Exit {
    let IgnoreCommand::Test(args) = command;
    let tested = load(&context.choice, &context.env)
        .map_err(|error| Report::from(&error))
        .and_then(|loaded| args.paths.iter().map(|path| test(&loaded, args, path)).collect());
    match tested {
        Ok(paths) if context.output.is_json() => context.output.object(&TestJson { v: 1, paths }),
        Ok(paths) => context.output.text(&text(&paths)),
        Err(report) => return context.output.fail(&report),
    }
    Exit::InSync
}

fn test(loaded: &Loaded, args: &TestArgs, path: &Path) -> Result<Tested, Report> {
    let is_folder = path.to_str().is_some_and(|path| path.ends_with('/'));
    control::either(path, |given| {
        for pair in named(&loaded.config, args.pair.as_deref())? {
            if let Some(place) = place(&pair.local, Path::new(given)) {
                let found = filestatus::rule(pair, &place, is_folder);
                let found = found.map_err(|report| of_pair(&pair.name, report))?;
                let rule = found.map(|(at, why)| Rule {
                    from: origin(&loaded.layers, &loaded.config.pairs, pair, &why.source),
                    pattern: why.pattern,
                    source: why.source,
                    line: why.line,
                    above: (at != place).then(|| at.to_string()),
                });
                return Ok(Tested {
                    pair: pair.name.clone(),
                    path: place.to_string(),
                    ignored: rule.is_some(),
                    rule,
                });
            }
        }
        Err(Report::new(
            Kind::NotFound,
            "no rule is asked for it",
            "it is in no pair's folder",
            "look at the path; \"syncd config show\" has the pairs' folders",
        )
        .at(given))
    })
}

/// Where a list of the configuration stands.
fn origin(layers: &Layers, pairs: &[PairConfig], pair: &PairConfig, source: &str) -> Option<String> {
    if !matches!(source, "exclude" | "include") {
        return None;
    }
    let at = pairs.iter().position(|other| other.name == pair.name)?;
    let origin = layers.origin(&format!("sync[{at}].{source}"));
    Some(origin.unwrap_or("default").to_owned())
}

fn text(paths: &[Tested]) -> String {
    let mut out = String::new();
    for tested in paths {
        let says = match &tested.rule {
            None => "no rule; it is synced".to_owned(),
            Some(rule) => rule.text(),
        };
        // Writing to a String does not fail.
        let _ = writeln!(out, "{}: {}", shown(&tested.path), shown(&says));
    }
    out
}

impl Rule {
    fn text(&self) -> String {
        let above = match &self.above {
            Some(folder) => format!("the folder {folder} is ignored: "),
            None => "ignored: ".to_owned(),
        };
        match (self.source.as_str(), &self.from) {
            ("syncd", _) => format!("{above}it is one of syncd's own names"),
            (key, Some(from)) => format!(
                "{above}the rule \"{}\", number {} of {key} ({from})",
                self.pattern, self.line
            ),
            (file, None) => format!(
                "{above}the rule \"{}\" ({file}, line {})",
                self.pattern, self.line
            ),
        }
    }
}
