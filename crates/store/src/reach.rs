//! Rows that somebody reaches who is bound to places of a tenant: the same statements, told less.
//!
//! A system declares once how each of its tables hangs on a place ([`Reach`]). Within a
//! transaction that is confined ([`crate::Tx::confine`]), every statement on such a table is
//! rewritten before a database sees it: what it reads is the part that is reached, what it changes
//! must lie there before and after. So no statement can forget it, and a row elsewhere is as one
//! that does not exist.

use plimsoll_core::{Code, Result};

use crate::sql::{Piece, Sql, mistake, pieces};

/// How the tables of a system hang on places, and where it is written who is bound to which.
#[derive(Debug)]
pub struct Reach {
    /// Table of the bindings, with the columns `tenant_id` and `member`,
    pub bindings: &'static str,
    /// and this one for the place.
    pub place: &'static str,
    /// Every table of the system. Those that others hang on stand first.
    pub tables: &'static [(&'static str, Reached)],
    /// What the subject of an event is the id of, by the event's source; who is bound hears of no other event of the system.
    pub events: &'static [(&'static str, &'static str)],
}

/// How a table is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// Rows whose column names a place that the member is bound to.
    Place(&'static str),
    /// Rows whose column holds the `id` of a row of another table that is reached.
    Via {
        /// The column.
        column: &'static str,
        /// The other table.
        table: &'static str,
    },
    /// All rows: they tell of nobody.
    Open,
    /// None, and whoever asks is told that it is not for them: it tells of the whole tenant.
    Closed,
}

impl Reach {
    /// How a table is reached; `None` for one that the system has not declared.
    pub fn of(&self, table: &str) -> Option<(&'static str, Reached)> {
        self.tables.iter().copied().find(|(name, _)| name.eq_ignore_ascii_case(table))
    }

    /// The places of the member, as a query.
    fn places(&self) -> String {
        format!("SELECT {} FROM {} WHERE tenant_id = :tenant AND member = :reach_member", self.place, self.bindings)
    }

    /// The condition on `called`, a table of this kind.
    fn guard(&self, called: &str, reached: Reached) -> Option<String> {
        match reached {
            Reached::Place(column) => Some(format!("{called}.{column} IN ({})", self.places())),
            Reached::Via { column, table } => Some(format!("{called}.{column} IN (SELECT id FROM {table})")),
            Reached::Open | Reached::Closed => None,
        }
    }
}

/// Who is bound, for as long as a transaction is confined.
#[derive(Debug)]
pub(crate) struct Confined {
    pub(crate) reach: &'static Reach,
    pub(crate) member: String,
}

/// A statement as it runs where somebody is confined.
#[derive(Debug)]
pub(crate) struct Narrowed {
    pub(crate) sql: Sql,
    /// What a row that it writes must hang on.
    pub(crate) check: Option<Check>,
}

/// That what a statement writes lies within reach.
#[derive(Debug)]
pub(crate) struct Check {
    /// Asks for the row or the place `:reach_of`.
    pub(crate) sql: Sql,
    /// The parameter of the statement that names it; `None` where it writes none.
    pub(crate) parameter: Option<Box<str>>,
    /// The column.
    pub(crate) column: &'static str,
    /// Whether it names a place; a row otherwise.
    pub(crate) place: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Read,
    Insert,
    Update,
    Delete,
}

/// A statement taken apart: its pieces without white space, where each stands, and how deep in brackets.
struct Parts<'t> {
    all: Vec<Piece<'t>>,
    /// Places in `all` of what is no white space, with the depth.
    solid: Vec<(usize, usize)>,
}

