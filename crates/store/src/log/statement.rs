//! What a statement changes, and the same statement asked to show it.

use std::sync::Arc;

use plimsoll_core::Result;

use crate::{
    sql::{Piece, Sql, mistake, pieces},
    tables::{Table, listed, quoted},
};

/// A statement that shows each row it changes behind what it returns itself.
#[derive(Debug)]
pub(crate) struct Watched {
    /// The statement with its longer `RETURNING`.
    pub(crate) sql: Sql,
    pub(crate) table: Arc<Table>,
    /// Whether it deletes: then the rows show their keys only.
    pub(crate) deletes: bool,
    /// How many columns were added at the end of each row.
    pub(crate) added: usize,
    /// Whether it returned something by itself.
    pub(crate) returns: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Insert,
    Update,
    Delete,
}

/// What a changing statement's text says.
#[derive(Debug)]
struct Target<'t> {
    verb: Verb,
    table: &'t str,
    /// What the table is called in the rest of the statement, as it is written there.
    called: Option<&'t str>,
    /// Columns that it sets in rows that exist.
    sets: Vec<&'t str>,
    returns: bool,
}

/// Whether `text` changes rows in a way that [`watch`] has to see.
pub(crate) fn changes(text: &str) -> Result<bool> {
    target(text).map(|found| found.is_some())
}

/// The statement asked to show what it changes; `None` where its changes are not logged.
///
/// # Errors
/// [`plimsoll_core::Code::Internal`] where a change could escape: rather refused than missing.
pub(crate) fn watch(text: &str, postgres: bool, find: &dyn Fn(&str) -> Option<Logged>) -> Result<Option<Watched>> {
    let Some(target) = target(text)? else { return Ok(None) };
    let table = match find(target.table) {
        Some(Logged::Yes(table)) => table,
        Some(Logged::No) => return Ok(None),
        None => return Err(mistake("the change log knows no such table", text)),
    };
    let refuse = |why: &str| Err(mistake(&format!("the change log cannot record this: {why}"), text));
    if table.key.is_empty() {
        return refuse("the table has no primary key");
    }
    if table.triggers {
        return refuse("the table has a trigger, which may change what nobody sees");
    }
    if table.cascades && target.verb == Verb::Delete {
        return refuse("rows of other tables go or change with the deleted ones (ON DELETE)");
    }
    if table.key_names().any(|key| target.sets.iter().any(|set| set.eq_ignore_ascii_case(key))) {
        return refuse("it sets a column of the key; delete the row and insert another");
    }
    let deletes = target.verb == Verb::Delete;
    let names: Vec<&str> = if deletes { table.key_names().collect() } else { table.names().collect() };
    let shown = if postgres {
        // Other tables of the statement may have columns of the same names.
        let called = target.called.map_or_else(|| quoted(&table.name), str::to_owned);
        names.iter().map(|name| format!("{called}.{}", quoted(name))).collect::<Vec<_>>().join(", ")
    } else {
        listed(names.iter().copied())
    };
    let joint = if target.returns { "," } else { "RETURNING" };
    let bare = text.trim_end();
    let bare = bare.strip_suffix(';').unwrap_or(bare);
    // On a line of its own: the text may end with a comment.
    let sql = Sql::made(format!("{bare}\n{joint} {shown}"));
    Ok(Some(Watched { sql, added: names.len(), deletes, returns: target.returns, table }))
}

/// How a table stands with the log.
pub(crate) enum Logged {
    Yes(Arc<Table>),
    No,
}

fn target(text: &str) -> Result<Option<Target<'_>>> {
    let mut depth = 0usize;
    let mut all: Vec<(Piece<'_>, usize)> = Vec::new();
    for piece in pieces(text).into_iter().filter(|piece| !matches!(piece, Piece::Space(_))) {
        match piece {
            Piece::Mark("(") => {
                all.push((piece, depth));
                depth += 1;
            }
            Piece::Mark(")") => {
                depth = depth.saturating_sub(1);
                all.push((piece, depth));
            }
            _ => all.push((piece, depth)),
        }
    }
    let is = |at: usize, word: &str| all.get(at).is_some_and(|(piece, _)| piece.is_word(word));
    let mark = |at: usize, sign: &str| all.get(at).is_some_and(|(piece, _)| *piece == Piece::Mark(sign));
    let verbs = ["INSERT", "UPDATE", "DELETE"];
    if (1..all.len()).any(|at| mark(at - 1, "(") && verbs.iter().any(|verb| is(at, verb)) && !mark(at + 1, ",") && !mark(at + 1, ")")) {
        return Err(mistake("a change inside of another statement cannot be recorded by the change log", text));
    }
    let top = |at: &usize| all[*at].1 == 0;
    let first = (0..all.len())
        .filter(top)
        .find(|at| ["INSERT", "UPDATE", "DELETE", "SELECT", "VALUES", "EXPLAIN"].iter().any(|word| is(*at, word)));
    let Some(first) = first else { return Ok(None) };
    let (verb, mut at) = if is(first, "INSERT") {
        (Verb::Insert, first + 2)
    } else if is(first, "UPDATE") {
        (Verb::Update, first + 1)
    } else if is(first, "DELETE") {
        (Verb::Delete, first + 2)
    } else {
        return Ok(None);
    };
    let usual = match verb {
        Verb::Insert => is(first + 1, "INTO"),
        Verb::Update => !is(at, "OR") && !is(at, "ONLY"),
        Verb::Delete => is(first + 1, "FROM") && !is(at, "ONLY"),
    };
    let name = all.get(at).and_then(|(piece, _)| piece.name());
    let Some(table) = name.filter(|_| usual && !mark(at + 1, ".")) else {
        return Err(mistake("the change log does not understand which table this changes", text));
    };
    at += 1;
    let mut called = None;
    let ends = ["SET", "WHERE", "RETURNING", "USING", "VALUES", "SELECT", "DEFAULT", "WITH"];
    if is(at, "AS") {
        called = all.get(at + 1).and_then(|(piece, _)| written(*piece));
    } else if verb != Verb::Insert && !ends.iter().any(|word| is(at, word)) {
        called = all.get(at).and_then(|(piece, _)| written(*piece));
    }
    let returns = (first..all.len()).filter(top).any(|at| is(at, "RETURNING"));
    let set = (first..all.len()).filter(top).find(|at| is(*at, "SET"));
    let mut sets = Vec::new();
    if let Some(set) = set {
        // A name, or a list of names in brackets, begins each part.
        let (mut begins, mut list) = (true, false);
        for &(piece, depth) in &all[set + 1..] {
            if depth == 0 && ["WHERE", "FROM", "RETURNING"].iter().any(|word| piece.is_word(word)) {
                break;
            }
            match piece {
                Piece::Mark(",") if depth == 0 => begins = true,
                Piece::Mark("(") if depth == 0 && begins => (begins, list) = (false, true),
                Piece::Mark(")") if depth == 0 => list = false,
                _ => {
                    if (begins && depth == 0) || (list && depth == 1) {
                        sets.extend(piece.name());
                    }
                    begins = false;
                }
            }
        }
    }
    Ok(Some(Target { verb, table, called, sets, returns }))
}

