//! Tenants, money, people.

mod tenancy;

use plimsoll_assess::{Practice, probe};

pub(crate) const AREA: &[Practice] = &[
    page!("multi-tenancy").proven_by(probe!(Tenants, Native; tenancy::isolation)),
    page!("tenant-context").proven_by(probe!(Tenants, Native; tenancy::context)),
    page!("tenant-rbac").proven_by(probe!(Tenants, Native; tenancy::roles)),
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
