//! Another user's container, in every call that takes one.

use super::row::End::{Denied, Harmless, Hidden, Refused};
use super::row::{Row, bare, json, typed};
use super::stage::{SECRET, Stage, policies};
use crate::broker::Broker;
use crate::docker::{Lines, alone};

/// Calls about one container. For another user's container, each gets the response for a missing
/// one.
const CALLS: &[(&str, &str)] = &[
    ("K02-resize", "POST /exec/{exec}/resize?h=1&w=1"),
    ("K03", "GET /exec/{exec}/json"),
    ("K05-inspect", "GET /containers/{other}/json"),
    ("K05-size", "GET /containers/{other}/json?size=1"),
    ("K05-logs", "GET /containers/{other}/logs?stdout=1&stderr=1"),
    ("K05-logs-id", "GET /containers/{otherid}/logs?stdout=1"),
    ("K05-logs-short", "GET /containers/{shortid}/logs?stdout=1"),
    ("K05-top", "GET /containers/{other}/top"),
    ("K05-top-env", "GET /containers/{other}/top?ps_args=e"),
    ("K05-stats", "GET /containers/{other}/stats?stream=0"),
    ("K05-changes", "GET /containers/{other}/changes"),
    ("K05-export", "GET /containers/{other}/export"),
    ("K05-attach", "POST /containers/{other}/attach?stream=1&logs=1&stdout=1"),
    ("K07", "GET /containers/{other}/archive?path=/v/key"),
    ("K09", "POST /containers/{other}/rename?name={all}-r"),
    ("K10", "POST /containers/{stopped}/start"),
    ("K10-priv", "POST /containers/{priv}/start"),
    ("K10-host", "POST /containers/{hosts}/start"),
    ("K12-stop", "POST /containers/{other}/stop?t=0"),
    ("K12-restart", "POST /containers/{other}/restart?t=0"),
    ("K12-kill", "POST /containers/{other}/kill?signal=KILL"),
    ("K12-pause", "POST /containers/{other}/pause"),
    ("K12-unpause", "POST /containers/{other}/unpause"),
    ("K12-wait", "POST /containers/{other}/wait"),
    ("K12-resize", "POST /containers/{other}/resize?h=1&w=1"),
    ("K13", "DELETE /containers/{other}?force=1&v=1"),
    ("K13-priv", "DELETE /containers/{priv}?force=1"),
    ("I05-commit", "POST /commit?container={other}&repo=dev/{me}"),
];

