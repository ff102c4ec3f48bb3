//! `plimsoll explain NAME`

use plimsoll::{Code, problems};
use serde_json::json;

use super::Outcome;
use crate::{arguments::Global, manual, output};

/// Prints the page of a problem code or of a practice; without a name, which there are.
pub fn run(global: &Global, what: Option<&str>) -> Outcome {
    let Some(what) = what else {
        list(global);
        return Ok(0);
    };
    let name = what.trim_start_matches("/problems/").trim_start_matches("/docs/practices/");
    if let Some(code) = Code::named(name) {
        let page = problems::page(code);
        let value = json!({ "code": code.stable(), "slug": code.slug(), "status": code.status(), "title": code.title(), "page": page });
        output::result(global.json, &value, |_| page.to_owned());
    } else if let Some((_, page)) = plimsoll_practices::named(&name.to_ascii_lowercase()) {
        output::result(global.json, &manual::value(page), |_| manual::plain(page));
    } else {
        let near = plimsoll::config::nearest(name, names()).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        return Err(Code::NotFound.because(format!("nothing is called `{name}`{near}")).into());
    }
    Ok(0)
}

fn names() -> impl Iterator<Item = &'static str> {
    let codes = Code::ALL.iter().flat_map(|code| [code.stable(), code.slug()]);
    codes.chain(plimsoll_practices::all().iter().map(|(practice, _)| practice.id))
}

/// Every code and every practice, one per line.
fn list(global: &Global) {
    let codes: Vec<_> = Code::ALL.iter().map(|code| json!({ "code": code.stable(), "slug": code.slug(), "title": code.title() })).collect();
    let practices = plimsoll_practices::all().iter();
    let practices: Vec<_> = practices
        .map(|(_, page)| json!({ "id": page.id, "title": page.title, "priority": page.priority, "checked": page.checked }))
        .collect();
    let row = |value: &serde_json::Value, keys: &[&str]| keys.iter().map(|key| value[*key].as_str().unwrap_or("").to_owned()).collect();
    output::result(global.json, &json!({ "codes": codes, "practices": practices }), |_| {
        let codes: Vec<Vec<String>> = codes.iter().map(|code| row(code, &["code", "slug", "title"])).collect();
        let practices: Vec<Vec<String>> = practices.iter().map(|one| row(one, &["id", "priority", "checked", "title"])).collect();
        format!(
            "{}\n\n{}",
            output::columns(&["code", "name", "problem"], &codes),
            output::columns(&["practice", "priority", "checked", "title"], &practices)
        )
    });
}
