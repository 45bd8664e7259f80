//! What administrators have said: who may do what, in Cedar's language.
//!
//! Knows policies and how to ask them. Everything else of Cedar stays behind this module: what is
//! asked are [`Query`]s in the words of [`query`], what comes back is a [`Judgement`].

mod dangers;
mod load;
mod query;
mod scope;

use std::collections::{BTreeSet, HashMap, HashSet};

use cedar_policy::{
    ActionConstraint, Authorizer, Decision, Entities, Entity, EntityUid, Policy as Statement,
    PolicySet, PrincipalConstraint, Request, Schema,
};
use serde_json::json;

pub(crate) use load::Fingerprint;
pub(crate) use query::{
    CallFacts, ContainerFacts, ImageFacts, Maker, ObjectFacts, Principal, Query, Resource,
};
pub(crate) use scope::{Doing, Name, ScopeAnswer, Scopes};

/// What policies can speak of. `audit-broker schema` prints it.
pub(crate) const SCHEMA: &str = include_str!("policy/schema.cedarschema");

/// The policies of one moment.
#[derive(Debug)]
pub(crate) struct Policy {
    actions: HashMap<String, ActionPolicies>,
    /// All that count, whatever they are about.
    enforced: PolicySet,
    count: usize,
    schema: Schema,
    digest: String,
    warnings: Vec<String>,
}

/// An action, and the policies that can match it. The others, and those about somebody else, need
/// not be asked, so that what a decision costs does not grow with all of them.
#[derive(Debug)]
struct ActionPolicies {
    /// With all groups that it is in.
    entity: Entity,
    /// What counts.
    enforced: ByPrincipal,
    /// The same with what is only reported; `None` if there is nothing of that kind.
    with_reported: Option<ByPrincipal>,
}

/// Policies by whom the principal has to be or be in, as their heads say; under `None`, those that
/// name nobody.
type ByPrincipal = HashMap<Option<EntityUid>, PolicySet>;

/// What the policies say to one question.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) is_allowed: bool,
    /// The id of the policy that decided; `None` where nothing permits it.
    pub(crate) policy: Option<String>,
}

/// The answer to a question.
#[must_use]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Judgement {
    /// What counts.
    pub(crate) verdict: Verdict,
    /// What would count if the policies that are only reported did; `None` if that is the same.
    pub(crate) reported: Option<Verdict>,
}

impl Policy {
    /// Asks. What goes wrong on the way is a denial: a policy that fails is skipped by Cedar, and
    /// might be the one that forbids.
    pub(crate) fn ask(&self, query: &Query<'_>) -> Judgement {
        self.judge(query).unwrap_or_else(|error| {
            tracing::error!("a question cannot be put to the policies: {error:#}");
            Judgement { verdict: Verdict { is_allowed: false, policy: None }, reported: None }
        })
    }

    fn judge(&self, query: &Query<'_>) -> anyhow::Result<Judgement> {
        let action = self.action(query)?;
        let (request, entities) = self.request(query, None)?;
        let verdict = evaluate(&action.enforced, &request, &entities);
        let reported = action
            .with_reported
            .as_ref()
            .map(|policies| evaluate(policies, &request, &entities))
            .filter(|other| other.is_allowed != verdict.is_allowed);
        Ok(Judgement { verdict, reported })
    }

    fn action(&self, query: &Query<'_>) -> anyhow::Result<&ActionPolicies> {
        self.actions
            .get(query.action)
            .ok_or_else(|| anyhow::anyhow!("the schema has no action `{}`", query.action))
    }

    /// What other policies say to a question.
    fn evaluate(&self, policies: &ByPrincipal, query: &Query<'_>) -> anyhow::Result<Verdict> {
        let (request, entities) = self.request(query, None)?;
        Ok(evaluate(policies, &request, &entities))
    }

    /// The question in Cedar's terms. With the schema, they are held against it.
    fn request(
        &self,
        query: &Query<'_>,
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

    /// How many policies there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// What is allowed and yet looks like a mistake: a rule that can never match.
    pub(crate) fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// What those of the policies say that can match. One that forbids wins, in whichever set it is.
fn evaluate(policies: &ByPrincipal, request: &Request, entities: &Entities) -> Verdict {
    let principal = request.principal();
    let within = principal.and_then(|principal| entities.ancestors(principal));
    let named = principal.into_iter().chain(within.into_iter().flatten()).cloned().map(Some);
    let (mut permitting, mut forbidding) = (BTreeSet::new(), BTreeSet::new());
    for policies in named.chain([None]).filter_map(|name| policies.get(&name)) {
        let response = Authorizer::new().is_authorized(request, policies, entities);
        if let Some(error) = response.diagnostics().errors().next() {
            tracing::error!("a policy failed, so the call is denied: {error}");
            return Verdict { is_allowed: false, policy: None };
        }
        let deciding = match response.decision() {
            Decision::Allow => &mut permitting,
            Decision::Deny => &mut forbidding,
        };
        deciding.extend(response.diagnostics().reason().map(ToString::to_string));
    }
    match forbidding.pop_first() {
        Some(policy) => Verdict { is_allowed: false, policy: Some(policy) },
        None => Verdict { is_allowed: !permitting.is_empty(), policy: permitting.pop_first() },
    }
}

/// Each action of the schema by its name, with the policies in whose head it is: those that are
/// `enforced`, and those that are `reported`.
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
                matching.entry(head.principal.clone()).or_default().add(head.rest.clone())?;
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

/// Whom and what a policy is about, as its head says.
struct PolicyHead {
    /// Whom the principal has to be or be in.
    principal: Option<EntityUid>,
    action: ActionConstraint,
    /// The policy without the action, which need not be looked at again where it is known.
    rest: Statement,
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
        let rest = Statement::from_json(Some(policy.id().clone()), document)?;
        Ok(Self { principal, action: policy.action_constraint(), rest })
    }

    /// Whether it is about an action that is in these groups.
    fn has(&self, action: &EntityUid, groups: &HashSet<EntityUid>) -> bool {
        match &self.action {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(meant) => meant == action,
            ActionConstraint::In(meant) => {
                meant.iter().any(|meant| meant == action || groups.contains(meant))
            }
        }
    }
}

/// Names of entities as policies write them: `User::"dwalsh"`.
fn uid(entity_type: &cedar_policy::EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(entity_type.clone(), cedar_policy::EntityId::new(id))
}

#[cfg(test)]
pub(crate) mod tests;
