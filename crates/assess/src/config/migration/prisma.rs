//! Prisma's schema: models as tables.

use crate::{
    config::sql::about,
    fact::{Extract, Fact, Kind},
};

/// Models with keys, relations and indexes; the datasource's provider.
pub fn schema(text: &str) -> Extract {
    let mut extract = Extract::default();
    let (mut block, mut model, mut place) = (String::new(), String::new(), None);
    for (line, number) in text.lines().zip(1u32..).take(50_000) {
        let code = line.split("//").next().unwrap_or(line).trim();
        if code == "}" {
            if let Some(fact) = place.take().and_then(|at: usize| extract.facts.get_mut(at)) {
                fact.end = number;
            }
            block.clear();
            continue;
        }
        if let Some(head) = code.strip_suffix('{') {
            let mut words = head.split_whitespace();
            block = words.next().unwrap_or_default().to_owned();
            model = words.next().unwrap_or_default().to_owned();
            if block == "model" {
                place = Some(extract.facts.len());
                extract.facts.push(about(format!("create table {model}"), &model, number, number));
            }
            continue;
        }
        match block.as_str() {
            "datasource" | "generator" => {
                if let Some((key, value)) = code.split_once('=') {
                    let name = format!("prisma.{block}.{}", key.trim());
                    extract.facts.push(Fact::new(Kind::Value, name, number, number).with("value", value.trim().trim_matches('"')));
                }
            }
            "model" if !code.is_empty() => field(code, &model, number, place, &mut extract),
            _ => {}
        }
    }
    extract
}

fn field(code: &str, model: &str, line: u32, place: Option<usize>, extract: &mut Extract) {
    if let Some(rest) = code.strip_prefix("@@") {
        let (name, arguments) = rest.split_once('(').unwrap_or((rest, ""));
        let columns = list(arguments);
        let fact = match name {
            "id" => about("primary key", model, line, line),
            "unique" => about("unique", model, line, line),
            "index" => about("create index", model, line, line).with("unique", "no"),
            _ => return,
        };
        extract.facts.push(fact.with("columns", columns));
        return;
    }
    let mut words = code.split_whitespace();
    let (Some(column), Some(kind)) = (words.next(), words.next()) else { return };
    if code.contains("@relation") {
        let Some((_, arguments)) = code.split_once("@relation(") else { return };
        let Some((_, fields)) = arguments.split_once("fields:") else { return };
        let delete = arguments.split_once("onDelete:").map_or("none", |(_, rest)| rest.split([',', ')']).next().unwrap_or_default().trim());
        let delete = match delete {
            "SetNull" => "set null".to_owned(),
            "NoAction" => "no action".to_owned(),
            "SetDefault" => "set default".to_owned(),
            other => other.to_ascii_lowercase(),
        };
        let fact = about("foreign key", model, line, line).with("columns", list(fields));
        extract.facts.push(fact.with("references", kind.trim_end_matches(['?', '[', ']'])).with("on_delete", delete));
        return;
    }
    if let Some(table) = place.and_then(|at| extract.facts.get_mut(at)) {
        table.attrs.push(("column".to_owned(), format!("{column} {kind}")));
    }
    for (word, name) in [("@id", "primary key"), ("@unique", "unique")] {
        if code.split_whitespace().any(|part| part == word || part.starts_with(&format!("{word}("))) {
            extract.facts.push(about(name, model, line, line).with("columns", column));
        }
    }
    if !kind.ends_with(['?', ']']) {
        extract.facts.push(about("not null", model, line, line).with("columns", column));
    }
}

/// The names in the first square brackets.
fn list(text: &str) -> String {
    let inside = text.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map_or("", |(inside, _)| inside);
    inside.split(',').map(str::trim).collect::<Vec<_>>().join(",")
}