/// A name as it is written.
fn written(piece: Piece<'_>) -> Option<&str> {
    match piece {
        Piece::Word(word) | Piece::Quoted(word) => Some(word),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::{Column, ColumnKind};

    fn find(name: &str) -> Option<Logged> {
        let column = |name: &str| Column { name: name.into(), kind: ColumnKind::Int, required: true };
        let table = |key: Vec<usize>, triggers, cascades| Table {
            name: name.to_ascii_lowercase(),
            columns: vec![column("a"), column("b")],
            key,
            tenant: false,
            refers: Vec::new(),
            refers_to_itself: false,
            triggers,
            cascades,
        };
        match name.to_ascii_lowercase().as_str() {
            "t" => Some(Logged::Yes(Arc::new(table(vec![0], false, false)))),
            "keyless" => Some(Logged::Yes(Arc::new(table(Vec::new(), false, false)))),
            "triggered" => Some(Logged::Yes(Arc::new(table(vec![0], true, false)))),
            "parent" => Some(Logged::Yes(Arc::new(table(vec![0], false, true)))),
            "quiet" => Some(Logged::No),
            _ => None,
        }
    }

    fn shown(text: &str, postgres: bool) -> Option<String> {
        watch(text, postgres, &find).unwrap().map(|watched| watched.sql.text().to_owned())
    }

    #[test]
    fn a_changing_statement_shows_its_rows_behind_what_it_returns() {
        let cases = [
            ("INSERT INTO t (a) VALUES (:a)", "INSERT INTO t (a) VALUES (:a)\nRETURNING \"t\".\"a\", \"t\".\"b\""),
            ("INSERT INTO T AS x (a) SELECT b FROM o;", "INSERT INTO T AS x (a) SELECT b FROM o\nRETURNING x.\"a\", x.\"b\""),
            ("UPDATE t SET b = b + 1 RETURNING b -- why", "UPDATE t SET b = b + 1 RETURNING b -- why\n, \"t\".\"a\", \"t\".\"b\""),
            ("UPDATE t \"X\" SET b = 1", "UPDATE t \"X\" SET b = 1\nRETURNING \"X\".\"a\", \"X\".\"b\""),
            ("DELETE FROM t WHERE a IN (SELECT 1)", "DELETE FROM t WHERE a IN (SELECT 1)\nRETURNING \"t\".\"a\""),
            ("WITH n AS (SELECT 1) DELETE FROM t AS d", "WITH n AS (SELECT 1) DELETE FROM t AS d\nRETURNING d.\"a\""),
        ];
        for (text, wanted) in cases {
            assert_eq!(shown(text, true).as_deref(), Some(wanted));
        }
        assert_eq!(shown("DELETE FROM t x WHERE x.a = 1", false).as_deref(), Some("DELETE FROM t x WHERE x.a = 1\nRETURNING \"a\""));
        for text in ["SELECT 1", "WITH x AS (SELECT 1) SELECT * FROM x FOR UPDATE", "UPDATE quiet SET a = 1", "EXPLAIN DELETE FROM t"] {
            assert_eq!(shown(text, true), None, "{text}");
        }
    }

    #[test]
    fn what_could_escape_is_refused() {
        for text in [
            "UPDATE t SET b = 1, a = 2",
            "UPDATE t SET (b, \"A\") = (1, 2)",
            "INSERT INTO t (a) VALUES (1) ON CONFLICT (b) DO UPDATE SET a = 2",
            "INSERT OR REPLACE INTO t (a) VALUES (1)",
            "UPDATE OR IGNORE t SET b = 1",
            "DELETE FROM ONLY t",
            "DELETE FROM main.t",
            "DELETE FROM parent",
            "DELETE FROM unknown",
            "UPDATE triggered SET b = 1",
            "UPDATE keyless SET b = 1",
            "WITH gone AS (DELETE FROM t RETURNING a) SELECT * FROM gone",
        ] {
            assert!(watch(text, true, &find).is_err(), "{text}");
        }
        for text in [
            "UPDATE parent SET b = 1 WHERE a = (SELECT 1 FROM o FOR UPDATE)",
            "INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET b = excluded.a",
            "UPDATE t SET b = (SELECT a FROM o) WHERE a = 1",
        ] {
            assert!(watch(text, true, &find).unwrap().is_some(), "{text}");
        }
    }
}
