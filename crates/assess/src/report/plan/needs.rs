//! What has to be there before something else can be built on it.
//!
//! Only what a team would really do first: tests before a refactoring, a caller's identity before roles, a pipeline before what
//! runs in it. Everything else is a matter of value.

/// What a practice needs, sorted by practice.
const NEEDS: &[(&str, &[&str])] = &[
    ("alert-ack", &["alert-rules"]),
    ("alert-integrations", &["alert-rules"]),
    ("alert-rules", &["metrics-prometheus"]),
    ("api-deprecation-policy", &["api-versioning"]),
    ("api-versions-parallel", &["api-versioning"]),
    ("audit-log", &["auth-required"]),
    ("audit-security-events", &["auth-required"]),
    ("auth-refresh-tokens", &["auth-required"]),
    ("autoscaling", &["horizontal-scaling", "metrics-prometheus"]),
    ("backup-offsite", &["backup-automated"]),
    ("backup-pitr", &["backup-automated"]),
    ("backup-restore-tested", &["backup-automated"]),
    ("backup-retention", &["backup-automated"]),
    ("blue-green", &["deploy-automation", "readiness-probe"]),
    ("branch-protection", &["ci-pipeline"]),
    ("business-metrics", &["metrics-prometheus"]),
    ("canary", &["deploy-automation", "metrics-prometheus"]),
    ("cd-staged", &["ci-pipeline", "ci-tests"]),
    ("ci-image-publish", &["ci-pipeline"]),
    ("ci-tests", &["ci-pipeline", "tests-unit"]),
    ("coverage-gate", &["ci-tests", "coverage-report"]),
    ("coverage-report", &["tests-unit"]),
    ("dashboards", &["metrics-prometheus"]),
    ("db-migrations-on-deploy", &["db-migrations"]),
    ("db-migrations-rollback", &["db-migrations"]),
    ("db-migrations-verified", &["db-migrations"]),
    ("dependency-injection", &["tests-unit"]),
    ("dependency-scan", &["dependencies-pinned"]),
    ("deploy-automation", &["ci-pipeline"]),
    ("dlq", &["job-queue"]),
    ("dlq-operations", &["dlq"]),
    ("dr-plan", &["backup-automated"]),
    ("dry-crud", &["tests-unit"]),
    ("failover-tested", &["dr-plan"]),
    ("feature-flag-rollout", &["feature-flags"]),
    ("feature-flag-targeting", &["feature-flags"]),
    ("health-dependencies", &["health-endpoint"]),
    ("helm-chart", &["k8s-manifests"]),
    ("horizontal-scaling", &["stateless-app"]),
    ("image-scan", &["ci-pipeline"]),
    ("image-signing", &["ci-image-publish"]),
    ("incident-response", &["docs-runbooks"]),
    ("k8s-config-secrets", &["k8s-manifests"]),
    ("layered-architecture", &["tests-unit"]),
    ("liveness-probe", &["boot-verified"]),
    ("load-balancer", &["readiness-probe"]),
    ("log-aggregation", &["logs-json"]),
    ("log-context", &["correlation-id"]),
    ("login-throttle", &["rate-limit"]),
    ("oncall", &["alert-rules"]),
    ("patch-partial-update", &["input-validation"]),
    ("pool-monitoring", &["connection-pool", "metrics-prometheus"]),
    ("probes-wired", &["liveness-probe", "readiness-probe"]),
    ("query-optimisation", &["slow-query-monitoring"]),
    ("rate-limit-distributed", &["rate-limit"]),
    ("rate-limit-per-user", &["auth-required", "rate-limit"]),
    ("rbac", &["auth-required"]),
    ("readiness-probe", &["boot-verified"]),
    ("read-replicas", &["connection-pool"]),
    ("repository-pattern", &["tests-unit"]),
    ("rollback-automated", &["deploy-automation", "rollback-procedure"]),
    ("sast", &["ci-pipeline"]),
    ("secrets-manager", &["no-hardcoded-credentials"]),
    ("secrets-rotation", &["secrets-manager"]),
    ("single-implementation", &["tests-unit"]),
    ("slo", &["metrics-http"]),
    ("smoke-tests", &["health-endpoint"]),
    ("tenant-billing", &["tenant-context"]),
    ("tenant-context", &["auth-required"]),
    ("tenant-rbac", &["rbac", "tenant-context"]),
    ("tests-e2e", &["tests-unit"]),
    ("tests-integration", &["tests-unit"]),
    ("token-revocation", &["auth-required"]),
    ("tracing", &["correlation-id"]),
];

/// What this practice needs.
pub(crate) fn of(id: &str) -> &'static [&'static str] {
    NEEDS.iter().find(|(practice, _)| *practice == id).map_or(&[], |(_, needs)| needs)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use super::{NEEDS, of};

    #[test]
    fn every_name_is_a_page_and_nothing_needs_itself() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../practices");
        let folders = std::fs::read_dir(root).unwrap().filter_map(Result::ok).filter(|entry| entry.path().is_dir());
        let files = folders.flat_map(|folder| std::fs::read_dir(folder.path()).unwrap()).filter_map(Result::ok);
        let pages: BTreeSet<String> = files.filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".md")?.to_owned())).collect();
        assert!(pages.len() > 200, "{}", pages.len());
        for (practice, needs) in NEEDS {
            assert!(pages.contains(*practice), "{practice}");
            assert!(needs.iter().all(|need| pages.contains(*need)), "{practice}: {needs:?}");
            let (mut met, mut open) = (BTreeSet::new(), needs.to_vec());
            while let Some(need) = open.pop() {
                assert_ne!(need, *practice, "a circle");
                if met.insert(need) {
                    open.extend(of(need));
                }
            }
        }
    }
}
