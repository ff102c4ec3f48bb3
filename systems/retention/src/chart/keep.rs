//! Writing: an exported record becomes rows, or changes those that are there.

use std::collections::HashMap;

use plimsoll::{Result, Tx, bind};

use super::{
    digest,
    read::{self, Patient},
    rows::{ENCOUNTER, EncounterRow, VISIT, VisitRow, packed},
};
use crate::{
    features::History,
    record::{Encounter, Gender, Observation, Person, Record, Visit},
};

/// What became of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// The person was not known.
    Added,
    /// The record said something else before.
    Changed,
    /// It said the same.
    Unchanged,
    /// What is there is newer.
    Older,
}

const KNOWN: &str = "SELECT p.id, c.digest, c.touched FROM patient p \
     LEFT JOIN chart c ON c.tenant_id = :tenant AND c.patient_id = p.id WHERE p.tenant_id = :tenant AND p.uuid = :uuid";

/// Writes a record that came from an export.
///
/// # Errors
/// [`plimsoll::Code::Conflict`] where somebody else has its programme identity; what the database
/// says. The transaction is not usable after that unless this ran within `attempt`.
pub fn keep(tx: &mut Tx<'_>, record: &mut Record, now: plimsoll::Time) -> Result<(Kept, i64)> {
    record.sort();
    let digest = digest(record);
    let known: Option<(i64, Option<String>, Option<i64>)> = tx.maybe(KNOWN, bind! { uuid: record.person.uuid })?;
    let touched = record.touched.map(|stamp| stamp.0);
    let (kept, id) = match known {
        Some((id, Some(before), _)) if before == digest => return Ok((Kept::Unchanged, id)),
        Some((id, Some(_), before)) if before.is_some() && touched < before => return Ok((Kept::Older, id)),
        Some((id, ..)) => {
            person(tx, UPDATE, id, &record.person, now)?;
            let rulings = rulings(tx, id)?;
            tx.write("DELETE FROM visit WHERE tenant_id = :tenant AND patient_id = :patient AND local = 0", bind! { patient: id })?;
            tx.write("DELETE FROM encounter WHERE tenant_id = :tenant AND patient_id = :patient AND local = 0", bind! { patient: id })?;
            add_local(tx, id, record)?;
            follow(record, &rulings);
            rows(tx, id, record)?;
            chart(tx, id, record, Some((&digest, touched)), now)?;
            for one in &rulings {
                tx.write(one.row.rule(), bind! { patient: id, uuid: one.uuid, ruled: i64::from(one.voided) })?;
            }
            return Ok((Kept::Changed, id));
        }
        None => {
            let id = tx.born("patient")?;
            person(tx, INSERT, id, &record.person, now)?;
            (Kept::Added, id)
        }
    };
    rows(tx, id, record)?;
    chart(tx, id, record, Some((&digest, touched)), now)?;
    Ok((kept, id))
}

/// Makes the packed history anew after a row was changed by hand.
///
/// # Errors
/// What the database says.
pub fn rebuild(tx: &mut Tx<'_>, patient: &Patient, now: plimsoll::Time) -> Result<()> {
    let record = read::record(tx, patient)?;
    chart(tx, patient.id, &record, None, now)
}

/// A row that can be taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ruled {
    /// A visit.
    Visit,
    /// A form with its answers.
    Encounter,
}

impl Ruled {
    const fn rule(self) -> &'static str {
        match self {
            Ruled::Visit => {
                "UPDATE visit SET voided = :ruled, ruled = :ruled WHERE tenant_id = :tenant AND patient_id = :patient AND uuid = :uuid"
            }
            Ruled::Encounter => {
                "UPDATE encounter SET voided = :ruled, ruled = :ruled WHERE tenant_id = :tenant AND patient_id = :patient AND uuid = :uuid"
            }
        }
    }
}

/// What somebody here ruled about a row.
struct Ruling {
    row: Ruled,
    uuid: String,
    voided: bool,
}

/// Takes a row back, or lets it count again, whatever its source says from now on; whether there is such a row.
///
/// # Errors
/// What the database says.
pub(crate) fn rule(tx: &mut Tx<'_>, patient: &Patient, row: Ruled, uuid: &str, voided: bool, now: plimsoll::Time) -> Result<bool> {
    let there = tx.write(row.rule(), bind! { patient: patient.id, uuid: uuid, ruled: i64::from(voided) })? > 0;
    if there {
        rebuild(tx, patient, now)?;
    }
    Ok(there)
}

