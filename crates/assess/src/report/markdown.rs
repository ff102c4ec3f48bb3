//! The document as Markdown (GitHub's flavour).

use std::fmt::Write;

use super::{
    Report,
    inert::visible,
    outline::{Block, Card, Cell, Outline, Table, Template, outline, since},
};

/// The report as Markdown.
pub fn markdown(report: &Report) -> String {
    page(&outline(report))
}

/// The report as Markdown in the shape of a template.
pub fn markdown_as(report: &Report, template: Template) -> String {
    page(&template.outline(report))
}

/// What changed since an earlier report, as Markdown.
pub fn markdown_since(earlier: &Report, report: &Report) -> String {
    page(&since(earlier, report))
}

fn page(outline: &Outline) -> String {
    let safe = if outline.verdict.1 { "Safe to deploy: yes" } else { "Safe to deploy: no" };
    let mut out = format!("# {}\n\n**{}**. {safe}.\n", escape(&outline.title), escape(&outline.verdict.0));
    for section in &outline.sections {
        let _ = write!(out, "\n## {}\n", escape(&section.title));
        for one in &section.blocks {
            block(&mut out, one);
        }
    }
    out
}

/// Text in which nothing is markup, on one line. Every character that may begin something is
/// escaped, wherever it stands.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in visible(&text.replace(['\n', '\r', '\t'], " ")).chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '|' => out.push_str("&#124;"),
            '@' => out.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '!' | '~' | '$' => {
                out.push('\\');
                out.push(char);
            }
            char => out.push(char),
        }
    }
    // What begins a list, a rule or a number does so at the beginning of a line only. An address
    // becomes a link by itself without its colon.
    let out = out.replace("://", "&#58;//").replace("www.", "www&#46;");
    match out.trim_start().chars().next() {
        Some('-' | '=') => format!("\\{}", out.trim_start()),
        _ => out,
    }
}

/// Text in which nothing is markup, between backticks: as many as the text does not have.
fn fenced(out: &mut String, indent: &str, lines: &[String]) {
    let longest = lines.iter().flat_map(|line| line.split(|char| char != '`').map(str::len)).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let _ = writeln!(out, "{indent}{fence}text");
    for line in lines {
        let _ = writeln!(out, "{indent}{}", visible(line));
    }
    let _ = writeln!(out, "{indent}{fence}");
}

fn block(out: &mut String, block: &Block) {
    out.push('\n');
    let _ = match block {
        Block::Text(text) => writeln!(out, "{}", escape(text)),
        Block::Heading(text) => writeln!(out, "### {}", escape(text)),
        Block::Facts(facts) => {
            out.push_str("| | |\n|---|---|\n");
            facts.iter().try_for_each(|(name, value)| writeln!(out, "| **{}** | {} |", escape(name), escape(value)))
        }
        Block::Table(table) => return rows(out, table),
        Block::Points { numbered, items } => items.iter().enumerate().try_for_each(|(place, item)| match numbered {
            true => writeln!(out, "{}. {}", place + 1, escape(item)),
            false => writeln!(out, "- {}", escape(item)),
        }),
        Block::Boxes(boxes) => boxes
            .iter()
            .try_for_each(|(done, id, title)| writeln!(out, "- [{}] {}: {}", if *done { 'x' } else { ' ' }, escape(id), escape(title))),
        Block::Card(card) => return practice(out, card),
        Block::Code(lines) => return fenced(out, "", lines),
    };
}

fn rows(out: &mut String, table: &Table) {
    let heads: Vec<String> = table.heads.iter().map(|head| escape(head)).collect();
    let _ = writeln!(out, "| {} |", heads.join(" | "));
    let numeric = |place: usize| {
        table.rows.first().and_then(|row| row.get(place)).is_some_and(|cell| matches!(cell, Cell::Number(_) | Cell::Meter(..)))
    };
    let rule: Vec<&str> = (0..heads.len()).map(|place| if numeric(place) { "--:" } else { "---" }).collect();
    let _ = writeln!(out, "|{}|", rule.join("|"));
    for row in &table.rows {
        let cells = row.iter().map(|cell| match cell {
            Cell::Text(text) | Cell::Number(text) | Cell::Practice(text) | Cell::Meter(_, text) => escape(text),
        });
        let _ = writeln!(out, "| {} |", cells.collect::<Vec<_>>().join(" | "));
    }
}

fn practice(out: &mut String, card: &Card) {
    let _ = writeln!(out, "#### {}: {}", escape(&card.id), escape(&card.title));
    let _ = writeln!(out, "\n**{}**: {}\n", card.status.name(), escape(&card.why));
    for (name, value) in &card.facts {
        let _ = writeln!(out, "- **{name}**: {}", escape(value));
    }
    if !card.checks.is_empty() {
        out.push_str("- **Checks**\n");
    }
    for check in &card.checks {
        let _ = writeln!(out, "  - **{}**: {}", check.word, escape(&check.says));
        if !check.why.is_empty() && check.why != card.why {
            let _ = writeln!(out, "    ({})", escape(&check.why));
        }
        if !check.transcript.is_empty() {
            out.push('\n');
            fenced(out, "    ", &check.transcript);
        }
    }
    for (title, lines) in card.lists.iter().filter(|(_, lines)| !lines.is_empty()) {
        let _ = writeln!(out, "- **{title}**\n");
        fenced(out, "  ", lines);
    }
    if !card.beside.is_empty() {
        out.push_str("- **Further evidence**\n\n");
        fenced(out, "  ", &card.beside);
    }
    if !card.done_when.is_empty() {
        out.push_str("- **Done when**\n");
    }
    for line in &card.done_when {
        let _ = writeln!(out, "  - {}", escape(line));
    }
}
