//! The journals of the pairs, read as `status` reads them, and what interrupted steps left on this disk.

use super::Finding;
use crate::config::{Config, PairConfig};
use crate::engine::between::{self, PairStatus};
use crate::local::Root;
use crate::local::staging::Staging;
use crate::report::Kind;
use crate::summary::OTHER_DEVICE;
use crate::text::{count, len};

/// The journal of a pair: whether it is sound, and what it says.
pub(crate) fn journal(config: &Config, pair: &PairConfig) -> Vec<Finding> {
    let found = match between::status(&pair.name, &config.pair_dir(&pair.name)) {
        Ok(status) => judge(&status),
        Err(report) if report.kind == Kind::Busy => {
            vec![Finding::fine(
                "journal",
                "in use by a running syncd; \"syncd status\" asks that",
            )]
        }
        Err(report) => vec![Finding::of("journal", &report)],
    };
    found
        .into_iter()
        .map(|finding| finding.about(&pair.name))
        .collect()
}

fn judge(status: &PairStatus) -> Vec<Finding> {
    let mut found = vec![match (&status.stop, &status.last_agreement) {
        (Some(stop), _) => Finding::todo(
            "journal",
            format!("the pair is stopped for safety: {}", stop.message),
            stop.next.to_string(),
        ),
        (None, Some(at)) => {
            let files = count(status.files, "file", "files");
            Finding::fine("journal", format!("sound; both sides agreed {at}, {files}"))
        }
        (None, None) => Finding::fine("journal", "both sides never agreed so far"),
    }];
    if status.problems > 0 {
        let seen = count(status.problems, "item is", "items are");
        found.push(Finding::todo(
            "problems",
            format!("{seen} not in sync"),
            "\"syncd problems\" names them",
        ));
    }
    if status.conflicts > 0 {
        let seen = count(status.conflicts, "open conflict", "open conflicts");
        found.push(Finding::todo(
            "conflicts",
            seen,
            "\"syncd conflicts list\" shows them",
        ));
    }
    found.push(match &status.other_device {
        Some(_) => Finding::todo("devices", OTHER_DEVICE, "an account for each device avoids it"),
        None => Finding::fine("devices", "no other device was met on this account"),
    });
    found
}

/// Halves of downloads that nobody finished. A running syncd has its own there.
pub(crate) fn leftovers(pair: &PairConfig) -> Finding {
    let found = match Root::open(&pair.local).and_then(|root| Staging::list(&root)) {
        Ok(names) if names.is_empty() => Finding::fine("leftovers", "nothing half-done lies here"),
        Ok(names) => Finding::todo(
            "leftovers",
            format!(
                "{} in .syncd/staging",
                count(len(&names), "half of a file", "halves of files")
            ),
            "the next pass clears them away: \"syncd --once\", or the running service",
        ),
        Err(error) => Finding::unknown("leftovers", error.to_string()),
    };
    found.about(&pair.name)
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn what_the_journal_says_is_one_line_for_each_thing() {
        let mut status = PairStatus {
            name: "main".into(),
            last_agreement: Some("2026-11-23T14:15:03Z".into()),
            files: 3,
            ..PairStatus::default()
        };
        assert!(judge(&status).iter().all(|finding| finding.state == State::Fine));
        status.problems = 2;
        status.conflicts = 1;
        status.other_device = Some("2026-11-23T14:15:03Z".into());
        let todo: Vec<_> = judge(&status)
            .into_iter()
            .filter(|it| it.state == State::Todo)
            .map(|it| it.check)
            .collect();
        assert_eq!(todo, ["problems", "conflicts", "devices"]);
    }
}
