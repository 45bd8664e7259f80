//! Images that are renamed, removed, or created with something of the host.

use super::owners::{out, run};
use super::row::End::{Denied, Harmless, Hidden, Refused};
use super::row::{Row, bare, json};
use super::sender::send;
use super::stage::{OTHER, Stage, policies};
use crate::broker::Broker;
use crate::docker::Lines;
use crate::host::{PERSON, raw, shell, tag, text};
use crate::observe::wait_until;

const DENIED: &[(&str, &str, &str)] = &[
    ("I01", "POST /build?networkmode=host&t=dev/{me}", "host-network"),
    ("I02", "POST /build?cgroupparent=/x&t=dev/{me}", "host-cgroup"),
    ("I02-limits", "POST /build?memswap=-1&t=dev/{me}", "host-resources"),
    ("I05-tag", "POST /images/fedora/tag?repo={me}", "image-name"),
    ("I05-over", "POST /images/{image}/tag?repo=fedora&tag=latest", "image-name"),
    ("I05-build", "POST /build?t=fedora", "image-name"),
    ("I05-build-second", "POST /build?t=dev/{me}&t=fedora:latest", "image-name"),
    ("I05-load", "POST /images/load", "image"),
    ("I05-import", "POST /images/create?fromSrc=-&repo=fedora&tag=latest", "image-import"),
    (
        "I05-import-url",
        "POST /images/create?fromSrc=http://127.0.0.1:1/&repo=dev/{me}",
        "image-import",
    ),
    ("I05-commit", "POST /commit?container={own}&repo=fedora", "host-root"),
    ("I06", "POST /build?version=2&t=dev/{me}", "evidence-forging"),
    ("I06-session", "POST /build?version=2&session=x&t=dev/{me}", "host-network"),
    ("I09", "POST /images/{image}/push", "image-push"),
    ("I10", "GET /images/{image}/get", "image-export"),
    ("I10-names", "GET /images/get?names={image}", "image-export"),
    ("I10-two", "GET /images/get?names=fedora&names={image}", "image-export"),
    ("I11", "DELETE /images/{image}", "image-delete"),
    ("I11-force", "DELETE /images/fedora?force=1", "image-delete"),
];

/// `{"audit-broker.owner":"login:0"}`
const OWNER_LABEL: &str = "%7B%22audit-broker.owner%22%3A%22login:0%22%7D";

#[test]
fn a_user_cannot_replace_the_image_of_another() {
    let outbound = "@id(\"no-outbound\") forbid(principal == User::\"dwalsh\", action, resource) \
        when { context.dangers.contains(\"outbound\") };\n\
        @id(\"no-registry\") forbid(principal == User::\"dwalsh\", \
        action == Action::\"registry-access\", resource) \
        unless { context.dangers.contains(\"outbound\") };\n";
    let broker = Broker::with_policies(&format!("{}{outbound}", policies()), "");
    let lines = Lines::at(&broker);
    let stage = Stage::set(&broker, &lines);
    let mut rows: Vec<Row> =
        DENIED.iter().map(|(id, target, word)| bare(id, target, Denied(word))).collect();
    rows.extend(of_images());
    stage.play(&rows);
    stage.survives();
}

/// Builds, names and registries, each with the answer that it gets.
fn of_images() -> Vec<Row> {
    let auth = r#"{"serveraddress":"https://127.0.0.1:1","username":"a","password":"b"}"#;
    vec![
        bare("I01-id", "POST /build?networkmode={hostnet}&t=dev/{me}", Hidden("not found")),
        bare(
            "I01-container",
            "POST /build?networkmode=container:{other}&t=dev/{me}",
            Hidden("o such container"),
        ),
        bare("I01-net", "POST /build?networkmode={net}&t=dev/{me}", Hidden("not found")),
        bare("I03", "POST /build?remote=http://127.0.0.1:1/x&t=dev/{me}", Denied("no-outbound")),
        bare("I08", "POST /images/create?fromSrc=http://127.0.0.1:1/x", Denied("image-import")),
        json("I12", "POST /auth", auth, Denied("no-outbound")),
        json("Y05", "POST /auth", auth, Denied("no-outbound")),
        bare("I12-plugin", "GET /plugins/privileges?remote=127.0.0.1:1/x", Denied("no-registry")),
        bare("I04", &format!("POST /build?labels={OWNER_LABEL}&t=dev/{{me}}"), Refused("label")),
        // The classic builder has no outputs, and the request has no Dockerfile.
        bare("I04-outputs", "POST /build?outputs=%5B%7B%7D%5D&t=dev/{me}", Harmless(500)),
        bare(
            "I05-tags",
            "POST /images/fedora/tag?repo=fedora:x&tag=latest",
            Refused("has a tag already"),
        ),
        bare(
            "I05-commit-tags",
            "POST /commit?container={own}&repo=fedora:x&tag=latest",
            Refused("has a tag already"),
        ),
        bare(
            "I11-platforms",
            "DELETE /images/fedora?platforms=%7B%22os%22%3A%22linux%22%7D",
            Refused("image"),
        ),
        bare(
            "I05-both",
            "POST /images/create?fromImage=fedora&tag=x&fromSrc=-&repo=dev/{me}",
            Refused("leave one out"),
        ),
        bare(
            "I15-twice",
            "POST /images/fedora/tag?repo=docker.io/docker.io/dev/x&tag=1",
            Refused("look like a registry"),
        ),
        bare("I15-push", "POST /images/docker.io/localhost/fedora/push", Refused("")),
        bare("I07", "POST /build/cancel?id=x", Denied("build-manage")),
        bare("I07-cache", "POST /build/prune?all=1", Denied("build-manage")),
        bare("I15-path", "GET /images/a/../{image}/json", Refused("")),
        bare("I15-dot", "GET /images/./json", Refused("")),
        bare("I12-search", "GET /images/search?term=127.0.0.1:1/x", Denied("no-registry")),
        bare("I12-distribution", "GET /distribution/127.0.0.1:1/x/json", Denied("no-registry")),
    ]
}

