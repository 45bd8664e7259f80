//! Counts records, events, deeds and gaps, and measures the time.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use audit_trail::{BrokerUser, Deed, Deeds, Events, Gaps, RecordType, Trail};

#[derive(Default)]
struct Counts {
    events: u64,
    deeds: u64,
    denied: u64,
    types: BTreeMap<RecordType, u64>,
}

/// Counts what is in a file, as lines of a name and a number.
pub(crate) fn count(file: &str) -> String {
    let begun = Instant::now();
    let mut trail = Trail::new();
    trail.add_file(Path::new(file));
    let (mut events, mut gaps) = (Events::new(), Gaps::new());
    let mut deeds = Deeds::new(BrokerUser::new("audit-broker", Some(999)));
    let mut counts = Counts::default();
    let summary = trail.read(|record| {
        *counts.types.entry(record.record_type()).or_default() += 1;
        gaps.add(record);
        events.add(record, |event| {
            counts.events += 1;
            deeds.add(event, |deed| add(&mut counts.deeds, &mut counts.denied, &deed));
        });
        ControlFlow::Continue(())
    });
    events.finish(|event| {
        counts.events += 1;
        deeds.add(event, |deed| add(&mut counts.deeds, &mut counts.denied, &deed));
    });
    deeds.finish(|deed| add(&mut counts.deeds, &mut counts.denied, &deed));
    let seconds = begun.elapsed().as_secs_f64();
    let mut text = String::new();
    for (name, number) in [
        ("bytes", summary.bytes),
        ("problems", summary.problem_count),
        ("records", summary.records),
        ("events", counts.events),
        ("deeds", counts.deeds),
        ("denied", counts.denied),
        ("gaps", gaps.into_gaps().len() as u64),
    ] {
        let _ = writeln!(text, "{name} {number}");
    }
    for (record_type, number) in counts.types {
        let _ = writeln!(text, "type={record_type} {number}");
    }
    let _ = writeln!(text, "seconds {seconds:.3}");
    text
}

fn add(deeds: &mut u64, denied: &mut u64, deed: &Deed) {
    *deeds += 1;
    *denied += u64::from(deed.outcome.is_denied());
}
