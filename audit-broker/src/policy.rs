//! The administrators' policies: who may do what, in Cedar's language.
//!
//! This room knows policies and how to evaluate them. It takes a [`PolicyQuery`] and returns a
//! [`Judgement`], so no other room uses a type of Cedar's. It must not know docker's API, dockerd or
//! how the broker stores owners.

mod dangers;
mod decision_cache;
mod load;
mod query;
mod scope;

use std::collections::{BTreeSet, HashMap, HashSet};

use cedar_policy::{
    ActionConstraint, Authorizer, Decision, Entities, Entity, EntityUid, Policy as Statement,
    PolicySet, PrincipalConstraint, Request, Schema,
};
use serde_json::json;

use decision_cache::DecisionCache;
pub(crate) use load::Fingerprint;
pub(crate) use query::{
    CallFacts, ContainerFacts, ImageFacts, Maker, ObjectFacts, PolicyQuery, Principal, Resource,
};
pub(crate) use scope::{NamedPrincipal, SchemaAction, ScopeAnswer, Scopes};

/// The entities, attributes and actions that policies may use. `audit-broker schema` prints it.
pub(crate) const SCHEMA: &str = include_str!("policy/schema.cedarschema");

/// A loaded set of policies. It never changes; a reload makes a new one.
#[derive(Debug)]
pub(crate) struct Policy {
    actions: HashMap<String, ActionPolicies>,
    /// All policies that are enforced.
    enforced: PolicySet,
    count: usize,
    schema: Schema,
    digest: String,
    warnings: Vec<String>,
    decision_cache: DecisionCache,
}

/// An action and the policies that can match it. Policies for other actions and other principals are
/// not evaluated, so the cost of a decision does not grow with the number of all policies.
#[derive(Debug)]
struct ActionPolicies {
    /// The action with all groups that contain it.
    entity: Entity,
    /// The policies that are enforced.
    enforced: ByPrincipal,
    /// The enforced policies and those with `@mode("report")`; `None` if no policy has that mode.
    with_reported: Option<ByPrincipal>,
}

/// Policies by the user, group, service or container that their heads name. Policies whose head
/// names no principal are under `None`.
type ByPrincipal = HashMap<Option<EntityUid>, PolicySet>;

/// The answer of one set of policies.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PolicyDecision {
    pub(crate) is_allowed: bool,
    /// The id of the policy that decided; `None` if no policy permits the action.
    pub(crate) policy: Option<String>,
}

/// The answer to a query.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judgement {
    /// The decision of the enforced policies.
    pub(crate) decision: PolicyDecision,
    /// The decision if policies with `@mode("report")` were enforced too; `None` if that would change
    /// nothing.
    pub(crate) reported: Option<PolicyDecision>,
}

impl Policy {
    /// Judges a query by the policies. An equal query gets the cached judgement.
    pub(crate) fn ask(&self, query: &PolicyQuery<'_>) -> Judgement {
        match self.decision_cache.get(query) {
            Some((_, Some(judgement))) => judgement,
            Some((place, None)) => {
                let judgement = self.evaluate_all(query);
                self.decision_cache.insert(place, query, judgement.clone());
                judgement
            }
            None => self.evaluate_all(query),
        }
    }

    /// Evaluates the policies. Any error denies, because Cedar skips a policy that fails, and the
    /// skipped policy may be one that forbids.
    fn evaluate_all(&self, query: &PolicyQuery<'_>) -> Judgement {
        self.judge(query).unwrap_or_else(|error| {
            tracing::error!("denied because the policies could not be evaluated: {error:#}");
            Judgement {
                decision: PolicyDecision { is_allowed: false, policy: None },
                reported: None,
            }
        })
    }

    fn judge(&self, query: &PolicyQuery<'_>) -> anyhow::Result<Judgement> {
        let action = self.action(query)?;
        let (request, entities) = self.request(query, None)?;
        let decision = evaluate(&action.enforced, &request, &entities);
        let reported = action
            .with_reported
            .as_ref()
            .map(|policies| evaluate(policies, &request, &entities))
            .filter(|other| other.is_allowed != decision.is_allowed);
        Ok(Judgement { decision, reported })
    }

    fn action(&self, query: &PolicyQuery<'_>) -> anyhow::Result<&ActionPolicies> {
        self.actions
            .get(query.action)
            .ok_or_else(|| anyhow::anyhow!("the schema has no action `{}`", query.action))
    }

    /// Evaluates a query against other policies than the loaded ones.
    fn evaluate(
        &self,
        policies: &ByPrincipal,
        query: &PolicyQuery<'_>,
    ) -> anyhow::Result<PolicyDecision> {
        let (request, entities) = self.request(query, None)?;
        Ok(evaluate(policies, &request, &entities))
    }

    /// The query as Cedar's request and entities. With a schema, the request is validated against it.
    fn request(
        &self,
        query: &PolicyQuery<'_>,
        schema: Option<&Schema>,
    ) -> anyhow::Result<(Request, Entities)> {
        let action = &self.action(query)?.entity;
        let terms = query.terms()?;
        let request =
            Request::new(terms.principal, action.uid(), terms.resource, terms.context, schema)?;
        let entities =
            Entities::from_entities(terms.entities.into_iter().chain([action.clone()]), None)?;
        Ok((request, entities))
    }

