//! Routes: what a system declares, how a request finds its handler, and the last step before it.
//!
//! A route that changes state takes a `Ctx<_, Write>` and can answer only with what `commit`
//! returns; a route that reads takes a `Ctx<_, Read>`. The compiler holds both ends. There is no
//! form of registration without an [`Access`](plimsoll_core::Access) rule.

mod answer;
mod call;
mod input;
mod routes;
mod table;

pub use answer::{Answer, Created, Empty, Json, Reply, Tagged};
pub(crate) use call::Call;
pub use call::{call, etag_of, find};
pub use input::{Document, FromSegment, Incoming, Input, Path, Query, Raw, pairs};
pub use routes::{Routes, Wiring};
pub use table::{Matched, Parameter, Route, RouteClass, RouteDoc, Table};
