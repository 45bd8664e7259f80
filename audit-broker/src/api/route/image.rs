//! Routes of images.

use super::parameter::{FILTERS, flag, json, lines, number, text};
use super::{BodyKind, ObjectKind, ResponseKind, Route};
use crate::api::class::Class;
use crate::api::operation::{ImageOperation, Operation, RegistryOperation};

const IMAGE: ObjectKind = ObjectKind::Image;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/images/json", Class::ImageList, Operation::Image(ImageOperation::List)).query(&[
        flag("all"),
        FILTERS,
        flag("shared-size"),
        flag("digests"),
        flag("manifests"),
        flag("identity"),
    ]),
    Route::get(
        "/images/search",
        Class::RegistryRead,
        Operation::Registry(RegistryOperation::SearchImages),
    )
    .query(&[text("term"), number("limit"), FILTERS]),
    Route::get("/images/get", Class::ImageSave, Operation::Image(ImageOperation::Save))
        .query(&[text("names").repeated(), json("platform").repeated()])
        .responds(ResponseKind::Stream),
    Route::get("/images/{name}/get", Class::ImageSave, Operation::Image(ImageOperation::Save))
        .of(IMAGE)
        .query(&[json("platform").repeated()])
        .responds(ResponseKind::Stream),
    Route::get("/images/{name}/json", Class::ImageView, Operation::Image(ImageOperation::Inspect))
        .of(IMAGE)
        .query(&[flag("manifests"), json("platform")]),
    Route::get(
        "/images/{name}/history",
        Class::ImageView,
        Operation::Image(ImageOperation::History),
    )
    .of(IMAGE)
    .query(&[json("platform")]),
    Route::get(
        "/images/{name}/attestations",
        Class::ImageView,
        Operation::Image(ImageOperation::Attestations),
    )
    .of(IMAGE)
    .query(&[json("platform").repeated(), text("type").repeated(), flag("statement")]),
    Route::post("/images/create", Class::ImagePull, Operation::Image(ImageOperation::Pull))
        .query(&[
            text("fromImage"),
            text("fromSrc"),
            text("repo"),
            text("tag"),
            lines("message"),
            lines("changes").repeated(),
            text("platform"),
        ])
        .takes(BodyKind::Stream)
        .responds(ResponseKind::Progress),
    Route::post("/images/load", Class::ImageLoad, Operation::Image(ImageOperation::Load))
        .query(&[flag("quiet"), json("platform").repeated()])
        .takes(BodyKind::Stream)
        .responds(ResponseKind::Progress),
    Route::post("/images/{name}/push", Class::ImagePush, Operation::Image(ImageOperation::Push))
        .of(IMAGE)
        .query(&[text("tag"), json("platform")])
        .responds(ResponseKind::Progress),
    Route::post("/images/{name}/tag", Class::ImageName, Operation::Image(ImageOperation::Tag))
        .of(IMAGE)
        .query(&[text("repo"), text("tag"), flag("force")]),
    Route::delete("/images/{name}", Class::ImageDelete, Operation::Image(ImageOperation::Remove))
        .of(IMAGE)
        .query(&[flag("force"), flag("noprune"), json("platforms").repeated()]),
    Route::post("/images/prune", Class::ImageDelete, Operation::Image(ImageOperation::Prune))
        .query(&[FILTERS]),
];
