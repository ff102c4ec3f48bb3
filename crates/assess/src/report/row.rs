//! What follows from a row.

use super::{Doubt, Looked, Row};
use crate::{Basis, Outcome, Priority, Status, detect::Sight, ratio::Ratio};

impl Row {
    /// Whether it applies, is critical by its own statement, and is not fully met. Of a repository also what nobody knows: a
    /// number that leaves the unknown out must not open a gate.
    pub fn blocked(&self) -> bool {
        let short = self.value.is_some_and(|value| value < Ratio::ONE);
        self.priority == Priority::Critical && self.basis == Basis::Item && (short || self.is_unseen())
    }
    /// What the files decide, where no probe did.
    pub fn by_files(&self) -> Option<&Looked> {
        self.looked.as_ref().filter(|looked| looked.probed.is_none())
    }
    /// Of a repository: that neither its files nor a probe tell.
    pub fn is_unseen(&self) -> bool {
        self.by_files().is_some_and(|looked| looked.status == Status::Unknown)
    }
    /// The status that follows from what was found.
    pub fn concluded(&self) -> Status {
        self.by_files().map_or_else(|| Status::of(self.checks.iter().map(|check| &check.outcome)), |looked| looked.status)
    }
    /// Whether a check of it was found false, or the files of a repository show that it is missing or partial.
    pub fn is_broken(&self) -> bool {
        self.by_files().is_some_and(|looked| matches!(looked.status, Status::Missing | Status::Partial))
            || self.checks.iter().any(|check| matches!(check.outcome, Outcome::Broken(_)))
    }
    /// Whether somebody tried to find out: a check was decided, or a probe was stopped.
    pub fn was_examined(&self) -> bool {
        self.by_files().is_some_and(|looked| !matches!(looked.status, Status::Unknown | Status::NotApplicable))
            || self.checks.iter().any(|check| {
                matches!(check.outcome, Outcome::Held | Outcome::Broken(_))
                    || matches!(check.doubt, Some(Doubt::NotGranted | Doubt::Trouble))
            })
    }
    /// Why it is unknown, the gravest reason; `None` where no check is unknown.
    pub fn doubt(&self) -> Option<Doubt> {
        let unseen = self.is_unseen().then_some(Doubt::NotYetChecked);
        self.checks.iter().filter_map(|check| check.doubt).max().or(unseen)
    }
    /// Not known to be broken, but not fully known either.
    pub fn is_open(&self) -> bool {
        !self.is_broken() && self.doubt().is_some()
    }
    /// Whether everything that is wrong with it is waived.
    pub fn is_waived(&self) -> bool {
        self.looked.as_ref().is_some_and(|looked| !looked.gaps.is_empty() && looked.gaps.iter().all(|gap| gap.waived.is_some()))
    }
    /// Whether something is wrong with it that the baseline did not have; without a baseline everything is new.
    pub fn is_new(&self) -> bool {
        self.looked.as_ref().is_some_and(|looked| looked.gaps.iter().any(|gap| gap.new != Some(false)))
    }
    /// Where to change something.
    pub fn place(&self) -> Option<&Sight> {
        let looked = self.looked.as_ref()?;
        looked.gaps.iter().map(|gap| &gap.place).find(|place| !place.file.is_empty()).or(looked.anchor.as_ref())
    }
}
