//! Secrets and configs of the swarm.

use super::hidden::Hidden;
use super::mount::Driver;
use super::object::object;
use std::collections::BTreeMap;

object! {
    SecretSpec {
        name "Name": String,
        labels "Labels": BTreeMap<String, String>,
        data "Data": Hidden,
        driver "Driver": Driver,
        templating "Templating": Driver,
    }
}

object! {
    ConfigSpec {
        name "Name": String,
        labels "Labels": BTreeMap<String, String>,
        data "Data": Hidden,
        templating "Templating": Driver,
    }
}
