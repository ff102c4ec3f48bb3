//! An open transaction, as a closure sees it.

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, HashSet},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use plimsoll_core::{Clock, Code, Error, Result};

use crate::{
    Kind, Scope,
    failure::Failure,
    gauges::{Counts, add},
    log::{Capture, Logged, Watched, changes_rows, watch},
    postgres::Session,
    reach::Confined,
    row::{FromRow, Row},
    rows::fit,
    sql::{Plan, Plans, Sql, Verb, mistake},
    sqlite::Connection,
    tables::{BOOKKEEPING, ColumnKind, Table},
    value::{IdText, Params, Value},
    wake::Hub,
};

/// Where a tenant's chain of ledger entries stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Number of the last entry, 0 before the first.
    pub seq: i64,
    /// Its hash.
    pub hash: [u8; 32],
}

/// What all transactions of a store share.
pub(crate) struct Shared {
    pub(crate) slow_statement: Duration,
    /// Names of the tables a tenant owns, in lower case.
    pub(crate) owned: RwLock<HashSet<String>>,
    /// 0 unknown, 1 yes, 2 no.
    pub(crate) durable: AtomicU8,
    pub(crate) counts: Counts,
    /// Who waits for other transactions.
    pub(crate) hub: Hub,
    pub(crate) clock: Clock,
    /// Tables that the change log leaves out.
    pub(crate) unlogged: &'static [&'static str],
    /// The tables by name in lower case, as far as the change log has asked for them,
    pub(crate) tables: RwLock<Option<Arc<Tables>>>,
    /// and how often they may have changed.
    pub(crate) generation: AtomicU64,
}

/// Tables by name in lower case.
pub(crate) type Tables = HashMap<String, Arc<Table>>;

impl Shared {
    pub(crate) fn with_owned(&self, f: &mut dyn FnMut(&HashSet<String>)) {
        f(&self.owned.read().unwrap_or_else(PoisonError::into_inner));
    }
    /// Forgets the tables: a migration has run.
    pub(crate) fn tables_changed(&self) {
        *self.tables.write().unwrap_or_else(PoisonError::into_inner) = None;
        self.generation.fetch_add(1, Ordering::Release);
    }
    /// Adds tables that a database says a tenant owns.
    pub(crate) fn learn(&self, tables: impl IntoIterator<Item = String>) {
        let mut owned = self.owned.write().unwrap_or_else(PoisonError::into_inner);
        owned.extend(tables.into_iter().map(|table| table.to_ascii_lowercase()));
    }
}

/// The connection under a transaction: the only place that asks which database this is.
#[derive(Clone, Copy)]
pub(crate) enum Link<'c> {
    Lite(&'c Connection),
    Pg(&'c RefCell<Session>),
}

/// An open transaction; only closures given to [`Store::read`](crate::Store::read) and
/// [`Store::commit`](crate::Store::commit) see one.
///
/// A statement that fails ends the transaction on both databases: further statements are refused,
/// and nothing is kept even where the closure returns `Ok`. [`Tx::attempt`] confines a failure.
pub struct Tx<'c> {
    link: Link<'c>,
    shared: &'c Shared,
    scope: Scope,
    tenant: Option<IdText>,
    pub(crate) head: Option<Head>,
    broken: Cell<Option<Code>>,
    /// Whether rows of a statement are being visited, which occupies the connection.
    visiting: Cell<bool>,
    depth: u32,
    /// Channels to wake if this is committed.
    pub(crate) notices: Vec<&'static str>,
    /// Where changes are noted while the change log is on.
    log: Option<&'c RefCell<Capture>>,
    /// Who reaches a part of the tenant only, while it is somebody's statements that run.
    pub(crate) confined: RefCell<Option<Arc<Confined>>>,
}

/// A statement that is ready to run: its plan, and a value for each of its parameters in order.
pub(crate) struct Bound<'a> {
    pub(crate) text: &'a Sql,
    pub(crate) plan: &'a Plan,
    pub(crate) values: Vec<Value<'a>>,
}

