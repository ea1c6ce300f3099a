//! `syncd completions SHELL`: made from the same definition as the help.

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use crate::cli::{Cli, Context};
use crate::exit::Exit;

/// Arguments of `completions`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd completions bash > ~/.local/share/bash-completion/completions/syncd
  syncd completions zsh > ~/.zfunc/_syncd
  syncd completions fish > ~/.config/fish/completions/syncd.fish")]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: Shell,
}

/// Prints the completions.
pub(crate) fn run(context: &Context, args: &CompletionsArgs) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "syncd", &mut script);
    context.output.exact(&String::from_utf8_lossy(&script));
    Exit::InSync
}
