//! Requests.

use std::sync::OnceLock;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::time::Instant;

use super::{Reply, Site, Trouble, plain};

/// How the prober names itself in every request.
pub const AGENT: &str = concat!("plimsoll-prove/", env!("CARGO_PKG_VERSION"));
/// The most of an answer that is read.
const LARGEST: usize = 8 * 1024 * 1024;

/// Keeps connections between requests; speaks TLS where the address says `https`.
pub type Client = legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A client that follows no redirect, keeps no cookie and goes through no proxy.
pub fn client() -> Client {
    // Reading the public roots takes longer than most probes; connections are each client's own.
    static CONNECTOR: OnceLock<HttpsConnector<HttpConnector>> = OnceLock::new();
    let connector = CONNECTOR.get_or_init(|| {
        let mut plain = HttpConnector::new();
        plain.set_nodelay(true);
        plain.enforce_http(false);
        HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1().wrap_connector(plain)
    });
    legacy::Client::builder(TokioExecutor::new()).build(connector.clone())
}

/// A request that was not sent yet.
#[derive(Debug, Clone)]
pub struct Ask {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    operations: bool,
    shown: Option<String>,
    faults: Option<String>,
}

/// `GET path`
pub fn get(path: impl Into<String>) -> Ask {
    request(Method::GET, path)
}
/// `HEAD path`
pub fn head(path: impl Into<String>) -> Ask {
    request(Method::HEAD, path)
}
/// `OPTIONS path`
pub fn options(path: impl Into<String>) -> Ask {
    request(Method::OPTIONS, path)
}
/// `POST path`
pub fn post(path: impl Into<String>) -> Ask {
    request(Method::POST, path)
}
/// `PUT path`
pub fn put(path: impl Into<String>) -> Ask {
    request(Method::PUT, path)
}
/// `PATCH path`
pub fn patch(path: impl Into<String>) -> Ask {
    request(Method::PATCH, path)
}
/// `DELETE path`
pub fn delete(path: impl Into<String>) -> Ask {
    request(Method::DELETE, path)
}
/// Any method.
pub fn request(method: Method, path: impl Into<String>) -> Ask {
    Ask { method, path: path.into(), headers: HeaderMap::new(), body: Bytes::new(), operations: false, shown: None, faults: None }
}

impl Ask {
    /// Shows an access token or a key.
    #[must_use]
    pub fn bearer(self, secret: impl AsRef<str>) -> Ask {
        self.header("authorization", format!("Bearer {}", secret.as_ref()))
    }
    /// Sends this header field once; the last value counts.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Ask {
        match (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value.as_ref())) {
            (Ok(name), Ok(value)) => {
                self.headers.insert(name, value);
            }
            _ => self.faults = Some(format!("`{name}` cannot be sent with this value")),
        }
        self
    }
    /// Sends a value as JSON.
    #[must_use]
    pub fn json(self, value: &serde_json::Value) -> Ask {
        let body = value.to_string();
        self.header("content-type", "application/json").body(body)
    }
    /// Sends these bytes.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Ask {
        self.body = body.into();
        self
    }
    /// Asks the operations listener instead of the public one.
    #[must_use]
    pub fn operations(mut self) -> Ask {
        self.operations = true;
        self
    }
    /// How the request is called in the transcript, where its path is not the same in every run or
    /// does not tell what matters.
    #[must_use]
    pub fn shown(mut self, shown: impl Into<String>) -> Ask {
        self.shown = Some(shown.into());
        self
    }

    /// The request in one line.
    pub fn line(&self) -> String {
        let place = if self.operations { "operations: " } else { "" };
        plain(&format!("{place}{} {}", self.method, self.shown.as_deref().unwrap_or(&self.path)))
    }

    /// Sends it and reads the whole answer.
    pub(super) async fn go(self, client: &Client, site: &Site, address: Option<&str>, until: Instant) -> Result<Reply, Trouble> {
        if let Some(fault) = self.faults {
            return Err(Trouble::new(fault));
        }
        let line = self.line();
        let base = if self.operations {
            site.operations.as_deref().ok_or_else(|| Trouble::new("the operations listener is not known"))?
        } else {
            &site.base
        };
        let mut request = Request::builder().method(self.method).uri(format!("{base}{}", self.path)).body(Full::new(self.body));
        if let Ok(request) = &mut request {
            *request.headers_mut() = self.headers;
            let headers = request.headers_mut();
            headers.entry(header::USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
            if let Some(address) = address.and_then(|address| HeaderValue::from_str(address).ok()) {
                headers.entry("x-forwarded-for").or_insert(address);
            }
        }
        let request = request.map_err(|error| Trouble::new(format!("{line} cannot be sent: {error}")))?;
        let whole = async {
            let answer = client.request(request).await.map_err(|error| Trouble::new(format!("{line}: no answer ({})", cause(&error))))?;
            let (head, body) = answer.into_parts();
            let body = Limited::new(body, LARGEST)
                .collect()
                .await
                .map_err(|error| Trouble::new(format!("{line}: the answer broke off ({error})")))?;
            Ok(Reply { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes() })
        };
        tokio::time::timeout_at(until, whole).await.unwrap_or_else(|_| Err(Trouble::new(format!("{line}: no answer in time"))))
    }
}

/// The innermost reason, in words that do not change from run to run.
fn cause(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(next) = inner.source() {
        inner = next;
    }
    inner.to_string()
}
