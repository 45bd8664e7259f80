//! Routes of volumes.

use super::parameter::{FILTERS, flag, number};
use super::{BodyKind, ObjectKind, Route};
use crate::api::class::Class;

const VOLUME: ObjectKind = ObjectKind::Volume;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/volumes", Class::VolumeView, "volume-list").query(&[FILTERS]),
    Route::get("/volumes/{name}", Class::VolumeView, "volume-inspect").of(VOLUME),
    Route::post("/volumes/create", Class::Volume, "volume-create").takes(BodyKind::VolumeCreate),
    Route::put("/volumes/{name}", Class::Volume, "volume-update")
        .of(VOLUME)
        .query(&[number("version")])
        .takes(BodyKind::VolumeUpdate),
    Route::delete("/volumes/{name}", Class::Volume, "volume-remove")
        .of(VOLUME)
        .query(&[flag("force")]),
    Route::post("/volumes/prune", Class::Volume, "volume-prune").query(&[FILTERS]),
];
