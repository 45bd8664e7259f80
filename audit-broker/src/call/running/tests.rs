use futures_util::FutureExt;

use super::*;

const DONE: CallOutcome = CallOutcome::Done(None);

fn table() -> (RunningContainers, std::path::PathBuf) {
    use std::sync::atomic::{AtomicU32, Ordering};
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("runs-{}-{count}", std::process::id()));
    (RunningContainers::open(&path).unwrap(), path)
}

fn web() -> NamedContainer {
    NamedContainer {
        id: "1".to_owned(),
        name: "web".to_owned(),
        image: "fedora".to_owned(),
        has_exit_label: false,
    }
}

fn event(change: LifeChange, time: Nanoseconds) -> LifeEvent {
    LifeEvent { change, container: web(), time, has_owner: true }
}

fn subject(pid: u32) -> Subject {
    Subject::unknown(pid, 1000)
}

/// The kind and the pid of the starter.
fn recorded(seen: Seen, table: &RunningContainers, time: Nanoseconds) -> (AutomaticKind, u32) {
    let Seen::Record(automatic) = seen else { panic!("{seen:?}") };
    table.apply(&automatic, time);
    (automatic.kind, automatic.starter.unwrap().pid)
}

fn is_nothing(seen: &Seen) -> bool {
    matches!(seen, Seen::Nothing)
}

#[test]
fn r01_an_end_that_no_call_explains_is_recorded_under_the_starter() {
    let (table, path) = table();
    let ticket = table.begin(web(), RunChange::Start, &subject(7));
    assert!(is_nothing(&table.see(&event(LifeChange::Started, 10))));
    assert_eq!(table.finish(ticket, DONE, 11).0, DONE);
    let seen = table.see(&event(LifeChange::Ended(3), 20));
    assert_eq!(recorded(seen, &table, 20), (AutomaticKind::Exited(3), 7));
    // dockerd may send the event again after a new connection.
    assert!(is_nothing(&table.see(&event(LifeChange::Ended(3), 20))));
    assert!(matches!(table.see(&event(LifeChange::Started, 30)), Seen::Unexplained));
    assert_eq!(table.starter_of("1").unwrap().pid, 7);
    let again = RunningContainers::open(&path).unwrap();
    assert_eq!(again.starter_of("1").unwrap().pid, 7);
    assert!(!again.was_new() && again.all()[0].since.is_none());
    std::fs::remove_file(path).unwrap();
}

#[test]
fn r01_the_events_may_come_after_the_response() {
    let (table, path) = table();
    let ticket = table.begin(web(), RunChange::Start, &subject(7));
    table.finish(ticket, DONE, 11);
    assert!(is_nothing(&table.see(&event(LifeChange::Ended(1), 5))));
    assert!(is_nothing(&table.see(&event(LifeChange::Started, 10))));
    // Another caller restarts it.
    let ticket = table.begin(web(), RunChange::Restart, &subject(8));
    table.finish(ticket, DONE, 21);
    assert!(is_nothing(&table.see(&event(LifeChange::Ended(0), 20))));
    assert!(is_nothing(&table.see(&event(LifeChange::Started, 20))));
    assert_eq!(table.starter_of("1").unwrap().pid, 8);
    let ticket = table.begin(web(), RunChange::Stop, &subject(9));
    table.finish(ticket, DONE, 31);
    assert!(is_nothing(&table.see(&event(LifeChange::Ended(137), 30))));
    assert!(table.all()[0].since.is_none());
    std::fs::remove_file(path).unwrap();
}

#[test]
fn r01_a_stop_has_the_exit_code_and_no_second_record() {
    let (table, path) = table();
    let ticket = table.begin(web(), RunChange::Start, &subject(7));
    table.see(&event(LifeChange::Started, 10));
    table.finish(ticket, DONE, 11);
    for outcome in [DONE, CallOutcome::BrokenOff] {
        let ticket = table.begin(web(), RunChange::Stop, &subject(9));
        assert!(is_nothing(&table.see(&event(LifeChange::Ended(143), 20))));
        let (outcome, unexplained) = table.finish(ticket, outcome, 21);
        assert_eq!(outcome, CallOutcome::Done(Some(143)));
        assert!(unexplained.is_none());
        table.adopt(web(), 15);
    }
    std::fs::remove_file(path).unwrap();
}

#[test]
fn r01_an_end_during_a_stop_that_fails_is_recorded() {
    let (table, path) = table();
    table.adopt(web(), 1);
    let ticket = table.begin(web(), RunChange::Stop, &subject(9));
    assert!(is_nothing(&table.see(&event(LifeChange::OutOfMemory, 19))));
    assert!(is_nothing(&table.see(&event(LifeChange::Ended(137), 20))));
    let (outcome, unexplained) = table.finish(ticket, CallOutcome::Failed, 21);
    assert_eq!(outcome, CallOutcome::Failed);
    assert_eq!(unexplained.unwrap().kind, AutomaticKind::OutOfMemory(137));
    // A call that never reached dockerd explains nothing.
    table.adopt(web(), 30);
    let ticket = table.begin(web(), RunChange::Stop, &subject(9));
    assert_eq!(table.finish(ticket, CallOutcome::BrokenOff, 31).0, CallOutcome::BrokenOff);
    assert!(matches!(table.see(&event(LifeChange::Ended(137), 40)), Seen::Record(_)));
    std::fs::remove_file(path).unwrap();
}