fn on_another() -> Vec<Row> {
    let mut rows: Vec<Row> =
        CALLS.iter().map(|(id, target)| bare(id, target, Hidden(""))).collect();
    let exec = r#"{"AttachStdout":true,"Cmd":["cat","/v/key"]}"#;
    let by_root = r#"{"Privileged":true,"User":"0","Cmd":["sh"]}"#;
    rows.extend([
        json("K01", "POST /containers/{other}/exec", exec, Hidden("o such container")),
        json("K01-id", "POST /containers/{otherid}/exec", exec, Hidden("o such container")),
        json("K01-own", "POST /containers/{own}/exec", by_root, Denied("host-root")),
        json("K02", "POST /exec/{exec}/start", r#"{"Detach":false}"#, Hidden("o such exec")),
        json("K02-guess", "POST /exec/{otherid}/start", "{}", Hidden("o such exec")),
        bare("K13-link", "DELETE /containers/{own}/{other}?link=1", Refused("")),
    ]);
    rows.extend(changes_and_names());
    rows
}

fn changes_and_names() -> [Row; 10] {
    [
        typed(
            "K06",
            "PUT /containers/{other}/archive?path=/",
            "application/x-tar",
            &"\0".repeat(1024),
            Hidden("o such container"),
        ),
        bare("K07-head", "HEAD /containers/{other}/archive?path=/v/key", Hidden("")),
        json(
            "K08",
            "POST /containers/{other}/update",
            r#"{"Memory":8000000}"#,
            Hidden("o such container"),
        ),
        json(
            "K08-own",
            "POST /containers/{own}/update",
            r#"{"PidsLimit":-1}"#,
            Denied("host-resources"),
        ),
        bare(
            "K10-checkpoint",
            "POST /containers/{own}/start?checkpoint=x&checkpoint-dir=/",
            Refused("checkpoint"),
        ),
        json(
            "K10-body",
            "POST /containers/{own}/start",
            r#"{"HostConfig":{"Privileged":true}}"#,
            Refused("non-empty request body"),
        ),
        json(
            "K11",
            "POST /containers/{own}/checkpoints",
            r#"{"CheckpointID":"x","CheckpointDir":"/"}"#,
            Refused(""),
        ),
        // Docker looks for a name before it looks for the beginning of an id.
        json(
            "X01",
            "POST /containers/create?name={shortid}",
            r#"{"Image":"fedora"}"#,
            Refused("looks like"),
        ),
        bare("X01-rename", "POST /containers/{own}/rename?name={shortid}", Refused("looks like")),
        bare("X01-slash", "POST /containers/{own}/rename?name=/{otherid}", Refused("looks like")),
    ]
}

#[test]
fn a_user_cannot_use_the_container_of_another() {
    let broker = Broker::with_policies(&policies(), "");
    let lines = Lines::at(&broker);
    let stage = Stage::set(&broker, &lines);
    stage.play(&on_another());
    stage.survives();
}

/// Calls that list everything, of which a user sees only their own.
const LISTS: &[(&str, &str)] = &[
    ("K16-list", "GET /containers/json?all=1&size=1"),
    ("K16-limit", "GET /containers/json?limit=1"),
    ("K16-volumes", "GET /volumes"),
    ("K16-networks", "GET /networks"),
    ("K16-df", "GET /system/df"),
    ("K16-images", "GET /images/json?all=1"),
    ("K16-info", "GET /info"),
    ("Y02", "GET /version"),
    ("K17", "GET /events?since=0&until={now}"),
    (
        "K17-filter",
        "GET /events?since=0&until={now}&filters=%7B%22container%22%3A%5B%22{other}%22%5D%7D",
    ),
];

#[test]
fn a_user_learns_nothing_about_the_container_of_another() {
    let _alone = alone();
    let broker = Broker::with_policies(&policies(), "");
    let lines = Lines::at(&broker);
    let stage = Stage::set(&broker, &lines);
    let now = crate::host::shell("date +%s");
    let requests: Vec<Vec<u8>> = LISTS
        .iter()
        .map(|(_, target)| target.replace("{now}", now.trim()))
        .map(|target| {
            format!("{} HTTP/1.1\r\nHost: docker\r\n\r\n", stage.fill(&target)).into_bytes()
        })
        .collect();
    let told = super::sender::send(broker.socket(), &requests);
    let own = stage.fill("{own}");
    let hidden = ["{other}", "{otherid}", "{priv}", "{hosts}", "{vol}", "{rootvol}", "{net}"]
        .map(|word| stage.fill(word));
    for ((id, _), told) in LISTS.iter().zip(told) {
        assert_eq!(told.status, 200, "{id}: {told:?}");
        let found = hidden.iter().find(|word| told.body.contains(*word));
        assert_eq!(found, None, "{id}: {}", told.body);
        assert!(!told.body.contains(SECRET), "{id}: {}", told.body);
        // dockerd keeps few events, and other tests cause many.
        if matches!(*id, "K16-list" | "K16-df") {
            assert!(told.body.contains(&own), "{id}: {}", told.body);
        }
    }
}

#[test]
fn a_user_cannot_prune_the_objects_of_others() {
    let _alone = alone();
    // All objects of this test have this label, since other tests run at the same time.
    let broker = Broker::with_policies(&policies(), "");
    let lines = Lines::at(&broker);
    let stage = Stage::set(&broker, &lines);
    let form = "application/x-www-form-urlencoded";
    stage.play(&[
        bare("K15", "POST /containers/prune?filters=%7B%22label%22%3A%7B%22{all}%22%3Atrue%7D%7D", Harmless(200)),
        bare("K15-volumes", "POST /volumes/prune?filters=%7B%22label%22%3A%7B%22{all}%22%3Atrue%7D%7D", Harmless(200)),
        bare("K15-networks", "POST /networks/prune?filters=%7B%22label%22%3A%7B%22{all}%22%3Atrue%7D%7D", Harmless(200)),
        bare(
            "K15-label",
            "POST /containers/prune?filters=%7B%22label%22%3A%7B%22{all}%22%3Atrue%7D,%22label%21%22%3A%7B%22audit-broker.owner%22%3Atrue%7D%7D",
            Harmless(200),
        ),
        bare("K15-version", "POST /v1.40/volumes/prune", Refused("")),
        bare("K15-images", "POST /images/prune", Denied("image-prune")),
        typed("K15-form", "POST /containers/prune", form, "filters=%7B%7D", Refused("")),
        // dockerd reads the first value, and gets no other.
        bare("K15-twice", "POST /containers/prune?filters=%7B%22label%22%3A%7B%22{all}%22%3Atrue%7D%7D&filters=%7B%7D", Harmless(200)),
    ]);
    stage.survives();
}
