//! Asking a service for its description, within bounds.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, Request, StatusCode, header};
use hyper::body::Body as _;

use crate::{Body, upstream::mount::Mount};

/// Largest description in bytes.
const SIZE: usize = 4 * 1024 * 1024;
/// How long asking for it may take in all.
const TIME: Duration = Duration::from_secs(5);

/// Why there is no description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Miss {
    /// The service answers and has none there.
    Absent(String),
    /// The service does not answer, or not well; asking again may help.
    Away(String),
    /// There is something, and it cannot be used.
    Unusable(String),
}

/// The bytes at `target` of the service.
///
/// # Errors
/// See [`Miss`].
pub async fn fetch(mount: &Mount, target: &str) -> Result<Bytes, Miss> {
    let late = |_| Err(Miss::Away(format!("`{target}` was not answered within {} s", TIME.as_secs())));
    tokio::time::timeout(TIME, ask(mount, target)).await.unwrap_or_else(late)
}

async fn ask(mount: &Mount, target: &str) -> Result<Bytes, Miss> {
    let mut request = Request::new(Body::empty());
    *request.method_mut() = Method::GET;
    *request.uri_mut() = target.parse().map_err(|_| Miss::Unusable(format!("`{target}` is no path")))?;
    let host = mount.pool.address().authority().map_or("localhost", |authority| authority.as_str());
    let headers = request.headers_mut();
    headers.insert(header::HOST, HeaderValue::from_str(host).unwrap_or(HeaderValue::from_static("localhost")));
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(concat!("plimsoll/", env!("CARGO_PKG_VERSION"))));
    let answered = mount.pool.send(request).await.map_err(|error| Miss::Away(error.public().to_owned()))?;
    let (head, mut body) = answered.answer.into_parts();
    if head.status != StatusCode::OK {
        let said = format!("`{target}` is answered with {}", head.status.as_u16());
        let passing = head.status.is_server_error() || head.status == StatusCode::TOO_MANY_REQUESTS;
        return Err(if passing { Miss::Away(said) } else { Miss::Absent(said) });
    }
    // A page for people that stands at every address is no description.
    let page =
        head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(|kind| kind.starts_with("text/html"));
    if page {
        return Err(Miss::Absent(format!("`{target}` is a page")));
    }
    if head.headers.contains_key(header::CONTENT_ENCODING) {
        return Err(Miss::Unusable(format!("`{target}` is sent in an encoding that nobody asked for")));
    }
    let mut seen = BytesMut::new();
    while let Some(frame) = std::future::poll_fn(|cx| std::pin::Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(|_| Miss::Away(format!("`{target}` broke off")))?;
        let Ok(data) = frame.into_data() else { continue };
        if seen.len() + data.len() > SIZE {
            return Err(Miss::Unusable(format!("`{target}` is larger than {} MiB", SIZE >> 20)));
        }
        seen.extend_from_slice(&data);
    }
    mount.pool.put_back(answered.connection);
    Ok(seen.freeze())
}

/// The bytes of a file here.
///
/// # Errors
/// See [`Miss`].
pub async fn file(path: &str) -> Result<Bytes, Miss> {
    let unusable = |why: &dyn std::fmt::Display| Miss::Unusable(format!("the file `{path}` cannot be read: {why}"));
    let size = tokio::fs::metadata(path).await.map_err(|error| unusable(&error))?.len();
    if size > SIZE as u64 {
        return Err(unusable(&format!("it is larger than {} MiB", SIZE >> 20)));
    }
    tokio::fs::read(path).await.map(Bytes::from).map_err(|error| unusable(&error))
}
