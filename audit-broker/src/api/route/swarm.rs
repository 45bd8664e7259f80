//! Routes of the swarm: nodes, services, tasks, secrets and configs.

use super::container::LOGS;
use super::parameter::{FILTERS, bool, flag, number, text};
use super::{AnswerKind, BodyKind, ObjectKind, Parameter, Route};
use crate::api::class::Class;

const NODE: ObjectKind = ObjectKind::Node;
const SERVICE: ObjectKind = ObjectKind::Service;
const TASK: ObjectKind = ObjectKind::Task;
const SECRET: ObjectKind = ObjectKind::Secret;
const CONFIG: ObjectKind = ObjectKind::Config;

/// The version of the object that a change was made for.
const VERSION: &[Parameter] = &[number("version")];

pub(super) const ROUTES: &[Route] = &[
    Route::get("/swarm", Class::SwarmView, "swarm-inspect"),
    Route::get("/swarm/unlockkey", Class::SwarmView, "swarm-unlock-key"),
    Route::post("/swarm/init", Class::Swarm, "swarm-init").takes(BodyKind::SwarmInit),
    Route::post("/swarm/join", Class::Swarm, "swarm-join").takes(BodyKind::SwarmJoin),
    Route::post("/swarm/update", Class::Swarm, "swarm-update")
        .query(&[
            number("version"),
            bool("rotateWorkerToken"),
            bool("rotateManagerToken"),
            bool("rotateManagerUnlockKey"),
        ])
        .takes(BodyKind::SwarmUpdate),
    Route::post("/swarm/unlock", Class::Swarm, "swarm-unlock").takes(BodyKind::SwarmUnlock),
    Route::post("/swarm/leave", Class::Swarm, "swarm-leave").query(&[flag("force")]),
    Route::get("/nodes", Class::NodeView, "node-list").query(&[FILTERS]),
    Route::get("/nodes/{id}", Class::NodeView, "node-inspect").of(NODE),
    Route::post("/nodes/{id}/update", Class::Node, "node-update")
        .of(NODE)
        .query(VERSION)
        .takes(BodyKind::NodeUpdate),
    Route::delete("/nodes/{id}", Class::Node, "node-remove").of(NODE).query(&[flag("force")]),
    Route::get("/services", Class::ServiceView, "service-list").query(&[FILTERS, bool("status")]),
    Route::get("/services/{id}", Class::ServiceView, "service-inspect")
        .of(SERVICE)
        .query(&[bool("insertDefaults")]),
    Route::get("/services/{id}/logs", Class::ServiceLogs, "service-logs")
        .of(SERVICE)
        .query(LOGS)
        .answers(AnswerKind::Stream),
    Route::post("/services/create", Class::Service, "service-create").takes(BodyKind::Service),
    Route::post("/services/{id}/update", Class::Service, "service-update")
        .of(SERVICE)
        .query(&[number("version"), text("registryAuthFrom"), text("rollback")])
        .takes(BodyKind::Service),
    Route::delete("/services/{id}", Class::Service, "service-remove").of(SERVICE),
    Route::get("/tasks", Class::ServiceView, "task-list").query(&[FILTERS]),
    Route::get("/tasks/{id}", Class::ServiceView, "task-inspect").of(TASK),
    Route::get("/tasks/{id}/logs", Class::ServiceLogs, "task-logs")
        .of(TASK)
        .query(LOGS)
        .answers(AnswerKind::Stream),
    Route::get("/secrets", Class::SecretView, "secret-list").query(&[FILTERS]),
    Route::get("/secrets/{id}", Class::SecretView, "secret-inspect").of(SECRET),
    Route::post("/secrets/create", Class::Secret, "secret-create").takes(BodyKind::Secret),
    Route::post("/secrets/{id}/update", Class::Secret, "secret-update")
        .of(SECRET)
        .query(VERSION)
        .takes(BodyKind::Secret),
    Route::delete("/secrets/{id}", Class::Secret, "secret-remove").of(SECRET),
    Route::get("/configs", Class::ConfigView, "config-list").query(&[FILTERS]),
    Route::get("/configs/{id}", Class::ConfigView, "config-inspect").of(CONFIG),
    Route::post("/configs/create", Class::Config, "config-create").takes(BodyKind::Config),
    Route::post("/configs/{id}/update", Class::Config, "config-update")
        .of(CONFIG)
        .query(VERSION)
        .takes(BodyKind::Config),
    Route::delete("/configs/{id}", Class::Config, "config-remove").of(CONFIG),
];
