//! Routes of plugins.

use super::parameter::{FILTERS, flag, number, text};
use super::{BodyKind, ObjectKind, ResponseKind, Route};
use crate::api::class::Class;
use crate::api::operation::{Operation, PluginOperation, RegistryOperation};

const PLUGIN: ObjectKind = ObjectKind::Plugin;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/plugins", Class::PluginView, Operation::Plugin(PluginOperation::List))
        .query(&[FILTERS]),
    Route::get(
        "/plugins/{name}/json",
        Class::PluginView,
        Operation::Plugin(PluginOperation::Inspect),
    )
    .of(PLUGIN),
    Route::get(
        "/plugins/privileges",
        Class::RegistryRead,
        Operation::Registry(RegistryOperation::PluginPrivileges),
    )
    .query(&[text("remote")]),
    Route::post("/plugins/pull", Class::Plugin, Operation::Plugin(PluginOperation::Pull))
        .query(&[text("remote"), text("name")])
        .takes(BodyKind::PluginPrivileges)
        .responds(ResponseKind::Progress),
    Route::post(
        "/plugins/{name}/upgrade",
        Class::Plugin,
        Operation::Plugin(PluginOperation::Upgrade),
    )
    .of(PLUGIN)
    .query(&[text("remote")])
    .takes(BodyKind::PluginPrivileges)
    .responds(ResponseKind::Progress),
    Route::post("/plugins/create", Class::Plugin, Operation::Plugin(PluginOperation::Create))
        .query(&[text("name")])
        .takes(BodyKind::Stream),
    Route::post(
        "/plugins/{name}/enable",
        Class::Plugin,
        Operation::Plugin(PluginOperation::Enable),
    )
    .of(PLUGIN)
    .query(&[number("timeout")]),
    Route::post(
        "/plugins/{name}/disable",
        Class::Plugin,
        Operation::Plugin(PluginOperation::Disable),
    )
    .of(PLUGIN)
    .query(&[flag("force")]),
    Route::post("/plugins/{name}/push", Class::Plugin, Operation::Plugin(PluginOperation::Push))
        .of(PLUGIN)
        .responds(ResponseKind::Progress),
    Route::post("/plugins/{name}/set", Class::Plugin, Operation::Plugin(PluginOperation::Set))
        .of(PLUGIN)
        .takes(BodyKind::PluginSet),
    Route::delete("/plugins/{name}", Class::Plugin, Operation::Plugin(PluginOperation::Remove))
        .of(PLUGIN)
        .query(&[flag("force")]),
];
