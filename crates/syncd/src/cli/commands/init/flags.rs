//! Every question of `syncd init` as a flag.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Every answer of the set-up.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  syncd init                                      asks for everything that is not given
  syncd init --local ~/Photos --remote /Photos
  syncd init --yes --api-url https://pixelcloudstorage.com/api/v2/ --key-file keys.toml --local ~/Cloud --remote /
  pass show cloud | syncd init --username ann --password-stdin")]
pub(crate) struct InitArgs {
    #[command(flatten)]
    pub(super) account: AccountArgs,

    #[command(flatten)]
    pub(super) pair: PairArgs,

    /// Install the systemd user unit when everything is written
    #[arg(long, value_name = "yes|no", num_args = 0..=1, default_missing_value = "yes")]
    pub(super) service: Option<Answer>,

    /// Replace a configuration and credentials that are there already
    #[arg(long)]
    pub(super) force: bool,

    /// Ask nothing: take the usual answer where none is given
    #[arg(short, long)]
    pub(super) yes: bool,
}

/// The account.
#[derive(Args, Debug)]
pub(super) struct AccountArgs {
    /// Address of the API [or $SYNCD_API_URL]
    #[arg(long, value_name = "URL")]
    pub(super) api_url: Option<String>,

    /// Allow plain http to another machine: keys and files can then be read on the way
    #[arg(long)]
    pub(super) allow_http: bool,

    /// More root certificates, PEM
    #[arg(long, value_name = "FILE")]
    pub(super) ca_file: Option<PathBuf>,

    /// File with key1 and key2, or username and password, as TOML; must be private [or $SYNCD_KEY1 and $SYNCD_KEY2]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["username", "password_stdin"])]
    pub(super) key_file: Option<PathBuf>,

    /// User name, where the site wants one instead of keys [or $SYNCD_USERNAME and $SYNCD_PASSWORD]
    #[arg(long, value_name = "NAME")]
    pub(super) username: Option<String>,

    /// Read the password from standard input
    #[arg(long, requires = "username")]
    pub(super) password_stdin: bool,

    /// Keep the credentials in the system keyring, not in a file
    #[arg(long, value_name = "yes|no", num_args = 0..=1, default_missing_value = "yes")]
    pub(super) keyring: Option<Answer>,

    /// Where the credentials are kept [default: beside the configuration]
    #[arg(long, value_name = "FILE", conflicts_with = "keyring")]
    pub(super) credentials_file: Option<PathBuf>,
}

/// The pair.
#[derive(Args, Debug)]
pub(super) struct PairArgs {
    /// Folder on this machine; made if it is not there
    #[arg(long, value_name = "DIR")]
    pub(super) local: Option<PathBuf>,

    /// Folder of the account: "/" for all of it, a path, or id:123
    #[arg(long, value_name = "FOLDER")]
    pub(super) remote: Option<String>,

    /// Folder below --remote that is left out; may be repeated
    #[arg(long, value_name = "FOLDER")]
    pub(super) leave_out: Vec<String>,

    /// The pair's name
    #[arg(long, value_name = "NAME", default_value = "main")]
    pub(super) name: String,

    /// Which sides are written [default: both]
    #[arg(long, value_name = "WAY")]
    pub(super) direction: Option<Way>,
}

/// Yes or no.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    /// Do it.
    Yes,
    /// Leave it.
    No,
}

/// A pair's direction.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// Both ways.
    Both,
    /// This machine is never written.
    Upload,
    /// The account is never written.
    Download,
}
