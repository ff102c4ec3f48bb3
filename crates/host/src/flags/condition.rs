//! What has to be true for a rule to apply.

use std::{fmt::Write, net::IpAddr};

use http::HeaderName;

use super::context::{Context, Value};

/// What a condition looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The caller's id.
    Principal,
    /// The tenant.
    Tenant,
    /// The caller's role.
    Role,
    /// The caller's address, in its usual notation.
    Address,
    /// A header; where it comes several times, one value that fits is enough.
    Header(HeaderName),
    /// An attribute.
    Attribute(Box<str>),
}

/// How a number lies to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Smaller.
    Below,
    /// Smaller or the same.
    AtMost,
    /// Larger or the same.
    AtLeast,
    /// Larger.
    Above,
}

/// What a value has to be. Text is compared byte by byte.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// There at all.
    Present,
    /// This text.
    Equals(Box<str>),
    /// One of these texts.
    In(Box<[Box<str>]>),
    /// Text that begins so.
    Prefix(Box<str>),
    /// Text that ends so.
    Suffix(Box<str>),
    /// A number, or text that is one, on this side of a number.
    Number(Comparison, f64),
}

/// A subject, a test, and whether the test has to fail.
///
/// A value that is not there passes no test, so a negated condition holds for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// What it looks at.
    pub subject: Subject,
    /// What that has to be.
    pub test: Test,
    /// Whether it must not be that.
    pub negated: bool,
}

impl Condition {
    /// The subject passes the test.
    pub fn new(subject: Subject, test: Test) -> Condition {
        Condition { subject, test, negated: false }
    }
    /// The opposite.
    #[must_use]
    pub fn negate(mut self) -> Condition {
        self.negated = !self.negated;
        self
    }

    /// Whether it holds. Nothing is allocated.
    pub fn holds(&self, context: &Context<'_>) -> bool {
        let text = |value: Option<&str>| value.is_some_and(|value| self.test.passes(Value::Text(value)));
        let passes = match &self.subject {
            Subject::Principal => text(context.principal),
            Subject::Tenant => text(context.tenant),
            Subject::Role => text(context.role),
            Subject::Address => context.address.is_some_and(|address| self.address(address)),
            Subject::Header(name) => {
                let values = context.headers.into_iter().flat_map(|headers| headers.get_all(name));
                values.filter_map(|value| value.to_str().ok()).any(|value| text(Some(value)))
            }
            Subject::Attribute(name) => context.attribute(name).is_some_and(|value| self.test.passes(value)),
        };
        passes != self.negated
    }

    fn address(&self, address: IpAddr) -> bool {
        let mut line = Line { bytes: [0; 45], used: 0 };
        let written = write!(line, "{}", address.to_canonical());
        written.is_ok() && std::str::from_utf8(&line.bytes[..line.used]).is_ok_and(|text| self.test.passes(Value::Text(text)))
    }
}

/// Room for the longest address there is, on the stack.
struct Line {
    bytes: [u8; 45],
    used: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.used + text.len();
        self.bytes.get_mut(self.used..end).ok_or(std::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.used = end;
        Ok(())
    }
}

impl Test {
    fn passes(&self, value: Value<'_>) -> bool {
        match self {
            Test::Present => true,
            Test::Equals(wanted) => is(value, wanted),
            Test::In(list) => list.iter().any(|wanted| is(value, wanted)),
            Test::Prefix(begin) => matches!(value, Value::Text(text) if text.starts_with(&**begin)),
            Test::Suffix(end) => matches!(value, Value::Text(text) if text.ends_with(&**end)),
            Test::Number(comparison, bound) => number(value).is_some_and(|number| match comparison {
                Comparison::Below => number < *bound,
                Comparison::AtMost => number <= *bound,
                Comparison::AtLeast => number >= *bound,
                Comparison::Above => number > *bound,
            }),
        }
    }
}

fn is(value: Value<'_>, wanted: &str) -> bool {
    match value {
        Value::Text(text) => text == wanted,
        Value::Number(number) => wanted.trim().parse() == Ok(number),
        Value::Truth(truth) => wanted == if truth { "true" } else { "false" },
    }
}

fn number(value: Value<'_>) -> Option<f64> {
    match value {
        Value::Number(number) => Some(number),
        Value::Text(text) => text.trim().parse().ok(),
        Value::Truth(_) => None,
    }
    // `inf` and `nan` are words that parse as numbers; nobody who sends them means one.
    .filter(|number: &f64| number.is_finite())
}
