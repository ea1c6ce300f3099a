//! `syncd man DIR`: a manual page for each command, made from the same definition as the help.
#![expect(
    clippy::disallowed_methods,
    reason = "writes pages into the folder that the user named"
)]

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory as _};

use crate::cli::{Cli, Context};
use crate::exit::Exit;
use crate::report::{Kind, Report};
use crate::text::shown;

/// Arguments of `man`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd man ~/.local/share/man/man1      then: man syncd, man syncd-init")]
pub(crate) struct ManArgs {
    /// An existing folder, such as one of $MANPATH that ends in man1
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Writes the pages; those of an older version are replaced.
pub(crate) fn run(context: &Context, args: &ManArgs) -> Exit {
    match write(&args.folder) {
        Ok(pages) => {
            let folder = shown(&args.folder.display().to_string());
            context.output.text(&format!("{pages} pages are in {folder}\n"));
            Exit::InSync
        }
        Err(error) => {
            let next = "name a folder that exists and can be written to";
            let report = Report::new(Kind::Refused, "no manual pages written", error.to_string(), next);
            context.output.fail(&report.at(args.folder.display().to_string()))
        }
    }
}

fn write(folder: &Path) -> io::Result<usize> {
    let mut command = Cli::command();
    command.build();
    let pages = pages(&command)?;
    for (name, page) in &pages {
        std::fs::write(folder.join(name), page)?;
    }
    Ok(pages.len())
}

/// The page of a command and those of its parts, by file name.
fn pages(command: &clap::Command) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    let mut open = vec![command.clone()];
    while let Some(command) = open.pop() {
        let man = clap_mangen::Man::new(command.clone());
        let mut page = Vec::new();
        man.render(&mut page)?;
        found.push((man.get_filename(), page));
        let parts = command
            .get_subcommands()
            .filter(|part| !part.is_hide_set() && part.get_name() != "help");
        open.extend(parts.cloned());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_and_every_part_of_one_has_a_page() {
        let mut command = Cli::command();
        command.build();
        let pages = pages(&command).unwrap();
        let names: Vec<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
        for name in [
            "syncd.1",
            "syncd-init.1",
            "syncd-doctor.1",
            "syncd-conflicts-keep.1",
            "syncd-service-install.1",
        ] {
            assert!(names.contains(&name), "{names:?}");
        }
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
        for (name, page) in &pages {
            assert!(
                page.starts_with(b".ie"),
                "{name}: {}",
                String::from_utf8_lossy(page)
            );
        }
    }
}
