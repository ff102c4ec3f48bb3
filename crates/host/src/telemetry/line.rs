//! One log line, written by hand into a buffer that is used again.
//!
//! The schema, the same for every line of the process:
//!
//! | field | value |
//! |---|---|
//! | `time` | RFC 3339, UTC, microseconds |
//! | `level` | `error`, `warn`, `info`, `debug`, `trace` |
//! | `target` | `http` for access lines, the module's path for events, `panic` |
//! | `message` | one sentence |
//! | `request_id` | the request it belongs to, where it belongs to one |
//! | `trace_id`, `span_id` | W3C trace context, where there is one |
//! | others | scalar fields, units in the name (`duration_ms`, `response_bytes`) |
//!
//! As text the same parts stand in the same order, fields as `name=value`.

use std::{fmt::Display, io::Write, time::Duration};

use plimsoll_core::Time;

use super::Level;

crate::choice! {
    /// How lines look.
    pub enum Format {
        /// One JSON object per line: for machines.
        Json = "json",
        /// Words: for a person at a terminal.
        Text = "text",
    }
}

/// A line being written.
pub struct Line<'a> {
    out: &'a mut Vec<u8>,
    format: Format,
}

impl<'a> Line<'a> {
    /// Begins a line at the end of `out`: time, level, target and message. Pieces of the message
    /// are joined as they are.
    pub fn begin(out: &'a mut Vec<u8>, format: Format, time: Time, level: Level, target: &str, message: &[&str]) -> Line<'a> {
        match format {
            Format::Json => {
                out.extend_from_slice(b"{\"time\":\"");
                stamp(out, time);
                out.extend_from_slice(b"\",\"level\":\"");
                out.extend_from_slice(level.as_str().as_bytes());
                out.extend_from_slice(b"\",\"target\":\"");
                escape(out, target);
                out.extend_from_slice(b"\",\"message\":\"");
                message.iter().for_each(|piece| escape(out, piece));
                out.push(b'"');
            }
            Format::Text => {
                stamp(out, time);
                let _ = write!(out, " {:5} ", level.as_str().to_uppercase());
                printable(out, target);
                out.extend_from_slice(b": ");
                message.iter().for_each(|piece| printable(out, piece));
            }
        }
        Line { out, format }
    }

    /// A text that may hold anything.
    pub fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        match self.format {
            Format::Json => {
                self.out.push(b'"');
                escape(self.out, value);
                self.out.push(b'"');
            }
            Format::Text if value.contains([' ', '"', '=']) => {
                self.out.push(b'"');
                printable(self.out, &value.replace('"', "'"));
                self.out.push(b'"');
            }
            Format::Text => printable(self.out, value),
        }
    }
    /// Something whose text is known to need no escapes: an id, an address, a word of our own.
    pub fn word(&mut self, name: &str, value: impl Display) {
        self.name(name);
        match self.format {
            Format::Json => write!(self.out, "\"{value}\""),
            Format::Text => write!(self.out, "{value}"),
        }
        .ok();
    }
    /// The same for a text, without the machinery of formatting.
    pub fn plain(&mut self, name: &str, value: &str) {
        self.name(name);
        let quote: &[u8] = if self.format == Format::Json { b"\"" } else { b"" };
        for part in [quote, value.as_bytes(), quote] {
            self.out.extend_from_slice(part);
        }
    }
    /// A number or a truth value.
    pub fn number(&mut self, name: &str, value: impl Display) {
        self.name(name);
        write!(self.out, "{value}").ok();
    }
    /// A whole number.
    pub fn count(&mut self, name: &str, value: u64) {
        self.name(name);
        digits(self.out, value, 1);
    }
    /// A duration in milliseconds, to the microsecond.
    pub fn millis(&mut self, name: &str, value: Duration) {
        self.name(name);
        let micros = u64::try_from(value.as_micros()).unwrap_or(u64::MAX);
        digits(self.out, micros / 1_000, 1);
        self.out.push(b'.');
        digits(self.out, micros % 1_000, 3);
    }
    /// An id in hexadecimal, `width` digits.
    pub fn hex(&mut self, name: &str, value: u128, width: usize) {
        self.name(name);
        let json = self.format == Format::Json;
        if json {
            self.out.push(b'"');
        }
        for place in (0..width).rev() {
            self.out.push(b"0123456789abcdef"[(value >> (place * 4)) as usize & 15]);
        }
        if json {
            self.out.push(b'"');
        }
    }
    /// Fields written earlier by another line of the same format.
    pub fn raw(&mut self, fields: &[u8]) {
        self.out.extend_from_slice(fields);
    }
    /// A line without a head, for fields that are to be joined to another one.
    pub fn fields(out: &'a mut Vec<u8>, format: Format) -> Line<'a> {
        Line { out, format }
    }
    /// Ends the line.
    pub fn end(self) {
        self.out.extend_from_slice(if self.format == Format::Json { b"}\n" } else { b"\n" });
    }

    fn name(&mut self, name: &str) {
        match self.format {
            Format::Json => {
                self.out.extend_from_slice(b",\"");
                escape(self.out, name);
                self.out.extend_from_slice(b"\":");
            }
            Format::Text => {
                self.out.push(b' ');
                self.out.extend_from_slice(name.as_bytes());
                self.out.push(b'=');
            }
        }
    }
}

/// JSON string contents (RFC 8259 §7); DEL is escaped too, because terminals act on it.
fn escape(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    let mut from = 0;
    for (position, &byte) in bytes.iter().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' && byte != 0x7f {
            continue;
        }
        out.extend_from_slice(&bytes[from..position]);
        from = position + 1;
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            _ => {
                let _ = write!(out, "\\u{byte:04x}");
            }
        }
    }
    out.extend_from_slice(&bytes[from..]);
}

