//! A deployment that stands in front of a foreign service: what can be said of which.
//!
//! Every request passes the host, so what the host promises holds for the deployment: it is
//! attacked on a private instance, with a foreign service of the prober's own behind it, and the
//! deployment itself is looked at besides. How the service keeps its data, forms its answers and
//! writes its logs cannot be seen from in front of it: such a practice stays unknown, with the
//! reason, unless a look disproves it.

use std::{collections::BTreeSet, sync::Arc};

use plimsoll::config::Config;
use plimsoll_assess::{
    Finding, Outcome, Page,
    page::Repair,
    rig::{Ground, Trouble},
    run::{self, Found, Manner},
    verdict::OUT_OF_REACH,
};

use super::{
    live,
    private::{Entry, Workshop},
};

/// Practices that the host keeps in place of a service, although mounting it is not what repairs
/// them: accounts and credentials are the host's, and so is what callers are told while the service
/// or the database is away.
const OF_THE_HOST: &[&str] = &[
    "auth-endpoints",
    "circuit-breaker",
    "dependency-failure-mapping",
    "fallback-responses",
    "graceful-degradation",
    "health-dependencies",
    "health-states",
    "idempotency-keys",
    "outbound-timeouts",
    "password-hashing",
    "rate-limit-distributed",
    "readiness-probe",
    "retry-backoff",
    "user-accounts",
];

/// Practices of a service's inside, by what would have to be seen.
const OF_THE_SERVICE: &[(&str, &[&str])] = &[
    (
        "how it stores and changes its data",
        &[
            "batch-writes",
            "connection-pool",
            "db-migrations",
            "db-migrations-on-deploy",
            "db-reconnect",
            "db-transactions",
            "fk-cascade-rules",
            "pool-monitoring",
            "query-timeouts",
            "slow-query-monitoring",
            "soft-deletes",
            "sql-injection",
        ],
    ),
    ("whose data it gives to whom", &["audit-log", "multi-tenancy", "tenant-context", "tenant-rbac"]),
    (
        "how its own operations behave",
        &[
            "api-deprecation-policy",
            "api-versioning",
            "error-code-catalogue",
            "filtering",
            "http-caching-headers",
            "input-validation",
            "openapi-docs",
            "pagination",
            "patch-partial-update",
            "put-semantics",
            "rest-semantics",
            "sorting",
        ],
    ),
];

/// Why nothing can be said of the inside of a mounted service, if this practice is about that.
pub fn out_of_reach(page: &Page) -> Option<String> {
    if page.repair == Repair::Edge || OF_THE_HOST.contains(&page.id.as_str()) {
        return None;
    }
    let what = OF_THE_SERVICE.iter().find(|(_, ids)| ids.contains(&page.id.as_str()));
    let what = what.map_or("whether the program behind does what the host does for itself", |(what, _)| what);
    let who = match page.repair {
        Repair::Kernel => "a system built on the host has it from the host",
        Repair::Edge | Repair::Yours => "it is for the service's owners to show",
    };
    Some(format!("{OUT_OF_REACH}{what}; {who}"))
}

/// Attacks what the host keeps, looks at the deployment, and says of the rest why it is unknown.
///
/// # Errors
/// When a private instance does not start.
pub async fn attack(ground: Ground, config: &Config, workshop: &Workshop, chosen: &[Entry]) -> Result<Found, Trouble> {
    let (inside, ours): (Vec<Entry>, Vec<Entry>) = chosen.iter().cloned().partition(|(_, page)| out_of_reach(page).is_some());
    let (here, elsewhere) = live::split(&ground, &ours);
    let there: BTreeSet<&str> = here.iter().filter(|(practice, _)| practice.probe.is_some()).map(|(practice, _)| practice.id).collect();
    // A path that is public by a rule with a reason looks to a stranger like one that was forgotten.
    let open = open(config);
    let seen: Vec<Entry> =
        chosen.iter().filter(|(practice, _)| !(there.contains(practice.id) || open && practice.id == "auth-required")).cloned().collect();
    let stranger = Arc::new(live::stranger(ground.site.clone(), ground.seed));
    let (mut found, aside) = tokio::join!(live::attack(ground, &here), workshop.prove(&elsewhere, None));
    // After the attack: what both ask of the deployment draws on the same limits.
    let looked = run::run(&seen, stranger, Manner::Look, 1).await;
    let aside = live::elsewhere(aside?);
    found.practices.extend(aside.practices);
    found.left.extend(aside.left);
    for (practice, page) in &inside {
        if let Some(why) = out_of_reach(page).filter(|_| practice.probe.is_some() || practice.look.is_some()) {
            let unknown = page.checks.iter().map(|check| Finding::unknown(check.id.clone(), why.clone())).collect();
            found.practices.insert(practice.id.to_owned(), unknown);
        }
    }
    for (id, looks) in looked.practices {
        let inside = inside.iter().any(|(practice, _)| practice.id == id);
        let findings = found.practices.entry(id).or_default();
        for look in looks {
            match findings.iter_mut().find(|finding| finding.check == look.check) {
                Some(finding) => add(finding, look, inside),
                None => findings.push(look),
            }
        }
    }
    Ok(found)
}

