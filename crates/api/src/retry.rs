//! Who may be repeated, and how long to wait before it. Pure: the waiting itself is done by the client.
//!
//! A call that is not repeat-safe is never repeated after an ambiguous failure, however transient (wire.md §1.4).

use std::time::Duration;

use crate::endpoints::Repeat;
use crate::error::ApiError;

/// Attempts and waits.
#[derive(Debug, Clone)]
pub struct RetryPolicy {
    /// Attempts of one call in all, the first included.
    pub attempts: u32,
    /// Wait after the first lost answer; doubles.
    pub base: Duration,
    /// Its bound.
    pub max: Duration,
    /// Wait after the first "slow down" or "busy" without a `Retry-After`; doubles.
    pub rate_base: Duration,
    /// Its bound.
    pub rate_max: Duration,
    /// A wait beyond this is the caller's: the error is returned instead.
    pub patience: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 4,
            base: Duration::from_secs(1),
            max: Duration::from_secs(30),
            rate_base: Duration::from_secs(30),
            rate_max: Duration::from_secs(900),
            patience: Duration::from_secs(120),
        }
    }
}

impl RetryPolicy {
    /// The wait before the next attempt, or none: return the error. `attempt` counts from 1; `jitter` is 0.0–1.0.
    #[must_use]
    pub fn wait(&self, repeat: Repeat, error: &ApiError, attempt: u32, jitter: f64) -> Option<Duration> {
        if attempt >= self.attempts || !may_repeat(repeat, error) {
            return None;
        }
        let slow = matches!(error, ApiError::RateLimited { .. } | ApiError::ServerBusy { .. });
        let (base, max) = if slow {
            (self.rate_base, self.rate_max)
        } else {
            (self.base, self.max)
        };
        let doubled = base
            .saturating_mul(2u32.saturating_pow(attempt.saturating_sub(1)))
            .min(max);
        // Half fixed, half random: clients that failed together do not come back together.
        let jittered = doubled.mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0));
        let wait = error
            .retry_after()
            .map_or(jittered, |asked| asked.max(Duration::from_millis(1)));
        (wait <= self.patience).then_some(wait)
    }
}

/// Whether repeating at once can help and cannot harm.
fn may_repeat(repeat: Repeat, error: &ApiError) -> bool {
    let passing = matches!(
        error,
        ApiError::RateLimited { .. }
            | ApiError::ServerBusy { .. }
            | ApiError::Unreachable { .. }
            | ApiError::UploadCutOff
    );
    let unknown = matches!(error, ApiError::Ambiguous { .. } | ApiError::Malformed { .. });
    passing || (unknown && repeat == Repeat::Safe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Lost;

    fn lost() -> ApiError {
        ApiError::lost(Lost::Timeout)
    }

    #[test]
    fn a_lost_answer_is_repeated_only_where_that_is_safe() {
        let policy = RetryPolicy::default();
        assert!(policy.wait(Repeat::Safe, &lost(), 1, 0.5).is_some());
        assert!(policy.wait(Repeat::LookFirst, &lost(), 1, 0.5).is_none());
    }

    #[test]
    fn what_surely_did_nothing_and_passes_is_repeated_everywhere() {
        let policy = RetryPolicy::default();
        let busy = ApiError::ServerBusy { said: String::new() };
        assert_eq!(
            policy.wait(Repeat::LookFirst, &busy, 1, 1.0),
            Some(policy.rate_base)
        );
    }

    #[test]
    fn attempts_and_waits_are_bounded() {
        let policy = RetryPolicy {
            attempts: 100,
            ..RetryPolicy::default()
        };
        assert_eq!(policy.wait(Repeat::Safe, &lost(), 60, 1.0), Some(policy.max));
        assert_eq!(policy.wait(Repeat::Safe, &lost(), 100, 1.0), None);
    }

    #[test]
    fn retry_after_is_honoured_until_patience_ends() {
        let policy = RetryPolicy::default();
        let after = |secs| ApiError::RateLimited {
            retry_after: Some(Duration::from_secs(secs)),
        };
        assert_eq!(
            policy.wait(Repeat::Safe, &after(7), 1, 0.0),
            Some(Duration::from_secs(7))
        );
        assert_eq!(policy.wait(Repeat::Safe, &after(3600), 1, 0.0), None);
    }

    #[test]
    fn refusals_are_never_repeated() {
        let policy = RetryPolicy::default();
        for error in [
            ApiError::CredentialsRejected,
            ApiError::BadDestination,
            ApiError::Empty,
            ApiError::BodyLost,
        ] {
            assert_eq!(policy.wait(Repeat::Safe, &error, 1, 0.0), None, "{error}");
        }
    }
}