/// Text for a terminal: no line breaks, no control sequences, so that no value can forge a line.
fn printable(out: &mut Vec<u8>, text: &str) {
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    for letter in text.chars() {
        if letter.is_control() {
            let _ = write!(out, "{}", letter.escape_default());
        } else {
            out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
}

/// `2026-11-21T10:00:00.000000Z`, without a calendar library: this runs once per request.
fn stamp(out: &mut Vec<u8>, time: Time) {
    let micros = time.micros();
    let (days, rest) = (micros.div_euclid(86_400_000_000), micros.rem_euclid(86_400_000_000) as u64);
    let (year, month, day) = civil(days);
    digits(out, u64::try_from(year).unwrap_or(0), 4);
    for (mark, value, width) in [
        (b'-', month, 2),
        (b'-', day, 2),
        (b'T', rest / 3_600_000_000, 2),
        (b':', rest / 60_000_000 % 60, 2),
        (b':', rest / 1_000_000 % 60, 2),
        (b'.', rest % 1_000_000, 6),
    ] {
        out.push(mark);
        digits(out, value, width);
    }
    out.push(b'Z');
}

/// Year, month and day of a day counted from 1970-01-01: years begin in March, so that the leap
/// day is the last, and 400 years always have 146,097 days.
fn civil(days: i64) -> (i64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year + era * 400 + i64::from(month <= 2), month as u64, (day_of_year - (153 * march_month + 2) / 5 + 1) as u64)
}

/// Decimal digits with leading zeros up to `width`.
fn digits(out: &mut Vec<u8>, mut value: u64, width: usize) {
    let mut text = [b'0'; 20];
    let mut start = text.len();
    while value > 0 || text.len() - start < width {
        start -= 1;
        text[start] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    out.extend_from_slice(&text[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_agree_with_the_calendar_library() {
        for micros in
            [0, 951_782_400_000_000, 1_709_164_799_999_999, 4_107_542_399_000_001, 1_795_255_200_123_456, -1, -62_135_596_800_000_000]
        {
            let mut out = Vec::new();
            stamp(&mut out, Time::from_micros(micros));
            assert_eq!(String::from_utf8(out).unwrap(), Time::from_micros(micros).to_string());
        }
    }

    #[test]
    fn every_value_survives_as_json() {
        let nasty = "a\"b\\c\nd\te\u{1b}[31m\u{7f}ä\u{2028}\0";
        let mut out = Vec::new();
        let mut line = Line::begin(&mut out, Format::Json, Time::from_micros(1), Level::Warn, "here", &["it ", nasty]);
        line.text("text", nasty);
        line.word("word", 17);
        line.plain("plain", "x");
        line.count("count", 0);
        line.number("flag", true);
        line.millis("took_ms", Duration::from_micros(12_034));
        line.hex("id", 0xabc, 16);
        line.end();
        assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1, "one line is one line");
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["message"], format!("it {nasty}"));
        assert_eq!(value["text"], nasty);
        assert_eq!((&value["count"], &value["flag"], &value["took_ms"]), (&0.into(), &true.into(), &12.034.into()));
        assert_eq!(value["id"], "0000000000000abc");
        assert_eq!(value.as_object().unwrap().keys().take(4).collect::<Vec<_>>(), ["time", "level", "target", "message"]);
    }

    #[test]
    fn no_value_can_forge_a_line_of_text() {
        let mut out = Vec::new();
        let mut line = Line::begin(&mut out, Format::Text, Time::from_micros(1), Level::Info, "here", &["a\nb"]);
        line.text("field", "x\r\n2026 ERROR forged\u{1b}[2J");
        line.end();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(!text.contains('\u{1b}') && !text.contains('\r'), "{text}");
    }
}
