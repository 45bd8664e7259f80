mod roles;
mod shipped;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::*;
use crate::judge::policy_action::PolicyAction;

/// The text of each shipped policy file, by file name.
pub(crate) fn shipped_texts() -> BTreeMap<String, String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/policies");
    let text = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read_to_string(entry.path()).unwrap())
    };
    fs::read_dir(directory).unwrap().map(|entry| text(entry.unwrap())).collect()
}

/// The shipped policies in these files.
fn shipped(names: &[&str]) -> Policy {
    let texts = shipped_texts();
    let text: String = names.iter().map(|name| texts[*name].as_str()).collect();
    Policy::from_text(&text).unwrap()
}

/// One object of each kind, all of the same maker.
struct MadeObjects {
    container: ContainerFacts,
    image: ImageFacts,
    object: ObjectFacts,
}

impl MadeObjects {
    fn of(maker: &Maker) -> Self {
        let image = image("fedora", maker.clone());
        Self { container: container(maker.clone()), image, object: object(maker.clone()) }
    }

    fn resources(&self) -> [Resource<'_>; 5] {
        [
            Resource::Daemon,
            Resource::Container(&self.container),
            Resource::Image(&self.image),
            Resource::Volume(&self.object),
            Resource::Network(&self.object),
        ]
    }
}

/// The actions that apply to an object, each with the positions of its objects in
/// [`MadeObjects::resources`].
fn actions(policy: &Policy) -> BTreeMap<String, Vec<usize>> {
    let (objects, principal) = (MadeObjects::of(&Maker::root()), user("root", 0, &[]));
    let resources = objects.resources().into_iter().enumerate();
    let places = |action: &String| {
        let fits = |resource| {
            let call = CallFacts::default();
            let query = PolicyQuery { principal: &principal, action, resource, call: &call };
            policy.request(&query, Some(&policy.schema)).is_ok()
        };
        resources.clone().filter(|(_, resource)| fits(*resource)).map(|(place, _)| place).collect()
    };
    let all = policy.actions.keys().map(|action| (action.clone(), places(action)));
    all.filter(|(_, places): &(_, Vec<usize>)| !places.is_empty()).collect()
}

fn is_of_host(policy: &Policy, action: &str) -> bool {
    let kinds = policy.actions[action].entity.clone().into_inner().2;
    kinds.iter().any(|kind| kind.id().unescaped() == "host")
}

fn image(name: &str, maker: Maker) -> ImageFacts {
    ImageFacts { id: format!("sha256:{name}"), maker, ..ImageFacts::of_name(name) }
}

/// A volume or network.
fn object(maker: Maker) -> ObjectFacts {
    ObjectFacts {
        id: "n1".to_owned(),
        name: "data".to_owned(),
        driver: "local".to_owned(),
        labels: BTreeMap::new(),
        maker,
    }
}

