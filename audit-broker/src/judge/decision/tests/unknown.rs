//! Which callers may see objects without a known owner.

use super::*;

const VIEWS: &str =
    "@id(\"views\") permit(principal, action == Action::\"image-inspect\", resource)";
const BUILDS: &str = "@id(\"builds\") permit(principal, action == Action::\"build\", resource);";

#[test]
fn e4_the_build_cache_is_for_callers_who_see_all_images() {
    let own = "when { resource in principal };";
    for (text, may) in [
        (format!("{BUILDS} {VIEWS};"), true),
        (format!("{BUILDS} {VIEWS} {own}"), false),
        (BUILDS.to_owned(), false),
        (format!("{VIEWS};"), false),
    ] {
        let policy = Policy::from_text(&text).unwrap();
        let ann = user("ann", NUMBER, &[]);
        let permissions = |mode| Permissions { policy: &policy, mode, principal: &ann };
        assert_eq!(permissions(Mode::Enforce).may_see_build_cache(), may, "{text}");
        assert!(permissions(Mode::Report).may_see_build_cache(), "{text}");
    }
}