/// What a visitor wants after a row.
pub(crate) type Visit<'v> = &'v mut dyn FnMut(&Row<'_>) -> Result<bool>;

/// Why a statement did not run to its end.
pub(crate) enum Stop {
    /// The database refused or failed.
    Failed(Failure),
    /// The code above did: a bad row type, a visitor's own error.
    Above(Error),
}

impl<'c> Tx<'c> {
    pub(crate) fn new(link: Link<'c>, shared: &'c Shared, scope: Scope, head: Option<Head>) -> Tx<'c> {
        let tenant = match scope {
            Scope::Tenant(id) => Some(IdText::new(id)),
            Scope::Host => None,
        };
        Tx {
            link,
            shared,
            scope,
            tenant,
            head,
            broken: Cell::new(None),
            visiting: Cell::new(false),
            depth: 0,
            notices: Vec::new(),
            log: None,
            confined: RefCell::default(),
        }
    }

    /// The same transaction, with its changes noted in `log`.
    pub(crate) fn logged(mut self, log: Option<&'c RefCell<Capture>>) -> Tx<'c> {
        self.log = log;
        self
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// The code of the statement that failed, if one did.
    pub(crate) fn broken(&self) -> Option<Code> {
        self.broken.get()
    }

    /// Every row of a query.
    ///
    /// # Errors
    /// [`Code::Internal`] for a mistake in the statement or its parameters; the database's own
    /// errors by their class; never [`Code::NotFound`].
    pub fn rows<T: FromRow>(&self, sql: impl Into<Sql>, params: &Params<'_>) -> Result<Vec<T>> {
        let mut out = Vec::new();
        self.query(sql.into(), params, false, &mut |row| {
            out.push(T::from_row(row)?);
            Ok(true)
        })?;
        Ok(out)
    }

    /// The only row.
    ///
    /// # Errors
    /// [`Code::NotFound`] where there is none; else as for [`Tx::rows`].
    pub fn row<T: FromRow>(&self, sql: impl Into<Sql>, params: &Params<'_>) -> Result<T> {
        self.maybe(sql, params)?.ok_or_else(|| Code::NotFound.error())
    }

    /// The first row, if any.
    ///
    /// # Errors
    /// As for [`Tx::rows`].
    pub fn maybe<T: FromRow>(&self, sql: impl Into<Sql>, params: &Params<'_>) -> Result<Option<T>> {
        let mut out = None;
        self.query(sql.into(), params, false, &mut |row| {
            out = Some(T::from_row(row)?);
            Ok(false)
        })?;
        Ok(out)
    }

    /// Visits each row without collecting them first. The visitor cannot run statements of its
    /// own: the connection is occupied.
    ///
    /// # Errors
    /// As for [`Tx::rows`], and the visitor's own, which ends the visit.
    pub fn each(&self, sql: impl Into<Sql>, params: &Params<'_>, f: &mut dyn FnMut(&Row<'_>) -> Result<()>) -> Result<()> {
        self.query(sql.into(), params, true, &mut |row| f(row).map(|()| true))
    }

    /// Runs a changing statement; how many rows changed.
    ///
    /// # Errors
    /// [`Code::Conflict`] for a broken unique or foreign key, [`Code::Invalid`] for another broken
    /// rule of the schema; else as for [`Tx::rows`].
    pub fn write(&mut self, sql: impl Into<Sql>, params: &Params<'_>) -> Result<u64> {
        let sql = sql.into();
        if let Some(watched) = self.watched(&sql)? {
            if watched.returns {
                return Err(mistake("a statement with RETURNING is run with `writing`", sql.text()));
            }
            return self.run(&watched.sql, params, Verb::Writes, |bound| self.noted(&watched, bound, &mut |_| Ok(true)));
        }
        self.run(&sql, params, Verb::Writes, |bound| match self.link {
            Link::Lite(connection) => connection.execute(bound),
            Link::Pg(session) => session.borrow_mut().execute(bound),
        })
    }

    /// Runs a changing statement with `RETURNING`; the rows it returns.
    ///
    /// # Errors
    /// As for [`Tx::write`].
    pub fn writing<T: FromRow>(&mut self, sql: impl Into<Sql>, params: &Params<'_>) -> Result<Vec<T>> {
        let (sql, mut out) = (sql.into(), Vec::new());
        let visit: Visit<'_> = &mut |row| {
            out.push(T::from_row(row)?);
            Ok(true)
        };
        match self.watched(&sql)? {
            Some(watched) => self.run(&watched.sql, params, Verb::Writes, |bound| self.noted(&watched, bound, visit))?,
            None => self.run(&sql, params, Verb::Writes, |bound| self.shown(bound, visit))?,
        };
        Ok(out)
    }

    /// Runs `f` so that its failure undoes what it did and nothing else: the transaction goes on.
    ///
    /// # Errors
    /// What `f` returns.
    pub fn attempt<T>(&mut self, f: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        self.ready("SAVEPOINT")?;
        let (head, depth, notices) = (self.head, self.depth, self.notices.len());
        let noted = self.log.map(|log| log.borrow().mark());
        self.depth += 1;
        self.control(&format!("SAVEPOINT attempt_{depth}"))?;
        let result = f(self).and_then(|value| self.ready("RELEASE").map(|()| value));
        self.depth = depth;
        if result.is_ok() {
            self.control(&format!("RELEASE SAVEPOINT attempt_{depth}"))?;
        } else {
            self.head = head;
            self.notices.truncate(notices);
            if let (Some(log), Some(noted)) = (self.log, noted) {
                log.borrow_mut().undo(noted);
            }
            self.control(&format!("ROLLBACK TO SAVEPOINT attempt_{depth}"))?;
            self.control(&format!("RELEASE SAVEPOINT attempt_{depth}"))?;
            self.broken.set(None);
        }
        result
    }

    pub(crate) fn kind(&self) -> Kind {
        match self.link {
            Link::Lite(_) => Kind::Sqlite,
            Link::Pg(_) => Kind::Postgres,
        }
    }

    /// Whose data.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// The cached head of this scope's ledger, if this batch has read or moved it.
    pub fn head(&self) -> Option<Head> {
        self.head
    }

    /// Moves the head; undone if the closure fails.
    pub fn set_head(&mut self, head: Head) {
        self.head = Some(head);
    }

    fn control(&self, text: &str) -> Result<()> {
        let done = match self.link {
            Link::Lite(connection) => connection.control(text),
            Link::Pg(session) => session.borrow_mut().control(text),
        };
        done.map_err(|failure| self.fail(&failure))
    }

    fn fail(&self, failure: &Failure) -> Error {
        self.broken.set(Some(failure.code));
        if failure.code == Code::StatementTimeout {
            add(&self.shared.counts.timeouts);
        }
        failure.error()
    }

    /// Whether a statement may run now.
    fn ready(&self, text: &str) -> Result<()> {
        if let Some(code) = self.broken.get() {
            return Err(mistake(&format!("an earlier statement failed ({}) and ended this transaction", code.stable()), text));
        }
        if self.visiting.get() {
            return Err(mistake("a statement inside the visit of another one's rows", text));
        }
        Ok(())
    }

    fn query(&self, sql: Sql, params: &Params<'_>, stream: bool, visit: Visit<'_>) -> Result<()> {
        self.run(&sql, params, Verb::Reads, |bound| self.visit(bound, stream, visit))?;
        Ok(())
    }

    pub(crate) fn visit(&self, bound: &Bound<'_>, stream: bool, visit: Visit<'_>) -> Result<u64, Stop> {
        self.visiting.set(true);
        let done = match self.link {
            Link::Lite(connection) => connection.query(bound, visit),
            Link::Pg(session) if stream => Session::stream(session, bound, visit),
            Link::Pg(session) => Session::query(session, bound, visit),
        };
        self.visiting.set(false);
        done
    }

    /// Runs a statement and shows what it returns, once all is there.
    fn shown(&self, bound: &Bound<'_>, visit: Visit<'_>) -> Result<u64, Stop> {
        match self.link {
            Link::Lite(connection) => connection.query(bound, visit),
            Link::Pg(session) => Session::query(session, bound, visit),
        }
    }

    /// Runs a watched statement, notes what it changes and shows what it returns by itself.
    fn noted(&self, watched: &Watched, bound: &Bound<'_>, visit: Visit<'_>) -> Result<u64, Stop> {
        self.noting(watched, visit, |visit| self.shown(bound, visit))
    }

    fn noting(&self, watched: &Watched, visit: Visit<'_>, run: impl FnOnce(Visit<'_>) -> Result<u64, Stop>) -> Result<u64, Stop> {
        let mut above = None;
        let done = run(&mut |row| {
            if let Some(log) = self.log {
                log.borrow_mut().add(watched, row)?;
            }
            // All rows have been changed by now, so all are noted, whatever becomes of the visit.
            if above.is_none()
                && let Err(error) = visit(&row.only_first(row.len() - watched.added))
            {
                above = Some(error);
            }
            Ok(true)
        });
        if matches!(done, Err(Stop::Above(_))) {
            // Something may have been changed and not noted: then it must not stay.
            self.broken.set(Some(Code::Internal));
        }
        match (done, above) {
            (Ok(_), Some(error)) => Err(Stop::Above(error)),
            (done, _) => done,
        }
    }

    /// How the change log sees a statement; `None` while it is off or leaves the table out.
    fn watched(&self, sql: &Sql) -> Result<Option<Arc<Watched>>> {
        if self.log.is_none() {
            return Ok(None);
        }
        let generation = self.shared.generation.load(Ordering::Acquire);
        if let Some(known) = self.plans(|plans| plans.watched(sql, generation)) {
            return Ok(known);
        }
        let made = self.watch(sql, false).or_else(|_| self.watch(sql, true))?.map(Arc::new);
        self.plans(|plans| plans.watch(sql, made.clone()));
        Ok(made)
    }

    fn watch(&self, sql: &Sql, anew: bool) -> Result<Option<Watched>> {
        let tables = self.logged_tables(anew)?;
        watch(sql.text(), self.is_postgres(), &|name| {
            let name = name.to_ascii_lowercase();
            if BOOKKEEPING.contains(&name.as_str()) || self.shared.unlogged.contains(&name.as_str()) {
                return Some(Logged::No);
            }
            tables.get(&name).cloned().map(Logged::Yes)
        })
    }

    /// The tables as the database tells them, asked once until a migration runs.
    fn logged_tables(&self, anew: bool) -> Result<Arc<Tables>> {
        let known = self.shared.tables.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(tables) = known.filter(|_| !anew) {
            return Ok(tables);
        }
        self.ready("the change log asks for the tables")?;
        let tables = self.tables()?.into_iter().map(|table| (table.name.to_ascii_lowercase(), Arc::new(table))).collect();
        let tables = Arc::new(tables);
        *self.shared.tables.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&tables));
        Ok(tables)
    }

    pub(crate) fn plans<T>(&self, f: impl FnOnce(&mut Plans) -> T) -> T {
        match self.link {
            Link::Lite(connection) => f(&mut connection.plans.borrow_mut()),
            Link::Pg(session) => f(&mut session.borrow_mut().plans),
        }
    }

    /// Visits rows for as long as the visitor wants more.
    pub(crate) fn visited(&self, sql: &'static str, visit: Visit<'_>) -> Result<()> {
        self.query(Sql::from(sql), &[], true, visit)
    }

    /// Runs a query that this crate made, with values in the order of its parameters. Whose rows
    /// it names is its maker's business.
    pub(crate) fn unguarded(&self, sql: &Sql, values: Vec<Value<'_>>, stream: bool, visit: Visit<'_>) -> Result<u64> {
        self.whole(sql)?;
        self.ready(sql.text())?;
        let plan = self.understood(sql)?;
        let bound = Bound { text: sql, plan: &plan, values };
        self.measured(sql, || self.visit(&bound, stream, visit))
    }

    /// As [`Tx::unguarded`], for a statement that changes rows; how many.
    pub(crate) fn writing_values(&mut self, sql: &Sql, values: Vec<Value<'_>>) -> Result<u64> {
        self.whole(sql)?;
        self.ready(sql.text())?;
        fit(&values)?;
        let watched = self.watched(sql)?;
        let sql = watched.as_ref().map_or(sql, |watched| &watched.sql);
        let plan = self.understood(sql)?;
        let bound = Bound { text: sql, plan: &plan, values };
        if let Some(watched) = &watched {
            return self.measured(sql, || self.noted(watched, &bound, &mut |_| Ok(true)));
        }
        self.measured(sql, || match self.link {
            Link::Lite(connection) => connection.execute(&bound),
            Link::Pg(session) => session.borrow_mut().execute(&bound),
        })
    }

    /// As [`Tx::writing_values`] on a server, for many rows at once: one array for each column.
    pub(crate) fn writing_arrays(&mut self, sql: &Sql, kinds: &[ColumnKind], rows: &[Vec<Value<'_>>]) -> Result<u64> {
        self.whole(sql)?;
        self.ready(sql.text())?;
        rows.iter().try_for_each(|row| fit(row))?;
        let watched = self.watched(sql)?;
        let sql = watched.as_ref().map_or(sql, |watched| &watched.sql);
        let plan = self.understood(sql)?;
        let Link::Pg(session) = self.link else { return Err(mistake("arrays are a server's", sql.text())) };
        self.measured(sql, || match &watched {
            Some(watched) => self.noting(watched, &mut |_| Ok(true), |visit| Session::arrays(session, &plan, sql, kinds, rows, visit)),
            None => Session::arrays(session, &plan, sql, kinds, rows, &mut |_| Ok(true)),
        })
    }

    /// Runs a statement, as whoever is confined may.
    fn run(&self, sql: &Sql, params: &Params<'_>, verb: Verb, f: impl FnOnce(&Bound<'_>) -> Result<u64, Stop>) -> Result<u64> {
        let confined = self.confined.borrow().clone();
        let Some(confined) = confined else { return self.run_as(sql, params, verb, None, f) };
        let Some(narrowed) = self.narrowed(&confined, sql)? else { return self.run_as(sql, params, verb, Some(&confined), f) };
        if let Some(check) = &narrowed.check {
            self.admits(&confined, check, params, sql)?;
        }
        self.run_as(&narrowed.sql, params, verb, Some(&confined), f)
    }

    /// Judges a statement, binds its parameters, runs it and measures.
    pub(crate) fn run_as(
        &self,
        sql: &Sql,
        params: &Params<'_>,
        verb: Verb,
        confined: Option<&Confined>,
        f: impl FnOnce(&Bound<'_>) -> Result<u64, Stop>,
    ) -> Result<u64> {
        self.ready(sql.text())?;
        let plan = self.plan(sql)?;
        if (verb, plan.verb, self.log.is_some()) == (Verb::Reads, Verb::Either, true) && changes_rows(sql.text())? {
            return Err(mistake("a statement that changes rows is run with `write` or `writing`", sql.text()));
        }
        if plan.verb != verb && plan.verb != Verb::Either {
            return Err(mistake(
                if verb == Verb::Reads { "a query was expected" } else { "a changing statement was expected" },
                sql.text(),
            ));
        }
        let values = self.bind(&plan, sql, params, confined)?;
        self.measured(sql, || f(&Bound { text: sql, plan: &plan, values }))
    }

    fn measured(&self, sql: &Sql, f: impl FnOnce() -> Result<u64, Stop>) -> Result<u64> {
        let started = Instant::now();
        let done = f();
        self.shared.counts.statement(sql.text(), started.elapsed(), self.shared.slow_statement);
        done.map_err(|stop| match stop {
            Stop::Failed(failure) => self.fail(&failure),
            Stop::Above(error) => error,
        })
    }

    fn understood(&self, sql: &Sql) -> Result<Arc<Plan>> {
        self.plans(|plans| plans.get(sql, |f| self.shared.with_owned(f)))
    }

    fn plan(&self, sql: &Sql) -> Result<Arc<Plan>> {
        let plan = self.understood(sql)?;
        match (&plan.unguarded, self.scope) {
            (Some(table), Scope::Tenant(_)) => {
                Err(mistake(&format!("`{table}` belongs to tenants, but the statement does not use :tenant"), sql.text()))
            }
            _ => Ok(plan),
        }
    }

    /// A value for every parameter, in the plan's order.
    fn bind<'v>(&'v self, plan: &Plan, sql: &Sql, params: &'v Params<'v>, confined: Option<&'v Confined>) -> Result<Vec<Value<'v>>> {
        let mut values = Vec::with_capacity(plan.names.len());
        let mut own = 0;
        for name in &plan.names {
            let value = match &self.tenant {
                Some(tenant) if &**name == "tenant" => Value::Text(tenant.as_str()),
                _ if &**name == "reach_member" && confined.is_some() => {
                    Value::Text(confined.map(|confined| confined.member.as_str()).unwrap_or_default())
                }
                _ => {
                    own += 1;
                    match params.iter().find(|(given, _)| *given == &**name) {
                        Some((_, value)) => *value,
                        None => return Err(mistake(&format!("no value for :{name}"), sql.text())),
                    }
                }
            };
            match value {
                Value::Text(text) if text.as_bytes().contains(&0) => {
                    return Err(Code::Invalid.because("A text holds a zero character, which cannot be stored; remove it."));
                }
                Value::Real(number) if number.is_nan() => return Err(mistake(&format!(":{name} is not a number"), sql.text())),
                _ => values.push(value),
            }
        }
        if own != params.len() {
            let surplus = params.iter().enumerate().find(|(at, (given, _))| {
                let bound_here = *given == "tenant" && self.tenant.is_some();
                bound_here || !plan.names.iter().any(|name| &**name == *given) || params[..*at].iter().any(|(earlier, _)| earlier == given)
            });
            let name = surplus.map_or("?", |(_, (given, _))| given);
            return Err(match name {
                "tenant" => mistake(":tenant is bound by the transaction, never by hand", sql.text()),
                _ => mistake(&format!(":{name} is bound but not used, or bound twice"), sql.text()),
            });
        }
        Ok(values)
    }
}
