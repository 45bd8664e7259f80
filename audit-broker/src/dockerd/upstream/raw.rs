//! Requests whose response is a raw stream.
//!
//! This file writes a request and parses the head of its response. All bytes after the head belong to the
//! stream, so this file must not interpret them.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::rc::Rc;

use bytes::Bytes;
use hyper::ext::ReasonPhrase;
use hyper::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use hyper::http::response::Parts;
use hyper::{Request, Response, StatusCode};

use super::{BoxError, Unreachable, Upstream};
use crate::net::socket::Socket;
use crate::net::tunnel::{TunnelEnd, write_all};

/// The longest head of a response, in bytes, and the most headers in it.
const HEAD_LIMIT_BYTES: usize = 64 << 10;
const HEADERS_LIMIT: usize = 64;

impl Upstream {
    /// Sends the request on a new connection, and returns the head of the response and the stream
    /// after it.
    ///
    /// # Errors
    /// If dockerd cannot be reached, or if the broker cannot read its response.
    pub(crate) async fn open(
        &self,
        request: &Request<Bytes>,
    ) -> Result<(Parts, TunnelEnd), Unreachable> {
        let socket = Rc::new(self.socket().await?);
        let no_answer = |source: io::Error| Unreachable::NoAnswer { source: source.into() };
        write_all(&socket, &request_bytes(request)).await.map_err(no_answer)?;
        let mut read = Vec::new();
        loop {
            if !read_more(&socket, &mut read).await.map_err(no_answer)? {
                return Err(no_answer(ErrorKind::UnexpectedEof.into()));
            }
            let parsed = parse_head(&read).map_err(|source| Unreachable::Malformed {
                what: request.uri().to_string(),
                source,
            })?;
            if let Some((head, len)) = parsed {
                // A copy, so that the memory of the head is freed.
                let read = Bytes::copy_from_slice(read.get(len..).unwrap_or_default());
                return Ok((head, TunnelEnd { socket, read }));
            }
        }
    }
}

/// The bytes of the request on the wire.
fn request_bytes(request: &Request<Bytes>) -> Vec<u8> {
    let mut bytes = format!("{} {} HTTP/1.1", request.method(), request.uri()).into_bytes();
    let mut header = |name: &HeaderName, value: &[u8]| {
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value);
    };
    for (name, value) in request.headers() {
        header(name, value.as_bytes());
    }
    if request.method() != hyper::Method::GET {
        header(&CONTENT_LENGTH, request.body().len().to_string().as_bytes());
    }
    bytes.extend_from_slice(b"\r\n\r\n");
    bytes.extend_from_slice(request.body());
    bytes
}

/// Reads more bytes; `false` at the end of the stream.
async fn read_more(socket: &Socket, read: &mut Vec<u8>) -> io::Result<bool> {
    let count = poll_fn(|context| {
        socket.poll_read(context, HEAD_LIMIT_BYTES, |bytes| {
            read.extend_from_slice(bytes);
            bytes.len()
        })
    });
    Ok(count.await? > 0)
}

/// The head and its length in bytes; `None` if it is not complete yet.
fn parse_head(read: &[u8]) -> Result<Option<(Parts, usize)>, BoxError> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_LIMIT];
    let mut parsed = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(len) = parsed.parse(read)? else {
        let is_too_long = read.len() > HEAD_LIMIT_BYTES;
        return if is_too_long { Err("its head is too long".into()) } else { Ok(None) };
    };
    let (mut head, ()) = Response::new(()).into_parts();
    head.status = StatusCode::from_u16(parsed.code.unwrap_or(0))?;
    if let Some(Ok(reason)) = parsed.reason.map(|reason| ReasonPhrase::try_from(reason.as_bytes()))
    {
        head.extensions.insert(reason);
    }
    for header in parsed.headers {
        let name = HeaderName::from_bytes(header.name.as_bytes())?;
        head.headers.append(name, HeaderValue::from_bytes(header.value)?);
    }
    Ok(Some((head, len)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_written_completely() {
        let request = Request::post("/v1.41/exec/a/start")
            .header("host", "docker")
            .body(Bytes::from_static(b"{}"))
            .unwrap();
        assert_eq!(
            request_bytes(&request),
            b"POST /v1.41/exec/a/start HTTP/1.1\r\nhost: docker\r\ncontent-length: 2\r\n\r\n{}"
        );
    }

    #[test]
    fn the_head_of_a_response_ends_where_the_stream_begins() {
        let answer = b"HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\nHTTP/1.1 is not read";
        let end = answer.len() - "HTTP/1.1 is not read".len();
        for len in 0..end {
            assert!(parse_head(&answer[..len]).unwrap().is_none(), "{len}");
        }
        let (head, len) = parse_head(answer).unwrap().unwrap();
        assert_eq!((head.status.as_u16(), len), (101, end));
        assert_eq!(head.headers["upgrade"], "tcp");
    }

    #[test]
    fn an_invalid_response_is_refused() {
        for answer in [&b"SSH-2.0\r\n\r\n"[..], b"HTTP/1.1 099 x\r\n\r\n"] {
            assert!(parse_head(answer).is_err());
        }
        let endless =
            [b"HTTP/1.1 200 OK\r\na: ".as_slice(), &vec![b'x'; HEAD_LIMIT_BYTES]].concat();
        assert!(parse_head(&endless).is_err());
    }
}
