//! The edge: layers that look at the request as such, one file each.

pub mod caller;
pub mod compress;
pub mod cors;
pub mod csrf;
pub mod deadline;
pub mod headers;
pub mod host;
pub mod panic;
pub mod problem;
pub mod size;
pub mod trace;

/// What the edge demands, ready to be checked.
#[derive(Default)]
pub struct Rules {}
