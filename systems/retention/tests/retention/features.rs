//! Features of histories made by hand, with values worked out by hand.

use plimsoll_retention::{
    features::{Facility, History, NAMES, Set, values},
    record::{Day, words},
};

use super::hand::{Hand, day};

fn of(hand: &Hand, as_of: Day, name: &str) -> f64 {
    let place = NAMES.iter().position(|known| *known == name).unwrap_or_else(|| panic!("no feature {name}"));
    values(&History::of(&hand.0, None), as_of, Set::V2)[place]
}

fn check(hand: &Hand, as_of: Day, expected: &[(&str, f64)]) {
    for (name, value) in expected {
        let ours = of(hand, as_of, name);
        assert!((ours - value).abs() < 1e-12 || ours.is_nan() && value.is_nan(), "{name} is {ours}, not {value}");
    }
}

#[test]
fn the_sets_keep_their_names_and_their_order() {
    assert_eq!((Set::V1.names().len(), Set::V2.names().len()), (37, 51));
    assert_eq!((Set::V1.names()[0], Set::V1.names()[36], Set::V2.names()[50]), ("age", "is_year_end", "facility_rural"));
    assert_eq!(Set::V1.names(), &Set::V2.names()[..37]);
    assert_eq!((Set::named("iit-v1"), Set::named("iit-v2"), Set::named("iit-v3")), (Some(Set::V1), Some(Set::V2), None));
    let history = History::of(&Hand::new().pickup(day(1, 1), 30).0, None);
    let bits = |values: Vec<f64>| values.into_iter().map(f64::to_bits).collect::<Vec<_>>();
    assert_eq!(bits(values(&history, day(2, 1), Set::V1)), bits(values(&history, day(2, 1), Set::V2))[..37]);
}

#[test]
fn nothing_known_is_missing_and_no_number_is_made_up() {
    let nothing = History::default();
    let expected = [
        "age",
        "age_group",
        "gender",
        "avg_days_supply",
        "last_days_supply",
        "days_since_last_refill",
        "mmd_ratio",
        "days_since_last_visit",
        "who_stage",
        "adherence_level",
        "months_on_art",
        "days_until_due",
        "days_overdue",
        "days_since_last_iit",
        "late_ratio_12m",
        "max_days_late_12m",
        "mean_days_late_12m",
        "last_days_late",
        "last_vl_log10",
        "vl_suppressed",
        "days_since_last_vl",
        "facility_level",
        "facility_rural",
    ];
    let missing: Vec<&str> =
        values(&nothing, day(6, 3), Set::V2).iter().zip(NAMES).filter(|(value, _)| value.is_nan()).map(|(_, name)| name).collect();
    assert_eq!(missing, expected);
}

#[test]
fn a_person_is_described_by_what_is_filled_in() {
    let as_of = day(1, 1);
    let mut hand = Hand::new();
    // 34 years with 9 leap days: 12,418 days.
    check(
        &hand,
        as_of,
        &[("age", 12_418.0 / 365.25), ("age_group", 3.0), ("gender", 0.0), ("has_state", 1.0), ("has_city", 1.0), ("has_phone", 1.0)],
    );
    hand.0.person.birthdate = Day::new(1940, 1, 1);
    (hand.0.person.state, hand.0.person.city, hand.0.person.phone) = (None, Some(String::new()), None);
    check(&hand, as_of, &[("age_group", 7.0), ("has_state", 0.0), ("has_city", 0.0), ("has_phone", 0.0)]);
    let history = History::of(&hand.0, Some(Facility { level: 2, rural: true }));
    assert_eq!(values(&history, as_of, Set::V2)[49..], [2.0, 1.0]);
}

#[test]
fn pick_ups_are_counted_in_closed_windows() {
    let as_of = day(12, 31);
    let first = as_of.plus(-365);
    let hand = Hand::new()
        .pickup(first.plus(-1), 14)
        .pickup(first, 30)
        .pickup(as_of.plus(-181), 55)
        .pickup(as_of.plus(-180), 56)
        .says(words::COUNSELLING, None, Some("yes"))
        .pickup(as_of.plus(-90), 90)
        .says(words::COUNSELLING, None, Some("No"))
        .pickup(as_of, 30)
        .pickup(as_of.plus(1), 180);
    let expected = [
        ("has_pharmacy_history", 1.0),
        ("total_dispensations", 6.0),
        ("avg_days_supply", 176.0 / 3.0),
        ("last_days_supply", 30.0),
        ("days_since_last_refill", 0.0),
        ("refill_frequency_3m", 2.0),
        ("refill_frequency_6m", 3.0),
        ("mmd_ratio", 2.0 / 3.0),
        ("adherence_counseling_count", 1.0),
        ("months_on_art", 366.0 / 30.4375),
        ("days_until_due", 30.0),
        ("days_overdue", 0.0),
    ];
    check(&hand, as_of, &expected);
}

