//! What may follow what: the state machines of alerts, interventions, follow-ups and messages.
//!
//! Plain functions of a state and a move. Everything that changes a row asks here first, so a move
//! that no arrow allows is refused in one place.

use plimsoll::{Code, Result};

/// A state machine: its states are words of a column, its moves words of a path.
pub trait Machine: Copy + PartialEq + Sized + 'static {
    /// What can happen.
    type Move: Copy;
    /// Every state.
    const ALL: &'static [Self];
    /// The word in the database.
    fn name(self) -> &'static str;
    /// Where a move leads from here; nowhere if no arrow allows it.
    fn after(self, made: Self::Move) -> Option<Self>;

    /// The state of a word.
    ///
    /// # Errors
    /// [`Code::Internal`] for a word that the schema does not allow.
    fn named(name: &str) -> Result<Self> {
        Self::ALL.iter().copied().find(|one| one.name() == name).ok_or_else(|| Code::Internal.because(format!("`{name}` is no state")))
    }

    /// Where a move leads, or that it leads nowhere.
    ///
    /// # Errors
    /// [`Code::Conflict`] for a move that no arrow allows.
    fn moved(self, made: Self::Move, what: &str) -> Result<Self> {
        self.after(made).ok_or_else(|| Code::Conflict.because(format!("this {what} is {} already; nothing was changed", self.name())))
    }
}

macro_rules! states {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $state:ident = $word:literal),+ $(,)? }
     $(#[$moves_doc:meta])* $moves:ident { $($(#[$move_about:meta])* $move:ident),+ $(,)? }
     $($from:pat, $by:pat => $to:ident;)+) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$about])* $state),+ }
        $(#[$moves_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $moves { $($(#[$move_about])* $move),+ }
        impl $moves {
            /// Every move.
            pub const ALL: &'static [$moves] = &[$($moves::$move),+];
        }
        impl Machine for $name {
            type Move = $moves;
            const ALL: &'static [$name] = &[$($name::$state),+];
            fn name(self) -> &'static str {
                match self { $($name::$state => $word),+ }
            }
            fn after(self, made: $moves) -> Option<$name> {
                #[allow(clippy::enum_glob_use, reason = "the table of arrows reads as a table")]
                use {$moves::*, $name::*};
                match (self, made) {
                    $(($from, $by) => Some($to),)+
                    _ => None,
                }
            }
        }
    };
}

pub(crate) use states;

states! {
    /// Where an alert stands.
    Alert {
        /// Nobody has taken it on.
        Active = "active",
        /// Somebody has.
        Acknowledged = "acknowledged",
        /// What it told of is settled.
        Resolved = "resolved",
        /// It told of nothing that needed doing.
        Dismissed = "dismissed",
    }
    /// What happens to an alert.
    AlertMove {
        /// Somebody takes it on.
        Acknowledge,
        /// Who took it on has settled it.
        Resolve,
        /// Somebody says that nothing needs doing.
        Dismiss,
        /// Nobody took it on in time, or somebody calls for help.
        Escalate,
    }
    Active, Acknowledge => Acknowledged;
    Acknowledged, Resolve => Resolved;
    Active | Acknowledged, Dismiss => Dismissed;
    Active, Escalate => Active;
}

states! {
    /// Where an intervention stands.
    Intervention {
        /// To be done.
        Pending = "pending",
        /// Begun.
        InProgress = "in_progress",
        /// Done, with an outcome.
        Completed = "completed",
        /// Not to be done any more.
        Cancelled = "cancelled",
    }
    /// What happens to an intervention.
    InterventionMove {
        /// Somebody begins.
        Start,
        /// It is done; a short one needs no beginning.
        Complete,
        /// It is given up.
        Cancel,
    }
    Pending, Start => InProgress;
    Pending | InProgress, Complete => Completed;
    Pending | InProgress, Cancel => Cancelled;
}

