//! The cases about image names and the build cache (S10, S11, S12, S16, S19), under each shipped
//! policy.

use std::thread::sleep;
use std::time::Duration;

use super::builds::take_by_build;
use super::image_names::{Attack, pull, root_at, tag_as_if_pulled};
use super::sender::{Told, bare, send};
use super::shipped::under_each;
use crate::broker::{Broker, DOCKERD};
use crate::docker::Lines;
use crate::host::{Finally, shell, tag};
use crate::registry::Registry;

/// The person under one set of policies, and what root has created for all sets.
struct Scene<'a> {
    policy: &'a str,
    broker: &'a Broker,
    /// The label of all images. The test removes them by it.
    label: &'a str,
    /// The prefix of the names under these policies.
    name: String,
}

#[test]
fn s10_s11_s12_s16_s19_hold_under_each_shipped_policy() {
    let everything = Broker::start("");
    let lines = Lines::at(&everything);
    let label = lines.name();
    for kind in ["own", "evil"] {
        shell(&build(label, kind, &format!("{label}-{kind}")));
    }
    let registry = Registry::start();
    let looks_pulled = registry.image();
    let _away = Finally(format!("docker rmi -f {looks_pulled} >/dev/null"));
    tag_as_if_pulled(&looks_pulled);
    under_each(|policy, broker| {
        let scene = Scene { policy, broker, label, name: tag() };
        scene.s10_no_option_outside_the_cache_key();
        scene.s11_no_pull_over(&looks_pulled);
        scene.s12_no_owner_by_taking();
        scene.s16_no_name_of_root_s_changes();
        scene.s19_no_name_of_root_s_goes_with_one_s_own();
        shell(&format!(
            "docker images --format '{{{{.Repository}}}}:{{{{.Tag}}}}' --filter label={label} |
             grep {} | xargs docker rmi >/dev/null",
            scene.name
        ));
    });
}

/// The command that builds an image with this label and value.
fn build(label: &str, value: &str, name: &str) -> String {
    format!(
        "printf 'FROM fedora\\nLABEL {label}={value}\\n' | DOCKER_BUILDKIT=0 docker build -q -t {name} -"
    )
}

fn id_of(name: &str) -> String {
    shell(&format!("docker image inspect -f '{{{{.Id}}}}' {name} 2>&1 || true")).trim().to_owned()
}

impl Scene<'_> {
    fn send(&self, request: Vec<u8>) -> Told {
        send(self.broker.socket(), &[request]).remove(0)
    }

    fn s10_no_option_outside_the_cache_key(&self) {
        let options = [
            "",
            "extrahosts=repo.example:1.2.3.4",
            "networkmode=none",
            "buildargs=%7B%22http_proxy%22:%22http://evil:1%22%7D",
            "memory=104857600",
            "cpushares=2",
            "shmsize=1048576",
            "cachefrom=%5B%22fedora%22%5D",
            "pull=1",
        ];
        let request = |option: &&str| bare(&format!("POST /v1.41/build?version=1&{option}"));
        let requests: Vec<Vec<u8>> = options.iter().map(request).collect();
        let told = send(self.broker.socket(), &requests);
        let may_build = told[0].status != 403;
        for (option, told) in options.iter().zip(&told).skip(1) {
            assert_eq!(told.status, 403, "{}: {option}: {told:?}", self.policy);
            let is_for_the_cache = told.body.contains("the cache that root's builds use");
            assert_eq!(is_for_the_cache, may_build, "{}: {option}: {told:?}", self.policy);
        }
    }

    fn s11_no_pull_over(&self, image: &str) {
        let (status, told) = pull(self.broker, image);
        assert_eq!(status, 403, "{}: {told}", self.policy);
    }

    fn s12_no_owner_by_taking(&self) {
        let (image, label) =
            (format!("{}-root:1", self.name), format!("{}={}", self.label, self.name));
        let (id, told) = take_by_build(self.broker, "version=1", &image, &label);
        let is_taken =
            told.starts_with("HTTP/1.1 200") && told.contains(id.trim_start_matches("sha256:"));
        assert!(is_taken || told.starts_with("HTTP/1.1 403"), "{}: {told}", self.policy);
        let told = self.send(bare(&format!("DELETE /v1.41/images/{id}?force=1")));
        assert!(matches!(told.status, 403 | 404), "{}: {told:?}", self.policy);
        assert_eq!(id_of(&id), id, "{}", self.policy);
    }

    /// Names that the policies permit to the person while they are free: those that root has taken
    /// before, and those that root takes during the attack.
    fn s16_no_name_of_root_s_changes(&self) {
        let own = format!("{}-own", self.label);
        let repositories = ["dev", "ci"].map(|place| format!("{place}/{}", self.name));
        let take = |host: &str, tag: &str| {
            for repository in &repositories {
                root_at(host, &format!("docker tag {own} {repository}:{tag}"));
            }
        };
        take(&format!("unix://{DOCKERD}"), "before");
        let mut requests = Vec::new();
        for (repository, tag) in repositories
            .iter()
            .flat_map(|name| ["before", "dockerd", "broker"].map(|tag| (name, tag)))
        {
            requests.push(format!(
                "POST /v1.41/images/{}-evil/tag?repo={repository}&tag={tag}",
                self.label
            ));
            requests.push(format!("DELETE /v1.41/images/{repository}:{tag}"));
        }
        let attacking = Attack::on(self.broker, &requests);
        sleep(Duration::from_millis(300));
        take(&format!("unix://{DOCKERD}"), "dockerd");
        take(&self.broker.address(), "broker");
        sleep(Duration::from_millis(300));
        drop(attacking);
        sleep(Duration::from_millis(100));
        let id = id_of(&own);
        for repository in &repositories {
            for tag in ["before", "dockerd", "broker"] {
                assert_eq!(id_of(&format!("{repository}:{tag}")), id, "{}: {tag}", self.policy);
            }
        }
    }

    fn s19_no_name_of_root_s_goes_with_one_s_own(&self) {
        let theirs = format!("127.0.0.1:1/{}:theirs", self.name);
        shell(&build(self.label, &format!("{}-theirs", self.name), &theirs));
        let id = id_of(&theirs);
        let own = ["127.0.0.1:1", "dev", "ci"].map(|place| format!("{place}/{}", self.name));
        let own = own.iter().find(|own| {
            let target = format!("POST /v1.41/images/{theirs}/tag?repo={own}&tag=own");
            self.send(bare(&target)).status == 201
        });
        for name in [&id, &theirs] {
            let told = self.send(bare(&format!("DELETE /v1.41/images/{name}?force=1")));
            assert!(matches!(told.status, 403 | 404), "{}: {told:?}", self.policy);
            assert!(name == &theirs || !told.body.contains("theirs"), "{}: {told:?}", self.policy);
        }
        assert_eq!(id_of(&theirs), id, "{}", self.policy);
        // The person can still push and remove their own last name.
        let Some(own) = own else { return };
        shell(&format!("docker rmi {theirs}"));
        if own.starts_with("127") {
            let told = self.send(
                format!(
                    "POST /v1.41/images/{own}/push?tag=own HTTP/1.1\r\nHost: docker\r\n\
                     X-Registry-Auth: e30=\r\n\r\n"
                )
                .into(),
            );
            assert!(told.body.contains("connection refused"), "{}: {told:?}", self.policy);
        }
        let told = self.send(bare(&format!("DELETE /v1.41/images/{own}:own")));
        assert_eq!(told.status, 200, "{}: {told:?}", self.policy);
    }
}
