//! The two nouns that are resources of the host: facilities and patients.

use plimsoll::{
    Access, Role,
    resource::{Field, Resource},
    subject::{Key, Subject},
};
use serde_json::json;

/// Who may look at patients.
pub const READ: Access = Access::needs("patients:read", Role::Viewer);
/// Who may change them.
pub const WRITE: Access = Access::needs("patients:write", Role::Editor);

/// Where people are treated.
pub static FACILITIES: Resource = Resource {
    noun: "facility",
    plural: "facilities",
    title: "Facility",
    table: "facility",
    fields: &[
        Field::text("code", 1, 64, "The code that exports of this facility carry.").required().sorted().filtered().searched(),
        Field::text("name", 1, 200, "Its name.").required().sorted().searched(),
        Field::choice("level", &["primary", "secondary", "tertiary"], "The level of care; a feature of models.").filtered(),
        Field::choice("place", &["rural", "urban"], "Where it lies; a feature of models.").filtered(),
        Field::text("state", 1, 100, "State or province.").filtered(),
    ],
    children: &[],
    read: Access::needs("facilities:read", Role::Viewer),
    write: Access::needs("facilities:write", Role::Admin),
    cascade: ("facilities:cascade", Role::Admin),
    example: || json!({ "code": "F-017", "name": "Garki General Hospital", "level": "secondary", "place": "urban", "state": "FCT" }),
    watched: false,
};

/// People on treatment. Every read is on record.
pub static PATIENTS: Resource = Resource {
    noun: "patient",
    plural: "patients",
    title: "Patient",
    table: "patient",
    fields: &[
        Field::text("uuid", 1, 64, "Identity at the source.").required().filtered().searched(),
        Field::text("facility", 1, 64, "Code of the facility.").sorted().filtered(),
        Field::text("pepfar_id", 1, 64, "Identity within the programme.").filtered().searched(),
        Field::text("given_name", 1, 100, "Given name.").searched(),
        Field::text("family_name", 1, 100, "Family name.").sorted().searched(),
        Field::date("birthdate", "Day of birth.").past().filtered(),
        Field::choice("gender", &["F", "M"], "Sex as the programme records it.").filtered(),
        Field::text("state", 1, 100, "State or province.").filtered(),
        Field::text("city", 1, 100, "City or village.").filtered(),
        Field::phone("phone", "Where the person can be called.").filtered(),
    ],
    children: crate::action::nouns::OF_PATIENT,
    read: READ,
    write: WRITE,
    cascade: ("patients:cascade", Role::Admin),
    example: || {
        json!({
            "uuid": "3f0c7f1e-5d1a-4c0b-9a86-0d2c5a9b7e11", "facility": "F-017", "given_name": "Amina",
            "family_name": "Bello", "birthdate": "1991-04-17", "gender": "F", "state": "FCT", "city": "Garki", "phone": "+999000000017",
        })
    },
    watched: true,
};

/// Where data about a patient lies. What others did about them goes with the person.
pub const SUBJECTS: &[Subject] = &[
    Subject::delete("patient", "alert", BY_PATIENT),
    Subject::delete("patient", "communication", BY_PATIENT).counted("communication"),
    Subject::delete("patient", "follow_up", BY_PATIENT).counted("follow_up"),
    Subject::delete("patient", "intervention", BY_PATIENT).counted("intervention"),
    Subject::delete("patient", "outcome", BY_PATIENT).withholding(&["prediction_id"]),
    Subject::delete("patient", "risk", BY_PATIENT).withholding(&["prediction_id"]),
    Subject::delete("patient", "prediction", BY_PATIENT),
    Subject::delete("patient", "chart", BY_PATIENT).withholding(&["history"]),
    Subject::delete("patient", "reject", Key::Marked("person")).withholding(&["person", "original"]),
    Subject::delete("patient", "encounter", BY_PATIENT),
    Subject::delete("patient", "visit", BY_PATIENT),
    Subject::delete("patient", "patient", Key::Text("uuid")).counted("patient"),
];
const BY_PATIENT: Key = Key::Via { column: "patient_id", table: "patient", key: "uuid" };
