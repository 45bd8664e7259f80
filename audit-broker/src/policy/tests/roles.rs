//! The four roles of `roles.cedar`, each asked for each activity: the table in the README.

use std::env;
use std::fmt::Write as _;

use super::*;

/// The groups, in the order of the columns.
const ROLES: [&str; 4] =
    ["docker-operator", "docker-operator-advanced", "docker-developer", "docker-admin"];

/// What is asked for, by what people call it. All actions of a row have the same answers.
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

/// Somebody, and their groups.
type Person = (&'static str, &'static [&'static str]);

/// Whose a thing is that is not one's own.
const OTHERS: [Person; 6] = [
    ("mrunal", &["docker-operator"]),
    ("mrunal", &["docker-operator-advanced"]),
    ("mrunal", &["docker-developer"]),
    ("mrunal", &[]),
    ("admin", &["docker-admin"]),
    ("root", &[]),
];

/// One of the questions behind a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked {
    /// One of [`OTHERS`]; `None` for one's own.
    of: Option<Person>,
    is_as_root: bool,
}

impl Asked {
    fn is_of_admin(self) -> bool {
        self.of.is_some_and(|(name, groups)| name == "root" || groups.contains(&"docker-admin"))
    }
}

/// The roles, and what they can be asked.
struct Roles {
    policy: Policy,
    actions: BTreeMap<String, Vec<usize>>,
}

impl Roles {
    fn with(names: &[&str]) -> Self {
        let policy = shipped(names);
        Self { actions: actions(&policy), policy }
    }

    /// All that can be asked of an action: nobody makes a thing for somebody else, and the daemon is
    /// nobody's.
    fn asked(&self, action: &str) -> Vec<Asked> {
        let is_ones_own = action.ends_with("-create") || self.actions[action] == [0];
        let others = OTHERS.into_iter().map(Some).filter(|_| !is_ones_own);
        let asked = |of| [true, false].map(|is_as_root| Asked { of, is_as_root });
        others.chain([None]).flat_map(asked).collect()
    }

    /// Whether somebody in these groups may.
    fn allow(&self, groups: &[&str], action: &str, asked: Asked) -> bool {
        self.allow_to(&user("dwalsh", 1001, groups), groups, action, asked)
    }

    fn allow_to(&self, principal: &Principal, groups: &[&str], action: &str, asked: Asked) -> bool {
        let things = Things::of(&match asked.of {
            Some((name, groups)) => made_by(name, groups),
            None => made_by("dwalsh", groups),
        });
        let call = CallFacts { is_as_root: asked.is_as_root, ..CallFacts::default() };
        self.actions[action].iter().all(|place| {
            let resource = things.resources()[*place];
            let query = Query { principal, action, resource, call: &call };
            self.policy.ask(&query).verdict.is_allowed
        })
    }

    /// What the table says of an action.
    fn cell(&self, role: &str, action: &str) -> &'static str {
        let asked = self.asked(action);
        let is_allowed = |asked: &&Asked| self.allow(&[role], action, **asked);
        let allowed: Vec<&Asked> = asked.iter().filter(is_allowed).collect();
        let is_for = |is_meant: fn(&&Asked) -> bool| {
            asked.iter().filter(is_meant).eq(allowed.iter().copied())
        };
        if allowed.is_empty() {
            "no"
        } else if allowed.len() == asked.len() {
            "yes"
        } else if is_for(|asked| asked.of.is_none()) {
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
        for (things, activity, actions) in ACTIVITIES {
            let cells = ROLES.map(|role| {
                let words: BTreeSet<&str> =
                    actions.iter().map(|action| self.cell(role, action)).collect();
                assert_eq!(words.len(), 1, "{role}, {activity}: {words:?}; split the row");
                words.into_iter().next().unwrap()
            });
            let _ = writeln!(table, "| {things} | {activity} | {} |", cells.join(" | "));
        }
        table
    }
}

#[test]
fn the_readme_has_the_table_of_the_roles() {
    const BEGIN: &str = "<!-- roles: begin -->\n";
    const END: &str = "<!-- roles: end -->\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let (shown, after) = rest.split_once(END).unwrap();
    let table = Roles::with(&["roles.cedar"]).table();
    if env::var("SNAPSHOTS").is_ok_and(|mode| mode == "overwrite") {
        fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
    } else {
        assert_eq!(shown, table, "SNAPSHOTS=overwrite writes it anew");
    }
}

#[test]
fn the_table_has_every_action_once() {
    let mut listed: Vec<&str> = ACTIVITIES.iter().flat_map(|(.., of)| *of).copied().collect();
    listed.sort_unstable();
    let policy = Policy::from_text("").unwrap();
    assert_eq!(listed, actions(&policy).keys().collect::<Vec<_>>());
}

/// Whoever has two roles may do what either may, and no more.
#[test]
fn roles_add_up() {
    let roles = Roles::with(&["roles.cedar"]);
    for action in roles.actions.keys() {
        for asked in roles.asked(action) {
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

/// The two constraints hold although everybody may use docker, and not for a Docker Admin.
#[test]
fn the_constraints_hold_whatever_else_is_permitted() {
    let roles = Roles::with(&["default.cedar", "roles.cedar"]);
    let [operators, advanced, developers, ..] =
        OTHERS.map(|of| Asked { of: Some(of), is_as_root: false });
    let as_root = Asked { of: None, is_as_root: true };
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

/// Nobody but a Docker Admin gets the host, and no container of theirs.
#[test]
fn the_host_is_for_admins() {
    let roles = Roles::with(&["roles.cedar"]);
    let of_admin = Principal::Container(Box::new(container(made_by("dwalsh", &["docker-admin"]))));
    for action in roles.actions.keys().filter(|action| is_of_host(&roles.policy, action)) {
        // To see what runs, and to start and stop it, gives nothing that it does not have.
        let is_for_operators = action.starts_with("privileged-container-")
            && ["inspect", "logs", "top", "start", "stop", "wait"]
                .iter()
                .any(|end| action.ends_with(end));
        let advanced = if is_for_operators { "yes" } else { "no" };
        let cells = ROLES.map(|role| roles.cell(role, action));
        assert_eq!(cells, ["no", advanced, "no", "yes"], "{action}");
        for asked in roles.asked(action) {
            assert!(!roles.allow_to(&of_admin, &["docker-admin"], action, asked), "{action}");
        }
    }
}
