//! All keys of the configuration, each once: name, kind, default, meaning.
//!
//! Loading, `config show`, the names of the environment variables, the suggestions for misspelt keys and the table
//! in `docs/configuration.md` come from here. A new key is an entry here and a field in `mod.rs`.

use super::value::{Kind, Value};

/// A table of the file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Section {
    /// Before the first table.
    Top,
    /// `[account]`
    Account,
    /// `[limits]`
    Limits,
    /// `[[limits.window]]`
    Window,
    /// `[control]`
    Control,
    /// `[log]`
    Log,
    /// `[notify]`
    Notify,
    /// `[timing]`
    Timing,
    /// `[[sync]]`
    Sync,
}

impl Section {
    /// All, in the order of the reference.
    pub(crate) const ALL: [Self; 9] = [
        Self::Top,
        Self::Account,
        Self::Limits,
        Self::Window,
        Self::Control,
        Self::Log,
        Self::Notify,
        Self::Timing,
        Self::Sync,
    ];

    /// Its path in the file; empty for the top.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Top => "",
            Self::Account => "account",
            Self::Limits => "limits",
            Self::Window => "limits.window",
            Self::Control => "control",
            Self::Log => "log",
            Self::Notify => "notify",
            Self::Timing => "timing",
            Self::Sync => "sync",
        }
    }

    /// As it is written in the file.
    pub(crate) fn header(self) -> String {
        match self {
            Self::Top => "the top of the file".to_owned(),
            Self::Window | Self::Sync => format!("[[{}]]", self.path()),
            Self::Account | Self::Limits | Self::Control | Self::Log | Self::Notify | Self::Timing => {
                format!("[{}]", self.path())
            }
        }
    }
}

/// What holds where the user says nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fallback {
    /// It must be said.
    Required,
    /// Nothing.
    Nothing,
    /// This text.
    Text(&'static str),
    /// This number.
    Number(i64),
    /// This.
    Flag(bool),
    /// These.
    List(&'static [&'static str]),
    /// It depends on the machine; the words of the reference.
    Machine(&'static str),
}

impl Fallback {
    /// As a value, where it is one.
    pub(crate) fn value(self) -> Option<Value> {
        match self {
            Self::Required | Self::Nothing | Self::Machine(_) => None,
            Self::Text(text) => Some(Value::Text(text.to_owned())),
            Self::Number(number) => Some(Value::Number(number)),
            Self::Flag(flag) => Some(Value::Flag(flag)),
            Self::List(items) => Some(Value::List(items.iter().map(|&item| item.to_owned()).collect())),
        }
    }
}

/// One key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Key {
    /// Where.
    pub(crate) section: Section,
    /// Its name.
    pub(crate) name: &'static str,
    /// What it takes.
    pub(crate) kind: Kind,
    /// What holds without it.
    pub(crate) fallback: Fallback,
    /// What it means; one sentence for the reference.
    pub(crate) doc: &'static str,
}

impl Key {
    /// `section.name`.
    pub(crate) fn path(&self) -> String {
        if self.section == Section::Top {
            return self.name.to_owned();
        }
        format!("{}.{}", self.section.path(), self.name)
    }

    /// Its environment variable; `None` for lists and for tables that repeat without a name.
    pub(crate) fn variable(&self) -> Option<String> {
        let name = self.name.to_ascii_uppercase();
        if !self.kind.is_scalar() {
            return None;
        }
        match self.section {
            Section::Window => None,
            Section::Top => Some(format!("SYNCD_{name}")),
            // The name of a pair is the middle of its variables, so no variable can set it.
            Section::Sync => (self.name != "name").then(|| format!("SYNCD_SYNC__NAME__{name}")),
            Section::Account
            | Section::Limits
            | Section::Control
            | Section::Log
            | Section::Notify
            | Section::Timing => Some(format!(
                "SYNCD_{}__{name}",
                self.section.path().to_ascii_uppercase()
            )),
        }
    }
}

const fn key(section: Section, name: &'static str, kind: Kind, fallback: Fallback, doc: &'static str) -> Key {
    Key {
        section,
        name,
        kind,
        fallback,
        doc,
    }
}

const SECOND: u64 = 1000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

