//! The two sockets of the fake dockerd, in a directory that only this user can enter.
//!
//! One socket is for clients: their requests are explained and answered. The other is for the broker's
//! own code, which inspects objects there.

use std::cell::RefCell;
use std::convert::Infallible;
use std::env;
use std::fs;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::Context;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use nix::unistd::mkdtemp;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::spawn_local;

use super::dockerd::{Dockerd, DockerdAnswer, refuse};
use super::explainer::{Explained, Explainer};
use crate::api::body::{Body, SIZE_LIMIT_BYTES};
use crate::api::request::{ApiVersion, parse_head};
use crate::refusal::Refusal;

/// A private directory, removed when this is dropped.
#[derive(Debug)]
pub(super) struct Directory(PathBuf);

impl Directory {
    /// # Errors
    /// If the directory for temporary files does not allow it.
    pub(super) fn new() -> anyhow::Result<Self> {
        let template = env::temp_dir().join("audit-broker-explain-XXXXXX");
        let made = mkdtemp(&template)
            .with_context(|| format!("cannot create a directory like {}", template.display()))?;
        Ok(Self(made))
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // If this fails, the directory stays. There is no remedy here.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The calls of clients so far.
pub(super) type Calls = Rc<RefCell<Vec<Explained>>>;

/// Serves the broker's own questions about objects.
///
/// # Errors
/// If the socket cannot be created.
pub(super) fn serve_dockerd(path: &Path, dockerd: Rc<Dockerd>) -> anyhow::Result<()> {
    serve(path, move |request| {
        let dockerd = Rc::clone(&dockerd);
        async move { inspect(&dockerd, &request) }
    })
}

/// Serves clients and adds their calls to `calls`.
///
/// # Errors
/// As [`serve_dockerd`].
pub(super) fn serve_clients(
    path: &Path,
    judge: Rc<Explainer>,
    calls: &Calls,
) -> anyhow::Result<()> {
    let calls = Rc::clone(calls);
    serve(path, move |request| {
        let (judge, calls) = (Rc::clone(&judge), Rc::clone(&calls));
        async move { Box::pin(explain(&judge, &calls, request)).await }
    })
}

fn serve<Answering: Future<Output = DockerdAnswer> + 'static>(
    path: &Path,
    answer: impl Fn(Request<Incoming>) -> Answering + Clone + 'static,
) -> anyhow::Result<()> {
    let listener =
        UnixListener::bind(path).with_context(|| format!("cannot listen at {}", path.display()))?;
    spawn_local(async move {
        while let Ok((socket, _)) = listener.accept().await {
            spawn_local(serve_connection(socket, answer.clone()));
        }
    });
    Ok(())
}

async fn serve_connection<Answering: Future<Output = DockerdAnswer>>(
    socket: UnixStream,
    answer: impl Fn(Request<Incoming>) -> Answering,
) {
    let service = service_fn(|mut request: Request<Incoming>| {
        let upgrade = hyper::upgrade::on(&mut request);
        let answering = answer(request);
        async move {
            let answer = answering.await;
            if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
                // Close the stream at once.
                spawn_local(async move { drop(upgrade.await) });
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let serving = http1::Builder::new().serve_connection(TokioIo::new(socket), service);
    // An error only means that the client has disconnected.
    let _ = serving.with_upgrades().await;
}

fn inspect(dockerd: &Dockerd, request: &Request<Incoming>) -> DockerdAnswer {
    let (method, uri, version) = (request.method(), request.uri(), request.version());
    match parse_head(method, uri, version, request.headers(), ApiVersion::NEWEST) {
        Ok(head) => dockerd.answer(&head, &Body::None),
        Err(refusal) => refuse(&refusal),
    }
}

async fn explain(judge: &Explainer, calls: &Calls, request: Request<Incoming>) -> DockerdAnswer {
    let (head, body) = request.into_parts();
    let document = read(body).await;
    match Box::pin(judge.explain(&head, &document)).await {
        Ok((explained, answer)) => {
            calls.borrow_mut().push(explained);
            answer
        }
        Err(error) => refuse(&Refusal {
            status: StatusCode::BAD_GATEWAY,
            message: format!("explain cannot reach its own fake dockerd: {error}"),
        }),
    }
}

/// The body, up to just above the limit for documents. The rest of a longer stream is read and dropped.
async fn read(mut body: Incoming) -> Bytes {
    let mut document = BytesMut::new();
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(data) = frame.into_data()
            && document.len() <= SIZE_LIMIT_BYTES
        {
            document.extend_from_slice(&data);
        }
    }
    document.freeze()
}
