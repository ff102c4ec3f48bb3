//! What frameworks make of a program.

use super::link::Linker;
use crate::wiring::{Program, Wired};

/// Apps, routes, middleware, handlers and hooks of all frameworks.
pub(super) fn wire(program: &Program<'_>) -> Wired {
    let _linker = Linker::new(program);
    Wired::default()
}