use Fallback::{Flag as IsFlag, List, Machine, Nothing, Number as Is, Required, Text};
use Kind::{
    ApiUrl, Bytes, Choice, Clock, Concurrency, Days, Device, Flag, Level, Number, PairName, Path, Patterns,
    Proxy, Remote, Span,
};
use Section::{Account, Control, Limits, Log, Notify, Sync, Timing, Top, Window};

/// All keys, in the order of the reference.
#[rustfmt::skip]
pub(crate) const KEYS: &[Key] = &[
    key(Top, "state_dir", Path, Machine("`$XDG_STATE_HOME/syncd`, with `--profile N` `…/syncd/N`"), "Journals (one folder per pair), the session's token, locks."),
    key(Top, "device_name", Device, Machine("the host name, 20 characters of it"), "This machine in the names of conflict copies."),

    key(Account, "api_url", ApiUrl, Required, "Address of the API. `https`; plain `http` for this machine (loopback) only, unless `allow_http` is true."),
    key(Account, "allow_http", Flag, IsFlag(false), "Plain `http` to other machines too: keys, tokens and files can then be read on the way."),
    key(Account, "credentials_file", Path, Machine("`$XDG_CONFIG_HOME/syncd/credentials.toml`"), "TOML with `key1` and `key2`, or `username` and `password`. Refused unless it is private (mode 0600) and yours or root's."),
    key(Account, "keyring", Choice(&["auto", "only", "never"]), Text("auto"), "The system keyring (Secret Service) for credentials: `auto` asks it where there is no credentials file, `only` reads no file, `never` does not ask it."),
    key(Account, "ca_file", Path, Nothing, "More root certificates, PEM, beside the system's."),
    key(Account, "proxy", Proxy, Nothing, "Proxy for everything but loopback; without it, that of the environment. `NO_PROXY` is honoured."),

    key(Limits, "upload", Bytes, Is(0), "Bytes per second; 0 is no limit."),
    key(Limits, "download", Bytes, Is(0), "Bytes per second; 0 is no limit."),
    key(Limits, "concurrency", Concurrency, Text("auto"), "Calls, uploads and downloads at once. `auto`: four transfers to begin with, then as many as are fastest, up to 16. Never above what the package allows."),

    key(Window, "from", Clock, Nothing, "Where the window begins, by this machine's clock. Without `from` and `to` it is whole days."),
    key(Window, "to", Clock, Nothing, "Where it ends, on the next day if that is earlier than `from`."),
    key(Window, "days", Days, Machine("all"), "On which days it begins."),
    key(Window, "upload", Bytes, Nothing, "As in `[limits]`, within the window."),
    key(Window, "download", Bytes, Nothing, "As in `[limits]`, within the window."),
    key(Window, "pause", Flag, Nothing, "The pairs are paused within the window; `false` lifts the pause of a window before it."),

    key(Control, "socket", Path, Machine("`$XDG_RUNTIME_DIR/syncd/control.sock`, without it `state_dir/control.sock`"), "Control socket, 0600 in a 0700 folder."),

    key(Log, "level", Level, Text("info"), "A level, or levels by crate, as in `syncd=debug,api=info`. `--once` logs warnings only unless this is set; `-v` and `-q` win over it."),
    key(Log, "format", Choice(&["text", "json"]), Text("text"), "`json` is one object a line."),
    key(Log, "file", Path, Nothing, "Log file of the service; standard error then gets lines only where it is a terminal or systemd's journal. A file of 10 MiB is turned over. Not in a pair's folder."),
    key(Log, "keep", Number(0, 1000), Is(5), "Old log files that are kept: `FILE.1`, the newest of them, to `FILE.5`."),

    key(Notify, "desktop", Flag, IsFlag(false), "The service tells the desktop of conflicts and safety stops, each once; where there is no desktop nothing happens."),

    key(Timing, "quiet_period", Span(0, HOUR), Text("1s"), "A file is taken when two looks so far apart are equal."),
    key(Timing, "restless_after", Span(0, DAY), Text("1h"), "A file that keeps changing for so long is sent from a copy, as it is then."),
    key(Timing, "confirm_after", Span(0, HOUR), Text("30s"), "Between two proofs that a folder of the account is dead."),
    key(Timing, "look_again", Span(0, HOUR), Text("5s"), "Between two looks at a folder of the account that both count."),
    key(Timing, "login_backoff", Span(0, HOUR), Text("5s"), "Longest first wait before signing in again after another device took the session."),
    key(Timing, "sweep_after", Span(MINUTE, 365 * DAY), Text("24h"), "How long an upload that ended unclear is remembered, in case it still arrives."),
    key(Timing, "late_upload_limit", Span(0, DAY), Text("10m"), "How long it is looked for before it is sent again."),
    key(Timing, "request_timeout", Span(100, HOUR), Text("120s"), "One call, its answer included; not transfers."),
    key(Timing, "retry_pause", Span(1, HOUR), Text("1s"), "Longest first wait before a call whose answer was lost is repeated, where that is safe; doubles up to 30s."),

    key(Sync, "name", PairName, Required, "Name of the pair in commands, status and journal."),
    key(Sync, "local", Path, Required, "The folder here. Folders of two pairs must not lie within each other."),
    key(Sync, "remote", Remote, Required, "The folder in the account: a path, created when missing after two looks, or `\"id:123\"`. Afterwards the pair follows the folder's id."),
    key(Sync, "direction", Choice(&["both", "upload", "download"]), Text("both"), "`upload` writes the account only, `download` this machine only; what differs on the other side is listed as drift."),
    key(Sync, "conflict", Choice(&["keep-both", "prefer-local", "prefer-remote", "prefer-newer"]), Text("keep-both"), "Where both sides changed. `keep-both`: the account's version keeps the name, ours becomes a conflict copy. With the others the loser goes to its side's trash; `prefer-newer` keeps both where the order cannot be told."),
    key(Sync, "first_merge", Choice(&["verify", "size"]), Text("verify"), "What is on both sides before the first sync: `verify` compares every byte, `size` believes path and size."),
    key(Sync, "exclude", Patterns, List(&[".~lock.*#", "~$*", ".DS_Store", "Thumbs.db", "*.swp", "*.part", "*.crdownload"]), "Not synced, in gitignore syntax, as in `.syncignore`."),
    key(Sync, "include", Patterns, List(&[]), "Synced although `exclude` matches."),
    key(Sync, "max_delete_percent", Number(1, 100), Is(50), "More deletions than this within an hour (and more than 10) stop the pair until you approve them; 100 is no brake."),
    key(Sync, "min_free", Bytes, Text("512MiB"), "Downloads wait while the disk has less."),
    key(Sync, "trash_days", Number(0, 36500), Is(30), "What was removed here stays in `.syncd/trash` for so many days."),
    key(Sync, "poll_interval", Span(SECOND, DAY), Text("60s"), "Between looks at the account."),
    key(Sync, "max_poll_interval", Span(SECOND, DAY), Text("5m"), "The same while nothing happens."),
    key(Sync, "full_walk_interval", Span(SECOND, 7 * DAY), Text("10m"), "Every folder of the account is listed at least so often by a service, or four times as long as a walk takes if that is longer."),
    key(Sync, "local_scan_interval", Span(SECOND, 7 * DAY), Text("1h"), "Every folder here is scanned at least so often."),
    key(Sync, "stale_after", Span(MINUTE, 365 * DAY), Text("1d"), "Without an agreement for so long the status is an error."),
    key(Sync, "unstorable_names", Choice(&["escape", "skip"]), Text("escape"), "Names that the other side cannot hold: written as `⟦HEX⟧`, or held back."),
    key(Sync, "server_copy", Flag, IsFlag(false), "A new file of a name and bytes that the account holds elsewhere is copied there instead of uploaded, once a first copy was seen in a listing. On servers whose copies belong to nobody that first one stays behind, unseen, each time syncd starts."),
    key(Sync, "enabled", Flag, IsFlag(true), "false: only when named on the command line."),
];

