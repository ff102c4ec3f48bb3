//! `plimsoll assess facts`

use plimsoll::Code;
use plimsoll_assess::fact::{Fact, Facts, Kind};
use serde_json::{Value, json};

use super::{
    Ended, Outcome, Progress,
    subject::{self, Memory},
};
use crate::{
    arguments::{AssessFacts, Global},
    output,
};

/// Prints facts, a line each.
pub fn run(global: &Global, options: &AssessFacts) -> Outcome {
    let kinds = options.kinds.iter().map(|word| kind(word)).collect::<Result<Vec<_>, _>>()?;
    let progress = Progress::new();
    let tree = subject::tree(&options.subject, &progress)?;
    let memory = Memory::open(options.subject.no_cache, &options.subject.place);
    let facts = memory.facts(&tree);
    memory.keep();
    progress.end();
    let wanted = |fact: &&Fact| {
        (kinds.is_empty() || kinds.contains(&fact.kind)) && options.file.as_ref().is_none_or(|text| facts.path(fact.file).contains(text))
    };
    let chosen = facts.all().iter().filter(wanted);
    if global.json {
        let all: Vec<Value> = chosen.map(|fact| value(&facts, fact)).collect();
        output::print(&format!("{}\n", json!({ "services": facts.services, "facts": all, "skipped": facts.skipped })));
    } else {
        output::print(&chosen.map(|fact| line(&facts, fact)).collect::<String>());
    }
    Ok(if tree.incomplete { 3 } else { 0 })
}

fn kind(word: &str) -> Result<Kind, Ended> {
    Kind::named(word).ok_or_else(|| {
        let known = Kind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
        Code::NotFound.because(format!("there is no kind `{word}`; there are {known}")).into()
    })
}

/// As a detector's pattern would name it.
fn line(facts: &Facts, fact: &Fact) -> String {
    let plain = |text: &str| text.chars().flat_map(char::escape_debug).collect::<String>().replace("\\'", "'").replace("\\\"", "\"");
    let attrs: String = fact.attrs.iter().map(|(name, value)| format!(" {}={}", plain(name), quoted(&plain(value)))).collect();
    let guard = fact.guard.as_ref().map_or_else(String::new, |guard| {
        format!(" if {}{}:{:?}", if guard.negated { "not " } else { "" }, plain(&guard.flag), guard.state)
    });
    let (path, reach) = (facts.path(fact.file), format!("{:?}", fact.reach).to_lowercase());
    format!(
        "{}:{} {} {}{attrs} in={} reach={reach}{guard}\n",
        plain(path),
        fact.line,
        fact.kind.name(),
        quoted(&plain(&fact.name)),
        plain(facts.symbol(fact))
    )
}

fn quoted(text: &str) -> String {
    if text.is_empty() || text.contains([' ', '\'']) { format!("'{text}'") } else { text.to_owned() }
}

fn value(facts: &Facts, fact: &Fact) -> Value {
    json!({
        "kind": fact.kind,
        "name": fact.name,
        "attrs": fact.attrs,
        "file": facts.path(fact.file),
        "line": fact.line,
        "end": fact.end,
        "in": facts.symbol(fact),
        "reach": fact.reach,
        "guard": fact.guard,
    })
}
