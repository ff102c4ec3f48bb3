//! One event, before and after it has its number; its form is CloudEvents 1.0.

use std::borrow::Cow;

use plimsoll_core::{Access, Code, EventId, Principal, Result, Role, TenantId, Time};
use plimsoll_store::{FromRow, Row};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::pattern::is_type;

/// Most bytes of `data`, so that no event in its JSON form is larger than 64 KiB.
const DATA_LIMIT: usize = 60_000;
/// Most bytes of source and subject.
const NAME_LIMIT: usize = 512;

/// Something that happened, to be written with the change that made it happen.
#[derive(Debug, Clone)]
pub struct Event {
    pub(super) kind: Cow<'static, str>,
    pub(super) source: Cow<'static, str>,
    pub(super) subject: Option<String>,
    pub(super) data: Value,
    pub(super) access: Access,
}

impl Event {
    /// An event of the type `kind` (`song.created`) from `source` (`/v1/songs`), told to those whom
    /// `access` allows. `data` holds ids, versions, names of fields: what a reader needs to fetch
    /// the rest, never a value of personal data.
    pub fn new(kind: impl Into<Cow<'static, str>>, source: impl Into<Cow<'static, str>>, access: Access, data: Value) -> Event {
        Event { kind: kind.into(), source: source.into(), subject: None, data, access }
    }

    /// What it is about, within the source: `17`.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Event {
        self.subject = Some(subject.into());
        self
    }

    /// `data` as text, once everything about the event is as it must be.
    ///
    /// # Errors
    /// [`Code::Internal`] for a type that is none, [`Code::Invalid`] for what is too large.
    pub(super) fn checked(&self) -> Result<String> {
        if !is_type(&self.kind) {
            return Err(Code::Internal.error().caused_by(format!("`{}` is no type of event", self.kind)));
        }
        let plain = |text: &str| text.len() <= NAME_LIMIT && !text.chars().any(char::is_control);
        if !plain(&self.source) || !self.subject.as_deref().is_none_or(plain) {
            return Err(Code::Invalid.because(format!("source and subject of an event are {NAME_LIMIT} bytes of plain text at most")));
        }
        let data = self.data.to_string();
        if data.len() > DATA_LIMIT {
            return Err(Code::Invalid.because(format!(
                "an event carries {DATA_LIMIT} bytes at most; this one has {}: keep the content elsewhere and tell its id",
                data.len()
            )));
        }
        Ok(data)
    }
}

/// An event in its tenant's log. As JSON it is a CloudEvent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Published {
    specversion: Cow<'static, str>,
    /// Its id: `evt_…`.
    pub id: EventId,
    /// What it comes from, as the path of a collection: `/v1/songs`.
    pub source: String,
    /// What happened: `song.created`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is about, within the source: `17`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// When.
    pub time: Time,
    datacontenttype: Cow<'static, str>,
    /// Whose.
    pub tenant: TenantId,
    /// Its number in the tenant's log, from 1, without gaps; as text of twenty digits, which sorts.
    #[serde(with = "sequence", rename = "sequence")]
    pub seq: i64,
    /// The trace of the request that caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// Ids, versions, names of fields.
    pub data: Value,
    /// Who may read it; not part of its form.
    #[serde(skip)]
    pub(super) needs: Needs,
}

/// The permission that a reader must hold, and the weakest role that holds it. What was read from
/// JSON says nothing of it, so nobody may.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Needs {
    pub(super) permission: Option<String>,
    pub(super) weakest: Option<Role>,
}

impl Needs {
    pub(super) fn of(access: Access) -> Needs {
        match access {
            Access::Needs { permission, least } => Needs { permission: Some(permission.to_owned()), weakest: Some(least) },
            Access::Authenticated | Access::Public { .. } => Needs { permission: None, weakest: Some(Role::Viewer) },
            Access::Nobody => Needs::default(),
        }
    }
    /// As it stands in the log; `nobody` where no role is enough.
    pub(super) fn role(&self) -> &'static str {
        self.weakest.map_or("nobody", Role::name)
    }
}

impl Published {
    pub(in crate::work) fn new(
        event: &Event,
        tenant: TenantId,
        seq: i64,
        id: EventId,
        time: Time,
        traceparent: Option<String>,
    ) -> Published {
        Published {
            specversion: Cow::Borrowed("1.0"),
            id,
            source: event.source.clone().into_owned(),
            kind: event.kind.clone().into_owned(),
            subject: event.subject.clone(),
            time,
            datacontenttype: Cow::Borrowed("application/json"),
            tenant,
            seq,
            traceparent,
            data: event.data.clone(),
            needs: Needs::of(event.access),
        }
    }

