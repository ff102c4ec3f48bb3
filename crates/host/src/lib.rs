//! Plimsoll: what an author of a system imports.

pub mod archive;
pub mod body;
pub mod config;
pub mod ctx;
pub mod database;
pub mod edge;
pub mod exchange;
pub mod flags;
pub mod host;
pub mod identity;
pub mod json;
pub mod ledger;
pub mod limits;
pub mod manual;
pub mod openapi;
pub mod practices;
pub mod probes;
pub mod problems;
pub mod replies;
pub mod resource;
pub mod route;
pub mod server;
pub mod shape;
pub mod shared;
pub mod stack;
pub mod system;
pub mod telemetry;
pub mod upstream;
pub mod work;

pub use body::Body;
pub use ctx::{Committed, Ctx, Read, Write};
pub use host::Host;
pub use plimsoll_core::{Access, Code, Error, Fault, Id, Kind, Principal, Result, Role, Time};
pub use plimsoll_store::{FromRow, FromValue, Migration, Row, Scope, Sql, Store, Tx, bind};
pub use system::System;
