//! Whose containers may write audit records.

use super::*;

/// A container that is permitted, by the policies of a file of the shipped and these.
async fn may_forge_with(file: &str, added: &str, uid: u32, groups: &[&str], mode: Mode) -> bool {
    let policy = Policy::from_text(&format!("{}{added}", shipped_texts()[file])).unwrap();
    let registry = Registry::new(&format!("forging-{}-{uid}-{}", added.len(), groups.len()));
    let case = registry.case(&create("?name=a", &json!({"Image": "fedora"}))).await;
    may_forge(&policy, mode, &user("dwalsh", uid, groups), &case)
}

#[tokio::test]
async fn by_default_those_of_root_and_admins() {
    let by_default = |uid, groups, mode| may_forge_with("default.cedar", "", uid, groups, mode);
    assert!(!by_default(1001, &[], Mode::Enforce).await);
    assert!(by_default(1001, &["docker-admin"], Mode::Enforce).await);
    assert!(by_default(0, &[], Mode::Enforce).await);
    assert!(by_default(1001, &["docker"], Mode::Report).await);
}

/// What a policy says of the request as it is goes for what is left to docker, too.
#[tokio::test]
async fn those_that_a_policy_names() {
    let permit = |condition: &str| {
        format!(
            "@id(\"sshd\") permit(principal, action == Action::\"privileged-container-create\", resource)
             when {{ context.dangers == [\"evidence-forging\"] && {condition} }};"
        )
    };
    for (condition, expected) in [("context.name == \"a\"", true), ("context.name == \"b\"", false)]
    {
        let permit = permit(condition);
        assert_eq!(
            may_forge_with("default.cedar", &permit, 1002, &[], Mode::Enforce).await,
            expected,
            "{condition}"
        );
    }
}
