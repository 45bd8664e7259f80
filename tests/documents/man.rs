//! The manual pages of files and policies say what the documents say.

#[path = "../man/document.rs"]
mod document;

use std::fs;

use document::mdoc::{check, head, literal, paragraph, terms};
use document::{part, rendered};

use crate::markdown::root;

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The documents name files of the project. A reader of the page has the installed copies.
fn for_readers(text: &str) -> String {
    text.replace("`examples/", "`/usr/share/doc/audit-docker/examples/")
}

fn see_also(pages: &[(&str, u8)]) -> String {
    let pages: Vec<String> =
        pages.iter().map(|(page, section)| format!(".Xr {page} {section}")).collect();
    format!(".Sh SEE ALSO\n{}\n", pages.join(" ,\n"))
}

#[test]
fn the_page_of_the_wrappers_settings_is_its_document() {
    let operations = read("docs/operations.md");
    let mut page = head("audit-cli.toml", 5, "settings of audit-cli");
    page += ".Sh DESCRIPTION\n";
    page += &rendered(&for_readers(part(&operations, "## Settings of the wrapper")));
    page += ".Sh TEMPLATES\n";
    page += &paragraph(
        "A template fixes a docker command, so that people need no other right to use docker.",
    );
    page += &literal(&read("examples/templates/fedora.toml").lines().collect::<Vec<_>>());
    page += &files(&[
        ("/etc/audit-cli/config.toml", "The settings."),
        ("/etc/audit-cli/templates/NAME.toml", "The templates of `audit-cli run`."),
        ("/etc/audit-redaction.key", "The key of the digests of hidden secrets."),
    ]);
    page += &see_also(&[("audit-cli", 8)]);
    check("audit-cli.toml.5", &page);
}

#[test]
fn the_page_of_the_brokers_settings_is_its_document() {
    let operations = read("docs/operations.md");
    let mut page = head("audit-broker.toml", 5, "settings of audit-broker");
    page += ".Sh DESCRIPTION\n";
    page += &rendered(&for_readers(part(&operations, "## Settings of the broker")));
    page += &files(&[
        ("/etc/audit-broker/config.toml", "The settings."),
        ("/etc/audit-broker/policy.d/*.cedar", "The policies."),
        ("/var/lib/audit-broker", "The owners of docker's objects."),
    ]);
    page += &see_also(&[("audit-broker-policies", 7), ("audit-broker", 8)]);
    check("audit-broker.toml.5", &page);
}

#[test]
fn the_page_of_the_policies_is_their_document() {
    let policies = read("docs/policies.md");
    let mut page = head("audit-broker-policies", 7, "who may do what with docker");
    page += ".Sh DESCRIPTION\n";
    page += &rendered(&for_readers(&policies));
    page += &files(&[("/etc/audit-broker/policy.d/*.cedar", "The policies.")]);
    page += &see_also(&[("audit-broker.toml", 5), ("audit-broker", 8)]);
    check("audit-broker-policies.7", &page);
}

fn files(entries: &[(&str, &str)]) -> String {
    let entries: Vec<(String, String)> =
        entries.iter().map(|(path, text)| (format!("Pa {path}"), paragraph(text))).collect();
    format!(".Sh FILES\n{}", terms(&entries))
}
