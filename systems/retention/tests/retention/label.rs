//! What happened, on histories made by hand.

use plimsoll_retention::{
    features::{History, Label, label},
    record::{
        Day,
        words::{self, Ending},
    },
};

use super::hand::{Hand, day};

fn at(hand: &Hand, as_of: Day) -> Label {
    label(&History::of(&hand.0, None), as_of, as_of.plus(90))
}

#[test]
fn only_who_is_on_treatment_has_a_label() {
    let on = day(1, 1);
    let hand = Hand::new().pickup(on, 30);
    assert_eq!(at(&hand, on.plus(-1)), Label::NotBegun);
    assert_eq!(at(&hand, on.plus(58)), Label::Interrupted, "28 days past due and still active");
    assert_eq!(at(&hand, on.plus(59)), Label::NotActive);
}

#[test]
fn an_interruption_counts_to_the_last_day_of_the_window() {
    let on = day(1, 1);
    // Due on day 60, interrupted on day 89.
    let hand = Hand::new().pickup(on, 60);
    assert_eq!(at(&hand, on), Label::Interrupted);
    assert_eq!(at(&Hand::new().pickup(on, 61), on), Label::Interrupted, "on the ninetieth day");
    assert_eq!(at(&Hand::new().pickup(on, 62), on), Label::Stayed, "on the ninety-first");
    assert_eq!(at(&hand.pickup(on.plus(89), 30), on), Label::Interrupted, "the pick-up on the day itself is too late");
    assert_eq!(at(&Hand::new().pickup(on, 60).pickup(on.plus(88), 30), on), Label::Stayed);
}

#[test]
fn who_has_enough_to_the_end_of_the_window_stays_whatever_is_added() {
    let on = day(1, 1);
    assert_eq!(at(&Hand::new().pickup(on, 180).pickup(on.plus(5), 14), on), Label::Stayed);
    assert_eq!(at(&Hand::new().pickup(on, 30).pickup(on.plus(25), 14), on), Label::Interrupted);
}

#[test]
fn a_window_that_is_not_over_has_no_label() {
    let hand = Hand::new().pickup(day(1, 1), 30);
    let history = History::of(&hand.0, None);
    assert_eq!(label(&history, day(1, 1), day(1, 1).plus(89)), Label::NotYet);
    assert_eq!(label(&history, day(1, 1), day(1, 1).plus(90)), Label::Interrupted);
}

#[test]
fn who_dies_or_goes_elsewhere_before_the_day_is_censored() {
    let on = day(1, 1);
    let leaves = |after: i32, why: &str| {
        Hand::new().pickup(on, 30).form(on.plus(after), words::TERMINATION).says(words::TERMINATED, None, Some(why))
    };
    assert_eq!(at(&leaves(58, "Death"), on), Label::Censored(Ending::Death));
    assert_eq!(at(&leaves(20, "Transferred out"), on), Label::Censored(Ending::Transfer));
    assert_eq!(at(&leaves(20, "Discontinued care"), on), Label::Censored(Ending::Stop));
    assert_eq!(at(&leaves(20, "Lost to followup"), on), Label::Interrupted, "that is what the label is about");
    assert_eq!(at(&leaves(59, "Death"), on), Label::Interrupted, "after the day");
    assert_eq!(at(&leaves(10, "Death"), on.plus(12)), Label::NotActive);
    let back = leaves(10, "Transferred out").pickup(on.plus(15), 30);
    assert_eq!(at(&back, on.plus(20)), Label::Interrupted, "came back since");
}

#[test]
fn targets_are_one_and_zero_and_none() {
    let all = [Label::Interrupted, Label::Stayed, Label::NotBegun, Label::NotActive, Label::NotYet, Label::Censored(Ending::Stop)];
    assert_eq!(all.map(Label::target), [Some(1), Some(0), None, None, None, None]);
}
