//! Routes of dockerd itself, its registries and its builder.

use super::parameter::{FILTERS, flag, json, list, map, number, refused, text};
use super::{BodyKind, ObjectKind, Parameter, ResponseKind, Route};
use crate::api::class::Class;
use crate::api::operation::{BuildOperation, Operation, RegistryOperation, SystemOperation};

pub(super) const ROUTES: &[Route] = &[
    Route::get("/_ping", Class::SystemProbe, Operation::System(SystemOperation::Ping)),
    Route::head("/_ping", Class::SystemProbe, Operation::System(SystemOperation::Ping)),
    Route::get("/version", Class::SystemProbe, Operation::System(SystemOperation::Version)),
    Route::get("/info", Class::SystemProbe, Operation::System(SystemOperation::Info)),
    Route::get("/events", Class::Events, Operation::System(SystemOperation::Events))
        .query(&[text("since"), text("until"), FILTERS])
        .responds(ResponseKind::Stream),
    Route::get("/system/df", Class::SystemRead, Operation::System(SystemOperation::DiskUsage))
        .query(&[text("type").repeated(), flag("verbose")]),
    Route::post("/auth", Class::RegistryAuth, Operation::Registry(RegistryOperation::Auth))
        .takes(BodyKind::Auth),
    Route::get(
        "/distribution/{name}/json",
        Class::RegistryRead,
        Operation::Registry(RegistryOperation::Inspect),
    )
    .of(ObjectKind::Image),
    Route::post("/build", Class::Build, Operation::Build(BuildOperation::Run))
        .query(BUILD)
        .takes(BodyKind::Stream)
        .responds(ResponseKind::Progress),
    Route::post("/build/prune", Class::Build, Operation::Build(BuildOperation::Prune)).query(&[
        number("keep-storage"),
        number("reserved-space"),
        number("max-used-space"),
        number("min-free-space"),
        flag("all"),
        FILTERS,
    ]),
    Route::post("/build/cancel", Class::Build, Operation::Build(BuildOperation::Cancel))
        .query(&[text("id")]),
    Route::post("/session", Class::BuildSession, Operation::Build(BuildOperation::Session))
        .responds(ResponseKind::Http2),
    Route::post("/grpc", Class::BuildSession, Operation::Build(BuildOperation::Grpc))
        .responds(ResponseKind::Http2),
];

/// # Source
/// `newImageBuildOptions` in `daemon/server/router/build/build_routes.go` of moby.
const BUILD: &[Parameter] = &[
    text("dockerfile"),
    text("t").repeated(),
    text("extrahosts").repeated(),
    text("remote"),
    flag("q"),
    flag("nocache"),
    list("cachefrom"),
    flag("pull"),
    flag("rm"),
    flag("forcerm"),
    number("memory"),
    number("memswap"),
    number("cpushares"),
    text("cpusetcpus"),
    text("cpusetmems"),
    number("cpuperiod"),
    number("cpuquota"),
    text("cgroupparent"),
    map("buildargs"),
    number("shmsize"),
    flag("squash"),
    map("labels"),
    text("networkmode"),
    text("platform"),
    text("target"),
    json("outputs"),
    text("version"),
    text("buildid"),
    text("session"),
    json("ulimits"),
    text("isolation"),
    refused(
        "securityopt",
        "The daemon on this platform does not support setting security options on build",
    ),
];
