//! The privileges that the broker withholds from the containers of different callers.

use serde_json::{Value, json};

use super::Withheld::{AuditWrite, Mknod, NewPrivileges};
use super::*;
use crate::api::body::Body;
use crate::judge::decision::tests::{Registry, create};
use crate::policy::Policy;
use crate::policy::tests::{shipped_texts, user};
use crate::settings::Mode;

/// The privileges withheld by the policies of a shipped file together with the added ones.
async fn of(
    file: &str,
    added: &str,
    (uid, groups): (u32, &[&str]),
    mode: Mode,
    document: &Value,
) -> Vec<Withheld> {
    let policy = Policy::from_text(&format!("{}{added}", shipped_texts()[file])).unwrap();
    let registry = Registry::new(&format!("withheld-{}-{uid}-{document}", added.len()));
    let action = create("?name=a", document);
    let questions = registry.questions(&action).await;
    let Body::ContainerCreate(config) = &action.body else { unreachable!() };
    let principal = user("dwalsh", uid, groups);
    let permissions = Permissions { policy: &policy, mode, principal: &principal };
    withheld(permissions, &questions, config)
}

#[tokio::test]
async fn by_default_root_and_admins_get_what_docker_gives() {
    let plain = json!({"Image": "fedora"});
    let by_default = |who, mode| of("default.cedar", "", who, mode, &plain);
    assert_eq!(by_default((1001, &[]), Mode::Enforce).await, [AuditWrite, Mknod]);
    assert_eq!(by_default((1001, &["docker-admin"]), Mode::Enforce).await, []);
    assert_eq!(by_default((0, &[]), Mode::Enforce).await, []);
    assert_eq!(by_default((1001, &["docker"]), Mode::Report).await, []);
}

/// A policy that permits a danger also permits the privilege that docker gives by default.
#[tokio::test]
async fn a_privilege_that_a_policy_permits_is_not_withheld() {
    let plain = json!({"Image": "fedora"});
    for (danger, name, expected) in [
        ("evidence-forging", "a", vec![Mknod]),
        ("evidence-forging", "b", vec![AuditWrite, Mknod]),
        ("devices", "a", vec![AuditWrite]),
    ] {
        let permit = format!(
            "@id(\"more\") permit(principal, action == Action::\"privileged-container-create\", resource)
             when {{ context.dangers == [\"{danger}\"] && context.name == \"{name}\" }};"
        );
        let found = of("default.cedar", &permit, (1002, &[]), Mode::Enforce, &plain).await;
        assert_eq!(found, expected, "{danger} {name}");
    }
}

#[tokio::test]
async fn s06_containers_of_callers_who_may_not_be_root_gain_no_privileges() {
    let operator: (u32, &[&str]) = (1003, &["docker-operator"]);
    let both: (u32, &[&str]) = (1004, &["docker-operator", "docker-operator-advanced"]);
    let as_user = json!({"Image": "fedora", "User": "1000"});
    let loose = json!({"Image": "fedora", "User": "1000",
        "HostConfig": {"SecurityOpt": ["no-new-privileges=false"]}});
    let none = [AuditWrite, Mknod, NewPrivileges];
    let roles = |who, document| of("roles.cedar", "", who, Mode::Enforce, document);
    assert_eq!(roles(operator, &as_user).await, none);
    assert_eq!(roles(operator, &loose).await, none);
    assert_eq!(roles(both, &as_user).await, [AuditWrite, Mknod]);
    // A policy that permits one user in a container does not permit root in it.
    let permit = "@id(\"one\") permit(principal, action == Action::\"container-create\", resource)
        when { context.user == \"1000\" };";
    let found = of("traefik-readonly.cedar", permit, (1005, &[]), Mode::Enforce, &as_user).await;
    assert_eq!(found, none);
}

#[test]
fn the_withholding_option_comes_last() {
    let mut config: HostConfig =
        serde_json::from_value(json!({"SecurityOpt": ["no-new-privileges=false"]})).unwrap();
    for withheld in Withheld::ALL {
        withheld.take_from(&mut config);
    }
    assert_eq!(config.security_opt.unwrap(), ["no-new-privileges=false", "no-new-privileges"]);
    assert_eq!(config.cap_drop.unwrap().0, ["AUDIT_WRITE", "MKNOD"]);
}
