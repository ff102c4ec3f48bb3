//! Putting entries of the log upon older rows.

use std::collections::HashMap;

use plimsoll_core::{Code, Result};

use super::{
    Mark,
    entry::{Body, Change, Named, changes},
};
use crate::{
    Load, Tx,
    tables::{Table, wrong},
    value::Value,
};

/// Rows that are written at once where their order allows it.
const TOGETHER: usize = 500;

impl Tx<'_> {
    /// Does again what an entry of the log says, with rows of the tables for which `wanted` says
    /// so; how many rows. In the host's scope, in the order of the log, without a gap, onto rows
    /// from before. A `Begins` mark changes nothing.
    ///
    /// # Errors
    /// [`Code::SchemaMismatch`] for a mark past which nothing can be replayed;
    /// [`Code::Invalid`] for an entry that is damaged or names what is not there; else as for
    /// [`Tx::write`].
    pub fn replay(&mut self, tables: &HashMap<String, Table>, body: &[u8], wanted: &dyn Fn(&str) -> bool) -> Result<u64> {
        let (named, all) = match changes(body)? {
            Body::Changes(named, all) => (named, all),
            Body::Mark(Mark::Begins(_)) => return Ok(0),
            Body::Mark(Mark::Ends) => {
                return Err(Code::SchemaMismatch.because("The change log was turned off here; what follows was not recorded."));
            }
            Body::Mark(Mark::Schema(name)) => {
                return Err(Code::SchemaMismatch
                    .because(format!("The schema was changed here ({name}); rows from before cannot be brought past it with the log.")));
            }
        };
        let mut count = 0;
        let mut at = 0;
        while at < all.len() {
            let place = all[at].0;
            let end = at + all[at..].iter().take_while(|(table, _)| *table == place).count();
            if wanted(named[place].name) {
                let table = tables.get(named[place].name).ok_or_else(|| {
                    Code::Invalid.because(format!("The change log names the table `{}`, which is not there.", named[place].name))
                })?;
                count += self.again(table, &named[place], &all[at..end])?;
            }
            at = end;
        }
        Ok(count)
    }

    /// Changes of one table, in order: neighbours together as long as no key comes twice.
    fn again(&mut self, table: &Table, named: &Named<'_>, changes: &[(usize, Change<'_>)]) -> Result<u64> {
        let key: Vec<&str> = named.key.iter().map(|at| named.columns[*at]).collect();
        if !table.key_names().eq(key.iter().copied()) {
            return Err(wrong(format!("`{}` has another key than in the change log", table.name)));
        }
        let (mut waiting, mut count): (Vec<Vec<Value<'_>>>, u64) = (Vec::new(), 0);
        let same = |a: &[Value<'_>], b: &[Value<'_>]| named.key.iter().all(|at| a[*at] == b[*at]);
        for (_, change) in changes {
            match change {
                Change::Put(row) => {
                    if waiting.len() >= TOGETHER || waiting.iter().any(|other| same(other, row)) {
                        count += self.load(table, &named.columns, &std::mem::take(&mut waiting), Load::Upsert)?;
                    }
                    waiting.push(row.clone());
                }
                Change::Gone(values) => {
                    count += self.load(table, &named.columns, &std::mem::take(&mut waiting), Load::Upsert)?;
                    count += self.remove(table, std::slice::from_ref(values))?;
                }
            }
        }
        Ok(count + self.load(table, &named.columns, &waiting, Load::Upsert)?)
    }
}
