//! `/v1/patients/…`: questions about everybody at once. Single people are the resource's own.

mod export;
mod stats;
mod validate;

use plimsoll::{Access, Role, route::Routes};
use serde_json::json;

use crate::{Retention, nouns};

pub(crate) use stats::border;

/// Who may take everybody along.
const EXPORT: Access = Access::needs("patients:export", Role::Admin);

/// Declares the routes.
pub fn routes(r: &mut Routes<'_, Retention>) {
    r.get("/patients/export", EXPORT, export::export)
        .named("patients.export")
        .summary("Everybody as CSV or JSON")
        .describe("Sent while it is read, a thousand people at a time in the order of their numbers. That it was handed out is on record.")
        .answers(200, None)
        .recorded();
    r.get("/patients/stats", nouns::READ, stats::stats).named("patients.stats").summary("How many people, by sex, age, state and facility");
    r.ask("/patients/validate", nouns::WRITE, validate::validate)
        .named("patients.validate")
        .summary("Say what would be refused, and write nothing")
        .example(json!({ "items": [(nouns::PATIENTS.example)()] }));
}
