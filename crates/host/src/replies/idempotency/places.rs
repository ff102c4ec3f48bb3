//! Which requests must have a key: `POST /orders` as a table.

use http::Method;
use plimsoll_core::{Code, Result};

/// Methods and paths.
#[derive(Default)]
pub struct Places(Vec<(Method, matchit::Router<()>)>);

impl Places {
    /// The table of `POST /orders`, `PATCH /orders/{id}`.
    ///
    /// # Errors
    /// `ConfigInvalid` for what is no method and path.
    pub fn new(lines: &[String]) -> Result<Places> {
        let mut places: Vec<(Method, matchit::Router<()>)> = Vec::new();
        for line in lines {
            let wrong = || Code::ConfigInvalid.because(format!("\"{line}\" is no method and path; write `POST /orders`"));
            let (method, path) = line.trim().split_once(' ').ok_or_else(wrong)?;
            let method = Method::from_bytes(method.as_bytes()).map_err(|_| wrong())?;
            let path = path.trim();
            if !path.starts_with('/') || method.is_safe() {
                return Err(wrong());
            }
            if !places.iter().any(|(known, _)| *known == method) {
                places.push((method.clone(), matchit::Router::new()));
            }
            for (known, paths) in &mut places {
                if *known == method {
                    paths.insert(path, ()).map_err(|error| wrong().caused_by(error))?;
                }
            }
        }
        Ok(Places(places))
    }

    /// Whether there are any.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this request is one of them.
    pub fn hold(&self, method: &Method, path: &str) -> bool {
        self.0.iter().any(|(known, paths)| known == method && paths.at(path).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_changing_method_and_a_path() {
        let places = Places::new(&["POST /orders".into(), "PATCH /orders/{id}".into(), "POST /a/{*rest}".into()]).unwrap();
        assert!(places.hold(&Method::POST, "/orders") && places.hold(&Method::PATCH, "/orders/7") && places.hold(&Method::POST, "/a/b/c"));
        assert!(!places.hold(&Method::PATCH, "/orders") && !places.hold(&Method::POST, "/orders/7"));
        for wrong in ["", "POST", "/orders", "GET /orders", "POST orders"] {
            assert!(Places::new(&[wrong.into()]).is_err(), "{wrong}");
        }
    }
}
