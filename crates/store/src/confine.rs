//! A transaction in which somebody's statements run who reaches a part of the tenant only.

use std::sync::Arc;

use plimsoll_core::{Error, Fault, Result};

use crate::{
    reach::{Check, Confined, Narrowed, Reach, narrow},
    sql::{Sql, Verb, mistake},
    tx::Tx,
    value::{Params, Value},
};

impl Tx<'_> {
    /// From here on, statements are those of somebody who is bound to places: see [`Reach`]. `None`: of the host itself again.
    pub fn confine(&self, to: Option<(&'static Reach, String)>) {
        *self.confined.borrow_mut() = to.map(|(reach, member)| Arc::new(Confined { reach, member }));
    }

    /// The reach of whoever is confined here.
    pub fn reach(&self) -> Option<&'static Reach> {
        self.confined.borrow().as_ref().map(|confined| confined.reach)
    }

    /// Whether a row that hangs on `place` is within reach; it always is where nobody is confined.
    ///
    /// # Errors
    /// As for [`Tx::rows`].
    pub fn reaches(&self, place: Option<&str>) -> Result<bool> {
        let confined = self.confined.borrow().clone();
        let (Some(confined), Some(place)) = (&confined, place) else { return Ok(confined.is_none()) };
        let sql = Sql::made(format!(
            "SELECT 1 FROM {0} WHERE tenant_id = :tenant AND member = :reach_member AND {1} = :reach_of",
            confined.reach.bindings, confined.reach.place
        ));
        self.there(confined, &sql, Value::Text(place))
    }

    /// Whether a query about `:reach_of` finds a row.
    fn there(&self, confined: &Confined, sql: &Sql, of: Value<'_>) -> Result<bool> {
        let mut found = false;
        self.run_as(sql, &[("reach_of", of)], Verb::Reads, Some(confined), |bound| {
            self.visit(bound, false, &mut |_| {
                found = true;
                Ok(false)
            })
        })?;
        Ok(found)
    }

    /// The statement as it runs for whoever is confined, made once per connection.
    pub(crate) fn narrowed(&self, confined: &Confined, sql: &Sql) -> Result<Option<Arc<Narrowed>>> {
        if let Some(known) = self.plans(|plans| plans.narrowed(confined.reach, sql)) {
            return Ok(known);
        }
        let made = narrow(confined.reach, sql.text(), self.is_postgres())?.map(Arc::new);
        self.plans(|plans| plans.narrow(confined.reach, sql, made.clone()));
        Ok(made)
    }

    /// Refuses what would write a row out of reach.
    pub(crate) fn admits(&self, confined: &Confined, check: &Check, params: &Params<'_>, sql: &Sql) -> Result<()> {
        let named = |name: &str| params.iter().find(|(given, _)| *given == name).map(|(_, value)| *value);
        let of = match check.parameter.as_deref() {
            None => Value::Null,
            Some(name) => named(name).ok_or_else(|| mistake(&format!("no value for :{name}"), sql.text()))?,
        };
        let within = of != Value::Null
            && match (check.place, self.narrowed(confined, &check.sql)) {
                (false, Ok(Some(narrowed))) => self.there(confined, &narrowed.sql, of)?,
                (false, other) => return other.and_then(|_| Err(mistake("what a row hangs on is not reached by anything", sql.text()))),
                (true, _) => self.there(confined, &check.sql, of)?,
            };
        if within {
            return Ok(());
        }
        let (place, column) = (check.place, check.column);
        let fault = if place { "is none of the places you are bound to" } else { "there is nothing with this id" };
        Err(Error::invalid(vec![Fault::at(format!("/{column}"), fault)]))
    }

    /// Statements that this crate makes of whole tables are never somebody's who is confined.
    pub(crate) fn whole(&self, sql: &Sql) -> Result<()> {
        match *self.confined.borrow() {
            Some(_) => Err(mistake("whole tables are moved within a reach", sql.text())),
            None => Ok(()),
        }
    }
}
