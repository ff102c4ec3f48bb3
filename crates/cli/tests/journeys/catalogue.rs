//! The catalogue's contract, as a client that existed before this server sees it.

mod bodies;
mod changes;
mod lists;
mod strangers;
