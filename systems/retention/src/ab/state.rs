//! What may follow what in the life of a test.

use plimsoll::Result;

use crate::action::state::{Machine, states};

states! {
    /// Where a test stands.
    Test {
        /// Written down; nobody is asked anything yet.
        Draft = "draft",
        /// Each person gets the model of their variant.
        Running = "running",
        /// Over, with a conclusion.
        Completed = "completed",
        /// Given up without one.
        Cancelled = "cancelled",
    }
    /// What happens to a test.
    TestMove {
        /// It begins.
        Start,
        /// It ends, and what came of it decides who answers.
        Conclude,
        /// It ends without a conclusion, and who answered before goes on.
        Stop,
    }
    Draft, Start => Running;
    Running, Conclude => Completed;
    Draft | Running, Stop => Cancelled;
}

impl Test {
    /// Where a move leads.
    ///
    /// # Errors
    /// `Conflict` for a move that no arrow allows.
    pub fn go(self, made: TestMove) -> Result<Test> {
        self.moved(made, "test")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole table, written by hand: rows are states, columns are moves.
    #[test]
    fn a_test_begins_once_and_ends_once() {
        let wanted = [["running", "-", "cancelled"], ["-", "completed", "cancelled"], ["-", "-", "-"], ["-", "-", "-"]];
        for (from, row) in Test::ALL.iter().zip(wanted) {
            for (made, to) in TestMove::ALL.iter().zip(row) {
                assert_eq!(from.after(*made).map_or("-", Test::name), to, "{from:?} by {made:?}");
            }
        }
        assert!(Test::Completed.go(TestMove::Start).unwrap_err().public().contains("completed"));
    }
}
