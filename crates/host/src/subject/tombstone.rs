//! What stays of an erasure: enough to recognise the rows when they come back, and nothing else.
//!
//! **For a restore.** Gather tombstones with [`Tombstones::add`]: those of the database that is
//! restored over ([`read`]) and those beside the archives ([`fetch`](super::placed::fetch)). Pass every
//! row through [`Tombstones::rewrite`] before it is written. Behind the last one, in the host's scope,
//! call [`Tombstones::settle`], and [`put`] the tombstones into the restored database. A tombstone concerns an archive
//! whose moment is not later than its own: what an archive from after the erasure holds under the
//! same key came into being after it. The two clocks may differ by [`SLACK`].

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use plimsoll_core::{Code, Result, TenantId, Time};
use plimsoll_store::{Scope, Tx, Value, bind, put_number, put_value, take_row};
use ring::hmac;
use serde::{Deserialize, Serialize};

use super::{Erase, Key, Subjects, With, register::Holding};
use crate::identity::{Master, hex};

/// How far the moment of an archive and that of an erasure may lie apart and still count as one: a
/// change that waited for the writer, and clocks that differ.
pub const SLACK: Duration = Duration::from_secs(300);

/// A tombstone: 32 bytes that say nothing to anybody without the key.
pub type Mark = [u8; 32];

/// Makes tombstones.
pub struct Marker(hmac::Key);

impl Marker {
    pub(super) fn new(master: &Master) -> Result<Marker> {
        Ok(Marker(master.mac("subject tombstone")?))
    }

    /// The tombstone of a subject. Accounts belong to no tenant.
    pub fn mark(&self, tenant: Option<&str>, kind: &str, key: &str) -> Mark {
        let mut context = hmac::Context::with_key(&self.0);
        for field in [tenant.unwrap_or_default(), kind, key] {
            // Texts are bounded, so the length always fits.
            context.update(&u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
            context.update(field.as_bytes());
        }
        let mut mark = [0; 32];
        mark.copy_from_slice(context.sign().as_ref());
        mark
    }
}

/// What stands in a blanked column that may not be empty.
pub fn stand_in(mark: &Mark) -> String {
    format!("erased:{}", &hex(mark)[..16])
}

/// A tombstone as it lies beside the archives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stone {
    /// The tenant in which the subject was erased.
    pub tenant: TenantId,
    /// The hash, hexadecimal.
    pub mark: String,
    /// The erasure it came from.
    pub id: String,
    /// The declared kind.
    pub kind: String,
    /// When.
    pub at: Time,
}

impl Stone {
    fn bytes(&self) -> Option<Mark> {
        read_mark(&self.mark)
    }
}

/// A mark out of its hexadecimal digits.
pub(super) fn read_mark(text: &str) -> Option<Mark> {
    let digits: Option<Vec<u8>> = text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len() == 64)?;
    let mut mark = [0; 32];
    for (byte, pair) in mark.iter_mut().zip(digits.chunks(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    Some(mark)
}

/// What becomes of a row that is about to be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is restored as it is.
    Keep,
    /// It is left out.
    Drop,
    /// It is restored with other values in these columns; see [`Verdict::value`].
    Blank(&'static [(&'static str, With)], Mark),
    /// It is an answer kept for a repeat, which may hold anybody's data: restored without it.
    Withhold,
}

/// What a blanked column is to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blanked {
    /// Nothing.
    Null,
    /// This text.
    Text(String),
    /// Zero.
    Zero,
}

impl Verdict {
    /// What the column is to hold instead; `None` where it stays as it is.
    pub fn value(&self, column: &str) -> Option<Blanked> {
        let blanked = |with: With, mark: &Mark| match with {
            With::Null => Blanked::Null,
            With::Empty => Blanked::Text(String::new()),
            With::Zero => Blanked::Zero,
            With::Mark => Blanked::Text(stand_in(mark)),
        };
        match self {
            Verdict::Keep | Verdict::Drop => None,
            Verdict::Blank(columns, mark) => columns.iter().find(|(name, _)| *name == column).map(|(_, with)| blanked(*with, mark)),
            Verdict::Withhold => match column {
                "answer" => Some(Blanked::Null),
                "state" => Some(Blanked::Text("withheld".into())),
                "reason" => Some(Blanked::Text(WITHHELD.into())),
                _ => None,
            },
        }
    }
}

/// Why an answer is not there any more.
pub(super) const WITHHELD: &str = "a person's data was erased since, and the answer may have held some of it";