#[test]
fn r01_a_container_that_the_broker_never_saw_is_not_recorded() {
    let (table, path) = table();
    let direct = LifeEvent { has_owner: false, ..event(LifeChange::Started, 1) };
    assert!(is_nothing(&table.see(&direct)));
    assert!(is_nothing(&table.see(&event(LifeChange::Ended(0), 2))));
    assert!(table.was_new() && !table.was_new());
    std::fs::remove_file(path).unwrap();
}

#[tokio::test(start_paused = true)]
async fn r01_a_stop_waits_for_the_event_that_has_the_exit_status() {
    let (table, path) = table();
    let start = table.begin(web(), RunChange::Start, &subject(7));
    table.see(&event(LifeChange::Started, 10));
    table.finish(start, DONE, 11);

    let stop = table.begin(web(), RunChange::Stop, &subject(8));
    let other = table.begin(web(), RunChange::Stop, &subject(9));
    assert!(table.wait_for_end(&stop).now_or_never().is_none());
    assert!(is_nothing(&table.see(&event(LifeChange::Ended(143), 20))));
    assert!(table.wait_for_end(&stop).now_or_never().is_some());
    // The container has ended, so nothing is left to wait for.
    assert!(table.wait_for_end(&other).now_or_never().is_some());
    assert_eq!(table.finish(stop, DONE, 21).0, CallOutcome::Done(Some(143)));
    table.finish(other, DONE, 22);

    // If dockerd sends no event, the response does not wait for long.
    let start = table.begin(web(), RunChange::Start, &subject(7));
    table.see(&event(LifeChange::Started, 30));
    table.finish(start, DONE, 31);
    let stop = table.begin(web(), RunChange::Stop, &subject(8));
    table.wait_for_end(&stop).await;
    assert_eq!(table.finish(stop, DONE, 41).0, DONE);
    std::fs::remove_file(path).unwrap();
}

#[test]
fn r01_a_label_does_not_choose_the_exit_code() {
    let (table, path) = table();
    let labelled = NamedContainer { has_exit_label: true, ..web() };
    let start = table.begin(labelled.clone(), RunChange::Start, &subject(7));
    table.finish(start, DONE, 9);
    table.see(&LifeEvent { container: labelled, ..event(LifeChange::Started, 10) });
    // The record of the end comes from the event, which says nothing about the label.
    let seen = table.see(&event(LifeChange::Ended(0), 20));
    assert_eq!(recorded(seen, &table, 20), (AutomaticKind::Ended, 7));
    std::fs::remove_file(path).unwrap();
}

#[test]
fn r01_an_end_counts_that_is_older_than_the_response_to_the_start() {
    let (table, path) = table();
    let start = table.begin(web(), RunChange::Start, &subject(7));
    table.finish(start, DONE, 30);
    assert!(is_nothing(&table.see(&event(LifeChange::Started, 10))));
    let seen = table.see(&event(LifeChange::Ended(3), 20));
    assert_eq!(recorded(seen, &table, 20), (AutomaticKind::Exited(3), 7));
    std::fs::remove_file(path).unwrap();
}

#[test]
fn r01_two_calls_that_start_one_container_at_once_hide_no_end() {
    let (table, path) = table();
    let [one, other] = [7, 8].map(|pid| table.begin(web(), RunChange::Start, &subject(pid)));
    assert!(is_nothing(&table.see(&event(LifeChange::Started, 10))));
    table.finish(one, DONE, 11);
    // dockerd tells the other caller that the container runs already.
    table.finish(other, DONE, 12);
    let seen = table.see(&event(LifeChange::Ended(3), 20));
    assert_eq!(recorded(seen, &table, 20), (AutomaticKind::Exited(3), 7));
    assert!(matches!(table.see(&event(LifeChange::Started, 30)), Seen::Unexplained));
    std::fs::remove_file(path).unwrap();
}

#[test]
fn r01_a_start_of_a_container_that_runs_explains_no_later_start() {
    let (table, path) = table();
    let one = table.begin(web(), RunChange::Start, &subject(7));
    assert!(is_nothing(&table.see(&event(LifeChange::Started, 10))));
    let other = table.begin(web(), RunChange::Start, &subject(8));
    table.finish(one, DONE, 11);
    assert_eq!(table.finish(other, CallOutcome::Unchanged, 12).0, CallOutcome::Unchanged);
    let seen = table.see(&event(LifeChange::Ended(3), 20));
    assert_eq!(recorded(seen, &table, 20), (AutomaticKind::Exited(3), 7));
    assert!(matches!(table.see(&event(LifeChange::Started, 30)), Seen::Unexplained));
    assert_eq!(table.starter_of("1").unwrap().pid, 7);
    std::fs::remove_file(path).unwrap();
}
