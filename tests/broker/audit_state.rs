//! The broker forwards no request while the audit system does not keep its record.

use std::time::{Duration, Instant};

use crate::auditd::{Auditd, LostCount};
use crate::broker::Broker;
use crate::fake::{Fake, ID, Reply};
use crate::host::{Finally, raw, shell, tag};
use crate::http::{Answer, post};
use crate::observe::{records, wait_until};

fn start(broker: &Broker, tag: &str) -> Answer {
    broker.http(format!("POST /containers/{tag}/start HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes())
}

fn times_started(fake: &Fake) -> usize {
    fake.times_asked(&format!("POST /containers/{ID}/start"))
}

fn assert_is_refused(answer: &Answer, why: &str) {
    assert_eq!(answer.status, 503, "{answer:?}");
    let said = "{\"message\":\"the call cannot be recorded, so it was not made: ";
    assert!(answer.text().starts_with(said) && answer.text().contains(why), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[test]
fn the_broker_forwards_nothing_while_auditing_is_disabled() {
    let fake = Fake::start(|_| None);
    let broker = Broker::before(&fake.socket(), "");
    let lax = Broker::before(&fake.socket(), "on_failure = \"warn\"");
    let tag = tag();
    assert_eq!(start(&broker, &tag).status, 204);
    assert_eq!(times_started(&fake), 1);
    {
        let _on = Finally("auditctl -e 1".to_owned());
        shell("auditctl -e 0");
        assert_is_refused(&start(&broker, &tag), "run auditctl -e 1");
        assert_eq!(times_started(&fake), 1);
        // Calls that need no record still work.
        assert_eq!(broker.http(b"GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
        assert_eq!(broker.metric("audit_broker_kernel_keeps_records"), 0);
        // The broker records requests that it does not understand, so it refuses them as well.
        assert_is_refused(&broker.http(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n"), "auditctl -e 1");
        assert_eq!(start(&lax, &tag).status, 204);
        assert_eq!(times_started(&fake), 2);
    }
    assert_eq!(start(&broker, &tag).status, 204);
    assert!(lax.said().contains("could not record a call: "), "{}", lax.said());
    assert_eq!(broker.metric("audit_broker_kernel_keeps_records"), 1);
}

/// dockerd gives the description to the broker before the record, but the client must not see it then.
#[test]
fn dockerd_describes_an_object_once_and_the_client_sees_it_after_the_record() {
    let fake = Fake::start(|_| None);
    let broker = Broker::before(&fake.socket(), "");
    let tag = tag();
    let inspect = |query: &str| {
        let request = format!("GET /containers/{tag}/json{query} HTTP/1.1\r\nHost: x\r\n\r\n");
        broker.http(request.as_bytes())
    };
    let times_asked = |name: &str| fake.times_asked(&format!("GET /containers/{name}/json"));
    let answer = inspect("");
    assert!(answer.status == 200 && answer.text().contains(ID), "{answer:?}");
    assert_eq!((times_asked(&tag), times_asked(ID)), (1, 0));
    records(&tag, 1);
    {
        let _on = Finally("auditctl -e 1".to_owned());
        shell("auditctl -e 0");
        let refused = inspect("");
        assert_is_refused(&refused, "run auditctl -e 1");
        assert!(!refused.text().contains(ID), "{refused:?}");
    }
    // The broker does not need the size, so dockerd measures it for the client only.
    assert_eq!(inspect("?size=1").status, 200);
    assert_eq!((times_asked(&tag), times_asked(ID)), (3, 1));
}

#[test]
fn the_broker_forwards_nothing_while_auditd_is_dead() {
    let fake = Fake::start(|_| None);
    let broker = Broker::before(&fake.socket(), "");
    let tag = tag();
    let lost = LostCount::now();
    {
        let _again = Auditd::kill();
        // The kernel notices when it has a record for auditd. The broker notices before that.
        let why = "auditd does not run, so nothing would store the record; start auditd";
        for _ in 0..3 {
            assert_is_refused(&start(&broker, &tag), why);
        }
        assert_eq!(times_started(&fake), 0, "forwarded while nobody stores records");
    }
    drop(lost);
    assert_eq!(start(&broker, &tag).status, 204);
    assert_eq!(times_started(&fake), 1);
}

/// Makes a call whose records are so long that a few fill auditd's socket and the kernel's backlog.
fn long(broker: &Broker, tag: &str) -> Answer {
    let filler = "x".repeat(7000);
    let json = serde_json::json!({ "Image": "fedora", "Cmd": [filler] }).to_string();
    broker.http(&post(&format!("/containers/create?name={tag}"), &json))
}

/// auditd hangs until its socket and the kernel's backlog are full. The kernel then drops records
/// and does not say which. The broker can only limit how long a call waits, and forward no call
/// whose record the kernel did not take.
#[test]
fn an_auditd_that_hangs_delays_each_call_for_a_limited_time() {
    let fake = Fake::start(|_| None);
    let broker = Broker::before(&fake.socket(), "record_timeout_seconds = 1");
    let _lost = LostCount::now();
    let tag = tag();
    let mut made = 0;
    {
        let _on = Auditd::stop();
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(1) {
            let asked = Instant::now();
            let answer = long(&broker, &tag);
            assert!([201, 503].contains(&answer.status), "{answer:?}");
            made += usize::from(answer.status == 201);
            assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
        }
    }
    assert_eq!(fake.times_asked("POST /containers/create"), made, "only what is recorded is done");
    wait_until("a call that is recorded", || long(&broker, &tag).status == 201);
    let after = crate::host::tag();
    assert_eq!(start(&broker, &after).status, 204);
    assert_eq!(records(&after, 2).len(), 2);
}

/// The host is so busy that the process that asks the kernel does not run for a while.
#[test]
fn s34_a_call_waits_for_its_record_as_long_as_the_settings_say() {
    let fake = Fake::start(|_| None);
    let broker = Broker::before(&fake.socket(), "record_timeout_seconds = 10");
    let tag = tag();
    let process = shell(&format!("pgrep -P {} -f kernel-status", broker.pid().unwrap()));
    let process = process.trim();
    shell(&format!("kill -STOP {process}"));
    let _on = Finally(format!("kill -CONT {process}"));
    let later = std::thread::spawn({
        let process = process.to_owned();
        move || {
            std::thread::sleep(Duration::from_secs(2));
            shell(&format!("kill -CONT {process}"));
        }
    });
    assert_eq!(start(&broker, &tag).status, 204);
    later.join().unwrap();
    assert_eq!(times_started(&fake), 1);
}

/// Processes that use all the time of two processors. Ends them when dropped.
struct Busy(Vec<std::process::Child>);

impl Busy {
    /// Starts the processes. Also confines them and the broker to the same two processors.
    fn beside(broker: &Broker, count: usize) -> Self {
        let spin = || {
            let mut command = std::process::Command::new("taskset");
            command.args(["-c", "0,1", "sh", "-c", "while :; do :; done"]).spawn().unwrap()
        };
        let busy = Self((0..count).map(|_| spin()).collect());
        let broker = broker.pid().unwrap();
        for process in shell(&format!("echo {broker}; pgrep -P {broker}")).split_whitespace() {
            shell(&format!("taskset -a -c -p 0,1 {process}"));
        }
        busy
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        for process in &mut self.0 {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

#[test]
fn s34_a_busy_host_is_no_reason_to_refuse_a_call() {
    const CALLS: usize = 2000;
    const CLIENTS: usize = 40;
    let fake = Fake::start(|_| None);
    let broker = Broker::before(&fake.socket(), "");
    let tag = tag();
    let request = format!("POST /containers/{tag}/start HTTP/1.1\r\nHost: x\r\n\r\n");
    let began = Instant::now();
    let slowest = {
        let _busy = Busy::beside(&broker, 24);
        let client = || {
            let mut connection = broker.connect();
            let calls = (0..CALLS / CLIENTS).map(|_| {
                let began = Instant::now();
                connection.send(request.as_bytes());
                let answer = connection.answer("POST");
                assert_eq!(answer.status, 204, "{answer:?}");
                began.elapsed()
            });
            calls.max().unwrap()
        };
        std::thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
            clients.into_iter().map(|client| client.join().unwrap()).max().unwrap()
        })
    };
    println!("{CALLS} calls in {:?}, the slowest in {slowest:?}", began.elapsed());
    assert_eq!(times_started(&fake), CALLS);
    // One record of each request, and one of each outcome.
    let found = records(&tag, 2 * CALLS);
    for (op, what) in [(" op=start-request ", "requests"), (" op=start ", "outcomes")] {
        assert_eq!(found.iter().filter(|record| record.contains(op)).count(), CALLS, "{what}");
    }
    assert!(!broker.said().contains("could not record"), "{}", broker.said());
}

/// Each call makes the broker ask whether the kernel keeps records, and disconnects before the
/// answer.
#[test]
fn s34_calls_that_disconnect_do_not_end_the_process_that_asks_the_kernel() {
    let hangs = "/containers/hangs/json";
    let fake = Fake::start(move |request| request.ends_with(hangs).then_some(Reply::Silence));
    let broker = Broker::before(&fake.socket(), "");
    let tag = tag();
    assert_eq!(start(&broker, &tag).status, 204);
    // Reading metrics asks the kernel too, and would take the answers, so watch the open files
    // instead.
    let files = broker.open_files().unwrap();
    let mut vanishing: Vec<_> = (0..900).map(|_| broker.connect()).collect();
    for connection in &mut vanishing {
        connection.send(b"POST /containers/hangs/start HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    wait_until("the calls", || fake.times_asked(&format!("GET {hangs}")) == 900);
    drop(vanishing);
    wait_until("the end of all calls", || broker.open_files().unwrap() < files + 100);
    assert_eq!(start(&broker, &tag).status, 204, "{}", broker.said());
}

/// The broker counts the further refusals, and records the count when the minute or the broker
/// ends.
#[test]
fn s35_a_caller_cannot_flood_the_trail_with_refusals() {
    let fake = Fake::start(|_| None);
    let tag = tag();
    {
        let broker = Broker::before(&fake.socket(), "refusals_per_minute = 5");
        let request = format!("GET /nosuch/{tag} HTTP/1.1\r\nHost: x\r\n\r\n");
        let mut connection = broker.connect();
        for _ in 0..4321 {
            connection.send(request.as_bytes());
            assert_eq!(connection.answer("GET").status, 404);
        }
        // The broker still records a call that it forwards.
        assert_eq!(start(&broker, &tag).status, 204);
    }
    assert_eq!(records(&tag, 7).len(), 7);
    let counted = raw(&["-m", "VIRT_CONTROL"], " entries=4316 ");
    assert_eq!(counted.len(), 1, "{counted:?}");
    assert!(counted[0].contains("op=refuse reason=too-many entries=4316 kind="), "{counted:?}");
}
