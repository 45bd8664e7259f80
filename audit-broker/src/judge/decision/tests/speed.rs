//! Measures the time of a decision: `sudo benches/broker.sh decision`.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use super::*;

/// The median is over this many decisions.
const ROUNDS: usize = 10_000;

/// Goals, in microseconds.
const SHIPPED_LIMIT: f64 = 40.0;
const MANY_LIMIT: f64 = 400.0;

const MANY: usize = 500;

/// All shipped policies.
fn shipped() -> String {
    shipped_texts().into_values().collect()
}

/// The shipped policies, and policies for as many teams as make 500. `head` is the principal in the head
/// of a policy. If the head names no principal, every policy is evaluated for each container.
fn many(head: fn(usize) -> String) -> Policy {
    let mut text = shipped();
    let shipped_count = Policy::from_text(&text).unwrap().count();
    for team in shipped_count..MANY {
        write!(
            text,
            "@id(\"team-{team}\") permit({}, action in Action::\"containers\", resource) when {{ \
             resource is Container && resource.hasTag(\"team\") && \
             resource.getTag(\"team\") == \"team-{team}\" }};",
            head(team)
        )
        .unwrap();
    }
    let policy = Policy::from_text(&text).unwrap();
    assert_eq!(policy.count(), MANY);
    policy
}

/// Whether the policies have judged the questions before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    First,
    Again,
}

/// The median time of a decision about these questions, in microseconds.
fn median(policy: &Policy, principal: &Principal, questions: &Questions, asked: Asked) -> f64 {
    let mut took: Vec<f64> = (0..ROUNDS + ROUNDS / 10)
        .map(|_| {
            if asked == Asked::First {
                policy.empty_decision_cache();
            }
            let begin = Instant::now();
            let _ = black_box(decide(
                black_box(policy),
                Mode::Enforce,
                principal,
                black_box(questions),
            ));
            begin.elapsed().as_secs_f64() * 1e6
        })
        .skip(ROUNDS / 10)
        .collect();
    took.sort_unstable_by(f64::total_cmp);
    took[took.len() / 2]
}

/// Prints a row with the columns of `benches/load/report.rs`.
fn row(what: &str, figure: f64, limit: Option<f64>) {
    let goal = limit.map_or_else(String::new, |limit| {
        let word = if figure <= limit { "ok" } else { "MISSED" };
        format!("at most {limit}  {word}")
    });
    let line = format!("{what:<34}{:>10}{figure:>10.1}{:>10}   {goal}", "-", "-");
    println!("{}", line.trim_end());
}

#[tokio::test]
async fn decisions() {
    let registry = Registry::new("speed");
    registry.give_container(&person(NUMBER));
    let mut start = call_of("POST", "/containers/web/start", &Value::Null, Vec::new());
    start.object = Object::Container(some_container());
    let start = registry.questions(&start).await;
    let sent = serde_json::from_str(SENT[1].1).unwrap();
    let create = registry.questions(&create("", &sent)).await;
    let groups = ["users", "wheel", "audio", "team-77", "docker-operator-advanced"];
    let principal = user(NAME, NUMBER, &groups);
    let shipped = Policy::from_text(&shipped()).unwrap();
    let teams = many(|team| format!("principal in Group::\"team-{team}\""));
    let nameless = many(|_| "principal".to_owned());

    assert_eq!((start.all.len(), create.all.len()), (1, 2));
    for (what, policy, questions, limit) in [
        ("decision, shipped roles, us", &shipped, &start, Some(SHIPPED_LIMIT)),
        ("500 policies of teams, us", &teams, &start, Some(MANY_LIMIT)),
        ("500 that name no principal, us", &nameless, &start, Some(MANY_LIMIT)),
        ("a create, shipped roles, us", &shipped, &create, None),
        ("500 policies of teams, us", &teams, &create, None),
        ("500 that name no principal, us", &nameless, &create, None),
    ] {
        let decision = decide(policy, Mode::Enforce, &principal, questions);
        assert!(matches!(decision, Decision::Allow { .. }), "{what}: {decision:?}");
        row(what, median(policy, &principal, questions, Asked::First), limit);
    }
    let again = median(&shipped, &principal, &start, Asked::Again);
    row("a decision that is cached, us", again, None);
}
