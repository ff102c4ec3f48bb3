//! The practice catalogue as something to read: pages of the web and at the command line.

use std::fmt::Write;

use plimsoll::manual::{Leaf, escaped};
use plimsoll_assess::{
    Page,
    page::{Applies, Category, Checked, Effort, Kind, Repair},
};
use serde_json::{Value, json};

/// The address of the index.
const INDEX: &str = "practices";

/// A page of the catalogue, or its index, for the host to show below `/docs`.
pub fn leaf(address: &str) -> Option<Leaf> {
    if address == INDEX {
        return Some(Leaf { title: "Practices".to_owned(), text: index() });
    }
    let page = plimsoll_practices::page(address.strip_prefix(INDEX)?.strip_prefix('/')?)?;
    Some(Leaf { text: linked(&document(&page)), title: page.title })
}

/// All practices by category.
fn index() -> String {
    let all = plimsoll_practices::all();
    let probed = all.iter().filter(|(_, page)| page.checked == Checked::Probe).count();
    let mut out = format!(
        "# Practices\n\nWhat a production service must do: {} practices, of which {probed} are checked by attacking a running service \
         (`plimsoll prove`). The rest is counted as unknown, never as passed.\n",
        all.len()
    );
    for category in Category::ALL {
        let _ = write!(out, "\n## {}\n\n| Practice | Priority | Checked |\n|---|---|---|\n", category.name());
        for (_, page) in all.iter().filter(|(_, page)| page.category == *category) {
            let checked = if page.checked == Checked::Probe { "by a probe" } else { "not yet" };
            let title = page.title.replace('|', "\\|");
            let _ = writeln!(out, "| [{title}](/docs/{INDEX}/{}) | {} | {checked} |", page.id, page.priority.name());
        }
    }
    out
}

/// The head in words: what and how.
pub fn facts(page: &Page) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("Category", page.category.name().to_owned()),
        ("Priority", page.priority.name().to_owned()),
        ("Effort", effort(page.effort).to_owned()),
        ("Applies", applies(page.applies).to_owned()),
        ("Who can fix it", repair(page.repair).to_owned()),
        ("Shown by", kind(page.kind).to_owned()),
        ("Checked", checked(page).to_owned()),
    ];
    if let Some(whole) = &page.facet_of {
        facts.push(("Part of", whole.clone()));
    }
    facts
}

/// The page with its facts below the heading and its checks at the end.
fn document(page: &Page) -> String {
    let (heading, prose) = page.body.split_once('\n').unwrap_or((&page.body, ""));
    let mut out = format!("{heading}\n\n<table class=\"facts\"><tbody>\n");
    for (name, value) in facts(page) {
        let value = escaped(&value);
        let value = if name == "Part of" { format!("<a href=\"/docs/{INDEX}/{value}\">{value}</a>") } else { value };
        let _ = writeln!(out, "<tr><th scope=\"row\">{name}</th><td>{value}</td></tr>");
    }
    let _ = write!(out, "</tbody></table>\n\n{}\n\n## What is checked\n\n", prose.trim());
    for check in &page.checks {
        let _ = writeln!(out, "- {}", check.says);
    }
    let _ = write!(out, "\n## Where it is missing\n\n{}\n", page.recommend);
    out
}

/// The page for a terminal.
pub fn plain(page: &Page) -> String {
    let mut out = format!("{} ({})\n\n", page.title, page.id);
    for (name, value) in facts(page) {
        let _ = writeln!(out, "  {name:<15} {value}");
    }
    out.push_str("\n  It is true when:\n");
    for check in &page.checks {
        let _ = writeln!(out, "  - {}", check.says);
    }
    let _ = write!(out, "\n  Where it is missing: {}\n\n{}", page.recommend, page.body);
    out
}

/// The page for a program.
pub fn value(page: &Page) -> Value {
    let checks: Vec<Value> = page.checks.iter().map(|check| json!({ "id": check.id, "says": check.says })).collect();
    json!({
        "id": page.id, "title": page.title, "category": page.category, "priority": page.priority, "basis": page.basis,
        "effort": page.effort, "weight": page.weight, "kind": page.kind, "facet_of": page.facet_of, "reviews": page.reviews,
        "repair": page.repair, "applies": page.applies, "checked": page.checked, "switch": switch(page),
        "recommend": page.recommend, "checks": checks, "body": page.body,
    })
}

