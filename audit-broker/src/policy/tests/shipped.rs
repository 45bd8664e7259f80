//! The shipped policies do what their comments say.

use super::*;

/// A shipped policy file, and the actions of the schema.
struct Shipped {
    policy: Policy,
    actions: BTreeMap<String, Vec<usize>>,
}

impl Shipped {
    fn with(name: &str) -> Self {
        Self::with_all(&[name])
    }

    fn with_all(names: &[&str]) -> Self {
        let policy = shipped(names);
        Self { actions: actions(&policy), policy }
    }

    fn of_host(&self) -> impl Iterator<Item = &String> {
        self.actions.keys().filter(|action| is_of_host(&self.policy, action))
    }

    /// Whether the action is allowed on any object of this maker.
    fn allows(&self, principal: &Principal, action: &str, maker: &Maker, name: &str) -> bool {
        let objects = MadeObjects::of(maker);
        let call = CallFacts { name: name.to_owned(), ..CallFacts::default() };
        self.actions[action].iter().any(|place| {
            let resource = objects.resources()[*place];
            let query = PolicyQuery { principal, action, resource, call: &call };
            self.policy.ask(&query).decision.is_allowed
        })
    }
}

fn service(unit: &str, uid: u32) -> Principal {
    Principal::Service { unit: unit.to_owned(), uid, groups: groups(&[]) }
}

#[test]
fn the_files_load_one_by_one_and_together() {
    let texts = shipped_texts();
    assert_eq!(texts.len(), 7);
    for (name, text) in &texts {
        let policy = Policy::from_text(text).unwrap();
        assert_eq!(policy.warnings(), [] as [String; 0], "{name}");
    }
    let names: Vec<&str> = texts.keys().map(String::as_str).collect();
    assert_eq!(shipped(&names).warnings(), [] as [String; 0]);
}

/// A reader copies them from there.
#[test]
fn the_policies_in_the_documents_load() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/policies.md");
    let document = fs::read_to_string(document).unwrap();
    let blocks: Vec<&str> = document.split("\n```cedar ").skip(1).collect();
    assert!(blocks.len() > 5, "{} policies", blocks.len());
    for block in blocks {
        let (_, text) = block.split_once('\n').unwrap();
        let (text, _) = text.split_once("\n```").unwrap();
        let policy = Policy::from_text(text).unwrap();
        assert_eq!(policy.warnings(), [] as [String; 0], "{text}");
    }
}

