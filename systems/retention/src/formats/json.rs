//! JSON: one record, an array of records, or one record after the other; and one record on each line.
//!
//! The stream is cut into records by counting brackets outside of strings, which needs no tree of the
//! whole file and goes on after a record that is broken inside.

use std::io::BufRead;

use super::{Entry, Reject, Source, line::Lines, node::Node, reject::placed, tree};
use crate::record::{Reason, Record};

/// Reads one record out of the text of one object.
pub(super) fn record(text: &[u8], source: &Source) -> Result<Record, Vec<Reject>> {
    let mut scan = Scan::default();
    text.iter().for_each(|byte| scan.byte(*byte));
    scanned(text, &scan, source)
}

/// The same of a text that was looked through already.
fn scanned(text: &[u8], scan: &Scan, source: &Source) -> Result<Record, Vec<Reject>> {
    let whole = |reason, line| vec![Reject::whole(reason, line)];
    let limits = source.limits;
    let checks = [
        (text.len() > limits.bytes, Reason::TooLarge),
        (scan.deepest > limits.depth, Reason::TooDeep),
        (scan.values > limits.values, Reason::TooMany),
    ];
    if let Some((_, reason)) = checks.iter().find(|(exceeded, _)| *exceeded) {
        return Err(whole(*reason, 1));
    }
    let text = std::str::from_utf8(text).map_err(|_| whole(Reason::NotText, 1))?;
    let tree: Node<'_> = serde_json::from_str(text).map_err(|error| {
        let reason = if error.is_eof() { Reason::Unfinished } else { Reason::Syntax };
        whole(reason, error.line() as u64)
    })?;
    tree::judged(&tree, source)
}

/// Brackets outside of strings, and about how many values there are: a value of two bytes takes a
/// hundred in memory, so the length of a text says little about the size of its tree.
#[derive(Default)]
struct Scan {
    depth: usize,
    deepest: usize,
    values: usize,
    string: bool,
    escaped: bool,
}

impl Scan {
    fn byte(&mut self, byte: u8) {
        if self.string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.string = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.string = true,
            b',' => self.values += 1,
            b'{' | b'[' => {
                self.values += 1;
                self.depth += 1;
                self.deepest = self.deepest.max(self.depth);
            }
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    fn outside(&self) -> bool {
        self.depth == 0 && !self.string
    }
}

/// The records of a file that is an object, an array of objects, or objects one after the other.
pub struct Json<'a, R> {
    bytes: Lines<R>,
    source: &'a Source,
    index: u64,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq)]
enum Stage {
    Begin,
    /// Between records, outside of an array.
    Outside,
    /// In an array, where a record or the end must follow.
    First,
    /// In an array, where a record must follow.
    Next,
    /// In an array, where a comma or the end must follow.
    Rest,
    Over,
}

