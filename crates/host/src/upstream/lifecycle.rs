//! Where the program behind an upstream is in its life, as far as its supervisor knows.

/// What a supervised program is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifecycle {
    /// Started for the first time and not yet answering.
    Starting,
    /// Answering.
    Ready,
    /// Ended by itself and being started again.
    Restarting,
    /// Ended for good.
    Stopped,
}

impl Lifecycle {
    /// The word in logs, metrics and health.
    pub const fn name(self) -> &'static str {
        match self {
            Lifecycle::Starting => "starting",
            Lifecycle::Ready => "ready",
            Lifecycle::Restarting => "restarting",
            Lifecycle::Stopped => "stopped",
        }
    }
}
