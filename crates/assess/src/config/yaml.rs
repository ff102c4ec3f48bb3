//! YAML with places: anchors, aliases, merge keys, several documents.
//!
//! An alias is the number of the node it means, so a bomb of aliases costs its own bytes. Depth and
//! size are bounded; what stands before a fault is kept and the fault is told.

use std::collections::{BTreeMap, BTreeSet};

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::node::{Content, Doc, Id};

/// How deep collections may stand in each other.
const DEPTH: usize = 96;
/// How many nodes a file may have.
const NODES: usize = 400_000;
/// How many entries merge keys may add to a file.
const MERGED: usize = 50_000;

enum Open {
    List { id: Id, anchor: usize, items: Vec<Id> },
    Map { id: Id, anchor: usize, entries: Vec<(String, u32, Id)>, key: Option<(String, u32)> },
}

/// How often reading begins again at the next document after a fault.
const RESTARTS: usize = 32;

/// Reads YAML. Never fails: what cannot be read is told in [`Doc::trouble`], and the next document is read all the same.
pub fn read(text: &str) -> Doc {
    let doc = strictly(text);
    if !doc.trouble.iter().any(|trouble| trouble.contains("indent")) {
        return doc;
    }
    // Other readers take a closing bracket at the column of its key, and people write it so.
    let closes = |line: &str| line.trim_start().starts_with([']', '}']);
    let mut indented = String::with_capacity(text.len() + 1_000);
    for line in text.split_inclusive('\n') {
        if closes(line) {
            indented.push_str(INDENT);
        }
        indented.push_str(line);
    }
    let again = strictly(&indented);
    if again.trouble.len() < doc.trouble.len() { again } else { doc }
}

/// How far a closing bracket is put in.
const INDENT: &str = "                                        ";

fn strictly(text: &str) -> Doc {
    let mut reader = Reader::default();
    // A mark of byte order is no part of the first key.
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    for _ in 0..RESTARTS {
        let Some(begun) = reader.run(rest) else { break };
        reader.close_all();
        reader.anchors.clear();
        // The next document begins at the next line of three dashes behind the one where the broken one began: a fault is
        // often noticed only far behind its place.
        let within = usize::try_from(begun.saturating_sub(reader.base)).unwrap_or(usize::MAX);
        let mut at = 0;
        let mut next = None;
        for (number, one) in rest.split_inclusive('\n').enumerate() {
            if number >= within && number > 0 && one.starts_with("---") {
                next = Some((number, at));
                break;
            }
            at += one.len();
        }
        let Some((number, at)) = next else { break };
        reader.base += u32::try_from(number).unwrap_or(u32::MAX);
        rest = &rest[at..];
    }
    reader.close_all();
    reader.doc
}

#[derive(Default)]
struct Reader {
    doc: Doc,
    open: Vec<Open>,
    anchors: BTreeMap<usize, Id>,
    merged: usize,
    last: u32,
    base: u32,
}

fn line(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX).max(1)
}

impl Reader {
    /// Reads until the end or a fault; then the line is returned on which the broken document began.
    fn run(&mut self, text: &str) -> Option<u32> {
        let mut parser = Parser::new_from_str(text);
        let mut begun = self.base + 1;
        while let Some(event) = parser.next_event() {
            match event {
                Ok((Event::StreamEnd, _)) => return None,
                Ok((_, span)) if self.doc.len() > NODES || self.open.len() > DEPTH => {
                    let line = self.base + line(span.start.line());
                    self.doc.trouble.push(format!("line {line}: deeper or larger than is read"));
                    return None;
                }
                Ok((event, span)) => {
                    if matches!(event, Event::DocumentStart(_)) {
                        begun = self.base + line(span.start.line());
                    }
                    self.take(event, span);
                }
                Err(error) => {
                    let line = self.base + line(error.marker().line());
                    self.doc.trouble.push(format!("line {line}: {}", error.info()));
                    return Some(begun);
                }
            }
        }
        None
    }

