//! A value of the file, with the place where it stands.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// A value of the file, free of the text it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    span: Range<usize>,
    content: Content,
}

/// What stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Text in any kind of quotes.
    Text(String),
    /// A whole number, in decimal digits.
    Integer(String),
    /// A number with a fraction or an exponent, or one of `inf` and `nan`, as it was written.
    Float(String),
    /// `true` or `false`.
    Truth(bool),
    /// A date, a time, or both.
    Date,
    /// An array.
    List(Vec<Node>),
    /// A table, sorted by name.
    Table(Vec<Named>),
}

/// A name in a table with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The name.
    pub name: String,
    /// Where the name stands, in bytes of the file.
    pub span: Range<usize>,
    /// The value.
    pub value: Node,
}

impl Node {
    /// Reads one value.
    ///
    /// # Errors
    /// When the text is not a value in the notation of the file.
    pub fn parse(text: &str) -> Result<Node, toml::de::Error> {
        DeValue::parse(text).map(|value| Node::of(&value))
    }

    /// The entries of a whole file.
    pub(super) fn of_file(table: &DeTable<'_>) -> Vec<Named> {
        table.iter().map(|(name, value)| Named { name: name.get_ref().to_string(), span: name.span(), value: Node::of(value) }).collect()
    }

    fn of(value: &Spanned<DeValue<'_>>) -> Node {
        let content = match value.get_ref() {
            DeValue::String(text) => Content::Text(text.to_string()),
            DeValue::Integer(it) => {
                let decimal = i128::from_str_radix(it.as_str(), it.radix()).map(|number| number.to_string());
                Content::Integer(decimal.unwrap_or_else(|_| it.to_string()))
            }
            DeValue::Float(it) => Content::Float(it.to_string()),
            DeValue::Boolean(truth) => Content::Truth(*truth),
            DeValue::Datetime(_) => Content::Date,
            DeValue::Array(items) => Content::List(items.iter().map(Node::of).collect()),
            DeValue::Table(table) => Content::Table(Node::of_file(table)),
        };
        Node { span: value.span(), content }
    }

    /// Where it stands, in bytes of the file.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }
    /// What stands there.
    pub fn content(&self) -> &Content {
        &self.content
    }
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        if let Content::Text(text) = &self.content { Some(text) } else { None }
    }
    /// The entries, if it is a table.
    pub fn table(&self) -> Option<&[Named]> {
        if let Content::Table(table) = &self.content { Some(table) } else { None }
    }
    /// What it is, as a word with its article.
    pub fn type_name(&self) -> &'static str {
        match &self.content {
            Content::Text(_) => "text",
            Content::Integer(_) => "a whole number",
            Content::Float(_) => "a number with a fraction",
            Content::Truth(_) => "a truth value",
            Content::Date => "a date",
            Content::List(_) => "a list",
            Content::Table(_) => "a table",
        }
    }
}