fn rulings(tx: &Tx<'_>, id: i64) -> Result<Vec<Ruling>> {
    const VISITS: &str = "SELECT uuid, ruled FROM visit WHERE tenant_id = :tenant AND patient_id = :patient AND ruled IS NOT NULL";
    const ENCOUNTERS: &str = "SELECT uuid, ruled FROM encounter WHERE tenant_id = :tenant AND patient_id = :patient AND ruled IS NOT NULL";
    let mut all = Vec::new();
    for (row, sql) in [(Ruled::Visit, VISITS), (Ruled::Encounter, ENCOUNTERS)] {
        let some: Vec<(String, i64)> = tx.rows(sql, bind! { patient: id })?;
        all.extend(some.into_iter().map(|(uuid, ruled)| Ruling { row, uuid, voided: ruled != 0 }));
    }
    Ok(all)
}

/// Makes a record say what was ruled here.
fn follow(record: &mut Record, rulings: &[Ruling]) {
    for one in rulings {
        match one.row {
            Ruled::Visit => record.visits.iter_mut().filter(|row| row.uuid == one.uuid).for_each(|row| row.voided = one.voided),
            Ruled::Encounter => record.encounters.iter_mut().filter(|row| row.uuid == one.uuid).for_each(|row| row.voided = one.voided),
        }
    }
}

const INSERT: &str = "INSERT INTO patient (tenant_id, id, uuid, facility, pepfar_id, given_name, family_name, birthdate, gender, state, city, \
     phone, version, created_at, updated_at) VALUES (:tenant, :id, :uuid, :facility, :pepfar, :given, :family, :birth, :gender, :state, :city, \
     :phone, 1, :now, :now)";
const UPDATE: &str = "UPDATE patient SET uuid = :uuid, facility = :facility, pepfar_id = :pepfar, given_name = :given, family_name = :family, \
     birthdate = :birth, gender = :gender, state = :state, city = :city, phone = :phone, version = version + 1, updated_at = :now \
     WHERE tenant_id = :tenant AND id = :id";

fn person(tx: &mut Tx<'_>, sql: &'static str, id: i64, person: &Person, now: plimsoll::Time) -> Result<()> {
    let gender = person.gender.map(|gender| if gender == Gender::Male { "M" } else { "F" });
    tx.write(
        sql,
        bind! {
            id: id, uuid: person.uuid, facility: person.facility, pepfar: person.pepfar_id, given: person.given_name,
            family: person.family_name, birth: person.birthdate.map(|day| day.to_string()), gender: gender, state: person.state,
            city: person.city, phone: person.phone, now: now,
        },
    )?;
    Ok(())
}

/// Adds the rows that were written here, unless the export brings them now.
fn add_local(tx: &mut Tx<'_>, id: i64, record: &mut Record) -> Result<()> {
    for VisitRow(visit) in tx.rows::<VisitRow>(VISIT, bind! { patient: id })? {
        if record.visits.iter().any(|one| one.uuid == visit.uuid) {
            tx.write(FORGET_VISIT, bind! { patient: id, uuid: visit.uuid })?;
        } else {
            record.visits.push(visit);
        }
    }
    for EncounterRow(encounter, observations) in tx.rows::<EncounterRow>(ENCOUNTER, bind! { patient: id })? {
        if record.encounters.iter().any(|one| one.uuid == encounter.uuid) {
            tx.write(FORGET_ENCOUNTER, bind! { patient: id, uuid: encounter.uuid })?;
        } else {
            record.encounters.push(encounter);
            record.observations.extend(observations);
        }
    }
    Ok(())
}

const FORGET_VISIT: &str = "DELETE FROM visit WHERE tenant_id = :tenant AND patient_id = :patient AND uuid = :uuid";
const FORGET_ENCOUNTER: &str = "DELETE FROM encounter WHERE tenant_id = :tenant AND patient_id = :patient AND uuid = :uuid";

/// Writes the rows that are not there yet.
fn rows(tx: &mut Tx<'_>, id: i64, record: &Record) -> Result<()> {
    let mut answers: HashMap<&str, Vec<&Observation>> = HashMap::with_capacity(record.encounters.len());
    for one in &record.observations {
        answers.entry(&one.encounter).or_default().push(one);
    }
    for visit in &record.visits {
        write_visit(tx, id, visit, false)?;
    }
    for encounter in &record.encounters {
        let answers = answers.get(encounter.uuid.as_str()).map(Vec::as_slice).unwrap_or_default();
        write_encounter(tx, id, encounter, answers.iter().copied(), false)?;
    }
    Ok(())
}

