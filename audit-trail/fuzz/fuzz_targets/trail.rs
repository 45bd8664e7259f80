//! Any bytes as a log, compressed or not, or as an export of the journal: no panic, and each record is in
//! one event.

#![no_main]

use std::io::Cursor;
use std::ops::ControlFlow;

use audit_trail::{BrokerUser, Deeds, Event, Events, Gaps, Trail};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut trail = Trail::new();
    trail.add_stream("fuzz", Cursor::new(bytes.to_vec()));
    let (mut events, mut gaps) = (Events::new(), Gaps::new());
    let mut deeds = Deeds::new(BrokerUser::new("audit-broker", Some(999)));
    let mut in_events = 0;
    let mut add = |event: &Event<'_>| {
        in_events += event.records().count() as u64;
        deeds.add(event, |deed| _ = deed.action.to_string());
    };
    let summary = trail.read(|record| {
        let fields = record.kernel_fields().chain(record.user_fields());
        fields.for_each(|field| _ = field.value.text());
        gaps.add(record);
        events.add(record, &mut add);
        ControlFlow::Continue(())
    });
    events.finish(&mut add);
    deeds.finish(drop);
    gaps.into_gaps();
    assert_eq!(summary.records, in_events);
});
