//! Faults: what goes wrong at random, by seed and probability. Never on `/_dev`.
//!
//! Each request has its own dice, made of the seed and its sequence number, and every fault is drawn in a fixed
//! order whether it is enabled or not: switching one on does not change when another strikes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};

use crate::error::Error;

/// One kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The answer comes `latency.ms` later.
    Latency,
    /// HTTP 429 with `Retry-After`, before the work.
    TooMany,
    /// HTTP 5xx with a JSON error, before the work.
    ServerJson,
    /// HTTP 5xx with an HTML page, before the work.
    ServerHtml,
    /// The connection drops before the work.
    DropBefore,
    /// The work is done, then the connection drops without an answer.
    DropAfter,
    /// A download ends before its announced length.
    ShortBody,
    /// A download stalls in the middle.
    StalledBody,
    /// All tokens die before the request is looked at, as when another device signs in.
    TokenLoss,
    /// Half of an upload is stored, and so reported.
    UploadTruncated,
    /// The work is done, then the answer is a 200 without a body.
    EmptyBody,
    /// The work is done, then the JSON is cut in the middle.
    CutJson,
}

/// All faults with their names and what `--help` says of them, in the order in which they are drawn.
pub const FAULTS: &[(Fault, &str, &str)] = &[
    (
        Fault::Latency,
        "latency",
        "answers latency.ms (200) later, and latency.crowd-ms (0) for each call at once beyond latency.knee (0)",
    ),
    (
        Fault::TooMany,
        "429",
        "429 with Retry-After 429.retry-after (1 s; 0: none), before the work",
    ),
    (
        Fault::ServerJson,
        "5xx-json",
        "5xx-json.code (500) with a JSON error, before the work",
    ),
    (
        Fault::ServerHtml,
        "5xx-html",
        "5xx-html.code (502) with an HTML page, before the work",
    ),
    (
        Fault::DropBefore,
        "drop-before",
        "the connection drops before the work",
    ),
    (
        Fault::DropAfter,
        "drop-after",
        "the work is done, then the connection drops",
    ),
    (
        Fault::ShortBody,
        "short-body",
        "a download ends before its announced length",
    ),
    (
        Fault::StalledBody,
        "stalled-body",
        "a download stalls for stalled-body.seconds (30)",
    ),
    (
        Fault::TokenLoss,
        "token-loss",
        "all tokens die; at most once per token-loss.min-interval (60 s)",
    ),
    (
        Fault::UploadTruncated,
        "upload-truncated",
        "half of an upload is stored, and so reported",
    ),
    (
        Fault::EmptyBody,
        "empty-body",
        "the work is done, then 200 without a body",
    ),
    (
        Fault::CutJson,
        "cut-json",
        "the work is done, then the JSON is cut in the middle",
    ),
];

const KNOBS: &[(&str, f64)] = &[
    ("latency.ms", 200.0),
    ("latency.knee", 0.0),
    ("latency.crowd-ms", 0.0),
    ("429.retry-after", 1.0),
    ("5xx-json.code", 500.0),
    ("5xx-html.code", 502.0),
    ("stalled-body.seconds", 30.0),
    ("token-loss.min-interval", 60.0),
];

/// What kind of request faults are drawn for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// An API call but for the next.
    Call,
    /// `/file/upload`.
    Upload,
    /// GET of a download link.
    Download,
}

impl Fault {
    fn strikes(self, target: Target) -> bool {
        match self {
            Self::Latency | Self::TooMany | Self::ServerHtml | Self::DropBefore => true,
            Self::ServerJson | Self::DropAfter | Self::TokenLoss | Self::EmptyBody | Self::CutJson => {
                target != Target::Download
            }
            Self::ShortBody | Self::StalledBody => target == Target::Download,
            Self::UploadTruncated => target == Target::Upload,
        }
    }

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        FAULTS
            .iter()
            .find(|(fault, ..)| *fault == self)
            .map_or("", |(_, name, _)| name)
    }
}

/// The dice of one request.
pub(crate) struct Dice(StdRng);

impl Dice {
    /// The dice of a request.
    pub(crate) fn new(seed: u64, sequence: u64) -> Self {
        // An odd multiplier keeps neighbouring sequence numbers far apart.
        Self(StdRng::seed_from_u64(
            seed ^ sequence.wrapping_mul(0x9E37_79B9_7F4A_7C15),
        ))
    }

    /// True with a probability.
    pub(crate) fn hits(&mut self, p: f64) -> bool {
        self.0.random::<f64>() < p
    }

    /// One of two, evenly.
    pub(crate) fn coin(&mut self) -> bool {
        self.0.random()
    }

    /// One of `n`, from 0.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0.random_range(0..n.max(1))
    }
}

/// Probabilities and knobs of the faults.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    p: BTreeMap<Fault, f64>,
    knobs: BTreeMap<&'static str, f64>,
    lost_token: Option<Instant>,
}

