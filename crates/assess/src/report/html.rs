//! The document as one page: no script, nothing loaded, readable on a telephone and on paper.

use std::{collections::BTreeSet, fmt::Write};

use super::{
    Report,
    inert::visible,
    outline::{Block, Card, Cell, Outline, Section, Table, Template, outline, since},
};

const STYLE: &str = include_str!("style.css");
/// For pages that can be filtered.
const FILTER_STYLE: &str = include_str!("filter.css");

/// The report as a page.
pub fn html(report: &Report) -> String {
    page(&outline(report))
}

/// The report as a page in the shape of a template.
pub fn html_as(report: &Report, template: Template) -> String {
    page(&template.outline(report))
}

/// What changed since an earlier report, as a page.
pub fn html_since(earlier: &Report, report: &Report) -> String {
    page(&since(earlier, report))
}

/// What the functions below need to know beyond what they show.
struct Sheet {
    /// Practices that have a card on the page.
    cards: BTreeSet<String>,
    /// Whether cards can be filtered.
    filter: bool,
}

fn page(outline: &Outline) -> String {
    let card = |block: &Block| if let Block::Card(card) = block { Some(card.id.clone()) } else { None };
    let cards = outline.sections.iter().flat_map(|section| &section.blocks).filter_map(card).collect();
    let sheet = Sheet { cards, filter: outline.filter };
    let report = &sheet;
    let mut out = String::from("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    out.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    // Nothing below may load or run anything, whatever got into the evidence.
    out.push_str("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n");
    out.push_str("<meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"color-scheme\" content=\"light dark\">\n");
    let _ = writeln!(
        out,
        "<title>{}</title>\n<style>\n{STYLE}{}</style>\n</head>\n<body>",
        escape(&outline.title),
        if outline.filter { FILTER_STYLE } else { "" }
    );
    let class = if outline.verdict.1 { "good" } else { "bad" };
    out.push_str("<header>\n");
    let _ = writeln!(out, "<h1>{}</h1>", escape(&outline.title));
    let safe = if outline.verdict.1 { "Safe to deploy: yes" } else { "Safe to deploy: no" };
    let _ = writeln!(out, "<p><span class=\"verdict {class}\">{}</span> {safe}</p>", escape(&outline.verdict.0));
    out.push_str("<nav aria-label=\"Contents\"><ul>\n");
    for section in &outline.sections {
        let _ = writeln!(out, "<li><a href=\"#{}\">{}</a></li>", section.anchor, escape(&section.title));
    }
    out.push_str("</ul></nav>\n");
    if outline.filter {
        filter(&mut out);
    }
    out.push_str("</header>\n<main>\n");
    for section in &outline.sections {
        part(&mut out, section, report);
    }
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

/// Text in which nothing is markup, in content and in attributes between double quotes.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in visible(&text.replace(['\n', '\t'], " ")).chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            char => out.push(char),
        }
    }
    out
}

/// Escaped text, in which what stands between backticks is set as code.
fn words(text: &str) -> String {
    let escaped = escape(text);
    if escaped.matches('`').count() % 2 == 1 {
        return escaped;
    }
    let parts = escaped.split('`').enumerate();
    parts.map(|(place, part)| if place % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() }).collect()
}

fn part(out: &mut String, section: &Section, report: &Sheet) {
    let _ = writeln!(out, "<section id=\"{0}\" aria-labelledby=\"{0}-title\">", section.anchor);
    let _ = writeln!(out, "<h2 id=\"{}-title\">{}</h2>", section.anchor, escape(&section.title));
    for one in &section.blocks {
        block(out, one, report);
    }
    out.push_str("</section>\n");
}

fn block(out: &mut String, block: &Block, report: &Sheet) {
    match block {
        Block::Text(text) => drop(writeln!(out, "<p>{}</p>", words(text))),
        Block::Heading(text) => drop(writeln!(out, "<h3>{}</h3>", words(text))),
        Block::Facts(list) => facts(out, list),
        Block::Table(table) => rows(out, table, report),
        Block::Points { numbered, items } => {
            let tag = if *numbered { "ol" } else { "ul" };
            let _ = writeln!(out, "<{tag}>");
            for item in items {
                let _ = writeln!(out, "<li>{}</li>", words(item));
            }
            let _ = writeln!(out, "</{tag}>");
        }
        Block::Boxes(boxes) => {
            out.push_str("<ul class=\"boxes\">\n");
            for (done, id, title) in boxes {
                let (class, mark, word) = if *done { ("done", "☑", "done") } else { ("open", "☐", "open") };
                let _ = writeln!(
                    out,
                    "<li class=\"{class}\"><span role=\"img\" aria-label=\"{word}\">{mark}</span> {}: {}</li>",
                    link(id, report),
                    words(title)
                );
            }
            out.push_str("</ul>\n");
        }
        Block::Card(card) => practice(out, card, report.filter),
        Block::Code(lines) => {
            out.push_str("<pre>");
            for line in lines {
                let _ = writeln!(out, "{}", escape(line));
            }
            out.push_str("</pre>\n");
        }
    }
}

