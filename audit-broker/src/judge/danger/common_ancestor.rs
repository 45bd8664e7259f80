//! The directories that contain all paths of a request. Policies limit a call by them.

use std::collections::BTreeSet;
use std::path::Path;

/// The directories that contain all of the paths. A path counts as containing itself. Without paths
/// there are none. The paths must be normalised.
pub(crate) fn common_ancestors(paths: &BTreeSet<String>) -> BTreeSet<String> {
    let Some(first) = paths.first().map(Path::new) else { return BTreeSet::new() };
    let depth = first.components().count();
    // How many components all paths have in common with the first.
    let common = paths.iter().fold(depth, |common, path| {
        let pairs = first.components().zip(Path::new(path).components()).take(common);
        pairs.take_while(|(one, other)| one == other).count()
    });
    let ancestors = first.ancestors().skip(depth - common);
    ancestors.filter_map(|ancestor| ancestor.to_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(paths: &[&str]) -> BTreeSet<String> {
        paths.iter().map(|path| (*path).to_owned()).collect()
    }

    #[test]
    fn common_ancestors_contain_every_path() {
        let two = common_ancestors(&set(&["/srv/a/x", "/srv/a/y"]));
        assert_eq!(two, set(&["/", "/srv", "/srv/a"]));
        assert_eq!(common_ancestors(&set(&["/srv/a"])), set(&["/", "/srv", "/srv/a"]));
        assert_eq!(common_ancestors(&set(&["/srv/a", "/srv/ab"])), set(&["/", "/srv"]));
        assert_eq!(common_ancestors(&set(&["/srv", "/srv/a"])), set(&["/", "/srv"]));
        assert_eq!(common_ancestors(&set(&["/", "/srv"])), set(&["/"]));
        assert_eq!(common_ancestors(&set(&[])), set(&[]));
    }
}
