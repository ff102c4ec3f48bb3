//! Statement text: how it is put together, taken apart and judged before a database sees it.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use plimsoll_core::{Code, Error, Result};

use crate::{
    log::Watched,
    reach::{Narrowed, Reach},
};

/// SQL made of pieces that are in the source: a caller's text cannot become SQL.
#[derive(Debug, Clone)]
pub struct Sql(Cow<'static, str>);

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Sql {
        Sql(Cow::Borrowed(text))
    }
}

impl Sql {
    /// SQL with a name in it that a database told, quoted by whoever calls this.
    pub(crate) fn made(text: String) -> Sql {
        Sql(Cow::Owned(text))
    }
    /// Adds a piece at the end; spaces between pieces are the caller's business.
    pub fn push(&mut self, piece: &'static str) {
        self.0.to_mut().push_str(piece);
    }
    /// The whole text.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// What a statement's text consists of. Concatenated, the pieces are the text again, except that
/// a parameter has lost its colon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// A keyword, a name or a number.
    Word(&'a str),
    /// `:name`, without the colon.
    Parameter(&'a str),
    /// A name in double quotes, backticks or brackets, with them.
    Quoted(&'a str),
    /// `'text'`, with its quotes.
    Literal(&'a str),
    /// White space and comments.
    Space(&'a str),
    /// One sign, or `::`.
    Mark(&'a str),
}

impl<'a> Piece<'a> {
    pub(crate) fn is_word(self, wanted: &str) -> bool {
        matches!(self, Piece::Word(word) if word.eq_ignore_ascii_case(wanted))
    }
    /// The name this piece can stand for, if any.
    pub(crate) fn name(self) -> Option<&'a str> {
        match self {
            Piece::Word(word) => Some(word),
            Piece::Quoted(quoted) => quoted.get(1..quoted.len().saturating_sub(1)),
            _ => None,
        }
    }
}

fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// How many bytes from the start of `rest` belong to its first piece. `rest` is not empty.
fn measure(rest: &[u8]) -> usize {
    let until = |close: u8| {
        let mut at = 1;
        while at < rest.len() {
            if rest[at] == close {
                if rest.get(at + 1) != Some(&close) {
                    return at + 1;
                }
                at += 1;
            }
            at += 1;
        }
        rest.len()
    };
    let run = |from: usize, belongs: fn(u8) -> bool| rest[from..].iter().position(|&b| !belongs(b)).map_or(rest.len(), |end| from + end);
    match rest {
        [b'\'', ..] => until(b'\''),
        [b'"', ..] => until(b'"'),
        [b'`', ..] => until(b'`'),
        [b'[', ..] => until(b']'),
        [b'-', b'-', ..] => run(2, |b| b != b'\n'),
        [b'/', b'*', ..] => rest.windows(2).skip(2).position(|pair| pair == b"*/").map_or(rest.len(), |end| end + 4),
        [b':', b':', ..] => 2,
        [b':', next, ..] if in_word(*next) => run(1, in_word),
        [first, ..] if in_word(*first) => run(0, in_word),
        [first, ..] if first.is_ascii_whitespace() => run(0, |b| b.is_ascii_whitespace()),
        _ => 1,
    }
}

/// Takes `text` apart.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut out, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        // Every rule ends before or after an ASCII sign, so this is always a boundary.
        let (piece, tail) = rest.split_at(measure(rest.as_bytes()));
        let bytes = piece.as_bytes();
        out.push(match bytes[0] {
            b'\'' => Piece::Literal(piece),
            b'"' | b'`' | b'[' => Piece::Quoted(piece),
            b'-' | b'/' if bytes.len() > 1 => Piece::Space(piece),
            b':' if bytes.len() > 1 && piece != "::" => Piece::Parameter(&piece[1..]),
            first if in_word(first) => Piece::Word(piece),
            first if first.is_ascii_whitespace() => Piece::Space(piece),
            _ => Piece::Mark(piece),
        });
        rest = tail;
    }
    out
}

/// The tables and columns named in `CREATE TABLE` texts decide which tables a tenant owns.
pub(crate) fn tenant_tables(schema: &str, found: &mut HashSet<String>) {
    let words: Vec<&str> = pieces(schema).into_iter().filter_map(Piece::name).collect();
    let is = |at: usize, word: &str| words.get(at).is_some_and(|found| found.eq_ignore_ascii_case(word));
    let mut table: Option<&str> = None;
    for at in 0..words.len() {
        if is(at, "TABLE") && at > 0 && (is(at - 1, "CREATE") || is(at - 1, "ALTER")) {
            let name = if is(at + 1, "IF") && is(at + 2, "NOT") { at + 4 } else { at + 1 };
            table = words.get(name).copied();
        } else if is(at, "CREATE") || is(at, "DROP") || is(at, "INSERT") || is(at, "UPDATE") || is(at, "DELETE") || is(at, "SELECT") {
            table = None;
        } else if is(at, "tenant_id")
            && let Some(name) = table
        {
            found.insert(name.to_ascii_lowercase());
        }
    }
}

/// What a statement does, as far as its first word tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Reads,
    Writes,
    /// `WITH …`, which may be either.
    Either,
}

/// A statement's text, understood once per connection.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Distinguishes plans of one connection.
    pub(crate) number: usize,
    /// Parameters in the order of their first use, which is also SQLite's numbering.
    pub(crate) names: Vec<Box<str>>,
    pub(crate) verb: Verb,
    /// Whether `:tenant` occurs.
    pub(crate) tenant: bool,
    /// A tenant-owned table that is named although `:tenant` does not occur.
    pub(crate) unguarded: Option<String>,
    /// Text between parameters, each with the parameter that follows it.
    segments: Vec<(String, Option<usize>)>,
}

/// A mistake in a statement: the caller learns nothing, the log everything.
#[track_caller]
pub(crate) fn mistake(what: &str, text: &str) -> Error {
    Code::Internal.error().caused_by(format!("{what}, in: {text}"))
}

impl Plan {
    /// Understands `text`.
    ///
    /// # Errors
    /// [`Code::Internal`] where the text is not one single statement that reads or changes rows,
    /// or uses unnamed parameters.
    fn new(number: usize, text: &str, owned: &HashSet<String>) -> Result<Plan> {
        let all = pieces(text);
        let solid = || all.iter().copied().filter(|piece| !matches!(piece, Piece::Space(_)));
        let verb = match solid().next() {
            Some(first) if ["SELECT", "VALUES", "EXPLAIN"].iter().any(|word| first.is_word(word)) => Verb::Reads,
            Some(first) if ["INSERT", "UPDATE", "DELETE"].iter().any(|word| first.is_word(word)) => Verb::Writes,
            Some(first) if first.is_word("WITH") => Verb::Either,
            _ => return Err(mistake("only SELECT, VALUES, WITH, INSERT, UPDATE, DELETE and EXPLAIN are statements here", text)),
        };
        let count = solid().count();
        for (at, piece) in solid().enumerate() {
            match piece {
                Piece::Mark(";") if at + 1 < count => return Err(mistake("one statement at a time", text)),
                Piece::Mark("?" | "$" | "@") => return Err(mistake("parameters are written :name", text)),
                _ => {}
            }
        }
        let mut plan = Plan { number, names: Vec::new(), verb, tenant: false, unguarded: None, segments: Vec::new() };
        let mut between = String::new();
        for &piece in &all {
            match piece {
                Piece::Parameter(name) => {
                    let at = plan.names.iter().position(|known| &**known == name).unwrap_or_else(|| {
                        plan.names.push(name.into());
                        plan.names.len() - 1
                    });
                    plan.segments.push((std::mem::take(&mut between), Some(at)));
                }
                Piece::Word(t) | Piece::Quoted(t) | Piece::Literal(t) | Piece::Space(t) | Piece::Mark(t) => between.push_str(t),
            }
        }
        plan.segments.push((between, None));
        plan.tenant = plan.names.iter().any(|name| &**name == "tenant");
        if !plan.tenant {
            plan.unguarded = all.iter().filter_map(|piece| piece.name()).map(str::to_ascii_lowercase).find(|name| owned.contains(name));
        }
        Ok(plan)
    }

