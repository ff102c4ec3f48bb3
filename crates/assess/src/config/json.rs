//! JSON with places, also with comments, single quotes, bare keys and commas at the end.
//!
//! A loop with a stack of its own: depth costs memory, never the program's stack.

use super::node::{Content, Doc, Id};

/// How deep values may stand in each other.
const DEPTH: usize = 128;
/// How many nodes a file may have.
const NODES: usize = 400_000;

enum Open {
    List(Id, Vec<Id>),
    Map(Id, Vec<(String, u32, Id)>, Option<(String, u32)>),
}

/// Reads JSON. Never fails: what stands before a fault is kept, the fault is told.
pub fn read(text: &str) -> Doc {
    let mut doc = Doc::default();
    let mut open: Vec<Open> = Vec::new();
    let mut scan = Scan { text: text.trim_start_matches('\u{feff}'), at: 0, line: 1 };
    loop {
        scan.blank();
        let line = scan.line;
        let Some(byte) = scan.peek() else { break };
        let value = match byte {
            b'{' | b'[' => {
                scan.at += 1;
                if open.len() >= DEPTH || doc.len() > NODES {
                    doc.trouble.push(format!("line {line}: deeper or larger than is read"));
                    break;
                }
                let id = doc.push(Content::Null, line, line);
                open.push(if byte == b'{' { Open::Map(id, Vec::new(), None) } else { Open::List(id, Vec::new()) });
                continue;
            }
            b'}' | b']' => {
                scan.at += 1;
                match open.pop() {
                    Some(top) => finish(&mut doc, top, line),
                    None => continue,
                }
            }
            b',' | b':' => {
                scan.at += 1;
                continue;
            }
            b'"' | b'\'' => {
                let text = scan.string(char::from(byte));
                if let Some(Open::Map(_, _, key @ None)) = open.last_mut() {
                    *key = Some((text, line));
                    continue;
                }
                doc.push(Content::Scalar(text), line, scan.line)
            }
            _ => {
                let word = scan.word();
                if word.is_empty() {
                    doc.trouble.push(format!("line {line}: this is not JSON"));
                    break;
                }
                if let Some(Open::Map(_, _, key @ None)) = open.last_mut() {
                    *key = Some((word, line));
                    continue;
                }
                doc.push(if word == "null" { Content::Null } else { Content::Scalar(word) }, line, line)
            }
        };
        if doc.len() > NODES {
            doc.trouble.push(format!("line {line}: larger than is read"));
            break;
        }
        give(&mut doc, &mut open, value);
    }
    if !open.is_empty() && doc.trouble.is_empty() {
        doc.trouble.push(format!("line {}: it ends in the middle", scan.line));
    }
    while let Some(top) = open.pop() {
        let id = finish(&mut doc, top, scan.line);
        give(&mut doc, &mut open, id);
    }
    doc
}

fn finish(doc: &mut Doc, open: Open, line: u32) -> Id {
    let (id, content) = match open {
        Open::List(id, items) => (id, Content::List(items)),
        Open::Map(id, entries, _) => (id, Content::Map(entries)),
    };
    if let Some(node) = doc.node_mut(id) {
        node.content = content;
        node.end = line;
    }
    id
}

fn give(doc: &mut Doc, open: &mut [Open], value: Id) {
    match open.last_mut() {
        None => doc.roots.push(value),
        Some(Open::List(_, items)) => items.push(value),
        Some(Open::Map(_, entries, key)) => {
            if let Some((name, line)) = key.take() {
                entries.push((name, line, value));
            }
        }
    }
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    line: u32,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
    /// Skips white space and comments.
    fn blank(&mut self) {
        while let Some(byte) = self.peek() {
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            if byte == b'\n' {
                self.line += 1;
                self.at += 1;
            } else if byte.is_ascii_whitespace() {
                self.at += 1;
            } else if rest.starts_with(b"//") {
                self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            } else if rest.starts_with(b"/*") {
                let end = rest.windows(2).skip(2).position(|two| two == b"*/").map_or(rest.len(), |at| at + 4);
                self.line += u32::try_from(rest[..end].iter().filter(|byte| **byte == b'\n').count()).unwrap_or(0);
                self.at += end;
            } else {
                break;
            }
        }
    }
    /// A number, truth value or bare word.
    fn word(&mut self) -> String {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-' | '+' | '_' | '$'))).unwrap_or(rest.len());
        self.at += end;
        rest[..end].to_owned()
    }
    fn string(&mut self, quote: char) -> String {
        let mut out = String::new();
        let rest = self.text.get(self.at + 1..).unwrap_or_default();
        let mut chars = rest.char_indices();
        let mut end = rest.len();
        while let Some((at, character)) = chars.next() {
            match character {
                close if close == quote => {
                    end = at + 1;
                    break;
                }
                '\n' => {
                    self.line += 1;
                    out.push('\n');
                }
                '\\' => match chars.next().map(|(_, next)| next) {
                    Some('n') => out.push('\n'),
                    Some('t') => out.push('\t'),
                    Some('r') => out.push('\r'),
                    Some('b' | 'f') => out.push(' '),
                    Some('u') => {
                        let mut code = 0_u32;
                        for _ in 0..4 {
                            let Some((_, digit)) = chars.clone().next().filter(|(_, digit)| digit.is_ascii_hexdigit()) else { break };
                            chars.next();
                            code = code * 16 + digit.to_digit(16).unwrap_or(0);
                        }
                        out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                    Some(other) => out.push(other),
                    None => {}
                },
                other => out.push(other),
            }
        }
        self.at += 1 + end;
        out
    }
}
