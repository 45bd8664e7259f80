//! Parses times as `ausearch -ts` and `-te` take them.

use anyhow::{Context, anyhow};
use audit_trail::Time;
use chrono::{DateTime, Datelike, Days, Local, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

/// Whether a time begins or ends a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Edge {
    /// It begins the period.
    Start,
    /// It ends the period.
    End,
}

/// Parses `today`, `11/29/2026`, `2026-11-29 14:00`, `14:00:30` and the like, on this host's clock.
///
/// # Errors
/// If it is no such time.
///
/// # Source
/// `ausearch(8)`, `-te` and `-ts`: without a date, today is meant. Without a time, the start is midnight
/// and the end is the time of now. `recent` is 10 minutes ago, and a week begins on Sunday. `ausearch`
/// takes dates in the form of the locale. Here they are MM/DD/YYYY, MM/DD/YY or YYYY-MM-DD.
pub fn parse(text: &str, edge: Edge, now: DateTime<Local>) -> anyhow::Result<Time> {
    let problem = || {
        anyhow!(
            "`{}` is no time; write `today`, `11/29/2026 14:00:00`, `2026-11-29` or another word of \
             ausearch(8)",
            text.escape_debug()
        )
    };
    let today = now.date_naive();
    let midnight = |date: NaiveDate| date.and_time(NaiveTime::MIN);
    let local = match text.trim() {
        "now" => now.naive_local(),
        "recent" => now.naive_local() - TimeDelta::minutes(10),
        "this-hour" => midnight(today) + TimeDelta::hours(i64::from(chrono::Timelike::hour(&now))),
        "boot" => now.naive_local() - uptime()?,
        "today" => midnight(today),
        "yesterday" => midnight(today - Days::new(1)),
        "this-week" => {
            midnight(today - Days::new(u64::from(today.weekday().num_days_from_sunday())))
        }
        "week-ago" => midnight(today - Days::new(7)),
        "this-month" => midnight(today - Days::new(u64::from(today.day0()))),
        "this-year" => midnight(today - Days::new(u64::from(today.ordinal0()))),
        words => date_and_time(words, edge, now).ok_or_else(problem)?,
    };
    let local = local.and_local_timezone(Local).earliest().ok_or_else(problem)?;
    let milliseconds = u64::try_from(local.timestamp_millis()).map_err(|_| problem())?;
    // The end includes its last second.
    let last = if edge == Edge::End { 999 } else { 0 };
    Ok(Time::from_millis(milliseconds - milliseconds % 1000 + last))
}

fn date_and_time(words: &str, edge: Edge, now: DateTime<Local>) -> Option<NaiveDateTime> {
    let words: Vec<&str> = words.split_whitespace().collect();
    let midnight_or_now = match edge {
        Edge::Start => NaiveTime::MIN,
        Edge::End => now.time(),
    };
    match words.as_slice() {
        [word] if word.contains(':') => Some(now.date_naive().and_time(time(word)?)),
        [word] => Some(date(word)?.and_time(midnight_or_now)),
        [day, clock] => Some(date(day)?.and_time(time(clock)?)),
        _ => None,
    }
}

fn date(word: &str) -> Option<NaiveDate> {
    let short = word.rsplit('/').next().is_some_and(|year| year.len() == 2);
    let format = match word.contains('/') {
        true if short => "%m/%d/%y",
        true => "%m/%d/%Y",
        false => "%Y-%m-%d",
    };
    NaiveDate::parse_from_str(word, format).ok()
}

fn time(word: &str) -> Option<NaiveTime> {
    let formats = ["%H:%M:%S", "%H:%M"];
    formats.iter().find_map(|format| NaiveTime::parse_from_str(word, format).ok())
}

/// # Source
/// `proc_uptime(5)`: seconds since boot, with a fraction.
fn uptime() -> anyhow::Result<TimeDelta> {
    let text = std::fs::read_to_string("/proc/uptime").context("cannot read /proc/uptime")?;
    let seconds = text.split('.').next().and_then(|seconds| seconds.parse().ok());
    seconds.and_then(TimeDelta::try_seconds).context("/proc/uptime has no number")
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone;

    fn parsed(text: &str, edge: Edge) -> String {
        let now = Local.with_ymd_and_hms(2026, 11, 29, 14, 5, 6).unwrap();
        let time = parse(text, edge, now).unwrap();
        let time = DateTime::from_timestamp_millis(i64::try_from(time.millis()).unwrap()).unwrap();
        time.with_timezone(&Local).format("%Y-%m-%d %H:%M:%S%.3f").to_string()
    }

    #[test]
    fn times_are_those_of_ausearch() {
        for (text, expected) in [
            ("now", "2026-11-29 14:05:06.000"),
            ("recent", "2026-11-29 13:55:06.000"),
            ("this-hour", "2026-11-29 14:00:00.000"),
            ("today", "2026-11-29 00:00:00.000"),
            ("yesterday", "2026-11-28 00:00:00.000"),
            ("this-week", "2026-11-29 00:00:00.000"),
            ("week-ago", "2026-11-22 00:00:00.000"),
            ("this-month", "2026-11-01 00:00:00.000"),
            ("this-year", "2026-01-01 00:00:00.000"),
            ("11/02/2026", "2026-11-02 00:00:00.000"),
            ("11/02/26 08:30", "2026-11-02 08:30:00.000"),
            ("2026-11-02  08:30:07", "2026-11-02 08:30:07.000"),
            ("08:30", "2026-11-29 08:30:00.000"),
        ] {
            assert_eq!(parsed(text, Edge::Start), expected, "{text}");
        }
        assert_eq!(parsed("11/02/2026", Edge::End), "2026-11-02 14:05:06.999");
    }

    #[test]
    fn other_words_are_errors() {
        for text in ["", "tomorrow", "13/01/2026", "25:00", "1/2/3 4", "a b c", "2026-02-30"] {
            assert!(parse(text, Edge::Start, Local::now()).is_err(), "{text}");
        }
    }
}
