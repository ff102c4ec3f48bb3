//! `/proof` on the operations listener: the newest proof of this data folder, for people.
//!
//! The proof is a file that the prober wrote, one page with its own style and without a script.
//! The policy sent with it allows exactly that style and nothing else, whatever stands in it.

use std::{io::ErrorKind, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderValue, Response, StatusCode, header};
use plimsoll_core::{Code, Result};
use ring::digest::{SHA256, digest};

use crate::Body;

/// The newest proof's page in the folder of proofs.
const NEWEST: &str = "latest.html";

const NONE: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">\
    <title>No proof yet</title><style>body{font:1rem/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}</style></head>\n\
    <body><h1>No proof yet</h1>\n<p>Nothing was proven with this data folder. Make a proof with</p>\n<pre><code>plimsoll prove</code></pre>\n\
    <p>and the same <code>--data</code> as this service has; it is kept in the folder <code>proofs</code> and shown here.</p></body></html>\n";

/// The newest proof in `folder`, or how to make one.
///
/// # Errors
/// When there is one and it cannot be read.
pub(super) async fn newest(folder: &Path) -> Result<Response<Body>> {
    let (status, page) = match tokio::fs::read_to_string(folder.join(NEWEST)).await {
        Ok(page) => (StatusCode::OK, page),
        Err(error) if error.kind() == ErrorKind::NotFound => (StatusCode::NOT_FOUND, NONE.to_owned()),
        Err(error) => return Err(Code::Internal.error().caused_by(format!("the newest proof cannot be read: {error}"))),
    };
    let policy = HeaderValue::try_from(policy(&page))?;
    let mut answer = Response::new(Body::from(page));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(answer)
}

/// Nothing is loaded and nothing runs; of styles, only the first of the page.
fn policy(page: &str) -> String {
    let style = page.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>")).map(|(style, _)| style);
    let style =
        style.map_or_else(|| "'none'".to_owned(), |style| format!("'sha256-{}'", STANDARD.encode(digest(&SHA256, style.as_bytes()))));
    format!("default-src 'none'; style-src {style}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
}

#[cfg(test)]
mod tests {
    use super::policy;

    /// The hash is that of the example in the specification of content policies (CSP level 3, §8.3), over a style.
    #[test]
    fn the_policy_allows_the_page_s_own_style_and_nothing_else() {
        let told = policy("<html><style>alert('Hello, world.');</style><style>late</style><script>x</script>");
        assert!(told.contains("style-src 'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng=';"), "{told}");
        assert!(told.starts_with("default-src 'none'") && !told.contains("unsafe") && !told.contains("script-src"), "{told}");
        assert!(policy("<p>no style").contains("style-src 'none'"));
    }
}
