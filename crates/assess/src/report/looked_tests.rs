//! Assessments made by hand, and what a report makes of them.

use plimsoll_core::Time;

use super::{
    Condition, Gate, Header, Inspection, Report, assessed, exit_code, json, plan,
    tests::{page, report_on},
};
use crate::{
    Page, Status,
    detect::{Assessed, Assessment, Confidence, Partial, Sight},
    fact::{Service, ServiceKind},
    ratio::Ratio,
    score::Verdict,
    waiver::{Scope, Waiver, Waivers},
};

/// A page with a detector of one signal.
pub(super) fn detected(id: &str, category: &str, priority: &str, effort: &str, extra: &str) -> Page {
    let mut page = page(id, category, priority, "item", "runtime", 1, extra);
    page.detect = Some(
        toml::from_str(&format!("[[signal]]\nid = \"{id}.called\"\nall = [\"call lib.*\"]\nwhy = \"It is called.\"\n"))
            .expect("a detector"),
    );
    page.effort = *crate::Effort::ALL.iter().find(|one| one.name() == effort).expect("an effort");
    page
}

pub(super) fn sight(file: &str, line: u32, symbol: &str, snippet: &str, note: &str) -> Sight {
    Sight { file: file.into(), line, end: line, symbol: symbol.into(), snippet: snippet.into(), note: note.into() }
}

pub(super) fn found(practice: &str, status: Status, partial: Option<Partial>) -> Assessed {
    Assessed {
        practice: practice.into(),
        status,
        partial,
        share: None,
        why: format!("{practice} is {}", status.name()),
        evidence: Vec::new(),
        gaps: Vec::new(),
        searched: vec!["12 routes".into()],
        anchor: Some(sight("app/main.py", 9, "", "app = FastAPI()", "the app is made here")),
        confidence: Confidence::High,
        by: vec![format!("{practice}.called")],
        services: Vec::new(),
        fix: None,
    }
}

/// A little of everything.
pub(super) fn pages() -> Vec<Page> {
    vec![
        detected("auth-required", "Security and auth", "critical", "L", ""),
        detected("rbac", "Security and auth", "critical", "S", ""),
        detected("rate-limit", "Scale and performance", "high", "M", ""),
        detected("logs-json", "Observability", "high", "S", ""),
        detected("pubsub", "Data layer", "low", "S", ""),
        page("oncall", "Cost and governance", "critical", "item", "process", 1, "|always|not yet checked"),
    ]
}

pub(super) fn assessment() -> Assessment {
    let mut auth = found("auth-required", Status::Partial, Some(Partial::Coverage));
    auth.share = Some((6, 8));
    auth.evidence = vec![sight("app/routes.py", 12, "read_visits", "user: User = Depends(current)", "asks for a user")];
    auth.gaps = vec![
        sight("app/routes.py", 30, "list_tenants", "@router.get(\"/tenants\")", "nobody is asked who calls"),
        sight("app/routes.py", 40, "drop_tenant", "@router.delete(\"/tenants/{id}\")", "nobody is asked who calls"),
    ];
    let mut logs = found("logs-json", Status::Implemented, None);
    logs.evidence = vec![sight("app/log.py", 3, "setup", "structlog.configure(\n    processors=[JSONRenderer()])", "")];
    let mut none = found("pubsub", Status::NotApplicable, None);
    none.why = "nothing publishes".into();
    Assessment {
        services: vec![Service {
            name: "api".into(),
            root: "app".into(),
            language: "python".into(),
            framework: Some("fastapi".into()),
            kind: ServiceKind::Api,
            entries: vec!["app/main.py".into()],
        }],
        practices: vec![auth, found("rbac", Status::Missing, None), found("rate-limit", Status::Missing, None), logs, none],
        skipped: vec!["vendor: not the owner's".into()],
        incomplete: false,
        files: 7,
        facts: 90,
        commit: Some("abc123".into()),
    }
}

pub(super) fn header() -> Header {
    Header::of_repository("0.1.0", "1", "shop", Some("abc123"), Time::parse("2026-11-21T10:00:00Z").expect("a time"))
}

pub(super) struct Given {
    pub pages: Vec<Page>,
    pub assessment: Assessment,
    pub live: Option<Report>,
    pub waivers: Waivers,
    pub baseline: Option<(Report, bool)>,
    pub fail_on: &'static str,
}

impl Default for Given {
    fn default() -> Given {
        Given { pages: pages(), assessment: assessment(), live: None, waivers: Waivers::default(), baseline: None, fail_on: "" }
    }
}

