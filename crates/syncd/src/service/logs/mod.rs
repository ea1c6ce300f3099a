//! Where the log of this process goes: standard error or the journal, a file, and its last lines in memory for those who
//! ask a service for them. What is logged at which level, and where to, can be changed while it runs.
//!
//! Only our own crates speak below warnings: libraries log addresses and headers there, and those hold tokens. A log that
//! cannot be written holds nobody up.

mod file;
mod form;

use std::io::{self, Write};
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::fstat;
use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterExt as _, Targets, dynamic_filter_fn, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry, fmt, reload};

use self::file::{LogFile, Written};
use self::form::{Plain, for_journal};
use super::control::recent;
use crate::config::Log;
use crate::config::load::Env;

/// Our crates.
const OURS: [&str; 5] = ["syncd", "api", "planner", "state", "devcloud"];

/// Writes whole lines to standard error.
pub(crate) type Stderr = Box<dyn Fn(&[u8]) + Send + Sync>;

/// What lines standard error takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Takes {
    /// Plain ones.
    Plain,
    /// Coloured ones.
    Colors,
    /// Those of systemd's journal.
    Journal,
}

/// What standard error is, and what was asked for on the command line.
pub(crate) struct Manner {
    /// Writes to it.
    pub(crate) stderr: Stderr,
    /// What it takes.
    pub(crate) takes: Takes,
    /// It is a terminal.
    pub(crate) terminal: bool,
    /// Of the command line: -1 quiet, 0, 1, 2, 3. It wins over the configuration.
    pub(crate) verbosity: i8,
    /// The level where nobody says anything.
    pub(crate) otherwise: LevelFilter,
}

/// Whether standard error is the stream of the journal that the environment speaks of.
pub(crate) fn is_journal(env: &Env) -> bool {
    let Some((device, inode)) = env
        .get("JOURNAL_STREAM")
        .and_then(|stream| stream.split_once(':'))
    else {
        return false;
    };
    fstat(io::stderr().as_fd())
        .is_ok_and(|stat| stat.st_dev.to_string() == device && stat.st_ino.to_string() == inode)
}

type Levels = reload::Handle<Targets, Registry>;

/// The log of this process, for as long as that may change.
#[derive(Clone)]
pub(crate) struct Logs {
    sinks: Arc<Sinks>,
    levels: Arc<[Levels]>,
    verbosity: i8,
    otherwise: LevelFilter,
}

/// Begins to log. With `keeps_file` also to the configuration's file: two processes that turn one file over would lose
/// lines, so only a service has one.
pub(crate) fn start(log: &Log, manner: Manner, keeps_file: bool) -> Logs {
    let targets = filter(log.level.as_deref(), manner.verbosity, manner.otherwise);
    let (verbosity, otherwise) = (manner.verbosity, manner.otherwise);
    let sinks = Arc::new(Sinks::new(log, manner, keeps_file));
    let mut levels = Vec::new();
    let mut filtered = |layer: Box<dyn Layer<Registry> + Send + Sync>, form: Form| {
        let (level, handle) = reload::Layer::new(targets.clone());
        levels.push(handle);
        let (wanted, rest) = (Arc::clone(&sinks), filter_fn(may_speak));
        let wanted = dynamic_filter_fn(move |_, _| wanted.wants(form));
        layer.with_filter(level.and(rest).and(wanted)).boxed()
    };
    let to = |form| To {
        sinks: Arc::clone(&sinks),
        form,
    };
    let plain = fmt::layer()
        .fmt_fields(Plain::default())
        .with_ansi(false)
        .with_target(false);
    let json = fmt::layer().json().with_writer(to(Form::Json));
    let mut layers = vec![
        filtered(plain.with_writer(to(Form::Plain)).boxed(), Form::Plain),
        filtered(json.boxed(), Form::Json),
    ];
    let screen = fmt::layer().with_target(false).with_writer(to(Form::Screen));
    match sinks.takes {
        Takes::Plain => {}
        Takes::Colors => layers.push(filtered(screen.with_ansi(true).boxed(), Form::Screen)),
        Takes::Journal => {
            // The journal notes the time itself.
            let screen = screen.without_time().with_ansi(false);
            layers.push(filtered(screen.boxed(), Form::Screen));
        }
    }
    // Somebody else's subscriber stays.
    let _ = tracing_subscriber::registry().with(layers).try_init();
    Logs {
        sinks,
        levels: levels.into(),
        verbosity,
        otherwise,
    }
}

impl Logs {
    /// From now on as this configuration says. The file is opened anew, so that one that was moved away is let go.
    pub(crate) fn apply(&self, log: &Log) {
        let targets = filter(log.level.as_deref(), self.verbosity, self.otherwise);
        for levels in self.levels.iter() {
            // It fails only where the subscriber is another one's.
            let _ = levels.reload(targets.clone());
        }
        self.sinks.apply(log);
    }
}

