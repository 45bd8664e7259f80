//! Routes of the swarm: nodes, services, tasks, secrets and configs.

use super::container::LOGS;
use super::parameter::{FILTERS, bool, flag, number, text};
use super::{BodyKind, ObjectKind, Parameter, ResponseKind, Route};
use crate::api::class::Class;
use crate::api::operation::{Operation, SwarmOperation};

const NODE: ObjectKind = ObjectKind::Node;
const SERVICE: ObjectKind = ObjectKind::Service;
const TASK: ObjectKind = ObjectKind::Task;
const SECRET: ObjectKind = ObjectKind::Secret;
const CONFIG: ObjectKind = ObjectKind::Config;

/// The version of the object to which a change applies.
const VERSION: &[Parameter] = &[number("version")];

pub(super) const ROUTES: &[Route] = &[
    Route::get("/swarm", Class::SwarmView, Operation::Swarm(SwarmOperation::Inspect)),
    Route::get("/swarm/unlockkey", Class::SwarmView, Operation::Swarm(SwarmOperation::UnlockKey)),
    Route::post("/swarm/init", Class::Swarm, Operation::Swarm(SwarmOperation::Init))
        .takes(BodyKind::SwarmInit),
    Route::post("/swarm/join", Class::Swarm, Operation::Swarm(SwarmOperation::Join))
        .takes(BodyKind::SwarmJoin),
    Route::post("/swarm/update", Class::Swarm, Operation::Swarm(SwarmOperation::Update))
        .query(&[
            number("version"),
            bool("rotateWorkerToken"),
            bool("rotateManagerToken"),
            bool("rotateManagerUnlockKey"),
        ])
        .takes(BodyKind::SwarmUpdate),
    Route::post("/swarm/unlock", Class::Swarm, Operation::Swarm(SwarmOperation::Unlock))
        .takes(BodyKind::SwarmUnlock),
    Route::post("/swarm/leave", Class::Swarm, Operation::Swarm(SwarmOperation::Leave))
        .query(&[flag("force")]),
    Route::get("/nodes", Class::NodeView, Operation::Swarm(SwarmOperation::NodeList))
        .query(&[FILTERS]),
    Route::get("/nodes/{id}", Class::NodeView, Operation::Swarm(SwarmOperation::NodeInspect))
        .of(NODE),
    Route::post("/nodes/{id}/update", Class::Node, Operation::Swarm(SwarmOperation::NodeUpdate))
        .of(NODE)
        .query(VERSION)
        .takes(BodyKind::NodeUpdate),
    Route::delete("/nodes/{id}", Class::Node, Operation::Swarm(SwarmOperation::NodeRemove))
        .of(NODE)
        .query(&[flag("force")]),
    Route::get("/services", Class::ServiceView, Operation::Swarm(SwarmOperation::ServiceList))
        .query(&[FILTERS, bool("status")]),
    Route::get(
        "/services/{id}",
        Class::ServiceView,
        Operation::Swarm(SwarmOperation::ServiceInspect),
    )
    .of(SERVICE)
    .query(&[bool("insertDefaults")]),
    Route::get(
        "/services/{id}/logs",
        Class::ServiceLogs,
        Operation::Swarm(SwarmOperation::ServiceLogs),
    )
    .of(SERVICE)
    .query(LOGS)
    .responds(ResponseKind::Stream),
    Route::post(
        "/services/create",
        Class::Service,
        Operation::Swarm(SwarmOperation::ServiceCreate),
    )
    .takes(BodyKind::Service),
    Route::post(
        "/services/{id}/update",
        Class::Service,
        Operation::Swarm(SwarmOperation::ServiceUpdate),
    )
    .of(SERVICE)
    .query(&[number("version"), text("registryAuthFrom"), text("rollback")])
    .takes(BodyKind::Service),
    Route::delete(
        "/services/{id}",
        Class::Service,
        Operation::Swarm(SwarmOperation::ServiceRemove),
    )
    .of(SERVICE),
    Route::get("/tasks", Class::ServiceView, Operation::Swarm(SwarmOperation::TaskList))
        .query(&[FILTERS]),
    Route::get("/tasks/{id}", Class::ServiceView, Operation::Swarm(SwarmOperation::TaskInspect))
        .of(TASK),
    Route::get("/tasks/{id}/logs", Class::ServiceLogs, Operation::Swarm(SwarmOperation::TaskLogs))
        .of(TASK)
        .query(LOGS)
        .responds(ResponseKind::Stream),
    Route::get("/secrets", Class::SecretView, Operation::Swarm(SwarmOperation::SecretList))
        .query(&[FILTERS]),
    Route::get("/secrets/{id}", Class::SecretView, Operation::Swarm(SwarmOperation::SecretInspect))
        .of(SECRET),
    Route::post("/secrets/create", Class::Secret, Operation::Swarm(SwarmOperation::SecretCreate))
        .takes(BodyKind::Secret),
    Route::post(
        "/secrets/{id}/update",
        Class::Secret,
        Operation::Swarm(SwarmOperation::SecretUpdate),
    )
    .of(SECRET)
    .query(VERSION)
    .takes(BodyKind::Secret),
    Route::delete("/secrets/{id}", Class::Secret, Operation::Swarm(SwarmOperation::SecretRemove))
        .of(SECRET),
    Route::get("/configs", Class::ConfigView, Operation::Swarm(SwarmOperation::ConfigList))
        .query(&[FILTERS]),
    Route::get("/configs/{id}", Class::ConfigView, Operation::Swarm(SwarmOperation::ConfigInspect))
        .of(CONFIG),
    Route::post("/configs/create", Class::Config, Operation::Swarm(SwarmOperation::ConfigCreate))
        .takes(BodyKind::Config),
    Route::post(
        "/configs/{id}/update",
        Class::Config,
        Operation::Swarm(SwarmOperation::ConfigUpdate),
    )
    .of(CONFIG)
    .query(VERSION)
    .takes(BodyKind::Config),
    Route::delete("/configs/{id}", Class::Config, Operation::Swarm(SwarmOperation::ConfigRemove))
        .of(CONFIG),
];