impl Given {
    pub fn report(&self) -> Report {
        assessed(Inspection {
            pages: &self.pages.iter().collect::<Vec<_>>(),
            assessment: &self.assessment,
            live: self.live.as_ref(),
            waivers: &self.waivers,
            baseline: self.baseline.as_ref().map(|(report, only_new)| (report, *only_new)),
            fail_on: &Condition::list(self.fail_on).expect("conditions"),
            header: header(),
        })
    }
}

/// What a probe says of the running service: the limit is there, and nobody is asked who calls.
pub(super) fn live() -> Report {
    let mut header = super::tests::header();
    header.target = super::Target::Url { url: "http://shop.test".into() };
    let found = [("rate-limit", "h"), ("logs-json", "u"), ("auth-required", "b")];
    report_on(&pages(), &found, Gate::Claims, header)
}

pub(super) fn waiver(practice: &str, expires: &str) -> Waivers {
    let says = super::Waived {
        reason: "inside the house only".into(),
        owner: Some("platform".into()),
        expires: expires.into(),
        source: ".plimsoll/waivers.toml:1".into(),
        inline: false,
    };
    Waivers { all: vec![Waiver { practice: practice.into(), says, scope: Scope::Paths(Vec::new()) }], complaints: Vec::new() }
}

#[test]
fn every_practice_has_a_row_and_one_without_a_detector_is_unknown_and_says_so() {
    let report = Given::default().report();
    let words: Vec<(&str, Status, &str)> = report.practices.iter().map(|row| (row.id.as_str(), row.status, row.why.as_str())).collect();
    assert_eq!(words.len(), 6);
    assert!(words.contains(&("oncall", Status::Unknown, "no detector looks for it yet: nobody knows")));
    assert!(words.contains(&("auth-required", Status::Partial, "auth-required is partial")));
    let repository = report.repository.as_ref().unwrap();
    assert_eq!((repository.with_detector, report.counts.unknown, repository.files), (5, 1, 7));
    assert!(report.adds_up());
    // An assessment that knows something about a practice without a detector is not believed.
    let mut given = Given::default();
    given.assessment.practices.push(found("oncall", Status::Implemented, None));
    assert_eq!(given.report().row("oncall").unwrap().status, Status::Unknown);
}

#[test]
fn credits_follow_the_sort_and_what_is_unknown_leaves_the_score_but_not_the_verdict() {
    use crate::score::credit;
    let cases = [
        (Status::Implemented, None, None, Some(Ratio::ONE)),
        (Status::Partial, Some(Partial::Coverage), Some((6, 8)), Some(Ratio::new(27, 40))),
        (Status::Partial, Some(Partial::Weak), None, Some(Ratio::new(1, 2))),
        (Status::Partial, Some(Partial::OneService), None, Some(Ratio::new(1, 2))),
        (Status::Partial, Some(Partial::OffByDefault), None, Some(Ratio::new(2, 5))),
        (Status::Partial, Some(Partial::Unwired), None, Some(Ratio::new(1, 10))),
        (Status::Partial, Some(Partial::Broken), None, Some(Ratio::new(1, 10))),
        (Status::Partial, Some(Partial::DocsOnly), None, Some(Ratio::new(1, 10))),
        (Status::Missing, None, None, Some(Ratio::ZERO)),
        (Status::Unknown, None, None, None),
        (Status::NotApplicable, None, None, None),
    ];
    for (status, partial, share, expected) in cases {
        assert_eq!(credit(status, partial, share), expected, "{status:?} {partial:?}");
    }
    // 8 × 27/40 + 8 × 0 + 4 × 0 + 4 × 1 of 24; oncall (8) is unknown: of the 32 that apply.
    let report = Given::default().report();
    assert_eq!((report.score.share.earned.to_string(), report.score.share.possible.to_string()), ("47/5".into(), "24".into()));
    assert_eq!((report.score.unknown.printed(), report.score.confidence.printed()), ("25.0 %".into(), "0.0 %".into()));
    assert!(report.row("oncall").unwrap().blocked(), "unknown and critical");
    let mut given = Given::default();
    given.assessment.practices.iter_mut().for_each(|one| *one = found(&one.practice, Status::Implemented, None));
    let report = given.report();
    assert_eq!((report.score.share.printed().as_str(), report.verdict), ("100.0 %", Verdict::NotReady));
}

