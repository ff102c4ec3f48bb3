//! Reading: a person's own row, and the whole record.

use plimsoll::{FromRow, Result, Row, Tx, bind};

use super::rows::{ENCOUNTER, EncounterRow, VISIT, VisitRow, day};
use crate::record::{Gender, Person, Record};

/// A person's row.
#[derive(Debug, Clone)]
pub struct Patient {
    /// The number within the tenant.
    pub id: i64,
    /// What is known of the person.
    pub person: Person,
}

/// How many columns a [`Patient`] has.
pub(crate) const PERSON_COLUMNS: usize = 11;

impl FromRow for Patient {
    fn from_row(row: &Row<'_>) -> Result<Patient> {
        let (birthdate, gender): (Option<String>, Option<String>) = (row.get(6)?, row.get(7)?);
        let person = Person {
            uuid: row.get(1)?,
            facility: row.get(2)?,
            pepfar_id: row.get(3)?,
            given_name: row.get(4)?,
            family_name: row.get(5)?,
            birthdate: birthdate.as_deref().and_then(day),
            gender: gender.map(|text| if text == "M" { Gender::Male } else { Gender::Female }),
            state: row.get(8)?,
            city: row.get(9)?,
            phone: row.get(10)?,
        };
        Ok(Patient { id: row.get(0)?, person })
    }
}

/// A living patient by number.
///
/// # Errors
/// What the database says.
pub fn patient(tx: &Tx<'_>, id: i64) -> Result<Option<Patient>> {
    const SQL: &str = "SELECT p.id, p.uuid, p.facility, p.pepfar_id, p.given_name, p.family_name, p.birthdate, p.gender, p.state, p.city, p.phone \
         FROM patient p WHERE p.tenant_id = :tenant AND p.id = :id AND p.deleted_at IS NULL";
    tx.maybe(SQL, bind! { id: id })
}

/// Everything known of a person, sorted; rows that were taken back included.
///
/// # Errors
/// What the database says.
pub fn record(tx: &Tx<'_>, patient: &Patient) -> Result<Record> {
    let mut record = Record { person: patient.person.clone(), ..Record::default() };
    record.visits = tx.rows::<VisitRow>(VISIT, bind! { patient: patient.id })?.into_iter().map(|row| row.0).collect();
    for EncounterRow(encounter, observations) in tx.rows::<EncounterRow>(ENCOUNTER, bind! { patient: patient.id })? {
        record.encounters.push(encounter);
        record.observations.extend(observations);
    }
    record.sort();
    Ok(record)
}
