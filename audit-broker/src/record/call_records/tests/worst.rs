//! The most expensive request bodies, from parsing to the decision and its records.
//!
//! `benches/broker.sh worst` measures them with a release build and checks the exact limits. This test
//! may run a debug build, so it allows twenty times as much.

#[path = "../../../../../benches/load/bodies.rs"]
mod bodies;

use std::fs;
use std::time::Duration;

use audit_core::Outcome;
use audit_host::mask::{KEY_BYTES, Mask};
use serde_json::Value;

use crate::api::body::{Body, SIZE_LIMIT_BYTES, parse_body};
use crate::api::request::tests::head;
use crate::judge::danger::dangers;
use crate::judge::danger::tests::action;
use crate::judge::decision::tests::{NAME, NUMBER, Registry, image, person};
use crate::judge::decision::{Decision, decide};
use crate::own_process;
use crate::policy::Policy;
use crate::policy::tests::{shipped_texts, user};
use crate::record::call_records::CallRecords;
use crate::settings::Mode;
use bodies::{WorstRequest, worst_requests};

const TEST: &str = "record::call_records::tests::worst::s30_no_body_is_expensive_to_judge";

/// Twenty times the limits of 50 ms and 32 MB.
const CPU_LIMIT: Duration = Duration::from_secs(1);
const MEMORY_LIMIT_KIB: u64 = 20 * 32 * 1024;

/// The processor time of this thread.
///
/// # Source
/// `Documentation/scheduler/sched-stats.rst` of Linux.
fn cpu() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
}

/// A size from `/proc/self/status`, in KiB. `VmHWM:` is the peak since [`reset_peak`].
fn memory(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn reset_peak() {
    crate::sys::trim_memory();
    fs::write("/proc/self/clear_refs", "5").unwrap();
}

/// Everything that the broker does with a body before it forwards the request.
async fn judge_and_describe(registry: &Registry, policy: &Policy, worst: &WorstRequest) -> String {
    let head = head(&worst.target);
    let Ok(head) = head else { return "refused".to_owned() };
    let body = match parse_body(head.route.body, worst.body.as_bytes()) {
        Ok(body) => body,
        Err(refusal) => return format!("{}", refusal.status.as_u16()),
    };
    let mut action = action("GET", "/_ping", &Value::Null);
    let is_create = matches!(body, Body::ContainerCreate(_));
    action.references.images = if is_create { vec![image("fedora")] } else { Vec::new() };
    (action.head, action.body, action.owner) = (head, body, person(NUMBER));
    let questions = registry.questions(&action).await;
    let principal = user(NAME, NUMBER, &["users"]);
    let decision = decide(policy, Mode::Enforce, &principal, &questions);
    let mask = Mask::with_key([1; KEY_BYTES]);
    let ways = dangers(&action).ways;
    let call_records = CallRecords::new(&action, &ways, &mask);
    let records = match &decision {
        Decision::Allow { policy, .. } => call_records.of_request(policy.as_deref()),
        Decision::Deny(denial) => call_records.of_denial(denial.reason()),
    };
    let texts: usize = records
        .into_iter()
        .map(|record| record.outcome(Outcome::Failed).texts().unwrap().len())
        .sum();
    let forwarded = action.body.to_json().map_or(0, |json| json.len());
    match decision {
        Decision::Allow { .. } => format!("allowed, {texts} records, {forwarded} bytes"),
        Decision::Deny(denial) => {
            format!("denied in {} bytes, {texts} records", denial.message.len())
        }
    }
}

#[tokio::test]
async fn s30_no_body_is_expensive_to_judge() {
    if !own_process::is_here(TEST) {
        return;
    }
    let registry = Registry::new("worst");
    let policy = Policy::from_text(&shipped_texts()["default.cedar"]).unwrap();
    let mut too_expensive = Vec::new();
    for worst in worst_requests() {
        assert!(worst.body.len() <= SIZE_LIMIT_BYTES, "{}", worst.name);
        reset_peak();
        let (before, began) = (memory("VmRSS:"), cpu());
        let result = judge_and_describe(&registry, &policy, &worst).await;
        let took = cpu().saturating_sub(began);
        let grown = memory("VmHWM:").saturating_sub(before);
        println!("{:<42} {took:>10.1?} {grown:>8} KiB  {result}", worst.name);
        if took > CPU_LIMIT || grown > MEMORY_LIMIT_KIB {
            too_expensive.push(worst.name);
        }
    }
    assert!(too_expensive.is_empty(), "{too_expensive:?}");
}
