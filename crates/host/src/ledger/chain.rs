//! The hash chain.
//!
//! `hash(n) = SHA-256(hash(n-1) ‖ fields of entry n)`, each field as its length (four bytes, big
//! endian) and its bytes; an absent field has the length `0xffff_ffff`. The hash before the first
//! entry is 32 zero bytes. In the place of the address stands, in hexadecimal digits, the digest
//! `SHA-256(salt ‖ address)` with 16 random bytes of salt, so that an address can be removed later
//! and nobody can guess it from what is left. Entries from before that (without a digest) have the
//! address itself there.

use plimsoll_core::{Code, Result, Seed};
use plimsoll_store::{FromRow, Head, Row, Scope, Tx, bind};
use ring::digest::{Context, SHA256};

use super::{Note, Origin};
use crate::identity::{hex, sha256};

const ABSENT: [u8; 4] = [0xff; 4];

/// An entry as it stands in the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its number in the tenant's chain, from 1.
    pub seq: i64,
    /// When, in microseconds since 1970.
    pub at: i64,
    /// `person`, `key`, `host`, `anonymous`.
    pub actor_kind: String,
    /// `usr_…`, `key_…`, `host`, `anonymous`.
    pub actor: String,
    /// `songs.create`.
    pub action: String,
    /// `songs/17`.
    pub target: String,
    /// `ok`, `denied`, `failed`.
    pub outcome: String,
    /// The request's id.
    pub request: Option<String>,
    /// The caller's address.
    pub address: Option<String>,
    /// JSON.
    pub detail: Option<String>,
    /// The chain's hash up to and including this entry.
    pub hash: [u8; 32],
    /// Random bytes before the address in its digest; gone when the address is.
    pub salt: Option<Vec<u8>>,
    /// Stands for the address in the chain.
    pub digest: Option<Vec<u8>>,
}

impl FromRow for Entry {
    fn from_row(row: &Row<'_>) -> Result<Entry> {
        Ok(Entry {
            seq: row.get(0)?,
            at: row.get(1)?,
            actor_kind: row.get(2)?,
            actor: row.get(3)?,
            action: row.get(4)?,
            target: row.get(5)?,
            outcome: row.get(6)?,
            request: row.get(7)?,
            address: row.get(8)?,
            detail: row.get(9)?,
            hash: row.get(10)?,
            salt: row.get(11)?,
            digest: row.get(12)?,
        })
    }
}

impl Entry {
    fn chained(&self, tenant: &str, before: &[u8; 32]) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        let mut field = |bytes: Option<&[u8]>| match bytes {
            None => context.update(&ABSENT),
            Some(bytes) => {
                // Texts come from bounded requests, so the length always fits.
                context.update(&u32::try_from(bytes.len()).unwrap_or(u32::MAX - 1).to_be_bytes());
                context.update(bytes);
            }
        };
        field(Some(before));
        field(Some(tenant.as_bytes()));
        field(Some(&self.seq.to_be_bytes()));
        field(Some(&self.at.to_be_bytes()));
        for text in [&self.actor_kind, &self.actor, &self.action, &self.target, &self.outcome] {
            field(Some(text.as_bytes()));
        }
        let digest = self.digest.as_ref().map(|digest| hex(digest));
        for text in [&self.request, if digest.is_some() { &digest } else { &self.address }, &self.detail] {
            field(text.as_deref().map(str::as_bytes));
        }
        let mut hash = [0u8; 32];
        hash.copy_from_slice(context.finish().as_ref());
        hash
    }

    /// Whether the address, where it is still there, is the one that the chain vouches for.
    fn addressed(&self) -> bool {
        match (&self.address, &self.digest) {
            (Some(address), Some(digest)) => {
                let salt = self.salt.as_deref().unwrap_or_default();
                sha256(&[salt, address.as_bytes()].concat()) == digest.as_slice()
            }
            _ => true,
        }
    }
}

