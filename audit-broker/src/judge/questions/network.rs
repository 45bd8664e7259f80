//! Questions about networks.

use super::{Question, QuestionObject};
use crate::api::network::NetworkCreate;
use crate::dockerd::object::Network;
use crate::judge::action::Action;
use crate::judge::policy_action::PolicyAction;
use crate::policy::ObjectFacts;
use crate::who::owner_finder::OwnerFinder;

/// A question about a network that exists.
pub(super) async fn question(
    operation: PolicyAction,
    network: &Network,
    is_privileged: bool,
    owner_finder: &OwnerFinder<'_>,
) -> Question {
    let action = operation.action(is_privileged || is_of_host(network));
    Question::new(action, QuestionObject::Network(owner_finder.network(network).await))
}

/// The networks that a new container is connected to.
pub(super) async fn used(action: &Action, owner_finder: &OwnerFinder<'_>) -> Vec<Question> {
    let mut questions = Vec::new();
    let networks = action.references.networks.iter();
    for network in networks.filter(|network| !network.is_open_to_every_container()) {
        let question = question(PolicyAction::NetworkUse, network, false, owner_finder).await;
        questions.push(question.mentioned(&action.references, &network.id));
    }
    questions
}

/// A network that the call makes.
pub(super) async fn new(
    action: &Action,
    name: &str,
    network: &NetworkCreate,
    owner_finder: &OwnerFinder<'_>,
) -> ObjectFacts {
    ObjectFacts {
        id: String::new(),
        name: name.to_owned(),
        driver: network.driver.clone().unwrap_or_default(),
        labels: network.labels.clone().unwrap_or_default(),
        maker: owner_finder.maker(Some(&action.owner)).await,
    }
}

/// Whether a network is the host's own or part of an outside network. The request shows the names of
/// those networks of which docker has only one.
fn is_of_host(network: &Network) -> bool {
    !matches!(network.driver.as_str(), "bridge" | "overlay" | "null" | "")
}
