//! Numbers that a tenant's things are given, and how many of them there are.
//!
//! One row per tenant and noun holds the next number and the count of living things, so that a
//! list can say its total without counting and a number is never given twice.

use plimsoll_core::{Code, Result};

use crate::{Scope, Tx, bind};

const NEXT: &str = "INSERT INTO tally (tenant_id, noun, next, live) VALUES (:tenant, :noun, 2, 0)
    ON CONFLICT (tenant_id, noun) DO UPDATE SET next = tally.next + 1 RETURNING next - 1";
const BORN: &str = "INSERT INTO tally (tenant_id, noun, next, live) VALUES (:tenant, :noun, 2, 1)
    ON CONFLICT (tenant_id, noun) DO UPDATE SET next = tally.next + 1, live = tally.live + 1 RETURNING next - 1";
const MOVE: &str = "INSERT INTO tally (tenant_id, noun, next, live) VALUES (:tenant, :noun, 1, :change)
    ON CONFLICT (tenant_id, noun) DO UPDATE SET live = tally.live + excluded.live";
const LIVE: &str = "SELECT live FROM tally WHERE tenant_id = :tenant AND noun = :noun";

impl Tx<'_> {
    /// The tenant's next number for things called `noun`, from 1. Given once, even where the
    /// thing is deleted later; a failed closure gives its number back.
    ///
    /// # Errors
    /// [`Code::Internal`] in the host's scope, which owns no things; else as for [`Tx::write`].
    pub fn next(&mut self, noun: &'static str) -> Result<i64> {
        self.number(NEXT, noun)
    }

    /// As [`Tx::next`], and one more of them lives.
    ///
    /// # Errors
    /// As for [`Tx::next`].
    pub fn born(&mut self, noun: &'static str) -> Result<i64> {
        self.number(BORN, noun)
    }

    /// `n` of them live no more.
    ///
    /// # Errors
    /// As for [`Tx::next`].
    pub fn gone(&mut self, noun: &'static str, n: i64) -> Result<()> {
        self.shift(noun, -n)
    }

    /// `n` of them live again.
    ///
    /// # Errors
    /// As for [`Tx::next`].
    pub fn back(&mut self, noun: &'static str, n: i64) -> Result<()> {
        self.shift(noun, n)
    }

    /// How many of them live, without counting.
    ///
    /// # Errors
    /// As for [`Tx::rows`].
    pub fn live(&self, noun: &'static str) -> Result<i64> {
        self.owned(noun)?;
        if self.reach().is_some() {
            return Err(Code::Internal.error().caused_by(format!("the tally of `{noun}` counts what lies out of reach too")));
        }
        Ok(self.maybe(LIVE, bind! { noun: noun })?.unwrap_or(0))
    }

    fn owned(&self, noun: &'static str) -> Result<()> {
        match self.scope() {
            Scope::Tenant(_) => Ok(()),
            Scope::Host => Err(Code::Internal.error().caused_by(format!("the host has no `{noun}`: only tenants count things"))),
        }
    }

    fn number(&mut self, sql: &'static str, noun: &'static str) -> Result<i64> {
        self.owned(noun)?;
        let numbers: Vec<i64> = self.writing(sql, bind! { noun: noun })?;
        numbers.first().copied().ok_or_else(|| Code::Internal.error().caused_by("a counter gave no number"))
    }

    fn shift(&mut self, noun: &'static str, change: i64) -> Result<()> {
        self.owned(noun)?;
        self.write(MOVE, bind! { noun: noun, change: change }).map(drop)
    }
}
