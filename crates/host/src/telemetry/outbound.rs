//! The one HTTP client for what telemetry sends out: bounded in time, in connections and in what
//! it reads.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::Full;
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use plimsoll_core::{Code, Result};

const CONNECT_LIMIT: Duration = Duration::from_secs(3);
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Sends documents to a collector.
#[derive(Clone)]
pub struct Outbound {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// What became of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// Taken.
    Accepted,
    /// Refused for good: the same document would be refused again.
    Refused(StatusCode),
    /// Not now: try again, after this long where the receiver said so.
    Later(Option<Duration>),
}

impl Outbound {
    /// A client that trusts the public roots and nothing of the machine.
    ///
    /// # Errors
    /// `Internal` when the TLS library offers no protocol version.
    pub fn new() -> Result<Outbound> {
        let connector = connector(CONNECT_LIMIT)?;
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(2)
            .build(connector);
        Ok(Outbound { client })
    }

    /// Posts a document and waits for the head of the answer, ten seconds at most.
    pub async fn post(&self, to: &Uri, media: &'static str, extra: &[(&'static str, HeaderValue)], body: Bytes) -> Sent {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = to.clone();
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static(concat!("plimsoll/", env!("CARGO_PKG_VERSION"))));
        for (name, value) in extra {
            request.headers_mut().insert(*name, value.clone());
        }
        let Ok(Ok(answer)) = tokio::time::timeout(ANSWER_LIMIT, self.client.request(request)).await else {
            return Sent::Later(None);
        };
        match answer.status() {
            status if status.is_success() => Sent::Accepted,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                let seconds = answer.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
                Sent::Later(seconds.map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT)))
            }
            status => Sent::Refused(status),
        }
    }
}

/// What connects to an address that the operator chose: trusts the public roots and nothing of the
/// machine, and gives up connecting after `limit`.
///
/// # Errors
/// `Internal` when the TLS library offers no protocol version.
pub(crate) fn connector(limit: Duration) -> Result<HttpsConnector<HttpConnector>> {
    let mut plain = HttpConnector::new();
    plain.enforce_http(false);
    plain.set_connect_timeout(Some(limit));
    Ok(hyper_rustls::HttpsConnectorBuilder::new()
        .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())?
        .https_or_http()
        .enable_http1()
        .wrap_connector(plain))
}

/// Reads an address from the configuration: `http` or `https`, with a host.
///
/// # Errors
/// `ConfigInvalid`, naming `key` and never the value, which may hold a key.
pub fn address(key: &str, text: &str) -> Result<Uri> {
    let wrong = || Code::ConfigInvalid.because(format!("telemetry.{key} is not an http:// or https:// address"));
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    let fits = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty());
    if fits { Ok(uri) } else { Err(wrong()) }
}

#[cfg(test)]
pub(crate) mod receiver {
    //! A tiny HTTP receiver on loopback.

    use std::{
        io::{BufRead, BufReader, Read, Write},
        net::TcpListener,
        sync::mpsc,
    };

    /// One request as it arrived.
    pub(crate) struct Arrived {
        pub head: String,
        pub body: String,
    }

    /// Listens and answers with `statuses` in order, then with 200; hands over what arrives.
    pub(crate) fn listen(statuses: &'static [u16]) -> (String, mpsc::Receiver<Arrived>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("127.0.0.1:{}", listener.local_addr().unwrap().port());
        let (send, receive) = mpsc::channel();
        std::thread::spawn(move || {
            let mut statuses = statuses.iter();
            for connection in listener.incoming() {
                let Ok(connection) = connection else { return };
                let mut reader = BufReader::new(connection);
                let (mut head, mut length) = (String::new(), 0);
                loop {
                    let mut line = String::new();
                    if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                        break;
                    }
                    if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    head.push_str(&line);
                }
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                let status = statuses.next().unwrap_or(&200);
                let _ = write!(reader.get_mut(), "HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                if send.send(Arrived { head, body: String::from_utf8(body).unwrap() }).is_err() {
                    return;
                }
            }
        });
        (address, receive)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_does_not_fit_is_refused_without_being_quoted() {
        for broken in ["", "collector:4318", "ftp://secret@host/", "/v1", "https://"] {
            let error = address("sentry_dsn", broken).unwrap_err();
            assert_eq!(error.code(), Code::ConfigInvalid);
            assert!(error.public().contains("sentry_dsn") && !error.public().contains("secret"), "{}", error.public());
        }
        assert!(address("otlp_endpoint", "http://127.0.0.1:4318").is_ok());
    }

    #[tokio::test]
    async fn nobody_at_the_other_end_means_later_and_a_refusal_is_final() {
        let client = Outbound::new().unwrap();
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let to = format!("http://{gone}/").parse().unwrap();
        assert_eq!(client.post(&to, "text/plain", &[], Bytes::new()).await, Sent::Later(None));
        let (address, _arrived) = receiver::listen(&[400, 503]);
        let to = format!("http://{address}/x").parse().unwrap();
        assert_eq!(client.post(&to, "text/plain", &[], Bytes::new()).await, Sent::Refused(StatusCode::BAD_REQUEST));
        assert_eq!(client.post(&to, "text/plain", &[], Bytes::new()).await, Sent::Later(None));
        assert_eq!(client.post(&to, "text/plain", &[], Bytes::new()).await, Sent::Accepted);
    }
}
