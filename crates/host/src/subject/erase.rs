//! Removing one person's data, in the transaction that also makes the tombstone.

use plimsoll_core::{Code, ErasureId, Error, Fault, Result, TenantId, Time, UserId};
use plimsoll_store::{Pace, Scope, Store, Tx, bind};
use serde_json::json;

use super::{
    Subjects,
    certificate::{Certificate, Entry, Signed, Subject as Whom},
    own::PERSON,
    register::{Holding, Named},
    tombstone::{Mark, WITHHELD},
};
use crate::{
    identity::{hex, people},
    ledger::{Change, Note},
};

static PACE: Pace = Pace::new();

/// A subject as it was found before the change.
#[derive(Clone)]
pub struct Found {
    pub(super) named: Named,
    /// The id of a person of the host; the key itself else.
    pub(super) key: String,
    /// For a person of the host: whether no other tenant knows it.
    pub(super) alone: bool,
}

impl Subjects {
    /// Finds out who is meant. For a person of the host that needs a look across tenants, which
    /// the change itself, in one tenant's scope, cannot take.
    ///
    /// # Errors
    /// [`Code::Invalid`] for an undeclared kind or a key that cannot be one; what the database says.
    pub async fn find(&self, store: &Store, tenant: TenantId, kind: &str, key: &str) -> Result<Found> {
        let named = self.register.named(kind, key)?;
        if named.kind != PERSON {
            return Ok(Found { key: named.key.clone(), named, alone: false });
        }
        let address = if key.starts_with("usr_") { None } else { Some(people::email(key, "/key")?) };
        if address.is_none() && key.parse::<UserId>().is_err() {
            return Err(Error::invalid(vec![Fault::at("/key", "must be an e-mail address or a usr_… id")]));
        }
        let named = Named { key: address.clone().unwrap_or_else(|| named.key.clone()), ..named };
        let wanted = key.to_owned();
        let (id, alone) = store
            .read(Scope::Host, &PACE, move |tx| {
                let id = match &address {
                    Some(address) => people::person(tx, address)?.map(|id| id.to_string()),
                    None => Some(wanted),
                };
                let others: i64 = tx.row(
                    "SELECT count(*) FROM member WHERE person_id = :id AND tenant_id <> :here",
                    bind! { id: id.as_deref().unwrap_or_default(), here: tenant },
                )?;
                let here: i64 = tx.row(
                    "SELECT (SELECT count(*) FROM member WHERE person_id = :id AND tenant_id = :here) \
                          + (SELECT count(*) FROM session WHERE person_id = :id AND tenant_id = :here)",
                    bind! { id: id.as_deref().unwrap_or_default(), here: tenant },
                )?;
                // Somebody whom only others know is not this tenant's to remove.
                Ok((id, others == 0 && here > 0))
            })
            .await?;
        // Nobody there: the tombstone of the address still matters to archives.
        let alone = alone || id.is_none();
        let key = id.unwrap_or_else(|| named.key.clone());
        Ok(Found { named, key, alone })
    }

    /// Erases in the transaction's tenant; the signed certificate. Call [`Subjects::find`] first.
    ///
    /// # Errors
    /// [`Code::Conflict`] for the last owner of the tenant; what the database says.
    pub fn erase(&self, change: &mut Change<'_, '_>, found: &Found) -> Result<Signed> {
        self.certify(change, found, true)
    }

    /// A certificate about nothing: what the host would be without the practice.
    pub(super) fn pretend(&self, change: &mut Change<'_, '_>, found: &Found) -> Result<Signed> {
        self.certify(change, found, false)
    }

    fn certify(&self, change: &mut Change<'_, '_>, found: &Found, truly: bool) -> Result<Signed> {
        let tenant = tenant_of(change)?;
        let (at, id): (Time, ErasureId) = (change.now(), change.id());
        let owner = tenant.to_string();
        let kind = found.named.kind;
        if kind == PERSON
            && let Ok(person) = found.key.parse::<UserId>()
            && is_owner(change, person)?
        {
            people::keep_an_owner(change, person)?;
        }
        let own = self.marker.mark(Some(&owner), kind, &found.key);
        let mut marks = vec![own];
        let mut entries = Vec::new();
        for holding in self.register.of(kind) {
            entries.push(self.clear(change, holding, &found.key, &own, truly)?);
        }
        if kind == PERSON {
            let account = self.marker.mark(None, kind, &found.key);
            if let Some(holding) = self.register.account() {
                if found.alone {
                    marks.push(account);
                    let address: Option<String> = change.maybe("SELECT email FROM person WHERE id = :id", bind! { id: found.key })?;
                    marks.extend(address.iter().map(|address| self.marker.mark(None, kind, address)));
                    marks.push(self.marker.mark(None, kind, &found.named.key));
                    entries.push(self.clear(change, holding, &found.key, &account, truly)?);
                } else {
                    entries.push(Entry {
                        system: "host".into(),
                        table: holding.subject.table.into(),
                        outcome: "kept".into(),
                        rows: 0,
                        why: Some("the account belongs to a person whom other tenants know, or whom this one does not know".into()),
                    });
                }
            }
        }
        marks.sort_unstable();
        marks.dedup();
        entries.push(withhold(change)?);
        entries.extend(forget_opaque(change, found)?);
        let certificate = Certificate {
            action: "erased".into(),
            id: id.to_string(),
            at,
            tenant: owner,
            subject: Whom { kind: kind.into(), tombstones: marks.iter().map(|mark| hex(mark)).collect() },
            tables: entries,
            beyond: BEYOND.iter().map(|text| (*text).to_owned()).collect(),
        };
        let signed = self.signer.sign(certificate)?;
        for (place, mark) in marks.iter().enumerate() {
            put(change, id, kind, mark, at, (place == 0).then_some(&signed))?;
        }
        let rows: i64 = signed.certificate.tables.iter().filter(|one| one.outcome != "kept").map(|one| one.rows).sum();
        change.note(Note {
            action: "subject.erase".into(),
            target: format!("erasures/{id}"),
            detail: Some(json!({ "kind": kind, "rows": rows, "tombstone": hex(&own) })),
            ..Note::default()
        });
        Ok(signed)
    }

