//! Decisions that need not be made again.
//!
//! Whoever asks for the same over and over on one connection, a ping or a list, is answered the same
//! for as long as the policies and the caller's groups are: the call says nothing else.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use crate::judge::decision::{Decision, decide};
use crate::judge::questions::{Case, Thing};
use crate::policy::{Call, Policy, Principal};
use crate::settings::Mode;

/// What has been decided on one connection.
#[derive(Debug, Default)]
pub(crate) struct Decided(RefCell<Option<Kept>>);

#[derive(Debug)]
struct Kept {
    policy: Arc<Policy>,
    mode: Mode,
    principal: Principal,
    /// By the action, and whether it is said to be as root.
    decisions: HashMap<(&'static str, bool), Decision>,
}

impl Decided {
    /// Decides on a case, unless that was done before.
    pub(crate) fn decide(
        &self,
        policy: &Arc<Policy>,
        mode: Mode,
        principal: &Principal,
        case: &Case,
    ) -> Decision {
        let Some(key) = plain(case) else { return decide(policy, mode, principal, case) };
        let mut cache = self.0.borrow_mut();
        let is_same = |kept: &Kept| {
            Arc::ptr_eq(&kept.policy, policy) && kept.mode == mode && kept.principal == *principal
        };
        let kept = cache.take().filter(is_same).unwrap_or_else(|| Kept {
            policy: Arc::clone(policy),
            mode,
            principal: principal.clone(),
            decisions: HashMap::new(),
        });
        let kept = cache.insert(kept);
        let decision = || decide(policy, mode, principal, case);
        kept.decisions.entry(key).or_insert_with(decision).clone()
    }
}

/// All that there is to decide by, where the call says no more.
fn plain(case: &Case) -> Option<(&'static str, bool)> {
    let [step] = case.steps.as_slice() else { return None };
    let is_as_root = case.call.is_as_root;
    let is_plain = matches!(step.thing, Thing::Daemon)
        && step.name.is_none()
        && !case.is_foreign_exec
        && case.call == Call { is_as_root, ..Call::default() };
    is_plain.then_some((step.action, is_as_root))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::questions::Step;
    use crate::policy::tests::user;

    fn case(action: &'static str, name: &str) -> Case {
        let step = Step {
            action,
            thing: Thing::Daemon,
            name: None,
            given: String::new(),
            is_on_privileged: false,
        };
        let call = Call { name: name.to_owned(), ..Call::default() };
        Case { call, steps: vec![step], is_foreign_exec: false, asks_for: Vec::new() }
    }

    fn is_allowed(decision: &Decision) -> bool {
        matches!(decision, Decision::Allow { .. })
    }

    #[test]
    fn it_holds_for_one_action_and_one_set_of_policies() {
        let policy = |text: &str| Arc::new(Policy::from_text(text).unwrap());
        let all = policy(
            r#"@id("list") permit(principal, action == Action::"image-list", resource);
            @id("pull") permit(principal, action == Action::"image-pull", resource)
                when { context.name == "a:latest" };"#,
        );
        let (decided, dwalsh) = (Decided::default(), user("dwalsh", 1001, &[]));
        let ask = |policy: &Arc<Policy>, mode, case: &Case| {
            is_allowed(&decided.decide(policy, mode, &dwalsh, case))
        };
        for _ in 0..2 {
            assert!(ask(&all, Mode::Enforce, &case("image-list", "")));
            assert!(!ask(&all, Mode::Enforce, &case("daemon-access", "")));
            assert!(ask(&all, Mode::Enforce, &case("image-pull", "a:latest")));
            assert!(!ask(&all, Mode::Enforce, &case("image-pull", "b:latest")));
        }
        assert!(!ask(&policy(""), Mode::Enforce, &case("image-list", "")));
        assert!(ask(&all, Mode::Enforce, &case("image-list", "")));
        assert!(ask(&all, Mode::Report, &case("daemon-access", "")));
        assert!(!ask(&all, Mode::Enforce, &case("daemon-access", "")));
    }

    #[test]
    fn s29_a_caller_who_has_left_a_group_gets_a_decision_of_their_own() {
        let text = r#"@id("a") permit(principal in Group::"docker-admin", action, resource);"#;
        let (decided, policy) = (Decided::default(), Arc::new(Policy::from_text(text).unwrap()));
        let asked = case("image-list", "");
        for (groups, expected) in [(&["docker-admin"][..], true), (&[], false)] {
            let caller = user("dwalsh", 1001, groups);
            let decision = decided.decide(&policy, Mode::Enforce, &caller, &asked);
            assert_eq!(is_allowed(&decision), expected, "{groups:?}");
        }
    }
}
