//! Credentials for a registry.

use super::object::object;
use super::redacted::Redacted;

object! {
    AuthConfig {
        username "username": String,
        password "password": Redacted,
        auth "auth": Redacted,
        email "email": String,
        serveraddress "serveraddress": String,
        identitytoken "identitytoken": Redacted,
        registrytoken "registrytoken": Redacted,
    }
}