#[test]
fn supply_is_the_duration_else_what_was_dispensed_by_the_daily_dose_else_thirty() {
    let on = day(3, 1);
    let supply = |hand: Hand| of(&hand, on, "last_days_supply");
    let form = || Hand::new().form(on, "pharmacy order form");
    let dispensed = |units: f64| form().says(words::DISPENSED, Some(units), None);
    assert_eq!(supply(form()), 30.0);
    assert_eq!(supply(dispensed(90.0)), 30.0, "nobody knows how many a day");
    assert_eq!(supply(dispensed(90.0).says(words::PER_DOSE, Some(1.0), None).says(words::FREQUENCY, None, Some("TWICE A DAY"))), 45.0);
    assert_eq!(supply(dispensed(95.0).says(words::PER_DOSE, Some(2.0), None).says(words::FREQUENCY, Some(1.0), None)), 47.0, "whole days");
    assert_eq!(supply(dispensed(90.0).says(words::PER_DOSE, Some(0.0), None).says(words::FREQUENCY, Some(1.0), None)), 30.0);
    assert_eq!(supply(form().says(words::DURATION, Some(-5.0), None)), 30.0);
    assert_eq!(supply(form().says(words::DURATION, Some(1e6), None)), 30.0);
    assert_eq!(
        supply(form().says(words::DURATION, Some(30.0), None).says_on(on, words::DURATION, Some(60.0), None)),
        60.0,
        "the later answer"
    );
}

#[test]
fn a_regimen_is_the_same_however_it_is_written() {
    let on = day(3, 1);
    let line = |hand: Hand, on: Day, name: &str| hand.pickup(on, 30).says(words::REGIMEN, None, Some(name));
    let hand = line(Hand::new(), on, "TDF/3TC/EFV");
    check(&hand, on, &[("regimen_stability", 1.0), ("last_regimen_complexity", 1.0)]);
    let hand = line(line(hand, on.plus(30), "tdf-3tc-efv"), on.plus(60), "TDF + 3TC + DTG");
    check(&hand, on.plus(60), &[("regimen_stability", 0.5), ("last_regimen_complexity", 0.0)]);
    // A year later only one of them is in the window.
    check(&hand, on.plus(425), &[("regimen_stability", 1.0)]);
}

#[test]
fn visits_are_regular_when_their_gaps_are_alike() {
    let on = day(6, 30);
    let hand =
        Hand::new().visit(on.plus(-100), Some("Clinical")).visit(on.plus(-60), Some("PHARMACY")).visit(on.plus(-40), Some("CLINICAL"));
    // Gaps of 40 and 20 days: mean 30, deviation 10.
    let expected = [
        ("total_visits", 3.0),
        ("visit_frequency_3m", 2.0),
        ("visit_frequency_6m", 3.0),
        ("days_since_last_visit", 40.0),
        ("visit_regularity", 1.0 - 10.0 / 30.0),
        ("clinical_visit_ratio", 2.0 / 3.0),
    ];
    check(&hand, on, &expected);
    check(&hand, on.plus(-61), &[("visit_regularity", 0.0), ("total_visits", 1.0)]);
}

#[test]
fn where_visits_have_no_type_the_form_of_the_day_says_whether_one_was_clinical() {
    let hand = Hand::new().visit(day(2, 1), None).visit(day(3, 1), None).form(day(2, 1), words::CARE_CARD).form(day(3, 1), words::PHARMACY);
    check(&hand, day(4, 1), &[("clinical_visit_ratio", 0.5)]);
}

