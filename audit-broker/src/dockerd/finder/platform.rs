//! Images with variants for several platforms.

use serde_json::{Value, json};

use crate::dockerd::object::{self, Image};
use crate::dockerd::upstream::{Found, Unreachable, Upstream};

/// The variant of an image for the platform that a request names. Its user, its command and everything
/// else may differ. dockerd before 28.1 cannot describe a variant. It has one platform for each image,
/// unless root has turned on containerd's image store.
///
/// # Source
/// `platform` of `ImageInspect` in the API description of moby, since version 1.49.
pub(super) async fn variant(
    image: &Image,
    platform: &str,
    upstream: &Upstream,
) -> Result<Found<Image>, Unreachable> {
    let version = upstream.newest_version().await?;
    if !version.tells_of_platforms() {
        return Ok(Found::Yes(image.clone()));
    }
    let found = object::image_for(&image.id, &document(platform), version, upstream).await?;
    // dockerd creates the container from the id of the whole image.
    Ok(found.map(|variant| variant.within(image)))
}

/// A platform in docker's JSON form. The text is `os/architecture/variant`, or one of the first two.
///
/// # Source
/// `Parse` and `normalizeArch` of `github.com/containerd/platforms`.
fn document(platform: &str) -> Value {
    let lower = platform.to_lowercase();
    let mut parts = lower.split('/');
    let first = parts.next().unwrap_or_default();
    let (os, architecture) = match parts.next() {
        Some(architecture) => (first, architecture),
        None if SYSTEMS.contains(&first) => (first, std::env::consts::ARCH),
        None => (std::env::consts::OS, first),
    };
    let variant = parts.next().unwrap_or_default();
    let (architecture, variant) = match (architecture, variant) {
        ("i386", _) => ("386", ""),
        ("x86_64" | "x86-64" | "amd64", "" | "v1") => ("amd64", ""),
        ("x86_64" | "x86-64", variant) => ("amd64", variant),
        ("aarch64" | "arm64", "" | "8" | "v8") => ("arm64", ""),
        ("aarch64", variant) => ("arm64", variant),
        ("armhf", _) | ("arm", "" | "7") => ("arm", "v7"),
        ("armel", _) | ("arm", "6") => ("arm", "v6"),
        ("arm", "5") => ("arm", "v5"),
        ("arm", "8") => ("arm", "v8"),
        other => other,
    };
    if variant.is_empty() {
        json!({ "os": os, "architecture": architecture })
    } else {
        json!({ "os": os, "architecture": architecture, "variant": variant })
    }
}

/// Words that mean an operating system if they stand alone.
const SYSTEMS: [&str; 4] = ["linux", "windows", "darwin", "freebsd"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_platform_has_one_form() {
        let linux = |architecture| json!({ "os": "linux", "architecture": architecture });
        let arm = |variant| json!({ "os": "linux", "architecture": "arm", "variant": variant });
        for (given, expected) in [
            ("linux/amd64", linux("amd64")),
            ("Linux/x86_64", linux("amd64")),
            ("linux/arm64/v8", linux("arm64")),
            ("aarch64", linux("arm64")),
            ("linux/arm", arm("v7")),
            ("linux/arm/6", arm("v6")),
            ("armhf", arm("v7")),
            ("linux/riscv64", linux("riscv64")),
            ("windows/amd64", json!({ "os": "windows", "architecture": "amd64" })),
        ] {
            assert_eq!(document(given), expected, "{given}");
        }
        assert_eq!(document("linux"), document(std::env::consts::ARCH));
    }
}
