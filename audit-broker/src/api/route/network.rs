//! Routes of networks.

use super::parameter::{FILTERS, bool, text};
use super::{BodyKind, ObjectKind, Route};
use crate::api::class::Class;
use crate::api::operation::{NetworkOperation, Operation};

const NETWORK: ObjectKind = ObjectKind::Network;

/// dockerd serves the list under two paths, one of which its API description omits.
pub(super) const ROUTES: &[Route] = &[
    Route::get("/networks", Class::NetworkView, Operation::Network(NetworkOperation::List))
        .query(&[FILTERS]),
    Route::get("/networks/", Class::NetworkView, Operation::Network(NetworkOperation::List))
        .query(&[FILTERS]),
    Route::get("/networks/{id}", Class::NetworkView, Operation::Network(NetworkOperation::Inspect))
        .of(NETWORK)
        .query(&[bool("verbose"), text("scope")]),
    Route::post("/networks/create", Class::Network, Operation::Network(NetworkOperation::Create))
        .takes(BodyKind::NetworkCreate),
    Route::post(
        "/networks/{id}/connect",
        Class::Network,
        Operation::Network(NetworkOperation::Connect),
    )
    .of(NETWORK)
    .takes(BodyKind::NetworkConnect),
    Route::post(
        "/networks/{id}/disconnect",
        Class::Network,
        Operation::Network(NetworkOperation::Disconnect),
    )
    .of(NETWORK)
    .takes(BodyKind::NetworkDisconnect),
    Route::delete("/networks/{id}", Class::Network, Operation::Network(NetworkOperation::Remove))
        .of(NETWORK),
    Route::post("/networks/prune", Class::Network, Operation::Network(NetworkOperation::Prune))
        .query(&[FILTERS]),
];