impl Faults {
    /// Sets a probability, by the fault's name.
    pub(crate) fn set(&mut self, name: &str, p: f64) -> Result<(), Error> {
        let found = FAULTS.iter().find(|(_, known, _)| *known == name);
        let (fault, ..) = found.ok_or_else(|| Error::Unknown(format!("no fault {name}")))?;
        if !(0.0..=1.0).contains(&p) {
            return Err(Error::Unknown(format!("{name} takes a probability from 0 to 1")));
        }
        self.p.insert(*fault, p);
        Ok(())
    }

    /// Sets a knob; false if there is none of that name.
    pub(crate) fn set_knob(&mut self, name: &str, value: &str) -> Result<bool, Error> {
        let Some((name, _)) = KNOBS.iter().find(|(known, _)| *known == name) else {
            return Ok(false);
        };
        let number = value.parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0);
        let number = number.ok_or_else(|| Error::Unknown(format!("{name} takes a number")))?;
        self.knobs.insert(name, number);
        Ok(true)
    }

    /// A knob's number.
    pub(crate) fn knob(&self, name: &str) -> f64 {
        let default = KNOBS
            .iter()
            .find(|(known, _)| *known == name)
            .map_or(0.0, |(_, value)| *value);
        self.knobs.get(name).copied().unwrap_or(default)
    }

    /// How much later an answer comes when so many calls are at once: a server that is kept busy is no faster for more of them.
    pub(crate) fn latency(&self, at_once: usize) -> Duration {
        let at_once = u32::try_from(at_once).unwrap_or(u32::MAX);
        let beyond = (f64::from(at_once) - self.knob("latency.knee")).max(0.0);
        let ms = self.knob("latency.ms") + beyond * self.knob("latency.crowd-ms");
        Duration::try_from_secs_f64(ms / 1000.0).unwrap_or_default()
    }

    /// A knob's seconds.
    pub(crate) fn seconds(&self, name: &str) -> Duration {
        Duration::try_from_secs_f64(self.knob(name)).unwrap_or_default()
    }

    /// The faults that strike a request.
    pub(crate) fn draw(&mut self, dice: &mut Dice, target: Target) -> BTreeSet<Fault> {
        let mut struck = BTreeSet::new();
        for (fault, ..) in FAULTS {
            if dice.hits(self.p.get(fault).copied().unwrap_or(0.0)) && fault.strikes(target) {
                struck.insert(*fault);
            }
        }
        if struck.contains(&Fault::TokenLoss) {
            let pause = self.seconds("token-loss.min-interval");
            if self.lost_token.is_some_and(|at| at.elapsed() < pause) {
                struck.remove(&Fault::TokenLoss);
            } else {
                self.lost_token = Some(Instant::now());
            }
        }
        struck
    }

    /// Everything, for `/_dev/faults`.
    pub(crate) fn report(&self) -> Value {
        let faults = FAULTS.iter().map(|(fault, name, does)| {
            json!({"name": name, "p": self.p.get(fault).copied().unwrap_or(0.0), "does": does})
        });
        let knobs = KNOBS
            .iter()
            .map(|(name, _)| ((*name).to_owned(), json!(self.knob(name))));
        json!({"faults": faults.collect::<Vec<_>>(), "knobs": serde_json::Map::from_iter(knobs)})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn struck(set: &[(&str, f64)], target: Target) -> Vec<BTreeSet<Fault>> {
        let mut faults = Faults::default();
        for (name, p) in set {
            faults.set(name, *p).unwrap();
        }
        (0..200)
            .map(|seq| faults.draw(&mut Dice::new(7, seq), target))
            .collect()
    }

    #[test]
    fn one_fault_does_not_change_when_another_strikes() {
        let alone = struck(&[("drop-after", 0.3)], Target::Call);
        let both = struck(&[("drop-after", 0.3), ("latency", 0.5)], Target::Call);
        let of = |all: &[BTreeSet<Fault>]| {
            all.iter()
                .map(|set| set.contains(&Fault::DropAfter))
                .collect::<Vec<_>>()
        };
        assert_eq!(of(&alone), of(&both));
        assert!(of(&alone).contains(&true) && of(&alone).contains(&false));
    }

    #[test]
    fn beyond_the_knee_every_call_at_once_makes_all_of_them_later() {
        let mut faults = Faults::default();
        for (knob, value) in [
            ("latency.ms", "20"),
            ("latency.knee", "8"),
            ("latency.crowd-ms", "10"),
        ] {
            assert!(faults.set_knob(knob, value).unwrap());
        }
        let ms = |at_once| faults.latency(at_once).as_millis();
        assert_eq!([ms(1), ms(8), ms(9), ms(20)], [20, 20, 30, 140]);
    }

    #[test]
    fn tokens_are_lost_at_most_once_per_interval() {
        let all = struck(&[("token-loss", 1.0)], Target::Call);
        assert_eq!(
            all.iter().filter(|set| set.contains(&Fault::TokenLoss)).count(),
            1
        );
    }

    #[test]
    fn bodies_are_cut_on_downloads_only() {
        assert!(
            struck(&[("short-body", 1.0)], Target::Call)
                .iter()
                .all(BTreeSet::is_empty)
        );
        assert!(
            struck(&[("short-body", 1.0)], Target::Download)
                .iter()
                .all(|set| !set.is_empty())
        );
    }
}
