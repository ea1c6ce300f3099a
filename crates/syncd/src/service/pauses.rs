//! What pauses a pair: its user, or a window of the limits. Pure.

use super::limiter::Closed;

/// Why a pair is paused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Paused {
    /// The user said so; until then, seconds since 1970, 0 for ever.
    ByUser(i64),
    /// It is the time for it.
    ByWindow(Closed),
}

impl Paused {
    /// Until when, seconds since 1970; 0 for ever.
    pub(super) const fn until(&self) -> i64 {
        match self {
            Self::ByUser(until) => *until,
            Self::ByWindow(closed) => closed.until,
        }
    }

    /// Who did it, as the status says.
    pub(super) const fn by(&self) -> &'static str {
        match self {
            Self::ByUser(_) => "user",
            Self::ByWindow(_) => "window",
        }
    }
}

/// All that can pause a pair.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    /// The user, until then.
    user: Option<i64>,
    /// A window of the limits ...
    closed: Option<Closed>,
    /// ... which the user ended for this time.
    waived: bool,
}

impl Pauses {
    /// As it was left before a restart.
    pub(super) fn left(user: Option<i64>) -> Self {
        Self {
            user,
            ..Self::default()
        }
    }

    /// The user pauses until then, 0 for ever, or not any more.
    pub(super) const fn set_user(&mut self, until: Option<i64>) {
        self.user = until;
    }

    /// The user goes on, also within a window that pauses.
    pub(super) const fn resume(&mut self) {
        self.user = None;
        self.waived = self.closed.is_some();
    }

    /// This window pauses, or none any more.
    pub(super) fn set_closed(&mut self, closed: Option<Closed>) {
        self.waived &= closed.is_some();
        self.closed = closed;
    }

    /// What pauses the pair now: the user first.
    pub(super) fn now(&self) -> Option<Paused> {
        match (self.user, &self.closed) {
            (Some(until), _) => Some(Paused::ByUser(until)),
            (None, Some(closed)) if !self.waived => Some(Paused::ByWindow(closed.clone())),
            (None, Some(_) | None) => None,
        }
    }
}
