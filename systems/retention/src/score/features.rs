//! `GET /v1/patients/{id}/features`: what a model would be told of a person.

use plimsoll::{
    Ctx, Error, Fault, Read, Result,
    route::{Json, Path, Query},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{all::today, routes::one};
use crate::{
    Retention, chart,
    features::{Set, values},
};

/// As of when, and which.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// As of this day; today unless said. Nothing that came after it counts.
    #[schemars(regex(pattern = r"^\d{4}-\d{2}-\d{2}$"))]
    as_of: Option<String>,
    /// `iit-v1` or `iit-v2`; `iit-v2` unless said.
    #[schemars(regex(pattern = "^iit-v[12]$"))]
    feature_set: Option<String>,
}

/// Values by name.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PatientFeatures")]
pub(super) struct Told {
    /// The patient's number.
    patient_id: i64,
    /// The set.
    feature_set: &'static str,
    /// As of which day.
    as_of: String,
    /// The values in the order of the set; null where nothing is known.
    features: Map<String, Value>,
}

pub(super) async fn features(ctx: Ctx<Retention, Read>, (Path(id), Query(wanted)): (Path<i64>, Query<Wanted>)) -> Result<Json<Told>> {
    let as_of = match &wanted.as_of {
        Some(text) => chart::day(text).ok_or_else(|| Error::invalid(vec![Fault::at("?as_of", "is no day of the calendar")]))?,
        None => today(ctx.now()),
    };
    let set = wanted.feature_set.as_deref().map_or(Some(Set::V2), Set::named);
    let set = set.ok_or_else(|| Error::invalid(vec![Fault::at("?feature_set", "is one of iit-v1 and iit-v2")]))?;
    let found = ctx.read(move |tx| one(tx, id)).await?;
    ctx.seen(&format!("patients/{id}"), json!({ "features": set.name(), "as_of": as_of.to_string() })).await?;
    let told = values(&found.history, as_of, set);
    let features = set.names().iter().zip(told).map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    Ok(Json(Told { patient_id: id, feature_set: set.name(), as_of: as_of.to_string(), features }))
}
