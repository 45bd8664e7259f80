//! Routes of networks.

use super::parameter::{FILTERS, bool, text};
use super::{BodyKind, ObjectKind, Route};
use crate::api::class::Class;

const NETWORK: ObjectKind = ObjectKind::Network;

/// The daemon has the list under two paths, one of them not in its description.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/networks", Class::NetworkView, "network-list").query(&[FILTERS]),
    Route::get("/networks/", Class::NetworkView, "network-list").query(&[FILTERS]),
    Route::get("/networks/{id}", Class::NetworkView, "network-inspect")
        .of(NETWORK)
        .query(&[bool("verbose"), text("scope")]),
    Route::post("/networks/create", Class::Network, "network-create")
        .takes(BodyKind::NetworkCreate),
    Route::post("/networks/{id}/connect", Class::Network, "network-connect")
        .of(NETWORK)
        .takes(BodyKind::NetworkConnect),
    Route::post("/networks/{id}/disconnect", Class::Network, "network-disconnect")
        .of(NETWORK)
        .takes(BodyKind::NetworkDisconnect),
    Route::delete("/networks/{id}", Class::Network, "network-remove").of(NETWORK),
    Route::post("/networks/prune", Class::Network, "network-prune").query(&[FILTERS]),
];
