//! Exit codes: the one number that scripts read. Nothing here knows why; the reports and summaries do.
//!
//! The codes are a promise (interface §1): they are never renumbered, only added to.

use std::process::ExitCode;

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exit {
    /// 0: in sync, also after an automatic keep-both.
    InSync,
    /// 1: could not run: configuration, state directory, local folder, network, not this API, no daemon.
    CouldNotRun,
    /// 2: wrong use of the command line.
    Usage,
    /// 3: ran, but items are held, failed or unproved; also a dry run with work to do.
    NotInSync,
    /// 4: a safety stop.
    SafetyStop,
    /// 5: no credentials, rejected ones, or no API access.
    NoAccess,
    /// 6: another instance holds this state.
    Busy,
}

impl Exit {
    /// The number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::InSync => 0,
            Self::CouldNotRun => 1,
            Self::Usage => 2,
            Self::NotInSync => 3,
            Self::SafetyStop => 4,
            Self::NoAccess => 5,
            Self::Busy => 6,
        }
    }

    /// One code for several pairs: the first that occurs of 6 5 4 1 3 0. Wrong use comes before all, for then
    /// nothing ran. No pair at all is in sync.
    pub(crate) fn of_pairs(pairs: impl IntoIterator<Item = Self>) -> Self {
        pairs.into_iter().fold(Self::InSync, |worst, exit| {
            if exit.rank() > worst.rank() { exit } else { worst }
        })
    }

    const fn rank(self) -> u8 {
        match self {
            Self::InSync => 0,
            Self::NotInSync => 1,
            Self::CouldNotRun => 2,
            Self::SafetyStop => 3,
            Self::NoAccess => 4,
            Self::Busy => 5,
            Self::Usage => 6,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_pairs_exit_with_the_first_that_occurs_of_6_5_4_1_3_0() {
        let order = [
            Exit::Busy,
            Exit::NoAccess,
            Exit::SafetyStop,
            Exit::CouldNotRun,
            Exit::NotInSync,
            Exit::InSync,
        ];
        assert_eq!(order.map(Exit::code), [6, 5, 4, 1, 3, 0]);
        for (at, first) in order.iter().enumerate() {
            let rest = order.iter().skip(at).copied();
            assert_eq!(Exit::of_pairs(rest.clone()), *first);
            assert_eq!(Exit::of_pairs(rest.rev()), *first);
        }
        assert_eq!(Exit::of_pairs([]), Exit::InSync);
    }

    #[test]
    fn the_page_of_exit_codes_has_a_row_for_each() {
        let page = include_str!("../../../docs/exit-codes.md");
        let rows = page.lines().filter_map(|line| line.strip_prefix("| "));
        let told: Vec<u8> = rows
            .filter_map(|row| row.split(' ').next()?.parse().ok())
            .collect();
        let all = [
            Exit::InSync,
            Exit::CouldNotRun,
            Exit::Usage,
            Exit::NotInSync,
            Exit::SafetyStop,
            Exit::NoAccess,
            Exit::Busy,
        ];
        assert_eq!(told, all.map(Exit::code));
    }
}