    /// The digest of all policy files, in hexadecimal.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    /// Makes the next judgement of every query an evaluation.
    #[cfg(all(test, feature = "live"))]
    pub(crate) fn empty_decision_cache(&self) {
        self.decision_cache.clear();
    }

    /// The number of policies.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The validator's warnings about valid policies, for example about one that can never match.
    pub(crate) fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// Evaluates the policies that can match the principal. A policy that forbids overrides all others, in
/// whichever set it is.
fn evaluate(policies: &ByPrincipal, request: &Request, entities: &Entities) -> PolicyDecision {
    let principal = request.principal();
    let groups = principal.and_then(|principal| entities.ancestors(principal));
    let names = principal.into_iter().chain(groups.into_iter().flatten()).cloned().map(Some);
    let (mut permitting, mut forbidding) = (BTreeSet::new(), BTreeSet::new());
    for policies in names.chain([None]).filter_map(|name| policies.get(&name)) {
        let response = Authorizer::new().is_authorized(request, policies, entities);
        if let Some(error) = response.diagnostics().errors().next() {
            tracing::error!(
                "denied because the evaluation of a policy failed: {error}; \
                 correct the policy and test it with `audit-broker check`"
            );
            return PolicyDecision { is_allowed: false, policy: None };
        }
        let deciding = match response.decision() {
            Decision::Allow => &mut permitting,
            Decision::Deny => &mut forbidding,
        };
        deciding.extend(response.diagnostics().reason().map(ToString::to_string));
    }
    match forbidding.pop_first() {
        Some(policy) => PolicyDecision { is_allowed: false, policy: Some(policy) },
        None => {
            PolicyDecision { is_allowed: !permitting.is_empty(), policy: permitting.pop_first() }
        }
    }
}

/// Each action of the schema by its name, with the policies whose head matches it.
fn actions_of(
    schema: &Schema,
    enforced: &PolicySet,
    reported: &PolicySet,
) -> anyhow::Result<HashMap<String, ActionPolicies>> {
    let (enforced, reported) = (heads(enforced)?, heads(reported)?);
    let entities = schema.action_entities()?;
    let action = |entity: &Entity| {
        let uid = entity.uid();
        let groups: HashSet<EntityUid> =
            entities.ancestors(&uid).into_iter().flatten().cloned().collect();
        let matching = |heads: &[PolicyHead]| {
            let mut matching = ByPrincipal::new();
            for head in heads.iter().filter(|head| head.has(&uid, &groups)) {
                let policies: &mut PolicySet = matching.entry(head.principal.clone()).or_default();
                policies.add(head.without_action.clone())?;
            }
            anyhow::Ok(matching)
        };
        let mut with_reported = matching(&reported)?;
        let enforced = matching(&enforced)?;
        if !with_reported.is_empty() {
            for (principal, policies) in &enforced {
                with_reported.entry(principal.clone()).or_default().merge(policies, false)?;
            }
        }
        let with_reported = Some(with_reported).filter(|policies| !policies.is_empty());
        let name = uid.id().unescaped().to_owned();
        let entity = Entity::new_no_attrs(uid, groups);
        Ok((name, ActionPolicies { entity, enforced, with_reported }))
    };
    entities.iter().map(action).collect()
}

fn heads(policies: &PolicySet) -> anyhow::Result<Vec<PolicyHead>> {
    policies.policies().map(PolicyHead::of).collect()
}

/// The constraints in the head of a policy.
struct PolicyHead {
    /// The entity that the principal must be or be in.
    principal: Option<EntityUid>,
    action: ActionConstraint,
    /// The policy without its action constraint. It is evaluated only for actions that match.
    without_action: Statement,
}

impl PolicyHead {
    fn of(policy: &Statement) -> anyhow::Result<Self> {
        let principal = match policy.principal_constraint() {
            PrincipalConstraint::Any | PrincipalConstraint::Is(_) => None,
            PrincipalConstraint::Eq(named)
            | PrincipalConstraint::In(named)
            | PrincipalConstraint::IsIn(_, named) => Some(named),
        };
        let mut document = policy.to_json()?;
        if let Some(action) = document.get_mut("action") {
            *action = json!({"op": "All"});
        }
        let without_action = Statement::from_json(Some(policy.id().clone()), document)?;
        Ok(Self { principal, action: policy.action_constraint(), without_action })
    }

    /// Whether the policy applies to an action that is in these groups.
    fn has(&self, action: &EntityUid, groups: &HashSet<EntityUid>) -> bool {
        match &self.action {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(named) => named == action,
            ActionConstraint::In(named) => {
                named.iter().any(|named| named == action || groups.contains(named))
            }
        }
    }
}

/// The uid of an entity, as policies write it: `User::"dwalsh"`.
fn uid(entity_type: &cedar_policy::EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(entity_type.clone(), cedar_policy::EntityId::new(id))
}

#[cfg(test)]
pub(crate) mod tests;
