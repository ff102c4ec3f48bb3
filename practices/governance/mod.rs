//! Tenants, money, people.

use plimsoll_assess::Practice;

pub(crate) const AREA: &[Practice] = &[
    page!("multi-tenancy"),
    page!("tenant-context"),
    page!("tenant-rbac"),
    page!("tenant-billing"),
    page!("tenant-data-migration"),
    page!("cost-tracking"),
    page!("cost-alerts"),
    page!("cost-optimisation"),
    page!("slo"),
    page!("oncall"),
    page!("incident-response"),
    page!("support-contract"),
    page!("team-training"),
    page!("readiness-assessment"),
    page!("gap-tracking"),
];
