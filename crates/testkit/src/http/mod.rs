//! Talking to a server the way a stranger would: requests over plain TCP, and bytes that are no
//! requests at all.

mod client;
mod recorder;
mod redact;
mod reply;
mod wire;

pub use client::{Client, Request};
pub use recorder::{Recorder, Seen, Stage};
pub use redact::redact;
pub use reply::Reply;
pub use wire::{Wire, raw};
