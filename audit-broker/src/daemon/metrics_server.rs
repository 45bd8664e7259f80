//! The socket at which root reads metrics.
//!
//! It answers `GET /metrics` to root, one reader at a time, on a thread of its own. It does not know
//! what is counted.

use std::convert::Infallible;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener as StdListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use nix::sys::socket::{getsockopt, sockopt};
use tokio::net::{UnixListener, UnixStream};

use crate::confine::kernel_status::KernelStatus;
use crate::metrics::Metrics;
use crate::net::listen::ACCEPT_PAUSE;

/// The media type of OpenMetrics 1.0.
///
/// # Source
/// The exposition formats of Prometheus.
const FORMAT: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// How long one reader may take, because the next one waits for it.
const READER_TIMEOUT: Duration = Duration::from_secs(5);

/// Starts the thread that answers. It lives as long as the process.
///
/// # Errors
/// If the thread cannot start or cannot watch the socket.
pub(super) fn start(
    listener: StdListener,
    metrics: Arc<Metrics>,
    kernel: Option<Arc<KernelStatus>>,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = {
        let _inside = runtime.enter();
        UnixListener::from_std(listener)?
    };
    thread::Builder::new().name("metrics".to_owned()).spawn(move || {
        runtime.block_on(async {
            loop {
                match listener.accept().await {
                    Ok((socket, _)) if is_root(&socket) => {
                        serve(socket, &metrics, kernel.as_deref()).await;
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::warn!(
                            "cannot accept a connection at the metrics socket: {error}; \
                             trying again in a moment"
                        );
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        });
    })?;
    Ok(())
}

/// The mode of the socket keeps other users out; this check still does if the mode was changed.
fn is_root(socket: &UnixStream) -> bool {
    getsockopt(&socket.as_fd(), sockopt::PeerCredentials).is_ok_and(|peer| peer.uid() == 0)
}

async fn serve(socket: UnixStream, metrics: &Metrics, kernel: Option<&KernelStatus>) {
    let service = service_fn(|request: Request<Incoming>| async move {
        Ok::<_, Infallible>(answer(&request, metrics, kernel))
    });
    let serving =
        http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(socket), service);
    // A reader that disconnects early is not an error.
    let _ = tokio::time::timeout(READER_TIMEOUT, serving).await;
}

fn answer(
    request: &Request<Incoming>,
    metrics: &Metrics,
    kernel: Option<&KernelStatus>,
) -> Response<Full<Bytes>> {
    if request.method() != Method::GET || request.uri().path() != "/metrics" {
        let mut response = Response::new(Full::from("only GET /metrics is served here\n"));
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    }
    let status = kernel.and_then(|kernel| kernel.ask().ok());
    let mut response = Response::new(Full::from(metrics.text(status.as_ref())));
    response.headers_mut().insert(CONTENT_TYPE, FORMAT);
    response
}
