//! Who may ask a mounted service for what: the section `[routes]` as routes.

use std::{collections::BTreeMap, sync::Arc};

use http::Method;
use plimsoll_core::{Access, Code, Error, Result, Role};

use super::{config::RoutesConfig, mount::Mount};
use crate::route::{Route, RouteClass};

/// The routes of one mounted service.
pub struct Rulebook {
    paths: matchit::Router<Vec<(Option<Method>, Pair)>>,
    rest: Pair,
}

/// One rule as two routes: what only reads draws on other limits than what changes.
#[derive(Clone)]
struct Pair {
    reads: Arc<Route>,
    changes: Arc<Route>,
}

impl Pair {
    fn new(mount: &Arc<Mount>, template: &'static str, access: Access) -> Pair {
        let route = |class| Arc::new(Route::mounted(mount.clone(), template, access, class));
        Pair { reads: route(RouteClass::Read), changes: route(RouteClass::Write) }
    }
    fn of(&self, method: &Method) -> Arc<Route> {
        if method.is_safe() { self.reads.clone() } else { self.changes.clone() }
    }
}

impl Rulebook {
    /// The rules that concern `mount`.
    ///
    /// # Errors
    /// `ConfigInvalid` for a rule that cannot be read.
    pub fn new(mount: &Arc<Mount>, routes: &RoutesConfig) -> Result<Rulebook> {
        let mut grouped: BTreeMap<&str, Vec<(Option<Method>, Access)>> = BTreeMap::new();
        for (place, access) in &routes.rules {
            let (method, path) = split(place)?;
            grouped.entry(path).or_default().push((method, read(access)?));
        }
        let mut paths = matchit::Router::new();
        for (path, rules) in grouped {
            // Routes are made once per process and live as long as it does.
            let template: &'static str = String::leak(path.to_owned());
            let rules = rules.into_iter().map(|(method, access)| (method, Pair::new(mount, template, access))).collect();
            paths
                .insert(path, rules)
                .map_err(|error| Code::ConfigInvalid.because(format!("the rule for \"{path}\" cannot be used: {error}")))?;
        }
        let template: &'static str = String::leak(format!("{}/{{*path}}", mount.prefix));
        Ok(Rulebook { paths, rest: Pair::new(mount, template, read(&routes.default)?) })
    }

    /// The route for a request; a rule that names the method goes before one that names none.
    pub fn route(&self, method: &Method, path: &str) -> Arc<Route> {
        let rules = self.paths.at(path).ok().map(|found| found.value);
        let wanted = if method == Method::HEAD { &Method::GET } else { method };
        let found = rules.and_then(|rules| {
            let named = rules.iter().find(|(named, _)| named.as_ref() == Some(wanted));
            named.or_else(|| rules.iter().find(|(named, _)| named.is_none()))
        });
        found.map_or(&self.rest, |(_, pair)| pair).of(method)
    }
}

/// What is wrong with the section, with the key of each fault.
pub(super) fn faults(routes: &RoutesConfig) -> Vec<(&'static str, Error)> {
    let mut found: Vec<_> = read(&routes.default).err().map(|error| ("routes.default", error)).into_iter().collect();
    for (place, access) in &routes.rules {
        let error = split(place).err().or_else(|| read(access).err());
        found.extend(error.map(|error| ("routes.rules", error)));
    }
    found
}

/// `GET /path` or `/path`.
fn split(place: &str) -> Result<(Option<Method>, &str)> {
    let wrong = || Code::ConfigInvalid.because(format!("\"{place}\" is no place of a rule; write `GET /path` or `/path`"));
    let (method, path) = match place.trim().split_once(' ') {
        Some((method, path)) => (Some(Method::from_bytes(method.as_bytes()).map_err(|_| wrong())?), path.trim()),
        None => (None, place.trim()),
    };
    if path.starts_with('/') && !path.contains(char::is_whitespace) { Ok((method, path)) } else { Err(wrong()) }
}

/// The permission that nobody holds.
const NOBODY: Access = Access::Needs { permission: "nobody:nothing", least: Role::Owner };

/// `authenticated`, `deny`, `public: because`, a role, or a permission and a role.
fn read(text: &str) -> Result<Access> {
    let text = text.trim();
    if let Some(because) = text.strip_prefix("public:") {
        let because = because.trim();
        if because.is_empty() {
            return Err(Code::ConfigInvalid.because("`public:` needs a reason behind it: why may anyone ask for this?"));
        }
        return Ok(Access::Public { because: String::leak(because.to_owned()) });
    }
    match text {
        "authenticated" => return Ok(Access::Authenticated),
        "deny" => return Ok(NOBODY),
        _ => {}
    }
    let (permission, role) = text.rsplit_once(' ').unwrap_or(("service:use", text));
    let least: Role = role.parse().map_err(|_| {
        Code::ConfigInvalid.because(format!(
            "\"{text}\" says not who may; write `authenticated`, `deny`, `public: why`, a role, or a permission and a role such as `items:write editor`"
        ))
    })?;
    if permission.split_once(':').is_none_or(|(noun, verb)| noun.is_empty() || verb.is_empty() || permission.contains(' ')) {
        return Err(Code::ConfigInvalid.because(format!("\"{permission}\" is no permission; write `noun:verb`")));
    }
    Ok(Access::Needs { permission: String::leak(permission.to_owned()), least })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_says_who_may() {
        assert_eq!(read("authenticated").unwrap(), Access::Authenticated);
        assert_eq!(read("items:write editor").unwrap(), Access::needs("items:write", Role::Editor));
        assert_eq!(read("admin").unwrap(), Access::needs("service:use", Role::Admin));
        assert_eq!(read("public: it is a picture").unwrap(), Access::public("it is a picture"));
        for wrong in ["", "public:", "public", "king", "items editor", "a:b king", ":w editor"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_place_is_a_path_with_or_without_a_method() {
        assert_eq!(split("GET /a/{b}").unwrap(), (Some(Method::GET), "/a/{b}"));
        assert_eq!(split("/a").unwrap(), (None, "/a"));
        for wrong in ["", "a", "GET", "GET a", "GET /a /b"] {
            assert!(split(wrong).is_err(), "{wrong}");
        }
    }
}
