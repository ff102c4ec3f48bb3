//! One number for a record: the same in whatever format and order its rows came.

use ring::digest::{Context, SHA256};

use crate::record::{Record, Stamp};

/// SHA-256 in hexadecimal of a sorted record ([`Record::sort`]), without the time of its last change.
pub fn digest(record: &Record) -> String {
    let mut all = Mixer(Context::new(&SHA256));
    let person = &record.person;
    all.text(Some(&person.uuid));
    for text in [&person.facility, &person.pepfar_id, &person.given_name, &person.family_name, &person.state, &person.city, &person.phone] {
        all.text(text.as_deref());
    }
    all.text(person.birthdate.map(|day| day.to_string()).as_deref());
    all.number(person.gender.map_or(-1, |gender| gender as i64));
    all.number(record.visits.len() as i64);
    for one in &record.visits {
        all.text(Some(&one.uuid));
        all.text(one.kind.as_deref());
        all.stamp(Some(one.started));
        all.stamp(one.stopped);
        all.text(one.location.as_deref());
        all.number(i64::from(one.voided));
    }
    all.number(record.encounters.len() as i64);
    for one in &record.encounters {
        all.text(Some(&one.uuid));
        all.stamp(Some(one.at));
        [&one.visit, &one.kind, &one.form, &one.form_id].iter().for_each(|text| all.text(text.as_deref()));
        all.number(i64::from(one.voided));
    }
    all.number(record.observations.len() as i64);
    for one in &record.observations {
        all.text(Some(&one.uuid));
        all.text(Some(&one.encounter));
        all.text(Some(&one.variable));
        [&one.concept, &one.text, &one.coded].iter().for_each(|text| all.text(text.as_deref()));
        all.number(one.number.map_or(i64::MIN, |number| number.to_bits().cast_signed()));
        all.stamp(Some(one.at));
        all.number(i64::from(one.voided));
    }
    hex(all.0.finish().as_ref())
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let digit = |part: u8| char::from_digit(u32::from(part), 16).unwrap_or('0');
        out.extend([digit(byte >> 4), digit(byte & 15)]);
        out
    })
}

/// Feeds values so that no two sequences of them look the same.
struct Mixer(Context);

impl Mixer {
    fn number(&mut self, number: i64) {
        self.0.update(&number.to_le_bytes());
    }
    fn stamp(&mut self, stamp: Option<Stamp>) {
        self.number(stamp.map_or(i64::MIN, |stamp| stamp.0));
    }
    fn text(&mut self, text: Option<&str>) {
        self.number(text.map_or(-1, |text| text.len() as i64));
        self.0.update(text.unwrap_or_default().as_bytes());
    }
}
