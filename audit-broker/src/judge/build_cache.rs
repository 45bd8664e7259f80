//! The cache of docker's classic builder, which all builds of a host share.
//!
//! dockerd finds a step in its cache by the parent image and the text of the step. Some options of a
//! build change what a step does, and are in neither: a caller could have `RUN wget http://repo/tool`
//! fetch another file, and root's build would find that layer under its own key.
//!
//! # Source
//! `compare` in `image/cache/compare.go` and `getLocalCachedImage` in `image/cache/cache.go` of moby.

use std::collections::BTreeMap;

use crate::api::request::Query;
use crate::owner::{OwnedKind, Owner, OwnerTable};
use crate::refusal::Refusal;

/// Build arguments that steps see without declaring them, and that are not in their key, in small
/// letters.
///
/// # Source
/// `builtinAllowedBuildArgs` in `builder/dockerfile/buildargs.go` of moby.
const PROXIES: [&str; 5] = ["http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"];

/// Whether a build is one of the classic builder. BuildKit has a cache of its own.
pub(crate) fn is_classic(query: &Query) -> bool {
    query.text("version") != Some("2")
}

/// # Errors
/// If an option may change a step without changing its key, or may put another image into the cache.
pub(crate) fn refuse_uncached(query: &Query) -> Result<(), Refusal> {
    match query.pairs().find_map(|(key, value)| remedy(key, value).map(|remedy| (key, remedy))) {
        None => Ok(()),
        Some((key, remedy)) => Err(Refusal::forbidden(format!(
            "the build option `{key}` changes what root's builds may find in docker's cache; {remedy}"
        ))),
    }
}

/// What to do instead of an option that is not in the key; `None` where it is, or has no effect.
fn remedy(key: &str, value: &str) -> Option<&'static str> {
    match key {
        // These are in the key, or choose what is built and what it is called.
        "dockerfile" | "t" | "remote" | "q" | "nocache" | "rm" | "forcerm" | "labels"
        | "platform" | "target" | "outputs" | "version" | "buildid" | "session" => None,
        "buildargs" => has_proxy(value)
            .then_some("leave the proxy out, or declare an ARG of another name in the Dockerfile"),
        "networkmode" => (!matches!(value, "" | "default" | "bridge"))
            .then_some("leave it out: steps use docker's default network"),
        // Pulls the names of the first stages, also those that root has given.
        "pull" => {
            (value == "1").then_some("leave it out, and pull the image before with docker pull")
        }
        "cachefrom" => (!is_nothing(value)).then_some("leave it out: docker uses its cache anyway"),
        // Texts, of which `0` is not nothing.
        "cpusetcpus" | "cpusetmems" | "cgroupparent" => {
            (!value.is_empty()).then_some("leave it out")
        }
        _ => {
            (!is_nothing(value)).then_some("leave it out, or write it into the Dockerfile's steps")
        }
    }
}

/// What clients send where their user says nothing.
fn is_nothing(value: &str) -> bool {
    matches!(value, "" | "0" | "[]" | "{}" | "null" | "default")
}

/// An argument without a value takes nothing from anywhere.
fn has_proxy(json: &str) -> bool {
    let arguments: Result<BTreeMap<String, Option<String>>, _> = serde_json::from_str(json);
    let Ok(arguments) = arguments else { return true };
    arguments
        .iter()
        .any(|(name, value)| value.is_some() && PROXIES.contains(&name.to_lowercase().as_str()))
}

/// Keeps that an ordinary caller has put something into the cache.
pub(crate) fn mark(owners: &OwnerTable, owner: &Owner) {
    let id = owner.to_string();
    if owners.get(OwnedKind::Builder, &id).is_none()
        && let Err(error) = owners.claim(OwnedKind::Builder, &id, owner)
    {
        tracing::error!("could not keep that {id} has put something into the cache: {error:#}");
    }
}

/// Whether the cache may hold what another ordinary caller has put there.
pub(crate) fn is_shared(owners: &OwnerTable, owner: &Owner) -> bool {
    owners.all(OwnedKind::Builder).iter().any(|(_, builder)| builder != owner)
}

/// Whether a build `FROM scratch` of this release of docker may find an image in its cache that was
/// only pulled (CVE-2024-24557).
pub(crate) fn trusts_pulled(engine: Option<[u32; 3]>) -> bool {
    match engine {
        Some(engine) => engine < [24, 0, 9] || ([25, 0, 0]..[25, 0, 2]).contains(&engine),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::request::ApiVersion;

    fn query_of(query: &str) -> Query {
        let head = crate::api::request::parse_head(
            &hyper::Method::POST,
            &format!("/build?{query}").parse().unwrap(),
            hyper::Version::HTTP_11,
            &hyper::HeaderMap::new(),
            ApiVersion::NEWEST,
            &[],
        );
        head.unwrap().query
    }

    #[test]
    fn s10_options_that_are_not_in_the_key_of_the_cache_are_refused() {
        for refused in [
            "extrahosts=repo:1.2.3.4",
            "networkmode=none",
            "networkmode=host",
            "buildargs={\"http_proxy\":\"http://x\"}",
            "buildargs={\"HTTPS_PROXY\":\"http://x\"}",
            "buildargs={\"No_Proxy\":\"\"}",
            "buildargs={\"ALL_PROXY\":\"x\"}",
            "cachefrom=[\"x\"]",
            "memory=1000000",
            "memswap=-1",
            "cpushares=2",
            "cpusetcpus=0",
            "cpusetmems=0",
            "cpuperiod=1000",
            "cpuquota=1000",
            "cgroupparent=x",
            "shmsize=1",
            "squash=1",
            "ulimits=[{\"Name\":\"nofile\"}]",
            "isolation=process",
            "pull=1",
        ] {
            let query = query_of(&refused.replace('"', "%22"));
            let Err(refusal) = refuse_uncached(&query) else { panic!("{refused}: {query:?}") };
            assert_eq!(refusal.status.as_u16(), 403, "{refused}");
            assert!(refusal.message.contains(refused.split('=').next().unwrap()), "{refused}");
        }
    }

    /// What docker's command line sends of itself, and what is in the key.
    #[test]
    fn s10_what_is_in_the_key_or_says_nothing_is_taken() {
        for taken in [
            "buildargs={}&cachefrom=[]&cgroupparent=&cpuperiod=0&cpuquota=0&cpusetcpus=&cpusetmems=\
             &cpushares=0&dockerfile=Dockerfile&labels={}&memory=0&memswap=0&networkmode=default\
             &rm=1&shmsize=0&t=a/b&target=&ulimits=null&version=1",
            "ulimits=[]&pull=0&squash=0&isolation=default&nocache=1&forcerm=1&q=1",
            "buildargs={\"KEY\":\"x\",\"http_proxy\":null}&labels={\"a\":\"b\"}&platform=linux/amd64",
        ] {
            let query = query_of(&taken.replace('"', "%22").replace(' ', ""));
            assert_eq!(refuse_uncached(&query), Ok(()), "{taken}");
        }
    }

    #[test]
    fn s10_releases_that_trust_pulled_images() {
        for (engine, expected) in [
            (Some([20, 10, 24]), true),
            (Some([24, 0, 8]), true),
            (Some([24, 0, 9]), false),
            (Some([25, 0, 1]), true),
            (Some([25, 0, 2]), false),
            (Some([28, 5, 2]), false),
            (None, true),
        ] {
            assert_eq!(trusts_pulled(engine), expected, "{engine:?}");
        }
    }
}