/// Writes a visit; one of this identity that is there stays as it is unless `local`.
pub(crate) fn write_visit(tx: &mut Tx<'_>, id: i64, visit: &Visit, local: bool) -> Result<()> {
    const KEEP: &str = "INSERT INTO visit (tenant_id, patient_id, uuid, kind, started, stopped, location, voided, local) \
         VALUES (:tenant, :patient, :uuid, :kind, :started, :stopped, :location, :voided, :local) ON CONFLICT (tenant_id, patient_id, uuid) DO NOTHING";
    const REPLACE: &str = "INSERT INTO visit (tenant_id, patient_id, uuid, kind, started, stopped, location, voided, local) \
         VALUES (:tenant, :patient, :uuid, :kind, :started, :stopped, :location, :voided, :local) ON CONFLICT (tenant_id, patient_id, uuid) \
         DO UPDATE SET kind = excluded.kind, started = excluded.started, stopped = excluded.stopped, location = excluded.location, \
         voided = excluded.voided, local = 1";
    tx.write(
        if local { REPLACE } else { KEEP },
        bind! {
            patient: id, uuid: visit.uuid, kind: visit.kind, started: visit.started.0, stopped: visit.stopped.map(|stamp| stamp.0),
            location: visit.location, voided: i64::from(visit.voided), local: i64::from(local),
        },
    )?;
    Ok(())
}

/// Writes a form with its answers; one of this identity that is there stays as it is unless `local`.
pub(crate) fn write_encounter<'a>(
    tx: &mut Tx<'_>,
    id: i64,
    encounter: &Encounter,
    answers: impl Iterator<Item = &'a Observation>,
    local: bool,
) -> Result<()> {
    const KEEP: &str = "INSERT INTO encounter (tenant_id, patient_id, uuid, visit, at, kind, form, form_id, voided, local, observations) \
         VALUES (:tenant, :patient, :uuid, :visit, :at, :kind, :form, :form_id, :voided, :local, :answers) \
         ON CONFLICT (tenant_id, patient_id, uuid) DO NOTHING";
    const REPLACE: &str = "INSERT INTO encounter (tenant_id, patient_id, uuid, visit, at, kind, form, form_id, voided, local, observations) \
         VALUES (:tenant, :patient, :uuid, :visit, :at, :kind, :form, :form_id, :voided, :local, :answers) \
         ON CONFLICT (tenant_id, patient_id, uuid) DO UPDATE SET visit = excluded.visit, at = excluded.at, kind = excluded.kind, \
         form = excluded.form, form_id = excluded.form_id, voided = excluded.voided, local = 1, observations = excluded.observations";
    tx.write(
        if local { REPLACE } else { KEEP },
        bind! {
            patient: id, uuid: encounter.uuid, visit: encounter.visit, at: encounter.at.0, kind: encounter.kind, form: encounter.form,
            form_id: encounter.form_id, voided: i64::from(encounter.voided), local: i64::from(local), answers: packed(encounter, answers)?,
        },
    )?;
    Ok(())
}

fn chart(tx: &mut Tx<'_>, id: i64, record: &Record, exported: Option<(&String, Option<i64>)>, now: plimsoll::Time) -> Result<()> {
    const SQL: &str = "INSERT INTO chart (tenant_id, patient_id, digest, touched, history, last_pickup, due, updated_at) \
         VALUES (:tenant, :patient, :digest, :touched, :history, :last, :due, :now) ON CONFLICT (tenant_id, patient_id) \
         DO UPDATE SET digest = COALESCE(excluded.digest, chart.digest), touched = COALESCE(excluded.touched, chart.touched), \
         history = excluded.history, last_pickup = excluded.last_pickup, due = excluded.due, updated_at = excluded.updated_at";
    let history = History::of(record, None);
    let last = history.last_pickup();
    tx.write(
        SQL,
        bind! {
            patient: id, digest: exported.map(|(digest, _)| digest), touched: exported.and_then(|(_, touched)| touched),
            history: history.pack(), last: last.map(|(day, _)| i64::from(day.0)), due: last.map(|(_, due)| i64::from(due.0)), now: now,
        },
    )?;
    Ok(())
}
