//! What is written down.

use plimsoll_assess::Practice;

pub(crate) const AREA: &[Practice] = &[
    page!("docs-runbooks"),
    page!("docs-operations"),
    page!("docs-architecture"),
    page!("docs-api-guide"),
    page!("docs-developer"),
    page!("docs-errors"),
    page!("docs-troubleshooting"),
    page!("docs-deployment"),
    page!("docs-config"),
    page!("docs-monitoring"),
    page!("docs-recovery"),
    page!("docs-scaling"),
    page!("docs-code"),
    page!("docs-current"),
];
