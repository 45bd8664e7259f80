//! Questions about networks.

use super::{Question, QuestionObject};
use crate::api::network::NetworkCreate;
use crate::dockerd::object::Network;
use crate::judge::action::Action;
use crate::judge::policy_action::{self, PolicyAction};
use crate::policy::ObjectFacts;
use crate::who::registrar::Registrar;

/// A question about a network that exists.
pub(super) async fn question(
    operation: PolicyAction,
    network: &Network,
    is_privileged: bool,
    registrar: &Registrar<'_>,
) -> Question {
    let action = operation.action(is_privileged || is_of_host(network));
    Question::new(action, QuestionObject::Network(registrar.network(network).await))
}

/// The networks that a new container is connected to.
pub(super) async fn used(action: &Action, registrar: &Registrar<'_>) -> Vec<Question> {
    let mut questions = Vec::new();
    for network in &action.references.networks {
        let question = question(policy_action::NETWORK_USE, network, false, registrar).await;
        questions.push(question.given_as(action.references.given.get(&network.id)));
    }
    questions
}

/// A network that the call makes.
pub(super) async fn new(
    action: &Action,
    name: &str,
    network: &NetworkCreate,
    registrar: &Registrar<'_>,
) -> ObjectFacts {
    ObjectFacts {
        id: String::new(),
        name: name.to_owned(),
        driver: network.driver.clone().unwrap_or_default(),
        labels: network.labels.clone().unwrap_or_default(),
        maker: registrar.maker(Some(&action.owner)).await,
    }
}

/// Whether a network is the host's own or part of an outside network. The request shows the names of
/// those networks of which docker has only one.
fn is_of_host(network: &Network) -> bool {
    !matches!(network.driver.as_str(), "bridge" | "overlay" | "null" | "")
}