    fn clear(&self, tx: &mut Tx<'_>, holding: &Holding, key: &str, mark: &Mark, truly: bool) -> Result<Entry> {
        let rows = if !truly { 0 } else { holding.statements.erase(tx, &holding.subject, key, mark)? };
        let why = match holding.subject.erase {
            super::Erase::Keep(why) => Some(why.to_owned()),
            _ => None,
        };
        Ok(Entry {
            system: holding.system.into(),
            table: holding.subject.table.into(),
            outcome: holding.subject.erase.word().into(),
            rows: i64::try_from(rows).unwrap_or(i64::MAX),
            why,
        })
    }
}

/// What no erasure reaches, said in every certificate.
const BEYOND: &[&str] = &[
    "archives made before this erasure hold the data until they are pruned; whoever restores one applies the tombstones",
    "services mounted behind the host keep their own data",
    "the ledger keeps who did what, by ids without values",
];

fn tenant_of(tx: &Tx<'_>) -> Result<TenantId> {
    match tx.scope() {
        Scope::Tenant(tenant) => Ok(tenant),
        Scope::Host => Err(Code::Internal.error().caused_by("a subject is erased in its tenant's scope")),
    }
}

fn is_owner(tx: &Tx<'_>, person: UserId) -> Result<bool> {
    let role: Option<String> =
        tx.maybe("SELECT role FROM member WHERE tenant_id = :tenant AND person_id = :person AND active = 1", bind! { person: person })?;
    Ok(role.as_deref() == Some("owner"))
}

/// Answers that are kept for repeats are sealed, and nobody can tell whose data lies in them: all
/// of the tenant's go. The records stay, so nothing is done twice.
pub(super) fn withhold(tx: &mut Tx<'_>) -> Result<Entry> {
    let rows = tx.write(
        "UPDATE idempotency SET state = 'withheld', answer = NULL, reason = :why WHERE tenant_id = :tenant AND answer IS NOT NULL",
        bind! { why: WITHHELD },
    )?;
    Ok(Entry {
        system: "host".into(),
        table: "idempotency".into(),
        outcome: "blanked".into(),
        rows: i64::try_from(rows).unwrap_or(i64::MAX),
        why: Some("kept answers of the whole tenant: nobody can tell whose data lies in them".into()),
    })
}

/// Tables whose content is the systems' own JSON, what in them is over, and how it is blanked.
const OPAQUE: &[(&str, &str)] = &[
    (
        "job",
        "UPDATE job SET payload = 'null', result = NULL, progress = NULL WHERE tenant_id = :tenant AND state IN ('done', 'cancelled') \
         AND (payload LIKE :text ESCAPE '\\' OR result LIKE :text ESCAPE '\\' OR progress LIKE :text ESCAPE '\\')",
    ),
    (
        "event",
        "UPDATE event SET data = 'null', subject = NULL WHERE tenant_id = :tenant \
         AND (data LIKE :text ESCAPE '\\' OR subject LIKE :text ESCAPE '\\')",
    ),
    (
        "webhook_event",
        "UPDATE webhook_event SET body = 'null' WHERE tenant_id = :tenant AND body LIKE :text ESCAPE '\\' AND NOT EXISTS \
         (SELECT 1 FROM webhook_delivery d WHERE d.tenant_id = :tenant AND d.event_id = webhook_event.id AND d.state = 'pending')",
    ),
    ("webhook_attempt", "UPDATE webhook_attempt SET answer = NULL WHERE tenant_id = :tenant AND answer LIKE :text ESCAPE '\\'"),
];

/// Work that is over, and events, that mention the subject by a text which can be told apart. What
/// mentions it by a number, or is not over, goes when its own time has come.
fn forget_opaque(tx: &mut Tx<'_>, found: &Found) -> Result<Vec<Entry>> {
    let mut keys = vec![&found.key, &found.named.key];
    keys.dedup();
    keys.retain(|key| key.len() >= 4 && key.parse::<f64>().is_err());
    let mut entries = Vec::new();
    for (table, sql) in OPAQUE {
        let mut rows = 0;
        for key in &keys {
            let json = serde_json::to_string(key)?;
            let inner = json.trim_matches('"').replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            rows += tx.write(*sql, bind! { text: format!("%{inner}%") })?;
        }
        entries.push(Entry {
            system: "host".into(),
            table: (*table).into(),
            outcome: "blanked".into(),
            rows: i64::try_from(rows).unwrap_or(i64::MAX),
            why: Some("what names the subject by its key and is over; the rest goes when its own period is".into()),
        });
    }
    Ok(entries)
}

fn put(tx: &mut Tx<'_>, id: ErasureId, kind: &str, mark: &Mark, at: Time, signed: Option<&Signed>) -> Result<()> {
    let certificate = signed.map(serde_json::to_string).transpose()?;
    tx.write(
        "INSERT INTO erasure (tenant_id, mark, id, kind, at, certificate) VALUES (:tenant, :mark, :id, :kind, :at, :certificate) \
         ON CONFLICT (tenant_id, mark) DO UPDATE SET id = excluded.id, at = excluded.at, certificate = excluded.certificate, placed_at = NULL",
        bind! { mark: mark, id: id, kind: kind, at: at, certificate: certificate },
    )?;
    Ok(())
}
