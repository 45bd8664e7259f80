//! The response for a request that goes no further.

use hyper::{Response, StatusCode};
use serde::Deserialize;

use crate::call::answer::{self, AnswerBody};
use crate::call::stop::Stop;
use crate::dockerd::upstream::Unreachable;
use crate::judge::decision::Denial;
use crate::refusal::Refusal;

impl Stop {
    /// The response for the client.
    pub(crate) fn into_response(self) -> Response<AnswerBody> {
        match self {
            Self::Refused(Refusal { status, message }) => answer::message(status, &message),
            Self::Unidentified(why) => answer::message(StatusCode::FORBIDDEN, &why),
            Self::Absent(message) => answer::message(StatusCode::NOT_FOUND, &message),
            // An object that the caller may not see does not exist for the caller.
            Self::Denied { denial: Denial { message, is_hidden: true, .. }, .. } => {
                answer::message(StatusCode::NOT_FOUND, &message)
            }
            Self::Denied { denial, help } => {
                answer::message(StatusCode::FORBIDDEN, &denial.told(&help))
            }
            Self::NotFound(status, answer) => answer::document(status, answer),
            Self::NotRecorded(error) => {
                tracing::error!("a call is refused since it cannot be recorded: {error}");
                let text = format!("the call cannot be recorded, so it was not made: {error}");
                answer::message(StatusCode::SERVICE_UNAVAILABLE, &text)
            }
            Self::Unreachable(error) => {
                tracing::error!("{error}");
                let status = match error {
                    Unreachable::TimedOut { .. } => StatusCode::GATEWAY_TIMEOUT,
                    _ => StatusCode::SERVICE_UNAVAILABLE,
                };
                answer::message(status, &error.to_string())
            }
        }
    }

    /// What the client is told where the response has already begun.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Refused(refusal) => refusal.message.clone(),
            Self::Unidentified(message) | Self::Absent(message) => message.clone(),
            Self::Denied { denial, .. } if denial.is_hidden => denial.message.clone(),
            Self::Denied { help, denial } => denial.told(help),
            Self::NotFound(_, answer) => message_of(answer),
            Self::NotRecorded(error) => error.to_string(),
            Self::Unreachable(error) => error.to_string(),
        }
    }
}

/// The message in an error document of dockerd.
fn message_of(answer: &[u8]) -> String {
    #[derive(Deserialize)]
    struct ErrorDocument {
        message: String,
    }
    match serde_json::from_slice::<ErrorDocument>(answer) {
        Ok(told) => told.message,
        Err(_) => String::from_utf8_lossy(answer).into_owned(),
    }
}
