//! Who reaches which patients: members of a programme who are bound to some of its facilities.
//!
//! **Promises.** A person or an API key that is bound sees, lists, counts, exports, scores and acts on
//! patients of these facilities only, with everything about them; a patient elsewhere, or of no
//! facility, is as one that does not exist. Who is bound to nothing reaches everybody. What tells of
//! the whole programme (files that came in, how models do, who is bound) is closed to whoever is bound,
//! and so are the host's own routes (its ledger, its jobs, its people).
//!
//! Nothing of it is asked for by a route: [`REACH`] declares how each table hangs on a facility, and
//! every statement of such a caller is narrowed before the database sees it.

mod routes;

pub use routes::routes;

use plimsoll::{Reach, Reached};

const OF_PATIENT: Reached = Reached::Via { column: "patient_id", table: "patient" };

/// How every table hangs on a facility. One that is not here would be open: a test asks for each.
pub static REACH: Reach = Reach {
    bindings: "reach",
    place: "facility",
    tables: &[
        ("patient", Reached::Place("facility")),
        ("visit", OF_PATIENT),
        ("encounter", OF_PATIENT),
        ("chart", OF_PATIENT),
        ("prediction", OF_PATIENT),
        ("risk", OF_PATIENT),
        ("outcome", OF_PATIENT),
        ("intervention", OF_PATIENT),
        ("follow_up", OF_PATIENT),
        ("communication", OF_PATIENT),
        ("alert", OF_PATIENT),
        // Where people are treated, by what they are judged and what is done then: no word about anybody.
        ("facility", Reached::Open),
        ("model", Reached::Open),
        ("activation", Reached::Open),
        ("ab_test", Reached::Open),
        ("workflow_template", Reached::Open),
        ("workflow_step", Reached::Open),
        ("escalation_rule", Reached::Open),
        // Sums over everybody, and files of everybody.
        ("ingest", Reached::Closed),
        ("ingest_part", Reached::Closed),
        ("reject", Reached::Closed),
        ("model_reference", Reached::Closed),
        ("watch", Reached::Closed),
        ("model_standing", Reached::Closed),
        ("ab_look", Reached::Closed),
        ("reach", Reached::Closed),
    ],
    events: &[
        ("/v1/patients", "patient"),
        ("/v1/predictions", "prediction"),
        ("/v1/outcomes", "outcome"),
        ("/v1/interventions", "intervention"),
        ("/v1/follow-ups", "follow_up"),
        ("/v1/communications", "communication"),
        ("/v1/alerts", "alert"),
        ("/v1/facilities", "facility"),
        ("/v1/workflow-templates", "workflow_template"),
        ("/v1/workflow-steps", "workflow_step"),
        ("/v1/escalation-rules", "escalation_rule"),
    ],
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use plimsoll::{Reached, System};

    use super::REACH;
    use crate::Retention;

    #[test]
    fn every_table_says_how_it_is_reached() {
        let made: BTreeSet<&str> = Retention::SCHEMA
            .iter()
            .flat_map(|migration| migration.up.split("CREATE TABLE ").skip(1))
            .filter_map(|rest| rest.split([' ', '(']).next())
            .collect();
        let declared: BTreeSet<&str> = REACH.tables.iter().map(|(table, _)| *table).collect();
        assert_eq!(declared, made, "a table that hangs on a patient and is not declared would be open to whoever is bound");
        // What is about persons hangs on a patient, or is closed.
        for subject in crate::nouns::SUBJECTS {
            let (_, reached) = REACH.of(subject.table).unwrap();
            assert!(!matches!(reached, Reached::Open), "{} is about persons", subject.table);
        }
    }

    #[test]
    fn every_noun_about_a_patient_tells_of_its_changes_within_reach() {
        for (source, table) in REACH.events {
            assert!(source.starts_with("/v1/") && REACH.of(table).is_some(), "{source}");
        }
    }
}
