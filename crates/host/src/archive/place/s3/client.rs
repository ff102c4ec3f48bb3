//! Requests to an object store: signed, bounded in time, repeated where that can help.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client as Http, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use plimsoll_core::{Clock, Code, Error, Result};

use super::{
    answer,
    sign::{Signer, escaped},
};
use crate::telemetry::connector;

const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// For a request with a part as its body, until the answer's head.
const ANSWER_LIMIT: Duration = Duration::from_secs(120);
/// For the next piece of a body.
const PIECE_LIMIT: Duration = Duration::from_secs(60);
/// Answers other than objects are not longer.
const LONGEST: usize = 8 << 20;
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(200);

pub(super) struct Client {
    http: Http<HttpsConnector<HttpConnector>, Full<Bytes>>,
    host: String,
    signer: Signer,
    clock: Clock,
}

/// An answer without an object in it.
pub(super) struct Sent {
    pub(super) status: StatusCode,
    /// The tag of what was taken.
    pub(super) tag: Option<String>,
    pub(super) body: String,
}

impl Sent {
    /// The answer, where it is the one that was hoped for.
    pub(super) fn expect(self, status: StatusCode) -> Result<Sent> {
        let fits = self.status == status || (status == StatusCode::NO_CONTENT && self.status == StatusCode::OK);
        if fits { Ok(self) } else { Err(refusal(self.status, &self.body)) }
    }
}

/// An answer that makes no sense.
pub(super) fn strange(why: &'static str) -> Error {
    Code::ArchivePlace.because(format!("The object store answers what cannot be: {why}."))
}

fn refusal(status: StatusCode, body: &str) -> Error {
    let said = answer::text(body, "Code").filter(|code| code.len() <= 60 && code.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let code = match (status, said.as_deref()) {
        (StatusCode::NOT_FOUND, Some("NoSuchBucket")) => return Code::ArchivePlace.because("The bucket of archive.place is not there."),
        (StatusCode::NOT_FOUND, _) => return Code::NotFound.because("There is no such archive at this place."),
        (StatusCode::INSUFFICIENT_STORAGE, _) | (_, Some("XMinioStorageFull" | "QuotaExceeded")) => Code::StorageFull,
        _ => Code::ArchivePlace,
    };
    code.because(format!("The object store refused with {}{}.", status.as_u16(), said.map(|said| format!(" {said}")).unwrap_or_default()))
}

impl Client {
    pub(super) fn new(host: String, signer: Signer, clock: Clock) -> Result<Client> {
        let connector = connector(CONNECT_LIMIT)?;
        let http = Http::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(2)
            .build(connector);
        Ok(Client { http, host, signer, clock })
    }

    /// Sends a request and reads its answer. All requests that are sent here may be sent again.
    pub(super) async fn ask(&self, method: Method, endpoint: &str, path: &str, query: &[(&str, &str)], body: Bytes) -> Result<Sent> {
        let mut attempt = 1;
        loop {
            let done = self.once(&method, endpoint, path, query, body.clone()).await;
            let again = match &done {
                Ok(sent) => sent.status.is_server_error() || sent.status == StatusCode::TOO_MANY_REQUESTS,
                Err(_) => true,
            };
            if !again || attempt == ATTEMPTS {
                return done;
            }
            tokio::time::sleep(PAUSE * 4_u32.pow(attempt - 1)).await;
            attempt += 1;
        }
    }

    async fn once(&self, method: &Method, endpoint: &str, path: &str, query: &[(&str, &str)], body: Bytes) -> Result<Sent> {
        let answer = self.send(method, endpoint, path, query, body).await?;
        let (head, body) = answer.into_parts();
        let read = tokio::time::timeout(PIECE_LIMIT, Limited::new(body, LONGEST).collect()).await;
        let body = read.map_err(|_| late())?.map_err(|cause| away().caused_by(cause))?.to_bytes();
        let tag = head.headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        Ok(Sent { status: head.status, tag, body: String::from_utf8_lossy(&body).into_owned() })
    }

    async fn send(&self, method: &Method, endpoint: &str, path: &str, query: &[(&str, &str)], body: Bytes) -> Result<Response<Incoming>> {
        let path = escaped(path, true);
        let query =
            query.iter().map(|(name, value)| format!("{}={}", escaped(name, false), escaped(value, false))).collect::<Vec<_>>().join("&");
        let signed = self.signer.sign(method.as_str(), &self.host, &path, &query, &body, self.clock.now());
        let uri = format!("{endpoint}{path}{}{query}", if query.is_empty() { "" } else { "?" });
        let mut secret = HeaderValue::from_str(&signed.authorization)?;
        secret.set_sensitive(true);
        let request = Request::builder()
            .method(method.clone())
            .uri(uri)
            .header(header::HOST, &self.host)
            .header("x-amz-date", signed.date)
            .header("x-amz-content-sha256", signed.digest)
            .header(header::AUTHORIZATION, secret)
            .header(header::USER_AGENT, concat!("plimsoll/", env!("CARGO_PKG_VERSION")))
            .body(Full::new(body))?;
        let sent = tokio::time::timeout(ANSWER_LIMIT, self.http.request(request)).await;
        sent.map_err(|_| late())?.map_err(|cause| away().caused_by(cause))
    }

    /// Asks for an object; its answer's body is still to be read.
    pub(super) async fn open(&self, endpoint: &str, path: &str) -> Result<Incoming> {
        let mut attempt = 1;
        loop {
            let done = self.send(&Method::GET, endpoint, path, &[], Bytes::new()).await;
            match done {
                Ok(answer) if answer.status() == StatusCode::OK => return Ok(answer.into_body()),
                Ok(answer) if attempt == ATTEMPTS || !answer.status().is_server_error() => {
                    let status = answer.status();
                    let read = Limited::new(answer.into_body(), LONGEST).collect().await;
                    let body = read.map(|body| String::from_utf8_lossy(&body.to_bytes()).into_owned()).unwrap_or_default();
                    return Err(refusal(status, &body));
                }
                Err(error) if attempt == ATTEMPTS => return Err(error),
                _ => {}
            }
            tokio::time::sleep(PAUSE * 4_u32.pow(attempt - 1)).await;
            attempt += 1;
        }
    }
}

/// The next piece of an object.
pub(super) async fn piece(body: &mut Incoming) -> Result<Option<Bytes>> {
    loop {
        let frame = tokio::time::timeout(PIECE_LIMIT, body.frame()).await.map_err(|_| late())?;
        match frame {
            None => return Ok(None),
            Some(Err(cause)) => return Err(away().caused_by(cause)),
            Some(Ok(frame)) => {
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
        }
    }
}

fn away() -> Error {
    Code::ArchivePlace.because("The object store is not to be reached, or broke off.")
}

fn late() -> Error {
    Code::ArchivePlace.because("The object store does not answer in time.")
}
