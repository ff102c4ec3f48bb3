//! Sample data: a small programme that does not exist, its people moved so that the last of their
//! records is from today, and a model that was trained on others of the same programme.

use plimsoll::{Result, bind, ledger::Change};
use serde_json::json;

use crate::{
    chart,
    cohort::{Cohort, Facility, LAST, moved},
    models::{self, Draft, Figures, Shelf, Thresholds},
    score,
};

/// The seed of everything that is drawn here.
pub const SEED: u64 = 20_250_228;
/// People of the demonstration.
const PEOPLE: u64 = 120;
/// The first of them: those before it are who the model was trained on.
pub const FIRST: u64 = 20_000;
/// A small model for demonstrations, as LightGBM would write it.
pub const MODEL: &str = include_str!("../demo/iit-v2.txt");

/// Fills a tenant that has no patients yet.
pub(crate) fn fill(change: &mut Change<'_, '_>, shelf: &Shelf) -> Result<()> {
    if change.live("patient")? > 0 {
        return Ok(());
    }
    let cohort = Cohort::new(SEED);
    facilities(change, cohort.facilities())?;
    let now = change.now();
    let days = score::today(now).since(LAST);
    for number in FIRST..FIRST + PEOPLE {
        let mut record = moved(cohort.record(&cohort.member(number)), days);
        chart::keep(change, &mut record, now)?;
    }
    let id = models::register(change, shelf, &draft())?;
    models::activate(change, shelf, id, "demo")?;
    score::all_later(change)
}

/// The model of the demonstration.
pub fn draft() -> Draft {
    Draft {
        name: "demonstration".into(),
        algorithm: "lightgbm".into(),
        feature_set: "iit-v2".into(),
        artifact: MODEL.into(),
        sha256: None,
        thresholds: Thresholds::default(),
        calibration: None,
        origin: Some(json!({ "kind": "trained", "on": "people of the synthetic programme", "seed": SEED })),
        figures: Figures::default(),
        note: Some("Trained on people who do not exist. Not for care.".into()),
    }
}

/// Writes facilities that are not there yet.
pub(crate) fn facilities(change: &mut Change<'_, '_>, all: &[Facility]) -> Result<()> {
    let now = change.now();
    for one in all {
        let id = change.born("facility")?;
        change.write(
            "INSERT INTO facility (tenant_id, id, code, name, level, place, state, version, created_at, updated_at) \
             VALUES (:tenant, :id, :code, :name, :level, :place, :state, 1, :now, :now) ON CONFLICT (tenant_id, code) DO NOTHING",
            bind! {
                id: id, code: one.code, name: format!("Facility {}", one.code), level: ["primary", "secondary", "tertiary"][usize::from(one.level).min(2)],
                place: if one.rural { "rural" } else { "urban" }, state: one.state, now: now,
            },
        )?;
    }
    Ok(())
}
