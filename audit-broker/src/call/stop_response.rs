//! The response for a request that the broker stops.

use hyper::{Response, StatusCode};

use crate::call::response::{self, ResponseBody};
use crate::call::stop::Stop;
use crate::dockerd::error_document::ErrorDocument;
use crate::dockerd::upstream::Unreachable;
use crate::judge::denial::Denial;
use crate::refusal::Refusal;

impl Stop {
    /// The response for the client.
    pub(crate) fn into_response(self) -> Response<ResponseBody> {
        match self {
            Self::Refused(Refusal { status, message }) => response::message(status, &message),
            Self::Unidentified(why) => response::message(StatusCode::FORBIDDEN, &why),
            Self::Absent(message) => response::message(StatusCode::NOT_FOUND, &message),
            // An object that the caller may not see does not exist for the caller.
            Self::Denied { denial: Denial { message, hidden_as: Some(status), .. }, .. } => {
                response::absent(status, &message)
            }
            Self::Denied { denial, help } => {
                response::message(StatusCode::FORBIDDEN, &denial.with_help(&help))
            }
            Self::NotFound(status, document) => response::document(status, document),
            Self::Ignored => response::absent(StatusCode::NO_CONTENT, ""),
            Self::NotRecorded(error) => {
                tracing::error!("refused a call because it could not be recorded: {error}");
                let text = format!("the call cannot be recorded, so it was not made: {error}");
                response::message(StatusCode::SERVICE_UNAVAILABLE, &text)
            }
            Self::Unreachable(error) => {
                tracing::error!("could not complete a call: {error}");
                let status = match error {
                    Unreachable::TimedOut { .. } => StatusCode::GATEWAY_TIMEOUT,
                    Unreachable::Connect { .. }
                    | Unreachable::NoAnswer { .. }
                    | Unreachable::TooLong { .. }
                    | Unreachable::Malformed { .. }
                    | Unreachable::TooOld { .. } => StatusCode::SERVICE_UNAVAILABLE,
                };
                response::message(status, &error.to_string())
            }
        }
    }

    /// The message for a client whose response has already begun.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Refused(refusal) => refusal.message.clone(),
            Self::Unidentified(message) | Self::Absent(message) => message.clone(),
            Self::Denied { denial, .. } if denial.hidden_as.is_some() => denial.message.clone(),
            Self::Denied { help, denial } => denial.with_help(help),
            Self::NotFound(_, document) => message_of(document),
            Self::Ignored => String::new(),
            Self::NotRecorded(error) => error.to_string(),
            Self::Unreachable(error) => error.to_string(),
        }
    }
}

/// The message in an error document of dockerd.
fn message_of(document: &[u8]) -> String {
    ErrorDocument::read(document)
        .map_or_else(|| String::from_utf8_lossy(document).into_owned(), |error| error.message)
}
