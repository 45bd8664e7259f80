//! How many refusals of one caller are recorded one by one.
//!
//! A record of a refusal costs the caller nothing, and the trail some kilobytes. So each caller has
//! so many in a minute; the others are counted, and one record tells their number.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::who::holder::Holder;
use crate::who::subject::Subject;

/// For how long refusals are counted together.
const WINDOW: Duration = Duration::from_secs(60);

/// The refusals of each caller in its present window.
#[derive(Debug, Default)]
pub(crate) struct RefusalRate(Mutex<HashMap<Holder, Window>>);

#[derive(Debug)]
struct Window {
    began: Instant,
    recorded: u32,
    left_out: Option<LeftOut>,
}

/// Refusals that have no record of their own.
#[derive(Clone, Debug)]
pub(crate) struct LeftOut {
    /// The first of the callers that count as one.
    pub(crate) subject: Subject,
    pub(crate) count: u64,
}

/// How a refusal gets on record.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// By itself.
    Recorded,
    /// With others of the same caller, as a number.
    Counted,
}

impl RefusalRate {
    /// Takes note of a refusal. The first `limit` in a window are recorded by themselves.
    pub(crate) fn admit(&self, subject: &Subject, limit: u32) -> Admission {
        self.admit_at(Instant::now(), subject, limit)
    }

    fn admit_at(&self, now: Instant, subject: &Subject, limit: u32) -> Admission {
        let mut windows = self.windows();
        let window = windows.entry(Holder::of(subject)).or_insert(Window {
            began: now,
            recorded: 0,
            left_out: None,
        });
        // What was counted in one that has ended stays until it is taken.
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

    /// What was counted in windows that have ended.
    pub(crate) fn take_ended(&self) -> Vec<LeftOut> {
        let now = Instant::now();
        self.take(|window| now.duration_since(window.began) >= WINDOW)
    }

    /// What was counted and not taken yet.
    pub(crate) fn take_all(&self) -> Vec<LeftOut> {
        self.take(|_| true)
    }

    fn take(&self, has_ended: impl Fn(&Window) -> bool) -> Vec<LeftOut> {
        let mut windows = self.windows();
        let ended = windows.extract_if(|_, window| has_ended(window));
        ended.filter_map(|(_, window)| window.left_out).collect()
    }

    fn windows(&self) -> MutexGuard<'_, HashMap<Holder, Window>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s35_one_callers_refusals_are_counted_and_anothers_recorded() {
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
    fn s35_a_window_ends_and_what_it_counted_stays_until_it_is_taken() {
        let refusal_rate = RefusalRate::default();
        let one = Subject::unknown(1, 1000);
        let begin = Instant::now().checked_sub(WINDOW).unwrap();
        assert_eq!(refusal_rate.admit_at(begin, &one, 1), Admission::Recorded);
        // Nothing was counted, so the next window begins.
        assert_eq!(refusal_rate.admit_at(begin + WINDOW, &one, 1), Admission::Recorded);
        refusal_rate.take_all();
        assert_eq!(refusal_rate.admit_at(begin, &one, 1), Admission::Recorded);
        assert_eq!(refusal_rate.admit_at(begin, &one, 1), Admission::Counted);
        assert_eq!(refusal_rate.admit(&one, 1), Admission::Counted);
        assert_eq!(refusal_rate.take_ended()[0].count, 2);
    }
}
