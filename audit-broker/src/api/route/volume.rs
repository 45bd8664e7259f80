//! Routes of volumes.

use super::parameter::{FILTERS, flag, number};
use super::{BodyKind, ObjectKind, Route};
use crate::api::class::Class;
use crate::api::operation::{Operation, VolumeOperation};

const VOLUME: ObjectKind = ObjectKind::Volume;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/volumes", Class::VolumeView, Operation::Volume(VolumeOperation::List))
        .query(&[FILTERS]),
    Route::get("/volumes/{name}", Class::VolumeView, Operation::Volume(VolumeOperation::Inspect))
        .of(VOLUME),
    Route::post("/volumes/create", Class::Volume, Operation::Volume(VolumeOperation::Create))
        .takes(BodyKind::VolumeCreate),
    Route::put("/volumes/{name}", Class::Volume, Operation::Volume(VolumeOperation::Update))
        .of(VOLUME)
        .query(&[number("version")])
        .takes(BodyKind::VolumeUpdate),
    Route::delete("/volumes/{name}", Class::Volume, Operation::Volume(VolumeOperation::Remove))
        .of(VOLUME)
        .query(&[flag("force")]),
    Route::post("/volumes/prune", Class::Volume, Operation::Volume(VolumeOperation::Prune))
        .query(&[FILTERS]),
];
