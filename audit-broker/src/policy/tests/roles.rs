//! The table of roles in docs/policies.md: what each role of `roles.cedar` may do.

use std::env;
use std::fmt::Write as _;

use super::*;

/// The groups that grant the roles, in the order of the columns.
const ROLES: [&str; 4] =
    ["docker-operator", "docker-operator-advanced", "docker-developer", "docker-admin"];

/// The rows: kind of object, activity, and actions. All actions of a row have the same answers.
const ACTIVITIES: &[(&str, &str, &[&str])] = &[
    ("daemon", "access", &["daemon-access"]),
    ("", "events, disk usage", &["daemon-events", "daemon-usage"]),
    ("", "registries: log in, search", &["registry-access"]),
    ("container", "create", &["container-create"]),
    ("", "list what one may view, prune one's own", &["container-list", "container-prune"]),
    (
        "",
        "view: inspect, logs, stats, top",
        &["container-inspect", "container-logs", "container-top"],
    ),
    ("", "state: start, stop, wait", &["container-start", "container-stop", "container-wait"]),
    ("", "access: attach, signal", &["container-attach", "container-signal"]),
    (
        "",
        "access: exec, cp, join",
        &["container-exec", "container-copy-in", "container-copy-out", "container-join"],
    ),
    ("", "update, rename", &["container-update", "container-rename"]),
    ("", "delete", &["container-delete"]),
    ("", "commit", &["container-commit"]),
    (
        "privileged container",
        "view: inspect, logs, stats, top",
        &["privileged-container-inspect", "privileged-container-logs", "privileged-container-top"],
    ),
    (
        "",
        "state: start, stop, wait",
        &["privileged-container-start", "privileged-container-stop", "privileged-container-wait"],
    ),
    (
        "",
        "create, access, update, delete, commit",
        &[
            "privileged-container-create",
            "privileged-container-attach",
            "privileged-container-signal",
            "privileged-container-exec",
            "privileged-container-copy-in",
            "privileged-container-copy-out",
            "privileged-container-join",
            "privileged-container-update",
            "privileged-container-rename",
            "privileged-container-delete",
            "privileged-container-commit",
        ],
    ),
    ("image", "list, view, use", &["image-list", "image-inspect", "image-use"]),
    ("", "pull, export", &["image-pull", "image-export"]),
    ("", "import, push", &["image-import", "image-push"]),
    ("", "import from an address of the host", &["privileged-image-import"]),
    ("", "name", &["image-name"]),
    ("", "delete", &["image-delete"]),
    ("", "prune one's own", &["image-prune"]),
    ("volume", "list what one may view", &["volume-list"]),
    ("", "view", &["volume-inspect"]),
    ("", "create", &["volume-create"]),
    ("", "use, delete", &["volume-use", "volume-delete"]),
    ("", "update", &["volume-update"]),
    ("", "prune one's own", &["volume-prune"]),
    ("", "create, use one of the host's", &["privileged-volume-create", "privileged-volume-use"]),
    ("network", "list what one may view", &["network-list"]),
    ("", "view, use", &["network-inspect", "network-use"]),
    ("", "create", &["network-create"]),
    ("", "delete", &["network-delete"]),
    ("", "prune one's own", &["network-prune"]),
    ("", "create, use one of the host's", &["privileged-network-create", "privileged-network-use"]),
    ("build", "build, empty the cache", &["build", "build-manage"]),
    (
        "",
        "with BuildKit, or with something of the host",
        &["privileged-build", "privileged-build-session"],
    ),
    ("plugin", "view, manage", &["plugin-view", "plugin-manage"]),
    ("swarm", "view, manage", &["swarm-view", "swarm-manage"]),
];

/// The name of a user, and the user's groups.
type NameAndGroups = (&'static str, &'static [&'static str]);

/// The makers of objects that the caller did not make.
const OTHERS: [NameAndGroups; 6] = [
    ("mrunal", &["docker-operator"]),
    ("mrunal", &["docker-operator-advanced"]),
    ("mrunal", &["docker-developer"]),
    ("mrunal", &[]),
    ("admin", &["docker-admin"]),
    ("root", &[]),
];

/// One of the queries that a cell sums up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RoleQuery {
    /// The maker of the object, one of [`OTHERS`]; `None` if the caller made it.
    maker: Option<NameAndGroups>,
    is_as_root: bool,
}

impl RoleQuery {
    fn is_of_admin(self) -> bool {
        self.maker.is_some_and(|(name, groups)| name == "root" || groups.contains(&"docker-admin"))
    }
}

/// The policies of the roles, and the actions of the schema.
struct Roles {
    policy: Policy,
    actions: BTreeMap<String, Vec<usize>>,
}

impl Roles {
    fn with(names: &[&str]) -> Self {
        let policy = shipped(names);
        Self { actions: actions(&policy), policy }
    }

    /// All queries for an action. A new object always belongs to the caller, and dockerd itself
    /// has no maker.
    fn queries(&self, action: &str) -> Vec<RoleQuery> {
        let is_always_own = action.ends_with("-create") || self.actions[action] == [0];
        let others = OTHERS.into_iter().map(Some).filter(|_| !is_always_own);
        let queries = |maker| [true, false].map(|is_as_root| RoleQuery { maker, is_as_root });
        others.chain([None]).flat_map(queries).collect()
    }

    /// Whether the roles allow a user in these groups the action.
    fn allow(&self, groups: &[&str], action: &str, asked: RoleQuery) -> bool {
        self.allow_to(&user("dwalsh", 1001, groups), groups, action, asked)
    }

    fn allow_to(
        &self,
        principal: &Principal,
        groups: &[&str],
        action: &str,
        asked: RoleQuery,
    ) -> bool {
        let objects = MadeObjects::of(&match asked.maker {
            Some((name, groups)) => made_by(name, groups),
            None => made_by("dwalsh", groups),
        });
        let call = CallFacts { is_as_root: asked.is_as_root, ..CallFacts::default() };
        self.actions[action].iter().all(|place| {
            let resource = objects.resources()[*place];
            let query = PolicyQuery { principal, action, resource, call: &call };
            self.policy.ask(&query).decision.is_allowed
        })
    }

    /// The cell of the table for an action.
    fn cell(&self, role: &str, action: &str) -> &'static str {
        let asked = self.queries(action);
        let is_allowed = |asked: &&RoleQuery| self.allow(&[role], action, **asked);
        let allowed: Vec<&RoleQuery> = asked.iter().filter(is_allowed).collect();
        let is_for = |is_expected: fn(&&RoleQuery) -> bool| {
            asked.iter().filter(is_expected).eq(allowed.iter().copied())
        };
        if allowed.is_empty() {
            "no"
        } else if allowed.len() == asked.len() {
            "yes"
        } else if is_for(|asked| asked.maker.is_none()) {
            "own"
        } else if is_for(|asked| !asked.is_of_admin()) {
            "not admins'"
        } else if is_for(|asked| !asked.is_as_root) {
            "as non-root"
        } else {
            panic!("{role}, {action}: the table has no word for {allowed:?}")
        }
    }

    fn table(&self) -> String {
        let mut table = String::from(
            "| | | Basic Operator | Advanced Operator | Image Developer | Docker Admin |\n\
             |---|---|---|---|---|---|\n",
        );
        for (kind, activity, actions) in ACTIVITIES {
            let cells = ROLES.map(|role| {
                let words: BTreeSet<&str> =
                    actions.iter().map(|action| self.cell(role, action)).collect();
                assert_eq!(words.len(), 1, "{role}, {activity}: {words:?}; split the row");
                words.into_iter().next().unwrap()
            });
            let _ = writeln!(table, "| {kind} | {activity} | {} |", cells.join(" | "));
        }
        table
    }
}

