//! Whose data it is.

mod aged;
mod ledger;
mod purposes;
mod redaction;
mod rights;

use plimsoll_assess::{Practice, probe};

pub(crate) const AREA: &[Practice] = &[
    page!("audit-log").proven_by(probe!(Tenants, Native; ledger::attack)),
    page!("data-retention").proven_by(probe!(Copies; aged::attack)),
    page!("gdpr-rights").proven_by(probe!(Tenants, Native; rights::attack)),
    page!("consent-tracking"),
    page!("pii-handling"),
    page!("phi-protection").proven_by(probe!(Copies, Native; purposes::attack)),
    page!("log-redaction").proven_by(probe!(Copies; redaction::searched)),
    page!("data-lineage"),
    page!("encryption-at-rest"),
    page!("data-governance"),
    page!("compliance-docs"),
];
