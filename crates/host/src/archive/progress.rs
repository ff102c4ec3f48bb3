//! How far long work has come, for whoever watches.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Rows and bytes so far. Cheap to clone; all clones count together.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<[AtomicU64; 2]>);

impl Progress {
    /// One more row.
    pub fn row(&self) {
        self.0[0].fetch_add(1, Ordering::Relaxed);
    }
    /// How many bytes were written.
    pub fn set_bytes(&self, bytes: u64) {
        self.0[1].store(bytes, Ordering::Relaxed);
    }
    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.0[0].load(Ordering::Relaxed)
    }
    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.0[1].load(Ordering::Relaxed)
    }
}
