//! What a line of a service says: its message, its level, and what else it holds.
//!
//! A JSON object gives its message and level over to the line; the rest stays together as
//! `fields`. In plain text a level is believed only where programs are known to put it: in capitals
//! among the first words. What follows indented belongs to what it follows, as in a traceback.

use plimsoll::telemetry::{Level, Redactor, redact::MASK};
use serde_json::{Map, Value};

/// Among so many first words of a line a level is looked for: date, time, process, name, level.
const HEAD: usize = 6;
/// Names under which programs put the message of a line, the most usual first.
const MESSAGES: [&str; 3] = ["message", "msg", "event"];
/// Names under which programs put the level of a line.
const LEVELS: [&str; 5] = ["level", "levelname", "severity", "lvl", "log.level"];

/// What a line says.
#[derive(Debug, PartialEq)]
pub struct Said {
    /// How much it matters.
    pub level: Level,
    /// The sentence.
    pub message: String,
    /// The other fields of a JSON line, as JSON; values that must not be shown are masked.
    pub fields: Option<String>,
}

/// Hears the lines of one stream, each after the one before.
#[derive(Debug, Default)]
pub struct Ear {
    /// The level of the last line that had one: indented lines belong to it.
    level: Option<Level>,
    /// Inside a Python traceback, whose last line is not indented.
    traceback: bool,
}

impl Ear {
    /// Takes a line apart.
    pub fn hear(&mut self, line: &str, redactor: &Redactor) -> Said {
        let line = uncoloured(line);
        if let Some(said) = object(&line, redactor) {
            *self = Ear { level: Some(said.level), traceback: false };
            return said;
        }
        let (level, message) = self.plain(line.trim_end());
        Said { level, message: message.to_owned(), fields: None }
    }

    fn plain<'l>(&mut self, line: &'l str) -> (Level, &'l str) {
        let indented = line.starts_with([' ', '\t']);
        if indented && let Some(level) = self.level {
            return (level, line);
        }
        if is_traceback(line) {
            *self = Ear { level: Some(Level::Error), traceback: true };
            return (Level::Error, line);
        }
        if std::mem::take(&mut self.traceback) && is_exception(line) {
            return (Level::Error, line);
        }
        let (found, message) = match prefixed(line) {
            Some((level, rest)) => (Some(level), rest),
            None => (worded(line), line),
        };
        self.level = found;
        (found.unwrap_or(Level::Info), message)
    }
}

/// `INFO:     Started`, as uvicorn and Python's own logging write it.
fn prefixed(line: &str) -> Option<(Level, &str)> {
    let (word, rest) = line.split_once(':')?;
    let level = capital(word)?;
    // `WARNING:root:text` keeps its head: the name of the logger would be lost.
    let rest = rest.strip_prefix([' ', '\t'])?.trim_start();
    (!rest.is_empty()).then_some((level, rest))
}

/// A level in capitals among the first words: `[2026-11-21 10:00:00 +0000] [17] [INFO] Booting`.
fn worded(line: &str) -> Option<Level> {
    let marks = |letter: char| !letter.is_ascii_alphanumeric() && letter != '_';
    line.split_whitespace().take(HEAD).find_map(|word| {
        let bare = word.trim_matches(marks);
        let named = bare.strip_prefix("level=").or_else(|| bare.strip_prefix("lvl=")).and_then(any_case);
        named.or_else(|| capital(bare)).or_else(|| bare.split_once(':').and_then(|(head, _)| capital(head)))
    })
}

fn is_traceback(line: &str) -> bool {
    line.starts_with("Traceback (most recent call last)")
        || (line.starts_with("thread '") && line.contains("panicked at"))
        || line.starts_with("panic: ")
        || line.starts_with("Uncaught ")
        || line.starts_with("Unhandled ")
}

/// `module.SomethingError: what happened`.
fn is_exception(line: &str) -> bool {
    let name = line.split([':', ' ']).next().unwrap_or("");
    !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '.' | '_'))
}

fn capital(word: &str) -> Option<Level> {
    word.bytes().all(|byte| byte.is_ascii_uppercase()).then(|| any_case(word)).flatten()
}

fn any_case(word: &str) -> Option<Level> {
    Some(match word.to_ascii_lowercase().as_str() {
        "trace" | "verbose" => Level::Trace,
        "debug" => Level::Debug,
        "info" | "notice" => Level::Info,
        "warn" | "warning" => Level::Warn,
        "error" | "err" | "critical" | "fatal" | "alert" | "emerg" | "emergency" | "panic" | "severe" => Level::Error,
        _ => return None,
    })
}

/// A line that is a JSON object.
fn object(line: &str, redactor: &Redactor) -> Option<Said> {
    let text = line.trim();
    if !text.starts_with('{') {
        return None;
    }
    let mut fields: Map<String, Value> = serde_json::from_str(text).ok()?;
    let level = LEVELS.iter().find_map(|name| level_of(fields.get(*name)?).map(|level| (*name, level)));
    let message = MESSAGES.iter().copied().find(|name| fields.get(*name).is_some_and(Value::is_string));
    let message_text = message.and_then(|name| fields.shift_remove(name)).and_then(|value| value.as_str().map(str::to_owned));
    if let Some((name, _)) = level {
        fields.shift_remove(name);
    }
    fields.iter_mut().for_each(|(name, value)| mask(name, value, redactor));
    let rest = (!fields.is_empty()).then(|| Value::Object(fields).to_string());
    Some(Said {
        level: level.map_or(Level::Info, |(_, level)| level),
        message: message_text.unwrap_or_else(|| "a line without a message".to_owned()),
        fields: rest,
    })
}