fn groups(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub(crate) fn user(name: &str, uid: u32, of: &[&str]) -> Principal {
    Principal::User { name: name.to_owned(), uid, groups: groups(of) }
}

pub(crate) fn made_by(name: &str, of: &[&str]) -> Maker {
    Maker::User { name: name.to_owned(), groups: groups(of) }
}

pub(crate) fn container(maker: Maker) -> ContainerFacts {
    ContainerFacts {
        id: "c1".to_owned(),
        name: "web".to_owned(),
        image: ImageFacts::of_name("fedora"),
        labels: BTreeMap::from([("tier".to_owned(), "front".to_owned())]),
        maker,
    }
}

fn ask(
    policy: &Policy,
    principal: &Principal,
    action: &str,
    resource: Resource<'_>,
) -> PolicyDecision {
    policy.ask(&PolicyQuery { principal, action, resource, call: &CallFacts::default() }).decision
}

fn problem(text: &str) -> String {
    format!("{:#}", Policy::from_text(text).unwrap_err())
}

/// Validates every query that the broker can make against the schema.
#[test]
fn every_query_fits_the_schema() {
    let policy = Policy::from_text("").unwrap();
    let web = container(made_by("dwalsh", &["dev"]));
    let object =
        object(Maker::Service { unit: "cron.service".to_owned(), groups: groups(&["dev"]) });
    let service =
        Principal::Service { unit: "cron.service".to_owned(), uid: 0, groups: groups(&["root"]) };
    let caller =
        Principal::Container(Box::new(ContainerFacts { id: "c2".to_owned(), ..web.clone() }));
    let call = CallFacts {
        dangers: BTreeSet::from(["host-root"]),
        options: groups(&["Tty"]),
        host_paths: groups(&["/srv"]),
        ..CallFacts::default()
    };
    let mut actions = BTreeSet::new();
    for action in PolicyAction::ALL {
        actions.extend([action.plain().name(), action.privileged().name()]);
    }
    let mut fitting = BTreeSet::new();
    for principal in [&user("dwalsh", 1001, &["dev"]), &service, &caller] {
        for action in &actions {
            for resource in [
                Resource::Daemon,
                Resource::Container(&web),
                Resource::Image(&web.image),
                Resource::Volume(&object),
                Resource::Network(&object),
            ] {
                let query = PolicyQuery { principal, action, resource, call: &call };
                let Ok((_, entities)) = policy.request(&query, Some(&policy.schema)) else {
                    continue;
                };
                let entities = entities.iter().filter(|entity| {
                    // The maker of an object has no attributes: it is there only for its groups.
                    !matches!(entity.uid().type_name().basename(), "Action")
                        && entity.attrs().count() > 0
                });
                Entities::from_entities(entities.cloned(), Some(&policy.schema)).unwrap();
                fitting.insert(*action);
            }
        }
    }
    assert_eq!(fitting, actions, "an action fits no resource");
    let known = policy.actions.keys().map(String::as_str);
    let without_groups: BTreeSet<&str> = known.filter(|name| !is_group(&policy, name)).collect();
    assert_eq!(without_groups, actions, "an action that no operation uses");
}

/// Whether an action is a group of others.
fn is_group(policy: &Policy, name: &str) -> bool {
    ["ordinary", "host"].contains(&name)
        || policy.actions.values().any(|action| {
            let groups = action.entity.clone().into_inner().2;
            groups.iter().any(|group| group.id().unescaped() == name)
        })
}

#[test]
fn no_policies_deny_everything() {
    let policy = Policy::from_text("").unwrap();
    let decision = ask(&policy, &user("root", 0, &[]), "daemon-access", Resource::Daemon);
    assert_eq!(decision, PolicyDecision { is_allowed: false, policy: None });
}

#[test]
fn the_decision_names_the_policy_and_forbid_overrides_permit() {
    let policy = Policy::from_text(
        r#"@id("all") permit(principal, action, resource);
        @id("no-exec") forbid(principal, action == Action::"container-exec", resource)
            when { resource.getTag("tier") == "front" }
            unless { !resource.hasTag("tier") || resource in principal };"#,
    );
    // A policy must check that a tag exists before it reads the tag.
    assert!(policy.is_err());
    let policy = Policy::from_text(
        r#"@id("all") permit(principal, action, resource);
        @id("no-exec") forbid(principal, action == Action::"container-exec", resource)
            when { resource.hasTag("tier") && resource.getTag("tier") == "front" }
            unless { resource in principal };"#,
    )
    .unwrap();
    let dwalsh = user("dwalsh", 1001, &[]);
    let own = container(made_by("dwalsh", &[]));
    let other = container(made_by("mrunal", &[]));
    let exec = |container| ask(&policy, &dwalsh, "container-exec", Resource::Container(container));
    assert_eq!(exec(&own), PolicyDecision { is_allowed: true, policy: Some("all".to_owned()) });
    assert_eq!(
        exec(&other),
        PolicyDecision { is_allowed: false, policy: Some("no-exec".to_owned()) }
    );
}

#[test]
fn an_object_is_in_its_maker_and_the_makers_groups() {
    let policy = Policy::from_text(
        r#"@id("own") permit(principal, action in Action::"containers", resource)
            when { resource in principal };
        @id("ops") permit(principal in Group::"ops", action, resource)
            when { resource in Group::"dev" };"#,
    )
    .unwrap();
    let web = container(made_by("dwalsh", &["dev"]));
    let may = |principal: &Principal| {
        ask(&policy, principal, "container-logs", Resource::Container(&web)).is_allowed
    };
    assert!(may(&user("dwalsh", 0, &["root"])));
    assert!(!may(&user("mrunal", 0, &["dev"])));
    assert!(may(&user("mrunal", 1002, &["ops"])));
}

#[test]
fn a_policy_in_report_mode_is_not_enforced() {
    let policy = Policy::from_text(
        r#"@id("all") permit(principal, action, resource);
        @id("soon") @mode("report") forbid(principal, action in Action::"host", resource);"#,
    )
    .unwrap();
    let dwalsh = user("dwalsh", 1001, &[]);
    let web = container(made_by("dwalsh", &[]));
    let judge = |action| {
        let resource = Resource::Container(&web);
        let call = CallFacts::default();
        policy.ask(&PolicyQuery { principal: &dwalsh, action, resource, call: &call })
    };
    let judgement = judge("privileged-container-start");
    assert!(judgement.decision.is_allowed);
    let soon = PolicyDecision { is_allowed: false, policy: Some("soon".to_owned()) };
    assert_eq!(judgement.reported, Some(soon));
    assert_eq!(judge("container-start").reported, None);
}

#[test]
fn the_error_describes_the_mistake() {
    assert!(problem("permit(principal, action, resource);").contains("has no id"));
    assert!(problem(r#"@id("A b") permit(principal, action, resource);"#).contains("one word"));
    let twice = r#"@id("a") permit(principal, action, resource);"#;
    assert!(problem(&format!("{twice}{twice}")).contains("two policies have the id `a`"));
    let unknown = problem(r#"@id("a") permit(principal, action == Action::"x", resource);"#);
    assert!(unknown.contains("Action::\"x\""), "{unknown}");
    let mistyped =
        r#"@id("a") forbid(principal, action, resource) when { context.danger.isEmpty() };"#;
    assert!(problem(mistyped).contains("danger"), "{}", problem(mistyped));
    let word = r#"@id("a") forbid(principal, action, resource)
        when { context.dangers.contains("host-net") };"#;
    assert!(problem(word).contains("policy `a`: `host-net` is not a danger"));
    let broken = problem("\n@id(\"a\") permit(principal action, resource);");
    assert!(broken.contains("line 2, column "), "{broken}");
    let mode = r#"@id("a") @mode("test") permit(principal, action, resource);"#;
    assert!(problem(mode).contains("\"report\""));
    let annotation = r#"@id("a") @moed("report") permit(principal, action, resource);"#;
    assert!(problem(annotation).contains("unknown annotation @moed"));
    let template = r#"@id("a") permit(principal == ?principal, action, resource);"#;
    assert!(problem(template).contains("templates"));
}

#[test]
fn a_policy_that_never_matches_is_a_warning_or_an_error() {
    let never =
        r#"@id("a") permit(principal, action == Action::"image-push", resource is Volume);"#;
    match Policy::from_text(never) {
        Ok(policy) => assert!(!policy.warnings().is_empty()),
        Err(error) => assert!(format!("{error:#}").contains("image-push"), "{error:#}"),
    }
}

/// Evaluating only the policies that can match gives the same decision as evaluating all.
#[test]
fn policies_that_are_skipped_could_not_match() {
    let text: String = shipped_texts().into_values().collect();
    let (policy, all) = (Policy::from_text(&text).unwrap(), text.parse::<PolicySet>().unwrap());
    let own = MadeObjects::of(&made_by("dwalsh", &["docker-operator", "developers"]));
    let call = CallFacts { is_as_root: true, ..CallFacts::default() };
    let unit = "gitlab-runner.service".to_owned();
    let admins = made_by("dwalsh", &["docker-admin"]);
    let root = Principal::Container(Box::new(ContainerFacts {
        id: "c2".to_owned(),
        name: "traefik".to_owned(),
        ..container(Maker::root())
    }));
    for principal in [
        user("dwalsh", 1001, &[]),
        user("dwalsh", 0, &["docker-operator"]),
        user("mrunal", 1002, &["docker-operator"]),
        user("mrunal", 1002, &["docker-developer", "users"]),
        user("mrunal", 1002, &["docker-developer", "docker-operator-advanced", "developers"]),
        user("mrunal", 1002, &["docker-developer", "docker-admin"]),
        Principal::Service { unit, uid: 998, groups: groups(&["docker-operator"]) },
        Principal::Container(Box::new(container(made_by("dwalsh", &["docker-operator"])))),
        Principal::Container(Box::new(container(admins))),
        root,
    ] {
        for (action, places) in actions(&policy) {
            let resource = own.resources()[places[0]];
            let principal = &principal;
            let query = PolicyQuery { principal, action: &action, resource, call: &call };
            let (request, entities) = policy.request(&query, None).unwrap();
            let expected = Authorizer::new().is_authorized(&request, &all, &entities);
            let decision = policy.ask(&query).decision;
            let is_allowed = expected.decision() == Decision::Allow;
            assert_eq!(decision.is_allowed, is_allowed, "{principal:?}, {action}");
            // In `all`, Cedar has numbered the policies.
            let reasons = expected.diagnostics().reason();
            let mut ids = reasons.map(|id| all.annotation(id, "id").unwrap());
            assert_eq!(decision.policy.as_deref(), ids.by_ref().min(), "{principal:?}, {action}");
        }
    }
}

#[test]
fn a_container_matches_policies_for_the_groups_of_its_maker() {
    let policy = Policy::from_text(
        r#"@id("group") permit(principal in Group::"ops", action, resource);
        @id("is") forbid(principal is Service, action, resource);
        @id("is-in") forbid(principal is User in Group::"dev", action, resource);
        @id("self") forbid(principal == User::"mrunal", action == Action::"build", resource);"#,
    )
    .unwrap();
    let ask = |principal: &Principal, action: &str| {
        ask(&policy, principal, action, Resource::Daemon).policy.unwrap_or_default()
    };
    let of_ops = Principal::Container(Box::new(container(made_by("dwalsh", &["ops", "dev"]))));
    assert_eq!(ask(&of_ops, "build"), "group");
    assert_eq!(ask(&user("dwalsh", 1001, &["ops"]), "build"), "group");
    assert_eq!(ask(&user("dwalsh", 1001, &["ops", "dev"]), "build"), "is-in");
    assert_eq!(ask(&user("mrunal", 1002, &["ops"]), "build"), "self");
    assert_eq!(ask(&user("mrunal", 1002, &["ops"]), "build-manage"), "group");
    let unit = "cron.service".to_owned();
    let service = Principal::Service { unit, uid: 0, groups: groups(&["ops"]) };
    assert_eq!(ask(&service, "build"), "is");
}
