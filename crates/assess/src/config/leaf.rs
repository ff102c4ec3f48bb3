//! The leaves of a JSON or YAML document: each value with the path to it and its line.
//!
//! Nothing here recurses, and nothing is expanded: an alias is a leaf of its own, so a document
//! cannot become larger by being read.

use saphyr_parser::{Event, Parser};

/// Deeper documents are read down to here.
const DEPTH: usize = 64;
/// More leaves than this are not read.
const LEAVES: usize = 60_000;

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// The keys that lead to it; entries of a list are `0`, `1` and so on.
    pub path: Vec<String>,
    /// The value without quotes; empty for an empty map or list.
    pub value: String,
    /// The line of the key, from 1; of the value where it has none.
    pub line: u32,
    /// The last line of the value.
    pub end: u32,
    /// Which document of a stream of several, from 0.
    pub document: u32,
}

impl Leaf {
    /// The path with dots.
    pub fn dotted(&self) -> String {
        self.path.join(".")
    }
    /// Whether the path begins so.
    pub fn under(&self, keys: &[&str]) -> bool {
        self.path.len() >= keys.len() && self.path.iter().zip(keys).all(|(have, want)| have == want)
    }
}

/// What is open around the reader.
#[derive(Debug)]
struct Open {
    list: bool,
    next: usize,
    key: Option<(String, u32)>,
}

/// A document that is read value by value.
#[derive(Debug, Default)]
struct Walk {
    open: Vec<Open>,
    leaves: Vec<Leaf>,
    document: u32,
}

impl Walk {
    fn path(&self) -> Vec<String> {
        let keys = self.open.iter().take(DEPTH);
        keys.map(|open| if open.list { open.next.to_string() } else { open.key.as_ref().map_or(String::new(), |(key, _)| key.clone()) })
            .collect()
    }
    /// A scalar came: a key where the map around it waits for one, else a value.
    fn scalar(&mut self, text: &str, line: u32, end: u32) {
        if let Some(open) = self.open.last_mut()
            && !open.list
            && open.key.is_none()
        {
            open.key = Some((text.to_owned(), line));
            return;
        }
        self.leaf(text, line, end);
        self.advance();
    }
    fn leaf(&mut self, text: &str, line: u32, end: u32) {
        if self.leaves.len() < LEAVES && self.open.len() <= DEPTH {
            let line = self.open.last().and_then(|open| open.key.as_ref()).map_or(line, |(_, line)| *line);
            self.leaves.push(Leaf { path: self.path(), value: text.to_owned(), line, end: end.max(line), document: self.document });
        }
    }
    fn advance(&mut self) {
        if let Some(open) = self.open.last_mut() {
            open.key = None;
            open.next += 1;
        }
    }
    /// A map or list begins.
    fn begin(&mut self, list: bool, line: u32) {
        if let Some(open) = self.open.last_mut()
            && !open.list
            && open.key.is_none()
        {
            open.key = Some((String::new(), line)); // a map as a key
        }
        self.open.push(Open { list, next: 0, key: None });
    }
    /// It ends; an empty one is a leaf.
    fn close(&mut self, line: u32) {
        let empty = self.open.pop().is_some_and(|open| open.next == 0);
        if empty && !self.open.is_empty() {
            self.leaf("", line, line);
        }
        self.advance();
    }
}

/// The leaves of a YAML stream, and what went wrong: `line 3: ...`. What stands before the mistake is read.
pub fn yaml(text: &str) -> (Vec<Leaf>, Option<String>) {
    let mut walk = Walk::default();
    let mut parser = Parser::new_from_str(text);
    let mut documents = 0u32;
    let line = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).max(1);
    let mut trouble = None;
    while let Some(event) = parser.next_event() {
        let (event, span) = match event {
            Ok(pair) => pair,
            Err(error) => {
                trouble = Some(format!("line {}: {}", error.marker().line(), error.info()));
                break;
            }
        };
        let (first, last) = (line(span.start.line()), line(span.end.line()));
        match event {
            Event::DocumentStart(_) => {
                walk.document = documents;
                documents += 1;
                walk.open.clear();
            }
            Event::Scalar(value, ..) => walk.scalar(&value, first, last),
            Event::Alias(_) => walk.scalar("", first, last),
            Event::SequenceStart(..) => walk.begin(true, first),
            Event::MappingStart(..) => walk.begin(false, first),
            Event::SequenceEnd | Event::MappingEnd => walk.close(first),
            _ => {}
        }
        if walk.leaves.len() >= LEAVES {
            break;
        }
    }
    (walk.leaves, trouble)
}

