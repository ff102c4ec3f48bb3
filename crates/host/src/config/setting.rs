//! What can be the value of a key, and the plain kinds.

use std::{net::SocketAddr, ops::Range, path::PathBuf};

use super::node::{Content, Node};

/// A kind of value: how it is written in the file and in the environment, and how it is shown.
pub trait Setting: Sized {
    /// Whether the value must never be shown.
    const SECRET: bool = false;

    /// What may be written, with the unit, as a phrase: `a duration such as "30s"`.
    fn kind() -> String;
    /// A value of this kind in the notation of the file, for pages and templates.
    fn example() -> String;
    /// Reads a value of the file. Adds everything that is wrong with it to `wrong`, and then
    /// answers nothing.
    fn from_toml(value: &Node, wrong: &mut Vec<Wrong>) -> Option<Self>;
    /// Reads a variable, a flag, or the default of a section.
    ///
    /// # Errors
    /// What is wrong with the text, naming the text unless it is a secret.
    fn from_text(text: &str) -> Result<Self, Wrong>;
    /// The value in the notation of the file; the word `set` for a secret.
    fn show(&self) -> String;
    /// Whether there is a value at all.
    fn is_set(&self) -> bool {
        true
    }
}

/// A kind that may be left out: the only one whose default may be `none`.
pub trait Unset: Setting {
    /// The absence of a value.
    fn unset() -> Self;
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Bytes of the file this is about; the whole value where nothing is said.
    pub span: Option<Range<usize>>,
    /// One sentence without a full stop.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl Wrong {
    /// A broken rule.
    pub fn because(message: impl Into<String>) -> Wrong {
        Wrong { span: None, message: message.into(), help: None }
    }
    /// Text that is not of this kind; quotes the first 40 characters of it.
    pub fn text<T: Setting>(text: &str) -> Wrong {
        let mut quoted: String = text.chars().take(40).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        if text.chars().nth(40).is_some() {
            quoted.push('…');
        }
        Wrong::because(format!("`{quoted}` is not {}", T::kind()))
    }
    /// A value of the file that has another type.
    pub fn other_type<T: Setting>(value: &Node) -> Wrong {
        Wrong::because(format!("expected {}, found {}", T::kind(), value.type_name())).at(value.span())
    }
    /// The same, at these bytes unless a narrower place is known.
    #[must_use]
    pub fn at(mut self, span: Range<usize>) -> Wrong {
        self.span.get_or_insert(span);
        self
    }
    /// The same, with what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Wrong {
        self.help = Some(help.into());
        self
    }
}

/// Reads a kind that is written as text in the file too.
pub(super) fn from_string<T: Setting>(value: &Node, wrong: &mut Vec<Wrong>) -> Option<T> {
    let Some(text) = value.text() else {
        let other = Wrong::other_type::<T>(value);
        wrong.push(if T::SECRET { other } else { other.help(format!("write text in quotes, such as {}", T::example())) });
        return None;
    };
    T::from_text(text).map_err(|it| wrong.push(it.at(value.span()))).ok()
}

/// Text in the notation of the file.
pub(super) fn quote(text: &str) -> String {
    toml::Value::from(text).to_string()
}

impl Setting for bool {
    fn kind() -> String {
        "true or false".into()
    }
    fn example() -> String {
        "true".into()
    }
    fn from_toml(value: &Node, wrong: &mut Vec<Wrong>) -> Option<Self> {
        let read = if let Content::Truth(truth) = value.content() { Some(*truth) } else { None };
        if read.is_none() {
            wrong.push(Wrong::other_type::<Self>(value).help("write true or false, without quotes"));
        }
        read
    }
    fn from_text(text: &str) -> Result<Self, Wrong> {
        text.trim().parse().map_err(|_| Wrong::text::<Self>(text))
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

macro_rules! whole_numbers {
    ($($number:ty),*) => { $(
        impl Setting for $number {
            fn kind() -> String {
                format!("a whole number from 0 to {}", <$number>::MAX)
            }
            fn example() -> String {
                "10".into()
            }
            fn from_toml(value: &Node, wrong: &mut Vec<Wrong>) -> Option<Self> {
                let Content::Integer(digits) = value.content() else {
                    wrong.push(Wrong::other_type::<Self>(value));
                    return None;
                };
                Self::from_text(digits).map_err(|it| wrong.push(it.at(value.span()))).ok()
            }
            fn from_text(text: &str) -> Result<Self, Wrong> {
                text.trim().parse().map_err(|_| Wrong::text::<Self>(text))
            }
            fn show(&self) -> String {
                self.to_string()
            }
        }
    )* };
}
whole_numbers!(u16, u32, u64, usize);

impl Setting for f64 {
    fn kind() -> String {
        "a number".into()
    }
    fn example() -> String {
        "0.5".into()
    }
    fn from_toml(value: &Node, wrong: &mut Vec<Wrong>) -> Option<Self> {
        let (Content::Float(text) | Content::Integer(text)) = value.content() else {
            wrong.push(Wrong::other_type::<Self>(value));
            return None;
        };
        Self::from_text(text).map_err(|it| wrong.push(it.at(value.span()))).ok()
    }
    fn from_text(text: &str) -> Result<Self, Wrong> {
        text.trim().parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(|| Wrong::text::<Self>(text))
    }
    fn show(&self) -> String {
        toml::Value::Float(*self).to_string()
    }
}

impl Setting for String {
    fn kind() -> String {
        "text".into()
    }
    fn example() -> String {
        "\"text\"".into()
    }
    fn from_toml(value: &Node, wrong: &mut Vec<Wrong>) -> Option<Self> {
        from_string(value, wrong)
    }
    fn from_text(text: &str) -> Result<Self, Wrong> {
        match text.contains('\0') {
            true => Err(Wrong::because("text may not contain a NUL character")),
            false => Ok(text.into()),
        }
    }
    fn show(&self) -> String {
        quote(self)
    }
}

impl Setting for PathBuf {
    fn kind() -> String {
        "a path".into()
    }
    fn example() -> String {
        "\"path/to/file\"".into()
    }
    fn from_toml(value: &Node, wrong: &mut Vec<Wrong>) -> Option<Self> {
        from_string(value, wrong)
    }
    fn from_text(text: &str) -> Result<Self, Wrong> {
        match text.is_empty() || text.contains('\0') {
            true => Err(Wrong::text::<Self>(text)),
            false => Ok(text.into()),
        }
    }
    fn show(&self) -> String {
        quote(&self.to_string_lossy())
    }
}

impl Setting for SocketAddr {
    fn kind() -> String {
        "an address with a port".into()
    }
    fn example() -> String {
        "\"127.0.0.1:8080\"".into()
    }
    fn from_toml(value: &Node, wrong: &mut Vec<Wrong>) -> Option<Self> {
        from_string(value, wrong)
    }
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let trimmed = text.trim();
        if let Ok(address) = trimmed.parse() {
            return Ok(address);
        }
        let port = trimmed.strip_prefix("localhost:").or_else(|| trimmed.strip_prefix(':')).unwrap_or(trimmed);
        Err(Wrong::text::<Self>(text).help(match port.parse::<u16>() {
            Ok(port) => format!("write 127.0.0.1:{port}, or 0.0.0.0:{port} to be reached from other machines"),
            Err(_) => "write an IP address and a port, such as 127.0.0.1:8080 or [::1]:8080".into(),
        }))
    }
    fn show(&self) -> String {
        quote(&self.to_string())
    }
}
