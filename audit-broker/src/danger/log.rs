//! Where what a container writes goes.

use std::fmt::Arguments;

use super::{Danger, gathered::Gathered};

/// A driver of logs. What is not kept on the host is not there for whoever looks into it, and what
/// is sent away goes where the caller says.
pub(super) fn add_log_driver(gathered: &mut Gathered, part: Arguments<'_>, driver: Option<&str>) {
    let driver = driver.unwrap_or_default();
    if matches!(driver, "" | "json-file" | "local" | "journald") {
        return;
    }
    gathered.add(Danger::EvidenceHiding, part, driver);
    if driver != "none" {
        gathered.add(Danger::Outbound, part, driver);
    }
}
