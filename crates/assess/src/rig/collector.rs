//! What receives traces and error reports, so that a probe can look for its own.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinHandle};

use super::Trouble;

/// One document that somebody sent.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The path it was sent to.
    pub path: String,
    /// The body as text.
    pub text: String,
}

/// A receiver on this machine. It answers 200 to everything and keeps what came.
#[derive(Debug)]
pub struct Collector {
    /// Its address, such as `http://127.0.0.1:41000`.
    pub base: String,
    heard: Arc<Mutex<Vec<Heard>>>,
    task: JoinHandle<()>,
}

impl Collector {
    /// Starts one on a free port.
    ///
    /// # Errors
    /// When there is no port.
    pub async fn start() -> Result<Collector, Trouble> {
        let bound = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = bound.map_err(|error| Trouble::new(format!("no port for a collector: {error}")))?;
        let address = listener.local_addr().map_err(|error| Trouble::new(error.to_string()))?;
        let heard = Arc::new(Mutex::new(Vec::new()));
        let kept = heard.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let kept = kept.clone();
                let service = service_fn(move |request| keep(request, kept.clone()));
                tokio::spawn(async move {
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Ok(Collector { base: format!("http://{address}"), heard, task })
    }

    /// Everything that came so far.
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn keep(request: Request<Incoming>, kept: Arc<Mutex<Vec<Heard>>>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let path = request.uri().path().to_owned();
    let body = request.into_body().collect().await?.to_bytes();
    kept.lock().unwrap_or_else(PoisonError::into_inner).push(Heard { path, text: String::from_utf8_lossy(&body).into_owned() });
    Ok(Response::new(Full::new(Bytes::from_static(b"{}"))))
}
