//! `syncd demo`: a laptop's folder and an account on this machine, and everything that travels between them.
//!
//! The account is a devcloud in this process, reached over real HTTP; the passes are those of `--once`, from the
//! configuration file on. After each act both sides are looked at from outside: what is said was seen. What must never
//! happen: a file or an account of the user comes into it.

mod check;
mod place;
mod story;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use devcloud::{Dialect, FAULTS, Options, Server};

pub(crate) use self::check::Side;
use self::check::{Files, differences};
pub(crate) use self::place::Place;
pub(crate) use self::story::Act;
use self::story::{Scene, StoryError};
use crate::exit::Exit;
use crate::report::{Kind, Report};
use crate::summary::PairSummary;

/// Of each fault, with `--faults`.
const CHANCE: f64 = 0.05;
/// How long one act may take until both sides agree; a pass takes a fraction of a second.
const PATIENCE: Duration = Duration::from_secs(20);
/// The same while every twentieth request fails in each of a dozen ways: a client that is asked to slow down does.
const PATIENCE_WITH_FAULTS: Duration = Duration::from_secs(180);
/// Between two passes for one act, so that what comes late can come.
const PAUSE: Duration = Duration::from_millis(200);

/// What the demo is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    /// Where; none: a fresh folder for temporary files.
    pub(crate) folder: Option<PathBuf>,
    /// Which kind of server.
    pub(crate) dialect: Dialect,
    /// Whether it fails now and then.
    pub(crate) faults: bool,
    /// Between an act and the pass that carries it over, for who watches.
    pub(crate) pace: Duration,
}

/// What is told while it is played.
#[derive(Debug)]
pub(crate) enum Heard<'a> {
    /// An act begins, of so many.
    Begins(Act, usize),
    /// It was seen to have arrived.
    Arrived(&'a Seen),
}

/// Who makes passes.
pub(crate) trait Passes {
    /// One pass, as `syncd --config FILE --once` makes it.
    fn pass(&self, config: &Path) -> impl Future<Output = Result<PairSummary, Report>>;
}

/// An act that was seen to have arrived on both sides.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// The act.
    pub(crate) act: Act,
    /// Passes it took.
    pub(crate) passes: u32,
    /// Files sent up and brought down by them.
    pub(crate) transferred: (u64, u64),
    /// Requests the server counted.
    pub(crate) requests: u64,
    /// All together.
    pub(crate) took: Duration,
}

/// Why the demo ended early.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// It could not run.
    Failed(Box<Report>),
    /// An act did not arrive.
    Differs {
        /// Which.
        act: Act,
        /// What is not as it should be, a line for each.
        lines: Vec<String>,
    },
}

impl From<Report> for Trouble {
    fn from(report: Report) -> Self {
        Self::Failed(Box::new(report))
    }
}

impl From<StoryError> for Trouble {
    fn from(error: StoryError) -> Self {
        Report::new(
            Kind::Internal,
            "the demo cannot go on",
            error.to_string(),
            "run it again",
        )
        .into()
    }
}

/// A demo that can begin: its folder is made, its account answers.
pub(crate) struct Demo {
    /// Where everything is.
    pub(crate) place: Place,
    server: Server,
    faults: bool,
    pace: Duration,
}

impl Demo {
    /// Takes the folder, starts the account, writes the configuration.
    ///
    /// # Errors
    /// The folder or the server cannot be used.
    pub(crate) async fn set(wish: &Wish) -> Result<Self, Report> {
        let place = Place::take(wish.folder.as_deref())?;
        let mut options = Options::new(&place.cloud).dialect(wish.dialect);
        if wish.faults {
            options.faults = FAULTS
                .iter()
                .map(|(_, name, _)| ((*name).to_owned(), CHANCE))
                .collect();
        }
        // Waiting shows nothing: stalls and late uploads come soon.
        let knobs = [
            ("latency.ms", "20"),
            ("stalled-body.seconds", "1"),
            ("Q20.late", "0.3"),
        ];
        options.knobs = knobs
            .map(|(knob, value)| (knob.to_owned(), value.to_owned()))
            .into();
        let server = Server::start(options).await.map_err(|error| {
            let cause = std::error::Error::source(&error)
                .map_or_else(|| error.to_string(), |source| format!("{error}: {source}"));
            Report::new(
                Kind::State,
                "the demo's account cannot start",
                cause,
                "run it in another folder",
            )
            .at(place.cloud.display().to_string())
        })?;
        place.configure(&server)?;
        Ok(Self {
            place,
            server,
            faults: wish.faults,
            pace: wish.pace,
        })
    }

    /// The account's address.
    pub(crate) fn api_url(&self) -> &str {
        self.server.api_url()
    }

    /// Address of the doors for web users and onlookers.
    pub(crate) fn dev_url(&self) -> String {
        format!("http://{}/_dev", self.server.address())
    }