#[test]
fn the_document_shows_the_table_of_roles() {
    const BEGIN: &str = "<!-- roles: begin -->\n";
    const END: &str = "<!-- roles: end -->\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/policies.md");
    let document = fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).unwrap();
    let (shown, after) = rest.split_once(END).unwrap();
    let table = Roles::with(&["roles.cedar"]).table();
    if env::var("SNAPSHOTS").is_ok_and(|mode| mode == "overwrite") {
        fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    } else {
        assert_eq!(shown, table, "run with SNAPSHOTS=overwrite to update the README");
    }
}

#[test]
fn the_table_lists_every_action_once() {
    let mut listed: Vec<&str> = ACTIVITIES.iter().flat_map(|(.., of)| *of).copied().collect();
    listed.sort_unstable();
    let policy = Policy::from_text("").unwrap();
    assert_eq!(listed, actions(&policy).keys().collect::<Vec<_>>());
}

/// A user with two roles may do what either role allows, and no more.
#[test]
fn roles_add_up() {
    let roles = Roles::with(&["roles.cedar"]);
    for action in roles.actions.keys() {
        for asked in roles.queries(action) {
            let alone = ROLES.map(|role| roles.allow(&[role], action, asked));
            for (first, is_first) in alone.iter().enumerate() {
                for (second, is_second) in alone.iter().enumerate().skip(first + 1) {
                    let both = [ROLES[first], ROLES[second]];
                    let is_allowed = roles.allow(&both, action, asked);
                    assert_eq!(is_allowed, is_first | is_second, "{both:?}, {action}, {asked:?}");
                }
            }
        }
    }
}

/// The two constraints hold even though `default.cedar` lets everyone use docker. They do not apply to
/// a Docker Admin.
#[test]
fn the_constraints_override_other_permissions() {
    let roles = Roles::with(&["default.cedar", "roles.cedar"]);
    let [operators, advanced, developers, ..] =
        OTHERS.map(|maker| RoleQuery { maker: Some(maker), is_as_root: false });
    let as_root = RoleQuery { maker: None, is_as_root: true };
    for action in ["container-exec", "container-start", "container-delete", "container-rename"] {
        let developer = |asked| roles.allow(&["docker-developer"], action, asked);
        assert!(!developer(operators) && !developer(advanced) && developer(developers), "{action}");
        assert!(roles.allow(&["docker-developer", "docker-admin"], action, operators), "{action}");
    }
    for action in ["container-create", "container-exec"] {
        assert!(!roles.allow(&["docker-operator"], action, as_root), "{action}");
        assert!(roles.allow(&["docker-operator", "docker-admin"], action, as_root), "{action}");
        assert!(roles.allow(&[], action, as_root), "{action}");
    }
}

/// Only a Docker Admin may get the host. A Docker Admin's container may not.
#[test]
fn only_docker_admins_get_the_host() {
    let roles = Roles::with(&["roles.cedar"]);
    let of_admin = Principal::Container(Box::new(container(made_by("dwalsh", &["docker-admin"]))));
    for action in roles.actions.keys().filter(|action| is_of_host(&roles.policy, action)) {
        // Viewing, starting and stopping such a container gives it nothing new.
        let is_for_operators = action.starts_with("privileged-container-")
            && ["inspect", "logs", "top", "start", "stop", "wait"]
                .iter()
                .any(|end| action.ends_with(end));
        let advanced = if is_for_operators { "yes" } else { "no" };
        let cells = ROLES.map(|role| roles.cell(role, action));
        assert_eq!(cells, ["no", advanced, "no", "yes"], "{action}");
        for asked in roles.queries(action) {
            assert!(!roles.allow_to(&of_admin, &["docker-admin"], action, asked), "{action}");
        }
    }
}
