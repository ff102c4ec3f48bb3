//! Conventions that all resources share, and a way to declare one in a few lines.
//!
//! A [`Resource`] is a table with a noun. From its list of [`Field`]s come validation with every
//! fault, the API description, sorting, filters, search, both styles of paging, entity tags,
//! merge patch, soft delete with restore, bulk creation and the declared behaviour towards what
//! refers to it. A system with two nouns in production form is two such lists and a schema file;
//! what is particular stays an ordinary typed route.
//!
//! The table has the columns `tenant_id, id, <fields…>, version, created_at, updated_at,
//! deleted_at`, with `(tenant_id, id)` as its key; a test over all resources holds it to that.

mod bulk;
mod events;
mod item;
mod list;
mod paging;
mod parameters;
mod render;
mod routes;
mod schema;
mod statement;

pub use paging::{Page, Pagination, Paging};
pub use statement::Statements;

use plimsoll_core::{Access, Role};

/// A noun with a table: everything else follows.
pub struct Resource {
    /// Singular, in code and ledger: `song`.
    pub noun: &'static str,
    /// Plural: the path below `/v1`, and the first half of the permissions.
    pub plural: &'static str,
    /// The name in the API description: `Song`.
    pub title: &'static str,
    /// The table.
    pub table: &'static str,
    /// What callers send and get, in order, without `id`.
    pub fields: &'static [Field],
    /// Tables whose rows refer to this one: deleting is refused while there are any, unless cascaded.
    pub children: &'static [Child],
    /// The permission to read and the weakest role that holds it.
    pub read: Access,
    /// The permission to change and the weakest role that holds it.
    pub write: Access,
    /// The permission to delete with everything that refers to it.
    pub cascade: (&'static str, Role),
    /// A body that would be accepted, for the description, smoke tests and the prober.
    pub example: fn() -> serde_json::Value,
    /// Whether every read leaves an entry in the ledger that says who saw what: for data about
    /// persons that must not be looked at without a trace. What cannot be put on record is not
    /// handed out.
    pub watched: bool,
}

/// A table that refers to a resource.
pub struct Child {
    /// The child's table.
    pub table: &'static str,
    /// Its column that holds our id.
    pub column: &'static str,
    /// Its plural, for sentences and tallies.
    pub plural: &'static str,
    /// Its singular, for tallies and events.
    pub noun: &'static str,
    /// The permission to read it and the weakest role that holds it: who hears of its changes.
    pub read: Access,
}

/// One field of a resource.
#[derive(Clone, Copy)]
pub struct Field {
    /// Column and JSON name.
    pub name: &'static str,
    /// What it holds.
    pub kind: FieldKind,
    /// Must be present and not null.
    pub required: bool,
    /// May stand in `sort`.
    pub sorted: bool,
    /// May be filtered on, in the ways its kind allows.
    pub filtered: bool,
    /// Is looked at by `q`.
    pub searched: bool,
    /// A date that must not lie after today.
    pub past: bool,
    /// Is handed out and not taken: routes of the system's own change it. Its column has a default.
    pub read_only: bool,
    /// For the API description.
    pub about: &'static str,
}

/// What a field holds.
#[derive(Clone, Copy)]
pub enum FieldKind {
    /// Text of so many characters. Filters: equal, `[prefix]`, `[contains]`, regardless of ASCII case.
    Text {
        /// Fewest characters.
        min: usize,
        /// Most characters.
        max: usize,
    },
    /// One of these words. Filter: equal.
    Choice(&'static [&'static str]),
    /// A phone number as E.164: a plus, the country's code, at most fifteen digits. Filter: equal.
    Phone,
    /// A calendar date as `YYYY-MM-DD`. Filters: equal, `[from]`, `[to]` (both inclusive).
    Date,
    /// An http or https address of at most so many characters. Filter: equal.
    Url {
        /// Most characters.
        max: usize,
    },
    /// A finite number. Filters: equal, `[from]`, `[to]`.
    Number,
    /// The id of another resource in the same tenant. Filter: equal. Can be included in answers.
    Reference(&'static Resource),
}

impl Field {
    const fn new(name: &'static str, kind: FieldKind, about: &'static str) -> Field {
        Field { name, kind, required: false, sorted: false, filtered: false, searched: false, past: false, read_only: false, about }
    }
    /// Text of `min` to `max` characters.
    pub const fn text(name: &'static str, min: usize, max: usize, about: &'static str) -> Field {
        Field::new(name, FieldKind::Text { min, max }, about)
    }
    /// One of these words.
    pub const fn choice(name: &'static str, words: &'static [&'static str], about: &'static str) -> Field {
        Field::new(name, FieldKind::Choice(words), about)
    }
    /// A phone number.
    pub const fn phone(name: &'static str, about: &'static str) -> Field {
        Field::new(name, FieldKind::Phone, about)
    }
    /// A calendar date.
    pub const fn date(name: &'static str, about: &'static str) -> Field {
        Field::new(name, FieldKind::Date, about)
    }
    /// A web address.
    pub const fn url(name: &'static str, max: usize, about: &'static str) -> Field {
        Field::new(name, FieldKind::Url { max }, about)
    }
    /// A finite number.
    pub const fn number(name: &'static str, about: &'static str) -> Field {
        Field::new(name, FieldKind::Number, about)
    }
    /// The id of another resource.
    pub const fn reference(name: &'static str, to: &'static Resource, about: &'static str) -> Field {
        Field::new(name, FieldKind::Reference(to), about)
    }
    /// A date that must not lie after today, wherever on earth that is.
    #[must_use]
    pub const fn past(mut self) -> Field {
        self.past = true;
        self
    }
    /// Handed out and not taken: what a state machine of the system decides.
    #[must_use]
    pub const fn read_only(mut self) -> Field {
        self.read_only = true;
        self
    }
    /// Must be present and not null.
    #[must_use]
    pub const fn required(mut self) -> Field {
        self.required = true;
        self
    }
    /// May stand in `sort`.
    #[must_use]
    pub const fn sorted(mut self) -> Field {
        self.sorted = true;
        self
    }
    /// May be filtered on.
    #[must_use]
    pub const fn filtered(mut self) -> Field {
        self.filtered = true;
        self
    }
    /// Is looked at by `q`.
    #[must_use]
    pub const fn searched(mut self) -> Field {
        self.searched = true;
        self
    }

    /// The name under which the thing referred to appears with `include`: the column without `_id`.
    pub(crate) fn included_as(&self) -> &'static str {
        self.name.strip_suffix("_id").unwrap_or(self.name)
    }
}

impl Resource {
    /// The schema of what callers send, for [`Shape`](crate::shape::Shape): what a body must be like to be accepted.
    pub fn input(&self) -> serde_json::Value {
        schema::input(self)
    }
    /// The fields that callers may send.
    pub(crate) fn sent(&self) -> impl Iterator<Item = &'static Field> {
        self.fields.iter().filter(|field| !field.read_only)
    }

    /// What of it `include` embeds is about persons and put on record: it wants the permission to read that.
    pub(crate) fn watched_targets(&self) -> impl Iterator<Item = &'static Resource> {
        self.fields.iter().filter_map(|field| match field.kind {
            FieldKind::Reference(target) if target.watched => Some(target),
            _ => None,
        })
    }

    /// A resource without children, with the usual permissions: viewers read, editors write,
    /// admins cascade.
    pub(crate) fn path(&self, suffix: &str) -> String {
        format!("/{}{suffix}", self.plural)
    }
}
