//! From the calls of all files to apps, routes, middleware and hooks.
use crate::wiring::{Program, Wired};
pub(super) fn wire(program: &Program<'_>) -> Wired { let _ = program; Wired::default() }