/// Whether the host can be told not to enforce it, in the development profile.
fn switch(page: &Page) -> bool {
    plimsoll::practices::SWITCHES.contains(&page.id.as_str())
}

fn checked(page: &Page) -> &'static str {
    match (page.checked, switch(page)) {
        (Checked::Probe, true) => "by a probe, which is shown to fail when the practice is switched off",
        (Checked::Probe, false) => "by a probe",
        (Checked::NotYet, _) => "not yet; a report counts it as unknown",
    }
}

const fn effort(effort: Effort) -> &'static str {
    match effort {
        Effort::S => "S (1 to 4 days)",
        Effort::M => "M (5 to 10 days)",
        Effort::L => "L (9 to 12 days)",
        Effort::Xl => "XL (24 days and more)",
        Effort::Unstated => "not stated",
    }
}

const fn repair(repair: Repair) -> &'static str {
    match repair {
        Repair::Edge => "whoever mounts the service behind Plimsoll",
        Repair::Kernel => "whoever builds on Plimsoll's data layer",
        Repair::Yours => "its owners, in their code, pipeline or papers",
    }
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Runtime => "a running service",
        Kind::Data => "the data layer",
        Kind::Deploy => "deployment files",
        Kind::Process => "a team's habits and files",
        Kind::Ai => "a system with models",
        Kind::Product => "the product as a whole",
    }
}

const fn applies(applies: Applies) -> &'static str {
    match applies {
        Applies::Always => "everywhere",
        Applies::Http => "where HTTP is served",
        Applies::Accounts => "where people or keys sign in",
        Applies::Pages => "where pages are served to browsers",
        Applies::Data => "where data is kept in a database",
        Applies::Tenants => "where several tenants are served",
        Applies::PersonalData => "where data about people is held",
        Applies::Outbound => "where other services are called",
        Applies::Jobs => "where work is done outside of requests",
        Applies::Cache => "where copies of answers are kept",
        Applies::Models => "where trained models predict",
        Applies::Llm => "where a language model is called",
        Applies::Retrieval => "where documents are searched for answers",
        Applies::Containers => "where it ships as an image",
        Applies::Kubernetes => "where it runs on Kubernetes",
        Applies::Cloud => "where cloud resources are used",
        Applies::Replicas => "where more than one instance runs",
        Applies::Team => "where a team works on it",
        Applies::Flags => "where features are switched by flags",
        Applies::Events => "where events are published",
    }
}

/// The text with links from file to file turned into links from page to page.
fn linked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("](") {
        let (before, target) = rest.split_at(start + 2);
        out.push_str(before);
        let end = target.find(')').unwrap_or(target.len());
        match file(&target[..end]) {
            Some(id) => {
                let _ = write!(out, "/docs/{INDEX}/{id}");
            }
            None => out.push_str(&target[..end]),
        }
        rest = &target[end..];
    }
    out.push_str(rest);
    out
}

/// The practice whose page a link from a neighbouring page means.
fn file(target: &str) -> Option<&str> {
    let name = target.strip_suffix(".md").filter(|_| !target.contains(':'))?;
    name.rsplit('/').next().filter(|id| plimsoll_practices::known(id))
}

#[cfg(test)]
mod tests {
    use super::{leaf, linked};

    #[test]
    fn links_between_files_become_links_between_pages() {
        let id = plimsoll_practices::all()[0].1.id.as_str();
        let text = format!("[a]({id}.md), [b](../data/{id}.md) and [c](https://example.org/{id}.md), [d](no-such-page.md)");
        let expected =
            format!("[a](/docs/practices/{id}), [b](/docs/practices/{id}) and [c](https://example.org/{id}.md), [d](no-such-page.md)");
        assert_eq!(linked(&text), expected);
    }

    #[test]
    fn no_page_points_to_a_file() {
        for (practice, _) in plimsoll_practices::all() {
            let leaf = leaf(&format!("practices/{}", practice.id)).unwrap();
            assert!(!leaf.text.contains(".md)"), "{}: a link leads nowhere on the web", practice.id);
        }
        assert!(leaf("practices").is_some() && leaf("practices/no-such").is_none() && leaf("other").is_none());
    }
}
