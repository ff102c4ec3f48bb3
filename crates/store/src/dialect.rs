//! What the two databases say differently.

use crate::{
    facts::Kind,
    sql::{Piece, pieces},
};

/// Whether the table of applied migrations exists.
pub(crate) fn migrations_exist(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name = 'plimsoll_migration'",
        Kind::Postgres => "SELECT COUNT(*) FROM pg_tables WHERE tablename = 'plimsoll_migration' AND schemaname = current_schema()",
    }
}

/// The tables that tenants own: those with a column `tenant_id`.
pub(crate) fn tenant_tables(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => {
            "SELECT m.name FROM sqlite_schema m, pragma_table_info(m.name) c
             WHERE m.type = 'table' AND c.name = 'tenant_id' ORDER BY m.name"
        }
        Kind::Postgres => {
            "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
             WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY 1"
        }
    }
}

/// Adds an entry to the change log.
pub(crate) fn append(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => "INSERT INTO change_log (at, xid, body) VALUES (:at, 0, :body)",
        Kind::Postgres => "INSERT INTO change_log (at, xid, body) VALUES (:at, pg_current_xact_id()::text::bigint, :body)",
    }
}

/// The words before and after an entry's body in hexadecimal digits, sent together with the commit.
pub(crate) const APPEND: (&str, &str) = (
    "INSERT INTO change_log (at, xid, body) VALUES ((extract(epoch FROM clock_timestamp()) * 1000000)::bigint, \
     pg_current_xact_id()::text::bigint, '\\x",
    "'::bytea); ",
);

/// A server's clock, which is one for all who write to it, as the transaction began: never after its snapshot.
pub(crate) fn moment(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Sqlite => None,
        Kind::Postgres => Some("SELECT (extract(epoch FROM transaction_timestamp()) * 1000000)::bigint"),
    }
}

/// Which entries of the change log a snapshot holds.
pub(crate) fn position(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => "SELECT CAST(COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'change_log'), 0) AS TEXT)",
        Kind::Postgres => "SELECT pg_current_snapshot()::text",
    }
}

/// The number that the next transaction gets, and the lowest of those that have not ended.
pub(crate) fn newest_transaction(kind: Kind) -> Option<(&'static str, &'static str)> {
    match kind {
        Kind::Sqlite => None,
        Kind::Postgres => Some((
            "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint",
            "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint",
        )),
    }
}

/// Every column of every table: table, name, type, whether null is refused, place in the primary
/// key from 1 or 0.
pub(crate) fn columns(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => {
            "SELECT m.name, c.name, c.type, c.\"notnull\", c.pk FROM sqlite_schema m, pragma_table_info(m.name) c
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY m.name, c.cid"
        }
        Kind::Postgres => {
            "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, NULL), a.attnotnull,
                COALESCE((SELECT k.place FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY k (number, place)
                    WHERE i.indrelid = c.oid AND i.indisprimary AND k.number = a.attnum), 0)
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
             WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p') AND NOT c.relispartition ORDER BY c.relname, a.attnum"
        }
    }
}

/// Every foreign key: table, the table it refers to, what a delete and an update there do.
pub(crate) fn foreign_keys(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => {
            "SELECT m.name, f.\"table\", f.on_delete, f.on_update FROM sqlite_schema m, pragma_foreign_key_list(m.name) f
             WHERE m.type = 'table' ORDER BY 1, 2"
        }
        Kind::Postgres => {
            "SELECT c.relname::text, f.relname::text, k.confdeltype::text, k.confupdtype::text FROM pg_constraint k
             JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class f ON f.oid = k.confrelid
             JOIN pg_namespace n ON n.oid = c.relnamespace WHERE k.contype = 'f' AND n.nspname = current_schema() ORDER BY 1, 2"
        }
    }
}