impl<'t> Parts<'t> {
    fn of(text: &'t str) -> Parts<'t> {
        let (all, mut depth, mut solid) = (pieces(text), 0usize, Vec::new());
        for (at, piece) in all.iter().enumerate() {
            match piece {
                Piece::Space(_) => {}
                Piece::Mark("(") => {
                    solid.push((at, depth));
                    depth += 1;
                }
                Piece::Mark(")") => {
                    depth = depth.saturating_sub(1);
                    solid.push((at, depth));
                }
                _ => solid.push((at, depth)),
            }
        }
        Parts { all, solid }
    }
    fn piece(&self, nth: usize) -> Option<Piece<'t>> {
        self.solid.get(nth).map(|(at, _)| self.all[*at])
    }
    fn is(&self, nth: usize, word: &str) -> bool {
        self.piece(nth).is_some_and(|piece| piece.is_word(word))
    }
    fn mark(&self, nth: usize, sign: &str) -> bool {
        self.piece(nth) == Some(Piece::Mark(sign))
    }
    /// The first piece at the outermost level from `nth` on that is one of these words.
    fn top(&self, nth: usize, words: &[&str]) -> Option<usize> {
        (nth..self.solid.len()).find(|&at| self.solid[at].1 == 0 && words.iter().any(|word| self.is(at, word)))
    }
    /// The text of the pieces of these numbers, white space included.
    fn text(&self, from: usize, to: usize) -> String {
        let mut out = String::new();
        for piece in &self.all[from..to] {
            match piece {
                Piece::Parameter(name) => {
                    out.push(':');
                    out.push_str(name);
                }
                Piece::Word(t) | Piece::Quoted(t) | Piece::Literal(t) | Piece::Space(t) | Piece::Mark(t) => out.push_str(t),
            }
        }
        out
    }
    /// Where the `nth` solid piece stands among all; the end where there is none.
    fn place(&self, nth: usize) -> usize {
        self.solid.get(nth).map_or(self.all.len(), |(at, _)| *at)
    }
}

/// The statement `text` for somebody who is confined; `None` where it touches nothing that is.
///
/// # Errors
/// [`Code::Forbidden`] where it names a closed table; [`Code::Internal`] where it writes in a way
/// that cannot be judged: rather refused than let through.
pub(crate) fn narrow(reach: &Reach, text: &str, postgres: bool) -> Result<Option<Narrowed>> {
    let parts = Parts::of(text);
    let mut wanted = vec![false; reach.tables.len()];
    for nth in 0..parts.solid.len() {
        let Some(name) = parts.piece(nth).and_then(Piece::name) else { continue };
        if nth > 0 && parts.mark(nth - 1, ".") {
            continue;
        }
        let Some(at) = reach.tables.iter().position(|(table, _)| table.eq_ignore_ascii_case(name)) else { continue };
        match reach.tables[at].1 {
            Reached::Closed => {
                return Err(Code::Forbidden.because("this tells of everybody, and you are bound to a part of them").reasoned("reach"));
            }
            Reached::Open => {}
            Reached::Place(_) | Reached::Via { .. } => wanted[at] = true,
        }
    }
    if !wanted.contains(&true) {
        return Ok(None);
    }
    // What a table hangs on is looked at with it; it stands before it in the list.
    for at in (0..wanted.len()).rev().filter(|at| reach.tables[*at].1 != Reached::Open) {
        if let (true, Reached::Via { table, .. }) = (wanted[at], reach.tables[at].1) {
            let parent = reach.tables[..at].iter().position(|(name, _)| *name == table);
            let parent = parent.ok_or_else(|| mistake("a table hangs on one that does not stand before it in the reach", text))?;
            wanted[parent] = true;
        }
    }
    let first = parts.top(0, &["INSERT", "UPDATE", "DELETE", "SELECT", "VALUES", "EXPLAIN"]).unwrap_or(0);
    let (verb, target) = if parts.is(first, "INSERT") {
        (Verb::Insert, first + 2)
    } else if parts.is(first, "UPDATE") {
        (Verb::Update, first + 1)
    } else if parts.is(first, "DELETE") {
        (Verb::Delete, first + 2)
    } else {
        (Verb::Read, first)
    };
    let mut body = parts.text(0, parts.all.len());
    let mut check = None;
    if verb != Verb::Read {
        if verb != Verb::Update && !parts.is(first + 1, if verb == Verb::Insert { "INTO" } else { "FROM" }) {
            return Err(mistake("it is not understood which table this changes", text));
        }
        let name = parts.piece(target).and_then(Piece::name).unwrap_or_default();
        if let Some((table, reached @ (Reached::Place(_) | Reached::Via { .. }))) = reach.of(name) {
            if verb != Verb::Insert {
                body = guarded(reach, &parts, (table, reached), target);
            }
            if verb != Verb::Delete {
                check = checked(reach, &parts, verb, target, reached).map_err(|what| mistake(what, text))?;
            }
        }
    }
    let own = if postgres { "" } else { "main." };
    let mut ctes = String::new();
    for ((table, reached), _) in reach.tables.iter().zip(&wanted).filter(|(_, wanted)| **wanted) {
        let Some(guard) = reach.guard("reached", *reached) else { continue };
        let comma = if ctes.is_empty() { "" } else { ", " };
        ctes.push_str(&format!(
            "{comma}{table} AS NOT MATERIALIZED (SELECT reached.* FROM {own}{table} reached WHERE reached.tenant_id = :tenant AND {guard})"
        ));
    }
    let sql = if parts.is(0, "WITH") {
        if parts.is(1, "RECURSIVE") {
            return Err(mistake("a recursive statement cannot be confined", text));
        }
        format!("WITH {ctes}, {}", body.trim_start().get(4..).unwrap_or_default())
    } else {
        format!("WITH {ctes} {body}")
    };
    Ok(Some(Narrowed { sql: Sql::made(sql), check }))
}

