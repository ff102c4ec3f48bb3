//! Routes: what a system declares, how a request finds its handler, and the last step before it.
//!
//! A route that changes state takes a `Ctx<_, Write>` and can answer only with what `commit`
//! returns; a route that reads takes a `Ctx<_, Read>`. The compiler holds both ends. There is no
//! form of registration without an [`Access`](plimsoll_core::Access) rule.
//!
//! ```
//! use plimsoll::{Access, Ctx, Result, Role, Write, Committed, route::{Empty, Json, Routes}};
//! struct Notes;
//! const WRITE: Access = Access::needs("notes:write", Role::Editor);
//! async fn forget(ctx: Ctx<Notes, Write>, (): ()) -> Result<Committed<Empty>> {
//!     ctx.commit(|_| Ok(Empty)).await
//! }
//! fn routes(r: &mut Routes<'_, Notes>) {
//!     r.delete("/notes", WRITE, forget);
//! }
//! ```
//!
//! What the compiler refuses: a changing route that answers without a commit,
//!
//! ```compile_fail,E0277
//! # use plimsoll::{Access, Ctx, Result, Role, Write, route::{Empty, Routes}};
//! # struct Notes;
//! async fn forget(_: Ctx<Notes, Write>, (): ()) -> Result<Empty> { Ok(Empty) }
//! fn routes(r: &mut Routes<'_, Notes>) {
//!     r.delete("/notes", Access::needs("notes:write", Role::Editor), forget);
//! }
//! ```
//!
//! a commit in a reading route,
//!
//! ```compile_fail,E0599
//! # use plimsoll::{Ctx, Result, Committed, route::Empty};
//! # struct Notes;
//! async fn peek(ctx: Ctx<Notes>, (): ()) -> Result<Committed<Empty>> { ctx.commit(|_| Ok(Empty)).await }
//! ```
//!
//! two commits in one request,
//!
//! ```compile_fail,E0382
//! # use plimsoll::{Ctx, Result, Committed, Write, route::Empty};
//! # struct Notes;
//! async fn twice(ctx: Ctx<Notes, Write>, (): ()) -> Result<Committed<Empty>> {
//!     ctx.commit(|_| Ok(Empty)).await?;
//!     ctx.commit(|_| Ok(Empty)).await
//! }
//! ```
//!
//! a wait inside a transaction,
//!
//! ```compile_fail,E0728
//! # use plimsoll::{Ctx, Result, Committed, Write, route::Empty};
//! # struct Notes;
//! async fn slow(ctx: Ctx<Notes, Write>, (): ()) -> Result<Committed<Empty>> {
//!     ctx.commit(|_| { std::future::ready(()).await; Ok(Empty) }).await
//! }
//! ```
//!
//! a route without an access rule,
//!
//! ```compile_fail,E0061
//! # use plimsoll::{Ctx, Result, route::{Empty, Routes}};
//! # struct Notes;
//! # async fn peek(_: Ctx<Notes>, (): ()) -> Result<Empty> { Ok(Empty) }
//! fn routes(r: &mut Routes<'_, Notes>) { r.get("/notes", peek); }
//! ```
//!
//! and SQL made from a caller's text.
//!
//! ```compile_fail,E0521
//! # use plimsoll::{Ctx, Result, route::{Json, Path}, bind};
//! # struct Notes;
//! fn named(tx: &plimsoll::Tx<'_>, table: &str) -> Result<i64> { tx.row(table, bind! {}) }
//! ```

mod answer;
pub(crate) mod call;
mod deprecation;
mod input;
mod routes;
mod table;

pub(crate) use answer::json_answer;
pub use answer::{Answer, Created, Empty, Json, Reply, Tagged};
pub(crate) use call::{Call, read as read_body};
pub use call::{call, etag_of, find};
pub use deprecation::Deprecation;
pub(crate) use input::media;
pub use input::{Document, FromSegment, Incoming, Input, Path, Query, Raw, pairs};
pub use routes::{Routes, Wiring};
pub use table::{Matched, Parameter, Route, RouteClass, RouteDoc, Table};