    /// Whether `who` may learn of it: someone of its tenant who may read what it is about.
    pub fn is_for(&self, who: &Principal) -> bool {
        let Some(weakest) = self.needs.weakest else { return false };
        who.tenant == self.tenant
            && match &self.needs.permission {
                Some(permission) => who.holds(permission, weakest),
                None => who.role >= weakest,
            }
    }

    /// What a subscriber receives and a webhook sends.
    ///
    /// # Errors
    /// None that a published event can cause.
    pub fn json(&self) -> Result<String> {
        Ok(serde_json::to_string(self)?)
    }
}

/// The columns of a [`Published`], in order.
pub(super) const COLUMNS: &str = "tenant_id, seq, id, type, source, subject, at, data, traceparent, permission, weakest";

impl FromRow for Published {
    fn from_row(row: &Row<'_>) -> Result<Published> {
        let (data, weakest): (String, String) = (row.get(7)?, row.get(10)?);
        Ok(Published {
            specversion: Cow::Borrowed("1.0"),
            datacontenttype: Cow::Borrowed("application/json"),
            tenant: row.get(0)?,
            seq: row.get(1)?,
            id: row.get(2)?,
            kind: row.get(3)?,
            source: row.get(4)?,
            subject: row.get(5)?,
            time: row.get(6)?,
            data: serde_json::from_str(&data)?,
            traceparent: row.get(8)?,
            needs: Needs { permission: row.get(9)?, weakest: weakest.parse().ok() },
        })
    }
}

mod sequence {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(seq: &i64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{seq:020}"))
    }
    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const READ: Access = Access::needs("songs:read", Role::Editor);

    fn published(event: &Event) -> Published {
        let time = Time::parse("2026-11-21T10:00:00Z").unwrap();
        Published::new(event, TenantId::from_bits(1), 42, EventId::from_bits(2), time, Some("00-1-2-01".into()))
    }

    #[test]
    fn the_form_is_that_of_a_cloud_event() {
        let event = Event::new("song.created", "/v1/songs", READ, json!({ "id": 17, "version": 1 })).about("17");
        let text = published(&event).json().unwrap();
        assert_eq!(
            serde_json::from_str::<Value>(&text).unwrap(),
            json!({
                "specversion": "1.0", "id": "evt_00000000000000000000000002", "source": "/v1/songs", "type": "song.created",
                "subject": "17", "time": "2026-11-21T10:00:00.000000Z", "datacontenttype": "application/json",
                "tenant": "ten_00000000000000000000000001", "sequence": "00000000000000000042", "traceparent": "00-1-2-01",
                "data": { "id": 17, "version": 1 },
            })
        );
        let back: Published = serde_json::from_str(&text).unwrap();
        assert_eq!((back.seq, &back.data), (42, &event.data));
        assert!(!back.is_for(&Principal::host(TenantId::from_bits(1))), "who may read it is not part of the form");
    }

    #[test]
    fn the_largest_event_fits_into_64_kib_and_a_larger_one_is_refused() {
        let sized = |bytes: usize| {
            let name = "\"".repeat(NAME_LIMIT);
            Event::new(format!("song.{}", "x".repeat(95)), name.clone(), READ, json!("x".repeat(bytes - 2))).about(name)
        };
        assert!(sized(DATA_LIMIT).checked().is_ok());
        assert!(published(&sized(DATA_LIMIT)).json().unwrap().len() <= 64 << 10);
        assert_eq!(sized(DATA_LIMIT + 1).checked().unwrap_err().code(), Code::Invalid);
        assert_eq!(Event::new("song", "/v1/songs", READ, json!(1)).checked().unwrap_err().code(), Code::Internal);
        assert!(Event::new("song.x", "/v1/songs", READ, json!(1)).about("a\nb").checked().is_err());
    }

    #[test]
    fn an_event_is_for_those_who_may_read_what_it_is_about() {
        let mut who = Principal::anonymous(TenantId::from_bits(1));
        let event = published(&Event::new("song.created", "/v1/songs", READ, json!(1)));
        assert!(!event.is_for(&who), "a viewer where an editor is asked for");
        who.role = Role::Editor;
        assert!(event.is_for(&who));
        who.scopes = vec!["artists:*".to_owned()].into();
        assert!(!event.is_for(&who), "a scope that does not cover it");
        who = Principal::host(TenantId::from_bits(2));
        assert!(!event.is_for(&who), "another tenant");
        assert!(
            !published(&Event::new("song.created", "/v1/songs", Access::Nobody, json!(1))).is_for(&Principal::host(TenantId::from_bits(1)))
        );
    }
}