/// I15: docker looks for a name before it looks for the beginning of an id, so a name could replace
/// an image that a caller identifies by its id.
#[test]
fn i15_a_user_cannot_create_a_name_that_looks_like_an_id() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let id = shell("docker image inspect -f '{{.Id}}' fedora");
    let id = id.trim().trim_start_matches("sha256:");
    let own = lines.name();
    shell(&format!("docker create --name {own} fedora true"));
    let short = id.get(..12).unwrap();
    let requests: Vec<Vec<u8>> = [
        format!("POST /images/fedora/tag?repo={short}"),
        format!("POST /images/fedora/tag?repo=docker.io/library/{short}&tag=latest"),
        format!("POST /images/fedora/tag?repo={}", id.get(..5).unwrap()),
        format!("POST /images/fedora/tag?repo=sha256&tag={short}"),
        format!("POST /commit?container={own}&repo={short}"),
        format!("POST /images/create?fromSrc=-&repo={short}"),
        format!("POST /build?t={short}"),
        // An id that no image has yet.
        "POST /images/fedora/tag?repo=0123456789ab".to_owned(),
    ]
    .map(|target| {
        let head = format!("{target} HTTP/1.1\r\nHost: docker\r\n");
        if target.contains("/tag?") {
            return format!("{head}\r\n").into_bytes();
        }
        let body = "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
        format!("{head}{body}").into_bytes()
    })
    .into();
    for (sent, told) in requests.iter().zip(send(broker.socket(), &requests)) {
        let is_refused = told.status == 409 && told.body.contains("looks like the id");
        assert!(is_refused, "{}: {} {}", text(sent), told.status, told.body);
    }
    assert_eq!(shell(&format!("docker images -q {short}; docker images -q sha256")), "");
}

