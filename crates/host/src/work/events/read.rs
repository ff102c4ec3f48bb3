//! The log as readers see it.

use plimsoll_core::{Code, Error, Principal, Result};
use plimsoll_store::{Sql, Tx, bind};

use super::{Pattern, Published, event::COLUMNS};

/// So many rows are looked at in one go.
pub(super) const PAGE: i64 = 100;

/// From where the log can be read, and how far it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// The oldest event that is kept; one more than the newest where there is none.
    pub(super) first: i64,
    /// The newest.
    pub(super) head: i64,
}

impl Extent {
    pub(super) fn of(tx: &Tx<'_>) -> Result<Extent> {
        let (first, head): (Option<i64>, Option<i64>) = tx.row("SELECT MIN(seq), MAX(seq) FROM event WHERE tenant_id = :tenant", &[])?;
        let head = head.unwrap_or(0);
        Ok(Extent { first: first.unwrap_or(head + 1), head })
    }

    /// Why a reader who has seen everything up to `after` cannot be given what follows.
    pub(super) fn lacks(&self, after: i64) -> Option<Error> {
        if after > self.head {
            return Some(Code::EventsGone.because(format!(
                "the newest event here has the number {}: this log was brought back to an earlier state; read what you need anew and go on after {}",
                self.head, self.head
            )));
        }
        (after < self.first - 1).then(|| {
            Code::EventsGone.because(format!(
                "the events {} to {} are not kept any more; read what you need anew and go on after {}",
                after + 1,
                self.first - 1,
                self.first - 1
            ))
        })
    }
}

/// What somebody wants to hear of.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// All types, where empty.
    patterns: Vec<Pattern>,
    /// Whether anybody is told anything.
    tells: bool,
}

impl Wanted {
    /// `song.*,artist.created`.
    ///
    /// # Errors
    /// [`Code::Invalid`] for what is no type.
    pub(super) fn parse(text: Option<&str>, tells: bool) -> Result<Wanted> {
        let patterns = text.map_or(Ok(Vec::new()), |text| text.split(',').map(|one| Pattern::parse(one.trim())).collect::<Result<_>>())?;
        Ok(Wanted { patterns, tells })
    }

    pub(super) fn includes(&self, event: &Published, who: &Principal) -> bool {
        self.tells && (self.patterns.is_empty() || self.patterns.iter().any(|pattern| pattern.covers(&event.kind))) && event.is_for(who)
    }
}

/// The next rows after `after`, whoever may see them.
pub(super) fn rows(tx: &Tx<'_>, after: i64, most: i64) -> Result<Vec<Published>> {
    let mut sql = Sql::from("SELECT ");
    sql.push(COLUMNS);
    sql.push(" FROM event WHERE tenant_id = :tenant AND seq > :after ORDER BY seq LIMIT :most");
    tx.rows(sql, bind! { after: after, most: most })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_is_told_when_what_follows_is_not_there() {
        let extent = Extent { first: 5, head: 9 };
        assert!(extent.lacks(4).is_none() && extent.lacks(9).is_none());
        assert!(extent.lacks(3).unwrap().public().contains("the events 4 to 4 are not kept"));
        assert!(extent.lacks(10).unwrap().public().contains("earlier state"));
        let empty = Extent { first: 1, head: 0 };
        assert!(empty.lacks(0).is_none() && empty.lacks(1).is_some());
    }
}
