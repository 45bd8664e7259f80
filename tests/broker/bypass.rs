//! The known ways to bypass a layer in front of docker.sock. An ordinary user tries each at the
//! real dockerd, and gets neither the host nor the data of others, nor past the trail. Each test
//! has the id of its row in `bypass/README.md`.

#[path = "bypass/addresses.rs"]
mod addresses;
#[path = "bypass/bodies.rs"]
mod bodies;
#[path = "bypass/builds.rs"]
mod builds;
#[path = "bypass/callers.rs"]
mod callers;
#[path = "bypass/claims.rs"]
mod claims;
#[path = "bypass/connections.rs"]
mod connections;
#[path = "bypass/containers.rs"]
mod containers;
#[path = "bypass/create.rs"]
mod create;
#[path = "bypass/drift.rs"]
mod drift;
#[path = "bypass/exhaustion.rs"]
mod exhaustion;
#[path = "bypass/forging.rs"]
mod forging;
#[path = "bypass/image_names.rs"]
mod image_names;
#[path = "bypass/images.rs"]
mod images;
#[path = "bypass/joins.rs"]
mod joins;
#[path = "bypass/mounts.rs"]
mod mounts;
#[path = "bypass/networks.rs"]
mod networks;
#[path = "bypass/options.rs"]
mod options;
#[path = "bypass/owners.rs"]
mod owners;
#[path = "bypass/paths.rs"]
mod paths;
#[path = "bypass/privileges.rs"]
mod privileges;
#[path = "bypass/races.rs"]
mod races;
#[path = "bypass/row.rs"]
mod row;
#[path = "bypass/sender.rs"]
mod sender;
#[path = "bypass/shipped.rs"]
mod shipped;
#[path = "bypass/shipped_images.rs"]
mod shipped_images;
#[path = "bypass/shipped_owners.rs"]
mod shipped_owners;
#[path = "bypass/stage.rs"]
mod stage;
#[path = "bypass/swarm.rs"]
mod swarm;
#[path = "bypass/telling.rs"]
mod telling;
#[path = "bypass/walks.rs"]
mod walks;
