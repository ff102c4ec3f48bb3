//! What a practice is, how one is attacked, and what a proof says.
//!
//! A [`Page`] is the text of a practice and its checks. A probe is a function over a [`rig::Rig`],
//! the prober's hands: it knocks at the front door of a running service and knows nothing of what
//! stands behind. The [`run`] gives each probe a rig and collects its [`Finding`]s; the [`score`]
//! and the [`report`] are made from findings alone, so the same findings give the same bytes.
//!
//! Nothing here may import the host: who attacks must not share code with who defends.

pub mod cache;
pub mod config;
pub mod detect;
pub mod eval;
pub mod fact;
pub mod history;
pub mod language;
pub mod page;
pub mod practice;
pub mod proof;
pub mod ratio;
pub mod report;
pub mod rig;
pub mod run;
pub mod score;
pub mod source;
pub mod verdict;
pub mod waiver;
pub mod wiring;

use std::{future::Future, pin::Pin};

pub use page::{Applies, Basis, Category, Check, Effort, Kind, Page, Priority, Repair};
pub use practice::{Need, Practice, Probe};
pub use rig::{Rig, Trouble};
pub use verdict::{Finding, Grade, Outcome, Status};

/// A future on the heap.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