#[test]
fn clinical_answers_hold_for_as_long_as_the_definition_says() {
    let on = day(1, 10);
    let hand = Hand::new()
        .form(on, words::CARE_CARD)
        .says(words::WHO_STAGE, None, Some("WHO STAGE III"))
        .says(words::FUNCTIONAL, None, Some("Bedridden"))
        .says(words::TUBERCULOSIS, None, Some("Presumptive TB"))
        .says(words::PREGNANCY, None, Some("Pregnant"))
        .says(words::VIRAL_LOAD, Some(1000.0), None);
    let at = |after: i32, expected: &[(&str, f64)]| check(&hand, on.plus(after), expected);
    at(-1, &[("who_stage", f64::NAN), ("has_vl_data", 0.0), ("last_vl_log10", f64::NAN)]);
    at(0, &[("who_stage", 3.0), ("functional_status", 1.0), ("has_tb_symptoms", 1.0), ("pregnancy_status", 1.0), ("recent_vl_tests", 1.0)]);
    at(180, &[("has_tb_symptoms", 1.0)]);
    at(181, &[("has_tb_symptoms", 0.0), ("pregnancy_status", 1.0)]);
    at(271, &[("pregnancy_status", 0.0), ("who_stage", 3.0)]);
    let old = [("who_stage", f64::NAN), ("functional_status", 0.0), ("recent_vl_tests", 0.0), ("has_vl_data", 1.0)];
    at(366, &old);
    at(366, &[("last_vl_log10", 3.0), ("vl_suppressed", 0.0), ("days_since_last_vl", 366.0)]);
    let undetected = Hand::new().form(on, words::CARE_CARD).says(words::VIRAL_LOAD, Some(0.0), None);
    check(&undetected, on, &[("last_vl_log10", 0.0), ("vl_suppressed", 1.0)]);
}

#[test]
fn lateness_is_counted_from_due_date_to_pick_up() {
    let on = day(1, 1);
    // Due on day 30, came on day 25: five days early. Due on 55, came on 63: eight late. Due on 93, came on 122: 29 late.
    let hand = Hand::new().pickup(on, 30).pickup(on.plus(25), 30).pickup(on.plus(63), 30).pickup(on.plus(122), 30);
    let expected = [
        ("prior_iit_count", 1.0),
        ("days_since_last_iit", 8.0),
        ("late_ratio_12m", 2.0 / 3.0),
        ("max_days_late_12m", 29.0),
        ("mean_days_late_12m", 37.0 / 3.0),
        ("last_days_late", 29.0),
        ("days_until_due", 22.0),
    ];
    check(&hand, on.plus(130), &expected);
    check(&hand, on.plus(160), &[("days_until_due", -8.0), ("days_overdue", 8.0)]);
    check(&hand, on.plus(24), &[("prior_iit_count", 0.0), ("late_ratio_12m", f64::NAN), ("last_days_late", f64::NAN)]);
}

#[test]
fn the_calendar_is_that_of_the_day() {
    let names = ["month", "quarter", "is_holiday_season", "is_rainy_season", "day_of_week", "is_year_end"];
    let on = |month, date| names.map(|name| of(&Hand::new(), day(month, date), name));
    assert_eq!(on(1, 1), [1.0, 0.0, 1.0, 0.0, 0.0, 0.0]);
    assert_eq!(on(9, 1), [9.0, 2.0, 0.0, 1.0, 6.0, 0.0]);
    assert_eq!(on(12, 31), [12.0, 3.0, 1.0, 0.0, 1.0, 1.0]);
}

#[test]
fn what_was_taken_back_is_not_there() {
    let on = day(1, 1);
    let hand = Hand::new().pickup(on, 30).pickup(on.plus(30), 90).voided();
    check(&hand, on.plus(40), &[("total_dispensations", 1.0), ("last_days_supply", 30.0)]);
    let mut hand = Hand::new().visit(on, None).pickup(on, 90);
    hand.0.observations[0].voided = true;
    hand.0.visits[0].voided = true;
    check(&hand, on.plus(40), &[("total_visits", 0.0), ("last_days_supply", 30.0)]);
}

#[test]
fn an_answer_added_later_is_not_known_before() {
    let on = day(1, 1);
    let hand = Hand::new().pickup(on, 30).says_on(on.plus(10), words::DURATION, Some(90.0), None);
    check(&hand, on.plus(9), &[("last_days_supply", 30.0)]);
    check(&hand, on.plus(10), &[("last_days_supply", 90.0)]);
    // A result that is older than the form on which it came.
    let hand = Hand::new().form(on, words::CARE_CARD).says_on(on.plus(-20), words::VIRAL_LOAD, Some(50.0), None);
    check(&hand, on.plus(-1), &[("has_vl_data", 0.0)]);
    check(&hand, on, &[("days_since_last_vl", 20.0)]);
}
