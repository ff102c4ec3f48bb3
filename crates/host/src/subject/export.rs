//! A person's own copy: every row the declarations reach, by table and column.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use plimsoll_core::{Code, ErasureId, Result, Time};
use plimsoll_store::{Scope, Tx, Value as Bound};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    Subjects,
    certificate::{Certificate, Entry, Signed, Subject as Whom},
    erase::Found,
    own::PERSON,
    register::Holding,
    statements,
};
use crate::{
    identity::hex,
    ledger::{Change, Note},
};

/// The form of a copy. Readers refuse others.
pub const SCHEMA: &str = "plimsoll.subject/1";
/// The most rows in one copy: a person whose data is larger needs an archive of the tenant.
const MOST: usize = 100_000;

/// Everything about one subject.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "SubjectCopy")]
pub struct Copy {
    /// `plimsoll.subject/1`.
    pub schema: String,
    /// The declared kind.
    pub kind: String,
    /// When it was made.
    pub at: Time,
    /// The tables, in the order of their declaration, also those without rows.
    pub tables: Vec<Part>,
    /// What was handed out, signed, without the data.
    pub receipt: Signed,
}

/// The rows of one table.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "SubjectPart")]
pub struct Part {
    /// Whose table it is.
    pub system: String,
    /// Its name.
    pub table: String,
    /// The rows, as objects by column; bytes as `{"base64": …}`.
    pub rows: Vec<Value>,
}

impl Subjects {
    /// Everything about a subject in the transaction's tenant, with a signed receipt; the ledger
    /// says that it was handed out. Call [`Subjects::find`] first.
    ///
    /// # Errors
    /// [`Code::Invalid`] for more rows than fit into one copy; what the database says.
    pub fn copy(&self, change: &mut Change<'_, '_>, found: &Found) -> Result<Copy> {
        let Scope::Tenant(tenant) = change.scope() else {
            return Err(Code::Internal.error().caused_by("a subject is exported in its tenant's scope"));
        };
        let (at, id): (Time, ErasureId) = (change.now(), change.id());
        let kind = found.named.kind;
        let mut holdings = self.register.of(kind);
        let known = kind == PERSON && is_known(change, &found.key)?;
        if known {
            holdings.extend(self.register.account());
        }
        let mark = self.marker.mark(Some(&tenant.to_string()), kind, &found.key);
        let mut tables = Vec::new();
        let mut room = MOST;
        for holding in holdings {
            let rows = rows(change, holding, (&found.key, &hex(&mark)), room)?;
            room -= rows.len();
            tables.push(Part { system: holding.system.into(), table: holding.subject.table.into(), rows });
        }
        let entries: Vec<Entry> = tables
            .iter()
            .map(|part| Entry {
                system: part.system.clone(),
                table: part.table.clone(),
                outcome: "exported".into(),
                rows: i64::try_from(part.rows.len()).unwrap_or(i64::MAX),
                why: None,
            })
            .collect();
        let count: i64 = entries.iter().map(|one| one.rows).sum();
        let receipt = self.signer.sign(Certificate {
            action: "exported".into(),
            id: id.to_string(),
            at,
            tenant: tenant.to_string(),
            subject: Whom { kind: kind.into(), tombstones: vec![hex(&mark)] },
            tables: entries,
            beyond: Vec::new(),
        })?;
        change.note(Note {
            action: "subject.export".into(),
            target: format!("subjects/{id}"),
            detail: Some(json!({ "kind": kind, "rows": count, "tombstone": hex(&mark) })),
            ..Note::default()
        });
        Ok(Copy { schema: SCHEMA.into(), kind: kind.into(), at, tables, receipt })
    }
}

/// Whether this tenant may see a person's account: only of its own members and of those who had a
/// session here.
fn is_known(tx: &Tx<'_>, person: &str) -> Result<bool> {
    let known: i64 = tx.row(
        "SELECT (SELECT count(*) FROM member WHERE tenant_id = :tenant AND person_id = :id) \
              + (SELECT count(*) FROM session WHERE tenant_id = :tenant AND person_id = :id)",
        plimsoll_store::bind! { id: person },
    )?;
    Ok(known > 0)
}

fn rows(tx: &Tx<'_>, holding: &Holding, (key, marked): (&str, &str), room: usize) -> Result<Vec<Value>> {
    let mut out = Vec::new();
    let key = statements::bound(holding.subject.key, key, marked)?;
    tx.each(holding.statements.select, &[("key", key)], &mut |row| {
        if out.len() == room {
            return Err(Code::Invalid.because(format!("there are more than {MOST} rows about this subject; export the tenant instead")));
        }
        let mut object = Map::new();
        for column in 0..row.len() {
            let name = row.name(column)?;
            if name == "tenant_id" || holding.subject.withheld.contains(&name) {
                continue;
            }
            let value = match row.value(column)? {
                Bound::Null => Value::Null,
                Bound::Int(number) => number.into(),
                Bound::Real(number) => json!(number),
                Bound::Text(text) => text.into(),
                Bound::Id(id) => id.as_str().into(),
                Bound::Blob(bytes) => json!({ "base64": BASE64.encode(bytes) }),
            };
            object.insert(name.to_owned(), value);
        }
        out.push(Value::Object(object));
        Ok(())
    })?;
    Ok(out)
}