    /// Plays all acts; `tell` hears of each when it begins, and as soon as it was seen on both sides.
    ///
    /// # Errors
    /// The first act that did not arrive.
    pub(crate) async fn play(
        &self,
        passes: &impl Passes,
        mut tell: impl FnMut(Heard<'_>),
    ) -> Result<(), Trouble> {
        let control = self.server.control();
        let mut scene = Scene {
            laptop: &self.place.laptop,
            control: &control,
            expected: Files::new(),
            only_here: Files::new(),
            homeless: None,
            follows: None,
        };
        for act in Act::ALL {
            act.perform(&mut scene)?;
            tell(Heard::Begins(act, Act::ALL.len()));
            tokio::time::sleep(self.pace).await;
            tell(Heard::Arrived(&self.travel(act, &mut scene, passes).await?));
        }
        Ok(())
    }

    /// Passes until both sides show the act.
    async fn travel(&self, act: Act, scene: &mut Scene<'_>, passes: &impl Passes) -> Result<Seen, Trouble> {
        let patience = if self.faults {
            PATIENCE_WITH_FAULTS
        } else {
            PATIENCE
        };
        let begun = Instant::now();
        let before = scene.control.totals().requests;
        let mut seen = Seen {
            act,
            passes: 0,
            transferred: (0, 0),
            requests: 0,
            took: Duration::ZERO,
        };
        loop {
            let summary = passes.pass(&self.place.config).await?;
            seen.passes = seen.passes.saturating_add(1);
            seen.transferred.0 = seen.transferred.0.saturating_add(summary.uploaded);
            seen.transferred.1 = seen.transferred.1.saturating_add(summary.downloaded);
            let mut lines = self.look(act, scene)?;
            if act.moves_no_bytes() && seen.transferred != (0, 0) {
                lines.push("files were transferred for it".to_owned());
            }
            seen.took = begun.elapsed();
            if lines.is_empty() && summary.in_sync() {
                seen.requests = scene.control.totals().requests.saturating_sub(before);
                return Ok(seen);
            }
            if !may_repeat(&summary) || seen.took > patience {
                lines.push(format!("the last pass said: {}", summary.text().trim_end()));
                return Err(Trouble::Differs { act, lines });
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn look(&self, act: Act, scene: &mut Scene<'_>) -> Result<Vec<String>, StoryError> {
        let (laptop, account) = self.sides()?;
        scene.find_home(&laptop);
        let mut lines = differences(&scene.expected, &scene.only_here, &laptop, &account);
        if scene.homeless.is_some() {
            lines.push("the laptop's version of the file in conflict is nowhere".to_owned());
        }
        lines.extend(act.doubts(scene)?);
        Ok(lines)
    }

    /// Both sides as they are: the laptop, the account.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub(crate) fn sides(&self) -> Result<(Side, Side), StoryError> {
        Ok((
            Side::laptop(&self.place.laptop)?,
            Side::account(&self.server.control())?,
        ))
    }

    /// Requests so far, and how many of them a fault struck.
    pub(crate) fn requests(&self) -> (u64, usize) {
        let ledger = self.server.control().ledger();
        let struck = ledger
            .entries
            .iter()
            .filter(|entry| !entry.faults.is_empty())
            .count();
        (ledger.totals.requests, struck)
    }

    /// Stops the account; everything stays where it is.
    pub(crate) async fn end(self) {
        self.server.shutdown().await;
    }
}

/// Whether another pass can help. Rejected credentials are never tried again; another process is not waited for.
fn may_repeat(summary: &PairSummary) -> bool {
    match summary.exit(false) {
        Exit::InSync | Exit::NotInSync | Exit::CouldNotRun | Exit::SafetyStop => true,
        Exit::NoAccess | Exit::Busy | Exit::Usage => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Passes that do nothing and say that another process is at it.
    struct Idle;

    impl Passes for Idle {
        async fn pass(&self, _config: &Path) -> Result<PairSummary, Report> {
            let busy = Report::new(Kind::Busy, "another syncd is at it", "", "");
            Ok(PairSummary::could_not_run("main", busy))
        }
    }

    #[tokio::test]
    async fn an_act_that_does_not_arrive_ends_the_demo_with_what_differs() {
        let dir = tempfile::tempdir().unwrap();
        let wish = Wish {
            folder: Some(dir.path().join("demo")),
            dialect: Dialect::Document,
            faults: false,
            pace: Duration::ZERO,
        };
        let demo = Demo::set(&wish).await.unwrap();
        let mut heard = 0;
        let count = |it: Heard<'_>| heard += u32::from(matches!(it, Heard::Arrived(_)));
        let ended = demo.play(&Idle, count).await;
        demo.end().await;
        let Err(Trouble::Differs { act, lines }) = ended else {
            panic!("{ended:?}");
        };
        assert_eq!((act, heard), (Act::FirstSync, 0));
        for line in [
            "Notes/todo.txt is missing in the account",
            "welcome.txt is missing on the laptop",
            "the folder Music is on one side only",
        ] {
            assert!(lines.iter().any(|it| it == line), "{line}: {lines:?}");
        }
    }
}