    /// The text with `$1, $2, …` for the parameters in the order of `names`, and the word
    /// `NULL` for those that are null: PostgreSQL wants a type for every parameter, and a null has none.
    pub(crate) fn numbered(&self, is_null: impl Fn(usize) -> bool) -> String {
        let (mut out, mut numbers, mut last) = (String::new(), vec![0; self.names.len()], 0);
        for (text, parameter) in &self.segments {
            out.push_str(text);
            match *parameter {
                None => {}
                Some(at) if is_null(at) => out.push_str("NULL"),
                Some(at) => {
                    if numbers[at] == 0 {
                        last += 1;
                        numbers[at] = last;
                    }
                    out.push('$');
                    out.push_str(&numbers[at].to_string());
                }
            }
        }
        out
    }
}

/// The plans of one connection.
#[derive(Debug, Default)]
pub(crate) struct Plans {
    known: HashMap<Cow<'static, str>, Arc<Plan>>,
    made: usize,
    /// What the change log makes of statements, for tables as they stood at a time.
    watched: HashMap<Cow<'static, str>, Option<Arc<Watched>>>,
    watched_at: u64,
    /// What statements are for whoever is confined, by the table of the bindings.
    narrowed: HashMap<&'static str, HashMap<Cow<'static, str>, Option<Arc<Narrowed>>>>,
}

/// Texts come from the source, so their number is bounded; this bounds even the unlikely.
const MOST: usize = 4096;

impl Plans {
    /// What the change log makes of a statement, if that is known for tables of this generation.
    pub(crate) fn watched(&mut self, sql: &Sql, generation: u64) -> Option<Option<Arc<Watched>>> {
        if self.watched_at != generation || self.watched.len() >= MOST {
            self.watched.clear();
            self.watched_at = generation;
        }
        self.watched.get(sql.text()).cloned()
    }

