//! One connection to a server: how statements run on it, what its errors mean.

use std::{cell::RefCell, collections::HashMap};

use postgres::{
    Client, Statement,
    error::SqlState,
    fallible_iterator::FallibleIterator,
    types::{ToSql, Type},
};

use super::cell::{Given, announced};
use crate::{
    failure::Failure,
    row::Row,
    sql::{Plan, Plans, Sql},
    tables::ColumnKind,
    tx::{Bound, Stop, Visit},
    value::Value,
};

/// More than the statements of one service; past it all are prepared anew.
const STATEMENTS: usize = 1024;

/// A connection and what belongs to it.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) plans: Plans,
    /// Prepared statements by plan and by the types of the parameters.
    statements: HashMap<(usize, Vec<Option<Type>>), Statement>,
}

impl Session {
    pub(crate) fn new(client: Client) -> Session {
        Session { client, plans: Plans::default(), statements: HashMap::new() }
    }

    pub(crate) fn client_is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Runs `BEGIN`, `SAVEPOINT` and their like.
    pub(crate) fn control(&mut self, text: &str) -> Result<(), Failure> {
        self.client.batch_execute(text).map_err(|error| self.failed(&error))
    }

    /// Runs a statement without rows; how many rows it changed.
    pub(crate) fn execute(&mut self, bound: &Bound<'_>) -> Result<u64, Stop> {
        let statement = self.prepare(bound)?;
        if !statement.columns().is_empty() {
            return Err(Stop::Above(crate::sql::mistake("a statement with RETURNING is run with `writing`", bound.text.text())));
        }
        let given = given(bound);
        self.client.execute(&statement, &borrowed(&given)).map_err(|error| Stop::Failed(self.failed(&error)))
    }

    /// Runs a statement and shows its rows to `visit`, once all have arrived.
    pub(crate) fn query(session: &RefCell<Session>, bound: &Bound<'_>, visit: Visit<'_>) -> Result<u64, Stop> {
        let rows = {
            let mut session = session.borrow_mut();
            let statement = session.prepare(bound)?;
            let given = given(bound);
            session.client.query(&statement, &borrowed(&given)).map_err(|error| Stop::Failed(session.failed(&error)))?
        };
        for row in &rows {
            if !visit(&Row::pg(row)).map_err(Stop::Above)? {
                break;
            }
        }
        Ok(rows.len() as u64)
    }

    /// Runs a statement and shows its rows to `visit` as they arrive.
    pub(crate) fn stream(session: &RefCell<Session>, bound: &Bound<'_>, visit: Visit<'_>) -> Result<u64, Stop> {
        let mut session = session.borrow_mut();
        let statement = session.prepare(bound)?;
        let given = given(bound);
        let session = &mut *session;
        let mut seen = 0;
        let ended = match session.client.query_raw(&statement, borrowed(&given)) {
            Err(error) => Err(error),
            Ok(mut rows) => loop {
                match rows.next() {
                    Err(error) => break Err(error),
                    Ok(None) => break Ok(()),
                    Ok(Some(row)) => {
                        seen += 1;
                        if !visit(&Row::pg(&row)).map_err(Stop::Above)? {
                            break Ok(());
                        }
                    }
                }
            },
        };
        ended.map(|()| seen).map_err(|error| Stop::Failed(session.failed(&error)))
    }