/// Other shipped files replace the policies of `default.cedar` whose ids begin with `ordinary`, and keep
/// the rest.
#[test]
fn default_cedar_has_two_policies_for_others_than_ordinary_callers() {
    let text = &shipped_texts()["default.cedar"];
    let ids = text.split("@id(\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    let rest: Vec<&str> = ids.filter(|id| !id.starts_with("ordinary")).collect();
    assert_eq!(rest, ["root", "docker-admin"]);
}

/// `audit-docker limit` adds the second file to the first.
#[test]
fn docker_users_limits_docker_to_a_group_and_gives_it_nothing_more() {
    let alone = Shipped::with("default.cedar");
    let limited = Shipped::with_all(&["default.cedar", "docker-users.cedar"]);
    let own = made_by("dwalsh", &["docker-users"]);
    let caller = |maker| {
        Principal::Container(Box::new(ContainerFacts {
            id: "caller".to_owned(),
            ..container(maker)
        }))
    };
    let inside = [
        user("root", 0, &[]),
        user("dwalsh", 1001, &["docker-users"]),
        user("dan", 1002, &["docker-admin"]),
        service("cron.service", 0),
        caller(Maker::root()),
        caller(made_by("dwalsh", &["docker-users"])),
    ];
    let outside = [
        user("mrunal", 1003, &["docker", "users"]),
        service("web.service", 33),
        caller(made_by("mrunal", &["docker"])),
    ];
    for action in limited.actions.keys() {
        for principal in &inside {
            let [before, after] =
                [&alone, &limited].map(|policies| policies.allows(principal, action, &own, ""));
            assert_eq!(before, after, "{principal:?} {action}");
        }
        for principal in &outside {
            assert!(!limited.allows(principal, action, &own, ""), "{principal:?} {action}");
        }
    }
}

/// A caller who may build can write any audit record. The description of each policy that permits builds
/// must say so.
#[test]
fn s20_each_policy_that_permits_builds_mentions_evidence_forging() {
    let mut count = 0;
    for (name, text) in shipped_texts() {
        for statement in text.parse::<PolicySet>().unwrap().policies() {
            let is_named = statement.to_string().contains("Action::\"build\"");
            let said = statement.annotation("description").unwrap_or_default();
            assert_eq!(is_named, said.contains("evidence-forging"), "{name}: {statement}");
            count += usize::from(is_named);
        }
    }
    assert_eq!(count, 4);
}

/// The state after installation.
#[test]
fn by_default_only_root_and_admins_get_the_host() {
    let shipped = Shipped::with("default.cedar");
    let own = made_by("dwalsh", &[]);
    let caller = |maker| {
        Principal::Container(Box::new(ContainerFacts {
            id: "caller".to_owned(),
            ..container(maker)
        }))
    };
    let of_root = caller(Maker::root());
    let of_admin = caller(made_by("dwalsh", &["docker-admin"]));
    for action in shipped.of_host() {
        let may = |principal: &Principal| shipped.allows(principal, action, &own, "");
        assert!(!may(&user("dwalsh", 1001, &["docker", "wheel", "root"])), "{action}");
        assert!(!may(&service("cron.service", 5)), "{action}");
        assert!(!may(&of_root) && !may(&of_admin), "{action}");
        assert!(may(&user("dwalsh", 0, &[])), "{action}");
        assert!(may(&user("dwalsh", 1001, &["docker-admin"])), "{action}");
        assert!(may(&service("cron.service", 0)), "{action}");
    }
    for action in shipped.actions.keys().filter(|action| !is_of_host(&shipped.policy, action)) {
        assert!(shipped.allows(&user("mrunal", 1002, &[]), action, &own, ""), "{action}");
        assert!(shipped.allows(&of_root, action, &own, ""), "{action}");
    }
}

#[test]
fn by_default_objects_of_root_and_admins_are_not_for_others() {
    let shipped = Shipped::with("default.cedar");
    let person = user("dwalsh", 1001, &[]);
    for action in [
        "container-exec",
        "container-copy-in",
        "container-join",
        "container-commit",
        "container-stop",
        "container-rename",
        "container-delete",
        "volume-use",
        "network-delete",
    ] {
        let unit = "compose.service".to_owned();
        let groups = BTreeSet::from(["docker-admin".to_owned()]);
        let service = Maker::Service { unit, groups };
        for maker in [
            Maker::root(),
            made_by("mrunal", &["docker-admin"]),
            Maker::AsRoot(Box::new(made_by("dwalsh", &[]))),
            service,
        ] {
            assert!(!shipped.allows(&person, action, &maker, ""), "{action}");
            assert!(shipped.allows(&user("dwalsh", 0, &[]), action, &maker, ""), "{action}");
        }
    }
    let name = |maker: Maker| {
        let holder = ImageFacts { maker, ..ImageFacts::of_name("fedora") };
        ask(&shipped.policy, &person, "image-name", Resource::Image(&holder)).is_allowed
    };
    let own = made_by("dwalsh", &[]);
    assert!(!name(Maker::root()) && name(own.clone()));
    assert!(!shipped.allows(&person, "image-name", &own, "*"));
}

#[test]
fn by_default_an_object_that_roots_container_makes_belongs_to_the_container_and_to_root() {
    let shipped = Shipped::with("default.cedar");
    let person = user("dwalsh", 1001, &[]);
    let of_root = Principal::Container(Box::new(ContainerFacts {
        id: "caller".to_owned(),
        ..container(Maker::root())
    }));
    let made = Maker::Container { id: "caller".to_owned(), maker: Box::new(Maker::root()) };
    for action in ["container-exec", "container-stop", "volume-use", "network-use"] {
        assert!(!shipped.allows(&person, action, &made, ""), "{action}");
        assert!(shipped.allows(&of_root, action, &made, ""), "{action}");
        assert!(!shipped.allows(&of_root, action, &Maker::root(), ""), "{action}");
    }
}

#[test]
fn own_containers_cedar_limits_users_to_their_own_objects() {
    let shipped = Shipped::with("own-containers.cedar");
    let developer = user("dwalsh", 1001, &["developers"]);
    let own = made_by("dwalsh", &["developers"]);
    let others = [made_by("mrunal", &["developers"]), Maker::root()];
    for (action, places) in &shipped.actions {
        let is_of_host = is_of_host(&shipped.policy, action);
        let is_for_all = ["image-inspect", "image-use"].contains(&action.as_str());
        // dockerd itself has no maker.
        let has_maker = !places.contains(&0);
        if has_maker {
            let may = shipped.allows(&developer, action, &own, "");
            assert_eq!(may, !is_of_host, "{action}");
        }
        if has_maker || is_of_host {
            for other in &others {
                let may = shipped.allows(&developer, action, other, "");
                assert_eq!(may, is_for_all, "{action}");
            }
        }
        assert!(!shipped.allows(&user("dwalsh", 1001, &[]), action, &own, ""), "{action}");
    }
    assert!(shipped.allows(&developer, "image-name", &own, "dev/web:1"));
    for name in ["fedora", "fedora:latest", "registry/dev/web", "*", ""] {
        assert!(!shipped.allows(&developer, "image-name", &own, name), "{name}");
    }
    assert!(!shipped.allows(&developer, "image-import", &own, "dev/web"));
}

#[test]
fn ci_runner_cedar_limits_the_runner_to_its_own_objects_and_names() {
    let shipped = Shipped::with("ci-runner.cedar");
    let runner = service("gitlab-runner.service", 998);
    let own = Maker::Service { unit: "gitlab-runner.service".to_owned(), groups: BTreeSet::new() };
    let other = made_by("dwalsh", &[]);
    for action in ["container-create", "container-exec", "container-delete", "volume-use"] {
        assert!(shipped.allows(&runner, action, &own, ""), "{action}");
        assert!(!shipped.allows(&runner, action, &other, ""), "{action}");
        for another in [service("cron.service", 998), user("gitlab-runner", 998, &[])] {
            assert!(!shipped.allows(&another, action, &own, ""), "{action}");
        }
    }
    for action in shipped.of_host() {
        assert!(!shipped.allows(&runner, action, &own, ""), "{action}");
    }
    assert!(shipped.allows(&runner, "build", &other, ""));
    assert!(shipped.allows(&runner, "image-use", &other, ""));
    for (name, expected) in [
        ("ci/web:1", true),
        ("registry.example.com/ci/web", true),
        ("fedora", false),
        ("registry.example.com/fedora", false),
        ("*", false),
    ] {
        for action in ["image-name", "image-push"] {
            assert_eq!(shipped.allows(&runner, action, &own, name), expected, "{action} {name}");
        }
    }
}

#[test]
fn traefik_may_only_read() {
    const READING: [&str; 7] = [
        "daemon-access",
        "daemon-events",
        "container-list",
        "container-inspect",
        "privileged-container-inspect",
        "network-list",
        "network-inspect",
    ];
    let shipped = Shipped::with("traefik-readonly.cedar");
    let of = |name: &str, maker| {
        let id = "c2".to_owned();
        Principal::Container(Box::new(ContainerFacts {
            id,
            name: name.to_owned(),
            ..container(maker)
        }))
    };
    let other = made_by("dwalsh", &[]);
    for action in shipped.actions.keys() {
        let may = |principal: &Principal| shipped.allows(principal, action, &other, "");
        assert_eq!(
            may(&of("traefik", Maker::root())),
            READING.contains(&action.as_str()),
            "{action}"
        );
        assert!(!may(&of("web", Maker::root())), "{action}");
        assert!(!may(&of("traefik", other.clone())), "{action}");
        assert!(!may(&user("root", 0, &[])), "{action}");
    }
}