    pub(crate) fn watch(&mut self, sql: &Sql, watched: Option<Arc<Watched>>) {
        self.watched.insert(sql.0.clone(), watched);
    }

    /// The statement for whoever is confined, if that is known.
    pub(crate) fn narrowed(&self, reach: &Reach, sql: &Sql) -> Option<Option<Arc<Narrowed>>> {
        self.narrowed.get(reach.bindings)?.get(sql.text()).cloned()
    }

    pub(crate) fn narrow(&mut self, reach: &Reach, sql: &Sql, narrowed: Option<Arc<Narrowed>>) {
        let known = self.narrowed.entry(reach.bindings).or_default();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(sql.0.clone(), narrowed);
    }

    /// The plan of `sql`, made at its first use.
    pub(crate) fn get(&mut self, sql: &Sql, owned: impl FnOnce(&mut dyn FnMut(&HashSet<String>))) -> Result<Arc<Plan>> {
        if let Some(plan) = self.known.get(sql.text()) {
            return Ok(plan.clone());
        }
        let mut made = None;
        owned(&mut |tables| made = Some(Plan::new(self.made, sql.text(), tables)));
        let plan = Arc::new(made.ok_or_else(|| mistake("no plan was made", sql.text()))??);
        self.made += 1;
        if self.known.len() >= MOST {
            self.known.clear();
        }
        self.known.insert(sql.0.clone(), plan.clone());
        Ok(plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> Result<Plan> {
        Plan::new(0, text, &HashSet::from(["artist".to_string()]))
    }

    #[test]
    fn parameters_are_found_outside_quotes_and_comments_only() {
        let plan = plan("SELECT ':no', \":no\", x::text /* :no */ FROM t WHERE a = :a AND b = :b_2 OR :a IS NULL -- :no").unwrap();
        assert_eq!(plan.names.iter().map(|n| &**n).collect::<Vec<_>>(), ["a", "b_2"]);
        let text = plan.numbered(|_| false);
        assert!(text.contains("a = $1 AND b = $2 OR $1 IS NULL") && text.contains("':no'") && text.contains("x::text"), "{text}");
        assert!(plan.numbered(|at| at == 0).contains("a = NULL AND b = $1 OR NULL IS NULL"));
    }

    #[test]
    fn quotes_may_hold_quotes_and_any_letters() {
        let text = "SELECT 'it''s :x', 'größe' , \"a\"\"b\" FROM größe WHERE c = :größe";
        let joined: String = pieces(text)
            .iter()
            .map(|piece| match piece {
                Piece::Parameter(name) => format!(":{name}"),
                Piece::Word(t) | Piece::Quoted(t) | Piece::Literal(t) | Piece::Space(t) | Piece::Mark(t) => (*t).to_string(),
            })
            .collect();
        assert_eq!(joined, text);
        assert_eq!(plan(text).unwrap().names.len(), 1);
        for unfinished in ["'abc", "\"abc", "/* abc", "/*/", "--", ":", "[a"] {
            assert_eq!(pieces(unfinished).len(), 1, "{unfinished}");
        }
    }

    #[test]
    fn a_tenant_s_table_needs_the_tenant_however_it_is_written() {
        for text in
            ["SELECT * FROM artist", "SELECT * FROM \"Artist\"", "DELETE FROM ARTIST", "SELECT 1 FROM a JOIN artist x ON ':tenant' = x.y"]
        {
            assert_eq!(plan(text).unwrap().unguarded.as_deref(), Some("artist"), "{text}");
        }
        for text in ["SELECT * FROM artist WHERE tenant_id = :tenant", "SELECT 'artist' FROM t", "SELECT artists FROM t -- artist"] {
            assert_eq!(plan(text).unwrap().unguarded, None, "{text}");
        }
    }

    #[test]
    fn only_single_statements_on_rows_are_accepted() {
        for text in ["COMMIT", "PRAGMA x", "", "ATTACH 'x' AS y", "SELECT 1; SELECT 2", "SELECT ?", "SELECT $1", "SELECT @a"] {
            assert!(plan(text).is_err(), "{text}");
        }
        assert!(plan("SELECT 1;").is_ok() && plan("-- why\nWITH x AS (SELECT 1) SELECT * FROM x").is_ok());
    }

    #[test]
    fn tenant_tables_are_read_from_the_schema() {
        let mut found = HashSet::new();
        let schema = "CREATE TABLE plain (id INTEGER); CREATE TABLE IF NOT EXISTS Artist (tenant_id TEXT, id INTEGER) STRICT;
            CREATE INDEX artist_name ON artist (tenant_id); CREATE TABLE other (x TEXT);
            ALTER TABLE late ADD COLUMN tenant_id TEXT; INSERT INTO other SELECT tenant_id FROM plain;";
        tenant_tables(schema, &mut found);
        let mut found: Vec<_> = found.into_iter().collect();
        found.sort();
        assert_eq!(found, ["artist", "late"]);
    }
}
