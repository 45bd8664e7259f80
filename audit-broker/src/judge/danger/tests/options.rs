//! Dangers that depend on the image or on docker's own configuration.

use serde_json::{Value, json};

use super::{action, container, found};
use crate::dockerd::object::Defaults;
use crate::judge::action::Action;

/// A new container of an image with this configuration.
fn of_image(config: &Value, document: &Value) -> Action {
    let mut action = action("POST", "/containers/create", document);
    let image = json!({"Id": "sha256:a", "Config": config});
    action.references.images.push(serde_json::from_value(image).unwrap());
    action
}

#[test]
fn the_options_of_an_image_are_judged_like_those_of_a_request() {
    let config = json!({
        "WorkingDir": "/proc/self/fd/7",
        "Volumes": {"/sys/x": {}},
        "Healthcheck": {"Test": ["CMD", "true"], "Interval": 1_000_000},
    });
    assert_eq!(
        found(&of_image(&config, &json!({"Image": "x"}))),
        [
            "host-root WorkingDir /proc/self/fd/7",
            "host-resources image: Healthcheck.Interval 1000000",
            "loosened-confinement image: Volumes./sys/x /sys/x",
        ]
    );
    let own = json!({"Image": "x", "WorkingDir": "/srv"});
    assert_eq!(found(&of_image(&json!({"WorkingDir": "/proc/1"}), &own)), [""; 0]);
}

#[test]
fn s21_log_options_are_judged_by_the_default_log_driver() {
    let log = |driver: Option<&str>| {
        let log = json!({"LogConfig": {"Type": "", "Config": {"tag": "sudo"}}});
        let mut action = of_image(&json!({}), &json!({"Image": "x", "HostConfig": log}));
        let (runtime, driver) = ("runc".to_owned(), driver.map(str::to_owned));
        let defaults = driver
            .map(|log_driver| Box::new(Defaults { runtime, log_driver, ..Defaults::default() }));
        action.references.defaults = defaults;
        found(&action)
    };
    let forging = ["evidence-forging HostConfig.LogConfig.Config.tag sudo"];
    assert_eq!(log(Some("json-file")), [""; 0]);
    assert_eq!(log(Some("journald")), forging);
    assert_eq!(log(None), forging);
}

/// With cgroup v1, docker gives a container the host's control groups, and `inspect` shows that.
#[test]
fn k04_dockers_default_cgroup_namespace_is_no_danger() {
    let mode = |mode: &str, security: Option<&[&str]>| {
        let host_config = json!({"CgroupnsMode": mode});
        let mut action = of_image(&json!({}), &json!({"Image": "x", "HostConfig": host_config}));
        let own = |options: &[&str]| options.iter().map(|option| (*option).to_owned()).collect();
        let security_options = security.map(own);
        action.references.defaults =
            Some(Box::new(Defaults { security_options, ..Defaults::default() }));
        found(&action).len()
    };
    assert_eq!(mode("host", Some(&["name=seccomp,profile=default"])), 0);
    assert_eq!(mode("host", Some(&["name=seccomp,profile=default", "name=cgroupns"])), 1);
    assert_eq!(mode("host", None), 1);
    assert_eq!(mode("other", Some(&[])), 1);
    assert_eq!(mode("private", Some(&[])), 0);
}

/// If the kernel cannot limit swap, docker sets `MemorySwap: -1` itself.
#[test]
fn k04_unlimited_swap_is_no_danger_where_docker_cannot_limit_it() {
    let host_config = json!({"Memory": 1 << 30, "MemorySwap": -1});
    let of_limit = |swap_limit| {
        let body = json!({"Image": "x", "HostConfig": host_config});
        let mut action = of_image(&json!({}), &body);
        action.references.defaults = Some(Box::new(Defaults { swap_limit, ..Defaults::default() }));
        found(&action).len()
    };
    assert_eq!(of_limit(Some(false)), 0);
    assert_eq!(of_limit(Some(true)), 1);
    assert_eq!(of_limit(None), 1);
    let mut start = action("POST", "/containers/web/start", &Value::Null);
    start.object = container("web", &host_config, false);
    assert_eq!(found(&start), [""; 0]);
}

/// dockerd writes root's default log options into the configuration of each container.
#[test]
fn default_log_options_are_no_danger_when_a_container_starts() {
    let mut start = action("POST", "/containers/web/start", &Value::Null);
    let log = json!({"LogConfig": {"Type": "journald", "Config": {"tag": "{{.Name}}"}}});
    start.object = container("web", &log, false);
    assert_eq!(found(&start), [""; 0]);
}

#[test]
fn s36_the_stop_timeout_has_a_range() {
    for (time, is_allowed) in [("0", true), ("600", true), ("-1", false), ("601", false)] {
        let stop = action("POST", &format!("/containers/web/stop?t={time}"), &Value::Null);
        assert_eq!(found(&stop).is_empty(), is_allowed, "{time}");
    }
    let stop = action("POST", "/containers/web/restart?t=18446744073709551615", &Value::Null);
    assert_eq!(found(&stop), ["host-resources query t 9223372036854775807"]);
}
