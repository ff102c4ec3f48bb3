//! What happened: whether somebody interrupted treatment within 90 days of a date.
//!
//! An interruption is what the programmes of PEPFAR count since 2021: no pick-up for more than 28 days
//! after the last expected one. It falls on the twenty-ninth day, and is known only when that has passed.

use super::{
    compute::{Handed, handed},
    history::History,
};
use crate::record::{Day, words::Ending};

/// The version of this definition, stored with every label.
pub const VERSION: &str = "iit-90-28-1";
/// Days after the date within which the interruption counts.
pub const WINDOW: i32 = 90;
/// Days past due that are no interruption yet.
pub const GRACE: i32 = 28;

/// What happened to a person in the [`WINDOW`] after a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// Did not interrupt.
    Stayed,
    /// Was more than [`GRACE`] days past due on some day of the window.
    Interrupted,
    /// Had not begun by the date.
    NotBegun,
    /// Had interrupted already, or had left the programme.
    NotActive,
    /// Died, went elsewhere or stopped before it could be seen.
    Censored(Ending),
    /// The data do not reach to the end of the window.
    NotYet,
}

impl Label {
    /// As the target of training: 1 interrupted, 0 stayed, none for anybody else.
    pub const fn target(self) -> Option<u8> {
        match self {
            Label::Interrupted => Some(1),
            Label::Stayed => Some(0),
            _ => None,
        }
    }
}

/// What happened in the window after `as_of`, where the data reach to `observed`.
///
/// Who stands in the set is decided by what was known at `as_of`; what happened, by everything known
/// at `observed`. A window that is not over has no label, even where the outcome is certain already:
/// early outcomes are mostly interruptions, and a set with only those would be bent.
pub fn label(history: &History, as_of: Day, observed: Day) -> Label {
    let begun = history.pickups.partition_point(|one| one.day <= as_of);
    let Some(newest) = begun.checked_sub(1).and_then(|at| history.pickups.get(at)) else { return Label::NotBegun };
    let left_before = history.endings.iter().any(|(day, _)| *day <= as_of && *day >= newest.day);
    if left_before || handed(history, newest, as_of).due().plus(GRACE) < as_of {
        return Label::NotActive;
    }
    let end = as_of.plus(WINDOW);
    if observed < end {
        return Label::NotYet;
    }
    let later = history.pickups[begun..].iter().take_while(|one| one.day <= observed).map(|one| handed(history, one, observed));
    let interruption = interrupted(handed(history, newest, observed), later, end).max(as_of.plus(1));
    let left = history.endings.iter().find(|(day, _)| *day > as_of && *day < interruption && *day <= end);
    match left {
        Some((_, ending)) => Label::Censored(*ending),
        None if interruption <= end => Label::Interrupted,
        None => Label::Stayed,
    }
}

/// The first day on which a pick-up is more than [`GRACE`] days past due and the next has not come; a
/// day after `end` says only that there is none in the window. Who has enough to the end of it does not
/// run out earlier because of a later, shorter supply.
fn interrupted(first: Handed, later: impl Iterator<Item = Handed>, end: Day) -> Day {
    let mut day = first.due().plus(GRACE + 1);
    for next in later {
        if next.day >= day || day > end {
            break;
        }
        day = next.due().plus(GRACE + 1);
    }
    day
}
