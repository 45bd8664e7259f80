//! The capabilities that docker gives to a container by default.

use audit_host::options::capability::{canonical, may_be_known};

use crate::api::host_config::HostConfig;
use crate::api::string_list::StringList;

/// Whether a new container gets this capability by default. The name must be canonical and one of
/// docker's defaults. A capability that the request adds is not counted here: it is a danger.
pub(crate) fn is_given_by_default(config: &HostConfig, capability: &str) -> bool {
    let names = |words: &Option<StringList>| {
        let names = words.iter().flat_map(|words| &words.0).filter(|name| may_be_known(name));
        let mut names = names.map(|name| canonical(name));
        names.any(|name| name == capability || name == "ALL")
    };
    config.privileged != Some(true) && !names(&config.cap_add) && !names(&config.cap_drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use audit_host::options::capability::AUDIT_WRITE;
    use serde_json::json;

    #[test]
    fn audit_write_is_given_unless_the_request_mentions_it() {
        let is_given =
            |config| is_given_by_default(&serde_json::from_value(config).unwrap(), AUDIT_WRITE);
        for config in [json!({}), json!({"CapDrop": "CHOWN"}), json!({"CapAdd": ["CHOWN"]})] {
            assert!(is_given(config.clone()), "{config}");
        }
        for config in [
            json!({"CapDrop": ["all"]}),
            json!({"CapDrop": ["cap_audit_write"]}),
            json!({"CapAdd": ["CAP_AUDIT_WRITE"], "CapDrop": ["CHOWN"]}),
            json!({"CapAdd": ["aud\u{131}t_write"]}),
            json!({"CapAdd": [format!("{0}cap_audit_write{0}", " ".repeat(1000))]}),
            json!({"CapAdd": "ALL"}),
            json!({"Privileged": true}),
        ] {
            assert!(!is_given(config.clone()), "{config}");
        }
    }
}
