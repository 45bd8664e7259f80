//! The privileges of plugins.

use super::object::object;

object! {
    /// A privilege that the caller grants to a plugin when installing it.
    PluginPrivilege {
        name "Name": String,
        description "Description": String,
        value "Value": Vec<String>,
    }
}
