//! Protects the cache of docker's classic builder, which all builds of a host share.
//!
//! dockerd finds a step in the cache by a key: the parent image and the text of the step. Some options
//! of a build change what a step does without changing its key. With such an option, a caller could
//! make `RUN wget http://repo/tool` fetch another file. A build of root's would then use that layer.
//!
//! BuildKit has a cache of its own, with the same weakness. There, a Dockerfile can do this without any
//! option: with a frontend of its own (`# syntax=`), or with a cache mount, whose content is in no key.
//!
//! # Source
//! `compare` in `image/cache/compare.go` and `getLocalCachedImage` in `image/cache/cache.go` of moby.

use std::collections::BTreeMap;

use crate::api::request::Query;
use crate::owner::{OwnedKind, Owner, OwnerTable};
use crate::refusal::Refusal;

/// Build arguments, in lower case, that a step sees without declaring them. They are not in its key.
///
/// # Source
/// `builtinAllowedBuildArgs` in `builder/dockerfile/buildargs.go` of moby.
const PROXIES: [&str; 5] = ["http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy"];

/// Whether the classic builder runs a build. BuildKit has its own cache.
pub(crate) fn is_classic(query: &Query) -> bool {
    query.text("version") != Some("2")
}

/// Whether BuildKit runs a build without anything that the client would send through a session or as
/// another request, and keeps the image in dockerd.
pub(crate) fn is_plain_buildkit(query: &Query) -> bool {
    let text = |key| query.text(key).unwrap_or_default();
    text("version") == "2"
        && text("session").is_empty()
        && !matches!(text("remote"), "client-session" | "upload-request")
        && !text("buildid").starts_with("upload-request:")
        && is_default(text("outputs"))
}

/// Refuses a build that could put a wrong layer into BuildKit's cache.
///
/// # Errors
/// If the caller may not name root's images.
///
/// # Source
/// `CacheMap` in `solver/llbsolver/ops/exec.go` of buildkit: the key of a step has no proxies, no
/// addresses of hosts, and no content of cache mounts.
pub(crate) fn refuse_buildkit(is_trusted: bool) -> Result<(), Refusal> {
    if is_trusted {
        return Ok(());
    }
    Err(Refusal::forbidden(
        "the build option `version`",
        "a Dockerfile decides what BuildKit runs, and could put a wrong layer into the cache that root's \
         builds use",
        "leave it out to use the classic builder",
    ))
}

/// Refuses options that could put a wrong layer into the cache.
///
/// # Errors
/// If an option may change a step without changing its key, or may put another image into the cache.
pub(crate) fn refuse_uncached(query: &Query) -> Result<(), Refusal> {
    match query.pairs().find_map(|(key, value)| remedy(key, value).map(|remedy| (key, remedy))) {
        None => Ok(()),
        Some((key, remedy)) => Err(Refusal::forbidden(
            format!("the build option `{key}`"),
            "it could put a wrong layer into the cache that root's builds use",
            remedy,
        )),
    }
}

/// What to do instead of an option; `None` if the option is in the key or has no effect.
fn remedy(key: &str, value: &str) -> Option<&'static str> {
    match key {
        // These are in the key, or select what to build and how to name it.
        "dockerfile" | "t" | "remote" | "q" | "nocache" | "rm" | "forcerm" | "labels"
        | "platform" | "target" | "outputs" | "version" | "buildid" | "session" => None,
        "buildargs" => has_proxy(value).then_some(
            "leave the proxy out, or declare an ARG with another name in the Dockerfile",
        ),
        "networkmode" => (!matches!(value, "" | "default" | "bridge"))
            .then_some("leave it out; steps then use docker's default network"),
        // docker pulls the base images again. That may replace a name that root has given.
        "pull" => (value == "1").then_some("leave it out, and run `docker pull` before the build"),
        "cachefrom" => (!is_default(value)).then_some("leave it out; docker uses its cache anyway"),
        // In these, `0` is a value.
        "cpusetcpus" | "cpusetmems" | "cgroupparent" => {
            (!value.is_empty()).then_some("leave it out")
        }
        _ => (!is_default(value)).then_some("leave it out, or set it in a step of the Dockerfile"),
    }
}

/// Whether a value is what clients send for an option that the user does not set.
fn is_default(value: &str) -> bool {
    matches!(value, "" | "0" | "[]" | "{}" | "null" | "default")
}

/// Whether the build arguments set a proxy. An argument without a value has no effect.
fn has_proxy(json: &str) -> bool {
    let arguments: Result<BTreeMap<String, Option<String>>, _> = serde_json::from_str(json);
    let Ok(arguments) = arguments else { return true };
    arguments
        .iter()
        .any(|(name, value)| value.is_some() && PROXIES.contains(&name.to_lowercase().as_str()))
}

/// Records that an untrusted caller has added to the cache.
pub(crate) fn mark(owners: &OwnerTable, owner: &Owner) {
    let id = owner.to_string();
    if owners.get(OwnedKind::Builder, &id).is_none()
        && let Err(error) = owners.claim(OwnedKind::Builder, &id, owner)
    {
        tracing::error!("could not record that {id} has added to the build cache: {error:#}");
    }
}

/// Whether the cache may hold layers of another untrusted caller.
pub(crate) fn is_shared(owners: &OwnerTable, owner: &Owner) -> bool {
    owners.all(OwnedKind::Builder).iter().any(|(_, builder)| builder != owner)
}

/// Whether this release of docker may take a pulled image for a cached step of a build `FROM scratch`
/// (CVE-2024-24557). An unknown release may.
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
        );
        head.unwrap().query
    }

    #[test]
    fn s10_options_that_are_not_in_the_cache_key_are_refused() {
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

    /// These are what docker's command line sends by default, and options that are in the key.
    #[test]
    fn s10_options_in_the_key_and_defaults_are_accepted() {
        for accepted in [
            "buildargs={}&cachefrom=[]&cgroupparent=&cpuperiod=0&cpuquota=0&cpusetcpus=&cpusetmems=\
             &cpushares=0&dockerfile=Dockerfile&labels={}&memory=0&memswap=0&networkmode=default\
             &rm=1&shmsize=0&t=a/b&target=&ulimits=null&version=1",
            "ulimits=[]&pull=0&squash=0&isolation=default&nocache=1&forcerm=1&q=1",
            "buildargs={\"KEY\":\"x\",\"http_proxy\":null}&labels={\"a\":\"b\"}&platform=linux/amd64",
        ] {
            let query = query_of(&accepted.replace('"', "%22").replace(' ', ""));
            assert_eq!(refuse_uncached(&query), Ok(()), "{accepted}");
        }
    }

    #[test]
    fn k05_a_build_is_plain_if_dockerd_writes_the_request_to_buildkit() {
        for (query, expected) in [
            ("version=2", true),
            ("version=2&t=x&networkmode=host&outputs=[]&session=&buildid=x", true),
            ("version=2&remote=https://x.example/x.git", true),
            ("", false),
            ("version=1", false),
            ("version=3", false),
            ("version=2&session=x", false),
            ("version=2&remote=client-session", false),
            ("version=2&remote=upload-request", false),
            ("version=2&buildid=upload-request:x", false),
            ("version=2&outputs=[{\"Type\":\"image\",\"Attrs\":{\"name\":\"fedora\"}}]", false),
        ] {
            let query = query_of(&query.replace('"', "%22"));
            assert_eq!(is_plain_buildkit(&query), expected, "{query:?}");
        }
        assert_eq!(refuse_buildkit(true), Ok(()));
        assert!(refuse_buildkit(false).unwrap_err().message.contains("`version`"));
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
