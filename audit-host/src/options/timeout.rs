//! Timeouts and intervals of a container: how long dockerd waits for it, and how often it checks it.

use std::ops::RangeInclusive;

use crate::danger::Danger;
use crate::finding::Finding;

/// Judges a stop timeout, in seconds. dockerd waits this long for the container to stop before it can
/// shut down itself; if the number is negative, it waits forever.
#[must_use]
pub fn judge_stop(seconds: i64) -> Option<Finding> {
    judge(seconds, STOP_SECONDS, "0 to 600 seconds")
}

/// Judges a stop timeout in nanoseconds, the unit of services.
#[must_use]
pub fn judge_stop_nanoseconds(nanoseconds: i64) -> Option<Finding> {
    let most = STOP_SECONDS.end().saturating_mul(SECOND);
    judge(nanoseconds, 0..=most, "0 to 600 seconds, in nanoseconds")
}

/// Judges an interval or timeout of a health check, in nanoseconds; zero means docker's default. dockerd
/// starts a root process on the host for each check, so checks must not follow each other without a
/// pause.
#[must_use]
pub fn judge_health_check(nanoseconds: i64) -> Option<Finding> {
    if nanoseconds == 0 {
        return None;
    }
    judge(nanoseconds, HEALTH_CHECK_NANOSECONDS, "100 ms to 24 hours, in nanoseconds")
}

const SECOND: i64 = 1_000_000_000;

/// Up to ten minutes. Most services need less time to stop.
const STOP_SECONDS: RangeInclusive<i64> = 0..=600;

const HEALTH_CHECK_NANOSECONDS: RangeInclusive<i64> = (SECOND / 10)..=(24 * 3600 * SECOND);

fn judge(value: i64, allowed: RangeInclusive<i64>, words: &'static str) -> Option<Finding> {
    let is_allowed = allowed.contains(&value);
    (!is_allowed)
        .then(|| Finding::new(Danger::HostResources, value.to_string()).with_allowed(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s36_each_timeout_has_a_limit() {
        for (seconds, is_allowed) in
            [(-1, false), (0, true), (10, true), (600, true), (601, false), (i64::MAX, false)]
        {
            assert_eq!(judge_stop(seconds).is_none(), is_allowed, "{seconds}");
            let nanoseconds = seconds.saturating_mul(SECOND);
            assert_eq!(judge_stop_nanoseconds(nanoseconds).is_none(), is_allowed, "{seconds}");
        }
        for (nanoseconds, is_allowed) in [
            (-1, false),
            (0, true),
            (1_000_000, false),
            (SECOND, true),
            (24 * 3600 * SECOND, true),
            (i64::MAX, false),
        ] {
            assert_eq!(judge_health_check(nanoseconds).is_none(), is_allowed, "{nanoseconds}");
        }
    }
}
