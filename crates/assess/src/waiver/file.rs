//! The file of waivers.

use serde::Deserialize;
use toml::{Spanned, Value};

use super::{DAYS, FILE, Scope, Waiver, day, later};
use crate::report::{Waived, visible};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    #[serde(default)]
    waiver: Vec<Spanned<Written>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    practice: Spanned<String>,
    #[serde(default)]
    paths: Vec<String>,
    reason: Spanned<String>,
    owner: Spanned<String>,
    created: Spanned<Value>,
    #[serde(default)]
    expires: Option<Spanned<Value>>,
}

/// Reads the file.
///
/// # Errors
/// What is wrong, with the line.
pub(super) fn read(text: &str, known: &dyn Fn(&str) -> bool) -> Result<Vec<Waiver>, String> {
    let at = |place: usize, says: &str| {
        let line = text.get(..place).map_or(1, |before| before.matches('\n').count() + 1);
        format!("{FILE}:{line}: {}", visible(says))
    };
    let whole: Whole = toml::from_str(text).map_err(|error| at(error.span().map_or(0, |span| span.start), error.message()))?;
    whole.waiver.iter().map(|written| waiver(written, known, &at)).collect()
}

fn waiver(written: &Spanned<Written>, known: &dyn Fn(&str) -> bool, at: &dyn Fn(usize, &str) -> String) -> Result<Waiver, String> {
    let (start, one) = (written.span().start, written.get_ref());
    let filled = |value: &Spanned<String>, says: &str| match value.get_ref().trim() {
        "" => Err(at(value.span().start, says)),
        text => Ok(visible(text)),
    };
    let practice = one.practice.get_ref();
    if !known(practice) {
        return Err(at(one.practice.span().start, &format!("there is no practice `{practice}`")));
    }
    let reason = filled(&one.reason, "a waiver needs a reason")?;
    let owner = filled(&one.owner, "a waiver needs an owner")?;
    let created = date(&one.created, at)?;
    let expires = match &one.expires {
        Some(value) => date(value, at)?,
        None => later(&created, DAYS).ok_or_else(|| at(start, "the calendar ends before this waiver does"))?,
    };
    if expires < created {
        return Err(at(start, &format!("it expires on {expires}, before it was created on {created}")));
    }
    let source = at(start, "");
    let source = source.trim_end_matches([':', ' ']).to_owned();
    Ok(Waiver {
        practice: practice.clone(),
        says: Waived { reason, owner: Some(owner), expires, source, inline: false },
        scope: Scope::Paths(one.paths.clone()),
    })
}

/// A day, with quotes or without.
fn date(value: &Spanned<Value>, at: &dyn Fn(usize, &str) -> String) -> Result<String, String> {
    let text = match value.get_ref() {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    day(&text).map(str::to_owned).ok_or_else(|| at(value.span().start, &format!("`{text}` is not a day such as 2026-12-31")))
}
