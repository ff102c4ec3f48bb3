//! XML with the tree of the JSON exports, event by event.
//!
//! Records are the children of the root, or the root itself where it holds a record's own elements.
//! `<visits><visit>…</visit></visits>` and a repeated `<visits>…</visits>` are both a list. Names count
//! without their prefix, attributes are not looked at. A document type and every entity but the five of
//! XML itself are refused, and with them all that comes after: what they would have meant is not known.

use std::io::BufRead;

use quick_xml::{Reader, errors::Error, events::Event};
use serde_json::{Map, Value};

use super::{Entry, Reject, Source, line::Lines, reject::placed, tree};
use crate::record::Reason;

/// Elements of a record; a root that begins with one of them is a record.
const OF_RECORD: [&str; 5] = ["messageHeader", "messageData", "facilityDatimCode", "fileName", "touchTime"];
/// Elements that are lists.
const LISTS: [&str; 6] = ["visits", "encounters", "obs", "patientIdentifiers", "patientPrograms", "encounterProviders"];

/// The records of an XML file.
pub struct Xml<'a, R> {
    reader: Reader<Lines<R>>,
    source: &'a Source,
    buffer: Vec<u8>,
    index: u64,
    /// Elements that are open, also those outside of records.
    open: usize,
    /// Whether the root was seen, and whether it is the record.
    root: Option<bool>,
    begun: bool,
    /// Elements of the record that are open.
    stack: Vec<Element>,
    /// Elements of the record.
    count: usize,
    /// Line at which the record began.
    line: u64,
    over: bool,
}

/// An element that is open.
struct Element {
    name: String,
    text: String,
    children: Vec<(String, Value)>,
}

impl Element {
    fn new(name: &str) -> Element {
        Element { name: name.to_owned(), text: String::new(), children: Vec::new() }
    }

    fn close(self) -> (String, Value) {
        let list = LISTS.contains(&self.name.as_str());
        let rows = |children: &[(String, Value)]| children.iter().all(|(_, child)| child.is_object());
        let value = if list && rows(&self.children) {
            Value::Array(self.children.into_iter().map(|(_, child)| child).collect())
        } else if self.children.is_empty() {
            Value::String(self.text)
        } else if list {
            Value::Array(vec![object(self.children)])
        } else {
            object(self.children)
        };
        (self.name, value)
    }
}

/// Children as fields. A list that stands there in pieces is put together; of anything else that stands
/// there twice nobody knows which one counts, so it becomes a list, which no field may be.
fn object(children: Vec<(String, Value)>) -> Value {
    let mut fields = Map::with_capacity(children.len());
    for (name, value) in children {
        match (fields.get_mut(&name), value) {
            (None, value) => {
                fields.insert(name, value);
            }
            (Some(Value::Array(before)), Value::Array(more)) => before.extend(more),
            (Some(Value::Array(before)), other) => before.push(other),
            (Some(before), other) => *before = Value::Array(vec![before.take(), other]),
        }
    }
    Value::Object(fields)
}

