//! The risk list: who to look for first, as far as the programme can look.

use plimsoll::{Code, FromRow, Result, Row, Tx, bind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{explain, reasons::Reason, values_in};
use crate::{
    models::{self, Level, Shelf},
    record::Day,
};

/// Whom to list.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Code of a facility; all of them where it is empty.
    #[schemars(length(max = 64))]
    pub facility: Option<String>,
    /// At most so many; the programme's capacity unless said.
    #[schemars(range(min = 1, max = 1000))]
    pub limit: Option<i64>,
    /// `medium`, `high` or `critical`: nobody below.
    #[schemars(regex(pattern = "^(low|medium|high|critical)$"))]
    pub min_level: Option<String>,
}

/// Somebody on the list.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Entry {
    /// Place on the list, from 1.
    pub rank: usize,
    /// The patient's number.
    pub patient_id: i64,
    /// Identity at the source.
    pub patient_uuid: String,
    /// Given and family name.
    pub name: String,
    /// Code of the facility.
    pub facility: Option<String>,
    /// Probability of an interruption within 90 days.
    pub score: f64,
    /// The score in words.
    pub level: Level,
    /// The day on which the next pick-up is or was due.
    pub due: Option<String>,
    /// Days past that day; negative before it.
    pub days_overdue: Option<i32>,
    /// Whether there is a number to call.
    pub has_phone: bool,
    /// The prediction.
    pub prediction_id: i64,
    /// As of which day.
    pub as_of: String,
    /// The three strongest reasons that raise the risk.
    pub reasons: Vec<Reason>,
}

struct Line {
    entry: Entry,
    model: i64,
    values: Vec<f64>,
}

impl FromRow for Line {
    fn from_row(row: &Row<'_>) -> Result<Line> {
        let (given, family): (Option<String>, Option<String>) = (row.get(2)?, row.get(3)?);
        let name = [given, family].into_iter().flatten().collect::<Vec<_>>().join(" ");
        let (due, as_of): (Option<i64>, i64) = (row.get(7)?, row.get(8)?);
        let day = |number: i64| Day(i32::try_from(number).unwrap_or(0));
        let level: String = row.get(6)?;
        let entry = Entry {
            rank: 0,
            patient_id: row.get(0)?,
            patient_uuid: row.get(1)?,
            name,
            facility: row.get(4)?,
            score: row.get(5)?,
            level: Level::named(&level).unwrap_or(Level::Low),
            due: due.map(|due| day(due).to_string()),
            days_overdue: due.map(|due| day(as_of).since(day(due))),
            has_phone: row.get::<Option<String>>(9)?.is_some(),
            prediction_id: row.get(10)?,
            as_of: day(as_of).to_string(),
            reasons: Vec::new(),
        };
        let features: Vec<u8> = row.get(12)?;
        Ok(Line { entry, model: row.get(11)?, values: values_in(&features) })
    }
}

const LIST: &str = "SELECT p.id, p.uuid, p.given_name, p.family_name, r.facility, r.score, r.level, r.due, r.as_of, p.phone, r.prediction_id, \
     d.model_id, d.features FROM risk r \
     JOIN patient p ON p.tenant_id = :tenant AND p.id = r.patient_id AND p.deleted_at IS NULL \
     JOIN prediction d ON d.tenant_id = :tenant AND d.id = r.prediction_id \
     WHERE r.tenant_id = :tenant AND r.score IS NOT NULL";

/// How many living people there are, of those whom the caller reaches.
pub(crate) fn people(tx: &Tx<'_>) -> Result<i64> {
    match tx.reach() {
        None => tx.live("patient"),
        Some(_) => tx.row("SELECT COUNT(*) FROM patient WHERE tenant_id = :tenant AND deleted_at IS NULL", bind! {}),
    }
}

/// How many living people have a score.
pub(crate) fn scored(tx: &Tx<'_>) -> Result<i64> {
    tx.row(
        "SELECT COUNT(*) FROM risk r JOIN patient p ON p.tenant_id = :tenant AND p.id = r.patient_id AND p.deleted_at IS NULL \
         WHERE r.tenant_id = :tenant AND r.score IS NOT NULL",
        bind! {},
    )
}

/// The list, highest score first, with reasons.
///
/// # Errors
/// What the database says; what a model says that does not load any more.
pub fn risk_list(tx: &Tx<'_>, shelf: &Shelf, wanted: &Wanted, capacity: u32) -> Result<Vec<Entry>> {
    let mut sql = plimsoll::Sql::from(LIST);
    let facility = wanted.facility.as_deref().filter(|code| !code.is_empty());
    if facility.is_some() {
        sql.push(" AND r.facility = :facility");
    }
    match wanted.min_level.as_deref() {
        Some("critical") => sql.push(" AND r.level = 'critical'"),
        Some("high") => sql.push(" AND r.level IN ('high', 'critical')"),
        Some("medium") => sql.push(" AND r.level IN ('medium', 'high', 'critical')"),
        _ => {}
    }
    sql.push(" ORDER BY r.score DESC, r.patient_id LIMIT :limit");
    let limit = wanted.limit.unwrap_or_else(|| i64::from(capacity));
    let lines: Vec<Line> = match facility {
        Some(facility) => tx.rows(sql, bind! { facility: facility, limit: limit })?,
        None => tx.rows(sql, bind! { limit: limit })?,
    };
    let mut list = Vec::with_capacity(lines.len());
    for (at, line) in lines.into_iter().enumerate() {
        let mut reasons = match models::load(tx, shelf, line.model) {
            Ok(model) => explain(&model, &line.values)?.top_positive_factors,
            // It was as it was released when it made this score: whom to look for does not hang on the reasons.
            Err(error) if error.code() == Code::ModelUnavailable => Vec::new(),
            Err(error) => return Err(error),
        };
        reasons.truncate(3);
        list.push(Entry { rank: at + 1, reasons, ..line.entry });
    }
    Ok(list)
}