/// How a line looks, and with that where it can go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    /// Text: memory, a file, a standard error without colours.
    Plain,
    /// Text as standard error alone gets it: with colours, or for the journal.
    Screen,
    /// An object.
    Json,
}

/// All places where lines go.
struct Sinks {
    stderr: Stderr,
    takes: Takes,
    terminal: bool,
    keeps_file: bool,
    inner: Mutex<Inner>,
}

struct Inner {
    json: bool,
    file: Option<LogFile>,
}

impl Sinks {
    fn new(log: &Log, manner: Manner, keeps_file: bool) -> Self {
        Self {
            stderr: manner.stderr,
            takes: manner.takes,
            terminal: manner.terminal,
            keeps_file,
            inner: Mutex::new(Inner {
                json: log.json,
                file: file_of(log, keeps_file),
            }),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Values and a file: a panic elsewhere leaves at most half a line.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&self, log: &Log) {
        let mut inner = self.inner();
        inner.json = log.json;
        inner.file = file_of(log, self.keeps_file);
    }

    fn has_screen(&self) -> bool {
        self.takes != Takes::Plain
    }

    /// To standard error.
    fn say(&self, level: Level, line: &[u8]) {
        match self.takes {
            Takes::Journal => (self.stderr)(&for_journal(level, line)),
            Takes::Plain | Takes::Colors => (self.stderr)(line),
        }
    }

    fn wants(&self, form: Form) -> bool {
        match form {
            // Memory is for people.
            Form::Plain => true,
            Form::Screen => !self.inner().json,
            Form::Json => self.inner().json,
        }
    }

    fn put(&self, form: Form, level: Level, line: &[u8]) {
        if form == Form::Plain {
            recent::push(line);
        }
        let mut inner = self.inner();
        // The form that is not asked for goes nowhere else.
        if (form == Form::Json) != inner.json {
            return;
        }
        let filed = match &mut inner.file {
            Some(file) if form == Form::Screen => !file.is_troubled(),
            Some(file) => {
                let written = file.write(line);
                self.remark(&written);
                matches!(written, Written::Fine | Written::Again)
            }
            None => false,
        };
        drop(inner);
        let another = form == Form::Plain && self.has_screen();
        let seen = self.terminal || self.takes == Takes::Journal;
        if !another && (seen || !filed) {
            self.say(level, line);
        }
    }

    /// What is to be said of the file itself. Not by way of an event: this is one's end.
    fn remark(&self, written: &Written) {
        let Written::Failed(why) = written else {
            return;
        };
        let line = format!("{why}; the log goes to standard error until it can be\n");
        recent::push(line.as_bytes());
        self.say(Level::WARN, line.as_bytes());
    }
}

fn file_of(log: &Log, keeps_file: bool) -> Option<LogFile> {
    let path = log.file.as_ref().filter(|_| keeps_file)?;
    Some(LogFile::new(path.clone(), log.keep))
}

/// The way of one form's lines.
struct To {
    sinks: Arc<Sinks>,
    form: Form,
}

/// One event's line, on its way when it is whole.
struct Entry<'a> {
    to: &'a To,
    level: Level,
    line: Vec<u8>,
}

impl Write for Entry<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        if !self.line.is_empty() {
            self.to.sinks.put(self.to.form, self.level, &self.line);
        }
    }
}

impl<'a> MakeWriter<'a> for To {
    type Writer = Entry<'a>;

    fn make_writer(&'a self) -> Entry<'a> {
        Entry {
            to: self,
            level: Level::INFO,
            line: Vec::new(),
        }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Entry<'a> {
        Entry {
            to: self,
            level: *metadata.level(),
            line: Vec::new(),
        }
    }
}

fn may_speak(metadata: &Metadata<'_>) -> bool {
    let root = metadata.target().split("::").next().unwrap_or_default();
    *metadata.level() <= Level::WARN || OURS.contains(&root)
}

/// Crates that a filter does not name log at its bare level, or as if nothing was said.
fn filter(level: Option<&str>, verbosity: i8, otherwise: LevelFilter) -> Targets {
    let plain = |level| Targets::new().with_default(level);
    let named = |text: &str| {
        let targets: Targets = text.parse().ok()?;
        Some(match targets.default_level() {
            Some(_) => targets,
            None => targets.with_default(otherwise),
        })
    };
    match (verbosity, level) {
        (..0, _) => plain(LevelFilter::ERROR),
        (0, Some(text)) => named(text).unwrap_or_else(|| plain(otherwise)),
        (0, None) => plain(otherwise),
        (1, _) => plain(LevelFilter::INFO),
        (2, _) => plain(LevelFilter::DEBUG),
        (3.., _) => plain(LevelFilter::TRACE),
    }
}

#[cfg(test)]
mod tests;