impl<'a, R: BufRead> Xml<'a, R> {
    /// Reads from a stream.
    pub fn new(stream: R, source: &'a Source) -> Xml<'a, R> {
        let reader = Reader::from_reader(Lines::new(stream));
        let (buffer, stack) = (Vec::new(), Vec::new());
        Xml { reader, source, buffer, index: 0, open: 0, root: None, begun: false, stack, count: 0, line: 1, over: false }
    }

    fn advance(&mut self) -> Result<Option<Value>, Reason> {
        loop {
            if self.stack.is_empty() {
                self.reader.get_mut().allow(self.source.limits.bytes);
                self.line = self.reader.get_ref().line;
            }
            self.buffer.clear();
            let event = self.reader.read_event_into(&mut self.buffer);
            // What the event borrows ends here, so that the stream can be asked why it failed.
            let step = match event {
                Ok(Event::Start(tag)) => Step::Start(tag.local_name().into_inner().to_owned()),
                Ok(Event::Empty(tag)) => Step::Empty(tag.local_name().into_inner().to_owned()),
                Ok(Event::End(_)) => Step::End,
                Ok(Event::Text(text)) => Step::Text(text.xml10_content().into_owned()),
                Ok(Event::CData(text)) => Step::Text(text.xml10_content().into_owned()),
                Ok(Event::GeneralRef(name)) => Step::Text(character(&name, name.resolve_char_ref())?.to_string()),
                Ok(Event::DocType(_)) => return Err(Reason::DocumentType),
                Ok(Event::Decl(declared)) => match declared.encoding() {
                    None => Step::Nothing,
                    Some(Ok(name)) if ["utf-8", "us-ascii"].iter().any(|known| known.eq_ignore_ascii_case(&name)) => Step::Nothing,
                    Some(_) => return Err(Reason::NotText),
                },
                Ok(Event::Comment(_) | Event::PI(_)) => Step::Nothing,
                Ok(Event::Eof) => return if self.open == 0 { Ok(None) } else { Err(Reason::Unfinished) },
                Err(Error::Encoding(_)) => return Err(Reason::NotText),
                Err(Error::Io(_)) if self.reader.get_ref().spent() => return Err(Reason::TooLarge),
                Err(Error::Io(_)) => return Err(Reason::Unread),
                Err(_) => return Err(Reason::Syntax),
            };
            match step {
                Step::Nothing => {}
                Step::Text(text) => self.text(&text)?,
                Step::Start(name) => self.start(&name)?,
                Step::Empty(name) => {
                    self.start(&name)?;
                    if let Some(tree) = self.end() {
                        return Ok(Some(tree));
                    }
                }
                Step::End => {
                    if let Some(tree) = self.end() {
                        return Ok(Some(tree));
                    }
                }
            }
        }
    }

    fn text(&mut self, text: &str) -> Result<(), Reason> {
        match self.stack.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().is_empty() || text == "\u{feff}" => {}
            None => return Err(Reason::Syntax),
        }
        Ok(())
    }

    fn start(&mut self, name: &str) -> Result<(), Reason> {
        if self.open == 0 {
            if self.begun {
                return Err(Reason::Syntax);
            }
            self.begun = true;
            self.open = 1;
            self.stack.push(Element::new(name));
            return Ok(());
        }
        // What the root is, its first child says.
        let single = *self.root.get_or_insert_with(|| OF_RECORD.contains(&name));
        if !single && self.open == 1 {
            self.stack.clear();
            self.count = 0;
            self.reader.get_mut().allow(self.source.limits.bytes);
        }
        self.open += 1;
        self.count += 1;
        if self.stack.len() >= self.source.limits.depth {
            return Err(Reason::TooDeep);
        }
        if self.count > self.source.limits.values {
            return Err(Reason::TooMany);
        }
        self.stack.push(Element::new(name));
        Ok(())
    }

    /// Closes an element; the record, if it was that.
    fn end(&mut self) -> Option<Value> {
        self.open = self.open.saturating_sub(1);
        let (name, value) = self.stack.pop()?.close();
        match self.stack.last_mut() {
            Some(parent) => {
                parent.children.push((name, value));
                None
            }
            // A root without any child holds no records.
            None => (self.root.is_some()).then_some(value),
        }
    }
}

enum Step {
    Nothing,
    Text(String),
    Start(String),
    Empty(String),
    End,
}

/// The character of a reference: one of the five names, or a number that XML allows.
fn character(name: &str, number: Result<Option<char>, Error>) -> Result<char, Reason> {
    match number.map_err(|_| Reason::Entity)? {
        Some(mark) if mark >= ' ' || matches!(mark, '\t' | '\n' | '\r') => Ok(mark),
        Some(_) => Err(Reason::BadText),
        None => match name {
            "lt" => Ok('<'),
            "gt" => Ok('>'),
            "amp" => Ok('&'),
            "apos" => Ok('\''),
            "quot" => Ok('"'),
            _ => Err(Reason::Entity),
        },
    }
}

impl<R: BufRead> Iterator for Xml<'_, R> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        if self.over {
            return None;
        }
        let (original, line, read) = match self.advance() {
            Ok(None) => {
                self.over = true;
                return None;
            }
            Ok(Some(tree)) => (serde_json::to_vec(&tree).unwrap_or_default(), self.line, placed(tree::read(&tree, self.source), self.line)),
            Err(reason) => {
                self.over = true;
                let line = self.reader.get_ref().line;
                (Vec::new(), line, Err(vec![Reject::whole(reason, line)]))
            }
        };
        self.index += 1;
        Some(Entry { index: self.index - 1, line, original, read })
    }
}
