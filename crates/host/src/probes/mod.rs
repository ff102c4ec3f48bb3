//! Health, readiness, and the gate that keeps requests out until start-up is complete.

pub mod gate;

/// What the host knows about its own health.
#[derive(Default)]
pub struct Health {
    draining: std::sync::atomic::AtomicBool,
}

impl Health {
    /// Readiness is red from now on: the server is stopping.
    pub fn drain(&self) {
        self.draining.store(true, std::sync::atomic::Ordering::Relaxed);
    }
    /// Whether the server is stopping.
    pub fn draining(&self) -> bool {
        self.draining.load(std::sync::atomic::Ordering::Relaxed)
    }
}
