//! Kinds with a unit: durations, sizes and rates.

use std::time::Duration;

use super::node::{Content, Node};
use super::setting::{Setting, Wrong, from_string, quote};

/// A duration, written with its unit: `250ms`, `30s`, `5m`, `12h`, `30d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(Duration);

/// Milliseconds of each unit, largest first: the first that divides evenly is shown.
const SPANS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl Span {
    /// This long. Shorter parts than a millisecond are not shown.
    pub const fn new(duration: Duration) -> Span {
        Span(duration)
    }
    /// How long.
    pub const fn duration(self) -> Duration {
        self.0
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Duration {
        span.0
    }
}

impl std::fmt::Display for Span {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        match SPANS.iter().find(|(_, unit)| millis != 0 && millis.is_multiple_of(*unit)) {
            Some((name, unit)) => write!(f, "{}{name}", millis / unit),
            None => f.write_str("0s"),
        }
    }
}

impl Setting for Span {
    fn kind() -> String {
        "a duration such as 250ms, 30s, 5m, 12h or 30d".into()
    }
    fn example() -> String {
        "\"30s\"".into()
    }
    fn from_toml(value: &Node, wrong: &mut Vec<Wrong>) -> Option<Self> {
        if let Content::Integer(number) = value.content() {
            let message = format!("`{number}` lacks a unit: expected {}", Self::kind());
            wrong.push(Wrong::because(message).at(value.span()).help(format!("for seconds write \"{number}s\"")));
            return None;
        }
        from_string(value, wrong)
    }
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let read = number_and_unit(text).and_then(|(number, unit)| {
            let (_, millis) = SPANS.iter().find(|(name, _)| *name == unit)?;
            Some(Span(Duration::from_millis(number.checked_mul(*millis)?)))
        });
        read.ok_or_else(|| Wrong::text::<Self>(text).help("write a whole number and one of the units ms, s, m, h, d"))
    }
    fn show(&self) -> String {
        quote(&self.to_string())
    }
}

/// A number of bytes, written as `512KiB`, `1MiB`, `2GiB`, or as a plain number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

const SIZES: [(&str, u64); 4] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

impl ByteSize {
    /// This many bytes.
    pub const fn new(bytes: u64) -> ByteSize {
        ByteSize(bytes)
    }
    /// How many bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
    /// How many bytes, as a length in memory; the largest length where it would not fit.
    pub fn length(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl std::fmt::Display for ByteSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match SIZES.iter().find(|(_, unit)| self.0 != 0 && self.0.is_multiple_of(*unit)) {
            Some((name, unit)) => write!(f, "{}{name}", self.0 / unit),
            None => write!(f, "{}", self.0),
        }
    }
}

impl Setting for ByteSize {
    fn kind() -> String {
        "a size in bytes such as 512KiB, 1MiB or 1048576".into()
    }
    fn example() -> String {
        "\"1MiB\"".into()
    }
    fn from_toml(value: &Node, wrong: &mut Vec<Wrong>) -> Option<Self> {
        match value.content() {
            Content::Integer(_) => u64::from_toml(value, wrong).map(ByteSize),
            _ => from_string(value, wrong),
        }
    }
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let read = number_and_unit(text).and_then(|(number, unit)| match unit {
            "" | "B" => Some(number),
            unit => number.checked_mul(SIZES.iter().find(|(name, _)| *name == unit)?.1),
        });
        let help = "write a whole number of bytes, or one with KiB, MiB, GiB or TiB (1KiB is 1024 bytes)";
        read.map(ByteSize).ok_or_else(|| Wrong::text::<Self>(text).help(help))
    }
    fn show(&self) -> String {
        let text = self.to_string();
        if text.ends_with('B') { quote(&text) } else { text }
    }
}

/// So many per so long, written as `600/1m`. There is no word for "no limit".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rate {
    /// How many; at least one.
    pub count: u32,
    /// In how long; longer than nothing.
    pub window: Duration,
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.count, Span(self.window))
    }
}

impl Setting for Rate {
    fn kind() -> String {
        "a rate such as 600/1m".into()
    }
    fn example() -> String {
        "\"600/1m\"".into()
    }
    fn from_toml(value: &Node, wrong: &mut Vec<Wrong>) -> Option<Self> {
        from_string(value, wrong)
    }
    fn from_text(text: &str) -> Result<Self, Wrong> {
        let read = text.split_once('/').and_then(|(count, window)| {
            let count = count.trim().parse().ok().filter(|count| *count > 0)?;
            let window = Span::from_text(window).ok()?.0;
            (!window.is_zero()).then_some(Rate { count, window })
        });
        read.ok_or_else(|| Wrong::text::<Self>(text).help("write how many and in how long, both above zero, such as 600/1m"))
    }
    fn show(&self) -> String {
        quote(&self.to_string())
    }
}

/// Splits `30 s` into 30 and `s`.
fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, text[end..].trim_start()))
}
