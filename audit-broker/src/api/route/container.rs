//! Routes of containers, and of the processes that exec starts in them.

use super::parameter::{FILTERS, flag, flag_on, lines, number, ps_arguments, refused, text};
use super::{BodyKind, ObjectKind, Parameter, ResponseKind, Route};
use crate::api::class::Class;
use crate::api::operation::{ContainerOperation, ExecOperation, Operation};

const CONTAINER: ObjectKind = ObjectKind::Container;
const EXEC: ObjectKind = ObjectKind::Exec;

pub(super) const ROUTES: &[Route] = &[
    Route::get(
        "/containers/json",
        Class::ContainerList,
        Operation::Container(ContainerOperation::List),
    )
    .query(&[
        flag("all"),
        number("limit"),
        flag("size"),
        FILTERS,
        refused("since", "use the filter `since`"),
        refused("before", "use the filter `before`"),
    ]),
    Route::post(
        "/containers/create",
        Class::ContainerCreate,
        Operation::Container(ContainerOperation::Create),
    )
    .query(&[text("name"), text("platform")])
    .takes(BodyKind::ContainerCreate),
    Route::get(
        "/containers/{id}/json",
        Class::ContainerView,
        Operation::Container(ContainerOperation::Inspect),
    )
    .of(CONTAINER)
    .query(&[flag("size")]),
    Route::get(
        "/containers/{id}/top",
        Class::ContainerView,
        Operation::Container(ContainerOperation::Top),
    )
    .of(CONTAINER)
    .query(&[ps_arguments("ps_args")]),
    Route::get(
        "/containers/{id}/changes",
        Class::ContainerView,
        Operation::Container(ContainerOperation::Changes),
    )
    .of(CONTAINER),
    Route::get(
        "/containers/{id}/stats",
        Class::ContainerStats,
        Operation::Container(ContainerOperation::Stats),
    )
    .of(CONTAINER)
    .query(&[flag_on("stream"), flag("one-shot")])
    .responds(ResponseKind::Stream),
    Route::get(
        "/containers/{id}/logs",
        Class::ContainerLogs,
        Operation::Container(ContainerOperation::Logs),
    )
    .of(CONTAINER)
    .query(LOGS)
    .responds(ResponseKind::Stream),
    Route::get(
        "/containers/{id}/export",
        Class::ContainerFilesRead,
        Operation::Container(ContainerOperation::Export),
    )
    .of(CONTAINER)
    .responds(ResponseKind::Stream),
    Route::head(
        "/containers/{id}/archive",
        Class::ContainerFilesRead,
        Operation::Container(ContainerOperation::ArchiveStat),
    )
    .of(CONTAINER)
    .query(&[text("path")]),
    Route::get(
        "/containers/{id}/archive",
        Class::ContainerFilesRead,
        Operation::Container(ContainerOperation::ArchiveRead),
    )
    .of(CONTAINER)
    .query(&[text("path")])
    .responds(ResponseKind::Stream),
    Route::put(
        "/containers/{id}/archive",
        Class::ContainerFilesWrite,
        Operation::Container(ContainerOperation::ArchiveWrite),
    )
    .of(CONTAINER)
    .query(&[text("path"), flag("noOverwriteDirNonDir"), flag("copyUIDGID")])
    .takes(BodyKind::Stream),
    Route::post(
        "/containers/{id}/start",
        Class::ContainerState,
        Operation::Container(ContainerOperation::Start),
    )
    .of(CONTAINER)
    .query(&[
        text("detachKeys"),
        refused("checkpoint", CHECKPOINT),
        refused("checkpoint-dir", CHECKPOINT),
    ]),
    Route::post(
        "/containers/{id}/stop",
        Class::ContainerState,
        Operation::Container(ContainerOperation::Stop),
    )
    .of(CONTAINER)
    .query(STOP),
    Route::post(
        "/containers/{id}/restart",
        Class::ContainerState,
        Operation::Container(ContainerOperation::Restart),
    )
    .of(CONTAINER)
    .query(STOP),
    Route::post(
        "/containers/{id}/kill",
        Class::ContainerState,
        Operation::Container(ContainerOperation::Kill),
    )
    .of(CONTAINER)
    .query(&[text("signal")]),
    Route::post(
        "/containers/{id}/pause",
        Class::ContainerState,
        Operation::Container(ContainerOperation::Pause),
    )
    .of(CONTAINER),
    Route::post(
        "/containers/{id}/unpause",
        Class::ContainerState,
        Operation::Container(ContainerOperation::Unpause),
    )
    .of(CONTAINER),
    Route::post(
        "/containers/{id}/wait",
        Class::ContainerState,
        Operation::Container(ContainerOperation::Wait),
    )
    .of(CONTAINER)
    .query(&[text("condition")])
    .responds(ResponseKind::Stream),
    Route::post(
        "/containers/{id}/update",
        Class::ContainerModify,
        Operation::Container(ContainerOperation::Update),
    )
    .of(CONTAINER)
    .takes(BodyKind::ContainerUpdate),
    Route::post(
        "/containers/{id}/rename",
        Class::ContainerModify,
        Operation::Container(ContainerOperation::Rename),
    )
    .of(CONTAINER)
    .query(&[text("name")]),
    Route::delete(
        "/containers/{id}",
        Class::ContainerDelete,
        Operation::Container(ContainerOperation::Remove),
    )
    .of(CONTAINER)
    .query(&[flag("v"), flag("force"), flag("link")]),
    Route::post(
        "/containers/prune",
        Class::ContainerDelete,
        Operation::Container(ContainerOperation::Prune),
    )
    .query(&[FILTERS]),
    Route::post(
        "/containers/{id}/attach",
        Class::Attach,
        Operation::Container(ContainerOperation::Attach),
    )
    .of(CONTAINER)
    .query(ATTACH)
    .responds(ResponseKind::Hijack),
    Route::get(
        "/containers/{id}/attach/ws",
        Class::Attach,
        Operation::Container(ContainerOperation::AttachWs),
    )
    .of(CONTAINER)
    .query(ATTACH)
    .responds(ResponseKind::WebSocket),
    Route::post(
        "/containers/{id}/resize",
        Class::Attach,
        Operation::Container(ContainerOperation::Resize),
    )
    .of(CONTAINER)
    .query(SIZE),
    Route::post("/containers/{id}/exec", Class::Exec, Operation::Exec(ExecOperation::Create))
        .of(CONTAINER)
        .takes(BodyKind::ExecCreate),
    Route::post("/exec/{id}/start", Class::Exec, Operation::Exec(ExecOperation::Start))
        .of(EXEC)
        .takes(BodyKind::ExecStart)
        .responds(ResponseKind::Hijack),
    Route::post("/exec/{id}/resize", Class::Exec, Operation::Exec(ExecOperation::Resize))
        .of(EXEC)
        .query(SIZE),
    Route::get("/exec/{id}/json", Class::ExecView, Operation::Exec(ExecOperation::Inspect))
        .of(EXEC),
    Route::post("/commit", Class::ImageName, Operation::Container(ContainerOperation::Commit))
        .query(&[
            text("container"),
            text("repo"),
            text("tag"),
            lines("comment"),
            lines("author"),
            flag("pause"),
            lines("changes").repeated(),
        ])
        .takes(BodyKind::Commit),
];

/// dockerd reads `details` and `format`, although its API description omits them.
pub(super) const LOGS: &[Parameter] = &[
    flag("follow"),
    flag("stdout"),
    flag("stderr"),
    text("since"),
    text("until"),
    flag("timestamps"),
    text("tail"),
    flag("details"),
    text("format"),
];

const CHECKPOINT: &str = "audit-broker does not restore checkpoints: a checkpoint holds the memory of a \
                          container and names paths of the host";

const ATTACH: &[Parameter] = &[
    text("detachKeys"),
    flag("logs"),
    flag("stream"),
    flag("stdin"),
    flag("stdout"),
    flag("stderr"),
];

const STOP: &[Parameter] = &[text("signal"), number("t")];

const SIZE: &[Parameter] = &[number("h"), number("w")];