/// The statement with a condition more: only rows that are reached are changed.
fn guarded(reach: &Reach, parts: &Parts<'_>, (table, reached): (&'static str, Reached), target: usize) -> String {
    let ends = ["SET", "WHERE", "RETURNING", "USING"];
    let mut next = target + 1;
    next += usize::from(parts.is(next, "AS"));
    let called = match parts.piece(next) {
        Some(Piece::Word(word)) if !ends.iter().any(|end| word.eq_ignore_ascii_case(end)) => word,
        _ => table,
    };
    let guard = reach.guard(called, reached).unwrap_or_default();
    let mut end = parts.top(target, &["RETURNING"]).unwrap_or(parts.solid.len());
    if end == parts.solid.len() && end > 0 && parts.mark(end - 1, ";") {
        end -= 1;
    }
    let tail = parts.text(parts.place(end), parts.all.len());
    match parts.top(target, &["WHERE"]) {
        Some(found) => {
            let (head, condition) = (parts.text(0, parts.place(found)), parts.text(parts.place(found) + 1, parts.place(end)));
            format!("{head}WHERE ({guard}) AND ({condition}\n) {tail}")
        }
        None => format!("{} WHERE {guard} {tail}", parts.text(0, parts.place(end))),
    }
}

/// What the rows hang on that a statement writes.
fn checked(reach: &Reach, parts: &Parts<'_>, verb: Verb, target: usize, reached: Reached) -> Result<Option<Check>, &'static str> {
    let (column, place, sql) = match reached {
        Reached::Place(column) => (column, true, format!("{} AND {} = :reach_of", reach.places(), reach.place)),
        Reached::Via { column, table } => (column, false, format!("SELECT 1 FROM {table} WHERE tenant_id = :tenant AND id = :reach_of")),
        Reached::Open | Reached::Closed => return Ok(None),
    };
    let parameter = if verb == Verb::Update {
        match set(parts, target, column)? {
            None => return Ok(None),
            Some(parameter) => parameter,
        }
    } else {
        inserted(parts, target, column)?
    };
    if parameter.is_none() && !place {
        return Err("a row that hangs on nothing cannot be written within a reach");
    }
    Ok(Some(Check { sql: Sql::made(sql), parameter: parameter.map(Into::into), column, place }))
}

/// What an update sets the column to: nothing, null, or a parameter.
fn set<'t>(parts: &Parts<'t>, target: usize, column: &str) -> Result<Option<Option<&'t str>>, &'static str> {
    let Some(begin) = parts.top(target, &["SET"]) else { return Ok(None) };
    let end = parts.top(begin, &["WHERE", "FROM", "RETURNING"]).unwrap_or(parts.solid.len());
    for nth in begin + 1..end {
        let begins = nth == begin + 1 || (parts.mark(nth - 1, ",") && parts.solid[nth - 1].1 == 0);
        if !begins {
            continue;
        }
        if parts.mark(nth, "(") {
            return Err("a list of columns is set at once, which cannot be judged within a reach");
        }
        if parts.piece(nth).and_then(Piece::name).is_some_and(|name| name.eq_ignore_ascii_case(column)) {
            let simple = nth + 3 >= end || parts.mark(nth + 3, ",");
            return match parts.piece(nth + 2) {
                Some(Piece::Parameter(name)) if simple => Ok(Some(Some(name))),
                Some(piece) if simple && piece.is_word("NULL") => Ok(Some(None)),
                _ => Err("what a row hangs on is set to something that cannot be judged within a reach"),
            };
        }
    }
    Ok(None)
}