/// The key of that name.
pub(crate) fn find(section: Section, name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.section == section && key.name == name)
}

/// The known key that an unknown one most resembles: in its own section by its name, or elsewhere if that name is
/// spelt exactly so there; as `[section] name` in the latter case.
pub(crate) fn nearest(section: Section, name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let elsewhere = KEYS.iter().find(|key| key.name == name && key.section != section);
    if let Some(key) = elsewhere
        && find(section, &name).is_none()
    {
        return format!("{} in {}", key.name, key.section.header());
    }
    let tables = Section::ALL
        .iter()
        .filter(|_| section == Section::Top)
        .map(|section| section.path());
    let names = KEYS
        .iter()
        .filter(|key| key.section == section)
        .map(|key| key.name);
    closest(&name, names.chain(tables).filter(|name| !name.is_empty()))
}

/// The candidate that the text most resembles.
pub(crate) fn closest<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> String {
    let best =
        candidates.min_by_key(|candidate| (strsim::damerau_levenshtein(text, candidate), candidate.len()));
    best.unwrap_or_default().to_owned()
}

/// The reference table of `docs/configuration.md`.
#[cfg(test)]
pub(crate) fn markdown() -> String {
    use std::fmt::Write as _;
    let mut out =
        String::from("| section | key | takes | default | variable | meaning |\n|---|---|---|---|---|---|\n");
    for key in KEYS {
        let section = if key.section == Section::Top {
            "–".to_owned()
        } else {
            format!("`{}`", key.section.header())
        };
        let fallback = match key.fallback {
            Fallback::Required => "**required**".to_owned(),
            Fallback::Nothing => "–".to_owned(),
            Fallback::Text(text) => format!("`\"{text}\"`"),
            Fallback::Number(number) => format!("`{number}`"),
            Fallback::Flag(flag) => format!("`{flag}`"),
            Fallback::List([]) => "`[]`".to_owned(),
            Fallback::List(items) => format!("`[\"{}\"]`", items.join("\", \"")),
            Fallback::Machine(words) => words.to_owned(),
        };
        let variable = key
            .variable()
            .map_or_else(|| "–".to_owned(), |name| format!("`{name}`"));
        let _ = writeln!(
            out,
            "| {section} | `{}` | {} | {fallback} | {variable} | {} |",
            key.name,
            key.kind.expects(),
            key.doc
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_default_passes_its_own_check() {
        for key in KEYS {
            if let Some(value) = key.fallback.value() {
                assert!(key.kind.accepts(&value), "{}", key.path());
            }
        }
    }

    #[test]
    fn a_key_is_listed_once_and_so_is_its_variable() {
        let paths: BTreeSet<_> = KEYS.iter().map(Key::path).collect();
        assert_eq!(paths.len(), KEYS.len());
        let variables: Vec<_> = KEYS.iter().filter_map(Key::variable).collect();
        assert_eq!(variables.iter().collect::<BTreeSet<_>>().len(), variables.len());
    }

    #[test]
    fn the_table_holds_every_key_of_the_interface() {
        let promised = "state_dir device_name api_url credentials_file allow_http ca_file proxy upload download \
            concurrency from to days pause socket level format file keep desktop quiet_period confirm_after look_again \
            login_backoff sweep_after late_upload_limit request_timeout retry_pause restless_after name local remote direction conflict \
            first_merge exclude include max_delete_percent min_free trash_days poll_interval max_poll_interval \
            full_walk_interval local_scan_interval stale_after unstorable_names server_copy enabled";
        for name in promised.split_whitespace() {
            assert!(KEYS.iter().any(|key| key.name == name), "{name}");
        }
    }

    #[test]
    fn a_misspelt_key_finds_its_neighbour() {
        assert_eq!(nearest(Section::Account, "api_ulr"), "api_url");
        assert_eq!(nearest(Section::Timing, "quitePeriod"), "quiet_period");
        assert_eq!(nearest(Section::Top, "acount"), "account");
        assert_eq!(nearest(Section::Sync, "min-free"), "min_free");
        assert_eq!(nearest(Section::Top, "api_url"), "api_url in [account]");
        assert_eq!(
            nearest(Section::Account, "quiet_period"),
            "quiet_period in [timing]"
        );
    }

    #[test]
    fn the_reference_is_in_step_with_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        let doc = std::fs::read_to_string(path).unwrap();
        let table = markdown();
        assert!(
            doc.contains(&table),
            "docs/configuration.md: replace its table of keys with:\n{table}"
        );
    }
}
