//! Loads the policies.
//!
//! This file knows which files are read and which mistakes make them invalid. One mistake in one file
//! makes the whole set of policies invalid.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail, ensure};
use audit_core::field::Word;
use audit_host::root_file;
use cedar_policy::{PolicyId, PolicySet, Schema, ValidationMode, Validator};
use miette::Diagnostic;
use sha2::{Digest, Sha256};

use super::decision_cache::DecisionCache;
use super::{Policy, SCHEMA, actions_of, dangers};

/// The extension of policy files.
const EXTENSION: &str = "cedar";

/// Longest id of a policy, in bytes. It must fit into a record with all other fields.
const ID_LIMIT_BYTES: usize = 64;

/// The name, inode, size and change time of each file in a directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fingerprint(Vec<(OsString, u64, u64, (i64, i64))>);

/// A file of policies.
struct Source {
    path: PathBuf,
    text: String,
}

impl Policy {
    /// Reads all files `*.cedar` in a directory. A directory without such files is valid and denies
    /// everything. A file without any policy is an error.
    ///
    /// # Errors
    /// The first mistake: a file that users other than root can change, a syntax error, a name that the
    /// schema does not have, or a policy without a unique id.
    pub(crate) fn load(directory: &Path) -> anyhow::Result<Self> {
        let shown = directory.display();
        let mut paths = Vec::new();
        let entries = fs::read_dir(directory).with_context(|| {
            format!("cannot read the policies in {shown}; create the directory, or set policy_dir")
        })?;
        for entry in entries {
            let path = entry.with_context(|| format!("cannot read {shown}"))?.path();
            if path.extension().is_some_and(|extension| extension == EXTENSION) {
                paths.push(path);
            }
        }
        // The same files must have the same digest.
        paths.sort();
        let read = |path: PathBuf| {
            let text = root_file::read(&path)
                .with_context(|| format!("bad policies `{}`", path.display()))?
                .ok_or_else(|| anyhow!("`{}` was removed while it was read", path.display()))?;
            Ok(Source { path, text })
        };
        let sources: Vec<Source> = paths.into_iter().map(read).collect::<anyhow::Result<_>>()?;
        Self::from_sources(&sources)
    }

    /// A value that changes when a file in the directory changes. It reads no file.
    pub(crate) fn fingerprint(directory: &Path) -> Fingerprint {
        let of = |entry: fs::DirEntry| {
            let found = entry.metadata().ok()?;
            let changed = (found.ctime(), found.ctime_nsec());
            Some((entry.file_name(), found.ino(), found.len(), changed))
        };
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        let mut files: Vec<_> = entries.filter_map(of).collect();
        files.sort();
        Fingerprint(files)
    }

    /// Loads one text in place of files. An empty text stands for a directory without files.
    #[cfg(test)]
    pub(crate) fn from_text(text: &str) -> anyhow::Result<Self> {
        let sources = [Source { path: "policies".into(), text: text.to_owned() }];
        Self::from_sources(if text.is_empty() { &[] } else { &sources })
    }

    fn from_sources(sources: &[Source]) -> anyhow::Result<Self> {
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA)
            .map_err(|error| anyhow!("the schema is broken: {error}"))?;
        let mut enforced = PolicySet::new();
        let mut reported = PolicySet::new();
        let mut ids = BTreeSet::new();
        let mut digest = Sha256::new();
        for source in sources {
            source
                .add_to(&mut enforced, &mut reported, &mut ids)
                .with_context(|| format!("bad policies `{}`", source.path.display()))?;
            digest.update(source.path.as_os_str().as_encoded_bytes());
            digest.update([0]);
            digest.update(&source.text);
            digest.update([0]);
        }
        let mut all = enforced.clone();
        all.merge(&reported, false)?;
        let warnings = validate(&all, &schema)?;
        let count = all.policies().count();
        let actions = actions_of(&schema, &enforced, &reported)?;
        let digest = digest.finalize().iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        let decision_cache = DecisionCache::default();
        Ok(Self { actions, enforced, count, schema, digest, warnings, decision_cache })
    }
}

impl Source {
    fn add_to(
        &self,
        enforced: &mut PolicySet,
        reported: &mut PolicySet,
        ids: &mut BTreeSet<String>,
    ) -> anyhow::Result<()> {
        let found: PolicySet =
            self.text.parse().map_err(|error| anyhow!(describe(&error, Some(&self.text))))?;
        ensure!(
            found.templates().next().is_none(),
            "templates are not supported; write policies without `?principal` and `?resource`"
        );
        // An editor or a full disk may have emptied the file and so removed its `forbid` policies.
        ensure!(
            found.policies().next().is_some(),
            "it holds no policy; write one, or remove the file"
        );
        for policy in found.policies() {
            let id = policy.annotation("id").with_context(|| {
                let line = policy.to_string();
                let line = line.lines().next().unwrap_or_default().to_owned();
                format!("a policy has no id; write @id(\"...\") before `{line}`")
            })?;
            ensure!(
                id.len() <= ID_LIMIT_BYTES && Word::is_valid(id),
                "@id(\"{}\"): an id is one word of at most {ID_LIMIT_BYTES} characters of a-z, \
                 0-9, `_` and `-`",
                id.escape_debug()
            );
            ensure!(ids.insert(id.to_owned()), "two policies have the id `{id}`");
            let set = match policy.annotation("mode") {
                None | Some("enforce") => &mut *enforced,
                Some("report") => &mut *reported,
                Some(other) => bail!(
                    "policy `{id}`: @mode must be \"enforce\" or \"report\", not \"{}\"",
                    other.escape_debug()
                ),
            };
            if let Some((name, _)) =
                policy.annotations().find(|(name, _)| !ANNOTATIONS.contains(name))
            {
                bail!("policy `{id}`: unknown annotation @{name}; use {}", known_annotations());
            }
            dangers::check(policy).with_context(|| format!("policy `{id}`"))?;
            set.add(policy.new_id(PolicyId::new(id)))?;
        }
        Ok(())
    }
}

/// The annotations that a policy may have. Any other one may be a misspelt `@mode`.
const ANNOTATIONS: [&str; 3] = ["id", "mode", "description"];

fn known_annotations() -> String {
    ANNOTATIONS.map(|name| format!("@{name}")).join(", ")
}

/// Validates the policies against the schema in strict mode. Returns the warnings.
fn validate(policies: &PolicySet, schema: &Schema) -> anyhow::Result<Vec<String>> {
    let result = Validator::new(schema.clone()).validate(policies, ValidationMode::Strict);
    if let Some(error) = result.validation_errors().next() {
        bail!("{}", describe(error, None));
    }
    Ok(result.validation_warnings().map(ToString::to_string).collect())
}

/// One line with the position of the error, the error itself and Cedar's advice.
fn describe(error: &dyn Diagnostic, text: Option<&str>) -> String {
    let offset = error.labels().and_then(|mut labels| labels.next()).map(|label| label.offset());
    let place = match (text, offset) {
        (Some(text), Some(offset)) => {
            let (line, column) = root_file::position(text, offset);
            format!("line {line}, column {column}: ")
        }
        _ => String::new(),
    };
    let help = error.help().map_or_else(String::new, |help| format!("; {help}"));
    format!("{place}{error}{help}").replace('\n', " ")
}
