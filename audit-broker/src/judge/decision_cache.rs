//! Caches the decisions of one connection.
//!
//! Only calls that name no object and say nothing else, such as a ping or a list, are cached. The same
//! call gets the same decision until the policies, the mode or the caller's groups change.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use crate::judge::decision::{Decision, decide};
use crate::judge::questions::{QuestionObject, Questions};
use crate::policy::{CallFacts, Policy, Principal};
use crate::settings::Mode;

/// The cached decisions of one connection.
#[derive(Debug, Default)]
pub(crate) struct DecisionCache(RefCell<Option<CachedDecision>>);

#[derive(Debug)]
struct CachedDecision {
    policy: Arc<Policy>,
    mode: Mode,
    principal: Principal,
    /// By the action, and by whether the call is as root.
    decisions: HashMap<(&'static str, bool), Decision>,
}

impl DecisionCache {
    /// Decides about a call, or returns the cached decision.
    pub(crate) fn decide(
        &self,
        policy: &Arc<Policy>,
        mode: Mode,
        principal: &Principal,
        questions: &Questions,
    ) -> Decision {
        let Some(key) = plain(questions) else { return decide(policy, mode, principal, questions) };
        let mut cache = self.0.borrow_mut();
        let is_same = |cached: &CachedDecision| {
            Arc::ptr_eq(&cached.policy, policy)
                && cached.mode == mode
                && cached.principal == *principal
        };
        let cached = cache.take().filter(is_same).unwrap_or_else(|| CachedDecision {
            policy: Arc::clone(policy),
            mode,
            principal: principal.clone(),
            decisions: HashMap::new(),
        });
        let cached = cache.insert(cached);
        let decision = || decide(policy, mode, principal, questions);
        cached.decisions.entry(key).or_insert_with(decision).clone()
    }
}

/// The key of a call in the cache; `None` if the decision depends on more than the key.
fn plain(questions: &Questions) -> Option<(&'static str, bool)> {
    let [question] = questions.all.as_slice() else { return None };
    let is_as_root = questions.call.is_as_root;
    let is_plain = matches!(question.object, QuestionObject::Daemon)
        && question.name.is_none()
        && !questions.is_foreign_exec
        && questions.call == CallFacts { is_as_root, ..CallFacts::default() };
    is_plain.then_some((question.action, is_as_root))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::danger::Findings;
    use crate::judge::questions::{Absence, Question};
    use crate::policy::tests::user;

    fn questions(action: &'static str, name: &str) -> Questions {
        let question = Question {
            action,
            object: QuestionObject::Daemon,
            name: None,
            given: String::new(),
            mention: None,
            is_on_privileged: false,
        };
        let call = CallFacts { name: name.to_owned(), ..CallFacts::default() };
        Questions {
            call,
            all: vec![question],
            is_foreign_exec: false,
            absence: Absence::default(),
            findings: Findings::default(),
        }
    }

    fn is_allowed(decision: &Decision) -> bool {
        matches!(decision, Decision::Allow { .. })
    }

    #[test]
    fn a_cached_decision_holds_for_one_action_and_one_set_of_policies() {
        let policy = |text: &str| Arc::new(Policy::from_text(text).unwrap());
        let all = policy(
            r#"@id("list") permit(principal, action == Action::"image-list", resource);
            @id("pull") permit(principal, action == Action::"image-pull", resource)
                when { context.name == "a:latest" };"#,
        );
        let (decision_cache, dwalsh) = (DecisionCache::default(), user("dwalsh", 1001, &[]));
        let ask = |policy: &Arc<Policy>, mode, questions: &Questions| {
            is_allowed(&decision_cache.decide(policy, mode, &dwalsh, questions))
        };
        for _ in 0..2 {
            assert!(ask(&all, Mode::Enforce, &questions("image-list", "")));
            assert!(!ask(&all, Mode::Enforce, &questions("daemon-access", "")));
            assert!(ask(&all, Mode::Enforce, &questions("image-pull", "a:latest")));
            assert!(!ask(&all, Mode::Enforce, &questions("image-pull", "b:latest")));
        }
        assert!(!ask(&policy(""), Mode::Enforce, &questions("image-list", "")));
        assert!(ask(&all, Mode::Enforce, &questions("image-list", "")));
        assert!(ask(&all, Mode::Report, &questions("daemon-access", "")));
        assert!(!ask(&all, Mode::Enforce, &questions("daemon-access", "")));
    }

    #[test]
    fn s29_a_caller_who_left_a_group_gets_a_new_decision() {
        let text = r#"@id("a") permit(principal in Group::"docker-admin", action, resource);"#;
        let (decision_cache, policy) =
            (DecisionCache::default(), Arc::new(Policy::from_text(text).unwrap()));
        let questions = questions("image-list", "");
        for (groups, expected) in [(&["docker-admin"][..], true), (&[], false)] {
            let caller = user("dwalsh", 1001, groups);
            let decision = decision_cache.decide(&policy, Mode::Enforce, &caller, &questions);
            assert_eq!(is_allowed(&decision), expected, "{groups:?}");
        }
    }
}