/// A practice that has a card on the page is linked to it.
fn link(id: &str, report: &Sheet) -> String {
    if report.cards.contains(id) { format!("<a href=\"#practice-{0}\">{0}</a>", escape(id)) } else { escape(id) }
}

fn facts(out: &mut String, facts: &[(&'static str, String)]) {
    out.push_str("<dl>\n");
    for (name, value) in facts {
        let _ = writeln!(out, "<div><dt>{}</dt><dd>{}</dd></div>", escape(name), words(value));
    }
    out.push_str("</dl>\n");
}

fn rows(out: &mut String, table: &Table, report: &Sheet) {
    out.push_str("<table>\n<thead><tr>");
    for (place, head) in table.heads.iter().enumerate() {
        let number = table.rows.first().and_then(|row| row.get(place)).is_some_and(|cell| matches!(cell, Cell::Number(_)));
        let class = if number { " class=\"number\"" } else { "" };
        let _ = write!(out, "<th scope=\"col\"{class}>{}</th>", escape(head));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        out.push_str("<tr>");
        for (head, cell) in table.heads.iter().zip(row) {
            // On a narrow screen the cells stand below each other, each under its heading.
            let head = escape(head);
            let _ = match cell {
                Cell::Text(text) if text.len() <= 14 => write!(out, "<td data-head=\"{head}\" class=\"brief\">{}</td>", words(text)),
                Cell::Text(text) => write!(out, "<td data-head=\"{head}\">{}</td>", words(text)),
                Cell::Number(text) => write!(out, "<td data-head=\"{head}\" class=\"number\">{}</td>", escape(text)),
                Cell::Practice(id) => write!(out, "<td data-head=\"{head}\">{}</td>", link(id, report)),
                Cell::Meter(value, text) => {
                    let meter = value.as_ref().map_or_else(String::new, |value| {
                        format!("<meter min=\"0\" max=\"100\" low=\"50\" high=\"80\" optimum=\"100\" value=\"{value}\"></meter> ")
                    });
                    write!(out, "<td data-head=\"{head}\" class=\"number\"><span>{meter}{}</span></td>", escape(text))
                }
            };
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table>\n");
}

fn practice(out: &mut String, card: &Card, filter: bool) {
    let (id, status) = (escape(&card.id), card.status.name());
    let title = format!("<span class=\"status {status}\">{status}</span> <code>{id}</code> {}", words(&card.title));
    let class = if filter { format!("card is-{status} {}", card.marks.join(" ")) } else { "card".to_owned() };
    let class = class.trim_end();
    let _ = if card.folded {
        writeln!(out, "<details class=\"{class}\" id=\"practice-{id}\">\n<summary>{title}</summary>")
    } else {
        writeln!(out, "<article class=\"{class}\" id=\"practice-{id}\">\n<h3>{title}</h3>")
    };
    let _ = writeln!(out, "<p>{}</p>", words(&card.why));
    facts(out, &card.facts);
    if !card.checks.is_empty() {
        out.push_str("<ul class=\"checks\">\n");
    }
    for check in &card.checks {
        let class = check.word.replace(' ', "-");
        let _ = write!(out, "<li><span class=\"status {class}\">{}</span> {}", check.word, words(&check.says));
        if !check.why.is_empty() && check.why != card.why {
            let _ = write!(out, " <em>{}</em>", words(&check.why));
        }
        transcript(out, "Transcript", &check.transcript);
        out.push_str("</li>\n");
    }
    if !card.checks.is_empty() {
        out.push_str("</ul>\n");
    }
    for (title, lines) in &card.lists {
        listed(out, title, lines);
    }
    transcript(out, "Further evidence", &card.beside);
    if !card.done_when.is_empty() {
        out.push_str("<p><strong>Done when</strong></p>\n<ul>\n");
        for line in &card.done_when {
            let _ = writeln!(out, "<li>{}</li>", words(line));
        }
        out.push_str("</ul>\n");
    }
    out.push_str(if card.folded { "</details>\n" } else { "</article>\n" });
}

/// Boxes to tick: which cards are shown. Styles do it, no script.
fn filter(out: &mut String) {
    out.push_str("<fieldset class=\"filter\"><legend>Show</legend>\n");
    for name in SHOWN {
        let _ = writeln!(out, "<label><input type=\"checkbox\" id=\"show-{name}\" checked> {}</label>", name.replace("p-", ""));
    }
    out.push_str("</fieldset>\n");
}

/// What can be hidden: by status, by priority, and what is waived.
const SHOWN: [&str; 8] = ["missing", "partial", "implemented", "p-critical", "p-high", "p-medium", "p-low", "waived"];

fn listed(out: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = write!(out, "<p><strong>{}</strong></p>\n<pre>", escape(title));
    for line in lines {
        let _ = writeln!(out, "{}", escape(line));
    }
    out.push_str("</pre>\n");
}

fn transcript(out: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let noun = if lines.len() == 1 { "line" } else { "lines" };
    let _ = write!(out, "\n<details><summary>{title}, {} {noun}</summary><pre>", lines.len());
    for line in lines {
        let _ = writeln!(out, "{}", escape(line));
    }
    out.push_str("</pre></details>");
}
