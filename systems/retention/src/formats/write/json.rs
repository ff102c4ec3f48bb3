//! JSON in the two dialects, as an array or one record on each line.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::record::{Encounter, Gender, Observation, Record, Stamp, Visit};

/// The kind of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Messages: plain dates, numbers as numbers.
    Message,
    /// Exports of a document store: a header, `{"$date": …}`, numbers as text. Dates are instants in UTC,
    /// so a reader that declares another clock sees other times.
    Extended,
}

/// Leaves out what is not there.
fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    Value::Object(fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
}

fn text(text: &Option<String>) -> Option<Value> {
    text.as_ref().map(|text| Value::String(text.clone()))
}

impl Dialect {
    fn date(self, stamp: Stamp) -> Value {
        match self {
            Dialect::Message => Value::String(stamp.to_string()),
            // What a document store does with dates before its epoch.
            Dialect::Extended if stamp < Stamp(0) => json!({ "$date": { "$numberLong": (stamp.0 * 1000).to_string() } }),
            Dialect::Extended => json!({ "$date": format!("{}Z", stamp.to_string().replace(' ', "T")) }),
        }
    }

    fn number(self, number: f64) -> Value {
        match self {
            Dialect::Message => json!(number),
            Dialect::Extended => Value::String(number.to_string()),
        }
    }
}

/// A record as the tree that readers take.
pub fn tree(record: &Record, dialect: Dialect) -> Value {
    let data = object([
        ("demographics", Some(demographics(record, dialect))),
        ("patientIdentifiers", identifiers(record, dialect)),
        ("visits", Some(record.visits.iter().map(|one| visit(one, dialect)).collect())),
        ("encounters", Some(record.encounters.iter().map(|one| encounter(one, dialect)).collect())),
        ("obs", Some(record.observations.iter().map(|one| observation(one, dialect)).collect())),
    ]);
    let touched = record.touched.map(|stamp| dialect.date(stamp));
    let facility = text(&record.person.facility);
    match dialect {
        Dialect::Message => object([("facilityDatimCode", facility), ("touchTime", touched), ("messageData", Some(data))]),
        Dialect::Extended => {
            let header =
                object([("messageUniqueID", Some(json!(record.person.uuid))), ("facilityDatimCode", facility), ("touchTime", touched)]);
            object([("messageHeader", Some(header)), ("messageData", Some(data))])
        }
    }
}

fn demographics(record: &Record, dialect: Dialect) -> Value {
    let person = &record.person;
    let extended = dialect == Dialect::Extended;
    let (given, family) = if extended { ("firstName", "lastName") } else { ("givenName", "familyName") };
    object([
        ("patientUuid", Some(json!(person.uuid))),
        ("pepfarId", text(&person.pepfar_id).filter(|_| !extended)),
        (given, text(&person.given_name)),
        (family, text(&person.family_name)),
        ("birthdate", person.birthdate.map(|day| dialect.date(day.start()))),
        ("gender", person.gender.map(|gender| json!(if gender == Gender::Male { "M" } else { "F" }))),
        ("stateProvince", text(&person.state)),
        ("cityVillage", text(&person.city)),
        ("phoneNumber", text(&person.phone)),
    ])
}

fn identifiers(record: &Record, dialect: Dialect) -> Option<Value> {
    let id = record.person.pepfar_id.as_ref().filter(|_| dialect == Dialect::Extended)?;
    Some(json!([{ "identifierType": "PEPFAR ID", "identifier": id }]))
}

fn visit(one: &Visit, dialect: Dialect) -> Value {
    object([
        ("visitUuid", Some(json!(one.uuid))),
        ("visitType", text(&one.kind)),
        ("dateStarted", Some(dialect.date(one.started))),
        ("dateStopped", one.stopped.map(|stamp| dialect.date(stamp))),
        ("locationId", text(&one.location)),
        ("voided", Some(json!(one.voided))),
    ])
}

fn encounter(one: &Encounter, dialect: Dialect) -> Value {
    object([
        ("encounterUuid", Some(json!(one.uuid))),
        ("visitUuid", text(&one.visit)),
        ("encounterDatetime", Some(dialect.date(one.at))),
        ("encounterType", text(&one.kind)),
        ("pmmForm", text(&one.form)),
        ("formId", text(&one.form_id)),
        ("voided", Some(json!(one.voided))),
    ])
}

fn observation(one: &Observation, dialect: Dialect) -> Value {
    // Beside the number of a coded answer its text stands under another name.
    let beside = dialect == Dialect::Extended && one.coded.is_some() && one.number.is_none();
    let (number, said) = (one.number.map(|number| dialect.number(number)), text(&one.text));
    object([
        ("obsUuid", Some(json!(one.uuid))),
        ("encounterUuid", Some(json!(one.encounter))),
        ("obsDatetime", Some(dialect.date(one.at))),
        ("conceptId", text(&one.concept)),
        ("variableName", Some(json!(one.variable))),
        ("valueNumeric", number),
        (if beside { "variableValue" } else { "valueText" }, said),
        ("valueCoded", text(&one.coded)),
        ("voided", Some(json!(one.voided))),
    ])
}

/// Writes an array of records, or one on each line.
pub struct Json<W: Write> {
    out: W,
    dialect: Dialect,
    lines: bool,
    any: bool,
}

impl<W: Write> Json<W> {
    /// An array.
    pub fn array(out: W, dialect: Dialect) -> Json<W> {
        Json { out, dialect, lines: false, any: false }
    }

    /// One record on each line.
    pub fn lines(out: W, dialect: Dialect) -> Json<W> {
        Json { out, dialect, lines: true, any: false }
    }

    /// Writes a record.
    pub fn record(&mut self, record: &Record) -> io::Result<()> {
        self.tree(&tree(record, self.dialect))
    }

    /// Writes a tree that stands for a record, whatever is in it.
    pub fn tree(&mut self, tree: &Value) -> io::Result<()> {
        let before: &[u8] = match (self.lines, self.any) {
            (true, false) => b"",
            (true, true) => b"\n",
            (false, false) => b"[\n",
            (false, true) => b",\n",
        };
        self.out.write_all(before)?;
        self.any = true;
        serde_json::to_writer(&mut self.out, tree).map_err(io::Error::from)
    }

    /// Writes the end and gives the stream back.
    pub fn finish(mut self) -> io::Result<W> {
        let end: &[u8] = match (self.lines, self.any) {
            (true, false) => b"",
            (true, true) => b"\n",
            (false, false) => b"[]\n",
            (false, true) => b"\n]\n",
        };
        self.out.write_all(end)?;
        Ok(self.out)
    }
}
