//! Rules as they are written in the section `[routes]`.

use http::Method;
use plimsoll_core::{Access, Code, Error, Result, Role};

use super::{Named, Rules};
use crate::upstream::{config::RoutesConfig, contract::template::Template};

/// Where a rule holds.
#[derive(Debug)]
pub(super) enum Place {
    Path(Option<String>, Template, String),
    Name(Named),
}

/// What is wrong with the section, with the key of each fault.
pub(in crate::upstream) fn faults(routes: &RoutesConfig) -> Vec<(&'static str, Error)> {
    let mut found: Vec<_> = read(&routes.default).err().map(|error| ("routes.default", error)).into_iter().collect();
    for (place, access) in &routes.rules {
        let error = split(place).err().or_else(|| read(access).err());
        found.extend(error.map(|error| ("routes.rules", error)));
    }
    if found.is_empty() {
        found.extend(Rules::new(routes).err().map(|error| ("routes.rules", error)));
    }
    found
}

/// `GET /path`, `/path`, `operation:id` or `tag:name`.
pub(super) fn split(place: &str) -> Result<Place> {
    let wrong = |why: &str| {
        Code::ConfigInvalid
            .because(format!("\"{place}\" is no place of a rule: {why}; write `GET /path`, `/path`, `operation:id` or `tag:name`"))
    };
    let place_of = |what: fn(String) -> Named, name: &str| {
        let name = name.trim();
        if name.is_empty() { Err(wrong("the name is missing")) } else { Ok(Place::Name(what(name.to_owned()))) }
    };
    let text = place.trim();
    if let Some(name) = text.strip_prefix("operation:") {
        return place_of(Named::Operation, name);
    }
    if let Some(name) = text.strip_prefix("tag:") {
        return place_of(Named::Tag, name);
    }
    let (method, path) = match text.split_once(' ') {
        Some((method, path)) => {
            Method::from_bytes(method.as_bytes()).map_err(|_| wrong("the method cannot be read"))?;
            (Some(method.to_ascii_uppercase()), path.trim())
        }
        None => (None, text),
    };
    let template = Template::parse(path).map_err(|why| wrong(&why))?;
    Ok(Place::Path(method, template, path.to_owned()))
}

/// `authenticated`, `deny`, `public: because`, a role, or a permission and a role.
pub(super) fn read(text: &str) -> Result<Access> {
    let text = text.trim();
    if let Some(because) = text.strip_prefix("public:") {
        let because = because.trim();
        if because.is_empty() {
            return Err(Code::ConfigInvalid.because("`public:` needs a reason behind it: why may anyone ask for this?"));
        }
        return Ok(Access::Public { because: crate::upstream::contract::description::kept(because) });
    }
    match text {
        "authenticated" => return Ok(Access::Authenticated),
        "deny" => return Ok(Access::Nobody),
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
    Ok(Access::Needs { permission: crate::upstream::contract::description::kept(permission), least })
}
