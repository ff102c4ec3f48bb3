//! Floor 0: the vocabulary every other crate speaks.
//!
//! No input or output, no runtime, no database, no HTTP. What lives here changes rarely:
//! ids with a type ([`ids`]), the closed list of problem codes ([`code`]), errors that keep
//! the public sentence and the private cause apart ([`error`]), the only clock ([`time`]),
//! the only source of chance ([`seed`]), and who asks ([`principal`]).

pub mod code;
pub mod error;
pub mod ids;
pub mod principal;
pub mod seed;
pub mod time;

pub use code::Code;
pub use error::{Error, Fault, Result};
pub use ids::{BackupId, DrillId, ErasureId, EventId, Id, JobId, KeyId, Kind, RequestId, SessionId, TenantId, UserId, WebhookId};
pub use principal::{Access, Principal, PrincipalKind, Role};
pub use seed::Seed;
pub use time::{Clock, Time};