/// What an insert writes into the column: null, or a parameter.
fn inserted<'t>(parts: &Parts<'t>, target: usize, column: &str) -> Result<Option<&'t str>, &'static str> {
    const UNCLEAR: &str = "rows are inserted in a way that cannot be judged within a reach";
    if !parts.mark(target + 1, "(") {
        return Err(UNCLEAR);
    }
    let (mut nth, mut at, mut found) = (target + 2, 0, None);
    while !parts.mark(nth, ")") {
        match parts.piece(nth) {
            Some(Piece::Mark(",")) => at += 1,
            Some(piece) if piece.name().is_some_and(|name| name.eq_ignore_ascii_case(column)) => found = Some(at),
            Some(_) => {}
            None => return Err(UNCLEAR),
        }
        nth += 1;
    }
    if !parts.is(nth + 1, "VALUES") || !parts.mark(nth + 2, "(") {
        return Err(UNCLEAR);
    }
    let (mut value, mut at, mut pieces) = (None, 0, 0);
    let depth = parts.solid[nth + 2].1 + 1;
    nth += 3;
    loop {
        match parts.piece(nth) {
            None => return Err(UNCLEAR),
            Some(Piece::Mark(")")) if parts.solid[nth].1 + 1 == depth => break,
            Some(Piece::Mark(",")) if parts.solid[nth].1 == depth => at += 1,
            Some(piece) if Some(at) == found => {
                pieces += 1;
                value = Some(piece);
            }
            Some(_) => {}
        }
        nth += 1;
    }
    if parts.mark(nth + 1, ",") {
        return Err(UNCLEAR);
    }
    match (found, value) {
        (None, _) => Ok(None),
        (Some(_), Some(Piece::Parameter(name))) if pieces == 1 => Ok(Some(name)),
        (Some(_), Some(piece)) if pieces == 1 && piece.is_word("NULL") => Ok(None),
        _ => Err(UNCLEAR),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static REACH: Reach = Reach {
        bindings: "reach",
        place: "facility",
        tables: &[
            ("patient", Reached::Place("facility")),
            ("alert", Reached::Via { column: "patient_id", table: "patient" }),
            ("facility", Reached::Open),
            ("ledger", Reached::Closed),
        ],
        events: &[],
    };

    fn narrowed(text: &str) -> Narrowed {
        narrow(&REACH, text, true).unwrap().unwrap()
    }

    #[test]
    fn what_is_read_is_the_part_that_is_reached() {
        let sql = narrowed("SELECT a.id FROM alert a WHERE a.tenant_id = :tenant").sql;
        assert!(sql.text().starts_with("WITH patient AS NOT MATERIALIZED (SELECT reached.* FROM patient reached WHERE"), "{}", sql.text());
        assert!(sql.text().contains("), alert AS NOT MATERIALIZED (") && sql.text().ends_with("FROM alert a WHERE a.tenant_id = :tenant"));
        let lite = narrow(&REACH, "SELECT id FROM patient", false).unwrap().unwrap().sql;
        assert!(lite.text().contains("FROM main.patient reached"), "{}", lite.text());
        let with = narrowed("WITH few AS (SELECT id FROM patient) SELECT id FROM few").sql;
        assert!(with.text().starts_with("WITH patient AS") && with.text().contains("),  few AS ("), "{}", with.text());
        for text in ["SELECT id FROM facility WHERE tenant_id = :tenant", "SELECT 'patient'", "SELECT x.patient FROM x"] {
            assert!(narrow(&REACH, text, true).unwrap().is_none(), "{text}");
        }
    }

    #[test]
    fn what_is_closed_is_refused_however_it_is_named() {
        for text in ["SELECT 1 FROM ledger", "INSERT INTO ledger (a) VALUES (:a)", "SELECT 1 FROM alert a, \"Ledger\" l"] {
            assert_eq!(narrow(&REACH, text, true).unwrap_err().code(), Code::Forbidden, "{text}");
        }
    }

    #[test]
    fn only_rows_within_reach_are_changed() {
        let sql = narrowed("UPDATE alert SET title = :title WHERE tenant_id = :tenant AND id = :id OR id = :other RETURNING id").sql;
        let wanted =
            "WHERE (alert.patient_id IN (SELECT id FROM patient)) AND ( tenant_id = :tenant AND id = :id OR id = :other \n) RETURNING id";
        assert!(sql.text().ends_with(wanted), "{}", sql.text());
        let sql = narrowed("DELETE FROM patient WHERE tenant_id = :tenant AND EXISTS (SELECT 1 FROM alert WHERE 1 = 1)").sql;
        assert!(sql.text().contains("DELETE FROM patient WHERE (patient.facility IN (SELECT facility FROM reach WHERE"), "{}", sql.text());
        assert!(narrowed("UPDATE alert a SET title = :t").sql.text().contains("WHERE a.patient_id IN"));
    }

    #[test]
    fn what_is_written_must_hang_on_what_is_reached() {
        let parameter = |text: &str| narrowed(text).check.map(|check| (check.parameter.map(String::from), check.place));
        let some = |name: &str, place| Some((Some(name.to_owned()), place));
        assert_eq!(parameter("INSERT INTO alert (tenant_id, id, patient_id) VALUES (:tenant, :id, :who)"), some("who", false));
        assert_eq!(
            parameter("INSERT INTO patient (tenant_id, facility, n) VALUES (:tenant, :f, COALESCE(:a, :b)) RETURNING id"),
            some("f", true)
        );
        assert_eq!(parameter("INSERT INTO patient (tenant_id, n) VALUES (:tenant, :n)"), Some((None, true)));
        assert_eq!(parameter("UPDATE patient SET n = :n, facility = :f WHERE id = :id"), some("f", true));
        assert_eq!(parameter("UPDATE patient SET n = :n WHERE id = :id AND facility = :f"), None);
        for text in [
            "INSERT INTO alert (tenant_id, id) VALUES (:tenant, :id)",
            "INSERT INTO alert (tenant_id, patient_id) VALUES (:tenant, :a), (:tenant, :b)",
            "INSERT INTO alert (tenant_id, patient_id) SELECT tenant_id, id FROM patient",
            "INSERT INTO alert (tenant_id, patient_id) VALUES (:tenant, :a + 1)",
            "UPDATE patient SET facility = COALESCE(:f, facility) WHERE id = :id",
            "UPDATE patient SET (n, facility) = (:n, :f) WHERE id = :id",
        ] {
            assert_eq!(narrow(&REACH, text, true).unwrap_err().code(), Code::Internal, "{text}");
        }
    }
}
