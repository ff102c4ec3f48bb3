//! Everybody as a file.

use plimsoll::{Body, Ctx, Read, Result, bind, route::Query};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{Retention, chart::Patient, record::Gender};

/// People of one piece.
const PIECE: i64 = 1000;

/// Whom to export, and how.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// `csv` or `json`; `json` unless said.
    #[schemars(regex(pattern = "^(csv|json)$"))]
    format: Option<String>,
    /// Code of a facility.
    #[schemars(length(min = 1, max = 64))]
    facility: Option<String>,
    /// State or province.
    #[schemars(length(min = 1, max = 100))]
    state: Option<String>,
    /// `F` or `M`.
    #[schemars(regex(pattern = "^(F|M)$"))]
    gender: Option<String>,
}

macro_rules! wanted {
    ($what:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $what,
            " FROM patient p WHERE p.tenant_id = :tenant AND p.deleted_at IS NULL AND (:facility = '' OR p.facility = :facility) \
             AND (:state = '' OR p.state = :state) AND (:gender = '' OR p.gender = :gender)",
            $rest
        )
    };
}
const COUNT: &str = wanted!("COUNT(*)", "");
const SOME: &str = wanted!(
    "p.id, p.uuid, p.facility, p.pepfar_id, p.given_name, p.family_name, p.birthdate, p.gender, p.state, p.city, p.phone",
    " AND p.id > :after ORDER BY p.id LIMIT :piece"
);

impl Wanted {
    fn filters(&self) -> [String; 3] {
        [&self.facility, &self.state, &self.gender].map(|one| one.clone().unwrap_or_default())
    }
}

pub async fn export(ctx: Ctx<Retention, Read>, Query(wanted): Query<Wanted>) -> Result<http::Response<Body>> {
    let csv = wanted.format.as_deref() == Some("csv");
    let [facility, state, gender] = wanted.filters();
    let count: i64 = ctx.read(move |tx| tx.row(COUNT, bind! { facility: facility, state: state, gender: gender })).await?;
    let narrowed: Vec<&str> = [("facility", &wanted.facility), ("state", &wanted.state), ("gender", &wanted.gender)]
        .into_iter()
        .filter_map(|(name, value)| value.as_ref().map(|_| name))
        .collect();
    ctx.seen("patients", json!({ "export": if csv { "csv" } else { "json" }, "people": count, "narrowed_by": narrowed })).await?;
    let (to, pieces) = mpsc::channel(2);
    tokio::spawn(async move {
        if let Err(error) = send(&ctx, &wanted, csv, &to).await {
            // Whoever has gone does not hear it; whoever has not sees that the file is not whole.
            let _ = to.send(Err(error)).await;
        }
    });
    let (media, name) = if csv { ("text/csv; charset=utf-8", "patients.csv") } else { ("application/json", "patients.json") };
    let answer = http::Response::builder()
        .header(http::header::CONTENT_TYPE, media)
        .header(http::header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))
        .header(http::header::CACHE_CONTROL, "no-store");
    answer.body(Body::channel(pieces)).map_err(|error| plimsoll::Code::Internal.error().caused_by(error.to_string()))
}

async fn send(ctx: &Ctx<Retention, Read>, wanted: &Wanted, csv: bool, to: &mpsc::Sender<Result<bytes::Bytes>>) -> Result<()> {
    let mut text = if csv { format!("{}\n", COLUMNS.join(",")) } else { "{\"items\":[".to_owned() };
    let (mut after, mut any) = (0, false);
    loop {
        let [facility, state, gender] = wanted.filters();
        let people: Vec<Patient> = ctx
            .read(move |tx| tx.rows(SOME, bind! { facility: facility, state: state, gender: gender, after: after, piece: PIECE }))
            .await?;
        let Some(last) = people.last() else { break };
        after = last.id;
        for one in &people {
            let values = values(one);
            if csv {
                let cells: Vec<String> = values.iter().map(cell).collect();
                text.push_str(&cells.join(","));
            } else {
                text.push_str(if any { ",\n" } else { "\n" });
                let object: serde_json::Map<String, Value> = COLUMNS.iter().map(|name| (*name).to_owned()).zip(values).collect();
                text.push_str(&serde_json::to_string(&object)?);
            }
            any = true;
            if csv {
                text.push('\n');
            }
        }
        if to.send(Ok(std::mem::take(&mut text).into())).await.is_err() {
            return Ok(());
        }
    }
    text.push_str(if csv { "" } else { "\n]}\n" });
    let _ = to.send(Ok(text.into())).await;
    Ok(())
}

const COLUMNS: [&str; 11] =
    ["id", "uuid", "facility", "pepfar_id", "given_name", "family_name", "birthdate", "gender", "state", "city", "phone"];

fn values(one: &Patient) -> [Value; 11] {
    let person = &one.person;
    [
        json!(one.id),
        json!(person.uuid),
        json!(person.facility),
        json!(person.pepfar_id),
        json!(person.given_name),
        json!(person.family_name),
        json!(person.birthdate.map(|day| day.to_string())),
        json!(person.gender.map(|gender| if gender == Gender::Male { "M" } else { "F" })),
        json!(person.state),
        json!(person.city),
        json!(person.phone),
    ]
}

/// A cell that no spreadsheet takes for a formula.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => return String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let number = text.strip_prefix('+').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
    let guarded = if !number && text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text };
    if guarded.contains(['"', ',', ';', '\n', '\r', '\t']) { format!("\"{}\"", guarded.replace('"', "\"\"")) } else { guarded }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::cell;

    #[test]
    fn a_cell_is_never_a_formula_and_never_two_cells() {
        for (value, wanted) in [
            (json!(null), ""),
            (json!(7), "7"),
            (json!("+999000000017"), "+999000000017"),
            (json!("=1+1"), "'=1+1"),
            (json!("+1+1"), "'+1+1"),
            (json!("@SUM(A1)"), "'@SUM(A1)"),
            (json!("a \"b\", c"), "\"a \"\"b\"\", c\""),
            (json!("two\nlines"), "\"two\nlines\""),
        ] {
            assert_eq!(cell(&value), wanted);
        }
    }
}
