//! The promises of the targeting function.

use std::{collections::BTreeMap, net::IpAddr};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Comparison, Condition, Context, Decision, Flag, Reason, Rule, Share, Subject, Test, Unit, Value, Wheel};

/// Units of a distribution.
const UNITS: usize = 100_000;

fn flag(name: &str, rules: Vec<Rule>) -> Flag {
    Flag::new(name, "old", rules).unwrap()
}

fn ids() -> Vec<String> {
    (0..UNITS).map(|number| format!("usr_{number:06}")).collect()
}

/// Enough to see a unit that moves the wrong way.
fn few() -> Vec<String> {
    let mut ids = ids();
    ids.truncate(UNITS / 5);
    ids
}

fn person(id: &str) -> Context<'_> {
    Context { principal: Some(id), ..Context::default() }
}

fn variants<'f>(flag: &'f Flag, ids: &[String]) -> Vec<&'f str> {
    ids.iter().map(|id| flag.decide(&person(id)).variant).collect()
}

fn weighted(weights: &[(&str, u32)]) -> Wheel {
    Wheel::new(weights.iter().map(|(name, weight)| (*name, Share::thousandths(*weight)))).unwrap()
}

/// The value that a chi-square sum of `freedom` degrees exceeds once in a million (Wilson and
/// Hilferty's approximation, z = 4.753).
fn bound(freedom: f64) -> f64 {
    let part = 2.0 / (9.0 * freedom);
    freedom * (1.0 - part + 4.753 * part.sqrt()).powi(3)
}

