//! Plugins: what one is allowed.

use super::object::object;

object! {
    /// A right that the person who installs a plugin has agreed to.
    PluginPrivilege {
        name "Name" | "name": String,
        description "Description" | "description": String,
        value "Value" | "value": Vec<String>,
    }
}