/// I04: build arguments stay between the caller and dockerd, and read nothing of the host.
#[test]
fn i04_build_arguments_are_not_recorded_and_read_nothing_of_the_host() {
    let broker = Broker::with_policies(&policies(), "");
    let lines = Lines::at(&broker);
    let (name, secret) = (lines.name(), tag());
    lines.give(&[(
        &format!(
            "printf 'FROM fedora\\nARG KEY\\nRUN echo $KEY >/key\\n' >Dockerfile; ln -s /etc/shadow link
            printf 'FROM fedora\\nCOPY link /\\n' >Linked
            docker build -q -t dev/$N --build-arg KEY={secret} . >/dev/null
            docker run --rm dev/$N cat /key | grep -c {secret}
            for file in ../../../../../etc/passwd /etc/passwd; do
                tar c Dockerfile | curl -s --unix-socket ${{DOCKER_HOST#unix://}} -o told -w '%{{http_code}}\\n' \\
                    -T - -X POST -H 'Content-Type: application/x-tar' \\
                    \"http://docker/build?t=dev/$N&dockerfile=$file\"; grep -c root: told
            done
            docker build -q -f Linked -t dev/$N . >/dev/null 2>&1; docker run --rm dev/$N cat /link >shadow 2>&1
            grep -c root: shadow; docker rmi dev/$N >/dev/null"
        ),
        "1\n500\n0\n500\n0\n0\n",
    )]);
    wait_until("the records", || raw(&["-m", "SOFTWARE_UPDATE"], name).len() > 2);
    let found = raw(&["-m", "SOFTWARE_UPDATE,VIRT_CONTROL,USER_ROLE_CHANGE"], &secret);
    assert_eq!(found, [] as [String; 0]);
}

/// I14: archives that are not images, or that name paths elsewhere, sent by a caller who may load
/// any.
#[test]
fn i14_a_crafted_archive_changes_nothing_on_the_host() {
    let broker = Broker::start("");
    let lines = Lines::at(&broker);
    let name = lines.name();
    let target = format!("/tmp/{name}-planted");
    lines.give(&[(
        &format!(
            "echo x >planted; tar c --transform 's|.*|../../../../../../../..{target}|' -P planted >up.tar
            tar c --transform 's|.*|{target}|' -P planted >rooted.tar
            ln -s / out; tar c out >linked.tar; tar r --transform 's|.*|out{target}|' -f linked.tar -P planted
            head -c 5000 /dev/zero >zeros; head -c 5000 /dev/urandom | gzip >noise
            for archive in up.tar rooted.tar linked.tar zeros noise; do
                docker load -i $archive >/dev/null 2>&1
                docker import $archive $N >/dev/null 2>&1 && docker rmi -f $N >/dev/null
            done
            ls {target}* 2>/dev/null | wc -l; docker ps -q | head -c 0; echo up"
        ),
        "0\nup\n",
    )]);
    assert!(!std::path::Path::new(&target).exists());
}

/// The person may see and copy out the images that they created, and may see root's.
fn own_images() -> String {
    format!(
        "@id(\"own\") permit(principal == User::\"{PERSON}\", action, resource)
            when {{ resource is Daemon || resource in principal }};
         @id(\"roots\") permit(principal == User::\"{PERSON}\",
            action in [Action::\"image-inspect\", Action::\"image-use\"], resource)
            when {{ resource in User::\"root\" }};
         @id(\"other\") permit(principal == User::\"{OTHER}\", action, resource);"
    )
}

/// Builds an image that is in no cache.
fn build(broker: &Broker, user: &str, image: &str) -> String {
    let line = format!(
        "mkdir $HOME/{user} && printf 'FROM fedora\\nLABEL a={image}\\n' >$HOME/{user}/Dockerfile &&
         DOCKER_BUILDKIT=0 docker build -q -t {image} $HOME/{user} 2>/dev/null &&
         rm -r $HOME/{user}"
    );
    out(broker, user, &line).trim().trim_start_matches("sha256:").to_owned()
}

/// Without a tag, dockerd copies out all tags of a name, so the policies decide about each.
#[test]
fn i10_a_user_copies_out_only_permitted_tags_of_a_name_without_a_tag() {
    let broker = Broker::with_policies(&own_images(), "");
    let lines = Lines::at(&broker);
    let name = lines.name();
    let own = build(&broker, PERSON, &format!("{name}:latest"));
    let other = build(&broker, OTHER, &format!("{name}:other"));
    let by_path = "curl -s --unix-socket ${DOCKER_HOST#unix://} http://docker/images";
    let copied = |user: &str, line: &str| {
        let output = run(&broker, user, &format!("{line} | tr -d '\\0'"));
        let copied = text(&output.stdout);
        (copied.contains(&own), copied.contains(&other))
    };
    for (line, expected) in [
        (format!("docker save {name}"), (false, false)),
        (format!("docker save {name}:latest {name}:other"), (false, false)),
        (format!("docker save {name}:latest"), (true, false)),
        (format!("docker save {own}"), (true, false)),
        (format!("{by_path}/{name}/get"), (true, false)),
        (format!("{by_path}/{own}/get"), (true, false)),
        (format!("{by_path}/{name}:other/get"), (false, false)),
    ] {
        assert_eq!(copied(PERSON, &line), expected, "{line}");
    }
    assert_eq!(copied(OTHER, &format!("docker save {name}")), (true, true));
}

/// The response about a hidden image is the same as about a missing one, whatever identifies it.
#[test]
fn s14_a_user_cannot_tell_a_hidden_image_from_a_missing_one() {
    let broker = Broker::with_policies(&own_images(), "");
    let lines = Lines::at(&broker);
    let name = lines.name();
    build(&broker, PERSON, &format!("{name}:latest"));
    let hidden = build(&broker, OTHER, &format!("{name}:other"));
    let curl = "curl -s -H 'Content-Type: application/json' -H 'X-Registry-Auth: e30=' \
        --unix-socket ${DOCKER_HOST#unix://} http://docker/v1.41";
    let told = |call: &str, word: &str| {
        let call = call.replace("{image}", word);
        let (path, options) = call.split_once(' ').unwrap_or((&call, ""));
        let line = format!("{curl}/'{path}' {options} | head -c 1000 | tr -d '\\0'");
        let told = text(&run(&broker, PERSON, &line).stdout);
        assert!(told.contains("No such image"), "{call}: {told}");
        assert!(word == hidden || !told.contains(&hidden), "{call}: {told}");
        told.replace(word, "IMAGE")
    };
    let tagged = format!("{name}:other");
    for (word, none) in
        [(hidden.as_str(), "0".repeat(64)), (&hidden[..6], "0".repeat(6)), (&tagged, "a:b".into())]
    {
        for call in [
            "images/{image}/json",
            "images/{image}/history",
            "images/{image}/get",
            "images/get?names={image}",
            &format!("images/get?names={name}:latest&names={{image}}"),
            "images/{image} -X DELETE",
            "images/{image}/push -X POST",
            &format!("images/{{image}}/tag?repo={name}x -X POST"),
            "containers/create -d '{\"Image\":\"{image}\"}'",
            "containers/create -d '{\"Image\":\"fedora\",\"HostConfig\":{\"Mounts\":[{\"Type\":\"image\",\
                \"Source\":\"{image}\",\"Target\":\"/x\"}]}}'",
        ] {
            assert_eq!(told(call, word), told(call, &none), "{call} {word}");
        }
    }
}