#[test]
fn a_gap_keeps_its_name_when_lines_move_and_gets_another_in_another_place() {
    let names = |change: fn(&mut Sight)| {
        let mut given = Given::default();
        given.assessment.practices[0].gaps.iter_mut().for_each(change);
        let report = given.report();
        let looked = report.row("auth-required").unwrap().looked.clone().unwrap();
        looked.gaps.into_iter().map(|gap| gap.fingerprint).collect::<Vec<_>>()
    };
    let before = names(|_| {});
    assert_eq!(before.len(), 2);
    assert_ne!(before[0], before[1]);
    assert_eq!(before, names(|gap| (gap.line, gap.end) = (gap.line + 100, gap.end + 100)));
    assert_eq!(before, names(|gap| gap.snippet = gap.snippet.replace('(', " (\n    ")), "white space is the formatter's");
    assert_eq!(before, names(|gap| gap.note = "said otherwise".into()));
    for change in [
        (|gap| gap.file = "app/other.py".into()) as fn(&mut Sight),
        |gap| gap.symbol = "renamed".into(),
        |gap| gap.snippet = gap.snippet.replace("tenants", "users"),
    ] {
        let after = names(change);
        assert!(before.iter().all(|name| !after.contains(name)));
    }
    // A copy of a fault in the same definition is a second fault.
    let twice = names(|gap| (gap.symbol, gap.snippet) = ("same".into(), "same".into()));
    assert_ne!(twice[0], twice[1]);
    // The name of an absence does not hang on the text of the place where it would have to be.
    let absent = |text: &str| {
        let mut given = Given::default();
        given.assessment.practices[2].anchor.as_mut().unwrap().snippet = text.into();
        given.report().row("rate-limit").unwrap().looked.as_ref().unwrap().gaps[0].fingerprint.clone()
    };
    assert_eq!(absent("app = FastAPI()"), absent("app = FastAPI(title=\"shop\")"));
}

#[test]
fn a_baseline_tells_new_from_known_and_counts_what_is_fixed() {
    let mut given = Given::default();
    let earlier = given.report();
    given.assessment.practices[0].gaps[0].line = 99;
    given.assessment.practices[0].gaps.push(sight("app/new.py", 1, "", "@router.put(\"/x\")", ""));
    given.assessment.practices[2] = found("rate-limit", Status::Implemented, None);
    given.baseline = Some((earlier.clone(), true));
    given.fail_on = "critical:new";
    let report = given.report();
    let baseline = report.repository.as_ref().and_then(|repository| repository.baseline.clone()).unwrap();
    assert_eq!((baseline.new, baseline.known, baseline.fixed), (1, 3, 1));
    assert_eq!(report.gate.failed_by, ["auth-required"]);
    assert!(report.row("auth-required").unwrap().is_new() && !report.row("rbac").unwrap().is_new());
    given.assessment.practices[0].gaps.pop();
    assert!(given.report().gate.passed, "{}", given.report().gate.says);
    let page = super::markdown_since(&earlier, &report);
    assert!(page.contains("New gaps \\(1\\)") && page.contains("app/new.py:1") && page.contains("Fixed gaps \\(1\\)"), "{page}");
    assert!(page.contains("| rate-limit | missing | implemented |"), "{page}");
}

#[test]
fn what_a_run_fails_on_is_read_strictly_and_incomplete_is_never_a_pass() {
    for text in ["fatal", "critical:old", "score<", "score<101", "score>5", "Critical"] {
        assert!(Condition::parse(text).unwrap_err().contains("nothing to fail on"), "{text}");
    }
    let cases = [
        ("", 0, ""),
        ("critical", 1, "critical: 2 not met: auth-required, rbac"),
        ("high", 1, "high: 3 not met: auth-required, rate-limit, rbac"),
        ("score<39", 0, ""),
        ("score<39.5", 1, "the score is 39.2 %"),
        ("incomplete", 0, ""),
        ("conflict", 0, ""),
        ("expired", 0, ""),
    ];
    for (fail_on, code, says) in cases {
        let report = Given { fail_on, ..Given::default() }.report();
        assert_eq!(exit_code(&report), code, "{fail_on}: {}", report.gate.says);
        assert!(report.gate.says.contains(says), "{fail_on}: {}", report.gate.says);
        assert!(report.adds_up(), "{fail_on}");
    }
    for (fail_on, code) in [("", 3), ("conflict", 3), ("incomplete", 1), ("critical", 1)] {
        let mut given = Given { fail_on, ..Given::default() };
        given.assessment.incomplete = true;
        let report = given.report();
        assert!(!report.gate.passed && report.gate.says.contains("never a pass"), "{fail_on}");
        assert_eq!(exit_code(&report), code, "{fail_on}");
    }
}

