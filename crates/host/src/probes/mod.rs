//! Health, readiness, and the gate that keeps requests out until start-up is complete.

pub mod gate;

/// What the host knows about its own health.
#[derive(Default)]
pub struct Health {}

/// Health routes.
pub fn routes(_: &mut crate::route::Routes<'_, ()>) {}
