//! `plimsoll explain CODE`

use plimsoll::{Code, problems};
use serde_json::json;

use super::Outcome;
use crate::{arguments::Global, output};

/// Prints the page of a problem code.
pub fn run(global: &Global, what: &str) -> Outcome {
    let name = what.trim_start_matches("/problems/");
    let Some(code) = Code::named(name) else {
        let known = Code::ALL.iter().flat_map(|code| [code.stable(), code.slug()]);
        let near = plimsoll::config::nearest(name, known).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        return Err(Code::NotFound.because(format!("nothing is called `{name}`{near}")).into());
    };
    let value =
        json!({ "code": code.stable(), "slug": code.slug(), "status": code.status(), "title": code.title(), "page": problems::page(code) });
    output::result(global.json, &value, |_| problems::page(code).to_owned());
    Ok(0)
}
