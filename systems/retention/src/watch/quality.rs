//! Whether the records are good enough to be asked: what is missing, how old the newest is, what was refused.

use plimsoll::{Result, Tx, bind};
use serde_json::{Value, json};

use crate::record::Day;

/// Records older than this are said to be stale.
const STALE: i32 = 14;
/// A share of records without something above which it is said.
const MUCH: f64 = 0.2;

/// What the records lack.
pub(super) fn quality(tx: &Tx<'_>, today: Day) -> Result<Value> {
    let patients: i64 = tx.live("patient")?;
    let (birthdate, gender, phone, facility, state): (i64, i64, i64, i64, i64) = tx.row(
        "SELECT COALESCE(SUM(CASE WHEN birthdate IS NULL THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN gender IS NULL THEN 1 ELSE 0 END), 0), \
         COALESCE(SUM(CASE WHEN phone IS NULL THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN facility IS NULL THEN 1 ELSE 0 END), 0), \
         COALESCE(SUM(CASE WHEN state IS NULL THEN 1 ELSE 0 END), 0) FROM patient WHERE tenant_id = :tenant AND deleted_at IS NULL",
        bind! {},
    )?;
    let unknown: i64 = tx.row(
        "SELECT COUNT(*) FROM patient p WHERE p.tenant_id = :tenant AND p.deleted_at IS NULL AND p.facility IS NOT NULL AND NOT EXISTS \
         (SELECT 1 FROM facility f WHERE f.tenant_id = :tenant AND f.code = p.facility AND f.deleted_at IS NULL)",
        bind! {},
    )?;
    let (charted, never): (i64, i64) = tx.row(
        "SELECT COUNT(*), COALESCE(SUM(CASE WHEN c.last_pickup IS NULL THEN 1 ELSE 0 END), 0) FROM chart c \
         JOIN patient p ON p.tenant_id = :tenant AND p.id = c.patient_id AND p.deleted_at IS NULL WHERE c.tenant_id = :tenant",
        bind! {},
    )?;
    let newest = crate::train::reach(tx, today)?;
    let future: i64 =
        tx.row("SELECT COUNT(*) FROM chart WHERE tenant_id = :tenant AND last_pickup > :today", bind! { today: i64::from(today.0) })?;
    let thin: i64 = tx.row(
        "SELECT COUNT(*) FROM risk r JOIN patient p ON p.tenant_id = :tenant AND p.id = r.patient_id AND p.deleted_at IS NULL \
         WHERE r.tenant_id = :tenant AND r.score IS NULL",
        bind! {},
    )?;
    let (settled, rejected, open): (i64, i64, i64) = tx.row(
        "SELECT COALESCE(SUM(settled), 0), COALESCE(SUM(rejected), 0), \
         (SELECT COUNT(*) FROM reject WHERE tenant_id = :tenant AND state = 'open') FROM ingest WHERE tenant_id = :tenant",
        bind! {},
    )?;
    let share = |count: i64| (patients > 0).then(|| count as f64 / patients as f64);
    let age = newest.map(|day| today.since(day));
    let lacks = [
        ("no day of birth", birthdate),
        ("no sex", gender),
        ("no phone", phone),
        ("no facility", facility),
        ("no state", state),
        ("a facility that is not on the list", unknown),
        ("no pick-up", never),
    ];
    let mut notes: Vec<String> = lacks
        .iter()
        .filter(|(_, count)| share(*count).is_some_and(|share| share > MUCH))
        .map(|(what, count)| format!("{count} of {patients} patients have {what}"))
        .collect();
    if age.is_some_and(|days| days > STALE) {
        notes.push(format!("the newest pick-up is {} days old: everybody will soon look overdue", age.unwrap_or(0)));
    }
    if future > 0 {
        notes.push(format!("{future} patients have a pick-up on a day to come"));
    }
    if open > 0 {
        notes.push(format!("{open} refused records wait to be repaired"));
    }
    Ok(json!({
        "patients": patients, "charted": charted, "newest_pickup": newest.map(|day| day.to_string()), "age_days": age, "future": future,
        "lacking": lacks.iter().map(|(what, count)| json!({ "what": what, "count": count, "share": share(*count) })).collect::<Vec<_>>(),
        "too_thin": thin, "ingested": settled, "rejected": rejected, "open_rejects": open, "notes": notes,
    }))
}
