//! The host's own tables: what is personal data in each, and what becomes of it.
//!
//! A *person* is known to the host by an e-mail address and, everywhere else, by an id that says
//! nothing about anybody. So an erasure blanks the address and leaves the id: what others wrote
//! ("made by `usr_…`") stays true and leads to nobody.
//!
//! **The ledger** keeps ids, actions, names of fields, and addresses of callers; it never holds
//! values. An address is personal data where the actor is a person. It is covered by the chain as a
//! digest with a salt, not by itself: an erasure removes address and salt of that person's
//! entries, the chain still verifies, and nothing about the address can be found out from what is
//! left. What the person did stays on record: it is needed to answer for what happened
//! (GDPR, article 17(3)(b) and (e)).

use super::{Key, Subject, With};

/// The kind of the host's own subjects. Their key is an e-mail address or a `usr_…` id.
pub const PERSON: &str = "person";

/// Where a person's data lies in tables of a tenant. The key is the person's id.
pub const HOLDINGS: &[Subject] = &[
    // A hash of a token; it goes so that it opens nothing any more.
    Subject::delete(PERSON, "refresh", Key::Via { column: "session_id", table: "session", key: "person_id" }).withholding(&["hash"]),
    // The row stays until its time is over, because it is part of the record of who was in.
    Subject::blank(
        PERSON,
        "session",
        Key::Text("person_id"),
        &[("address", With::Null), ("agent", With::Null), ("cookie_hash", With::Null), ("expires_at", With::Zero)],
    )
    .withholding(&["cookie_hash"]),
    Subject::delete(PERSON, "member", Key::Text("person_id")),
    Subject::blank(PERSON, "ledger", Key::Text("actor"), &[("address", With::Null), ("address_salt", With::Null)]).withholding(&[
        "hash",
        "address_salt",
        "address_digest",
    ]),
];

/// The account itself, which no tenant owns: blanked when the person is a member of no tenant any
/// more. The key is the person's id.
pub const ACCOUNT: Subject = Subject::blank(
    PERSON,
    "person",
    Key::Text("id"),
    &[("email", With::Mark), ("password", With::Null), ("active", With::Zero), ("password_at", With::Null)],
)
.withholding(&["password"]);

/// The account once more, by its address: for an archive from before the account had this id.
pub const ADDRESS: Subject = Subject::blank(
    PERSON,
    "person",
    Key::Text("email"),
    &[("email", With::Mark), ("password", With::Null), ("active", With::Zero), ("password_at", With::Null)],
);

/// What a table of the host has to do with persons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is declared above.
    Declared,
    /// Every erasure in the tenant clears it, because nobody can tell whose data lies in it.
    Cleared,
    /// What it holds is opaque to us: finished work that mentions a subject's text is blanked, the
    /// rest goes when its own period is over; the reason.
    Expires(&'static str),
    /// It holds no personal data, or none that outlives its period; the reason.
    Free(&'static str),
}

/// Every table of the host and of the store. A test compares this list with a database: a table
/// that nobody has thought about does not pass.
pub const TABLES: &[(&str, Standing)] = &[
    ("api_key", Standing::Free("names what a key is for, and its maker by id; the secret is a hash")),
    ("backup", Standing::Free("names, times and counts of archives")),
    ("change_log", Standing::Expires("rows as they were changed, shipped to the archives' place within seconds and pruned with them")),
    ("change_switch", Standing::Free("whether changes are recorded")),
    ("drill", Standing::Free("times and counts of trials")),
    ("erasure", Standing::Free("keyed hashes; a certificate names tables and counts")),
    ("event", Standing::Expires("data is the systems' own; events that mention a subject's text are blanked")),
    ("idempotency", Standing::Cleared),
    ("job", Standing::Expires("payloads are the systems' own; kept until `expires_at`")),
    ("job_failure", Standing::Free("sentences and causes without values; they go with their job")),
    ("job_schedule", Standing::Free("when kinds of jobs are due")),
    ("ledger", Standing::Declared),
    ("member", Standing::Declared),
    ("person", Standing::Declared),
    ("plimsoll_migration", Standing::Free("names of migrations")),
    ("plimsoll_scope", Standing::Free("ids of tenants")),
    ("purge", Standing::Free("classes, counts and times")),
    ("refresh", Standing::Declared),
    ("release", Standing::Free("names of services")),
    ("session", Standing::Declared),
    ("setup", Standing::Free("the hash of a link that works for half an hour")),
    ("signing_key", Standing::Free("keys of the host")),
    ("tally", Standing::Free("counts")),
    ("tenant", Standing::Free("names of organisations")),
    ("webhook", Standing::Free("addresses of machines")),
    ("webhook_attempt", Standing::Expires("answers of receivers; those that mention a subject's text are blanked")),
    ("webhook_delivery", Standing::Free("ids, states and times")),
    ("webhook_event", Standing::Expires("data is the systems' own; what is delivered and mentions a subject's text is blanked")),
    ("webhook_secret", Standing::Free("sealed secrets of machines")),
];
