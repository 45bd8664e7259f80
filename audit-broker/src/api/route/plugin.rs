//! Routes of plugins.

use super::parameter::{FILTERS, flag, number, text};
use super::{AnswerKind, BodyKind, ObjectKind, Route};
use crate::api::class::Class;

const PLUGIN: ObjectKind = ObjectKind::Plugin;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/plugins", Class::PluginView, "plugin-list").query(&[FILTERS]),
    Route::get("/plugins/{name}/json", Class::PluginView, "plugin-inspect").of(PLUGIN),
    Route::get("/plugins/privileges", Class::RegistryRead, "plugin-privileges")
        .query(&[text("remote")]),
    Route::post("/plugins/pull", Class::Plugin, "plugin-pull")
        .query(&[text("remote"), text("name")])
        .takes(BodyKind::PluginPrivileges)
        .answers(AnswerKind::Progress),
    Route::post("/plugins/{name}/upgrade", Class::Plugin, "plugin-upgrade")
        .of(PLUGIN)
        .query(&[text("remote")])
        .takes(BodyKind::PluginPrivileges)
        .answers(AnswerKind::Progress),
    Route::post("/plugins/create", Class::Plugin, "plugin-create")
        .query(&[text("name")])
        .takes(BodyKind::Stream),
    Route::post("/plugins/{name}/enable", Class::Plugin, "plugin-enable")
        .of(PLUGIN)
        .query(&[number("timeout")]),
    Route::post("/plugins/{name}/disable", Class::Plugin, "plugin-disable")
        .of(PLUGIN)
        .query(&[flag("force")]),
    Route::post("/plugins/{name}/push", Class::Plugin, "plugin-push")
        .of(PLUGIN)
        .answers(AnswerKind::Progress),
    Route::post("/plugins/{name}/set", Class::Plugin, "plugin-set")
        .of(PLUGIN)
        .takes(BodyKind::PluginSet),
    Route::delete("/plugins/{name}", Class::Plugin, "plugin-remove")
        .of(PLUGIN)
        .query(&[flag("force")]),
];
