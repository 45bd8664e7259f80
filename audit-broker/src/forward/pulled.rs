//! Names that a pull has given.
//!
//! They are root's, whoever pulls. Somebody may have given such a name to the very same image
//! before, whose name it would stay: root would run what they give it to next.

use std::rc::Rc;

use super::forget_name;
use crate::action::Holder;
use crate::call::Call;
use crate::operation::ANY_NAME;
use crate::owner::{Kind, full_name, name_key};
use crate::reference::{holder_of, name_pulled};

/// Takes the names from whoever else had them, for an image that has come from where they say.
/// Somebody's own pull leaves them their names.
pub(super) fn take_names(call: &Rc<Call>) {
    let Some(name) = name_pulled(&call.action.head) else { return };
    let call = Rc::clone(call);
    tokio::task::spawn_local(async move {
        let names = if name == ANY_NAME { names_of_repository(&call) } else { vec![name] };
        for name in names {
            let held = holder_of(&name, call.version, &call.connection.upstream).await;
            let Ok(Holder::Image(image)) = held else { continue };
            let owner =
                call.connection.shared.owners.get(Kind::ImageName, &name_key(&name, &image.id));
            if image.is_from(&name) && owner.is_some_and(|owner| owner != call.action.owner) {
                forget_name(&call, &name, &image.id);
            }
        }
    });
}

/// The names that somebody has in the repository of which all is pulled.
fn names_of_repository(call: &Call) -> Vec<String> {
    let repository = full_name(call.action.head.query.text("fromImage").unwrap_or_default());
    let repository = repository.trim_end_matches(":latest");
    let known = call.connection.shared.owners.all(Kind::ImageName);
    let names = known.iter().filter_map(|(key, _)| key.split_once('@')).map(|(name, _)| name);
    let is_in = |name: &&str| name.rsplit_once(':').is_some_and(|(place, _)| place == repository);
    names.filter(is_in).map(str::to_owned).collect()
}
