//! Whose data it is.

mod ledger;
mod redaction;

use plimsoll_assess::{Practice, probe};

pub(crate) const AREA: &[Practice] = &[
    page!("audit-log").proven_by(probe!(Tenants, Native; ledger::attack)),
    page!("data-retention"),
    page!("gdpr-rights"),
    page!("consent-tracking"),
    page!("pii-handling"),
    page!("phi-protection"),
    page!("log-redaction").proven_by(probe!(Copies; redaction::searched)),
    page!("data-lineage"),
    page!("encryption-at-rest"),
    page!("data-governance"),
    page!("compliance-docs"),
];
