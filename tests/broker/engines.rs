//! The broker in front of docker 28, with each of its image stores.

use crate::engine::{Engine, Store};
use crate::host::{PERSON, text};
use crate::policy::shipped;

#[test]
fn an_ordinary_user_runs_a_container_on_docker_28() {
    for store in [Store::Overlay2, Store::Containerd] {
        let engine = Engine::start(store);
        assert!(engine.shell("docker version --format '{{.Server.Version}}'").starts_with("28."));
        let broker = engine.broker(&shipped("default"));
        let output =
            broker.docker(PERSON).args(["run", "--rm", "fedora", "echo", "hello"]).output();
        let output = output.unwrap();
        assert_eq!(text(&output.stdout), "hello\n", "{store:?}: {}", text(&output.stderr));
        let output = broker.docker(PERSON).args(["run", "-v", "/:/h", "fedora", "true"]).output();
        let output = output.unwrap();
        assert!(text(&output.stderr).contains("host-root"), "{store:?}: {}", text(&output.stderr));
    }
}
