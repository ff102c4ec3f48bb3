//! INI files with places: sections, keys, values over several lines.

use super::node::{Content, Doc, Id};

/// How many keys a file may have.
const KEYS: usize = 50_000;

/// Name, line and entries.
type Section = (String, u32, Vec<(String, u32, Id)>);

/// Reads an INI file. Keys before the first section belong to the file.
pub fn read(text: &str) -> Doc {
    let mut doc = Doc::default();
    let mut sections: Vec<Section> = vec![(String::new(), 1, Vec::new())];
    let mut last = 1;
    for (number, raw) in (1_u32..).zip(text.lines()) {
        last = number;
        let line = raw.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if doc.len() > KEYS {
            doc.trouble.push(format!("line {number}: larger than is read"));
            break;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            sections.push((name.trim().to_owned(), number, Vec::new()));
            continue;
        }
        let Some((_, _, entries)) = sections.last_mut() else { continue };
        if raw.starts_with([' ', '\t'])
            && let Some((_, _, id)) = entries.last()
        {
            // A value that goes on: each line is an item.
            more(&mut doc, *id, uncommented(line).trim(), number);
            continue;
        }
        let Some(at) = line.find(['=', ':']) else { continue };
        let (key, value) = (line[..at].trim(), line[at + 1..].trim());
        let value = uncommented(value).trim();
        let content = if value.is_empty() { Content::Null } else { Content::Scalar(value.to_owned()) };
        let id = doc.push(content, number, number);
        entries.push((key.to_owned(), number, id));
    }
    let mut top = Vec::new();
    for (name, line, entries) in sections {
        if name.is_empty() {
            top.extend(entries);
        } else {
            let end = entries.last().map_or(line, |(_, line, _)| *line);
            let id = doc.push(Content::Map(entries), line, end);
            top.push((name, line, id));
        }
    }
    let root = doc.push(Content::Map(top), 1, last);
    doc.roots.push(root);
    doc
}

fn more(doc: &mut Doc, id: Id, text: &str, line: u32) {
    let item = doc.push(Content::Scalar(text.to_owned()), line, line);
    let before = doc
        .node(id)
        .map(|node| (if matches!(node.content, Content::List(_)) { Content::List(Vec::new()) } else { node.content.clone() }, node.line));
    let content = match before {
        Some((Content::List(_), _)) => None,
        Some((Content::Scalar(first), at)) => {
            let first = doc.push(Content::Scalar(first), at, at);
            Some(Content::List(vec![first, item]))
        }
        _ => Some(Content::List(vec![item])),
    };
    let Some(node) = doc.node_mut(id) else { return };
    node.end = line;
    match (content, &mut node.content) {
        (Some(content), _) => node.content = content,
        (None, Content::List(items)) => items.push(item),
        (None, _) => {}
    }
}

/// A line without the comment behind it.
pub fn uncommented(line: &str) -> &str {
    if line.trim_start().starts_with('#') {
        return "";
    }
    let cut = [" #", "\t#", " ;"].iter().filter_map(|mark| line.find(mark)).min();
    cut.map_or(line, |at| &line[..at])
}
