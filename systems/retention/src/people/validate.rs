//! What would be refused, and what is worth a second look, before anything is written.

use std::collections::HashMap;

use plimsoll::{Ctx, Fault, Read, Result, Tx, bind, route::Json, shape::Shape};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Retention, nouns,
    record::{Gender, Stamp, dates, rules},
};

/// Most people of one call.
const MOST: usize = 1000;
/// Nobody is as old as this.
const OLDEST: i32 = 120;

/// People to look at.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// They, as `POST /v1/patients` takes them.
    #[schemars(length(min = 1, max = 1000))]
    items: Vec<Value>,
}

/// Something about one value.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Remark {
    /// Where (RFC 6901).
    pointer: String,
    /// What.
    detail: String,
}

/// A value that would be taken instead.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Suggestion {
    /// Where (RFC 6901).
    pointer: String,
    /// The value.
    value: String,
}

/// One of them.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Looked {
    /// Which, from 0.
    index: usize,
    /// Whether it would be taken.
    is_valid: bool,
    /// Why not.
    errors: Vec<Remark>,
    /// What would be taken and is unusual.
    warnings: Vec<Remark>,
    /// Values that mean the same and would be taken.
    suggestions: Vec<Suggestion>,
}

/// All of them.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Validated {
    /// How many would be taken.
    valid: usize,
    /// How many would not.
    invalid: usize,
    /// One after the other.
    results: Vec<Looked>,
}

fn remark(pointer: &str, detail: impl Into<String>) -> Remark {
    Remark { pointer: pointer.to_owned(), detail: detail.into() }
}

pub async fn validate(ctx: Ctx<Retention, Read>, Json(asked): Json<Asked>) -> Result<Json<Validated>> {
    if asked.items.len() > MOST {
        return Err(plimsoll::Error::invalid(vec![Fault::at("/items", format!("{MOST} are the most in one call"))]));
    }
    // As far ahead as a clock on earth can be.
    let now = Stamp(ctx.now().micros().div_euclid(1_000_000) + 14 * 3600);
    let results = ctx
        .read(move |tx| {
            let shape = Shape::compile(&nouns::PATIENTS.input());
            let mut seen = HashMap::new();
            asked.items.iter().enumerate().map(|(index, item)| look(tx, &shape, &mut seen, (index, item), now)).collect::<Result<Vec<_>>>()
        })
        .await?;
    let valid = results.iter().filter(|one| one.is_valid).count();
    Ok(Json(Validated { valid, invalid: results.len() - valid, results }))
}

fn look(
    tx: &Tx<'_>,
    shape: &Shape,
    seen: &mut HashMap<(&'static str, String), usize>,
    (index, item): (usize, &Value),
    now: Stamp,
) -> Result<Looked> {
    let mut errors: Vec<Remark> = shape.faults(item).into_iter().map(|fault| remark(&fault.pointer, fault.detail)).collect();
    let (mut warnings, mut suggestions) = (Vec::new(), Vec::new());
    let text = |name: &str| item[name].as_str().filter(|text| !text.is_empty());
    let today = now.day();
    match text("birthdate") {
        None => warnings.push(remark("/birthdate", "is not known: age is a feature of every model")),
        Some(text) => match dates::from_text(text, dates::Reading::default()) {
            Ok(stamp) if stamp.day() > today => errors.push(remark("/birthdate", "lies in the future")),
            Ok(stamp) if today.year() - stamp.day().year() > OLDEST => {
                warnings.push(remark("/birthdate", format!("would make this person older than {OLDEST}")));
            }
            Ok(stamp) if stamp.day().to_string() != text => {
                suggestions.push(Suggestion { pointer: "/birthdate".into(), value: stamp.day().to_string() });
            }
            _ => {}
        },
    }
    if let Some(said) = text("gender").filter(|said| !["F", "M"].contains(said))
        && let Ok(gender) = rules::gender(said)
    {
        suggestions.push(Suggestion { pointer: "/gender".into(), value: if gender == Gender::Male { "M" } else { "F" }.into() });
    }
    match text("phone") {
        None => warnings.push(remark("/phone", "is not known: nobody can call")),
        Some(said) => {
            if let Ok(phone) = rules::phone(said, None)
                && phone != said
            {
                suggestions.push(Suggestion { pointer: "/phone".into(), value: phone });
            }
        }
    }
    for (name, sql) in [("uuid", UUID), ("pepfar_id", PEPFAR)] {
        let Some(id) = text(name) else { continue };
        let pointer = format!("/{name}");
        if let Some(earlier) = seen.insert((name, id.to_owned()), index) {
            errors.push(remark(&pointer, format!("is that of item {earlier} too")));
        } else if tx.maybe::<i64>(sql, bind! { id: id })?.is_some() {
            errors.push(remark(&pointer, "is that of somebody who is there already, perhaps among the deleted"));
        }
    }
    match text("facility") {
        None => warnings.push(remark("/facility", "is not known")),
        Some(code) if tx.maybe::<i64>(FACILITY, bind! { id: code })?.is_none() => {
            warnings.push(remark("/facility", "is the code of no facility that is known here"));
        }
        Some(_) => {}
    }
    if let (Some(given), Some(family), Some(birth)) = (text("given_name"), text("family_name"), text("birthdate"))
        && tx.maybe::<i64>(TWIN, bind! { given: given, family: family, birth: birth })?.is_some()
    {
        warnings.push(remark("", "somebody of this name and day of birth is there already"));
    }
    Ok(Looked { index, is_valid: errors.is_empty(), errors, warnings, suggestions })
}

const UUID: &str = "SELECT id FROM patient WHERE tenant_id = :tenant AND uuid = :id";
const PEPFAR: &str = "SELECT id FROM patient WHERE tenant_id = :tenant AND pepfar_id = :id";
const FACILITY: &str = "SELECT id FROM facility WHERE tenant_id = :tenant AND code = :id AND deleted_at IS NULL";
const TWIN: &str = "SELECT id FROM patient WHERE tenant_id = :tenant AND birthdate = :birth AND family_name = :family AND given_name = :given \
     AND deleted_at IS NULL LIMIT 1";
