//! Limits: rates, room, time.

pub mod address;
pub mod bulkhead;
pub mod rate;
pub mod shed;

/// Every meter.
#[derive(Default)]
pub struct Limits {}