/// What the look at the deployment adds to a finding: it disproves; of a service's inside it also
/// proves what can be proven from outside at all.
fn add(finding: &mut Finding, look: Finding, inside: bool) {
    let decides = matches!(look.outcome, Outcome::Broken(_)) || (inside && look.outcome == Outcome::Held);
    let lines = look.transcript.into_iter().map(|line| format!("on the deployment: {line}"));
    if decides {
        // A reader finds the sentence of a broken check in its transcript as it stands.
        let broken = if let Outcome::Broken(why) = &look.outcome { Some(format!("broken: {why}")) } else { None };
        *finding = Finding { transcript: lines.chain(broken).collect(), check: look.check, outcome: look.outcome, grade: look.grade };
    } else {
        finding.transcript.extend(lines);
    }
}

/// Whether the configuration at hand declares something of the service public.
fn open(config: &Config) -> bool {
    let routes: plimsoll::upstream::config::RoutesConfig = config.get();
    let public = |access: &String| access.trim_start().starts_with("public");
    public(&routes.default) || routes.rules.values().any(public)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(id: &str) -> Page {
        plimsoll_practices::page(id).unwrap_or_else(|| panic!("there is no practice `{id}`"))
    }

    #[test]
    fn every_practice_that_is_named_here_exists_and_stands_on_one_side() {
        let inside: Vec<&str> = OF_THE_SERVICE.iter().flat_map(|(_, ids)| ids.iter().copied()).collect();
        for id in OF_THE_HOST {
            assert!(out_of_reach(&page(id)).is_none() && !inside.contains(id), "{id}");
        }
        for id in inside {
            assert!(out_of_reach(&page(id)).is_some(), "{id}");
        }
    }

    #[test]
    fn what_mounting_repairs_is_the_hosts_and_storage_is_not() {
        for ours in ["auth-required", "rate-limit", "security-headers", "request-timeouts"] {
            assert_eq!(out_of_reach(&page(ours)), None, "{ours}");
        }
        let why = out_of_reach(&page("db-transactions")).unwrap();
        assert!(why.starts_with(OUT_OF_REACH) && why.contains("stores"), "{why}");
        assert!(out_of_reach(&page("ci-tests")).unwrap().contains("owners"));
    }

    #[test]
    fn a_look_disproves_and_does_not_take_a_proof_away() {
        let held = || Finding { check: "a".into(), outcome: Outcome::Held, grade: None, transcript: vec!["attacked".into()] };
        let look = |outcome| Finding { check: "a".into(), outcome, grade: None, transcript: vec!["looked".into()] };
        let mut finding = held();
        add(&mut finding, look(Outcome::Unknown("cannot be seen".into())), false);
        assert_eq!((finding.outcome, finding.transcript.len()), (Outcome::Held, 2));
        let mut finding = held();
        add(&mut finding, look(Outcome::Broken("it is open".into())), false);
        assert_eq!(finding.outcome, Outcome::Broken("it is open".into()));
        assert!(finding.transcript.contains(&"broken: it is open".to_owned()));
        let mut finding = Finding::unknown("a".to_owned(), "inside".to_owned());
        add(&mut finding, look(Outcome::Held), true);
        assert_eq!(finding.outcome, Outcome::Held);
    }
}
