//! Routes of images.

use super::parameter::{FILTERS, flag, json, lines, number, text};
use super::{AnswerKind, BodyKind, ObjectKind, Route};
use crate::api::class::Class;

const IMAGE: ObjectKind = ObjectKind::Image;

/// `only_ids` has no meaning to the daemon; docker-py sends it with every list.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/images/json", Class::ImageList, "image-list").query(&[
        flag("all"),
        FILTERS,
        flag("shared-size"),
        flag("digests"),
        flag("manifests"),
        flag("identity"),
        flag("only_ids"),
    ]),
    Route::get("/images/search", Class::RegistryRead, "image-search").query(&[
        text("term"),
        number("limit"),
        FILTERS,
    ]),
    Route::get("/images/get", Class::ImageSave, "image-save")
        .query(&[text("names").repeated(), json("platform").repeated()])
        .answers(AnswerKind::Stream),
    Route::get("/images/{name}/get", Class::ImageSave, "image-save")
        .of(IMAGE)
        .query(&[json("platform").repeated()])
        .answers(AnswerKind::Stream),
    Route::get("/images/{name}/json", Class::ImageView, "image-inspect")
        .of(IMAGE)
        .query(&[flag("manifests"), json("platform")]),
    Route::get("/images/{name}/history", Class::ImageView, "image-history")
        .of(IMAGE)
        .query(&[json("platform")]),
    Route::get("/images/{name}/attestations", Class::ImageView, "image-attestations")
        .of(IMAGE)
        .query(&[json("platform").repeated(), text("type").repeated(), flag("statement")]),
    Route::post("/images/create", Class::ImagePull, "image-pull")
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
        .answers(AnswerKind::Progress),
    Route::post("/images/load", Class::ImageLoad, "image-load")
        .query(&[flag("quiet"), json("platform").repeated()])
        .takes(BodyKind::Stream)
        .answers(AnswerKind::Progress),
    Route::post("/images/{name}/push", Class::ImagePush, "image-push")
        .of(IMAGE)
        .query(&[text("tag"), json("platform")])
        .answers(AnswerKind::Progress),
    Route::post("/images/{name}/tag", Class::ImageName, "image-tag").of(IMAGE).query(&[
        text("repo"),
        text("tag"),
        flag("force"),
    ]),
    Route::delete("/images/{name}", Class::ImageDelete, "image-remove").of(IMAGE).query(&[
        flag("force"),
        flag("noprune"),
        json("platforms").repeated(),
    ]),
    Route::post("/images/prune", Class::ImageDelete, "image-prune").query(&[FILTERS]),
];