    fn take(&mut self, event: Event<'_>, span: Span) {
        let start = self.base + line(span.start.line());
        match event {
            Event::Scalar(text, style, anchor, _) => {
                // The place of a block text ends where the next token begins, and it begins with its first line that is not empty.
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let blank = text.bytes().take_while(|byte| *byte == b'\n').count();
                let start = if block { start - u32::try_from(blank).unwrap_or(0).min(start - 1) } else { start };
                let end = if block { start + line(text.trim_end().lines().count()) - 1 } else { self.base + line(span.end.line()) };
                let null = style == ScalarStyle::Plain && matches!(text.as_ref(), "" | "~" | "null" | "Null" | "NULL");
                // An empty value has the place of what comes next; it belongs to its key.
                let (start, end) = if text.is_empty() && style == ScalarStyle::Plain { self.at_key(start) } else { (start, end) };
                if let Some(Open::Map { key: key @ None, .. }) = self.open.last_mut() {
                    *key = Some((text.into_owned(), start));
                    self.last = self.last.max(end);
                    return;
                }
                let content = if null { Content::Null } else { Content::Scalar(text.into_owned()) };
                let id = self.doc.push(content, start, end);
                self.done(id, anchor, end);
            }
            Event::SequenceStart(anchor, _) => {
                let id = self.doc.push(Content::List(Vec::new()), start, start);
                self.open.push(Open::List { id, anchor, items: Vec::new() });
            }
            Event::MappingStart(anchor, _) => {
                let id = self.doc.push(Content::Map(Vec::new()), start, start);
                self.open.push(Open::Map { id, anchor, entries: Vec::new(), key: None });
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => {
                // An alias inside of what it means leads nowhere: only finished nodes have a name.
                let known = self.anchors.get(&anchor).copied();
                if let Some(Open::Map { key: key @ None, .. }) = self.open.last_mut() {
                    *key = Some((format!("*{anchor}"), start));
                    return;
                }
                let id = known.unwrap_or_else(|| self.doc.push(Content::Null, start, start));
                self.done(id, 0, start);
            }
            Event::DocumentEnd => self.close_all(),
            Event::DocumentStart(_) | Event::StreamStart | Event::StreamEnd | Event::Nothing => {}
        }
    }

    fn at_key(&self, otherwise: u32) -> (u32, u32) {
        match self.open.last() {
            Some(Open::Map { key: Some((_, line)), .. }) => (*line, *line),
            _ => (otherwise, otherwise),
        }
    }

    /// A value is complete: it goes into what is open.
    fn done(&mut self, id: Id, anchor: usize, end: u32) {
        if anchor != 0 {
            self.anchors.insert(anchor, id);
        }
        self.last = self.last.max(end);
        match self.open.last_mut() {
            None => self.doc.roots.push(id),
            Some(Open::List { items, .. }) => items.push(id),
            Some(Open::Map { entries, key, .. }) => match key.take() {
                Some((name, line)) => entries.push((name, line, id)),
                // A collection as a key has no name; its value is dropped.
                None => *key = Some((String::new(), end)),
            },
        }
    }

    fn close(&mut self) {
        let Some(open) = self.open.pop() else { return };
        let (id, anchor, content) = match open {
            Open::List { id, anchor, items } => (id, anchor, Content::List(items)),
            Open::Map { id, anchor, entries, .. } => (id, anchor, Content::Map(self.merge(entries))),
        };
        let end = self.last;
        if let Some(node) = self.doc.node_mut(id) {
            node.content = content;
            node.end = end.max(node.line);
        }
        self.done(id, anchor, end);
    }

    fn close_all(&mut self) {
        while !self.open.is_empty() {
            self.close();
        }
    }

    /// Puts in what `<<` names: keys that are there already win.
    fn merge(&mut self, entries: Vec<(String, u32, Id)>) -> Vec<(String, u32, Id)> {
        if !entries.iter().any(|(key, _, _)| key == "<<") {
            return entries;
        }
        let (merges, mut kept): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(key, _, _)| key == "<<");
        let mut names: BTreeSet<String> = kept.iter().map(|(key, _, _)| key.clone()).collect();
        for (_, _, id) in merges {
            let sources = match self.doc.node(id).map(|node| &node.content) {
                Some(Content::List(ids)) => ids.clone(),
                _ => vec![id],
            };
            for source in sources {
                let Some(Content::Map(more)) = self.doc.node(source).map(|node| &node.content) else { continue };
                for (key, line, value) in more {
                    if self.merged < MERGED && names.insert(key.clone()) {
                        self.merged += 1;
                        kept.push((key.clone(), *line, *value));
                    }
                }
            }
        }
        kept
    }
}