states! {
    /// Where a follow-up stands.
    FollowUp {
        /// To be done on its day.
        Scheduled = "scheduled",
        /// Done, with an outcome.
        Completed = "completed",
        /// Not done on its day.
        Missed = "missed",
        /// Not to be done any more.
        Cancelled = "cancelled",
        /// Another one stands in its place.
        Rescheduled = "rescheduled",
    }
    /// What happens to a follow-up.
    FollowUpMove {
        /// It is done; late as well.
        Complete,
        /// Its day has passed without it.
        Miss,
        /// It is put off to another day.
        Reschedule,
        /// It is given up.
        Cancel,
    }
    Scheduled | Missed, Complete => Completed;
    Scheduled, Miss => Missed;
    Scheduled | Missed, Reschedule => Rescheduled;
    Scheduled | Missed, Cancel => Cancelled;
}

states! {
    /// How far a message has come.
    Delivery {
        /// Handed to whoever carries it.
        Sent = "sent",
        /// It has arrived.
        Delivered = "delivered",
        /// It was opened.
        Read = "read",
        /// It did not arrive.
        Failed = "failed",
    }
    /// What a carrier reports.
    Receipt {
        /// It has arrived.
        Arrived,
        /// It was opened.
        Opened,
        /// It will not arrive.
        Refused,
    }
    // Carriers repeat themselves, and a receipt may overtake the one before it.
    Sent | Delivered, Arrived => Delivered;
    Sent | Delivered | Read, Opened => Read;
    Read, Arrived => Read;
    Sent | Failed, Refused => Failed;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrows<M: Machine>(moves: &[M::Move]) -> Vec<(usize, usize, Option<&'static str>)> {
        let all = |(from, state): (usize, &M)| {
            let state = *state;
            moves.iter().enumerate().map(move |(by, made)| (from, by, state.after(*made).map(M::name))).collect::<Vec<_>>()
        };
        M::ALL.iter().enumerate().flat_map(all).collect()
    }

    /// The whole table, written by hand from the specification: rows are states, columns are moves.
    fn table<M: Machine>(moves: &[M::Move], wanted: &[&[&str]]) {
        assert_eq!(wanted.len(), M::ALL.len());
        for (from, by, to) in arrows::<M>(moves) {
            let wanted = wanted[from][by];
            assert_eq!(to.unwrap_or("-"), wanted, "{} by move {by}", M::ALL[from].name());
        }
    }

    #[test]
    fn an_alert_moves_as_the_specification_says_and_in_no_other_way() {
        //                            acknowledge     resolve     dismiss      escalate
        table::<Alert>(
            AlertMove::ALL,
            &[
                &["acknowledged", "-", "dismissed", "active"],
                &["-", "resolved", "dismissed", "-"],
                &["-", "-", "-", "-"],
                &["-", "-", "-", "-"],
            ],
        );
    }

    #[test]
    fn an_intervention_ends_once() {
        table::<Intervention>(
            InterventionMove::ALL,
            &[&["in_progress", "completed", "cancelled"], &["-", "completed", "cancelled"], &["-", "-", "-"], &["-", "-", "-"]],
        );
    }

    #[test]
    fn a_follow_up_that_was_missed_can_still_be_done_or_put_off() {
        table::<FollowUp>(
            FollowUpMove::ALL,
            &[
                &["completed", "missed", "rescheduled", "cancelled"],
                &["-", "-", "-", "-"],
                &["completed", "-", "rescheduled", "cancelled"],
                &["-", "-", "-", "-"],
                &["-", "-", "-", "-"],
            ],
        );
    }

    #[test]
    fn receipts_may_repeat_and_overtake_each_other_and_never_lead_back() {
        table::<Delivery>(
            Receipt::ALL,
            &[&["delivered", "read", "failed"], &["delivered", "read", "-"], &["read", "read", "-"], &["-", "-", "failed"]],
        );
    }

    #[test]
    fn a_refused_move_is_a_conflict_that_names_the_state() {
        let refused = Alert::Resolved.moved(AlertMove::Acknowledge, "alert").unwrap_err();
        assert_eq!(refused.code(), Code::Conflict);
        assert!(refused.public().contains("resolved"), "{}", refused.public());
        assert!(Alert::named("open").is_err());
        assert!(Alert::ALL.iter().all(|state| Alert::named(state.name()).unwrap() == *state));
    }
}