/// Appends one entry to the chain of the transaction's tenant.
pub fn append(tx: &mut Tx<'_>, origin: &Origin, note: &Note) -> Result<()> {
    let Scope::Tenant(tenant) = tx.scope() else {
        return Err(Code::Internal.because("the ledger is kept per tenant; commit in a tenant's scope"));
    };
    let head = match tx.head() {
        Some(head) => head,
        None => tx
            .maybe::<(i64, [u8; 32])>("SELECT seq, hash FROM ledger WHERE tenant_id = :tenant ORDER BY seq DESC LIMIT 1", &[])?
            .map_or(Head { seq: 0, hash: [0; 32] }, |(seq, hash)| Head { seq, hash }),
    };
    let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
    let address = origin.address.map(|address| address.to_string());
    let salt = address.as_ref().map(|_| Seed::system().bytes::<16>());
    let digest = address.as_ref().zip(salt).map(|(address, salt)| sha256(&[&salt, address.as_bytes()].concat()));
    let mut entry = Entry {
        seq: head.seq + 1,
        at: origin.at.micros(),
        actor_kind: origin.actor_kind.to_owned(),
        actor: origin.actor.to_string(),
        action: or(&note.action, &origin.action),
        target: or(&note.target, origin.path.trim_start_matches('/')),
        outcome: or(note.outcome, "ok"),
        request: origin.request.map(|id| id.to_string()),
        address,
        detail: note.detail.as_ref().map(|detail| detail.to_string()),
        hash: [0; 32],
        salt: salt.map(Vec::from),
        digest: digest.map(Vec::from),
    };
    entry.hash = entry.chained(&tenant.to_string(), &head.hash);
    tx.write(
        "INSERT INTO ledger (tenant_id, seq, at, actor_kind, actor, action, target, outcome, request, address, detail, hash, \
         address_salt, address_digest) \
         VALUES (:tenant, :seq, :at, :actor_kind, :actor, :action, :target, \
         CASE WHEN EXISTS (SELECT 1 FROM tenant WHERE id = :tenant AND held_at IS NOT NULL) THEN NULL ELSE :outcome END, :request, :address, :detail, :hash, :salt, :digest)",
        bind! {
            seq: entry.seq, at: entry.at, actor_kind: entry.actor_kind, actor: entry.actor, action: entry.action, target: entry.target,
            outcome: entry.outcome, request: entry.request, address: entry.address, detail: entry.detail, hash: entry.hash, salt: entry.salt, digest: entry.digest,
        },
    )
    .map_err(unless_held)?;
    tx.set_head(Head { seq: entry.seq, hash: entry.hash });
    Ok(())
}

/// A held tenant's entry has no outcome, which the table refuses: so the look at the tenant costs no
/// statement of its own, and there is no moment between look and entry.
fn unless_held(error: plimsoll_core::Error) -> plimsoll_core::Error {
    let outcome = error.code() == Code::Invalid && error.cause().is_some_and(|cause| cause.contains("outcome"));
    if outcome { crate::archive::tenant::hold::refusal() } else { error }
}

/// What a walk over a chain found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// How many entries were read.
    pub entries: i64,
    /// The last hash, in hexadecimal: note it elsewhere to notice a cut-off tail later.
    pub head: String,
    /// The first entry that does not fit, and why.
    pub broken: Option<(i64, &'static str)>,
}

/// Walks the chain of the transaction's tenant from the first entry to the last.
pub fn verify(tx: &Tx<'_>) -> Result<Verified> {
    let Scope::Tenant(tenant) = tx.scope() else {
        return Err(Code::Internal.because("the ledger is kept per tenant; verify in a tenant's scope"));
    };
    let tenant = tenant.to_string();
    let (mut expected, mut before, mut broken) = (1i64, [0u8; 32], None);
    tx.each("SELECT seq, at, actor_kind, actor, action, target, outcome, request, address, detail, hash, address_salt, address_digest FROM ledger WHERE tenant_id = :tenant ORDER BY seq", &[], &mut |row| {
        let entry = Entry::from_row(row)?;
        if broken.is_none() {
            if entry.seq != expected {
                broken = Some((expected, "entries are missing here"));
            } else if entry.hash != entry.chained(&tenant, &before) {
                broken = Some((entry.seq, "the entry does not match its hash"));
            } else if !entry.addressed() {
                broken = Some((entry.seq, "the address does not match its digest"));
            }
        }
        expected = entry.seq + 1;
        before = entry.hash;
        Ok(())
    })?;
    Ok(Verified { entries: expected - 1, head: before.iter().map(|byte| format!("{byte:02x}")).collect(), broken })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry {
            seq: 1,
            at: 2,
            actor_kind: "key".into(),
            actor: "key_1".into(),
            action: "a.b".into(),
            target: "t".into(),
            outcome: "ok".into(),
            request: None,
            address: None,
            detail: Some(String::new()),
            hash: [0; 32],
            salt: None,
            digest: None,
        }
    }

    #[test]
    fn every_field_counts_and_fields_cannot_run_together() {
        let base = entry().chained("ten", &[0; 32]);
        let changed: Vec<Entry> = vec![
            Entry { seq: 2, ..entry() },
            Entry { at: 3, ..entry() },
            Entry { actor_kind: "ke".into(), actor: "ykey_1".into(), ..entry() },
            Entry { action: "a.c".into(), ..entry() },
            Entry { target: String::new(), ..entry() },
            Entry { outcome: "denied".into(), ..entry() },
            Entry { request: Some(String::new()), ..entry() },
            Entry { address: Some("::1".into()), ..entry() },
            Entry { detail: None, ..entry() },
            Entry { digest: Some(vec![1]), ..entry() },
        ];
        for other in changed {
            assert_ne!(other.chained("ten", &[0; 32]), base, "{other:?}");
        }
        assert_ne!(entry().chained("other", &[0; 32]), base);
        assert_ne!(entry().chained("ten", &[1; 32]), base);
    }
}
