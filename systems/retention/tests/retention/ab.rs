//! Who gets which variant of a test.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use plimsoll_retention::ab::{Allocation, Split};

const PEOPLE: u32 = 100_000;
const NAMES: [&str; 4] = ["control", "b", "c", "d"];

fn uuid(n: u32) -> String {
    format!("3f0c7f1e-5d1a-4c0b-9a86-{n:012x}")
}

fn split(test: i64, parts: &[u32]) -> Split {
    Split::new(test, NAMES.into_iter().zip(parts.iter().copied())).unwrap()
}

fn places(split: &Split) -> Vec<usize> {
    (0..PEOPLE).map(|n| NAMES.iter().position(|name| *name == split.variant(&uuid(n))).unwrap()).collect()
}

#[test]
fn shares_are_within_a_hundredth_of_their_weights_and_the_same_whenever_they_are_asked() {
    let custom = [0.5, 0.15, 0.35];
    let cases = [
        (Allocation::Equal, 2, None, vec![0.5, 0.5]),
        (Allocation::Equal, 3, None, vec![0.333, 0.333, 0.333]),
        (Allocation::Gradual, 2, None, vec![0.7, 0.3]),
        (Allocation::Gradual, 4, None, vec![0.343, 0.3, 0.21, 0.147]),
        (Allocation::Custom, 3, Some(&custom[..]), custom.to_vec()),
    ];
    for (test, (allocation, count, weights, wanted)) in (1..).zip(cases) {
        let parts = allocation.parts(count, weights).unwrap();
        assert_eq!(parts.iter().sum::<u32>(), 100_000, "{allocation:?}");
        let found = places(&split(test, &parts));
        for (at, wanted) in wanted.iter().enumerate() {
            let share = found.iter().filter(|place| **place == at).count() as f64 / f64::from(PEOPLE);
            assert!((share - wanted).abs() < 0.01, "{allocation:?}, variant {at}: {share} instead of {wanted}");
        }
        assert_eq!(found, places(&split(test, &parts)), "asked again, everybody is where they were");
    }
}

#[test]
fn a_growing_share_only_takes_people_in_and_another_test_deals_anew() {
    let (small, large) = (places(&split(7, &[90_000, 10_000])), places(&split(7, &[60_000, 40_000])));
    assert!(small.iter().zip(&large).all(|(before, after)| *before == 0 || *after == 1), "nobody leaves the growing variant");
    let other = places(&split(8, &[60_000, 40_000]));
    let both = large.iter().zip(&other).filter(|(a, b)| **a == 1 && **b == 1).count() as f64 / f64::from(PEOPLE);
    assert!((both - 0.16).abs() < 0.01, "in both tests: {both}");
}

#[test]
fn shares_that_are_none_are_refused() {
    for (allocation, weights) in [
        (Allocation::Equal, Some(&[0.5, 0.5][..])),
        (Allocation::Custom, None),
        (Allocation::Custom, Some(&[1.0][..])),
        (Allocation::Custom, Some(&[0.5, 0.6][..])),
        (Allocation::Custom, Some(&[1.0, 0.0][..])),
        (Allocation::Custom, Some(&[f64::NAN, 0.5][..])),
    ] {
        assert_eq!(allocation.parts(2, weights).unwrap_err().code().status(), 422, "{allocation:?} {weights:?}");
    }
    assert!(Split::new(1, [("a", 1), ("a", 1)]).is_err() && Split::new(1, [("a", 0)]).is_err());
}
