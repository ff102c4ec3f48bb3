//! A client for HTTP/1.1 without TLS, with connections kept alive.

use std::{pin::Pin, time::Duration};

use ::http::{HeaderName, HeaderValue, Method, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};

use super::Reply;

/// How long a request may take unless it says otherwise.
const BOUND: Duration = Duration::from_secs(30);

/// A client of one server. Cheap to clone; clones share connections. It belongs to the runtime
/// it was first used on, so make one per test. It follows no redirects, keeps no cookies, asks
/// for no compression and goes through no proxy.
#[derive(Clone)]
pub struct Client {
    base: String,
    bearer: Option<String>,
    http: legacy::Client<HttpConnector, Full<Bytes>>,
}

impl Client {
    /// A client for the server at `base`, such as `http://127.0.0.1:8080`.
    pub fn new(base: impl Into<String>) -> Client {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let http = legacy::Client::builder(TokioExecutor::new()).build(connector);
        Client { base: base.into().trim_end_matches('/').to_owned(), bearer: None, http }
    }

    /// The same client, showing this access token or key with every request.
    #[must_use]
    pub fn with_bearer(&self, key: impl Into<String>) -> Client {
        Client { bearer: Some(key.into()), ..self.clone() }
    }

    /// The server's URL, without a slash at the end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// `GET path`. The path begins with a slash and is sent as it is, with its query.
    pub fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }
    /// `HEAD path`.
    pub fn head(&self, path: &str) -> Request {
        self.request(Method::HEAD, path)
    }
    /// `POST path`.
    pub fn post(&self, path: &str) -> Request {
        self.request(Method::POST, path)
    }
    /// `PUT path`.
    pub fn put(&self, path: &str) -> Request {
        self.request(Method::PUT, path)
    }
    /// `PATCH path`.
    pub fn patch(&self, path: &str) -> Request {
        self.request(Method::PATCH, path)
    }
    /// `DELETE path`.
    pub fn delete(&self, path: &str) -> Request {
        self.request(Method::DELETE, path)
    }

    /// Any method.
    pub fn request(&self, method: Method, path: &str) -> Request {
        let request = Request {
            client: self.http.clone(),
            uri: format!("{}{path}", self.base),
            method,
            headers: Vec::new(),
            body: Bytes::new(),
            bound: BOUND,
        };
        match &self.bearer {
            Some(key) => request.bearer(key),
            None => request,
        }
    }
}

/// A request that has not been sent. [`Request::send`] it, or just `.await` it.
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    client: legacy::Client<HttpConnector, Full<Bytes>>,
    uri: String,
    method: Method,
    headers: Vec<(String, Vec<u8>)>,
    body: Bytes,
    bound: Duration,
}

impl Request {
    /// Shows an access token or key.
    pub fn bearer(self, key: impl AsRef<str>) -> Request {
        let value = format!("Bearer {}", key.as_ref());
        self.header(header::AUTHORIZATION.as_str(), value)
    }

    /// Names the request for the server to do it once (`Idempotency-Key`).
    pub fn key(self, key: impl AsRef<str>) -> Request {
        self.header("idempotency-key", key.as_ref())
    }

    /// Sends one header field. A second of the same name is sent as well, except for
    /// `authorization` and `content-type`, where the last one counts.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Request {
        let name = name.to_ascii_lowercase();
        if matches!(name.as_str(), "authorization" | "content-type") {
            self.headers.retain(|(present, _)| *present != name);
        }
        self.headers.push((name, value.as_ref().to_vec()));
        self
    }

    /// Sends `value` as JSON.
    pub fn json(self, value: impl Into<serde_json::Value>) -> Request {
        let body = value.into().to_string();
        self.header("content-type", "application/json").body(body)
    }

    /// Sends these bytes as they are, and no content type unless a header names one.
    pub fn body(mut self, body: impl Into<Bytes>) -> Request {
        self.body = body.into();
        self
    }

    /// Waits for the whole reply this long instead of 30 seconds.
    pub fn within(mut self, bound: Duration) -> Request {
        self.bound = bound;
        self
    }

    /// Sends the request and reads the whole reply.
    ///
    /// # Panics
    /// When there is no reply; the message names the request and what went wrong.
    pub async fn send(self) -> Reply {
        self.attempt().await.unwrap_or_else(|why| panic!("{why}"))
    }

    /// [`Request::send`] for a server that may not answer.
    ///
    /// # Errors
    /// One line with the request and the whole chain of causes, when no whole reply came in time
    /// or the request cannot be put on the wire.
    pub async fn attempt(self) -> Result<Reply, String> {
        let (line, bound) = (format!("{} {}", self.method, self.uri), self.bound);
        match tokio::time::timeout(bound, self.exchange()).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(why)) => Err(format!("{line}: {why}")),
            Err(_) => Err(format!("{line}: no whole reply within {bound:?}")),
        }
    }

    async fn exchange(self) -> Result<Reply, String> {
        let mut request = ::http::Request::builder().method(self.method).uri(self.uri);
        for (name, value) in &self.headers {
            let name: HeaderName = name.parse().map_err(|_| format!("{name:?} is no header name"))?;
            let value = HeaderValue::from_bytes(value).map_err(|_| format!("the value of {name} cannot be sent"))?;
            request = request.header(name, value);
        }
        let request = request.body(Full::new(self.body)).map_err(|e| e.to_string())?;
        let response = self.client.request(request).await.map_err(|e| chain(&e))?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|e| chain(&e))?.to_bytes();
        Ok(Reply { status: head.status, headers: head.headers, body })
    }
}

impl IntoFuture for Request {
    type Output = Reply;
    type IntoFuture = Pin<Box<dyn Future<Output = Reply> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}
