//! A reader of JSON that pulls: it keeps nothing but what it is asked for, and reads numbers from their own text.
//!
//! Models need two things a general reader does not give: f32 read as f32 (not rounded twice), and the words
//! `NaN` and `Infinity` that XGBoost writes where a figure has no JSON form.

use super::ModelError;

/// How deep objects and arrays may nest.
const DEPTH: usize = 32;

type Result<T> = std::result::Result<T, ModelError>;

/// A place in a text of JSON.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// A complaint about the present place.
    pub(super) fn refuse<T>(&self, what: impl Into<String>) -> Result<T> {
        Err(ModelError::new(format!("byte {}", self.at), what))
    }

    /// A complaint about the word that was just read.
    fn refuse_word<T>(&mut self, word: &str, what: &str) -> Result<T> {
        self.at -= word.len();
        self.refuse(what)
    }

    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn take(&mut self, wanted: u8) -> bool {
        let there = self.peek() == Some(wanted);
        self.at += usize::from(there);
        there
    }

    fn expect(&mut self, wanted: u8) -> Result<()> {
        if self.take(wanted) {
            return Ok(());
        }
        match self.text[self.at..].chars().next() {
            None => self.refuse(format!("the text ends where {:?} is due", char::from(wanted))),
            Some(found) => self.refuse(format!("{found:?} where {:?} is due", char::from(wanted))),
        }
    }

    fn enter(&mut self, bracket: u8) -> Result<()> {
        self.expect(bracket)?;
        self.depth += 1;
        if self.depth > DEPTH { self.refuse(format!("nested deeper than {DEPTH}")) } else { Ok(()) }
    }

    /// An object: `each` is called after every name and must read the value.
    pub(super) fn object(&mut self, mut each: impl FnMut(&mut Self, &str) -> Result<()>) -> Result<()> {
        self.enter(b'{')?;
        if !self.take(b'}') {
            loop {
                let name = self.string()?;
                self.expect(b':')?;
                each(self, &name)?;
                if self.take(b'}') {
                    break;
                }
                self.expect(b',')?;
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// An array: `each` is called before every item and must read it.
    pub(super) fn array(&mut self, mut each: impl FnMut(&mut Self, usize) -> Result<()>) -> Result<()> {
        self.enter(b'[')?;
        if !self.take(b']') {
            for number in 0.. {
                each(self, number)?;
                if self.take(b']') {
                    break;
                }
                self.expect(b',')?;
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Reads a value and forgets it.
    pub(super) fn skip(&mut self) -> Result<()> {
        match self.peek() {
            Some(b'{') => self.object(|reader, _| reader.skip()),
            Some(b'[') => self.array(|reader, _| reader.skip()),
            Some(b'"') => self.string().map(drop),
            _ => self.word().map(drop),
        }
    }

    /// A string, with its escapes resolved.
    pub(super) fn string(&mut self) -> Result<String> {
        self.expect(b'"')?;
        let mut found = String::new();
        let mut rest = self.text[self.at..].chars();
        loop {
            let next = rest.next();
            self.at = self.text.len() - rest.as_str().len();
            match next {
                None => return self.refuse("the text ends inside a string"),
                Some('"') => return Ok(found),
                Some('\\') => found.push(match rest.next() {
                    Some('n') => '\n',
                    Some('t') => '\t',
                    Some('r') => '\r',
                    Some('b') => '\u{8}',
                    Some('f') => '\u{c}',
                    Some(plain @ ('"' | '\\' | '/')) => plain,
                    Some('u') => {
                        let digits: String = rest.by_ref().take(4).collect();
                        // Halves of a pair outside the basic plane: the name of a feature may look odd, no more.
                        u32::from_str_radix(&digits, 16).ok().map_or('\u{fffd}', |code| char::from_u32(code).unwrap_or('\u{fffd}'))
                    }
                    _ => return self.refuse("an escape that JSON does not have"),
                }),
                Some(plain) => found.push(plain),
            }
        }
    }

    /// The text of a number, of `true`, `false`, `null`, `NaN` or an infinity.
    pub(super) fn word(&mut self) -> Result<&'a str> {
        self.peek();
        let rest = &self.text[self.at..];
        let long = rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')).count();
        if long == 0 {
            return self.refuse(if rest.is_empty() { "the text ends where a value is due" } else { "a number is due here" });
        }
        self.at += long;
        Ok(&rest[..long])
    }

    /// The text of a number that may stand in quotes, as parameters do.
    pub(super) fn loose(&mut self) -> Result<String> {
        if self.peek() == Some(b'"') { self.string() } else { self.word().map(str::to_owned) }
    }

    /// A list of f32, each rounded once.
    pub(super) fn floats(&mut self) -> Result<Vec<f32>> {
        let mut found = Vec::new();
        self.array(|reader, number| {
            let word = reader.word()?;
            match word.parse() {
                Ok(figure) => found.push(figure),
                Err(_) => return reader.refuse_word(word, &format!("item {number} is {word:?}, not a number")),
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// A list of whole numbers; `true` and `false` count as 1 and 0.
    pub(super) fn integers(&mut self) -> Result<Vec<i64>> {
        let mut found = Vec::new();
        self.array(|reader, number| {
            found.push(match reader.word()? {
                "true" => 1,
                "false" => 0,
                word => match word.parse() {
                    Ok(figure) => figure,
                    Err(_) => return reader.refuse_word(word, &format!("item {number} is {word:?}, not a whole number")),
                },
            });
            Ok(())
        })?;
        Ok(found)
    }

    /// A list of strings.
    pub(super) fn strings(&mut self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        self.array(|reader, _| {
            found.push(reader.string()?);
            Ok(())
        })?;
        Ok(found)
    }

    /// Nothing but white space may follow.
    pub(super) fn end(&mut self) -> Result<()> {
        if self.peek().is_some() { self.refuse("more text after the model") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_that_json_has_no_form_for_are_read() {
        let floats = Reader::new("[1E-1, -Infinity,Infinity ,NaN, 3]").floats().unwrap();
        assert_eq!(floats[..3], [0.1, f32::NEG_INFINITY, f32::INFINITY]);
        assert!(floats[3].is_nan());
        assert_eq!(Reader::new("[1,true,false,-3]").integers().unwrap(), [1, 1, 0, -3]);
    }

    #[test]
    fn a_complaint_names_the_byte() {
        assert_eq!(Reader::new("[1, x]").floats().unwrap_err().to_string(), "byte 4: item 1 is \"x\", not a number");
        assert_eq!(Reader::new("{\"a\": [1, 2").skip().unwrap_err().to_string(), "byte 11: the text ends where ',' is due");
        assert!(Reader::new(&"[".repeat(1000)).skip().unwrap_err().to_string().contains("nested deeper"));
    }
}