    /// Runs a statement that changes rows, with one array for each of its parameters, and shows
    /// what it returns to `visit`; how many rows it changed.
    pub(crate) fn arrays(
        session: &RefCell<Session>,
        plan: &Plan,
        text: &Sql,
        kinds: &[ColumnKind],
        rows: &[Vec<Value<'_>>],
        visit: Visit<'_>,
    ) -> Result<u64, Stop> {
        let found = {
            let mut session = session.borrow_mut();
            let key = (plan.number, Vec::new());
            let statement = match session.statements.get(&key) {
                Some(statement) => statement.clone(),
                None => {
                    let prepared = session.client.prepare(&plan.numbered(|_| false));
                    let statement = prepared.map_err(|error| Stop::Failed(session.failed(&error)))?;
                    session.statements.insert(key, statement.clone());
                    statement
                }
            };
            let arrays = kinds.iter().enumerate().map(|(at, kind)| array(*kind, at, rows)).collect::<Option<Vec<_>>>();
            let Some(arrays) = arrays else {
                return Err(Stop::Above(crate::sql::mistake("a value does not fit its column", text.text())));
            };
            let given: Vec<&(dyn ToSql + Sync)> = arrays.iter().map(|one| &**one).collect();
            if statement.columns().is_empty() {
                return session.client.execute(&statement, &given).map_err(|error| Stop::Failed(session.failed(&error)));
            }
            session.client.query(&statement, &given).map_err(|error| Stop::Failed(session.failed(&error)))?
        };
        for row in &found {
            visit(&Row::pg(row)).map_err(Stop::Above)?;
        }
        Ok(found.len() as u64)
    }

    /// The prepared form of a statement for parameters of these types.
    ///
    /// Types are announced, so that `:a > :b` compares what was bound and not its text. Where a
    /// function wants another type (a 32-bit position, say) the server is asked to choose; a
    /// savepoint keeps that question from ending the transaction.
    fn prepare(&mut self, bound: &Bound<'_>) -> Result<Statement, Stop> {
        let types: Vec<Option<Type>> = bound.values.iter().map(announced).collect();
        let key = (bound.plan.number, types);
        if let Some(statement) = self.statements.get(&key) {
            return Ok(statement.clone());
        }
        let text = bound.plan.numbered(|at| matches!(bound.values[at], Value::Null));
        let types: Vec<Type> = key.1.iter().flatten().cloned().collect();
        let statement = if types.is_empty() {
            self.client.prepare(&text)
        } else {
            self.control("SAVEPOINT preparing").map_err(Stop::Failed)?;
            let prepared = self.client.prepare_typed(&text, &types);
            let prepared = match prepared {
                Err(error) if error.code() == Some(&SqlState::UNDEFINED_FUNCTION) => {
                    self.control("ROLLBACK TO SAVEPOINT preparing").map_err(Stop::Failed)?;
                    self.client.prepare(&text).map_err(|_| error)
                }
                other => other,
            };
            if prepared.is_ok() {
                self.control("RELEASE SAVEPOINT preparing").map_err(Stop::Failed)?;
            }
            prepared
        };
        let statement = statement.map_err(|error| Stop::Failed(self.failed(&error)))?;
        if self.statements.len() >= STATEMENTS {
            self.statements.clear();
        }
        self.statements.insert(key, statement.clone());
        Ok(statement)
    }

    /// Understands an error, and forgets what it shows to be out of date.
    pub(crate) fn failed(&mut self, error: &postgres::Error) -> Failure {
        let changed = error.as_db_error().and_then(|found| found.routine()) == Some("RevalidateCachedQuery");
        if (changed || error.code() == Some(&SqlState::INVALID_SQL_STATEMENT_NAME)) && !self.statements.is_empty() {
            // A table changed under a prepared statement; the next use prepares it anew.
            self.statements.clear();
            return Failure::busy().caused(describe(error));
        }
        let found = failure(error);
        if self.client.is_closed() && !found.lost { Failure::away().caused(describe(error)).lost() } else { found }
    }
}

/// One column of rows; nothing where a value is of another kind.
fn array<'a>(kind: ColumnKind, at: usize, rows: &'a [Vec<Value<'_>>]) -> Option<Box<dyn ToSql + Sync + 'a>> {
    fn all<'a, T: ToSql + Sync + 'a>(values: impl Iterator<Item = Option<Option<T>>>) -> Option<Box<dyn ToSql + Sync + 'a>> {
        Some(Box::new(values.collect::<Option<Vec<Option<T>>>>()?))
    }
    let cells = rows.iter().map(|row| row.get(at));
    match kind {
        ColumnKind::Int => all(cells.map(|cell| match cell? {
            Value::Null => Some(None),
            Value::Int(number) => Some(Some(*number)),
            _ => None,
        })),
        ColumnKind::Real => all(cells.map(|cell| match cell? {
            Value::Null => Some(None),
            Value::Real(number) => Some(Some(*number)),
            Value::Int(number) => Some(Some(*number as f64)),
            _ => None,
        })),
        ColumnKind::Text => all(cells.map(|cell| match cell? {
            Value::Null => Some(None),
            text => text.text().map(Some),
        })),
        ColumnKind::Blob => all(cells.map(|cell| match cell? {
            Value::Null => Some(None),
            Value::Blob(bytes) => Some(Some(*bytes)),
            _ => None,
        })),
    }
}

fn given<'a>(bound: &Bound<'a>) -> Vec<Given<'a>> {
    bound.values.iter().filter(|value| !matches!(value, Value::Null)).map(|value| Given(*value)).collect()
}

fn borrowed<'a>(given: &'a [Given<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    given.iter().map(|one| one as &(dyn ToSql + Sync)).collect()
}

/// An error in words that hold no values: the server's details quote keys and inputs.
fn describe(error: &postgres::Error) -> String {
    match error.as_db_error() {
        None => {
            let mut text = error.to_string();
            if let Some(cause) = std::error::Error::source(error) {
                text = format!("{text}: {cause}");
            }
            text
        }
        Some(found) if found.code().code().starts_with("22") => format!("{}: a value does not fit its type", found.code().code()),
        Some(found) => format!("{}: {}", found.code().code(), found.message()),
    }
}

/// What the server's errors mean to a caller.
pub(crate) fn failure(error: &postgres::Error) -> Failure {
    let away = || Failure::away().lost();
    let meaning = match error.code() {
        None => {
            let network = std::error::Error::source(error).is_some_and(|cause| cause.is::<std::io::Error>());
            if error.is_closed() || network { away() } else { Failure::internal() }
        }
        Some(code) => match (code.code(), &code.code()[..2]) {
            ("23503" | "23001", _) => Failure::conflict("foreign_key"),
            ("23505" | "23P01", _) => Failure::conflict("unique"),
            ("25006", _) | (_, "08" | "57" | "28" | "3D") if code != &SqlState::QUERY_CANCELED => away(),
            ("57014", _) => Failure::slow(),
            ("53100", _) => Failure::full(),
            ("42P01", _) => Failure::internal().no_table(),
            ("25P03", _) => away(),
            (_, "53" | "40" | "55") => Failure::busy(),
            (_, "22" | "23") => Failure::invalid(),
            _ => Failure::internal(),
        },
    };
    meaning.caused(describe(error))
}
