//! Names that a request gives to containers and networks.

use crate::api::body::Body;
use crate::object::{self, Object};
use crate::refusal::Refusal;
use crate::request::Head;
use crate::upstream::{Found, Unreachable};

use super::Finder;

/// Nobody calls anything by fewer digits of its id, but names such as `db` are of that form.
const SHORTEST_ID_DIGITS: usize = 4;

impl Finder<'_> {
    /// Refuses a name that is the beginning of another's id. Docker takes a name before the
    /// beginning of an id: whoever calls the other by its id, as lists show it, would get this one.
    ///
    /// # Source
    /// `GetContainer` in `daemon/container.go` and `FindNetwork` in `daemon/network.go` of moby.
    pub(super) async fn refuse_name_of_id(
        &self,
        head: &Head,
        body: &Body,
        object: &Object,
    ) -> Result<Option<Refusal>, Unreachable> {
        let (kind, name) = match (head.route.op, body) {
            ("create" | "rename", _) => ("container", head.query.text("name")),
            (_, Body::NetworkCreate(network)) => ("network", network.name.as_deref()),
            _ => return Ok(None),
        };
        let name = name.unwrap_or_default().trim_start_matches('/');
        if !may_begin_id(name) {
            return Ok(None);
        }
        let id = match kind {
            "network" => object::network(name, self.version, self.upstream).await?.map(|it| it.id),
            _ => object::container(name, self.version, self.upstream).await?.map(|it| it.id),
        };
        let is_own = |id: &str| matches!(object, Object::Container(own) if own.id == id);
        let Found::Yes(id) = id else { return Ok(None) };
        Ok((id.starts_with(name) && !is_own(&id)).then(|| {
            let text = format!("the id of another {kind} begins with {name}; choose another name");
            Refusal::conflict(text)
        }))
    }
}

fn may_begin_id(name: &str) -> bool {
    name.len() >= SHORTEST_ID_DIGITS
        && name.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_names_may_begin_an_id() {
        for name in ["dead", "0123456789ab", "feed1"] {
            assert!(may_begin_id(name), "{name}");
        }
        for name in ["", "db", "web", "DEAD", "cafe-1", "face_"] {
            assert!(!may_begin_id(name), "{name}");
        }
    }
}
