//! Routes of containers and of the processes started in them.

use super::parameter::{FILTERS, flag, flag_on, lines, number, ps_arguments, text};
use super::{AnswerKind, BodyKind, ObjectKind, Parameter, Route};
use crate::api::class::Class;

const CONTAINER: ObjectKind = ObjectKind::Container;
const EXEC: ObjectKind = ObjectKind::Exec;

/// `trunc_cmd` has no meaning to the daemon; docker-py sends it with every list.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/containers/json", Class::ContainerList, "list").query(&[
        flag("all"),
        number("limit"),
        flag("size"),
        flag("trunc_cmd"),
        FILTERS,
    ]),
    Route::post("/containers/create", Class::ContainerCreate, "create")
        .query(&[text("name"), text("platform")])
        .takes(BodyKind::ContainerCreate),
    Route::get("/containers/{id}/json", Class::ContainerView, "inspect")
        .of(CONTAINER)
        .query(&[flag("size")]),
    Route::get("/containers/{id}/top", Class::ContainerView, "top")
        .of(CONTAINER)
        .query(&[ps_arguments("ps_args")]),
    Route::get("/containers/{id}/changes", Class::ContainerView, "changes").of(CONTAINER),
    Route::get("/containers/{id}/stats", Class::ContainerStats, "stats")
        .of(CONTAINER)
        .query(&[flag_on("stream"), flag("one-shot")])
        .answers(AnswerKind::Stream),
    Route::get("/containers/{id}/logs", Class::ContainerLogs, "logs")
        .of(CONTAINER)
        .query(LOGS)
        .answers(AnswerKind::Stream),
    Route::get("/containers/{id}/export", Class::ContainerFilesRead, "export")
        .of(CONTAINER)
        .answers(AnswerKind::Stream),
    Route::head("/containers/{id}/archive", Class::ContainerFilesRead, "archive-stat")
        .of(CONTAINER)
        .query(&[text("path")]),
    Route::get("/containers/{id}/archive", Class::ContainerFilesRead, "archive-read")
        .of(CONTAINER)
        .query(&[text("path")])
        .answers(AnswerKind::Stream),
    Route::put("/containers/{id}/archive", Class::ContainerFilesWrite, "archive-write")
        .of(CONTAINER)
        .query(&[text("path"), flag("noOverwriteDirNonDir"), flag("copyUIDGID")])
        .takes(BodyKind::Stream),
    Route::post("/containers/{id}/start", Class::ContainerState, "start")
        .of(CONTAINER)
        .query(&[text("detachKeys")]),
    Route::post("/containers/{id}/stop", Class::ContainerState, "stop").of(CONTAINER).query(STOP),
    Route::post("/containers/{id}/restart", Class::ContainerState, "restart")
        .of(CONTAINER)
        .query(STOP),
    Route::post("/containers/{id}/kill", Class::ContainerState, "kill")
        .of(CONTAINER)
        .query(&[text("signal")]),
    Route::post("/containers/{id}/pause", Class::ContainerState, "pause").of(CONTAINER),
    Route::post("/containers/{id}/unpause", Class::ContainerState, "unpause").of(CONTAINER),
    Route::post("/containers/{id}/wait", Class::ContainerState, "wait")
        .of(CONTAINER)
        .query(&[text("condition")])
        .answers(AnswerKind::Stream),
    Route::post("/containers/{id}/update", Class::ContainerModify, "update")
        .of(CONTAINER)
        .takes(BodyKind::ContainerUpdate),
    Route::post("/containers/{id}/rename", Class::ContainerModify, "rename")
        .of(CONTAINER)
        .query(&[text("name")]),
    Route::delete("/containers/{id}", Class::ContainerDelete, "remove").of(CONTAINER).query(&[
        flag("v"),
        flag("force"),
        flag("link"),
    ]),
    Route::post("/containers/prune", Class::ContainerDelete, "prune").query(&[FILTERS]),
    Route::post("/containers/{id}/attach", Class::Attach, "attach")
        .of(CONTAINER)
        .query(ATTACH)
        .answers(AnswerKind::Hijack),
    Route::get("/containers/{id}/attach/ws", Class::Attach, "attach-ws")
        .of(CONTAINER)
        .query(ATTACH)
        .answers(AnswerKind::WebSocket),
    Route::post("/containers/{id}/resize", Class::Attach, "resize").of(CONTAINER).query(SIZE),
    Route::post("/containers/{id}/exec", Class::Exec, "exec")
        .of(CONTAINER)
        .takes(BodyKind::ExecCreate),
    Route::post("/exec/{id}/start", Class::Exec, "exec-start")
        .of(EXEC)
        .takes(BodyKind::ExecStart)
        .answers(AnswerKind::Hijack),
    Route::post("/exec/{id}/resize", Class::Exec, "exec-resize").of(EXEC).query(SIZE),
    Route::get("/exec/{id}/json", Class::ExecView, "exec-inspect").of(EXEC),
    Route::post("/commit", Class::ImageName, "commit")
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

/// `details` and `format` are read by the daemon, though its description leaves them out.
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