/// The tombstones that concern one restore.
pub struct Tombstones {
    subjects: Arc<Subjects>,
    /// The moment whose data is restored; everything where it is not known.
    moment: Option<Time>,
    marks: HashMap<Mark, Time>,
    /// The latest erasure of each tenant.
    latest: HashMap<String, Time>,
    stones: Vec<Stone>,
    /// Declarations of which rows were left out, by position.
    dropped: Mutex<BTreeSet<usize>>,
    /// Rows of erased subjects that came by, by table, tenant and id: what refers to them comes after them.
    met: Mutex<HashMap<(&'static str, String, String), Mark>>,
}

impl Tombstones {
    /// None yet, for data as it was at `moment`.
    pub fn new(subjects: Arc<Subjects>, moment: Option<Time>) -> Tombstones {
        Tombstones {
            subjects,
            moment,
            marks: HashMap::new(),
            latest: HashMap::new(),
            stones: Vec::new(),
            dropped: Mutex::default(),
            met: Mutex::default(),
        }
    }

    /// Adds some: from beside the archives, or from a database ([`read`]).
    ///
    /// # Errors
    /// [`Code::Invalid`] for one that is no 32 bytes in hexadecimal digits: a restore that overlooks
    /// one would bring a person back.
    pub fn add(&mut self, stones: impl IntoIterator<Item = Stone>) -> Result<()> {
        for stone in stones {
            let mark = stone.bytes().ok_or_else(|| Code::Invalid.because("a tombstone cannot be read; nothing was restored"))?;
            if self.stones.contains(&stone) {
                continue;
            }
            if self.moment.is_none_or(|moment| stone.at >= moment.minus(SLACK)) {
                let at = self.marks.entry(mark).or_insert(stone.at);
                *at = (*at).max(stone.at);
                let latest = self.latest.entry(stone.tenant.to_string()).or_insert(stone.at);
                *latest = (*latest).max(stone.at);
            }
            self.stones.push(stone);
        }
        Ok(())
    }

    /// Whether this is one of them, for the moment that is restored.
    pub(super) fn names(&self, mark: &Mark) -> bool {
        self.marks.contains_key(mark)
    }

    /// Whether somebody was erased in this tenant after the moment that is restored.
    pub(super) fn touches(&self, tenant: &str) -> bool {
        self.latest.contains_key(tenant)
    }

    /// Whether no row needs to be asked about.
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty()
    }

    /// All that were added, also those from before the moment: they belong into the restored
    /// database ([`put`]).
    pub fn stones(&self) -> &[Stone] {
        &self.stones
    }