/// Tables with triggers of their own.
pub(crate) fn triggers(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => "SELECT DISTINCT tbl_name FROM sqlite_schema WHERE type = 'trigger'",
        Kind::Postgres => {
            "SELECT DISTINCT c.relname::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
             JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT t.tgisinternal AND n.nspname = current_schema()"
        }
    }
}

/// How many bytes the database takes.
pub(crate) fn size(kind: Kind) -> &'static str {
    match kind {
        Kind::Sqlite => "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
        Kind::Postgres => "SELECT pg_database_size(current_database())",
    }
}

/// A migration's text in the words of a database.
pub(crate) fn translate(kind: Kind, text: &str) -> String {
    match kind {
        Kind::Sqlite => text.to_string(),
        Kind::Postgres => postgres(text),
    }
}

/// Whole words outside quotes: column types become PostgreSQL's, and what follows a table's
/// closing bracket falls away. Text compares by its bytes, as it does on SQLite.
fn postgres(text: &str) -> String {
    let all = pieces(text);
    // The words around a position, white space skipped.
    let solid = |at: usize, step: isize| {
        let mut at = at as isize + step;
        while let Some(Piece::Space(_)) = usize::try_from(at).ok().and_then(|at| all.get(at)) {
            at += step;
        }
        usize::try_from(at).ok().filter(|at| *at < all.len())
    };
    let is = |at: Option<usize>, word: &str| at.is_some_and(|at| all[at].is_word(word));
    let is_mark = |at: Option<usize>, mark: &str| at.is_some_and(|at| all[at] == Piece::Mark(mark));
    let (mut out, mut at) = (String::with_capacity(text.len() + 64), 0);
    while at < all.len() {
        let (before, after) = (solid(at, -1), solid(at, 1));
        match all[at] {
            word if word.is_word("STRICT") && is_mark(before, ")") => {
                let without = after.filter(|comma| is_mark(Some(*comma), ",")).and_then(|comma| solid(comma, 1));
                let rowid = without.filter(|at| is(Some(*at), "WITHOUT")).and_then(|at| solid(at, 1));
                at = rowid.filter(|at| is(Some(*at), "ROWID")).unwrap_or(at);
            }
            word if word.is_word("INTEGER") => out.push_str("BIGINT"),
            word if word.is_word("AUTOINCREMENT") => out.push_str("GENERATED BY DEFAULT AS IDENTITY"),
            word if word.is_word("REAL") => out.push_str("DOUBLE PRECISION"),
            word if word.is_word("BLOB") => out.push_str("BYTEA"),
            word if word.is_word("TEXT") && !is(before, "AS") && !is(after, "COLLATE") => out.push_str("TEXT COLLATE \"C\""),
            Piece::Parameter(name) => {
                out.push(':');
                out.push_str(name);
            }
            Piece::Word(t) | Piece::Quoted(t) | Piece::Literal(t) | Piece::Space(t) | Piece::Mark(t) => out.push_str(t),
        }
        at += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::postgres;

    #[test]
    fn column_types_change_and_names_and_texts_do_not() {
        let text = "CREATE TABLE text_note (id INTEGER, \"TEXT\" TEXT DEFAULT 'TEXT', r REAL, b BLOB) STRICT;";
        let wanted = "CREATE TABLE text_note (id BIGINT, \"TEXT\" TEXT COLLATE \"C\" DEFAULT 'TEXT', r DOUBLE PRECISION, b BYTEA) ;";
        assert_eq!(postgres(text), wanted);
    }

    #[test]
    fn the_tail_of_a_table_falls_away_and_nothing_else() {
        assert_eq!(postgres("CREATE TABLE a (x INTEGER)\n  STRICT, WITHOUT ROWID; SELECT 1"), "CREATE TABLE a (x BIGINT)\n  ; SELECT 1");
        assert_eq!(postgres("INSERT INTO strict (a) SELECT CAST(b AS TEXT)"), "INSERT INTO strict (a) SELECT CAST(b AS TEXT)");
        assert_eq!(postgres("-- REAL text\nSELECT strict"), "-- REAL text\nSELECT strict");
    }
}
