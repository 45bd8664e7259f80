//! Secrets and configs of the swarm.

use super::mount::Driver;
use super::object::object;
use super::redacted::Redacted;
use std::collections::BTreeMap;

object! {
    SecretSpec {
        name "Name": String,
        labels "Labels": BTreeMap<String, String>,
        data "Data": Redacted,
        driver "Driver": Driver,
        templating "Templating": Driver,
    }
}

object! {
    ConfigSpec {
        name "Name": String,
        labels "Labels": BTreeMap<String, String>,
        data "Data": Redacted,
        templating "Templating": Driver,
    }
}