/// A word, or a number as in pino and bunyan: 10 trace, 20 debug, 30 info, 40 warn, 50 error, 60 fatal.
fn level_of(value: &Value) -> Option<Level> {
    match value {
        Value::String(word) => any_case(word),
        Value::Number(number) => Some(match number.as_u64()? {
            10..20 => Level::Trace,
            20..30 => Level::Debug,
            30..40 => Level::Info,
            40..50 => Level::Warn,
            50..=60 => Level::Error,
            _ => return None,
        }),
        _ => None,
    }
}

fn mask(name: &str, value: &mut Value, redactor: &Redactor) {
    if redactor.hides(name) {
        *value = MASK.into();
        return;
    }
    match value {
        Value::Object(inner) => inner.iter_mut().for_each(|(name, value)| mask(name, value, redactor)),
        Value::Array(items) => items.iter_mut().for_each(|value| mask("", value, redactor)),
        _ => {}
    }
}

/// The text without colours and other orders to a terminal (ECMA-48 control sequences).
fn uncoloured(line: &str) -> std::borrow::Cow<'_, str> {
    if !line.contains('\u{1b}') {
        return line.into();
    }
    let mut out = String::with_capacity(line.len());
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        if letter != '\u{1b}' {
            out.push(letter);
        } else if letters.as_str().starts_with('[') {
            letters.next();
            // Parameters, then one letter that ends the sequence.
            letters.by_ref().find(|letter| ('\u{40}'..='\u{7e}').contains(letter));
        }
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(lines: &[&str]) -> Vec<(Level, String)> {
        let (mut ear, redactor) = (Ear::default(), Redactor::default());
        lines.iter().map(|line| ear.hear(line, &redactor)).map(|said| (said.level, said.message)).collect()
    }

    #[test]
    fn levels_are_found_where_programs_put_them() {
        for (line, level, message) in [
            ("INFO:     Started server process [17]", Level::Info, "Started server process [17]"),
            ("WARNING:  Invalid HTTP request received.", Level::Warn, "Invalid HTTP request received."),
            ("\u{1b}[32mINFO\u{1b}[0m:     coloured", Level::Info, "coloured"),
            ("WARNING:root:careful", Level::Warn, "WARNING:root:careful"),
            ("[2026-11-21 10:00:00 +0000] [17] [ERROR] no", Level::Error, "[2026-11-21 10:00:00 +0000] [17] [ERROR] no"),
            ("2026-11-21 10:00:00,123 - app - DEBUG - x", Level::Debug, "2026-11-21 10:00:00,123 - app - DEBUG - x"),
            ("time=2026 level=warn msg=x", Level::Warn, "time=2026 level=warn msg=x"),
            ("2026-11-21T10:00:00Z  WARN app: x", Level::Warn, "2026-11-21T10:00:00Z  WARN app: x"),
            ("CRITICAL: it burns", Level::Error, "it burns"),
            ("127.0.0.1 - - [21/Nov/2026 10:00:00] \"GET /error HTTP/1.1\" 200 -", Level::Info, ""),
            ("an error is told in the middle of a sentence", Level::Info, ""),
            ("INFO:", Level::Info, "INFO:"),
            ("", Level::Info, ""),
        ] {
            let said = &heard(&[line])[0];
            assert_eq!(said.0, level, "{line}");
            assert_eq!(said.1, if message.is_empty() { line } else { message });
        }
    }

    #[test]
    fn a_traceback_is_one_error_from_its_first_line_to_its_last() {
        let levels: Vec<Level> = heard(&[
            "INFO:     before",
            "Traceback (most recent call last):",
            "  File \"app.py\", line 3, in <module>",
            "    boom()",
            "app.errors.BoomError: it went wrong",
            "after",
            "    indented after a line without a level",
            "ERROR: with more",
            "  and more",
        ])
        .into_iter()
        .map(|(level, _)| level)
        .collect();
        use Level::{Error, Info};
        assert_eq!(levels, [Info, Error, Error, Error, Error, Info, Info, Error, Error]);
    }

    #[test]
    fn a_json_line_gives_its_message_and_level_and_hides_what_must_not_be_seen() {
        let mut ear = Ear::default();
        let mut hear = |line: &str| ear.hear(line, &Redactor::default());
        let said = hear(r#"{"level":"warning","message":"low","user":{"email":"a@b.example","id":7},"token":"abc","n":[{"phone":"1"}]}"#);
        assert_eq!((said.level, said.message.as_str()), (Level::Warn, "low"));
        assert_eq!(said.fields.unwrap(), r#"{"user":{"email":"***","id":7},"token":"***","n":[{"phone":"***"}]}"#);
        assert_eq!(hear(r#"{"level":50,"msg":"pino"}"#), Said { level: Level::Error, message: "pino".into(), fields: None });
        assert_eq!(hear(r#"{"severity":"DEBUG","event":"structlog"}"#).level, Level::Debug);
        let bare = hear(r#"{"a":1}"#);
        assert_eq!((bare.level, bare.fields.as_deref()), (Level::Info, Some(r#"{"a":1}"#)));
        assert_eq!(hear("{not json").message, "{not json");
        assert_eq!(hear(r#"{"level":"loud","message":"x"}"#).fields.as_deref(), Some(r#"{"level":"loud"}"#), "an unknown level stays");
    }
}