#[test]
fn a_waived_gap_is_not_failed_on_but_counts_and_an_expired_waiver_brings_it_back() {
    let open = Given { fail_on: "high", ..Given::default() }.report();
    let report = Given { fail_on: "high,expired", waivers: waiver("rate-limit", "2026-11-21"), ..Given::default() }.report();
    assert_eq!(report.gate.failed_by, ["auth-required", "rbac"], "its last day is a day on which it holds");
    assert_eq!((report.score.clone(), report.verdict, report.counts), (open.score, open.verdict, open.counts));
    assert!(report.row("rate-limit").unwrap().is_waived());
    let report = Given { fail_on: "high,expired", waivers: waiver("rate-limit", "2026-11-20"), ..Given::default() }.report();
    assert_eq!(report.gate.failed_by, ["auth-required", "rate-limit", "rbac"]);
    assert!(report.gate.says.contains("waivers expired of rate-limit"), "{}", report.gate.says);
    let shown = super::text(&report, super::Look::default());
    assert!(shown.contains("EXPIRED: 1 gap counts again") && !shown.contains("[waived]"), "{shown}");
    let useless = Given { waivers: waiver("logs-json", "2027-01-01"), ..Given::default() }.report();
    assert!(super::text(&useless, super::Look::default()).contains("covers nothing: remove it"));
}

#[test]
fn the_probe_wins_and_contradictions_are_listed() {
    let report = Given { live: Some(live()), ..Given::default() }.report();
    let row = |id: &str| report.row(id).unwrap();
    assert_eq!((row("rate-limit").status, row("rate-limit").value), (Status::Implemented, Some(Ratio::ONE)));
    assert_eq!(row("rate-limit").looked.as_ref().unwrap().status, Status::Missing, "what the files say is kept");
    assert_eq!(row("auth-required").status, Status::Missing);
    assert_eq!(row("logs-json").status, Status::Implemented, "a probe that found nothing out decides nothing");
    assert_eq!(report.repository.as_ref().unwrap().conflicts, ["auth-required", "rate-limit"]);
    assert!(row("rate-limit").why.contains("the running service: implemented") && row("rate-limit").why.contains("its files: missing"));
    assert_eq!(report.score.confidence.printed(), "37.5 %", "8 + 4 of the 32 that apply");
    assert!(report.adds_up());
    let conflict = Given { live: Some(live()), fail_on: "conflict", ..Given::default() }.report();
    assert_eq!(exit_code(&conflict), 1);
}

#[test]
fn effort_is_scaled_by_what_has_to_change() {
    let days = |report: &Report, id: &str| report.row(id).and_then(|row| row.looked.as_ref()?.days).map(super::Estimate::words);
    let report = Given::default().report();
    // L is 9 to 12 days; two of eight routes are left. M is 5 to 10, and nothing is there.
    assert_eq!(days(&report, "auth-required").as_deref(), Some("3 days"));
    assert_eq!(days(&report, "rate-limit").as_deref(), Some("5 to 10 days"));
    assert_eq!((days(&report, "logs-json"), days(&report, "oncall")), (None, None));
    let mut given = Given::default();
    given.assessment.practices[2].services =
        vec![("a".into(), Status::Missing), ("b".into(), Status::Missing), ("c".into(), Status::Implemented)];
    assert_eq!(days(&given.report(), "rate-limit").as_deref(), Some("8 to 15 days"));
    given.assessment.practices[2] = found("rate-limit", Status::Partial, Some(Partial::Unwired));
    assert_eq!(days(&given.report(), "rate-limit").as_deref(), Some("3 to 5 days"));
}

#[test]
fn the_roadmap_puts_what_is_needed_before_what_needs_it() {
    let report = Given::default().report();
    let ids: Vec<Vec<&str>> = plan::phases(&report).iter().map(|phase| phase.rows.iter().map(|row| row.id.as_str()).collect()).collect();
    // Roles gain more per day, but nobody has a role before somebody asks who calls.
    assert_eq!(report.order, ["rbac", "auth-required", "rate-limit"]);
    assert_eq!(ids, [vec!["auth-required", "rbac"], vec!["rate-limit"], vec![]]);
}

