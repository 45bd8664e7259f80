//! A fake dockerd that does nothing and answers so that clients continue.
//!
//! Every object exists, belongs to one owner and has no access to the host. An object that a client has
//! created here has the properties from its request. This file does not know policies.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::rc::Rc;

use audit_host::object_id::is_id;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, UPGRADE};
use hyper::{Response, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::api::body::Body;
use crate::api::operation::{
    BuildOperation, ContainerOperation, ExecOperation, ImageOperation, NetworkOperation, Operation,
    PluginOperation, RegistryOperation, SwarmOperation, SystemOperation, VolumeOperation,
};
use crate::api::request::{ApiVersion, Head};
use crate::api::route::Method;
use crate::owner::{LABEL, OwnedKind, Owner, OwnerTable, name_key};
use crate::refusal::Refusal;
use crate::who::owner_finder::claim;

/// The fake dockerd's response.
pub(super) type DockerdAnswer = Response<Full<Bytes>>;

/// The state of the fake dockerd.
#[derive(Debug)]
pub(super) struct Dockerd {
    owners: Rc<OwnerTable>,
    /// The owner of objects that are created here.
    owner: Owner,
    /// The owner of all other objects.
    owner_of_rest: Owner,
    /// Objects that were created or inspected, by id and by name.
    known: RefCell<HashMap<String, Value>>,
    /// The volume that the current request creates, which does not exist yet.
    missing_volume: RefCell<Option<String>>,
}

impl Dockerd {
    pub(super) fn new(owners: Rc<OwnerTable>, owner: Owner, owner_of_rest: Owner) -> Self {
        let (known, missing_volume) = (RefCell::default(), RefCell::default());
        Self { owners, owner, owner_of_rest, known, missing_volume }
    }

    /// Sets the volume that does not exist, because the current request creates it.
    pub(super) fn miss_volume(&self, name: Option<&str>) {
        self.missing_volume.replace(name.map(str::to_owned));
    }

    /// Answers a request.
    pub(super) fn answer(&self, head: &Head, body: &Body) -> DockerdAnswer {
        let name = head.object.as_deref().unwrap_or_default();
        match head.route.operation {
            Operation::System(operation) => answer_system(operation),
            Operation::Container(operation) => self.answer_container(operation, head, body),
            Operation::Exec(ExecOperation::Inspect) => document(&self.exec(name)),
            Operation::Exec(ExecOperation::Create) => self.make_exec(name, body),
            Operation::Exec(ExecOperation::Start) => end_of_stream(),
            Operation::Image(operation) => self.answer_image(operation, head),
            Operation::Volume(operation) => self.answer_volume(operation, head, body),
            Operation::Network(NetworkOperation::Inspect) => document(&self.network(name)),
            Operation::Network(NetworkOperation::Create) => {
                made(&json!({"Id": id_of("made", name)}))
            }
            Operation::Network(NetworkOperation::Prune)
            | Operation::Build(BuildOperation::Prune) => document(&json!({"SpaceReclaimed": 0})),
            Operation::Build(BuildOperation::Session | BuildOperation::Grpc) => no_daemon(),
            Operation::Build(BuildOperation::Run) => empty(StatusCode::OK),
            Operation::Swarm(
                SwarmOperation::ServiceCreate
                | SwarmOperation::SecretCreate
                | SwarmOperation::ConfigCreate,
            ) => made(&json!({"ID": id_of("made", name)})),
            Operation::Network(NetworkOperation::List)
            | Operation::Registry(
                RegistryOperation::SearchImages | RegistryOperation::PluginPrivileges,
            )
            | Operation::Plugin(PluginOperation::List)
            | Operation::Swarm(
                SwarmOperation::NodeList
                | SwarmOperation::ServiceList
                | SwarmOperation::TaskList
                | SwarmOperation::SecretList
                | SwarmOperation::ConfigList,
            ) => document(&json!([])),
            Operation::Registry(RegistryOperation::Auth) => document(&json!({})),
            Operation::Registry(_)
            | Operation::Build(_)
            | Operation::Exec(_)
            | Operation::Network(_)
            | Operation::Plugin(_)
            | Operation::Swarm(_) => by_method(head),
        }
    }

    fn answer_container(
        &self,
        operation: ContainerOperation,
        head: &Head,
        body: &Body,
    ) -> DockerdAnswer {
        let name = head.object.as_deref().unwrap_or_default();
        match operation {
            ContainerOperation::Inspect => document(&self.container(name)),
            ContainerOperation::Create => self.make_container(head, body),
            ContainerOperation::Start => {
                self.start(name);
                empty(StatusCode::NO_CONTENT)
            }
            ContainerOperation::Commit => made(&json!({"Id": id_of("made", name)})),
            ContainerOperation::Wait => document(&json!({"StatusCode": 0})),
            ContainerOperation::Attach => end_of_stream(),
            ContainerOperation::AttachWs => no_daemon(),
            ContainerOperation::ArchiveStat | ContainerOperation::ArchiveRead => {
                with_header(empty(StatusCode::OK), STAT, FILE)
            }
            ContainerOperation::Top => document(&json!({"Titles": [], "Processes": []})),
            ContainerOperation::List | ContainerOperation::Changes => document(&json!([])),
            ContainerOperation::Update | ContainerOperation::Stats => document(&json!({})),
            ContainerOperation::Prune => document(&json!({"SpaceReclaimed": 0})),
            // Streams end at once.
            ContainerOperation::Logs
            | ContainerOperation::Export
            | ContainerOperation::ArchiveWrite => empty(StatusCode::OK),
            ContainerOperation::Stop
            | ContainerOperation::Restart
            | ContainerOperation::Kill
            | ContainerOperation::Pause
            | ContainerOperation::Unpause
            | ContainerOperation::Rename
            | ContainerOperation::Remove
            | ContainerOperation::Resize => by_method(head),
        }
    }

    fn answer_image(&self, operation: ImageOperation, head: &Head) -> DockerdAnswer {
        let name = head.object.as_deref().unwrap_or_default();
        match operation {
            ImageOperation::Inspect => document(&self.image(name)),
            ImageOperation::List | ImageOperation::History | ImageOperation::Remove => {
                document(&json!([]))
            }
            ImageOperation::Prune => document(&json!({"SpaceReclaimed": 0})),
            ImageOperation::Pull
            | ImageOperation::Push
            | ImageOperation::Load
            | ImageOperation::Save => empty(StatusCode::OK),
            ImageOperation::Attestations | ImageOperation::Tag => by_method(head),
        }
    }

    fn answer_volume(&self, operation: VolumeOperation, head: &Head, body: &Body) -> DockerdAnswer {
        let name = head.object.as_deref().unwrap_or_default();
        match operation {
            VolumeOperation::Inspect if self.missing_volume.borrow().as_deref() == Some(name) => {
                refuse(&Refusal::not_found(format!("get {name}: no such volume")))
            }
            VolumeOperation::Inspect => document(&self.volume(name)),
            VolumeOperation::Create => {
                let Body::VolumeCreate(volume) = body else { return made(&self.volume("")) };
                made(&self.volume(volume.name.as_deref().unwrap_or_default()))
            }
            VolumeOperation::List => document(&json!({"Volumes": [], "Warnings": []})),
            VolumeOperation::Prune => document(&json!({"SpaceReclaimed": 0})),
            VolumeOperation::Update | VolumeOperation::Remove => by_method(head),
        }
    }

    fn container(&self, name: &str) -> Value {
        if let Some(container) = self.known.borrow().get(name) {
            return container.clone();
        }
        let host_config = json!({});
        let container =
            self.container_with(name, "unknown", &host_config, &self.owner_of_rest, true);
        self.store(&container, "Id", Some(name));
        container
    }

    fn container_with(
        &self,
        name: &str,
        image: &str,
        host_config: &Value,
        owner: &Owner,
        is_running: bool,
    ) -> Value {
        json!({
            "Id": id_of("container", name),
            "Name": format!("/{name}"),
            "Driver": "overlay2",
            "Image": self.image(image).get("Id"),
            "Config": {"Image": image, "Labels": {LABEL: owner.to_string()}},
            "HostConfig": host_config,
            "NetworkSettings": {},
            "State": state(is_running),
        })
    }

    fn make_container(&self, head: &Head, body: &Body) -> DockerdAnswer {
        let Body::ContainerCreate(config) = body else { return empty(StatusCode::BAD_REQUEST) };
        // A container without a name gets a unique one, as from dockerd.
        let given = format!("nameless_{}", self.known.borrow().len() / 2);
        let name = head.query.text("name").unwrap_or(&given);
        let image = config.image.as_deref().unwrap_or_default();
        let host_config = config.host_config.as_ref();
        let host_config = host_config.and_then(|host| serde_json::to_value(host).ok());
        let host_config = host_config.unwrap_or_else(|| json!({}));
        let container = self.container_with(name, image, &host_config, &self.owner, false);
        made(&json!({"Id": self.store(&container, "Id", Some(name)), "Warnings": []}))
    }

    fn make_exec(&self, container: &str, body: &Body) -> DockerdAnswer {
        let Body::ExecCreate(exec) = body else { return empty(StatusCode::BAD_REQUEST) };
        let mut words = exec.cmd.iter().flatten();
        let number = self.known.borrow().len();
        let exec = json!({
            "ID": id_of("exec", &number.to_string()),
            "ContainerID": self.container(container).get("Id"),
            "ExitCode": 0,
            "Running": false,
            "ProcessConfig": {
                "entrypoint": words.next().cloned().unwrap_or_default(),
                "arguments": words.collect::<Vec<_>>(),
                "privileged": exec.privileged == Some(true),
            },
        });
        let id = self.store(&exec, "ID", None);
        claim(&self.owners, OwnedKind::Exec, &id, &self.owner);
        made(&json!({"Id": id}))
    }

    /// Stores an object under its id and its name. Returns the id.
    fn store(&self, object: &Value, key: &str, name: Option<&str>) -> String {
        let id = object.get(key).and_then(Value::as_str).unwrap_or_default();
        let mut known = self.known.borrow_mut();
        for key in [Some(id), name].into_iter().flatten() {
            known.insert(key.to_owned(), object.clone());
        }
        id.to_owned()
    }

    fn start(&self, name: &str) {
        let mut known = self.known.borrow_mut();
        let id = known.get(name).and_then(|container| container.get("Id")).cloned();
        for container in known.values_mut() {
            if id.is_some()
                && container.get("Id") == id.as_ref()
                && let Some(old) = container.get_mut("State")
            {
                *old = state(true);
            }
        }
    }

    fn exec(&self, id: &str) -> Value {
        if let Some(exec) = self.known.borrow().get(id) {
            return exec.clone();
        }
        let (container, exec) = (self.container(id), id_of("exec", id));
        claim(&self.owners, OwnedKind::Exec, &exec, &self.owner_of_rest);
        json!({"ID": exec, "ContainerID": container.get("Id")})
    }

    /// The broker cannot label an image, so the table names its owner.
    fn image(&self, name: &str) -> Value {
        let id = match name.strip_prefix("sha256:") {
            Some(_) => name.to_owned(),
            None => format!("sha256:{}", id_of("image", name)),
        };
        claim(&self.owners, OwnedKind::Image, &id, &self.owner_of_rest);
        let has_tag = name.rsplit('/').next().is_some_and(|last| last.contains(':'));
        let (tags, digests) = match name {
            name if name.starts_with("sha256:") => (vec![], vec![]),
            name if name.contains('@') => (vec![], vec![name.to_owned()]),
            name if has_tag => (vec![name.to_owned()], vec![]),
            name => (vec![format!("{name}:latest")], vec![]),
        };
        for tag in &tags {
            let key = name_key(tag, &id);
            claim(&self.owners, OwnedKind::ImageName, &key, &self.owner_of_rest);
        }
        json!({"Id": id, "RepoTags": tags, "RepoDigests": digests, "Config": {}})
    }

    fn volume(&self, name: &str) -> Value {
        json!({"Name": name, "Driver": "local", "Scope": "local", "Labels": self.labels()})
    }

    fn network(&self, name: &str) -> Value {
        let id = id_of("network", name);
        json!({"Id": id, "Name": name, "Driver": "bridge", "Labels": self.labels()})
    }

    fn labels(&self) -> Value {
        json!({LABEL: self.owner_of_rest.to_string()})
    }
}

fn answer_system(operation: SystemOperation) -> DockerdAnswer {
    match operation {
        SystemOperation::Ping => ping(),
        SystemOperation::Version => document(&version()),
        SystemOperation::Info => document(&json!({
            "OSType": "linux", "Architecture": "x86_64", "DefaultRuntime": "runc",
            "Swarm": {"LocalNodeState": "inactive"},
        })),
        SystemOperation::DiskUsage => document(&json!({})),
        SystemOperation::Events => empty(StatusCode::OK),
    }
}

/// The response to an operation that has no response of its own here.
fn by_method(head: &Head) -> DockerdAnswer {
    if matches!(head.route.method, Method::Get | Method::Head) {
        return refuse(&Refusal::not_found("no such object"));
    }
    empty(StatusCode::NO_CONTENT)
}

/// The response to an operation that needs a real daemon.
fn no_daemon() -> DockerdAnswer {
    refuse(&Refusal::forbidden("the call", "explain has no daemon that could do this", "run it"))
}

/// The response to a request that the broker refuses.
pub(super) fn refuse(refusal: &Refusal) -> DockerdAnswer {
    with_status(document(&json!({"message": refusal.message})), refusal.status)
}

fn state(is_running: bool) -> Value {
    let status = if is_running { "running" } else { "created" };
    json!({"Pid": i32::from(is_running), "Running": is_running, "Status": status})
}

/// An id for a name, always the same. A name that is an id already is returned unchanged.
fn id_of(kind: &str, name: &str) -> String {
    if is_id(name) {
        return name.to_owned();
    }
    let digest = Sha256::new().chain_update(kind).chain_update([0]).chain_update(name).finalize();
    digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Announces the newest version of the API, and BuildKit as the default builder, as dockerd does since
/// version 23.
fn ping() -> DockerdAnswer {
    let newest = HeaderValue::from_str(&ApiVersion::NEWEST.to_string());
    let answer = with_header(empty(StatusCode::OK), "ostype", "linux");
    let mut answer = with_header(answer, "builder-version", "2");
    if let Ok(newest) = newest {
        answer.headers_mut().insert(HeaderName::from_static("api-version"), newest);
    }
    answer
}

fn version() -> Value {
    json!({
        "Version": "none",
        "ApiVersion": ApiVersion::NEWEST.to_string(),
        "MinAPIVersion": ApiVersion::OLDEST.to_string(),
        "Os": "linux",
        "Arch": "amd64",
        "Platform": {"Name": "audit-broker explain"},
    })
}

/// The header in which dockerd describes a file.
///
/// # Source
/// `PathStat` in `api/types/container/container.go` of moby.
const STAT: &str = "x-docker-container-path-stat";

/// The description of an empty file: base64 of
/// `{"name":"x","size":0,"mode":420,"mtime":"2000-01-01T00:00:00Z","linkTarget":""}`.
const FILE: &str = "eyJuYW1lIjoieCIsInNpemUiOjAsIm1vZGUiOjQyMCwibXRpbWUiOiIyMDAwLTAxLTAxVDAwOjAwOjAwWiIs\
                    ImxpbmtUYXJnZXQiOiIifQ==";

/// Upgrades the connection to a stream. The server closes it.
fn end_of_stream() -> DockerdAnswer {
    let mut answer = empty(StatusCode::SWITCHING_PROTOCOLS);
    answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    answer.headers_mut().insert(UPGRADE, HeaderValue::from_static("tcp"));
    answer
}

fn document(value: &Value) -> DockerdAnswer {
    let mut answer = Response::new(Full::from(value.to_string()));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

fn made(value: &Value) -> DockerdAnswer {
    with_status(document(value), StatusCode::CREATED)
}

fn empty(status: StatusCode) -> DockerdAnswer {
    with_status(Response::new(Full::default()), status)
}

fn with_status(mut answer: DockerdAnswer, status: StatusCode) -> DockerdAnswer {
    *answer.status_mut() = status;
    answer
}

fn with_header(
    mut answer: DockerdAnswer,
    name: &'static str,
    value: &'static str,
) -> DockerdAnswer {
    answer.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    answer
}
