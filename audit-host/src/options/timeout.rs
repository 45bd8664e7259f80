//! Times that dockerd waits, or lets pass, for a container.

use std::ops::RangeInclusive;

use crate::danger::Danger;
use crate::finding::Finding;

/// What a time asks for in seconds that dockerd waits for a container to stop. dockerd does not end
/// before that, and without an end where it is negative.
#[must_use]
pub fn judge_stop(seconds: i64) -> Option<Finding> {
    judge(seconds, STOP_SECONDS, "0 to 600 seconds")
}

/// The same in nanoseconds, as services have it.
#[must_use]
pub fn judge_stop_nanoseconds(nanoseconds: i64) -> Option<Finding> {
    let most = STOP_SECONDS.end().saturating_mul(SECOND);
    judge(nanoseconds, 0..=most, "0 to 600 seconds, in nanoseconds")
}

/// What a time of a health check in nanoseconds asks for; zero is docker's default. dockerd starts a
/// process of root's on the host for each check, so the checks may not follow each other at once.
#[must_use]
pub fn judge_health_check(nanoseconds: i64) -> Option<Finding> {
    if nanoseconds == 0 {
        return None;
    }
    judge(nanoseconds, HEALTH_CHECK_NANOSECONDS, "100 ms to 24 hours, in nanoseconds")
}

const SECOND: i64 = 1_000_000_000;

/// Ten minutes, which is more than most services take to end.
const STOP_SECONDS: RangeInclusive<i64> = 0..=600;

const HEALTH_CHECK_NANOSECONDS: RangeInclusive<i64> = (SECOND / 10)..=(24 * 3600 * SECOND);

fn judge(value: i64, allowed: RangeInclusive<i64>, words: &'static str) -> Option<Finding> {
    let is_allowed = allowed.contains(&value);
    (!is_allowed).then(|| Finding::new(Danger::HostResources, value.to_string()).instead(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s36_each_time_has_an_end() {
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
