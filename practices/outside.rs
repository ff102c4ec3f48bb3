//! Looking at a service that granted nothing: a few reading requests of the sort that a browser
//! or a monitor sends, too.
//!
//! A look can disprove a promise; it proves one only where the whole of it can be seen from
//! outside. The rest stays unknown, with the reason.

use std::collections::BTreeSet;

use plimsoll_assess::{
    Rig, Trouble,
    rig::{Reply, get},
};
use serde_json::Value;

/// An address that no service has.
pub(crate) const NOWHERE: &str = "/plimsoll-look/nothing-is-here";
/// Where services describe themselves.
const DESCRIPTIONS: &[&str] = &["/openapi.json", "/swagger.json", "/v3/api-docs"];

/// Begins a check of the page if it has one of this name; pages of foreign hands may change.
pub(crate) fn begin(rig: &mut Rig, check: &str) -> bool {
    let there = rig.left_out().iter().any(|left| left == check);
    if there {
        rig.check(check);
    }
    there
}

/// Leaves every check that was not begun unknown, for this reason.
pub(crate) fn beyond(rig: &mut Rig, why: &str) {
    for check in rig.left_out() {
        rig.check(&check);
        rig.unknown(why);
    }
}

/// Leaves one check unknown, for this reason.
pub(crate) fn untold(rig: &mut Rig, check: &str, why: &str) {
    if begin(rig, check) {
        rig.unknown(why);
    }
}

/// How the service describes itself, if it does.
///
/// # Errors
/// When no answer comes.
pub(crate) async fn described(rig: &mut Rig) -> Result<Option<Value>, Trouble> {
    for path in DESCRIPTIONS {
        let reply = rig.quietly(get(*path).header("accept", "application/json")).await?;
        let document = reply.json();
        if reply.status == 200 && document["paths"].is_object() {
            rig.note(format!("GET {path} → a description"));
            return Ok(Some(document));
        }
    }
    Ok(None)
}

/// An operation that can be asked with GET and nothing else.
pub(crate) struct Read {
    /// Its address.
    pub(crate) path: String,
    /// Whether it declares that it needs no credential.
    pub(crate) public: bool,
}

/// The reads of a description without parameters, except those about the service itself.
pub(crate) fn reads(description: &Value) -> Vec<Read> {
    let empty = |security: &Value| security.as_array().is_some_and(|list| list.is_empty() || list.contains(&serde_json::json!({})));
    let everywhere = &description["security"];
    let all = description["paths"].as_object().into_iter().flatten();
    all.filter(|(path, item)| !path.contains('{') && item["get"].is_object() && !about_itself(path))
        .filter(|(_, item)| {
            let parameters = [&item["parameters"], &item["get"]["parameters"]];
            !parameters.iter().filter_map(|list| list.as_array()).flatten().any(|one| one["required"] == true)
        })
        .map(|(path, item)| {
            let own = &item["get"]["security"];
            Read { path: path.clone(), public: if own.is_null() { empty(everywhere) } else { empty(own) } }
        })
        .collect()
}

/// Health, metrics and documents: no business of a caller.
pub(crate) fn about_itself(path: &str) -> bool {
    let last = path.trim_matches('/').to_ascii_lowercase();
    let words: BTreeSet<&str> = last.split(['/', '-', '_', '.']).collect();
    let own = [
        "health", "healthz", "livez", "live", "readyz", "ready", "ping", "status", "metrics", "docs", "redoc", "openapi", "well", "version",
    ];
    last.is_empty() || own.iter().any(|word| words.contains(word))
}

/// Whether the service answers every address alike, so that a 200 tells nothing.
///
/// # Errors
/// When no answer comes.
pub(crate) async fn answers_everything(rig: &mut Rig) -> Result<bool, Trouble> {
    Ok(rig.quietly(get(NOWHERE)).await?.good())
}

/// The first of these addresses that answers 200.
///
/// # Errors
/// When no answer comes.
pub(crate) async fn first_good(rig: &mut Rig, paths: &[&'static str]) -> Result<Option<(&'static str, Reply)>, Trouble> {
    for path in paths {
        let reply = rig.quietly(get(*path)).await?;
        if reply.status == 200 {
            rig.note(format!("GET {path} → 200"));
            return Ok(Some((path, reply)));
        }
    }
    Ok(None)
}

/// Whether an answer is a page for people.
pub(crate) fn is_page(reply: &Reply) -> bool {
    reply.header("content-type").is_some_and(|kind| kind.starts_with("text/html"))
}

/// Traces of code, files, queries and versions in a text.
pub(crate) fn internals(text: &str) -> Option<&'static str> {
    const SIGNS: &[(&str, &str)] = &[
        ("Traceback (most recent call last)", "a stack trace"),
        ("stack backtrace", "a stack trace"),
        ("\n    at ", "a stack trace"),
        ("&nbsp; &nbsp;at ", "a stack trace"),
        ("node_modules/", "a path of the server"),
        ("site-packages/", "a path of the server"),
        ("/usr/", "a path of the server"),
        ("/home/", "a path of the server"),
        ("/app/", "a path of the server"),
        ("/srv/", "a path of the server"),
        ("DEBUG = True", "a debug page"),
        ("Werkzeug Debugger", "a debug page"),
        ("Whitelabel Error Page", "a framework's error page"),
        ("SQLSTATE", "a query"),
        ("nginx/", "a version of the server"),
        ("Apache/", "a version of the server"),
        ("Microsoft-IIS/", "a version of the server"),
    ];
    SIGNS.iter().find(|(sign, _)| text.contains(sign)).map(|(_, what)| *what)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{about_itself, internals, reads};

    #[test]
    fn only_reads_that_need_nothing_are_asked_and_only_a_declaration_makes_them_public() {
        let description = json!({
            "paths": {
                "/items": { "get": {} },
                "/open": { "get": { "security": [] } },
                "/items/{id}": { "get": {} },
                "/search": { "get": { "parameters": [{ "name": "q", "required": true }] } },
                "/orders": { "post": {} },
                "/healthz": { "get": {} },
            },
        });
        let found: Vec<(String, bool)> = reads(&description).into_iter().map(|read| (read.path, read.public)).collect();
        assert_eq!(found, [("/items".to_owned(), false), ("/open".to_owned(), true)]);
    }

    #[test]
    fn words_and_not_parts_of_words_make_an_address_one_about_the_service() {
        assert!(about_itself("/v1/health/live") && about_itself("/") && about_itself("/openapi.json"));
        assert!(!about_itself("/deliveries") && !about_itself("/v1/healthcare"));
    }

    #[test]
    fn a_plain_refusal_gives_nothing_away() {
        assert_eq!(internals("{\"detail\":\"Not Found\"}"), None);
        assert_eq!(internals("<center>nginx/1.24.0</center>"), Some("a version of the server"));
        assert_eq!(internals("Error\n    at Object.<anonymous> (x.js:1:1)"), Some("a stack trace"));
    }
}
