//! A record out of its tree: the one place where the fields of an export are named and judged.
//!
//! The tree is that of the JSON exports, with `messageData` and in it `demographics`, `visits`,
//! `encounters` and `obs`. Two kinds are read by the same words: messages with plain dates, and exports
//! of a document store with `{"$date": …}`, numbers as text and ids as numbers. Values of XML and CSV
//! are texts throughout, so every field is read from text as well.

use std::{collections::HashMap, fmt::Write};

use serde_json::Value;

use super::{
    Reject, Source,
    node::{Fields, Node},
    shape,
};
use crate::record::{
    Day, Encounter, Observation, Person, Reason, Record, Stamp, Visit, dates,
    rules::{self, Identities},
};

/// Reads a tree; all that is wrong with it, in the order of the tree.
pub fn read(tree: &Value, source: &Source) -> Result<Record, Vec<Reject>> {
    judged(&Node::of(tree), source)
}

/// The same of a tree that was not made of its own.
pub(super) fn judged(tree: &Node<'_>, source: &Source) -> Result<Record, Vec<Reject>> {
    let mut judge = Judge { source, rejects: Vec::new(), pointer: String::new() };
    let record = judge.record(tree);
    match record {
        Some(record) if judge.rejects.is_empty() => Ok(record),
        _ => Err(judge.rejects),
    }
}

/// Reads values and keeps what is wrong with them.
struct Judge<'a> {
    source: &'a Source,
    rejects: Vec<Reject>,
    /// Where it is.
    pointer: String,
}

/// Rows by every name under which others may mention them, also those that are refused: what hangs on a
/// row that is wrong is not wrong itself, and one fault is told once.
#[derive(Default)]
struct Names(HashMap<String, String>);

impl Names {
    fn put(&mut self, fields: &Fields<'_>, keys: &[&str], uuid: &str) {
        for key in keys {
            if let Some(name) = fields.get(key).and_then(Node::scalar) {
                self.0.insert(name.trim().to_owned(), uuid.to_owned());
            }
        }
    }
}

