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

/// Reads YAML. Never fails: what cannot be read is told in [`Doc::trouble`].
pub fn read(text: &str) -> Doc {
    let mut reader = Reader::default();
    // A mark of byte order is no part of the first key.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        match event {
            Ok((event, span)) => {
                if reader.doc.len() > NODES || reader.open.len() > DEPTH {
                    reader.doc.trouble.push(format!("line {}: deeper or larger than is read", span.start.line()));
                    break;
                }
                if matches!(event, Event::StreamEnd) {
                    break;
                }
                reader.take(event, span);
            }
            Err(error) => {
                reader.doc.trouble.push(format!("line {}: {}", error.marker().line(), error.info()));
                break;
            }
        }
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
}

fn line(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX).max(1)
}

impl Reader {
    fn take(&mut self, event: Event<'_>, span: Span) {
        let start = line(span.start.line());
        match event {
            Event::Scalar(text, style, anchor, _) => {
                // The place of a block text ends where the next token begins.
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                let end = if block { start + line(text.trim_end().lines().count()) } else { line(span.end.line()) };
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
                if block {
                    self.doc.mark_block(id);
                }
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