/// The leaves of a JSON document. Comments and trailing commas are allowed, as tools allow them.
pub fn json(text: &str) -> Vec<Leaf> {
    let bytes = text.as_bytes();
    let (mut at, mut line) = (0usize, 1u32);
    let mut walk = Walk::default();
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\n' => line += 1,
            b'{' => walk.begin(false, line),
            b'[' => walk.begin(true, line),
            b'}' | b']' => walk.close(line),
            b'/' if bytes.get(at + 1) == Some(&b'/') => {
                while bytes.get(at + 1).is_some_and(|next| *next != b'\n') {
                    at += 1;
                }
            }
            b'/' if bytes.get(at + 1) == Some(&b'*') => {
                at += 2;
                while at < bytes.len() && !(bytes.get(at) == Some(&b'*') && bytes.get(at + 1) == Some(&b'/')) {
                    line += u32::from(bytes.get(at) == Some(&b'\n'));
                    at += 1;
                }
                at += 1;
            }
            b'"' => {
                let start = at + 1;
                at = start;
                while let Some(next) = bytes.get(at) {
                    match next {
                        b'\\' => at += 1,
                        b'"' => break,
                        _ => {}
                    }
                    at += 1;
                }
                let raw = text.get(start..at.min(bytes.len())).unwrap_or_default();
                let value =
                    if raw.contains('\\') { serde_json::from_str(&format!("\"{raw}\"")).unwrap_or(raw.to_owned()) } else { raw.to_owned() };
                walk.scalar(&value, line, line);
                line += u32::try_from(raw.bytes().filter(|byte| *byte == b'\n').count()).unwrap_or(0);
            }
            byte if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+') => {
                let start = at;
                while bytes.get(at + 1).is_some_and(|next| next.is_ascii_alphanumeric() || matches!(next, b'-' | b'+' | b'.' | b'_')) {
                    at += 1;
                }
                walk.scalar(text.get(start..=at).unwrap_or_default(), line, line);
            }
            _ => {}
        }
        if walk.leaves.len() >= LEAVES {
            break;
        }
        at += 1;
    }
    walk.leaves
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(leaves: &[Leaf]) -> Vec<(String, &str, u32)> {
        leaves.iter().map(|leaf| (leaf.dotted(), leaf.value.as_str(), leaf.line)).collect()
    }

    #[test]
    fn json_leaves_have_their_path_and_line() {
        let leaves = json("{\n  \"a\": {\"b\": [1, \"two\"],\n  \"c\": {}}, // said\n  \"d\\n\": true,\n}");
        let want = [("a.b.0", "1", 2), ("a.b.1", "two", 2), ("a.c", "", 3), ("d\n", "true", 4)];
        assert_eq!(flat(&leaves), want.map(|(path, value, line)| (path.to_owned(), value, line)));
    }

    #[test]
    fn yaml_leaves_have_their_path_line_and_document() {
        let (leaves, trouble) = yaml("a:\n  b: [x, y]\n  c:\n    - k: 1\n---\nd: 'e'\n");
        let want = [("a.b.0", "x", 2), ("a.b.1", "y", 2), ("a.c.0.k", "1", 4), ("d", "e", 6)];
        assert_eq!(flat(&leaves), want.map(|(path, value, line)| (path.to_owned(), value, line)));
        assert_eq!(leaves.last().map(|leaf| leaf.document), Some(1));
        assert_eq!(trouble, None);
    }

    #[test]
    fn broken_yaml_yields_what_stands_before_the_mistake() {
        let (leaves, trouble) = yaml("a: 1\nb: [unclosed\nc: }");
        assert_eq!(flat(&leaves).first(), Some(&("a".to_owned(), "1", 1)));
        assert!(trouble.is_some_and(|words| words.starts_with("line ")));
    }

    #[test]
    fn ten_thousand_levels_neither_overflow_nor_hang() {
        let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(json(&deep).iter().all(|leaf| leaf.path.len() <= DEPTH));
        let (leaves, _) = yaml(&deep);
        assert!(leaves.iter().all(|leaf| leaf.path.len() <= DEPTH));
    }
}
