//! Versions in addresses, and routes that are on their way out.

use plimsoll_assess::{Rig, Trouble, rig::get};
use serde_json::Value;

/// Addresses that belong to no version by convention.
const COMMON: &[&str] = &["/health", "/healthz", "/livez", "/readyz", "/ready", "/.well-known", "/openapi.json", "/docs", "/metrics"];

/// The address without its version; `None` where it has none.
pub(super) fn unversioned(path: &str) -> Option<String> {
    let (first, rest) = path.trim_start_matches('/').split_once('/')?;
    let number = first.strip_prefix('v')?;
    (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())).then(|| format!("/{rest}"))
}

fn common(path: &str) -> bool {
    COMMON.iter().any(|known| path == *known || path.strip_prefix(known).is_some_and(|rest| rest.starts_with('/')))
}

/// Every described address with its version, without it, and with another.
pub(crate) async fn attack(rig: &mut Rig) -> Result<(), Trouble> {
    let tenant = rig.tenant().await?;
    let description = rig.description().await?;
    let paths: Vec<String> = description["paths"].as_object().into_iter().flatten().map(|(path, _)| path.clone()).collect();
    rig.check("versioned-routes");
    for path in paths.iter().filter(|path| !common(path)) {
        rig.must(unversioned(path).is_some(), format!("{path} carries a version"));
    }
    rig.check("no-unversioned");
    for path in paths.iter().filter(|path| !path.contains('{')) {
        let Some(bare) = unversioned(path).filter(|bare| !common(bare)) else { continue };
        for other in [bare.clone(), format!("/v999{bare}")] {
            let reply = rig.quietly(get(&other).bearer(&tenant.owner)).await?;
            // A page may stand there: it is no route of the API.
            let page = reply.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
            rig.must(reply.status == 404 || page, format!("GET {other} is not answered in place of {path}"));
        }
    }
    Ok(())
}

/// Routes that the description calls deprecated.
pub(crate) async fn deprecation(rig: &mut Rig) -> Result<(), Trouble> {
    rig.check("headers");
    let tenant = rig.tenant().await?;
    let description = rig.description().await?;
    let deprecated = |item: &Value| item["get"]["deprecated"] == true;
    let all: Vec<(String, bool)> = description["paths"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(path, item)| item.get("get").is_some() && !path.contains('{'))
        .map(|(path, item)| (path.clone(), deprecated(item)))
        .collect();
    if !all.iter().any(|(_, deprecated)| *deprecated) {
        rig.not_applicable("no route is described as deprecated");
        return Ok(());
    }
    for (path, deprecated) in all {
        let reply = rig.quietly(get(&path).bearer(&tenant.owner)).await?;
        if deprecated {
            let since =
                reply.header("deprecation").is_some_and(|value| value.strip_prefix('@').is_some_and(|time| time.parse::<u64>().is_ok()));
            rig.must(since, format!("GET {path} says since when it is deprecated"));
            let until = reply.header("sunset").is_some_and(|value| value.ends_with("GMT"));
            rig.must(until, format!("GET {path} says when it goes"));
            let instead =
                reply.headers.get_all("link").iter().any(|link| String::from_utf8_lossy(link.as_bytes()).contains("successor-version"));
            rig.must(instead, format!("GET {path} says what to use instead"));
        } else {
            rig.must(!reply.has("deprecation") && !reply.has("sunset"), format!("GET {path} does not claim to go"));
        }
    }
    Ok(())
}