/// The chi-square sum of counts against what is expected.
fn chi_square(pairs: impl Iterator<Item = (f64, f64)>) -> f64 {
    pairs.map(|(seen, expected)| (seen - expected).powi(2) / expected).sum()
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn real(count: usize) -> f64 {
    count as f64
}

#[test]
fn a_decision_is_the_same_everywhere_and_always() {
    // Recomputed with another program: sha256("canary\0principal\0usr_000001") and so on.
    let canary = flag("canary", vec![Rule::part(Share::percent(50), "new")]);
    let buckets: Vec<_> = ["usr_000001", "usr_000002", "ünïcode"].map(|id| canary.decide(&person(id)).bucket.unwrap()).into();
    assert_eq!(buckets, BUCKETS);
    let six = Context { address: Some("2001:db8:1:2:3:4:5:6".parse().unwrap()), ..Context::default() };
    let four = Context { address: Some("203.0.113.9".parse().unwrap()), ..Context::default() };
    assert_eq!([six, four].map(|context| canary.decide(&context).bucket.unwrap()), ADDRESSES);
    let split = flag("canary", vec![Rule { when: vec![], rollout: Share::ALL, serve: weighted(&[("a", 50), ("b", 30), ("c", 20)]) }]);
    let chosen: String = (0..16).map(|number| split.decide(&person(&format!("usr_{number}"))).variant).collect();
    assert_eq!(chosen, CHOSEN);
}

const BUCKETS: [u32; 3] = [16716, 25787, 20076];
const ADDRESSES: [u32; 2] = [24555, 2792];
const CHOSEN: &str = "aabbaabababbabac";

#[test]
fn growing_a_rollout_only_takes_units_in_and_they_keep_their_variant() {
    let ids = few();
    let at = |parts| {
        let rule =
            Rule { when: vec![], rollout: Share::thousandths(parts), serve: weighted(&[("a", 50_000), ("b", 30_000), ("c", 20_000)]) };
        flag("grow", vec![rule])
    };
    let mut before = vec!["old"; ids.len()];
    for parts in [0, 1, 10, 1_000, 5_000, 25_000, 50_000, 99_999, 100_000] {
        let grown = at(parts);
        let after: Vec<String> = variants(&grown, &ids).into_iter().map(str::to_owned).collect();
        for (was, is) in before.iter().zip(&after) {
            assert!(*was == "old" || was == is, "{was} became {is} at {parts}");
        }
        let taken = after.iter().filter(|variant| *variant != "old").count();
        // A share of n units is held within five standard deviations.
        let (n, p) = (real(ids.len()), f64::from(parts) / 100_000.0);
        assert!((real(taken) - n * p).abs() <= 5.0 * (n * p * (1.0 - p)).sqrt() + 1.0, "{taken} at {parts}");
        before = after.into_iter().map(|variant| ["old", "a", "b", "c"].into_iter().find(|known| *known == variant).unwrap()).collect();
    }
    assert!(!before.contains(&"old"));
}

#[test]
fn growing_a_weight_only_moves_units_into_that_variant() {
    let ids = few();
    let at =
        |weight| flag("weigh", vec![Rule { when: vec![], rollout: Share::ALL, serve: weighted(&[("a", 10), ("b", weight), ("c", 30)]) }]);
    let flags: Vec<Flag> = [0, 1, 5, 20, 40, 200].map(at).into();
    for pair in flags.windows(2) {
        let (before, after) = (variants(&pair[0], &ids), variants(&pair[1], &ids));
        let moved: Vec<_> = before.iter().zip(&after).filter(|(was, is)| was != is).collect();
        assert!(!moved.is_empty() && moved.iter().all(|(_, is)| **is == "b"), "{} moved", moved.len());
    }
}

#[test]
fn the_order_of_the_variants_does_not_matter() {
    let ids = few();
    let one = flag("order", vec![Rule { when: vec![], rollout: Share::ALL, serve: weighted(&[("a", 10), ("b", 20), ("c", 30)]) }]);
    let other = flag("order", vec![Rule { when: vec![], rollout: Share::ALL, serve: weighted(&[("c", 30), ("a", 10), ("b", 20)]) }]);
    assert_eq!(variants(&one, &ids), variants(&other, &ids));
}

#[test]
fn buckets_are_even() {
    let even = flag("even", vec![Rule::part(Share::percent(50), "new")]);
    let mut counts = [0_usize; 100];
    for id in ids() {
        counts[even.decide(&person(&id)).bucket.unwrap() as usize / 1000] += 1;
    }
    let sum = chi_square(counts.iter().map(|count| (real(*count), real(UNITS) / 100.0)));
    assert!(sum < bound(99.0), "{sum} of {}", bound(99.0));
}

#[test]
fn variants_come_in_proportion_to_their_weights() {
    for weights in [
        &[("a", 50), ("b", 50)][..],
        &[("a", 70_000), ("b", 20_000), ("c", 9_000), ("d", 1_000)],
        &[("a", 1), ("b", 2), ("c", 3), ("d", 4), ("e", 5)],
    ] {
        let split = flag("even", vec![Rule { when: vec![], rollout: Share::ALL, serve: weighted(weights) }]);
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        let ids = ids();
        for variant in variants(&split, &ids) {
            *counts.entry(variant).or_default() += 1;
        }
        let all: u32 = weights.iter().map(|(_, weight)| weight).sum();
        let sum = chi_square(weights.iter().map(|(name, weight)| (real(counts[name]), real(UNITS) * f64::from(*weight) / f64::from(all))));
        assert!(sum < bound(real(weights.len() - 1)), "{counts:?}: {sum}");
    }
}

/// A table of two times two of who is in: independent when its chi-square sum is small.
fn together(pairs: impl Iterator<Item = (bool, bool)>) -> f64 {
    let mut counts = [[0_usize; 2]; 2];
    for (one, other) in pairs {
        counts[usize::from(one)][usize::from(other)] += 1;
    }
    let (row, column) = (|at: usize| real(counts[at][0] + counts[at][1]), |at: usize| real(counts[0][at] + counts[1][at]));
    let all = row(0) + row(1);
    let cells = [(0, 0), (0, 1), (1, 0), (1, 1)];
    chi_square(cells.into_iter().map(|(x, y)| (real(counts[x][y]), row(x) * column(y) / all)))
}

#[test]
fn flags_are_independent_of_each_other_and_buckets_of_variants() {
    let ids = ids();
    let part = |name: &str| flag(name, vec![Rule::part(Share::percent(10), "new")]);
    let flags = ["checkout", "checkout2", "search", "a", "b"].map(part);
    for (at, one) in flags.iter().enumerate() {
        for other in &flags[at + 1..] {
            let sum = together(ids.iter().map(|id| (one.decide(&person(id)).variant == "new", other.decide(&person(id)).variant == "new")));
            assert!(sum < bound(1.0), "{} and {}: {sum}", one.name(), other.name());
        }
    }
    let split = flag("checkout", vec![Rule { when: vec![], rollout: Share::ALL, serve: weighted(&[("a", 30), ("b", 70)]) }]);
    let sum =
        together(ids.iter().map(|id| split.decide(&person(id))).map(|decision| (decision.variant == "a", decision.bucket < Some(20_000))));
    assert!(sum < bound(1.0), "{sum}");
    // And variants of one name under two flags.
    let others = flag("other", vec![Rule { when: vec![], rollout: Share::ALL, serve: weighted(&[("a", 30), ("b", 70)]) }]);
    let sum = together(ids.iter().map(|id| (split.decide(&person(id)).variant == "a", others.decide(&person(id)).variant == "a")));
    assert!(sum < bound(1.0), "{sum}");
}

#[test]
fn the_rules_of_a_flag_share_the_bucket() {
    let both = |first, second| flag("nested", vec![Rule::part(Share::percent(first), "new"), Rule::part(Share::percent(second), "newer")]);
    let ids = few();
    assert!(!variants(&both(50, 1), &ids).contains(&"newer"));
    assert!(variants(&both(1, 50), &ids).contains(&"newer"));
}

#[test]
fn the_narrowest_unit_keeps_the_decision() {
    let address: IpAddr = "203.0.113.9".parse().unwrap();
    let full = Context { principal: Some("usr_1"), tenant: Some("acme"), address: Some(address), ..Context::default() };
    assert_eq!(full.unit(), Some(Unit::Principal("usr_1")));
    assert_eq!(Context { principal: None, ..full }.unit(), Some(Unit::Tenant("acme")));
    assert_eq!(Context { principal: None, tenant: None, ..full }.unit(), Some(Unit::Address(address)));
    let part = flag("sticky", vec![Rule::part(Share::percent(50), "new")]);
    let bucket = |context: Context<'_>| part.decide(&context).bucket;
    // A person keeps the decision at any address and in any tenant.
    assert_eq!(bucket(full), bucket(person("usr_1")));
    // A tenant that is called like a person is another unit.
    assert_ne!(bucket(person("acme")), bucket(Context { tenant: Some("acme"), ..Context::default() }));
    let at = |text: &str| bucket(Context { address: Some(text.parse().unwrap()), ..Context::default() });
    assert_eq!(at("2001:db8:1:2::1"), at("2001:db8:1:2:ffff::9"));
    assert_ne!(at("2001:db8:1:2::1"), at("2001:db8:1:3::1"));
    assert_eq!(at("203.0.113.9"), at("::ffff:203.0.113.9"));
}

fn reason(decision: Decision<'_>) -> (&str, &str, Option<usize>) {
    (decision.variant, decision.reason.as_str(), decision.rule)
}

#[test]
fn every_decision_says_why() {
    let editors = || vec![Condition::new(Subject::Role, Test::Equals("editor".into()))];
    let editor = Context { role: Some("editor"), ..person("usr_1") };
    let cases = [
        (flag("f", vec![]), editor, ("old", "STATIC", None)),
        (flag("f", vec![Rule::all(vec![], "new")]), Context::default(), ("new", "STATIC", Some(0))),
        (flag("f", vec![Rule::all(editors(), "new")]), editor, ("new", "TARGETING_MATCH", Some(0))),
        (flag("f", vec![Rule::all(editors(), "new")]), person("usr_1"), ("old", "DEFAULT", None)),
        (flag("f", vec![Rule::part(Share::NONE, "new")]), editor, ("old", "DEFAULT", None)),
        (flag("f", vec![Rule::part(Share::thousandths(99_999), "new")]), editor, ("new", "SPLIT", Some(0))),
        (flag("f", vec![Rule::all(editors(), "new")]).enabled(false), editor, ("old", "DISABLED", None)),
        (
            flag("f", vec![Rule::all(editors(), "new"), Rule::part(Share::percent(50), "new")]),
            Context::default(),
            ("old", "ERROR", Some(1)),
        ),
    ];
    for (flag, context, expected) in cases {
        assert_eq!(reason(flag.decide(&context)), expected);
    }
    assert_eq!(Reason::TargetingMatch.as_str(), "TARGETING_MATCH");
}

#[test]
fn the_first_rule_that_decides_wins() {
    let tenant = |name: &str| vec![Condition::new(Subject::Tenant, Test::Equals(name.into()))];
    let rules = vec![Rule::all(tenant("acme"), "one"), Rule::all(tenant("acme"), "two"), Rule::all(vec![], "three")];
    let flag = flag("order", rules);
    let acme = Context { tenant: Some("acme"), ..Context::default() };
    assert_eq!(
        (reason(flag.decide(&acme)), reason(flag.decide(&person("x")))),
        (("one", "TARGETING_MATCH", Some(0)), ("three", "TARGETING_MATCH", Some(2)))
    );
}

#[test]
fn conditions_compare_what_they_name() {
    let mut headers = HeaderMap::new();
    headers.append("x-plan", HeaderValue::from_static("free"));
    headers.append("x-plan", HeaderValue::from_static("gold-eu"));
    headers.append("x-odd", HeaderValue::from_bytes(&[0xff]).unwrap());
    let attributes = [
        ("build", Value::Number(41.5)),
        ("country", Value::Text("de")),
        ("beta", Value::Truth(true)),
        ("size", Value::Text(" 12 ")),
        ("odd", Value::Text("inf")),
    ];
    let context = Context {
        principal: Some("usr_7"),
        tenant: Some("acme"),
        role: Some("admin"),
        address: Some("::ffff:10.1.2.3".parse().unwrap()),
        headers: Some(&headers),
        attributes: &attributes,
    };
    let header = |name: &'static str| Subject::Header(HeaderName::from_static(name));
    let attribute = |name: &str| Subject::Attribute(name.into());
    let list = |items: &[&str]| Test::In(items.iter().map(|item| Box::from(*item)).collect());
    let cases = [
        (Subject::Principal, Test::Prefix("usr_".into()), true),
        (Subject::Principal, Test::Suffix("_8".into()), false),
        (Subject::Tenant, list(&["other", "acme"]), true),
        (Subject::Tenant, list(&[]), false),
        (Subject::Tenant, Test::Equals("Acme".into()), false),
        (Subject::Role, Test::Equals("admin".into()), true),
        (Subject::Address, Test::Prefix("10.1.".into()), true),
        (Subject::Address, Test::Equals("10.1.2.3".into()), true),
        (header("x-plan"), Test::Equals("free".into()), true),
        (header("x-plan"), Test::Suffix("-eu".into()), true),
        (header("x-odd"), Test::Present, false),
        (header("x-none"), Test::Present, false),
        (attribute("country"), Test::Present, true),
        (attribute("build"), Test::Number(Comparison::Above, 41.0), true),
        (attribute("build"), Test::Number(Comparison::Below, 41.5), false),
        (attribute("build"), Test::Number(Comparison::AtMost, 41.5), true),
        (attribute("build"), Test::Equals("41.50".into()), true),
        (attribute("size"), Test::Number(Comparison::AtLeast, 12.0), true),
        (attribute("odd"), Test::Number(Comparison::Above, 0.0), false),
        (attribute("beta"), Test::Equals("true".into()), true),
        (attribute("beta"), Test::Number(Comparison::AtLeast, 0.0), false),
        (attribute("nothing"), Test::Equals(String::new().into()), false),
    ];
    for (subject, test, holds) in cases {
        let condition = Condition::new(subject, test);
        assert_eq!(condition.holds(&context), holds, "{condition:?}");
        assert_eq!(condition.clone().negate().holds(&context), !holds, "not {condition:?}");
    }
}

#[test]
fn all_conditions_of_a_rule_have_to_hold() {
    let rule = Rule::all(
        vec![
            Condition::new(Subject::Tenant, Test::Equals("acme".into())),
            Condition::new(Subject::Role, Test::Equals("viewer".into())).negate(),
        ],
        "new",
    );
    let flag = flag("and", vec![rule]);
    let of = |tenant, role| flag.decide(&Context { tenant: Some(tenant), role: Some(role), ..Context::default() }).variant.to_owned();
    assert_eq!([of("acme", "admin"), of("acme", "viewer"), of("other", "admin")], ["new", "old", "old"]);
}

#[test]
fn what_cannot_decide_is_refused() {
    assert!(Flag::new("", "old", vec![]).is_err() && Flag::new("a\0b", "old", vec![]).is_err());
    assert!(Wheel::new([]).is_err() && Wheel::new([("a", Share::NONE)]).is_err());
    assert!(Wheel::new([("a", Share::ALL), ("a", Share::ALL)]).is_err());
}
