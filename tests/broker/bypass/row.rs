//! One attempt: a request, and how it must end.

/// A request with its id in the corpus. The stage replaces the words in braces.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) request: Vec<u8>,
    pub(super) end: End,
}

/// How a request ends.
#[derive(Debug)]
pub(super) enum End {
    /// 403, and the message contains this.
    Denied(&'static str),
    /// 404 with docker's message about a missing object.
    Hidden(&'static str),
    /// 400 with docker's message about a missing object that a new container uses. Clients would take a
    /// 404 for a missing image.
    HiddenInCreate(&'static str),
    /// 204 although nothing happens: docker ignores a missing object.
    HiddenInRemoval,
    /// The broker does not forward it: 400, 403, 404, 405, 409, 413 or 415, and the message
    /// contains this.
    Refused(&'static str),
    /// The broker forwards it, and this status comes back: the request does no harm.
    Harmless(u16),
}

/// A request without a body.
pub(super) fn bare(id: &str, target: &str, end: End) -> Row {
    raw(id, &format!("{target} HTTP/1.1\r\nHost: docker\r\n\r\n"), end)
}

/// A request with a JSON body.
pub(super) fn json(id: &str, target: &str, body: &str, end: End) -> Row {
    typed(id, target, "application/json", body, end)
}

/// A request with a body of this type.
pub(super) fn typed(id: &str, target: &str, kind: &str, body: &str, end: End) -> Row {
    // The stage fills in the length after it has replaced the words in braces.
    let head = format!("{target} HTTP/1.1\r\nHost: docker\r\nContent-Type: {kind}\r\n");
    raw(id, &format!("{head}Content-Length: {{length}}\r\n\r\n{body}"), end)
}

/// Creates a container from this body.
pub(super) fn create(id: &str, body: &str, end: End) -> Row {
    json(id, "POST /containers/create?name={me}", body, end)
}

/// Creates a container from the usual image, with this `HostConfig`.
pub(super) fn host_config(id: &str, config: &str, end: End) -> Row {
    let body = format!(r#"{{"Image":"fedora","Cmd":["true"],"HostConfig":{config}}}"#);
    create(id, &body, end)
}

/// Exactly these bytes.
pub(super) fn raw(id: &str, request: &str, end: End) -> Row {
    Row { id: id.to_owned(), request: request.as_bytes().to_vec(), end }
}
