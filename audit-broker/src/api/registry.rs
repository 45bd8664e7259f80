//! Credentials for a registry.

use super::hidden::Hidden;
use super::object::object;

object! {
    AuthConfig {
        username "username": String,
        password "password": Hidden,
        auth "auth": Hidden,
        email "email": String,
        serveraddress "serveraddress": String,
        identitytoken "identitytoken": Hidden,
        registrytoken "registrytoken": Hidden,
    }
}
