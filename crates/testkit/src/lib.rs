//! What tests stand on: databases, directories, ports, processes, and a client that talks HTTP.
//!
//! Everything here cleans up after itself, also when the test process is killed, and every wait
//! has a bound and says what it waited for. Failures of the kit itself are panics with one
//! sentence, because a test has nobody to hand an error to.

pub mod both;
pub mod http;
pub mod place;
pub mod port;
pub mod postgres;
pub mod process;
pub mod project;
pub mod redis;
pub mod scratch;
pub mod wait;

pub use both::Db;
pub use port::free_port;
pub use project::Project;
pub use scratch::Scratch;
