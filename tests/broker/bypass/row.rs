//! One try: what is sent, and how it has to end.

/// A request by its id in the corpus. What stands in braces is put in by the stage.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) request: Vec<u8>,
    pub(super) end: End,
}

/// How a request ends.
#[derive(Debug)]
pub(super) enum End {
    /// 403, and the message names this.
    Denied(&'static str),
    /// 404 with what docker says of a thing that is not there.
    Hidden(&'static str),
    /// The broker does not pass it on: one of 400, 403, 404, 405, 409, 413 and 415, and the message names this.
    Refused(&'static str),
    /// dockerd is asked, and this status comes back: it does no harm.
    Harmless(u16),
}

/// A request without a body.
pub(super) fn bare(id: &str, target: &str, end: End) -> Row {
    raw(id, &format!("{target} HTTP/1.1\r\nHost: docker\r\n\r\n"), end)
}

/// A request with a document in JSON.
pub(super) fn json(id: &str, target: &str, body: &str, end: End) -> Row {
    typed(id, target, "application/json", body, end)
}

/// A request with a body of a type.
pub(super) fn typed(id: &str, target: &str, kind: &str, body: &str, end: End) -> Row {
    // The stage counts the length when it has put in what is in braces.
    let head = format!("{target} HTTP/1.1\r\nHost: docker\r\nContent-Type: {kind}\r\n");
    raw(id, &format!("{head}Content-Length: {{length}}\r\n\r\n{body}"), end)
}

/// A new container with this document.
pub(super) fn create(id: &str, body: &str, end: End) -> Row {
    json(id, "POST /containers/create?name={me}", body, end)
}

/// A new container of the usual image with this configuration of the host's part.
pub(super) fn host_config(id: &str, config: &str, end: End) -> Row {
    let body = format!(r#"{{"Image":"fedora","Cmd":["true"],"HostConfig":{config}}}"#);
    create(id, &body, end)
}

/// Exactly these bytes.
pub(super) fn raw(id: &str, request: &str, end: End) -> Row {
    Row { id: id.to_owned(), request: request.as_bytes().to_vec(), end }
}
