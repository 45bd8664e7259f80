//! Limits how many refusals of one caller get a record each.
//!
//! A refused request costs the caller nothing, but its record takes kilobytes of the audit log. So each
//! caller gets a limited number of such records per minute. Further refusals are counted, and one record
//! holds their number.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::who::quota_holder::QuotaHolder;
use crate::who::subject::Subject;

/// The length of a window. Refusals in one window are counted together.
const WINDOW: Duration = Duration::from_secs(60);

/// The refusals of each caller in the caller's current window.
#[derive(Debug, Default)]
pub(crate) struct RefusalRate(Mutex<HashMap<QuotaHolder, Window>>);

#[derive(Debug)]
struct Window {
    began: Instant,
    recorded: u32,
    left_out: Option<LeftOut>,
}

/// Refusals of one caller that were counted but have no record of their own.
#[derive(Clone, Debug)]
pub(crate) struct LeftOut {
    /// The subject of the first such refusal. Later ones may be of other processes of the same caller.
    pub(crate) subject: Subject,
    pub(crate) count: u64,
}

/// How a refusal is recorded.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It gets a record.
    Recorded,
    /// It adds to the number in one record.
    Counted,
}

impl RefusalRate {
    /// Counts a refusal. The first `limit` refusals of a window get a record each.
    pub(crate) fn admit(&self, subject: &Subject, limit: u32) -> Admission {
        self.admit_at(Instant::now(), subject, limit)
    }

    fn admit_at(&self, now: Instant, subject: &Subject, limit: u32) -> Admission {
        let mut windows = self.windows();
        let window = windows.entry(QuotaHolder::of(subject)).or_insert(Window {
            began: now,
            recorded: 0,
            left_out: None,
        });
        // A window with counted refusals lasts until they are taken.
        if window.left_out.is_none() && now.duration_since(window.began) >= WINDOW {
            (window.began, window.recorded) = (now, 0);
        }
        if window.recorded < limit {
            window.recorded += 1;
            return Admission::Recorded;
        }
        let first = || LeftOut { subject: subject.clone(), count: 0 };
        window.left_out.get_or_insert_with(first).count += 1;
        Admission::Counted
    }

    /// Removes and returns the counts of windows that have ended.
    pub(crate) fn take_ended(&self) -> Vec<LeftOut> {
        let now = Instant::now();
        self.take(|window| now.duration_since(window.began) >= WINDOW)
    }

    /// Removes and returns all counts.
    pub(crate) fn take_all(&self) -> Vec<LeftOut> {
        self.take(|_| true)
    }

    fn take(&self, has_ended: impl Fn(&Window) -> bool) -> Vec<LeftOut> {
        let mut windows = self.windows();
        let ended = windows.extract_if(|_, window| has_ended(window));
        ended.filter_map(|(_, window)| window.left_out).collect()
    }

    fn windows(&self) -> MutexGuard<'_, HashMap<QuotaHolder, Window>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s35_a_flood_of_refusals_does_not_hide_another_callers_refusal() {
        let refusal_rate = RefusalRate::default();
        let (one, other) = (Subject::unknown(1, 1000), Subject::unknown(2, 1001));
        let admitted: Vec<_> = (0..5).map(|_| refusal_rate.admit(&one, 2)).collect();
        let (recorded, counted) = (Admission::Recorded, Admission::Counted);
        assert_eq!(admitted, [recorded, recorded, counted, counted, counted]);
        assert_eq!(refusal_rate.admit(&other, 2), recorded);
        assert!(refusal_rate.take_ended().is_empty());
        let left_out = refusal_rate.take_all();
        assert_eq!(left_out.len(), 1);
        assert_eq!((left_out[0].subject.uid, left_out[0].count), (1000, 3));
        assert_eq!(refusal_rate.admit(&one, 2), recorded);
    }

    #[test]
    fn s35_a_windows_count_stays_until_it_is_taken() {
        let refusal_rate = RefusalRate::default();
        let one = Subject::unknown(1, 1000);
        let begin = Instant::now().checked_sub(WINDOW).unwrap();
        assert_eq!(refusal_rate.admit_at(begin, &one, 1), Admission::Recorded);
        // The first window counted nothing, so a new window begins.
        assert_eq!(refusal_rate.admit_at(begin + WINDOW, &one, 1), Admission::Recorded);
        refusal_rate.take_all();
        assert_eq!(refusal_rate.admit_at(begin, &one, 1), Admission::Recorded);
        assert_eq!(refusal_rate.admit_at(begin, &one, 1), Admission::Counted);
        assert_eq!(refusal_rate.admit(&one, 1), Admission::Counted);
        assert_eq!(refusal_rate.take_ended()[0].count, 2);
    }
}
