//! Where the text comes from: a folder, a commit, a remote repository; never a place that runs it.

mod tree;

pub use tree::{File, Tree};
