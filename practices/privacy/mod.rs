//! Whose data it is.

use plimsoll_assess::Practice;

pub(crate) const AREA: &[Practice] = &[
    page!("audit-log"),
    page!("data-retention"),
    page!("gdpr-rights"),
    page!("consent-tracking"),
    page!("pii-handling"),
    page!("phi-protection"),
    page!("log-redaction"),
    page!("data-lineage"),
    page!("encryption-at-rest"),
    page!("data-governance"),
    page!("compliance-docs"),
];