impl<'a, R: BufRead> Json<'a, R> {
    /// Reads from a stream.
    pub fn new(stream: R, source: &'a Source) -> Json<'a, R> {
        Json { bytes: Lines::new(stream), source, index: 0, stage: Stage::Begin }
    }

    fn entry(&mut self, line: u64, original: Vec<u8>, read: Result<Record, Vec<Reject>>) -> Entry {
        self.index += 1;
        Entry { index: self.index - 1, line, original, read }
    }

    /// The file makes no sense from here on.
    fn end(&mut self, reason: Reason) -> Entry {
        self.stage = Stage::Over;
        let line = self.bytes.line;
        self.entry(line, Vec::new(), Err(vec![Reject::whole(reason, line)]))
    }

    fn advance(&mut self) -> Result<Option<Entry>, Reason> {
        if self.stage == Stage::Begin {
            self.bytes.skip_mark()?;
            self.stage = Stage::Outside;
        }
        loop {
            if self.stage == Stage::Over {
                return Ok(None);
            }
            let Some(byte) = self.bytes.peek()? else {
                let within = self.stage != Stage::Outside;
                return if within { Err(Reason::Unfinished) } else { Ok(None) };
            };
            let follows = match (byte, self.stage) {
                (b' ' | b'\t' | b'\r' | b'\n', stage) => stage,
                (b'[', Stage::Outside) => Stage::First,
                (b']', Stage::First | Stage::Rest) => Stage::Outside,
                (b',', Stage::Rest) => Stage::Next,
                (_, Stage::Rest) => return Err(Reason::Syntax),
                (_, stage) => {
                    let entry = self.value()?;
                    self.stage = if stage == Stage::Outside { Stage::Outside } else { Stage::Rest };
                    return Ok(Some(entry));
                }
            };
            self.bytes.skip(byte);
            self.stage = follows;
        }
    }

    /// One value: to its closing bracket, or, where it is none of a record, to the next comma or line.
    fn value(&mut self) -> Result<Entry, Reason> {
        let (line, most) = (self.bytes.line, self.source.limits.bytes);
        let (mut original, mut scan) = (Vec::new(), Scan::default());
        if self.bytes.peek()? == Some(b'{') {
            // One more than is allowed, so that it can be seen.
            let ended = self.bytes.take(&mut original, most.saturating_add(1), |byte| {
                scan.byte(byte);
                scan.outside()
            })?;
            if !ended {
                return Err(Reason::Unfinished);
            }
        } else {
            // Something else than a record; what it is does not matter, only where it ends.
            while let Some(byte) = self.bytes.peek()? {
                let last = byte == b'\n' || (self.stage != Stage::Outside && matches!(byte, b',' | b']'));
                if last && scan.outside() && !original.is_empty() {
                    break;
                }
                scan.byte(byte);
                original.push(byte);
                original.truncate(64);
                self.bytes.skip(byte);
            }
            let mut reject = Reject::whole(Reason::WrongType, line);
            reject.excerpt = super::shape(&String::from_utf8_lossy(&original));
            return Ok(self.entry(line, original, Err(vec![reject])));
        }
        let read = scanned(&original, &scan, self.source);
        if original.len() > most {
            original.clear();
        }
        Ok(self.entry(line, original, placed(read, line)))
    }
}

impl<R: BufRead> Iterator for Json<'_, R> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        match self.advance() {
            Ok(entry) => entry,
            Err(reason) => Some(self.end(reason)),
        }
    }
}

/// The records of a file with one on each line. A broken line costs that line.
pub struct Ndjson<'a, R> {
    bytes: Lines<R>,
    source: &'a Source,
    index: u64,
    over: bool,
}

impl<'a, R: BufRead> Ndjson<'a, R> {
    /// Reads from a stream.
    pub fn new(stream: R, source: &'a Source) -> Ndjson<'a, R> {
        Ndjson { bytes: Lines::new(stream), source, index: 0, over: false }
    }

    fn advance(&mut self) -> Result<Option<Entry>, Reason> {
        if self.bytes.line == 1 {
            self.bytes.skip_mark()?;
        }
        let most = self.source.limits.bytes;
        loop {
            let line = self.bytes.line;
            let mut original = Vec::new();
            let more = self.bytes.take(&mut original, most.saturating_add(1), |byte| byte == b'\n')?;
            if original.last() == Some(&b'\n') {
                original.pop();
            }
            if original.iter().all(u8::is_ascii_whitespace) {
                if more {
                    continue;
                }
                return Ok(None);
            }
            let read = record(&original, self.source);
            if original.len() > most {
                original.clear();
            }
            self.index += 1;
            return Ok(Some(Entry { index: self.index - 1, line, original, read: placed(read, line) }));
        }
    }
}

impl<R: BufRead> Iterator for Ndjson<'_, R> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        if self.over {
            return None;
        }
        match self.advance() {
            Ok(entry) => entry,
            Err(reason) => {
                self.over = true;
                let line = self.bytes.line;
                Some(Entry { index: self.index, line, original: Vec::new(), read: Err(vec![Reject::whole(reason, line)]) })
            }
        }
    }
}
