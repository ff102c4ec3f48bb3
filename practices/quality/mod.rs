//! The code itself.

use plimsoll_assess::Practice;

pub(crate) const AREA: &[Practice] = &[
    page!("layered-architecture"),
    page!("repository-pattern"),
    page!("consistent-patterns"),
    page!("dry-crud"),
    page!("yagni"),
    page!("naming-conventions"),
    page!("dependency-injection"),
    page!("static-typing"),
    page!("lint"),
    page!("formatting"),
    page!("pre-commit"),
    page!("version-control"),
    page!("boot-verified"),
    page!("tests-unit"),
    page!("tests-integration"),
    page!("tests-e2e"),
    page!("tests-security"),
    page!("test-fixtures"),
    page!("coverage-report"),
    page!("coverage-gate"),
    page!("single-implementation"),
];
