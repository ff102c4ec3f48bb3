//! TOML with places.

use toml_edit::{Document, Item, TableLike, Value};

use super::node::{Content, Doc, Id};

/// How deep tables may stand in each other.
const DEPTH: u32 = 64;
/// How many dots a line may have: each one of a dotted key is a table in a table.
const DOTS: usize = 400;

/// Reads TOML. Never fails: a fault is told.
pub fn read(text: &str) -> Doc {
    let mut doc = Doc::default();
    let deep = |line: &str| line.bytes().filter(|byte| *byte == b'.').count() > DOTS;
    if let Some((number, _)) = (1_u32..).zip(text.lines()).find(|(_, line)| deep(line)) {
        doc.trouble.push(format!("line {number}: deeper than is read"));
        return doc;
    }
    match Document::parse(text) {
        Ok(parsed) => {
            let lines =
                std::iter::once(0).chain(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1)).collect();
            let mut reader = Reader { doc, lines };
            let root = reader.table(parsed.as_table(), 1, 0);
            reader.doc.roots.push(root);
            reader.doc
        }
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            let line = text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
            doc.trouble.push(format!("line {line}: this does not read as TOML"));
            doc
        }
    }
}

struct Reader {
    doc: Doc,
    lines: Vec<usize>,
}

impl Reader {
    fn line(&self, byte: usize) -> u32 {
        u32::try_from(self.lines.partition_point(|begin| *begin <= byte)).unwrap_or(u32::MAX)
    }
    fn range(&self, span: Option<std::ops::Range<usize>>, otherwise: u32) -> (u32, u32) {
        span.map_or((otherwise, otherwise), |span| (self.line(span.start), self.line(span.end.saturating_sub(1).max(span.start))))
    }
    fn table(&mut self, table: &dyn TableLike, line: u32, depth: u32) -> Id {
        let mut entries = Vec::new();
        let mut end = line;
        for (name, item) in table.iter() {
            let key = table.key(name).and_then(|key| key.span());
            let (at, _) = self.range(key, line);
            if let Some(id) = self.item(item, at, depth + 1) {
                end = end.max(self.doc.node(id).map_or(at, |node| node.end));
                entries.push((name.to_owned(), at, id));
            }
        }
        self.doc.push(Content::Map(entries), line, end)
    }
    fn item(&mut self, item: &Item, line: u32, depth: u32) -> Option<Id> {
        if depth > DEPTH {
            return None;
        }
        match item {
            Item::None => None,
            Item::Table(table) => {
                let (at, _) = self.range(table.span(), line);
                Some(self.table(table, at, depth))
            }
            Item::ArrayOfTables(tables) => {
                let mut items = Vec::new();
                for table in tables {
                    let (at, _) = self.range(table.span(), line);
                    items.push(self.table(table, at, depth + 1));
                }
                Some(self.doc.push(Content::List(items), line, line))
            }
            Item::Value(value) => self.value(value, line, depth),
        }
    }
    fn value(&mut self, value: &Value, line: u32, depth: u32) -> Option<Id> {
        if depth > DEPTH {
            return None;
        }
        let (line, end) = self.range(value.span(), line);
        let content = match value {
            Value::String(text) => Content::Scalar(text.value().clone()),
            Value::Integer(number) => Content::Scalar(number.value().to_string()),
            Value::Float(number) => Content::Scalar(number.value().to_string()),
            Value::Boolean(is) => Content::Scalar(is.value().to_string()),
            Value::Datetime(time) => Content::Scalar(time.value().to_string()),
            Value::Array(array) => Content::List(array.iter().filter_map(|item| self.value(item, line, depth + 1)).collect()),
            Value::InlineTable(table) => return Some(self.table(table, line, depth)),
        };
        Some(self.doc.push(content, line, end))
    }
}