#[test]
fn what_is_to_do_names_the_place_the_signal_and_the_probe() {
    let report = Given::default().report();
    let row = report.row("auth-required").unwrap();
    assert_eq!(row.place().map(|place| (place.file.as_str(), place.line)), Some(("app/routes.py", 30)));
    assert_eq!(row.recommendation, "Add auth-required.");
    assert_eq!(
        row.done_when,
        [
            "Clause 1 of auth-required is true.",
            "`plimsoll assess` says implemented by `auth-required.called`; `plimsoll assess --explain auth-required` shows what it looks for.",
            "`plimsoll prove --only auth-required` says implemented.",
        ]
    );
    let mut given = Given::default();
    given.assessment.practices[0].fix = Some("Add `dependencies=[Depends(current)]` to the router.".into());
    assert_eq!(given.report().row("auth-required").unwrap().recommendation, "Add `dependencies=[Depends(current)]` to the router.");
    assert_eq!(report.row("rbac").unwrap().place().map(|place| place.line), Some(9), "an absence has the place where it would be");
}

#[test]
fn a_report_read_back_is_the_same_and_a_forged_one_does_not_add_up() {
    let given = Given { live: Some(live()), waivers: waiver("rbac", "2027-01-01"), fail_on: "critical,score<90", ..Given::default() };
    let report = given.report();
    let back: Report = serde_json::from_str(&json(&report)).unwrap();
    assert_eq!(back, report);
    assert!(back.adds_up());
    let mut forged = back;
    forged.practices.iter_mut().filter_map(|row| row.looked.as_mut()).for_each(|looked| looked.status = Status::Implemented);
    assert!(!forged.adds_up());
}

#[test]
fn nothing_is_called_strong_of_which_more_is_unknown_than_known() {
    let mut given = Given::default();
    given.assessment.practices.iter_mut().for_each(|one| *one = found(&one.practice, Status::Implemented, None));
    let unknown = |id: &str, priority: &str| page(id, "Observability", priority, "inherited", "process", 1, "|always|not yet checked");
    given.pages.retain(|page| page.id == "logs-json");
    given.pages.push(unknown("slo", "critical"));
    let band = |given: &Given| given.report().score.band;
    assert_eq!(band(&given), Some(crate::score::Band::Strong), "4 known, 4 unknown");
    given.pages.push(unknown("dashboards", "low"));
    assert_eq!(band(&given), Some(crate::score::Band::Moderate));
    assert!(given.report().adds_up());
}

#[test]
fn a_report_does_not_repeat_credentials() {
    let mut given = Given::default();
    given.assessment.practices[0].gaps[0].snippet = "DATABASE_URL=postgres://shop:hunter2@db/shop".into();
    given.assessment.practices[0].evidence[0].snippet = "password = \"hunter2\"".into();
    assert!(!json(&given.report()).contains("hunter2"));
}

#[test]
fn what_a_probe_contradicts_is_looked_for_where_the_files_promise_it() {
    let mut given = Given::default();
    let mut header = super::tests::header();
    header.target = super::Target::Url { url: "http://shop.test".into() };
    given.live = Some(report_on(&pages(), &[("logs-json", "b")], Gate::Claims, header));
    let report = given.report();
    let row = report.row("logs-json").unwrap();
    assert_eq!((row.status, row.place().map(|place| (place.file.as_str(), place.line))), (Status::Missing, Some(("app/log.py", 3))));
    assert_eq!(row.looked.as_ref().unwrap().gaps[0].fingerprint.len(), 32);
}

#[test]
fn only_a_report_of_probes_is_laid_over_and_only_one_of_a_repository_is_a_baseline() {
    let (files, probes) = (Given::default().report(), live());
    assert!(super::fits_live(&probes).is_ok() && super::fits_baseline(&files).is_ok());
    assert!(super::fits_live(&files).unwrap_err().contains("not of probes"));
    assert!(super::fits_baseline(&probes).unwrap_err().contains("not a report on a repository"));
    let mut forged = files;
    forged.safe_to_deploy = true;
    assert!(super::fits_baseline(&forged).unwrap_err().contains("do not follow"));
}

#[test]
fn files_alone_never_say_that_it_does_not_run() {
    let mut given = Given::default();
    given.pages.push(detected("liveness-probe", "Reliability", "critical", "S", ""));
    given.assessment.practices.push(found("liveness-probe", Status::Missing, None));
    assert_eq!(given.report().verdict, Verdict::NotReady);
    let mut header = super::tests::header();
    header.target = super::Target::Url { url: "http://shop.test".into() };
    given.live = Some(report_on(&given.pages, &[("liveness-probe", "b")], Gate::Claims, header));
    assert_eq!(given.report().verdict, Verdict::NotRunnable, "a probe that got no answer can say it");
    assert!(given.report().adds_up());
}
