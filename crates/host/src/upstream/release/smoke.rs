//! Asking a candidate a few questions before anybody else does.

use std::time::Duration;

use http::{HeaderValue, Method, Request, header};

use super::machine::Gate;
use crate::{Body, upstream::mount::Mount};

/// One question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    path: String,
    /// The status that is expected; nothing: any below 500.
    status: Option<u16>,
}

impl Look {
    /// Reads `/path` or `/path 401`.
    ///
    /// # Errors
    /// A sentence that says what is not right.
    pub fn read(text: &str) -> Result<Look, String> {
        let (path, status) = text.trim().split_once(' ').unwrap_or((text.trim(), "200"));
        let known = status.trim().parse().ok().filter(|status| (100..600).contains(status));
        match known {
            Some(status) if path.starts_with('/') && path.parse::<http::Uri>().is_ok() => {
                Ok(Look { path: path.to_owned(), status: Some(status) })
            }
            _ => Err(format!("\"{text}\" is no path with a status")),
        }
    }
    /// What is asked where nobody says what to ask.
    pub fn any() -> Look {
        Look { path: "/".to_owned(), status: None }
    }

    async fn ask(&self, mount: &Mount, limit: Duration) -> Result<(), String> {
        let mut request = Request::new(Body::empty());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = self.path.parse().map_err(|_| format!("{} is no path", self.path))?;
        let host = mount.pool.address().authority().map_or("localhost", |authority| authority.as_str());
        request.headers_mut().insert(header::HOST, HeaderValue::from_str(host).unwrap_or(HeaderValue::from_static("localhost")));
        request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static(concat!("plimsoll/", env!("CARGO_PKG_VERSION"))));
        // The connection is let go with the answer: it may be in any state.
        let answered = tokio::time::timeout(limit, mount.pool.send(request)).await;
        let status = match answered {
            Err(_) => return Err(format!("GET {} is not answered within {} ms", self.path, limit.as_millis())),
            Ok(Err(error)) => return Err(format!("GET {}: {}", self.path, error.public())),
            Ok(Ok(answered)) => answered.answer.status().as_u16(),
        };
        let good = self.status.map_or(status < 500, |expected| status == expected);
        if good { Ok(()) } else { Err(format!("GET {} is answered with {status}", self.path)) }
    }
}

/// Asks everything, one after the other; the first that is not as expected decides.
pub async fn ask(mount: &Mount, looks: &[Look], limit: Duration) -> Gate {
    for look in looks {
        if let Err(why) = look.ask(mount, limit).await {
            return Gate::Red(why);
        }
    }
    Gate::Green
}

#[cfg(test)]
mod tests {
    use super::Look;

    #[test]
    fn a_look_is_a_path_and_perhaps_a_status() {
        assert_eq!(Look::read("/health").unwrap(), Look { path: "/health".into(), status: Some(200) });
        assert_eq!(Look::read(" /items?a=1 401 ").unwrap(), Look { path: "/items?a=1".into(), status: Some(401) });
        for wrong in ["", "health", "/a b", "/a 99", "/a 600", "http://a/b"] {
            assert!(Look::read(wrong).is_err(), "{wrong}");
        }
    }
}