    /// What becomes of a row. `tenant` is the one that owned it when it was archived, also where it
    /// is restored under another; `value` gives the row's values by column.
    pub fn judge<'v>(&self, table: &str, tenant: Option<&str>, value: impl Fn(&str) -> Option<Value<'v>>) -> Verdict {
        if self.marks.is_empty() {
            return Verdict::Keep;
        }
        for (place, one) in self.subjects.register.holdings.iter().enumerate().filter(|(_, one)| one.subject.table == table) {
            let Some(mark) = self.marked(one, tenant, &value) else { continue };
            if let (Some(tenant), Some(id)) = (tenant, value("id").and_then(written)) {
                self.met.lock().unwrap_or_else(PoisonError::into_inner).insert((one.subject.table, tenant.to_owned(), id), mark);
            }
            match one.subject.erase {
                Erase::Keep(_) => {}
                Erase::Delete => {
                    self.dropped.lock().unwrap_or_else(PoisonError::into_inner).insert(place);
                    return Verdict::Drop;
                }
                Erase::Blank(columns) => return Verdict::Blank(columns, mark),
            }
        }
        if table == "idempotency"
            && let (Some(tenant), Some(Value::Int(made))) = (tenant, value("created_at"))
            && self.latest.get(tenant).is_some_and(|at| Time::from_micros(made) <= *at)
            && !matches!(value("answer"), None | Some(Value::Null))
        {
            return Verdict::Withhold;
        }
        Verdict::Keep
    }

    /// Whether rows of this table can be anybody's at all.
    pub fn concerns(&self, table: &str) -> bool {
        !self.marks.is_empty() && (table == "idempotency" || self.subjects.register.holdings.iter().any(|one| one.subject.table == table))
    }

    /// An archived row as it may be restored: as it is, without the values of an erased subject, or
    /// not at all. `columns` are those of the archive, in the order of the row's values.
    ///
    /// # Errors
    /// A row that cannot be read.
    pub fn rewrite<'r>(&self, table: &str, columns: &[String], row: &'r [u8]) -> Result<Option<Cow<'r, [u8]>>> {
        if !self.concerns(table) {
            return Ok(Some(Cow::Borrowed(row)));
        }
        let (mut rest, mut values) = (row, Vec::with_capacity(columns.len()));
        take_row(&mut rest, &mut values)?;
        let value = |column: &str| columns.iter().position(|name| name == column).and_then(|at| values.get(at)).copied();
        let tenant = value("tenant_id").and_then(|value| value.text().map(str::to_owned));
        let verdict = self.judge(table, tenant.as_deref(), value);
        match verdict {
            Verdict::Keep => Ok(Some(Cow::Borrowed(row))),
            Verdict::Drop => Ok(None),
            Verdict::Blank(..) | Verdict::Withhold => {
                let mut out = Vec::with_capacity(row.len());
                put_number(&mut out, values.len() as u64);
                for (at, value) in values.iter().enumerate() {
                    match columns.get(at).and_then(|column| verdict.value(column)) {
                        None => put_value(&mut out, *value),
                        Some(Blanked::Null) => put_value(&mut out, Value::Null),
                        Some(Blanked::Zero) => put_value(&mut out, Value::Int(0)),
                        Some(Blanked::Text(text)) => put_value(&mut out, Value::Text(&text)),
                    }
                }
                Ok(Some(Cow::Owned(out)))
            }
        }
    }

    fn marked<'v>(&self, one: &Holding, tenant: Option<&str>, value: &impl Fn(&str) -> Option<Value<'v>>) -> Option<Mark> {
        let number;
        let key = match (one.subject.key, value) {
            (Key::Text(column), value) => value(column)?.text()?.to_owned(),
            (Key::Number(column), value) => match value(column)? {
                Value::Int(key) => {
                    number = key.to_string();
                    number
                }
                _ => return None,
            },
            (Key::Marked(column), value) => return read_mark(value(column)?.text()?).filter(|mark| self.marks.contains_key(mark)),
            // Tables come after those they refer to.
            (Key::Via { column, table, .. }, value) => {
                let place = (table, tenant?.to_owned(), written(value(column)?)?);
                return self.met.lock().unwrap_or_else(PoisonError::into_inner).get(&place).copied();
            }
        };
        let tenant = if one.owned { Some(tenant?) } else { None };
        let mark = self.subjects.marker.mark(tenant, one.subject.kind, &key);
        self.marks.contains_key(&mark).then_some(mark)
    }

    /// Behind the last row, in the host's scope for all tenants or in one's own: counts of living
    /// things are made right where rows were left out.
    ///
    /// # Errors
    /// What the database says.
    pub fn settle(&self, tx: &mut Tx<'_>) -> Result<()> {
        let dropped = self.dropped.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for place in dropped {
            let Some(one) = self.subjects.register.holdings.get(place) else { continue };
            let recount = if matches!(tx.scope(), Scope::Host) { one.statements.recount } else { one.statements.recount_own };
            if let Some(recount) = recount {
                tx.write(recount, &[])?;
            }
        }
        Ok(())
    }
}

/// A number or text that tells a row apart.
fn written(value: Value<'_>) -> Option<String> {
    match value {
        Value::Int(number) => Some(number.to_string()),
        other => other.text().map(str::to_owned),
    }
}

/// Every tombstone of the transaction's scope: one tenant's, or in the host's scope all.
///
/// # Errors
/// What the database says.
pub fn read(tx: &Tx<'_>) -> Result<Vec<Stone>> {
    const ALL: &str = "SELECT tenant_id, mark, id, kind, at FROM erasure ORDER BY at, id, mark";
    const OWN: &str = "SELECT tenant_id, mark, id, kind, at FROM erasure WHERE tenant_id = :tenant ORDER BY at, id, mark";
    let sql = if matches!(tx.scope(), Scope::Host) { ALL } else { OWN };
    let rows: Vec<(TenantId, Vec<u8>, String, String, Time)> = tx.rows(sql, &[])?;
    Ok(rows.into_iter().map(|(tenant, mark, id, kind, at)| Stone { tenant, mark: hex(&mark), id, kind, at }).collect())
}

/// Writes tombstones into a database that was restored, in the host's scope. One that is there
/// already keeps the later time.
///
/// # Errors
/// What the database says.
pub fn put(tx: &mut Tx<'_>, stones: &[Stone]) -> Result<()> {
    for stone in stones {
        let Some(mark) = stone.bytes() else { continue };
        tx.write(
            "INSERT INTO erasure (tenant_id, mark, id, kind, at, placed_at) VALUES (:tenant, :mark, :id, :kind, :at, :at) \
             ON CONFLICT (tenant_id, mark) DO UPDATE SET at = CASE WHEN excluded.at > erasure.at THEN excluded.at ELSE erasure.at END",
            bind! { tenant: stone.tenant, mark: mark, id: stone.id, kind: stone.kind, at: stone.at },
        )?;
    }
    Ok(())
}