/// The first of these that is there and says something.
fn first<'f, 't>(fields: &'f Fields<'t>, keys: &[&'static str]) -> Option<(&'static str, &'f Node<'t>)> {
    keys.iter().find_map(|key| Some((*key, fields.get(key).filter(|value| !value.empty())?)))
}

/// A date; only those in a wrapping need a tree of their own.
fn read_date(value: &Node<'_>, source: &Source) -> Result<Stamp, Reason> {
    match value {
        Node::Text(text) => dates::from_text(text, source.reading),
        Node::List(_) | Node::Truth(_) | Node::Null => Err(Reason::WrongType),
        Node::Fields(fields) if fields.len() != 1 => Err(Reason::DateUnreadable),
        Node::Fields(_) | Node::Number(_) => dates::from_json(&value.value(), source.reading),
    }
}

impl<'a> Judge<'a> {
    fn refuse(&mut self, reason: Reason, key: &str, value: Option<&Node<'_>>) {
        if self.rejects.len() >= self.source.limits.rejects {
            return;
        }
        let pointer = if key.is_empty() { self.pointer.clone() } else { format!("{}/{key}", self.pointer) };
        let excerpt = match value {
            None | Some(Node::Null) => String::new(),
            Some(Node::Fields(fields)) if fields.len() != 1 => "{}".to_owned(),
            Some(Node::List(_)) => "[]".to_owned(),
            Some(Node::Text(text)) => shape(text),
            Some(other) => shape(&other.value().to_string()),
        };
        self.rejects.push(Reject { reason, pointer, excerpt, line: None, file: None });
    }

    /// Goes a step down for as long as `read` runs.
    fn within<T>(&mut self, step: impl std::fmt::Display, read: impl FnOnce(&mut Judge<'a>) -> T) -> T {
        let before = self.pointer.len();
        // Writing to text does not fail.
        let _ = write!(self.pointer, "/{step}");
        let read = read(self);
        self.pointer.truncate(before);
        read
    }

    fn text(&mut self, fields: &Fields<'_>, keys: &[&'static str]) -> Option<String> {
        let (key, value) = first(fields, keys)?;
        let Some(text) = value.scalar() else {
            self.refuse(Reason::WrongType, key, Some(value));
            return None;
        };
        self.take(rules::text(&text).map(str::to_owned), key, value)
    }

    fn id(&mut self, fields: &Fields<'_>, keys: &[&'static str]) -> Option<String> {
        let (key, value) = first(fields, keys)?;
        let id = value.scalar().ok_or(Reason::WrongType).and_then(|text| rules::id(&text).map(str::to_owned));
        self.take(id, key, value)
    }

    fn date(&mut self, fields: &Fields<'_>, keys: &[&'static str]) -> Option<Stamp> {
        let (key, value) = first(fields, keys)?;
        let source = self.source;
        let date = read_date(value, source).and_then(|stamp| dates::happened(stamp, source.now));
        self.take(date, key, value)
    }

    fn number(&mut self, fields: &Fields<'_>, key: &'static str) -> Option<f64> {
        let (key, value) = first(fields, &[key])?;
        let number = match value {
            Node::Number(number) => number.as_f64().ok_or(Reason::NumberUnreadable).and_then(rules::within),
            Node::Text(text) => rules::number(text),
            _ => Err(Reason::WrongType),
        };
        self.take(number, key, value)
    }

    fn truth(&mut self, fields: &Fields<'_>, key: &'static str) -> bool {
        let Some((key, value)) = first(fields, &[key]) else { return false };
        let truth = value.scalar().ok_or(Reason::WrongType).and_then(|text| rules::truth(&text));
        self.take(truth, key, value).unwrap_or(false)
    }

    fn take<T>(&mut self, read: Result<T, Reason>, key: &str, value: &Node<'_>) -> Option<T> {
        read.map_err(|reason| self.refuse(reason, key, Some(value))).ok()
    }

    /// A value without which there is no row. Where it was there and wrong, that has been said already.
    fn required<T>(
        &mut self,
        fields: &Fields<'_>,
        keys: &[&'static str],
        read: impl FnOnce(&mut Self, &[&'static str]) -> Option<T>,
    ) -> Option<T> {
        if first(fields, keys).is_none() {
            self.refuse(Reason::Missing, keys[0], None);
            return None;
        }
        read(self, keys)
    }

    fn object<'f, 't>(&mut self, fields: &'f Fields<'t>, key: &'static str) -> Option<&'f Fields<'t>> {
        match fields.get(key) {
            Some(Node::Fields(inner)) => return Some(inner),
            None | Some(Node::Null) => self.refuse(Reason::Missing, key, None),
            other => self.refuse(Reason::WrongType, key, other),
        }
        None
    }

    fn record(&mut self, tree: &Node<'_>) -> Option<Record> {
        let Node::Fields(message) = tree else {
            self.refuse(Reason::WrongType, "", Some(tree));
            return None;
        };
        let data = self.object(message, "messageData")?;
        let mut person = match self.within("messageData", |judge| judge.object(data, "demographics")) {
            Some(fields) => self.within("messageData/demographics", |judge| judge.person(fields)),
            None => Person::default(),
        };
        let header = message.get("messageHeader").and_then(Node::fields);
        let (at, fields) = header.map_or(("", message), |fields| ("messageHeader", fields));
        let (facility, touched) = self.step(at, |judge| (judge.text(fields, &["facilityDatimCode"]), judge.date(fields, &["touchTime"])));
        person.facility = facility.or(person.facility);
        if person.pepfar_id.is_none() {
            person.pepfar_id = self.within("messageData", |judge| judge.pepfar(data));
        }
        let mut record = Record { person, touched, ..Record::default() };
        self.within("messageData", |judge| judge.rows(data, &mut record));
        record.sort();
        Some(record)
    }

    fn step<T>(&mut self, step: &str, read: impl FnOnce(&mut Judge<'a>) -> T) -> T {
        if step.is_empty() { read(self) } else { self.within(step, read) }
    }

    fn person(&mut self, fields: &Fields<'_>) -> Person {
        let uuid = self.required(fields, &["patientUuid"], |judge, keys| judge.id(fields, keys)).unwrap_or_default();
        let birthdate = self.required(fields, &["birthdate"], |judge, keys| judge.birth(fields, keys));
        let gender = self.required(fields, &["gender"], |judge, keys| {
            let (key, value) = first(fields, keys)?;
            let gender = value.scalar().ok_or(Reason::WrongType).and_then(|text| rules::gender(&text));
            judge.take(gender, key, value)
        });
        let phone = first(fields, &["phoneNumber"]).and_then(|(key, value)| {
            let country = self.source.country;
            let phone = value.scalar().ok_or(Reason::WrongType).and_then(|text| rules::phone(&text, country));
            self.take(phone, key, value)
        });
        Person {
            uuid,
            facility: self.text(fields, &["facilityDatimCode", "datimId"]),
            pepfar_id: self.text(fields, &["pepfarId"]),
            given_name: self.text(fields, &["givenName", "firstName"]),
            family_name: self.text(fields, &["familyName", "lastName"]),
            birthdate,
            gender,
            state: self.text(fields, &["stateProvince"]),
            city: self.text(fields, &["cityVillage"]),
            phone,
        }
    }

    fn birth(&mut self, fields: &Fields<'_>, keys: &[&'static str]) -> Option<Day> {
        let (key, value) = first(fields, keys)?;
        let source = self.source;
        let day = read_date(value, source).and_then(|stamp| dates::birth(stamp, source.now));
        self.take(day, key, value)
    }

    /// The programme's id stands among others, with the name of its type.
    fn pepfar(&mut self, data: &Fields<'_>) -> Option<String> {
        let list = data.get("patientIdentifiers")?.list()?;
        let (at, fields) = list.iter().enumerate().find_map(|(at, one)| {
            let fields = one.fields()?;
            let (_, kind) = first(fields, &["identifierTypeName", "identifierType"])?;
            kind.scalar()?.to_ascii_lowercase().contains("pepfar").then_some((at, fields))
        })?;
        self.within(format_args!("patientIdentifiers/{at}"), |judge| judge.text(fields, &["identifier"]))
    }

    fn rows(&mut self, data: &Fields<'_>, record: &mut Record) {
        let person = record.person.uuid.clone();
        let mut made = Identities::default();
        let (mut visits, mut encounters) = (Names::default(), Names::default());
        let whose = person.as_str();
        record.visits = self.list(data, "visits", |judge, fields| {
            judge.belongs(fields, whose);
            let mut visit = judge.visit(fields);
            if let Some(visit) = visit.as_mut().filter(|visit| visit.uuid.is_empty()) {
                visit.uuid = made.of(&[whose, "visit", &visit.started.to_string(), visit.kind.as_deref().unwrap_or_default()]);
            }
            visits.put(fields, &["visitUuid", "visitId"], visit.as_ref().map_or("", |visit| &visit.uuid));
            visit.map(|visit| (visit.uuid.clone(), visit))
        });
        record.encounters = self.list(data, "encounters", |judge, fields| {
            judge.belongs(fields, whose);
            let encounter = judge.encounter(fields, &visits);
            encounters.put(fields, &["encounterUuid", "encounterId"], encounter.as_ref().map_or("", |encounter| &encounter.uuid));
            encounter.map(|encounter| (encounter.uuid.clone(), encounter))
        });
        record.observations = self.list(data, "obs", |judge, fields| {
            judge.belongs(fields, whose);
            let mut one = judge.observation(fields, &encounters)?;
            if one.uuid.is_empty() {
                let (number, text) = (one.number.map(|number| number.to_string()), one.text.as_deref().unwrap_or_default());
                let when = one.at.to_string();
                one.uuid = made.of(&[whose, "obs", &one.encounter, &one.variable, &when, &number.unwrap_or_default(), text]);
            }
            Some((one.uuid.clone(), one))
        });
    }

    /// The rows of a list; a row that stands there twice is taken once.
    fn list<T: PartialEq>(
        &mut self,
        data: &Fields<'_>,
        name: &'static str,
        mut row: impl FnMut(&mut Self, &Fields<'_>) -> Option<(String, T)>,
    ) -> Vec<T> {
        let rows = match data.get(name) {
            None | Some(Node::Null) => return Vec::new(),
            Some(Node::List(rows)) => rows,
            other => {
                self.refuse(Reason::WrongType, name, other);
                return Vec::new();
            }
        };
        if rows.len() > self.source.limits.rows {
            self.refuse(Reason::TooMany, name, None);
            return Vec::new();
        }
        let (mut out, mut seen): (Vec<T>, HashMap<String, usize>) = (Vec::with_capacity(rows.len()), HashMap::with_capacity(rows.len()));
        for (at, value) in rows.iter().enumerate() {
            let read = self.within(format_args!("{name}/{at}"), |judge| match value {
                Node::Fields(fields) => row(judge, fields),
                other => {
                    judge.refuse(Reason::WrongType, "", Some(other));
                    None
                }
            });
            let Some((id, one)) = read else { continue };
            match seen.get(&id) {
                None => {
                    seen.insert(id, out.len());
                    out.push(one);
                }
                Some(before) if out[*before] == one => {}
                Some(_) => self.refuse(Reason::DuplicateId, &format!("{name}/{at}"), None),
            }
        }
        out
    }

    /// A row may name its patient; then it is that of the record.
    fn belongs(&mut self, fields: &Fields<'_>, whose: &str) {
        if let Some((key, value)) = first(fields, &["patientUuid"])
            && !whose.is_empty()
            && value.scalar().is_none_or(|named| named.trim() != whose)
        {
            self.refuse(Reason::AnotherPatient, key, Some(value));
        }
    }

    fn visit(&mut self, fields: &Fields<'_>) -> Option<Visit> {
        let uuid = self.id(fields, &["visitUuid", "visitId"]);
        let started = self.required(fields, &["dateStarted"], |judge, keys| judge.date(fields, keys));
        let stopped = self.date(fields, &["dateStopped"]);
        if let (Some(started), Some(stopped)) = (started, stopped)
            && stopped.day() < started.day()
        {
            self.refuse(Reason::DateOrder, "dateStopped", fields.get("dateStopped"));
        }
        let kind = self.text(fields, &["visitType"]);
        let location = self.text(fields, &["locationId"]);
        let voided = self.truth(fields, "voided");
        Some(Visit { uuid: uuid.unwrap_or_default(), kind, started: started?, stopped, location, voided })
    }

    fn encounter(&mut self, fields: &Fields<'_>, visits: &Names) -> Option<Encounter> {
        let keys = ["encounterUuid", "encounterId"];
        let uuid = self.required(fields, &keys, |judge, keys| judge.id(fields, keys));
        let at = self.required(fields, &["encounterDatetime"], |judge, keys| judge.date(fields, keys));
        let visit = self.named(fields, &["visitUuid", "visitId"], visits, Reason::UnknownVisit);
        let kind = self.text(fields, &["encounterType"]);
        let form = self.text(fields, &["pmmForm"]);
        let form_id = self.text(fields, &["formId"]);
        let voided = self.truth(fields, "voided");
        Some(Encounter { uuid: uuid?, visit, at: at?, kind, form, form_id, voided })
    }

    fn observation(&mut self, fields: &Fields<'_>, encounters: &Names) -> Option<Observation> {
        let uuid = self.id(fields, &["obsUuid", "obsId"]);
        let keys = ["encounterUuid", "encounterId"];
        let encounter = self.required(fields, &keys, |judge, keys| judge.named(fields, keys, encounters, Reason::UnknownEncounter));
        let variable = self.required(fields, &["variableName"], |judge, keys| judge.text(fields, keys));
        let at = self.required(fields, &["obsDatetime"], |judge, keys| judge.date(fields, keys));
        let number = self.number(fields, "valueNumeric");
        // Of a number, the text beside it is the same number.
        let text = self.text(fields, if number.is_some() { &["valueText"] } else { &["valueText", "variableValue"] });
        let coded = self.text(fields, &["valueCoded"]);
        let concept = self.text(fields, &["conceptId"]);
        let voided = self.truth(fields, "voided");
        let uuid = uuid.unwrap_or_default();
        Some(Observation { uuid, encounter: encounter?, concept, variable: variable?, number, text, coded, at: at?, voided })
    }

    /// The row of the record that this one mentions.
    fn named(&mut self, fields: &Fields<'_>, keys: &[&'static str], names: &Names, unknown: Reason) -> Option<String> {
        let (key, value) = first(fields, keys)?;
        let known = value.scalar().and_then(|name| names.0.get(name.trim()).cloned());
        self.take(known.ok_or(unknown), key, value)
    }
}
