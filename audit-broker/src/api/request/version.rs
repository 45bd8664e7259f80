//! Versions of the docker API.

use crate::refusal::Refusal;
use std::fmt;

/// A version `1.NN` of the docker API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ApiVersion {
    minor: u8,
}

impl ApiVersion {
    /// The oldest version that the broker forwards: that of docker 20.10.
    pub(crate) const OLDEST: Self = Self { minor: 41 };
    /// The newest version whose routes and bodies the broker knows.
    ///
    /// # Source
    /// The API description of moby, version 1.56.
    pub(crate) const NEWEST: Self = Self { minor: 56 };

    /// Parses `1.NN` with exactly two digits. dockerd compares numbers, so it would also accept
    /// `01.44` and `1.44.`.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let minor = text.strip_prefix("1.")?;
        let digits = minor.len() == 2 && minor.bytes().all(|byte| byte.is_ascii_digit());
        if digits { Some(Self { minor: minor.parse().ok()? }) } else { None }
    }

    /// Whether a request for an image can name a platform.
    pub(crate) const fn tells_of_platforms(self) -> bool {
        self.minor >= 49
    }

    /// Whether a dockerd that supports the API up to this version reads the keys of `HostConfig` also
    /// at the top of a create request: docker 20.10 to 26.
    ///
    /// # Source
    /// `getHostConfig` in `runconfig/config_unix.go` of moby, which v27.0 removed.
    pub(crate) const fn reads_host_keys_at_the_top(self) -> bool {
        self.minor <= 45
    }

    /// Refuses a version that the broker does not forward. The text is dockerd's own, because
    /// clients look for it.
    ///
    /// # Source
    /// `WrapHandler` in `daemon/server/middleware/version.go` of moby.
    pub(super) fn check_within(self, newest: Self) -> Result<(), Refusal> {
        if self < Self::OLDEST {
            return Err(Refusal::bad_request(format!(
                "client version {self} is too old. Minimum supported API version is {}, please \
                 upgrade your client to a newer version",
                Self::OLDEST
            )));
        }
        if self > newest {
            return Err(Refusal::bad_request(format!(
                "client version {self} is too new. Maximum supported API version is {newest}"
            )));
        }
        Ok(())
    }
}

impl fmt::Display for ApiVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "1.{:02}", self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_one_form() {
        assert_eq!(ApiVersion::from_text("1.41"), Some(ApiVersion::OLDEST));
        assert_eq!(ApiVersion::from_text("1.05").map(|v| v.to_string()).as_deref(), Some("1.05"));
        for text in ["", "1", "1.4", "1.441", "01.44", "1.44.", "1.+4", "2.44", " 1.44", "1.4a"] {
            assert_eq!(ApiVersion::from_text(text), None, "{text}");
        }
    }

    #[test]
    fn unsupported_versions_are_refused_with_the_text_of_the_daemon() {
        let version = |text: &str| ApiVersion::from_text(text).unwrap();
        assert!(version("1.41").check_within(version("1.41")).is_ok());
        let old = version("1.24").check_within(ApiVersion::NEWEST).unwrap_err().message;
        assert!(old.starts_with("client version 1.24 is too old. Minimum supported API version"));
        let new = version("1.42").check_within(version("1.41")).unwrap_err().message;
        assert_eq!(new, "client version 1.42 is too new. Maximum supported API version is 1.41");
    }
}
