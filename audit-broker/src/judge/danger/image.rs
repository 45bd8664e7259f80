//! The access to the host, and to its network, of a call that brings an image.

use audit_host::options::address::judge_remote;

use super::gathered::Gathered;
use crate::api::request::Query;

/// A pull, or an import from an address. `-` stands for the body of the request.
pub(super) fn add_pulled(gathered: &mut Gathered, query: &Query) {
    let source = query.text("fromSrc").filter(|source| !matches!(*source, "" | "-"));
    if let Some(source) = source {
        gathered.add_found(format_args!("query fromSrc"), judge_remote(source));
    }
}
